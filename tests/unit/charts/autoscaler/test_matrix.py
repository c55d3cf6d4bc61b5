"""The Job of the autoscaler chart that looks after an ASG matrix: what it runs, when again, and as whom."""

import re
from typing import Any

import pytest

from addons.autoscaler.controller.matrix_commands import parse
from tests.support.as_matrix import BASE
from tests.support.charts import (
    CHARTS,
    Object,
    Values,
    cases,
    helm,
    is_matrix,
    only,
    render,
    render_files,
    values,
    workload,
)

CHART = CHARTS / "autoscaler"
FILE = BASE.replace("cluster: prod", "cluster: example")
ONCE: Values = {"matrix": {"file": FILE}}
REMOVES: Values = {"matrix": {"file": FILE, "command": "apply", "prune": {"enabled": True}}}
ROLLS: Values = {"matrix": {"roll": {"enabled": True, "batch": 2}}}
DAILY: Values = {"matrix": {"schedule": "@daily"}}


def objects(*more: Values) -> list[Object]:
    """All of it that is rendered."""
    return [each for each in render(values(*more, chart="autoscaler"), CHART) if is_matrix(each)]


def one(kind: str, *more: Values) -> Object:
    """The one object of a kind."""
    (found,) = [each for each in objects(*more) if each["kind"] == kind]
    return found


def pod(*more: Values) -> Object:
    """The spec of its pods."""
    found = objects(*more)
    (spec,) = [
        each["spec"].get("jobTemplate", each)["spec"] for each in found if each["kind"].endswith("Job")
    ]
    template: Object = spec["template"]
    return template


def steps(*more: Values) -> list[Object]:
    """Its containers in the order in which they run."""
    spec = pod(*more)["spec"]
    return [*spec.get("initContainers", ()), *spec["containers"]]


def name(*more: Values) -> str:
    """What the Job is called that runs once."""
    return str(one("Job", *more)["metadata"]["name"])


class TestWhatRuns:
    def test_without_a_file_there_is_nothing_of_it(self) -> None:
        assert objects() == []

    def test_the_file_comes_to_the_command_as_it_was_written(self) -> None:
        data = one("ConfigMap", ONCE)["data"]
        assert data == {"matrix.yaml": FILE}
        (container,) = steps(ONCE)
        assert container["args"][2:4] == ["plan", "/etc/aws-addons-matrix/matrix.yaml"]
        volumes = {each["name"]: each for each in pod(ONCE)["spec"]["volumes"]}
        assert volumes["matrix"]["configMap"]["name"] == one("ConfigMap", ONCE)["metadata"]["name"]

    def test_a_config_map_of_somebody_else_is_taken_by_its_key(self) -> None:
        given: Values = {"matrix": {"existingConfigMap": "groups", "key": "shop.yaml"}}
        assert "ConfigMap" not in [each["kind"] for each in objects(given)]
        (source,) = [each for each in pod(given)["spec"]["volumes"] if each["name"] == "matrix"]
        items = [{"key": "shop.yaml", "path": "matrix.yaml"}]
        assert source["configMap"] == {"name": "groups", "items": items}

    def test_groups_that_are_new_are_there_before_others_go(self) -> None:
        assert [each["name"] for each in steps(REMOVES)] == ["apply", "prune"]

    def test_groups_launch_what_is_asked_for_before_they_are_rolled(self) -> None:
        assert [each["name"] for each in steps(REMOVES, ROLLS)] == ["apply", "roll", "prune"]
        asked, _ = parse(steps(REMOVES, ROLLS)[1]["args"][2:])
        assert asked.batch == 2

    def test_nothing_is_removed_unless_that_is_asked_for(self) -> None:
        assert [each["name"] for each in steps(ONCE, {"matrix": {"command": "apply"}})] == ["apply"]

    @pytest.mark.parametrize("given", [ONCE, REMOVES, {"matrix": {**REMOVES["matrix"], **DAILY["matrix"]}}])
    def test_the_command_takes_every_line_of_arguments(self, given: Values) -> None:
        for container in steps(given):
            assert container["args"][:2] == ["autoscaler", "matrix"]
            asked, settings = parse(container["args"][2:])
            assert (asked.command, asked.exits_zero) == (container["name"], True)
            assert all(each.startswith("--") for each in settings)

    def test_what_values_say_reaches_the_command(self) -> None:
        given: Values = {
            "matrix": {"parallel": 3, "prune": {"most": 12.5}},
            "extraArgs": ["--log-level=debug"],
        }
        apply, prune = (parse(each["args"][2:]) for each in steps(REMOVES, given))
        assert (apply[0].parallel, apply[0].shows_plan) == (3, True)
        assert (prune[0].most, prune[0].is_said) == (12.5, True)
        assert prune[1][-1] == "--log-level=debug"

    def test_its_settings_are_those_of_the_daemon(self) -> None:
        found = render(values(ONCE, {"config": {"dryRun": True}}, chart="autoscaler"), CHART)
        (source,) = [each for each in pod(ONCE)["spec"]["volumes"] if each["name"] == "config"]
        assert source["configMap"]["name"] == only(found, "ConfigMap")["metadata"]["name"]
        assert "dryRun: true" in only(found, "ConfigMap")["data"]["config.yaml"]


class TestWhenItRunsAgain:
    def test_the_same_values_make_the_same_job(self) -> None:
        assert name(ONCE) == name(ONCE)
        assert re.fullmatch(r"aws-autoscaler-matrix-[0-9a-f]{10}", name(ONCE))

    @pytest.mark.parametrize(
        "change",
        [
            {"matrix": {"file": FILE + "# more\n"}},
            {"matrix": {"command": "apply"}},
            {"matrix": {"trigger": "again"}},
            {"matrix": {"activeDeadlineSeconds": 60}},
            {"image": {"tag": "2"}},
            {"config": {"awsRegion": "eu-west-1"}},
            {"extraEnv": [{"name": "A", "value": "b"}]},
        ],
    )
    def test_whatever_changes_of_it_makes_another_job(self, change: Values) -> None:
        assert name(ONCE, change) != name(ONCE)

    def test_what_is_not_about_it_makes_none(self) -> None:
        other: Values = {"replicas": 1, "commonLabels": {}, "service": {"annotations": {"a": "b"}}}
        assert name(ONCE, other) == name(ONCE)

    def test_a_schedule_never_has_two_at_a_time(self) -> None:
        cron = one("CronJob", ONCE, DAILY, {"matrix": {"timeZone": "Europe/Berlin", "historyLimit": 1}})
        spec = cron["spec"]
        assert "Job" not in [each["kind"] for each in objects(ONCE, DAILY)]
        assert (spec["schedule"], spec["timeZone"]) == ("@daily", "Europe/Berlin")
        assert (spec["concurrencyPolicy"], spec["suspend"]) == ("Forbid", False)
        assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (1, 1)

    def test_names_are_not_too_long_for_a_schedule_and_a_pod(self) -> None:
        long: Values = {"fullnameOverride": "x" * 63}
        assert len(one("CronJob", ONCE, DAILY, long)["metadata"]["name"]) == 52
        assert len(name(ONCE, long)) == 63

    def test_no_job_of_a_release_goes_by_itself_as_helm_would_make_it_anew(self) -> None:
        assert "ttlSecondsAfterFinished" not in one("Job", ONCE)["spec"]


class TestFailing:
    def rules(self, *more: Values) -> dict[tuple[str, tuple[int, ...]], str]:
        """Which exit codes of which container, "" for all, have which consequence."""
        rules = one("Job", *more)["spec"]["podFailurePolicy"]["rules"]
        codes = [each for each in rules if "onExitCodes" in each]
        return {
            (each["onExitCodes"].get("containerName", ""), tuple(each["onExitCodes"]["values"])): each[
                "action"
            ]
            for each in codes
        }

    def test_a_file_with_faults_and_a_stack_that_cannot_be_made_are_not_tried_again(self) -> None:
        assert self.rules(REMOVES) == {("", (1,)): "FailJob", ("apply", (3,)): "FailJob"}
        assert self.rules(ONCE) == {("", (1,)): "FailJob", ("plan", (3,)): "FailJob"}

    def test_that_its_node_goes_is_no_failure(self) -> None:
        first: Any = one("Job", REMOVES)["spec"]["podFailurePolicy"]["rules"][0]
        assert first["action"] == "Ignore"
        assert first["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]

    def test_it_ends(self) -> None:
        spec = one("Job", REMOVES)["spec"]
        assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (5, 21600)
        assert pod(REMOVES)["spec"]["restartPolicy"] == "Never"


class TestAsWhom:
    def test_it_has_an_account_and_annotations_of_its_own(self) -> None:
        role = "eks.amazonaws.com/role-arn"
        given: Values = {
            "podAnnotations": {"iam.amazonaws.com/role": "daemon"},
            "serviceAccount": {"annotations": {role: "daemon"}},
            "matrix": {
                "serviceAccount": {"annotations": {role: "matrix"}},
                "podAnnotations": {"iam.amazonaws.com/role": "matrix"},
            },
        }
        account = one("ServiceAccount", ONCE, given)["metadata"]
        assert account["annotations"] == {role: "matrix"}
        assert pod(ONCE, given)["spec"]["serviceAccountName"] == account["name"]
        assert pod(ONCE, given)["metadata"]["annotations"] == {"iam.amazonaws.com/role": "matrix"}

    def test_its_pods_are_none_of_the_daemon_s(self) -> None:
        selector = workload(render(values(chart="autoscaler"), CHART))["spec"]["selector"]["matchLabels"]
        assert not selector.items() <= pod(ONCE)["metadata"]["labels"].items()

    def test_stacks_alone_need_no_right_in_the_cluster_and_no_token(self) -> None:
        found = objects(ONCE, {"matrix": {"command": "apply"}})
        assert not [each for each in found if "Role" in each["kind"]]
        assert pod(ONCE)["spec"]["automountServiceAccountToken"] is False

    def test_removing_needs_to_read_what_a_drain_reads_to_taint_nodes_and_to_evict(self) -> None:
        every = {
            (verb, resource)
            for rule in one("ClusterRole", REMOVES)["rules"]
            for verb in rule["verbs"]
            for resource in rule["resources"]
        }
        assert {verb for verb, _ in every} == {"create", "get", "list", "patch", "watch"}
        assert {each for each in every if each[0] in ("create", "get", "patch")} == {
            ("get", "nodes"),
            ("patch", "nodes"),
            ("create", "pods/eviction"),
        }
        (subject,) = one("ClusterRoleBinding", REMOVES)["subjects"]
        assert subject["name"] == one("ServiceAccount", REMOVES)["metadata"]["name"]
        assert pod(REMOVES)["spec"]["automountServiceAccountToken"] is True

    def test_the_rights_of_the_daemon_stay_as_they_are(self) -> None:
        def roles(*more: Values) -> list[Object]:
            found = render(values(*more, chart="autoscaler"), CHART)
            return [each for each in found if "Role" in each["kind"] and not is_matrix(each)]

        assert roles(REMOVES) == roles()

    def test_a_dry_run_takes_the_rights_with_it(self) -> None:
        found = [each for each in render(cases("autoscaler")["matrix-dry-run"], CHART) if is_matrix(each)]
        assert not [each for each in found if "Role" in each["kind"]]

    def test_access_of_ones_own_replaces_it(self) -> None:
        own: Values = {
            "rbac": {"create": False},
            "serviceAccount": {"create": False, "name": "given"},
            "matrix": {"serviceAccount": {"name": "mine"}},
        }
        assert sorted(each["kind"] for each in objects(REMOVES, own)) == ["ConfigMap", "Job"]
        assert pod(REMOVES, own)["spec"]["serviceAccountName"] == "mine"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"file": {"matrix": "shop"}}, "matrix.file is the text of the file, not what stands in it"),
        ({"file": FILE, "existingConfigMap": "a"}, "only one of them can be the file"),
        ({"file": "a: [b"}, "matrix.file is no YAML: "),
        (
            {"file": FILE.replace("example", "prod")},
            'matrix.file is of cluster "prod", and config.clusterName is "example"',
        ),
        ({"file": FILE, "prune": {"enabled": True}}, "matrix.prune.enabled needs matrix.command: apply"),
        ({"file": FILE, "roll": {"enabled": True}}, "matrix.roll.enabled needs matrix.command: apply"),
        ({"command": "apply"}, "matrix.file or matrix.existingConfigMap is required"),
        ({"schedule": "@daily"}, "matrix.file or matrix.existingConfigMap is required"),
        ({"file": FILE, "schedule": "6 o'clock"}, 'matrix.schedule: "6 o\'clock" is not five fields'),
        ({"file": FILE, "timeZone": "Europe/Berlin"}, "matrix.schedule is required for matrix.timeZone"),
        (
            {"file": FILE, "serviceAccount": {"name": "aws-autoscaler"}},
            "aws-autoscaler is the account of the daemon",
        ),
    ],
)
def test_what_cannot_work_is_refused_in_words(given: Values, complaint: str) -> None:
    with pytest.raises(helm.HelmRenderError, match=re.escape(complaint)):
        render(values({"matrix": given}, chart="autoscaler"), CHART)


def test_with_an_account_of_the_daemon_s_own_one_for_the_job_is_required() -> None:
    given: Values = {"serviceAccount": {"create": False, "name": "given"}}
    with pytest.raises(helm.HelmRenderError, match=r"matrix\.serviceAccount\.name is required"):
        objects(ONCE, given)


def test_the_notes_say_how_its_log_is_seen() -> None:
    def notes(*more: Values) -> str:
        return render_files(values(*more, chart="autoscaler"), CHART)["autoscaler/templates/NOTES.txt"]

    assert "matrix" not in notes()
    assert f"logs job/{name(ONCE)} --all-containers --prefix --follow\n" in notes(ONCE)
    assert "`apply`, then `prune` by the Job" in notes(REMOVES)
    assert 'by the CronJob aws-autoscaler-matrix, at "@daily"' in notes(ONCE, DAILY)
    assert "create job --from=cronjob/aws-autoscaler-matrix" in notes(ONCE, DAILY)
    assert "It tells and changes nothing" in notes(ONCE, {"config": {"dryRun": True}})

"""The pod of every chart: what it is given, and what no value takes away."""

import re

import pytest

from tests.support.charts import (
    APPLICATIONS,
    CHARTS,
    EVERY_CASE,
    Object,
    Values,
    cases,
    container_of,
    helm,
    installed,
    only,
    pod_of,
    render,
    values,
    workload,
)

every_chart = pytest.mark.parametrize("chart", APPLICATIONS)
every_case = pytest.mark.parametrize(("chart", "case"), EVERY_CASE)


def objects(chart: str, *more: Values) -> list[Object]:
    """What a chart renders for what must be said, and more."""
    return render(values(*more, chart=chart), CHARTS / chart)


@every_case
def test_its_root_is_read_only_and_it_gains_no_privilege_by_itself(chart: str, case: str) -> None:
    found = render(cases(chart)[case], CHARTS / chart)
    security = container_of(found)["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    if security.get("privileged"):
        assert cases(chart)[case]["privileged"] is True, "only where it is asked for"
    else:
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"]["drop"] == ["ALL"]
    assert pod_of(found)["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostPID", "hostIPC"} & pod_of(found).keys()


@every_chart
def test_it_asks_for_processor_time_and_is_never_throttled(chart: str) -> None:
    resources = container_of(objects(chart))["resources"]
    assert resources["requests"].keys() == {"cpu", "memory"}
    assert resources["limits"].keys() == {"memory"}


@every_chart
def test_a_slow_start_has_two_minutes_before_it_counts_as_a_hang(chart: str) -> None:
    probe = container_of(objects(chart))["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 120


@every_chart
def test_it_is_probed_where_it_listens(chart: str) -> None:
    found = objects(chart, {"port": 9000})
    container = container_of(found)
    assert "listen: :9000" in only(found, "ConfigMap")["data"]["config.yaml"]
    ports = {port["name"]: port["containerPort"] for port in container.get("ports", ())}
    asked = {
        probe: (container[probe]["httpGet"]["path"], container[probe]["httpGet"]["port"])
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert {probe: (path, ports.get(port, port)) for probe, (path, port) in asked.items()} == {
        "startupProbe": ("/healthz", 9000),
        "livenessProbe": ("/healthz", 9000),
        "readinessProbe": ("/readyz", 9000),
    }


@every_chart
def test_it_has_longer_to_stop_than_it_needs(chart: str) -> None:
    assert pod_of(objects(chart))["terminationGracePeriodSeconds"] > 20


@every_chart
def test_no_service_of_its_namespace_can_set_its_environment(chart: str) -> None:
    assert pod_of(objects(chart))["enableServiceLinks"] is False


@every_chart
def test_its_token_is_mounted_by_the_pod_and_not_by_the_account(chart: str) -> None:
    assert pod_of(objects(chart))["automountServiceAccountToken"] is True
    account = next(obj for obj in objects(chart) if obj["kind"] == "ServiceAccount")
    assert account["automountServiceAccountToken"] is False


@every_chart
@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({}, "r/addons:0.1.0"),
        ({"tag": "v2"}, "r/addons:v2"),
        ({"tag": "v2", "digest": "sha256:" + "a" * 64}, "r/addons@sha256:" + "a" * 64),
    ],
)
def test_a_digest_wins_over_a_tag_and_a_tag_over_the_version_of_the_chart(
    image: Values, reference: str, chart: str
) -> None:
    assert container_of(objects(chart, {"image": {"repository": "r/addons", **image}}))["image"] == reference


@every_chart
def test_an_umbrella_may_name_the_image_for_all(chart: str) -> None:
    shared = {"image": {"repository": "shared/addons", "tag": "v3"}}
    found = objects(chart, {"image": {"repository": ""}, "global": shared})
    assert container_of(found)["image"] == "shared/addons:v3"


@every_chart
def test_without_an_image_it_is_refused_in_words(chart: str) -> None:
    with pytest.raises(helm.HelmRenderError, match=r"image\.repository is required: registry and name"):
        objects(chart, {"image": {"repository": ""}})


@every_chart
def test_a_change_of_config_restarts_the_pods_and_the_version_of_the_chart_does_not(chart: str) -> None:
    def template(*more: Values) -> Object:
        found: Object = workload(objects(chart, *more))["spec"]["template"]["metadata"]
        return found

    before, after = template(), template({"config": {"logLevel": "debug"}})
    assert re.fullmatch(r"[0-9a-f]{64}", before["annotations"]["checksum/config"])
    assert before["annotations"] != after["annotations"]
    assert before["labels"].keys().isdisjoint({"helm.sh/chart", "app.kubernetes.io/version"})


@every_chart
def test_annotations_of_the_user_do_not_replace_ours(chart: str) -> None:
    metadata = workload(render(cases(chart)["full"], CHARTS / chart))["spec"]["template"]["metadata"]
    assert metadata["annotations"]["note"] == "yes"
    assert re.fullmatch(r"[0-9a-f]{64}", metadata["annotations"]["checksum/config"])
    assert (metadata["labels"]["color"], metadata["labels"]["app.kubernetes.io/instance"]) == ("blue", "aws")


@every_case
def test_every_mount_has_its_volume(chart: str, case: str) -> None:
    found = render(cases(chart)[case], CHARTS / chart)
    mounts = [mount["name"] for mount in container_of(found)["volumeMounts"]]
    assert sorted(mounts) == sorted(volume["name"] for volume in pod_of(found)["volumes"])
    assert len(set(mounts)) == len(mounts)
    assert {"config", "tmp"} <= set(mounts)


@every_chart
def test_the_escape_hatches_reach_the_container(chart: str) -> None:
    more: Values = {
        "extraArgs": ["--log-level=debug"],
        "extraEnv": [{"name": "A", "value": "b"}],
        "extraEnvFrom": [{"secretRef": {"name": "c"}}],
        "extraVolumes": [{"name": "d", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "d", "mountPath": "/d"}],
        "imagePullSecrets": [{"name": "e"}],
    }
    found = objects(chart, more)
    container = container_of(found)
    assert container["args"][-1] == "--log-level=debug"
    assert (container["env"][-1:], container["envFrom"]) == (more["extraEnv"], more["extraEnvFrom"])
    assert container["volumeMounts"][-1:] == more["extraVolumeMounts"]
    assert pod_of(found)["volumes"][-1:] == more["extraVolumes"]
    assert pod_of(found)["imagePullSecrets"] == more["imagePullSecrets"]


@every_chart
def test_it_may_run_anywhere_when_nothing_says_where(chart: str) -> None:
    found = pod_of(render(cases(chart)["no-scheduling"], CHARTS / chart))
    assert not {"priorityClassName", "nodeSelector", "tolerations"} & found.keys()


@every_chart
def test_an_affinity_replaces_the_default(chart: str) -> None:
    mine: Values = {"nodeAffinity": {}}
    assert pod_of(objects(chart, {"affinity": mine}))["affinity"] == mine


@every_chart
def test_the_pod_takes_what_pods_take(chart: str) -> None:
    more: Values = {
        "terminationGracePeriodSeconds": 60,
        "dnsPolicy": "Default",
        "dnsConfig": {"options": [{"name": "ndots", "value": "1"}]},
        "hostAliases": [{"ip": "192.0.2.1", "hostnames": ["sts.example.org"]}],
    }
    before = {"name": "before", "image": "x"}
    found = pod_of(objects(chart, more, {"initContainers": [before]}))
    assert {key: found[key] for key in more} == more
    assert found["initContainers"][-1] == before


@every_chart
def test_containers_of_the_user_stand_beside_the_daemon(chart: str) -> None:
    beside = {"name": "beside", "image": "x"}
    containers = pod_of(objects(chart, {"extraContainers": [beside]}))["containers"]
    assert [container["name"] for container in containers] == [chart, "beside"]
    assert containers[1] == beside


@every_chart
def test_lines_of_the_security_contexts_are_replaced_one_by_one(chart: str) -> None:
    more: Values = {
        "podSecurityContext": {"runAsUser": None, "fsGroup": 2000},
        "securityContext": {"readOnlyRootFilesystem": False},
    }
    before, after = objects(chart), objects(chart, more)
    expected = {**pod_of(before)["securityContext"], "fsGroup": 2000}
    del expected["runAsUser"]
    assert pod_of(after)["securityContext"] == expected
    unlocked = {**container_of(before)["securityContext"], "readOnlyRootFilesystem": False}
    assert container_of(after)["securityContext"] == unlocked


@every_chart
def test_workload_service_and_account_take_annotations_and_labels(chart: str) -> None:
    found = installed(render(cases(chart)["full"], CHARTS / chart))
    for obj in (workload(found), only(found, "Service")):
        assert obj["metadata"]["annotations"] == {"note": "yes"}
    assert only(found, "ServiceAccount")["metadata"]["labels"]["color"] == "blue"
    assert workload(found)["spec"]["revisionHistoryLimit"] == 1


@every_chart
def test_secrets_for_the_registry_may_be_shared(chart: str) -> None:
    more: Values = {"imagePullSecrets": [{"name": "a"}], "global": {"imagePullSecrets": [{"name": "b"}]}}
    assert pod_of(objects(chart, more))["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]


@pytest.mark.parametrize("chart", ["albingress", "autoscaler", "dns"])
def test_pods_may_be_replaced_all_at_once(chart: str) -> None:
    """As external-dns is by its chart's default; the API server refuses `rollingUpdate` beside it."""
    assert workload(objects(chart, {"strategy": {"type": "Recreate"}}))["spec"]["strategy"] == {
        "type": "Recreate"
    }


@pytest.mark.parametrize("chart", ["albingress", "autoscaler", "dns"])
def test_what_is_said_of_rolling_updates_is_merged_with_the_defaults(chart: str) -> None:
    found = workload(objects(chart, {"strategy": {"rollingUpdate": {"maxSurge": 2}}}))["spec"]["strategy"]
    assert found == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 1}}

"""What the iamproxy chart does at an uninstall: a Job that may change one DaemonSet, and words about it."""

import pytest

from tests.support.charts import CHARTS, Object, Values, is_hook, only, render, render_files, values

CHART = CHARTS / "iamproxy"
ALL_KINDS = ["Job", "Role", "RoleBinding", "ServiceAccount"]
LONG = "a-name-of-as-many-characters-as-a-name-may-have-which-are-sixty"


def objects(*more: Values) -> list[Object]:
    """All that the chart renders."""
    return render(values(*more, chart="iamproxy"), CHART)


def hooks(*more: Values) -> list[Object]:
    """What is made at an uninstall."""
    return [obj for obj in objects(*more) if is_hook(obj, "pre-delete")]


def annotation(obj: Object, name: str) -> str:
    """What an object tells Helm."""
    return str(obj["metadata"]["annotations"].get(f"helm.sh/{name}", ""))


def pod(*more: Values) -> Object:
    """The spec of the Job's pod."""
    spec: Object = only(hooks(*more), "Job")["spec"]["template"]["spec"]
    return spec


def notes(*more: Values) -> str:
    """What Helm prints after an install."""
    return render_files(values(*more, chart="iamproxy"), CHART)["iamproxy/templates/NOTES.txt"]


def test_everything_of_it_is_made_before_the_release_is_deleted_its_rights_first() -> None:
    found = hooks()
    assert sorted(obj["kind"] for obj in found) == ALL_KINDS
    assert {annotation(obj, "hook") for obj in found} == {"pre-delete"}
    weights = {obj["kind"]: int(annotation(obj, "hook-weight") or 0) for obj in found}
    assert all(weights["Job"] > weights[kind] for kind in ALL_KINDS if kind != "Job")


def test_its_rights_go_whatever_became_of_it_and_its_log_stays_when_it_failed() -> None:
    for obj in hooks():
        policies = set(annotation(obj, "hook-delete-policy").split(","))
        keeps = {"hook-failed"} if obj["kind"] == "Job" else set()
        assert policies == {"before-hook-creation", "hook-succeeded", "hook-failed"} - keeps
    assert annotation(only(hooks(), "Job"), "hook-output-log-policy") == "hook-failed"


def test_it_may_read_and_change_the_one_daemon_set_and_nothing_else() -> None:
    found = hooks({"fullnameOverride": "names"})
    assert only(found, "Role")["rules"] == [
        {
            "apiGroups": ["apps"],
            "resources": ["daemonsets"],
            "resourceNames": ["names"],
            "verbs": ["get", "patch"],
        }
    ]
    binding, account = only(found, "RoleBinding"), only(found, "ServiceAccount")["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": "kube-system"}]
    assert binding["roleRef"]["name"] == only(found, "Role")["metadata"]["name"]
    assert pod({"fullnameOverride": "names"})["serviceAccountName"] == account
    assert account != only(objects(), "DaemonSet")["spec"]["template"]["spec"]["serviceAccountName"]


def test_with_an_account_of_ones_own_the_job_has_that_one() -> None:
    own: Values = {"rbac": {"create": False}, "serviceAccount": {"create": False, "name": "given"}}
    assert [obj["kind"] for obj in hooks(own)] == ["Job"]
    assert pod(own)["serviceAccountName"] == "given"
    bound = only(hooks({"serviceAccount": {"create": False, "name": "given"}}), "RoleBinding")
    assert [subject["name"] for subject in bound["subjects"]] == ["given"]


def test_the_job_names_the_daemon_set_of_the_release() -> None:
    (container,) = pod({"fullnameOverride": "names"})["containers"]
    assert container["args"] == ["iamproxy", "cleanup", "--daemonset=kube-system/names", "--timeout=4m"]
    daemon = only(objects({"fullnameOverride": "names"}), "DaemonSet")
    assert daemon["metadata"]["name"] == "names"
    assert container["image"] == daemon["spec"]["template"]["spec"]["containers"][0]["image"]


def test_the_job_ends_before_helm_gives_up_and_is_not_repeated_in_vain() -> None:
    spec = only(hooks(), "Job")["spec"]
    assert 240 < spec["activeDeadlineSeconds"] < 300, "its own time-out, and Helm's"
    codes = [rule["onExitCodes"]["values"] for rule in spec["podFailurePolicy"]["rules"]]
    assert (codes, spec["template"]["spec"]["restartPolicy"]) == ([[2, 3]], "Never")


def test_its_pod_needs_nothing_of_its_node_and_runs_on_any() -> None:
    found = pod()
    (container,) = found["containers"]
    assert "hostNetwork" not in found
    assert found["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert found["tolerations"] == [{"operator": "Exists"}]
    assert found["nodeSelector"] == {"kubernetes.io/os": "linux"}


def test_what_is_given_to_the_daemon_s_container_is_given_to_its_container_too() -> None:
    extra: Values = {
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "proxy"}],
        "extraEnvFrom": [{"secretRef": {"name": "more"}}],
        "extraVolumes": [{"name": "more", "secret": {"secretName": "more"}}],
        "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    }
    (container,) = pod(extra)["containers"]
    assert (container["env"], container["envFrom"]) == (extra["extraEnv"], extra["extraEnvFrom"])
    assert container["volumeMounts"][-1:] == extra["extraVolumeMounts"]
    assert pod(extra)["volumes"][-1:] == extra["extraVolumes"]


def test_its_pod_is_none_of_the_daemon_set_whatever_labels_are_given() -> None:
    for more in ({}, {"podLabels": {"app.kubernetes.io/name": "iamproxy"}}):
        labels = only(hooks(more), "Job")["spec"]["template"]["metadata"]["labels"]
        selector = only(objects(more), "DaemonSet")["spec"]["selector"]["matchLabels"]
        assert not selector.items() <= labels.items()


def test_its_name_fits_into_a_label() -> None:
    assert len(LONG) == 63
    name = only(hooks({"fullnameOverride": LONG}), "Job")["metadata"]["name"]
    assert (len(name), name[-8:]) == (63, "-cleanup")


@pytest.mark.parametrize(
    "more",
    [{"cleanup": {"enabled": False}}, {"config": {"interceptor": "none"}}],
    ids=["unwanted", "vain"],
)
def test_it_is_not_there_where_it_is(more: Values) -> None:
    assert hooks(more) == []


def test_the_notes_say_that_pods_will_see_the_node() -> None:
    assert "FROM THEN ON PODS SEE THE METADATA OF\nTHEIR NODE" in notes()
    assert "addons iamproxy cleanup" not in notes()


def test_the_notes_say_that_the_redirect_stays_and_how_it_goes() -> None:
    text = notes({"cleanup": {"enabled": False}})
    assert "\n\n`helm uninstall aws -n kube-system` leaves the redirect on every node, on purpose" in text
    assert text.rstrip().endswith("addons iamproxy cleanup")


def test_where_others_redirect_the_notes_say_nothing_of_it() -> None:
    assert "uninstall" not in notes({"config": {"interceptor": "none"}})

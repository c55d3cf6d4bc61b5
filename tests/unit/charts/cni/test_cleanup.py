"""What the cni chart does at an uninstall: a Job that may take a taint away from nodes, and nothing else."""

import pytest

from tests.support.charts import CHARTS, Object, Values, is_hook, only, render, values

KINDS = ["ClusterRole", "ClusterRoleBinding", "Job", "ServiceAccount"]


def objects(*more: Values) -> list[Object]:
    """All that the chart renders."""
    return render(values(*more, chart="cni"), CHARTS / "cni")


def hooks(*more: Values) -> list[Object]:
    """What is made after all else is deleted."""
    return [obj for obj in objects(*more) if is_hook(obj, "post-delete")]


def pod(*more: Values) -> Object:
    """The spec of the Job's pod."""
    spec: Object = only(hooks(*more), "Job")["spec"]["template"]["spec"]
    return spec


def test_all_of_it_is_made_when_the_daemons_have_no_rights_any_more_its_own_rights_first() -> None:
    found = hooks()
    assert sorted(obj["kind"] for obj in found) == KINDS
    weights = {obj["kind"]: int(annotation(obj, "hook-weight") or 0) for obj in found}
    assert all(weights["Job"] > weights[kind] for kind in KINDS if kind != "Job")


def test_its_rights_go_whatever_became_of_it() -> None:
    for obj in hooks():
        policies = set(annotation(obj, "hook-delete-policy").split(","))
        assert {"before-hook-creation", "hook-succeeded"} <= policies
        assert ("hook-failed" in policies) == (obj["kind"] != "Job"), "its log is read when it failed"


def annotation(obj: Object, name: str) -> str:
    """What an object tells Helm."""
    return str(obj["metadata"]["annotations"].get(f"helm.sh/{name}", ""))


def test_it_may_list_and_change_nodes_and_nothing_else() -> None:
    found = hooks()
    role, binding = only(found, "ClusterRole"), only(found, "ClusterRoleBinding")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "patch"]}]
    account = only(found, "ServiceAccount")["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": "kube-system"}]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert pod()["serviceAccountName"] == account
    daemon = only(objects(), "DaemonSet")["spec"]["template"]["spec"]
    assert daemon["serviceAccountName"] != account


def test_with_an_account_of_ones_own_the_job_has_that_one() -> None:
    own: Values = {
        "rbac": {"create": False},
        "serviceAccount": {"create": False, "name": "given"},
        "webhook": {"serviceAccountName": "given"},
    }
    assert [obj["kind"] for obj in hooks(own)] == ["Job"]
    assert pod(own)["serviceAccountName"] == "given"


def test_its_pod_needs_no_network_of_its_own_and_no_node_without_taints() -> None:
    found = pod()
    (container,) = found["containers"]
    assert container["args"] == ["cni", "cleanup", "--timeout=4m"]
    assert (found["hostNetwork"], found["tolerations"]) == (True, [{"operator": "Exists"}])
    assert found["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_two_releases_of_one_name_in_two_namespaces_do_not_share_its_rights() -> None:
    found = [render(values(chart="cni"), CHARTS / "cni", namespace=each) for each in ("here", "there")]
    here, there = (
        {obj["metadata"]["name"] for obj in objects if is_hook(obj) and obj["kind"].startswith("ClusterRole")}
        for objects in found
    )
    assert here.isdisjoint(there)


@pytest.mark.parametrize(
    "more",
    [{"cleanup": {"enabled": False}}, {"config": {"exhaustionTaint": False}}],
    ids=["unwanted", "vain"],
)
def test_it_is_not_there_where_it_is(more: Values) -> None:
    assert hooks(more) == []

"""What `helm test` runs for iamproxy: a pod that asks for credentials like those of users."""

from tests.support.charts import CHARTS, Object, Values, is_hook, only, render, values

KEY = "iam.amazonaws.com/role"


def pod(*more: Values) -> Object:
    """The pod of the test."""
    objects = render(values(*more, chart="iamproxy"), CHARTS / "iamproxy")
    return only([obj for obj in objects if is_hook(obj, "test")], "Pod")


def args(*more: Values) -> list[str]:
    """What its container is told to do."""
    found: list[str] = pod(*more)["spec"]["containers"][0]["args"]
    return found


def test_without_a_role_it_is_to_be_told_that_it_gets_none() -> None:
    assert args() == ["iamproxy", "ask", "--no-role"]
    assert KEY not in pod()["metadata"]["annotations"]


def test_it_asks_for_the_role_that_it_is_given() -> None:
    given: Values = {"test": {"role": "team/web"}, "config": {"defaultRole": "other"}}
    assert args(given) == ["iamproxy", "ask", "--role=team/web"]
    assert pod(given)["metadata"]["annotations"][KEY] == "team/web"


def test_its_annotation_is_the_one_that_the_daemon_reads() -> None:
    given: Values = {"test": {"role": "web"}, "config": {"iamRoleKey": "example.org/role"}}
    annotations = pod(given)["metadata"]["annotations"]
    assert annotations["example.org/role"] == "web"
    assert KEY not in annotations


def test_without_one_it_is_to_get_the_default_role() -> None:
    given: Values = {"config": {"defaultRole": "web"}}
    assert args(given) == ["iamproxy", "ask", "--role=web"]
    assert KEY not in pod(given)["metadata"]["annotations"]


def test_it_is_in_a_network_of_its_own_and_has_no_rights() -> None:
    spec = pod({"privileged": True})["spec"]
    assert not spec.get("hostNetwork")
    assert spec["automountServiceAccountToken"] is False
    assert spec["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert spec["securityContext"]["runAsNonRoot"] is True

"""What a new pod is given so that the scheduler counts its address."""

from typing import Any

import pytest

from addons.cni.desired.pod_limits import limit_patch

ONE = {"aws-addons.io/pod-ip": "1"}


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(containers), **spec}}


def patched(pod: dict[str, Any]) -> dict[str, Any]:
    """The resources of the first container when the patch is carried out, as an API server does."""
    resources = dict(pod["spec"]["containers"][0].get("resources") or {})
    for step in limit_patch(pod):
        assert step["op"] == "add"
        _, _, _, _, _, *rest = step["path"].split("/")
        match [part.replace("~1", "/") for part in rest]:
            case []:
                resources = dict(step["value"])
            case [kind]:
                resources[kind] = step["value"]
            case [kind, name]:
                resources[kind] = {**resources[kind], name: step["value"]}
    return resources


def test_a_pod_without_resources_gets_a_limit_and_the_same_request() -> None:
    assert patched(pod({"name": "a"})) == {"limits": ONE, "requests": ONE}


def test_what_the_container_has_already_stays() -> None:
    given = {"limits": {"cpu": "1"}, "requests": {"cpu": "1", "memory": "1Gi"}}
    assert patched(pod({"name": "a", "resources": given})) == {
        "limits": {"cpu": "1", **ONE},
        "requests": {"cpu": "1", "memory": "1Gi", **ONE},
    }


def test_a_container_with_requests_alone_gets_limits_of_its_own() -> None:
    given = {"requests": {"cpu": "1"}}
    assert patched(pod({"name": "a", "resources": given}))["limits"] == ONE


def test_only_the_first_container_is_changed() -> None:
    paths = [step["path"] for step in limit_patch(pod({"name": "a"}, {"name": "b"}))]
    assert paths == ["/spec/containers/0/resources"]


@pytest.mark.parametrize("kind", ["limits", "requests"])
@pytest.mark.parametrize("where", ["containers", "initContainers"])
def test_a_pod_that_says_something_of_it_itself_is_left_alone(where: str, kind: str) -> None:
    said = {"name": "b", "resources": {kind: {"aws-addons.io/pod-ip": "2"}}}
    spec: dict[str, list[Any]] = {"containers": [{"name": "a"}], "initContainers": []}
    spec[where] = [*spec[where], said]
    assert limit_patch({"spec": spec}) == []


def test_a_pod_of_the_hosts_network_needs_no_address() -> None:
    assert limit_patch(pod({"name": "a"}, hostNetwork=True)) == []


def test_null_means_absent() -> None:
    assert patched(pod({"name": "a", "resources": None}, initContainers=None)) == {
        "limits": ONE,
        "requests": ONE,
    }


def test_a_second_time_changes_nothing() -> None:
    once = {"name": "a", "resources": patched(pod({"name": "a"}))}
    assert limit_patch(pod(once)) == []

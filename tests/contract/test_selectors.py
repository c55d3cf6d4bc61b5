"""Which objects a label or field selector picks, and which selectors are refused."""

import pytest

from tests.support.api import Api, config_map, pod

BY_LABEL = [
    ("tier=front", ["a", "b"]),
    ("tier==front", ["a", "b"]),
    ("tier!=front", ["c", "d"]),
    ("tier in (front,back)", ["a", "b", "c"]),
    ("tier notin (front)", ["c", "d"]),
    ("tier", ["a", "b", "c"]),
    ("!tier", ["d"]),
    ("tier=front,zone=1", ["a"]),
    ("size>5", ["b"]),
    ("size<5", ["a"]),
    ("zone=", ["c"]),
]


@pytest.mark.parametrize(("selector", "expected"), BY_LABEL)
async def test_labels_select(api: Api, selector: str, expected: list[str]) -> None:
    labels = {
        "a": {"tier": "front", "zone": "1", "size": "3"},
        "b": {"tier": "front", "zone": "2", "size": "7"},
        "c": {"tier": "back", "zone": ""},
        "d": {},
    }
    for name, pairs in labels.items():
        await api.made("secrets", {"metadata": {"name": name, "labels": pairs}})
    reply = await api.get(api.path("secrets"), labelSelector=selector)
    assert reply.names == expected


@pytest.mark.parametrize("selector", ["tier in", "tier=(a", "=x", "tier>many", "a b"])
async def test_a_label_selector_that_is_not_one_is_a_bad_request(api: Api, selector: str) -> None:
    reply = await api.get(api.path("secrets"), labelSelector=selector)
    assert (reply.status, reply.reason) == (400, "BadRequest")


async def test_pods_are_selected_by_node_and_phase(api: Api) -> None:
    await api.made("pods", pod("a", node="n1"))
    await api.made("pods", pod("b", node="n2"))
    await api.patch(api.path("pods", "b") + "/status", {"status": {"phase": "Running"}})
    path = api.path("pods")
    assert (await api.get(path, fieldSelector="spec.nodeName=n1")).names == ["a"]
    assert (await api.get(path, fieldSelector="spec.nodeName!=n1")).names == ["b"]
    assert (await api.get(path, fieldSelector="status.phase=Running")).names == ["b"]
    assert (await api.get(path, fieldSelector="spec.nodeName=n1,status.phase=Running")).names == []


async def test_every_kind_is_selected_by_name_and_namespace(api: Api) -> None:
    await api.made("configmaps", config_map("a"))
    reply = await api.get(
        "/api/v1/configmaps", fieldSelector=f"metadata.name=a,metadata.namespace={api.namespace}"
    )
    assert reply.names == ["a"]


async def test_events_are_selected_by_what_they_are_about(api: Api) -> None:
    for name, about in (("e1", "web"), ("e2", "db")):
        involved = {"kind": "Service", "namespace": api.namespace, "name": about}
        body = {
            "metadata": {"name": name},
            "involvedObject": involved,
            "type": "Warning",
            "reason": "Because",
        }
        await api.made("events", body)
    path = api.path("events")
    assert (await api.get(path, fieldSelector="involvedObject.name=web,type=Warning")).names == ["e1"]
    assert (await api.get(path, fieldSelector="reason=Because")).names == ["e1", "e2"]


@pytest.mark.parametrize("selector", ["spec.image=x", "nonsense"])
async def test_a_field_that_the_server_does_not_index_is_a_bad_request(api: Api, selector: str) -> None:
    reply = await api.get(api.path("pods"), fieldSelector=selector)
    assert (reply.status, reply.reason) == (400, "BadRequest")

"""Patches that the contract does not reach: directives of strategic merge, and fields with several owners."""

from typing import Any

import pytest

from addons.sim.kubeapi.apply import apply_patch
from addons.sim.kubeapi.patch import json_patch, strategic_patch
from addons.sim.kubeapi.protobuf import decode
from addons.sim.kubeapi.resources import BUILT_IN, Resource
from addons.sim.kubeapi.status import StatusError
from addons.sim.kubeapi.structure import Structure

Object = dict[str, Any]


def resource(plural: str) -> Resource:
    return next(found for found in BUILT_IN if found.plural == plural)


class TestStrategic:
    """Lists with a key merge item by item; directives say what else shall happen."""

    def patched(self, target: Object, patch: Object) -> Any:
        return strategic_patch(Structure(resource("pods")), target, patch)

    def test_items_of_the_patch_come_in_its_order_and_the_rest_keeps_its_place(self) -> None:
        target = {"containers": [{"name": n, "image": "1"} for n in "abc"]}
        result = self.patched(target, {"containers": [{"name": "new"}, {"name": "b", "image": "2"}]})
        assert [(c["name"], c.get("image")) for c in result["containers"]] == [
            ("new", None),
            ("a", "1"),
            ("b", "2"),
            ("c", "1"),
        ]

    def test_an_item_is_deleted_by_directive(self) -> None:
        target = {"containers": [{"name": "a"}, {"name": "b"}]}
        result = self.patched(target, {"containers": [{"name": "a", "$patch": "delete"}]})
        assert result == {"containers": [{"name": "b"}]}

    def test_a_list_is_replaced_by_directive(self) -> None:
        target = {"containers": [{"name": "a"}, {"name": "b"}]}
        result = self.patched(target, {"containers": [{"$patch": "replace"}, {"name": "c"}]})
        assert result == {"containers": [{"name": "c"}]}

    def test_a_map_is_replaced_by_directive(self) -> None:
        result = self.patched({"labels": {"a": "1"}}, {"labels": {"$patch": "replace", "b": "2"}})
        assert result == {"labels": {"b": "2"}}

    def test_values_leave_a_set_by_directive(self) -> None:
        result = self.patched({"finalizers": ["a", "b"]}, {"$deleteFromPrimitiveList/finalizers": ["a"]})
        assert result == {"finalizers": ["b"]}

    def test_the_order_is_set_by_directive(self) -> None:
        target = {"containers": [{"name": "a"}, {"name": "b"}]}
        order = [{"name": "b"}, {"name": "a"}]
        result = self.patched(target, {"$setElementOrder/containers": order})
        assert [c["name"] for c in result["containers"]] == ["b", "a"]

    def test_other_keys_go_by_directive(self) -> None:
        target = {"strategy": {"type": "RollingUpdate", "rollingUpdate": {}}}
        result = self.patched(target, {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}})
        assert result == {"strategy": {"type": "Recreate"}}

    def test_a_list_without_a_key_is_replaced(self) -> None:
        assert self.patched({"args": ["a", "b"]}, {"args": ["c"]}) == {"args": ["c"]}


class TestJsonPatch:
    """RFC 6902."""

    def test_all_operations(self) -> None:
        operations = [
            {"op": "add", "path": "/list/-", "value": 3},
            {"op": "add", "path": "/list/0", "value": 0},
            {"op": "copy", "from": "/list", "path": "/copy"},
            {"op": "move", "from": "/a~1b", "path": "/moved"},
            {"op": "replace", "path": "/copy/1", "value": 9},
            {"op": "remove", "path": "/list/1"},
            {"op": "test", "path": "/copy", "value": [0, 9, 3]},
        ]
        result = json_patch({"list": [1], "a/b": 1}, operations)
        assert result == {"list": [0, 3], "copy": [0, 9, 3], "moved": 1}

    @pytest.mark.parametrize(
        "operation",
        [
            {"op": "replace", "path": "/absent", "value": 1},
            {"op": "remove", "path": "/absent"},
            {"op": "add", "path": "/list/9", "value": 1},
            {"op": "test", "path": "/list", "value": []},
            {"op": "leap", "path": "/list"},
        ],
    )
    def test_what_does_not_fit_is_refused(self, operation: Object) -> None:
        with pytest.raises(StatusError) as refused:
            json_patch({"list": [1]}, [operation])
        assert refused.value.code == 422


class TestApply:
    """An object is what its managers asked for together."""

    SERVICES = resource("services")

    def applied(self, live: Object, manager: str, ports: list[Object], *, force: bool = False) -> Object:
        config = {"metadata": {"name": "a"}, "spec": {"ports": ports}}
        return apply_patch(
            self.SERVICES, live, config, manager=manager, force=force, now="2026-01-02T03:04:05Z"
        )

    def test_items_that_a_manager_no_longer_names_go(self) -> None:
        live = self.applied({"metadata": {"name": "a"}}, "one", [{"port": 1}, {"port": 2}])
        live = self.applied(live, "two", [{"port": 3}])
        live = self.applied(live, "one", [{"port": 2}])
        assert live["spec"]["ports"] == [{"port": 2}, {"port": 3}]

    def test_an_item_that_another_manager_names_stays(self) -> None:
        live = self.applied({"metadata": {"name": "a"}}, "one", [{"port": 1}])
        live = self.applied(live, "two", [{"port": 1}])
        live = self.applied(live, "one", [])
        assert live["spec"]["ports"] == [{"port": 1}]

    def test_a_contested_field_is_named(self) -> None:
        live = self.applied({"metadata": {"name": "a"}}, "one", [{"port": 1, "name": "x"}])
        with pytest.raises(StatusError) as refused:
            self.applied(live, "two", [{"port": 1, "name": "y"}])
        assert refused.value.message == (
            'Apply failed with 1 conflict: conflict with "one": .spec.ports[port=1,protocol="TCP"].name'
        )

    def test_force_takes_it_over(self) -> None:
        live = self.applied({"metadata": {"name": "a"}}, "one", [{"port": 1, "name": "x"}])
        live = self.applied(live, "two", [{"port": 1, "name": "y"}], force=True)
        owners = {entry["manager"]: str(entry["fieldsV1"]) for entry in live["metadata"]["managedFields"]}
        assert live["spec"]["ports"] == [{"port": 1, "name": "y"}]
        assert ("f:name" in owners["one"], "f:name" in owners["two"]) == (False, True)


class TestProtobuf:
    """The envelope in which Helm writes its Secrets."""

    def test_a_secret_is_read(self) -> None:
        metadata = b"\x0a\x01a\x5a\x06\x0a\x01k\x12\x01v"
        secret = (
            b"\x0a" + bytes([len(metadata)]) + metadata + b"\x12\x06\x0a\x01n\x12\x011" + b"\x1a\x06Opaque"
        )
        envelope = b"\x0a\x0c\x0a\x02v1\x12\x06Secret" + b"\x12" + bytes([len(secret)]) + secret
        assert decode(b"k8s\0" + envelope) == {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "a", "labels": {"k": "v"}},
            "data": {"n": "MQ=="},
            "type": "Opaque",
        }

    @pytest.mark.parametrize("raw", [b"{}", b"k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod", b"k8s\0\x0a\xff"])
    def test_anything_else_is_a_bad_request(self, raw: bytes) -> None:
        with pytest.raises(StatusError) as refused:
            decode(raw)
        assert refused.value.code == 400

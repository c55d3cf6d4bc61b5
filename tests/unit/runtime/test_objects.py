"""Kubernetes objects: what is read, what is tolerated, what they are called."""

import gc
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from addons.runtime.decoding import content_of, decode, with_content
from addons.runtime.objects import PODS, KubeObject, Lease, key, ref
from addons.runtime.outcomes import ObjectRef
from tests.support.objects import INGRESSES, NODES, Ingress, Service

META = {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7"}


def read(type_: type[Any], **fields: Any) -> Any:
    return decode(json.dumps({"metadata": META, **fields}).encode(), type_)


class TestPaths:
    """Where the API server keeps a resource."""

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            (PODS.path(), "/api/v1/pods"),
            (PODS.path("shop"), "/api/v1/namespaces/shop/pods"),
            (PODS.path("shop", "web", "eviction"), "/api/v1/namespaces/shop/pods/web/eviction"),
            (INGRESSES.path("shop", "web"), "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web"),
            (NODES.path("", "n1"), "/api/v1/nodes/n1"),
            (NODES.path("ignored", "n1"), "/api/v1/nodes/n1"),
        ],
    )
    def test_path(self, path: str, expected: str) -> None:
        assert path == expected

    def test_names(self) -> None:
        assert (PODS.api_version, str(PODS)) == ("v1", "pods")
        assert INGRESSES.api_version == "networking.k8s.io/v1"
        assert str(INGRESSES) == "ingresses.networking.k8s.io"


class TestReading:
    """What every object has, under names of our own style."""

    def test_metadata(self) -> None:
        owner = {"kind": "ReplicaSet", "name": "web", "uid": "r", "controller": True}
        meta = {
            **META,
            "labels": {"app": "web"},
            "generation": 3,
            "creationTimestamp": "2026-01-02T03:04:05Z",
        }
        found = read(KubeObject, metadata={**meta, "ownerReferences": [{"name": "x"}, owner]}).metadata
        assert (found.uid, found.resource_version, found.generation) == ("u1", "7", 3)
        assert (found.labels, found.annotations) == ({"app": "web"}, {})
        assert found.creation_timestamp == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        assert found.controller.kind == "ReplicaSet"

    def test_kubectls_copy_of_an_object_is_not_kept(self) -> None:
        copy = {"kubectl.kubernetes.io/last-applied-configuration": "{…}", "a": "b"}
        assert read(KubeObject, metadata={**META, "annotations": copy}).metadata.annotations == {"a": "b"}

    def test_what_many_objects_say_alike_is_kept_once(self) -> None:
        texts = {"app.kubernetes.io/managed-by": "a controller"}
        one, other = (
            read(KubeObject, metadata={**META, "labels": texts, "annotations": texts}).metadata for _ in "12"
        )
        assert one.namespace is other.namespace
        for mine, theirs in zip(one.labels.items(), other.labels.items(), strict=True):
            assert (mine[0] is theirs[0], mine[1] is theirs[1]) == (True, True)
        assert next(iter(one.annotations)) is next(iter(other.annotations))

    def test_an_object_without_an_owner_has_no_controller(self) -> None:
        assert read(KubeObject).metadata.controller is None

    def test_lease(self) -> None:
        lease = read(Lease, spec={"holderIdentity": "a", "renewTime": "2026-01-02T03:04:05.000006Z"})
        assert lease.spec.renew_time.microsecond == 6


class TestNull:
    """Null means absent, wherever it stands."""

    @pytest.mark.parametrize("type_", [Service, Ingress, Lease])
    def test_everything_may_be_null(self, type_: type[Any]) -> None:
        nulls = dict.fromkeys(("spec", "status"))
        meta = {
            **META,
            "labels": None,
            "annotations": None,
            "ownerReferences": None,
            "creationTimestamp": None,
        }
        assert read(type_, metadata=meta, **nulls) == read(type_)

    def test_deep_inside_and_in_lists(self) -> None:
        service = read(
            Service, spec={"ports": [None, {"port": 80, "name": None}], "selector": {"a": None, "b": "c"}}
        )
        assert [port.port for port in service.spec.ports] == [80]
        assert service.spec.selector == {"b": "c"}

    @pytest.mark.parametrize("spec", [{"ports": "none"}, {"ports": [{"port": "80"}]}, 5])
    def test_a_wrong_type_is_still_an_error(self, spec: Any) -> None:
        with pytest.raises(msgspec.ValidationError):
            read(Service, spec=spec)

    @pytest.mark.parametrize("data", [b"{", b'{"metadata":{"name":"\xff"}}'])
    def test_what_is_not_json_is_an_error(self, data: bytes) -> None:
        with pytest.raises(msgspec.DecodeError):
            decode(data, Service)


class TestNaming:
    """How messages and caches call an object."""

    def test_ref(self) -> None:
        named = ref(read(Ingress))
        assert named == ObjectRef("Ingress", "shop", "web")
        assert (named.uid, named.api_version, str(named)) == (
            "u1",
            "networking.k8s.io/v1",
            "ingress/shop/web",
        )

    def test_key(self) -> None:
        assert key(read(KubeObject)) == ("shop", "web")

    def test_the_garbage_collector_need_not_look_at_them(self) -> None:
        service = read(Service, spec={"ports": [{"port": 80}]})
        assert not any(map(gc.is_tracked, (service, service.metadata, service.spec, service.spec.ports[0])))

    def test_objects_cannot_be_changed(self) -> None:
        with pytest.raises(AttributeError):
            read(Service).metadata.name = "other"

    def test_only_what_differs_from_the_default_is_written(self) -> None:
        assert msgspec.to_builtins(read(Service, spec={"clusterIP": "None"})) == {
            "metadata": META,
            "spec": {"clusterIP": "None"},
        }


def test_a_type_with_content_keeps_a_part_of_the_whole_object_without_its_nulls() -> None:
    made = decode(
        b'{"metadata": {"name": "a"}, "spec": {"x": {"y": null, "z": 1}}}',
        with_content(KubeObject, lambda content: content["spec"]),
    )
    assert (made.metadata.name, content_of(made)) == ("a", {"x": {"z": 1}})
    assert content_of(decode(b'{"metadata": {"name": "a"}}', KubeObject)) == {}

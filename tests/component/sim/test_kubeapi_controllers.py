"""The small controllers of the API emulator: owners, EndpointSlices, namespaces; and disruption budgets."""

from typing import Any

import pytest

from addons.sim.kubeapi.budgets import charge_budget
from addons.sim.kubeapi.deletion import Deletion
from addons.sim.kubeapi.server import KubeApi
from addons.sim.kubeapi.status import StatusError
from addons.sim.kubeapi.store import Store

Object = dict[str, Any]
SERVICE: Object = {
    "metadata": {"name": "web"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
}
SLICES = ("discovery.k8s.io/v1", "endpointslices")


def world(**controllers: bool) -> Store:
    api = KubeApi()
    api.enable(**controllers)
    return api.store


def owned(store: Store, name: str, *owners: Object, block: bool = True) -> Object:
    """A ConfigMap that belongs to others."""
    references = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": block,
        }
        for owner in owners
    ]
    return store.create("v1", "configmaps", {"metadata": {"name": name, "ownerReferences": references}})


def delete(store: Store, name: str, propagation: str) -> None:
    resource = store.resources.named("v1", "configmaps")
    store.remove(resource, "default", name, Deletion(propagation=propagation))


def left(store: Store) -> list[str]:
    return [obj["metadata"]["name"] for obj in store.list("v1", "configmaps")]


class TestOwners:
    """Dependents follow their last owner."""

    def test_in_the_background_they_go_after_it(self) -> None:
        store = world(owner_gc=True)
        child = owned(store, "child", owned(store, "owner"))
        owned(store, "grandchild", child)
        delete(store, "owner", "Background")
        assert left(store) == []

    def test_a_second_owner_keeps_them(self) -> None:
        store = world(owner_gc=True)
        owned(store, "child", owned(store, "one"), owned(store, "two"))
        delete(store, "one", "Background")
        (reference,) = store.get("v1", "configmaps", "default", "child")["metadata"]["ownerReferences"]
        assert reference["name"] == "two"

    def test_in_the_foreground_they_go_before_it(self) -> None:
        store = world(owner_gc=True)
        owner = owned(store, "owner")
        child = owned(store, "child", owner)
        child["metadata"]["finalizers"] = ["example.org/hold"]
        store.update("v1", "configmaps", child)
        delete(store, "owner", "Foreground")
        assert left(store) == ["child", "owner"]
        child = store.get("v1", "configmaps", "default", "child")
        child["metadata"]["finalizers"] = []
        store.update("v1", "configmaps", child)
        assert left(store) == []

    def test_orphans_stay_without_an_owner(self) -> None:
        store = world(owner_gc=True)
        owned(store, "child", owned(store, "owner"))
        delete(store, "owner", "Orphan")
        assert left(store) == ["child"]
        assert "ownerReferences" not in store.get("v1", "configmaps", "default", "child")["metadata"]

    def test_an_owner_that_never_was_is_a_lost_one(self) -> None:
        store = world(owner_gc=True)
        owned(store, "child", {"metadata": {"name": "nobody", "uid": "0"}})
        assert left(store) == []

    def test_without_the_controller_they_stay(self) -> None:
        store = world()
        owned(store, "child", owned(store, "owner"))
        delete(store, "owner", "Background")
        assert left(store) == ["child"]


def add_pod(store: Store, name: str, ip: str, *, ready: bool = True, phase: str = "Running") -> Object:
    port = {"name": "http", "containerPort": 8080}
    return store.create(
        "v1",
        "pods",
        {
            "metadata": {"name": name, "labels": {"app": "web"}},
            "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "a:1", "ports": [port]}]},
            "status": {
                "phase": phase,
                "podIP": ip,
                "conditions": [{"type": "Ready", "status": str(ready)}],
            },
        },
    )


class TestSlices:
    """A Service with a selector has a slice with the addresses of its pods."""

    def test_it_follows_the_pods(self) -> None:
        store = world(endpoint_slices=True)
        store.create("v1", "services", SERVICE)
        add_pod(store, "a", "10.0.0.1")
        add_pod(store, "b", "10.0.0.2", ready=False)
        (found,) = store.list(*SLICES)
        assert found["metadata"]["labels"]["kubernetes.io/service-name"] == "web"
        assert [(e["addresses"], e["conditions"]["ready"]) for e in found["endpoints"]] == [
            (["10.0.0.1"], True),
            (["10.0.0.2"], False),
        ]
        assert [port["port"] for port in found["ports"]] == [8080]
        store.delete("v1", "pods", "default", "a")
        assert [e["targetRef"]["name"] for e in store.list(*SLICES)[0]["endpoints"]] == ["b"]

    def test_finished_pods_are_no_endpoints(self) -> None:
        store = world(endpoint_slices=True)
        add_pod(store, "a", "10.0.0.1", phase="Succeeded")
        store.create("v1", "services", SERVICE)
        assert store.list(*SLICES)[0]["endpoints"] == []

    def test_it_goes_with_the_service(self) -> None:
        store = world(endpoint_slices=True)
        store.create("v1", "services", SERVICE)
        store.delete("v1", "services", "default", "web")
        assert store.list(*SLICES) == []


class TestNamespaces:
    """A namespace that is deleted takes its content along."""

    def test_it_is_emptied_and_gone(self) -> None:
        store = world(namespaces=True)
        store.create("v1", "namespaces", {"metadata": {"name": "a"}})
        store.create("v1", "configmaps", {"metadata": {"name": "c", "namespace": "a"}})
        store.delete("v1", "namespaces", "", "a")
        assert store.list("v1", "configmaps") == []
        assert "a" not in [obj["metadata"]["name"] for obj in store.list("v1", "namespaces")]

    def test_without_the_controller_it_takes_nothing_new(self) -> None:
        store = world()
        store.create("v1", "namespaces", {"metadata": {"name": "a"}})
        store.delete("v1", "namespaces", "", "a")
        with pytest.raises(StatusError, match="is being terminated"):
            store.create("v1", "configmaps", {"metadata": {"name": "c", "namespace": "a"}})


class TestBudgets:
    """An eviction is paid for by the disruption budget of the pod."""

    def budget(self, store: Store, **spec: object) -> None:
        selector = {"matchLabels": {"app": "web"}}
        store.create(
            "policy/v1",
            "poddisruptionbudgets",
            {"metadata": {"name": "web"}, "spec": {"selector": selector, **spec}},
        )

    @pytest.mark.parametrize("spec", [{"minAvailable": 1}, {"maxUnavailable": 1}, {"minAvailable": "50%"}])
    def test_two_ready_pods_can_spare_one(self, spec: Object) -> None:
        store = world()
        first, second = (add_pod(store, name, f"10.0.0.{n}") for n, name in enumerate("ab"))
        self.budget(store, **spec)
        charge_budget(store, first, dry_run=False)
        store.delete("v1", "pods", "default", "a")
        if "maxUnavailable" not in spec:
            with pytest.raises(StatusError, match="disruption budget") as refused:
                charge_budget(store, second, dry_run=False)
            assert refused.value.code == 429

    def test_a_status_that_was_written_is_believed_and_charged(self) -> None:
        store = world()
        pod = add_pod(store, "a", "10.0.0.1")
        self.budget(store, minAvailable=5)
        budget = store.get("policy/v1", "poddisruptionbudgets", "default", "web")
        told = {"disruptionsAllowed": 1, "currentHealthy": 6, "desiredHealthy": 5}
        budget["status"] |= {**told, "observedGeneration": 1}
        store.update("policy/v1", "poddisruptionbudgets", budget)
        charge_budget(store, pod, dry_run=False)
        with pytest.raises(StatusError, match="disruption budget"):
            charge_budget(store, pod, dry_run=False)

    def test_a_pod_without_a_budget_is_free(self) -> None:
        store = world()
        charge_budget(store, add_pod(store, "a", "10.0.0.1"), dry_run=False)

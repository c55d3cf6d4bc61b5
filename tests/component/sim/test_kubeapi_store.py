"""The store of the API emulator as tests and the demo use it: synchronous, no HTTP."""

from typing import Any

import pytest

from addons.sim.kubeapi.status import StatusError
from addons.sim.kubeapi.store import Store

Object = dict[str, Any]
CRD = ("apiextensions.k8s.io/v1", "customresourcedefinitions")
DEFINITION: Object = {
    "metadata": {"name": "gateways.gateway.example.org"},
    "spec": {
        "group": "gateway.example.org",
        "scope": "Namespaced",
        "names": {"plural": "gateways", "kind": "Gateway"},
        "versions": [{"name": "v1", "served": True, "storage": True}],
    },
}


def service(name: str, **spec: object) -> Object:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


def pod(name: str, **spec: object) -> Object:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "main", "image": "a:1"}], **spec}}


@pytest.fixture
def store() -> Store:
    return Store()


class TestObjects:
    """Objects are completed, versioned and handed out as copies."""

    def test_a_status_given_directly_is_kept(self, store: Store) -> None:
        made = store.create("v1", "pods", pod("a") | {"status": {"phase": "Running"}})
        assert made["status"]["phase"] == "Running"

    def test_what_is_handed_out_is_nobody_elses(self, store: Store) -> None:
        given = service("a")
        store.create("v1", "services", given)["spec"]["type"] = "broken"
        given["spec"]["type"] = "broken"
        assert store.get("v1", "services", "default", "a")["spec"]["type"] == "ClusterIP"

    def test_an_update_with_an_old_version_conflicts(self, store: Store) -> None:
        made = store.create("v1", "services", service("a"))
        store.update("v1", "services", made | {"metadata": made["metadata"] | {"labels": {"n": "1"}}})
        with pytest.raises(StatusError, match="has been modified"):
            store.update("v1", "services", made)

    def test_a_namespace_must_exist(self, store: Store) -> None:
        obj = service("a")
        obj["metadata"]["namespace"] = "missing"
        with pytest.raises(StatusError, match='namespaces "missing" not found'):
            store.create("v1", "services", obj)

    def test_a_deletion_waits_for_finalizers(self, store: Store) -> None:
        obj = service("a")
        obj["metadata"]["finalizers"] = ["example.org/hold"]
        store.create("v1", "services", obj)
        store.delete("v1", "services", "default", "a")
        held = store.get("v1", "services", "default", "a")
        assert "deletionTimestamp" in held["metadata"]
        held["metadata"]["finalizers"] = []
        store.update("v1", "services", held)
        assert store.list("v1", "services") == []

    def test_lists_are_sorted_and_selected(self, store: Store) -> None:
        for name, node in (("c", "n1"), ("a", "n2"), ("b", "n1")):
            store.create("v1", "pods", pod(name, nodeName=node))
        found = store.list("v1", "pods", field_selector="spec.nodeName=n1")
        assert [obj["metadata"]["name"] for obj in found] == ["b", "c"]

    def test_an_event_has_two_faces(self, store: Store) -> None:
        regarding = {"kind": "Pod", "namespace": "default", "name": "a"}
        event = {
            "metadata": {"name": "e"},
            "eventTime": "2026-01-02T03:04:05.000000Z",
            "regarding": regarding,
            "note": "said",
            "reason": "Said",
            "action": "Say",
            "type": "Normal",
            "reportingController": "example.org/c",
            "reportingInstance": "c-1",
        }
        store.create("events.k8s.io/v1", "events", event)
        core = store.get("v1", "events", "default", "e")
        assert (core["involvedObject"], core["message"], core["apiVersion"]) == (regarding, "said", "v1")
        same = store.get("events.k8s.io/v1", "events", "default", "e")
        assert (same["regarding"], same["note"]) == (regarding, "said")


class TestAddresses:
    """Services get addresses and ports of their own, and give them back."""

    def test_each_service_has_its_own_address(self, store: Store) -> None:
        made = [store.create("v1", "services", service(name))["spec"]["clusterIP"] for name in "abc"]
        assert len(set(made)) == 3

    def test_an_address_in_use_is_refused(self, store: Store) -> None:
        taken = store.create("v1", "services", service("a"))["spec"]["clusterIP"]
        with pytest.raises(StatusError, match="already allocated"):
            store.create("v1", "services", service("b", clusterIP=taken))

    def test_a_node_port_is_free_again_after_deletion(self, store: Store) -> None:
        spec = {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30_080}]}
        store.create("v1", "services", service("a", **spec))
        with pytest.raises(StatusError, match="already allocated"):
            store.create("v1", "services", service("b", **spec))
        store.delete("v1", "services", "default", "a")
        assert store.create("v1", "services", service("b", **spec))["spec"]["ports"][0]["nodePort"] == 30_080

    def test_a_service_that_is_no_longer_exposed_returns_its_ports(self, store: Store) -> None:
        made = store.create("v1", "services", service("a", type="LoadBalancer"))
        assert made["spec"]["ports"][0]["nodePort"] >= 30_000
        made["spec"]["type"] = "ClusterIP"
        assert "nodePort" not in store.update("v1", "services", made)["spec"]["ports"][0]

    def test_a_port_of_two_protocols_has_one_node_port(self, store: Store) -> None:
        ports = [{"name": name, "port": 53, "protocol": name.upper()} for name in ("tcp", "udp")]
        made = store.create("v1", "services", service("a", type="NodePort", ports=ports))
        assert len({port["nodePort"] for port in made["spec"]["ports"]}) == 1

    def test_a_refused_service_takes_nothing(self) -> None:
        store = Store(node_ports=range(30_000, 30_002))
        ports = [{"name": f"p{number}", "port": number} for number in (1, 2, 3)]
        with pytest.raises(StatusError, match="range is full"):
            store.create("v1", "services", service("a", type="NodePort", ports=ports))
        made = store.create("v1", "services", service("a", type="NodePort", ports=ports[:2]))
        assert {port["nodePort"] for port in made["spec"]["ports"]} == {30_000, 30_001}


class TestDefinitions:
    """A CustomResourceDefinition adds a resource, and its deletion takes the objects along."""

    def test_it_is_established_and_served_at_once(self, store: Store) -> None:
        made = store.create(*CRD, DEFINITION)
        assert {c["type"]: c["status"] for c in made["status"]["conditions"]}["Established"] == "True"
        store.create("gateway.example.org/v1", "gateways", {"metadata": {"name": "a"}})
        assert len(store.list("gateway.example.org/v1", "gateways")) == 1

    def test_without_it_nothing_is_left(self, store: Store) -> None:
        store.create(*CRD, DEFINITION)
        store.create("gateway.example.org/v1", "gateways", {"metadata": {"name": "a"}})
        store.delete(*CRD, "", "gateways.gateway.example.org")
        with pytest.raises(KeyError):
            store.list("gateway.example.org/v1", "gateways")
        store.create(*CRD, DEFINITION)
        assert store.list("gateway.example.org/v1", "gateways") == []

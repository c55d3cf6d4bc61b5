"""The pods of the cluster by node, as they, their controllers and their claims change."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from addons.autoscaler.controller.records import PodRecords
from addons.autoscaler.desired.classes import Classes
from addons.autoscaler.desired.pods import KeptPod, kept
from addons.autoscaler.model import objects
from addons.autoscaler.model.pods import Pod
from addons.runtime.store import Change
from tests.support.as_manifests import pod, read

MANAGED = [{"kind": "ReplicaSet", "name": "web", "uid": "u-rs", "apiVersion": "apps/v1", "controller": True}]
WITH_CLAIM = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}


@dataclass
class World:
    """What pods refer to; the records of it."""

    controllers: dict[str, objects.Controller] = field(default_factory=dict)
    claims: dict[str, objects.PersistentVolumeClaim] = field(default_factory=dict)
    volumes: dict[str, objects.PersistentVolume] = field(default_factory=dict)
    looked_up: int = 0

    def __post_init__(self) -> None:
        self.classes = Classes()
        self.records = PodRecords(
            self.classes, self, lambda kind, namespace, name: self.controllers.get(name)
        )

    def claim(self, namespace: str, name: str) -> objects.PersistentVolumeClaim | None:
        self.looked_up += 1
        return self.claims.get(name)

    def volume(self, name: str) -> objects.PersistentVolume | None:
        return self.volumes.get(name)

    def storage_class(self, name: str) -> None:
        return None

    def unclaimed(self, storage_class: str) -> Iterable[objects.PersistentVolume]:
        return ()

    def keep(self, spec: dict[str, Any], **meta: Any) -> KeptPod:
        found = kept(pod(spec, **meta), self.classes)
        assert found is not None
        return found

    def come(self, spec: dict[str, Any] | None = None, **meta: Any) -> KeptPod:
        found = self.keep(spec or {}, **meta)
        self.records.changed(Change(None, found))
        return found

    def scale(self, replicas: int, uid: str = "u-rs") -> None:
        old = self.controllers.get("web")
        manifest = {"metadata": {"name": "web", "uid": uid}, "spec": {"replicas": replicas}}
        self.controllers["web"] = read(objects.ReplicaSet, manifest)
        self.records.controller_changed(Change(old, self.controllers["web"]))

    def bind(self, volume: str) -> None:
        manifest = {"metadata": {"name": "data"}, "spec": {"volumeName": volume}}
        self.claims["data"] = read(objects.PersistentVolumeClaim, manifest)
        self.records.claim_changed(("shop", "data"))

    def only(self) -> Pod:
        (found,) = self.records.waiting()
        return found


class TestWhereTheyAre:
    def test_on_their_nodes_or_waiting_oldest_first(self) -> None:
        world = World()
        world.come({"nodeName": "n"}, name="a")
        world.come(name="younger", creationTimestamp="2026-11-01T13:00:00Z")
        world.come(name="older")
        assert {node: [each.name for each in pods] for node, pods in world.records.by_node().items()} == {
            "n": ["a"]
        }
        assert [each.name for each in world.records.waiting()] == ["older", "younger"]

    def test_a_pod_moves_to_its_node(self) -> None:
        world = World()
        old = world.come()
        world.records.changed(Change(old, world.keep({"nodeName": "n"})))
        assert world.records.waiting() == ()
        assert [each.name for each in world.records.on("n")] == ["web-1"]

    def test_a_pod_goes(self) -> None:
        world = World()
        old = world.come({"nodeName": "n", **WITH_CLAIM}, ownerReferences=MANAGED)
        world.records.changed(Change(old, None))
        assert world.records.by_node() == {}
        assert world.records.find("shop", "web-1") is None

    def test_nodes_where_nothing_changed_have_the_same_tuple(self) -> None:
        world = World()
        world.come({"nodeName": "n"}, name="a")
        before = world.records.by_node()["n"]
        world.come({"nodeName": "m"}, name="b")
        assert world.records.by_node()["n"] is before


class TestTheirControllers:
    def test_one_that_is_not_there_is_not_known(self) -> None:
        world = World()
        world.come(ownerReferences=MANAGED)
        owner = world.only().owner
        assert owner is not None
        assert (owner.is_known, owner.replicas) == (False, None)

    def test_it_may_come_later_and_change(self) -> None:
        world = World()
        world.come(ownerReferences=MANAGED)
        for replicas in (3, 5):
            world.scale(replicas)
            owner = world.only().owner
            assert owner is not None
            assert (owner.is_known, owner.replicas) == (True, replicas)

    def test_another_of_the_name_is_not_it(self) -> None:
        world = World()
        world.come(ownerReferences=MANAGED)
        world.scale(3)
        world.scale(3, uid="u-another")
        owner = world.only().owner
        assert owner is not None
        assert not owner.is_known

    def test_pods_of_one_share_it(self) -> None:
        world = World()
        world.scale(2)
        world.come(ownerReferences=MANAGED, name="a")
        world.come(ownerReferences=MANAGED, name="b")
        one, other = world.records.waiting()
        assert one.owner is other.owner


class TestTheirClaims:
    def test_what_they_demand_is_looked_up_as_it_is_now(self) -> None:
        world = World()
        world.come(WITH_CLAIM)
        assert world.only().cls.missing_volume == "the claim data does not exist"
        world.volumes["pv"] = read(
            objects.PersistentVolume, {"metadata": {"name": "pv"}, "spec": {"csi": {"driver": "ebs"}}}
        )
        world.bind("pv")
        assert (world.only().cls.missing_volume, world.only().cls.volumes) == ("", {"ebs": 1})

    def test_a_swarm_of_changes_is_looked_up_once(self) -> None:
        world = World()
        world.come(WITH_CLAIM)
        for _ in range(5):
            world.bind("pv")
            world.records.storage_changed()
        world.only()
        assert world.looked_up == 1

    def test_a_pod_that_went_meanwhile_is_no_matter(self) -> None:
        world = World()
        old = world.come(WITH_CLAIM)
        world.bind("pv")
        world.records.changed(Change(old, None))
        assert world.records.waiting() == ()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "n", "m", None])), max_size=20))
def test_whatever_happens_each_pod_is_where_it_was_last_seen(steps: list[tuple[str, str | None]]) -> None:
    world, there = World(), dict[str, KeptPod]()
    for name, node in steps:
        old = there.pop(name, None)
        new = None if node is None else world.keep({"nodeName": node, **WITH_CLAIM}, name=name, uid=name)
        if new is not None:
            there[name] = new
        if old is not None or new is not None:
            world.records.changed(Change(old, new))
        if len(there) % 2:
            world.records.by_node()
    found = {(pod_.name, node) for node, pods in world.records.by_node().items() for pod_ in pods}
    found |= {(pod_.name, "") for pod_ in world.records.waiting()}
    assert found == {(name, each.pod.node) for name, each in there.items()}

"""Objects are read once when they change; DaemonSets know the newest of their pods."""

from dataclasses import replace

from addons.autoscaler.controller.readings import DaemonRecords, Readings
from addons.autoscaler.desired.budgets import budget_of
from addons.autoscaler.desired.classes import Classes
from addons.autoscaler.desired.pods import pod_of
from addons.autoscaler.model import objects
from addons.autoscaler.model.pods import Pod, PodOwner
from addons.runtime.store import Change
from tests.support.as_manifests import daemon_set, pod, read

CLASSES = Classes()


def budget(name: str, allowed: int = 1) -> objects.PodDisruptionBudget:
    manifest = {"metadata": {"name": name, "namespace": "shop"}, "status": {"disruptionsAllowed": allowed}}
    return read(objects.PodDisruptionBudget, manifest)


class TestReadings:
    def test_by_name_whatever_came_first(self) -> None:
        readings = Readings(budget_of)
        for name in ("b", "a"):
            readings.changed(Change(None, budget(name)))
        assert [each.name for each in readings.all()] == ["a", "b"]

    def test_without_changes_they_are_the_same_object(self) -> None:
        readings = Readings(budget_of)
        readings.changed(Change(None, budget("a")))
        assert readings.all() is readings.all()

    def test_changes_and_what_goes(self) -> None:
        readings = Readings(budget_of)
        readings.changed(Change(None, budget("a")))
        readings.changed(Change(budget("a"), budget("a", 5)))
        assert [each.allowed for each in readings.all()] == [5]
        readings.changed(Change(budget("a"), None))
        assert readings.all() == ()


def of_agent(cpu: str, created: float, uid: str = "u-1") -> Pod:
    made = pod_of(pod({"containers": [{"resources": {"requests": {"cpu": cpu}}}]}, uid=uid), CLASSES)
    return replace(made, owner=PodOwner("DaemonSet", "agent", "u-agent"), created=created)


class TestDaemonSets:
    def test_their_newest_pod_tells_what_they_request(self) -> None:
        records = DaemonRecords(CLASSES)
        records.changed(Change(None, daemon_set("agent")))
        assert [each.cls.requests for each in records.all()] == [{"pods": 1}]
        records.pod_came(of_agent("100m", 2.0))
        records.pod_came(of_agent("900m", 1.0, "u-2"))
        assert [each.cls.requests for each in records.all()] == [{"cpu": 100, "pods": 1}]

    def test_a_pod_may_come_first(self) -> None:
        records = DaemonRecords(CLASSES)
        records.pod_came(of_agent("100m", 2.0))
        records.changed(Change(None, daemon_set("agent")))
        assert [each.cls.requests for each in records.all()] == [{"cpu": 100, "pods": 1}]

    def test_pods_of_others_tell_nothing(self) -> None:
        records = DaemonRecords(CLASSES)
        records.changed(Change(None, daemon_set("agent")))
        before = records.all()
        records.pod_came(replace(of_agent("100m", 2.0), owner=None))
        records.pod_came(replace(of_agent("100m", 2.0), owner=PodOwner("ReplicaSet", "x", "u-agent")))
        assert records.all() is before

    def test_one_that_is_gone_is_forgotten(self) -> None:
        records = DaemonRecords(CLASSES)
        records.changed(Change(None, daemon_set("agent")))
        records.changed(Change(daemon_set("agent"), None))
        assert records.all() == ()

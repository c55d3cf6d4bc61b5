"""The status ConfigMap: the YAML of the original, with reasons, for people and the tools that read it."""

from datetime import UTC, datetime
from typing import Any

import yaml

from addons.autoscaler.controller.status import Status
from addons.autoscaler.model.intents import GroupRecord, Memory
from addons.autoscaler.model.plans import GrowPlan, ShrinkPlan
from tests.support.as_passes import NOW, done, group, node, pod, state, waits, why


def written(*args: Any, status: Status | None = None, **more: Any) -> dict[str, Any]:
    last, status = done(*args, **more), status or Status()
    now = datetime.fromtimestamp(last.snapshot.now, UTC)
    found: dict[str, Any] = yaml.safe_load(status.text(status.content(last), now))
    return found


def of_group(*args: Any, **more: Any) -> dict[str, Any]:
    (found,) = written(*args, **more)["nodeGroups"]
    return dict(found)


class TestShape:
    def test_it_has_the_keys_that_the_original_writes(self) -> None:
        found = written(state(group("a", "n1", desired=2), upcoming=1), nodes=(node("n1"),))
        assert found["time"] == "2026-01-02 03:04:05.000000 +0000 UTC"
        assert found["autoscalerStatus"] == "Running"
        assert found["clusterWide"]["health"]["status"] == "Healthy"
        assert found["clusterWide"]["scaleUp"]["status"] == "InProgress"
        assert found["clusterWide"]["scaleDown"]["status"] == "NoCandidates"
        (only,) = found["nodeGroups"]
        assert only["name"] == "a"
        assert only["health"] == {
            "status": "Healthy",
            "nodeCounts": {
                "registered": {
                    "total": 1,
                    "ready": 1,
                    "notStarted": 0,
                    "suspended": 0,
                    "unready": {"total": 0, "resourceUnready": 0},
                },
                "longUnregistered": 0,
                "unregistered": 0,
            },
            "cloudProviderTarget": 2,
            "minSize": 0,
            "maxSize": 10,
            "lastProbeTime": "2026-01-02T03:04:05Z",
            "lastTransitionTime": "2026-01-02T03:04:05Z",
        }

    def test_nodes_of_no_group_count_in_the_cluster(self) -> None:
        found = written(state(group("a", "n1")), nodes=(node("n1"), node("n2")))
        assert found["clusterWide"]["health"]["nodeCounts"]["registered"]["total"] == 2

    def test_an_instance_that_never_joined_is_told_apart_from_one_that_may_join_yet(self) -> None:
        found = of_group(state(group("a", "n1", "n2"), ready=0, unregistered=1, lost=("i-n1",)))
        counts = found["health"]["nodeCounts"]
        assert counts["longUnregistered"] + counts["unregistered"] <= 2
        assert counts["longUnregistered"] == 1


class TestReasons:
    def test_a_group_that_rests_says_after_what(self) -> None:
        record = GroupRecord(
            failures=1, failure="no m5 left", failure_code="OutOfCapacity", rests_until=NOW + 60
        )
        found = of_group(state(group("a")), memory=Memory(groups={"a": record}))
        assert found["scaleUp"]["status"] == "Backoff"
        info = {"errorCode": "OutOfCapacity", "errorMessage": "no m5 left"}
        assert found["scaleUp"]["backoffInfo"] == info

    def test_a_group_that_does_not_grow_says_why(self) -> None:
        found = of_group(state(group("a"), why_not=why("MaxSizeReached", "it has 10 of at most 10 nodes")))
        assert found["scaleUp"]["reason"] == "MaxSizeReached"
        assert found["scaleUp"]["message"] == "it has 10 of at most 10 nodes"

    def test_a_group_that_cannot_be_read_says_so(self) -> None:
        found = of_group(state(group("a", degraded="describe: denied")))
        assert (found["health"]["reason"], found["health"]["message"]) == ("Degraded", "describe: denied")

    def test_pods_that_no_group_takes_need_one(self) -> None:
        grow = GrowPlan(waits=(waits(pod("web"), a=why("Insufficient", "too little cpu")),))
        found = written(state(group("a")), grow=grow)
        assert found["clusterWide"]["scaleUp"]["status"] == "Needed"

    def test_nodes_that_could_go_are_counted_by_group(self) -> None:
        states = (state(group("a", "n1")), state(group("b", "n2")))
        found = written(*states, nodes=(node("n1"), node("n2")), shrink=ShrinkPlan(unneeded={"n2": NOW - 5}))
        downs = [each["scaleDown"]["status"] for each in found["nodeGroups"]]
        assert downs == ["NoCandidates", "CandidatesPresent"]
        assert found["clusterWide"]["scaleDown"]["candidates"] == 1

    def test_while_nodes_may_not_go_the_cluster_is_unhealthy_and_says_why(self) -> None:
        stays = {"n1": why("Unhealthy", "5 of 9 nodes are not ready")}
        health = written(shrink=ShrinkPlan(stays=stays))["clusterWide"]["health"]
        assert (health["status"], health["message"]) == ("Unhealthy", "5 of 9 nodes are not ready")
        health = written(is_stale="pods not heard of for 200 s")["clusterWide"]["health"]
        assert (health["status"], health["reason"]) == ("Unhealthy", "StaleView")


class TestTimes:
    def test_a_state_keeps_the_time_since_when_it_holds(self) -> None:
        status = Status()
        written(state(group("a")), status=status)
        later = of_group(state(group("a")), status=status, now=NOW + 60)
        assert later["scaleUp"]["lastTransitionTime"] == "2026-01-02T03:04:05Z"
        assert later["scaleUp"]["lastProbeTime"] == "2026-01-02T03:05:05Z"
        grown = of_group(state(group("a"), upcoming=1), status=status, now=NOW + 120)
        assert grown["scaleUp"]["lastTransitionTime"] == "2026-01-02T03:06:05Z"

    def test_times_alone_are_no_change(self) -> None:
        status = Status()
        first = status.content(done(state(group("a"))))
        second = status.content(done(state(group("a")), now=NOW + 60))
        third = status.content(done(state(group("a", desired=1)), now=NOW + 60))
        assert first == second != third

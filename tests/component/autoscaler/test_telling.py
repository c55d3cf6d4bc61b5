"""What is told of pods, nodes and groups, on which object, and how often."""

from addons.autoscaler.controller.telling import NEW_EVENTS, PATIENCE_SECONDS, TRIAL_SECONDS, Telling
from addons.autoscaler.model.plans import GrowPlan, Order, ShrinkPlan
from addons.autoscaler.model.pods import PodClass
from addons.runtime.decisions import Decisions
from addons.runtime.errors import Denied
from addons.runtime.outcomes import ObjectRef
from addons.runtime.reporter import Reporter
from tests.support.as_passes import NOW, done, group, node, pod, state, waits, why

STATUS = ObjectRef("ConfigMap", "kube-system", "cluster-autoscaler-status")
LITTLE = why("Insufficient", "insufficient cpu: 500m wanted, 100m left")
FULL = why("MaxSizeReached", "it has 3 of at most 3 nodes")


class Told(Telling):
    """A Telling whose decisions can be read."""

    def __init__(self) -> None:
        self.decisions = Decisions()
        super().__init__(Reporter(decisions=self.decisions, events=None), STATUS)

    def of(self, about: str) -> list[tuple[str, str]]:
        """What was told of an object, the oldest first."""
        return [(one.reason, one.message) for one in reversed(self.decisions.newest(about))]

    def times(self, about: str) -> int:
        return sum(one.count for one in self.decisions.newest(about, limit=1000))


class TestPods:
    def test_a_pod_is_told_what_keeps_it_from_each_group_by_name(self) -> None:
        told = Told()
        stuck = waits(pod("web"), a=LITTLE, b=LITTLE, c=FULL)
        told.passed(done(grow=GrowPlan(waits=(stuck,))))
        assert told.of("pod/shop/web") == [
            (
                "NotTriggerScaleUp",
                "pod didn't trigger scale-up: a, b: insufficient cpu: 500m wanted, 100m left;"
                " c: it has 3 of at most 3 nodes",
            )
        ]

    def test_of_very_many_groups_some_are_named_and_the_others_counted(self) -> None:
        told = Told()
        many = {f"g{number:03}": LITTLE for number in range(200)}
        told.passed(done(grow=GrowPlan(waits=(waits(pod("web"), **many),))))
        ((_, message),) = told.of("pod/shop/web")
        assert "g000, g001, g002, g003, g004 and 195 more: insufficient cpu" in message
        assert len(message) < 1000

    def test_it_is_told_once_while_the_reasons_are_the_same_whatever_their_figures(self) -> None:
        told = Told()
        for left in (100, 200, 300):
            reason = why("Insufficient", f"insufficient cpu: 500m wanted, {left}m left")
            told.passed(done(grow=GrowPlan(waits=(waits(pod("web"), a=reason),))))
        assert told.times("pod/shop/web") == 1

    def test_it_is_told_again_when_a_reason_changes_and_when_it_waits_anew(self) -> None:
        told = Told()
        first = done(grow=GrowPlan(waits=(waits(pod("web"), a=LITTLE),)))
        told.passed(first)
        told.passed(done(grow=GrowPlan(waits=(waits(pod("web"), a=FULL),))))
        assert told.times("pod/shop/web") == 2
        told.passed(done())
        told.passed(first)
        assert told.times("pod/shop/web") == 3

    def test_a_pod_that_only_has_to_wait_is_told_nothing(self) -> None:
        told = Told()
        told.passed(done(grow=GrowPlan(waits=(waits(pod("web"), why("FitsUpcoming", "it fits a")),))))
        assert told.of("pod/shop/web") == []

    def test_a_pod_that_waits_for_the_trial_of_a_group_is_told_when_it_takes_long(self) -> None:
        told = Told()
        trial = why("Probing", "its first nodes have to show that they join and take pods")
        counts = []
        for seconds in (0, 60, TRIAL_SECONDS):
            stuck = waits(pod("web", unschedulable_since=NOW), a=trial, b=LITTLE)
            told.passed(done(grow=GrowPlan(waits=(stuck,)), now=NOW + seconds))
            counts.append(told.times("pod/shop/web"))
        assert counts == [0, 0, 1]

    def test_very_many_pods_are_told_little_by_little(self) -> None:
        told = Told()
        stuck = tuple(waits(pod(f"web-{number}"), a=LITTLE) for number in range(250))
        counts = []
        for _ in range(4):
            told.passed(done(grow=GrowPlan(waits=stuck)))
            counts.append(sum(told.times(f"pod/shop/web-{number}") for number in range(250)))
        assert counts == [NEW_EVENTS, 2 * NEW_EVENTS, 250, 250]

    def test_pods_that_are_alike_are_one_decision_in_all(self) -> None:
        told = Told()
        large = PodClass(digest="large", namespace="shop", labels={}, requests={"cpu": 9000})
        stuck = [waits(pod(f"web-{number}"), a=LITTLE) for number in range(3)]
        stuck.append(waits(pod("db", large), a=LITTLE))
        told.passed(done(grow=GrowPlan(waits=tuple(stuck))))
        lines = [one.message for one in told.decisions.newest() if not one.object]
        assert [line.partition(":")[0] for line in sorted(lines)] == ["1 pod waits", "3 pods wait"]
        assert {one.key for one in told.decisions.newest() if not one.object} == {"shop"}

    def test_a_pod_is_told_nothing_before_it_is_known_what_each_group_launches(self) -> None:
        told = Told()
        stuck = waits(pod("web"), a=LITTLE, b=why("NoTemplate", "no type of instance is known"))
        last = done(grow=GrowPlan(waits=(stuck,)))
        told.passed(last, unread={"b"})
        assert told.of("pod/shop/web") == []
        told.passed(last)
        assert told.times("pod/shop/web") == 1


class TestNodes:
    def test_a_node_that_stays_for_a_pod_is_told_which(self) -> None:
        told = Told()
        stays = {"n1": why("PodLocalStorage", "pod shop/db has data on it (emptyDir cache)", "shop/db")}
        told.passed(done(nodes=(node("n1"),), shrink=ShrinkPlan(stays=stays)))
        message = "node stays: pod shop/db has data on it (emptyDir cache) (PodLocalStorage)"
        assert told.of("node/n1") == [("NoScaleDown", message)]

    def test_it_is_told_once_for_each_reason(self) -> None:
        told = Told()
        for code in ("PodLocalStorage", "PodLocalStorage", "PodDisruptionBudget", "PodDisruptionBudget"):
            told.passed(done(shrink=ShrinkPlan(stays={"n1": why(code, "because")})))
        assert told.times("node/n1") == 2

    def test_a_node_that_is_used_or_must_only_wait_is_told_nothing(self) -> None:
        told = Told()
        stays = {"n1": why("NotUnderutilized", "it is used"), "n2": why("NotUnneededLong", "wait")}
        told.passed(done(shrink=ShrinkPlan(stays=stays)))
        assert told.of("node/n1") == told.of("node/n2") == []


class TestGroups:
    def test_an_order_that_was_taken_is_told_on_the_status_and_on_its_pods(self) -> None:
        told = Told()
        order = Order("a", count=2, target=3, pods=(pod("web"),), why="1 pod does not fit")
        told.ordered(order, group("a", "n1"), None)
        assert told.of("pod/shop/web") == [
            ("TriggeredScaleUp", "pod triggered scale-up: [{a 1->3 (max: 10)}]")
        ]
        assert told.of(str(STATUS)) == [("ScaledUpGroup", "group a: size 1->3 (max: 10): 1 pod does not fit")]

    def test_an_order_that_failed_is_told_on_the_status_and_not_on_its_pods(self) -> None:
        told = Told()
        order = Order("a", count=2, target=3, pods=(pod("web"),), why="1 pod does not fit")
        told.ordered(order, group("a", "n1"), Denied("SetDesiredCapacity: not authorized"))
        assert told.of("pod/shop/web") == []
        assert told.of(str(STATUS)) == [
            (
                "FailedToScaleUpGroup",
                "group a: not raised from 1 to 3: SetDesiredCapacity: not authorized",
            )
        ]

    def test_what_keeps_a_group_is_no_news_before_it_is_known_what_it_launches(self) -> None:
        told = Told()
        last = done(grow=GrowPlan(held={"a": why("NoTemplate", "no type of instance is known")}))
        told.passed(last, unread={"a"})
        assert told.of(str(STATUS)) == []
        told.passed(last)
        assert [reason for reason, _ in told.of(str(STATUS))] == ["NoTemplate"]

    def test_what_of_a_group_cannot_be_read_is_told_once_until_it_can(self) -> None:
        told = Told()

        def passed(*degraded: str) -> None:
            for each in degraded:
                self.now += PATIENCE_SECONDS
                told.passed(done(state(group("a", degraded=each)), now=self.now))

        self.now = NOW
        passed("denied")
        assert told.of(str(STATUS)) == []
        passed("denied", "denied", "", "denied", "denied")
        assert told.of(str(STATUS)) == [("GroupDegraded", "group a: denied")]
        assert told.times(str(STATUS)) == 2

    def test_a_tag_that_cannot_be_read_is_told_once(self) -> None:
        told = Told()
        for _ in range(3):
            told.passed(done(state(group("a", problems=("tag x: no number",)))))
        assert told.of(str(STATUS)) == [("BadSetting", "group a: tag x: no number")]
        assert told.times(str(STATUS)) == 1

"""What is said of a pod or a node when somebody asks, and what the page shows."""

from addons.autoscaler.controller.explanation import Explanation
from addons.autoscaler.controller.passes import Pass
from addons.autoscaler.controller.state import MOST_ROWS, state_of
from addons.autoscaler.model.intents import GroupRecord, Intent, Memory
from addons.autoscaler.model.plans import GrowPlan, Order, Removal, ShrinkPlan
from tests.support.as_passes import NOW, done, group, node, pod, state, template, waits, why
from tests.support.virtual import START

LITTLE = why("Insufficient", "insufficient cpu: 500m wanted, 100m left")
FULL = why("MaxSizeReached", "it has 3 of at most 3 nodes")


def said(last: Pass | None, about: str, **drains: str) -> list[tuple[str, str, str]]:
    explanation = Explanation(last=lambda: last, drains=lambda: drains, now=lambda: START)
    return [(one.key, one.reason, one.message) for one in explanation.of(about)]


class TestPods:
    def test_before_the_first_pass_it_says_so(self) -> None:
        ((_, _, message),) = said(None, "pod/shop/web")
        assert message == "no pass was made yet by this replica"

    def test_a_pod_that_waits_hears_what_keeps_it_from_each_group_and_what_the_scheduler_says(self) -> None:
        stuck = waits(pod("web", scheduler_message="0/1 nodes are available"), b=FULL, a=LITTLE)
        assert said(done(grow=GrowPlan(waits=(stuck,))), "pod/shop/web") == [
            ("group a", "Insufficient", LITTLE.message),
            ("group b", "MaxSizeReached", FULL.message),
            ("scheduler", "NotTriggerScaleUp", "the scheduler says: 0/1 nodes are available"),
        ]

    def test_a_pod_that_does_not_count_hears_why(self) -> None:
        plan = GrowPlan(waits=(waits(pod("web"), why("TooYoung", "it is 3 s old, and counts at 30 s")),))
        assert said(done(grow=plan), "pod/shop/web") == [
            ("pod/shop/web", "TooYoung", "it is 3 s old, and counts at 30 s")
        ]

    def test_a_pod_for_which_a_group_grows_hears_which(self) -> None:
        plan = GrowPlan(orders=(Order("a", 2, 3, (pod("web"),), why="3 pods do not fit"),))
        assert said(done(grow=plan), "pod/shop/web") == [
            ("a", "TriggeredScaleUp", "group a is raised by 2 to 3 for it: 3 pods do not fit")
        ]

    def test_an_order_that_is_under_way_for_it_is_named(self) -> None:
        intent = Intent(
            id="1",
            group="a",
            count=2,
            at=NOW,
            template="t",
            state="launching",
            pods=("uid-web",),
            why="3 pods",
        )
        memory = Memory(groups={"a": GroupRecord(intents=(intent,))})
        plan = GrowPlan(waits=(waits(pod("web"), why("FitsUpcoming", "it fits a node to come")),))
        found = said(done(grow=plan, memory=memory), "pod/shop/web")
        assert found[1] == ("order 1", "TriggeredScaleUp", "2 ordered in group a for it, launching: 3 pods")

    def test_a_pod_that_keeps_its_node_hears_so(self) -> None:
        last = done(
            nodes=(node("n1"),),
            pods_of={"n1": (pod("web", node="n1"),)},
            shrink=ShrinkPlan(stays={"n1": why("PodNotReplicated", "pod shop/web has no owner", "shop/web")}),
        )
        assert [(reason, message) for _, reason, message in said(last, "pod/shop/web")] == [
            ("OnNode", "it is on the node n1"),
            ("PodNotReplicated", "it keeps the node n1: pod shop/web has no owner"),
        ]

    def test_a_name_that_is_mistyped_is_answered_with_the_nearest(self) -> None:
        ((_, reason, message),) = said(done(waiting=(pod("web-1"),)), "pod/shop/wbe-1")
        assert (reason, message) == ("UnknownObject", "no pod shop/wbe-1 is known; there is web-1")


class TestNodes:
    def test_a_node_that_stays_hears_why_and_for_which_pod(self) -> None:
        stays = {"n1": why("NoPlaceToMovePods", "its pods fit nowhere else", "shop/web")}
        last = done(state(group("a", "n1")), nodes=(node("n1"),), shrink=ShrinkPlan(stays=stays))
        assert said(last, "node/n1") == [
            ("group", "InGroup", "it is of the group a"),
            ("n1", "NoPlaceToMovePods", "it stays: its pods fit nowhere else; it hangs on shop/web"),
        ]

    def test_a_node_of_no_group_hears_so(self) -> None:
        assert said(done(nodes=(node("n1"),)), "node/n1")[0] == (
            "group",
            "NotInAnyGroup",
            "it is of no group of ours",
        )

    def test_a_node_that_goes_hears_how_far_that_is(self) -> None:
        plan = ShrinkPlan(removals=(Removal("n1", "i-n1", "a", "10 % used"),), unneeded={"n1": NOW - 90})
        last = done(state(group("a", "n1")), nodes=(node("n1"),), shrink=plan)
        assert said(last, "node/n1", n1="evicting 2 pods")[0] == ("n1", "BeingRemoved", "evicting 2 pods")
        messages = [message for _, _, message in said(last, "node/n1")]
        assert messages[1:] == ["10 % used", "it has not been needed for 90 s"]

    def test_other_kinds_are_left_to_others(self) -> None:
        assert said(done(), "service/shop/web") == []


class TestPage:
    def test_a_group_shows_its_size_what_comes_and_in_what_its_tags_are_wrong(self) -> None:
        differs = template("a", source="node", predicted_difference=("memory: 7.1 GiB, not 7.6 GiB",))
        page = state_of(
            done(state(group("a", "n1", desired=3), upcoming=2, step=4), templates={"a": differs}),
            calls={"a": 12.0},
            drains={},
        )
        assert page["groups"] == [
            {
                "group": "a",
                "desired": 3,
                "limits": "0 to 10",
                "ready": 1,
                "upcoming": 2,
                "unready": 0,
                "growsNow": "by 4 at most",
                "orders": [],
                "template": "by node",
                "tagsDiffer": ["memory: 7.1 GiB, not 7.6 GiB"],
                "call": "under way for 12 s",
            }
        ]

    def test_pods_that_are_alike_share_a_row(self) -> None:
        stuck = tuple(waits(pod(f"web-{number}"), a=LITTLE) for number in range(3))
        page = state_of(done(grow=GrowPlan(waits=stuck)), calls={}, drains={})
        assert page["waitingPods"] == [{"pods": 3, "suchAs": "shop/web-0", "waits": [f"a: {LITTLE.message}"]}]

    def test_of_very_many_nodes_those_with_a_rare_reason_are_shown(self) -> None:
        stays = {f"n{number:04}": why("NotUnderutilized", "it is used") for number in range(MOST_ROWS)}
        stays["n0500"] = why("PodLocalStorage", "data", "shop/db")
        page = state_of(done(shrink=ShrinkPlan(stays=stays)), calls={}, drains={})
        rows = page["stayingNodes"]
        assert isinstance(rows, list)
        assert len(rows) == MOST_ROWS
        assert (rows[0]["node"], rows[0]["reason"], rows[0]["pod"]) == ("n0500", "PodLocalStorage", "shop/db")

    def test_before_the_first_pass_there_is_a_page_too(self) -> None:
        assert state_of(None, calls={}, drains={})["groups"] == []

"""Which waiting pods count, and in which order they are served."""

from dataclasses import replace

import pytest

from addons.autoscaler import names
from addons.autoscaler.config import Config
from addons.autoscaler.model.pods import Pod
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.pending import pending_pods
from addons.runtime.selectors import parse_selector
from tests.support.as_growth import NOW, group, instance, node, pod, pod_class, snapshot

OPTIONS = GrowOptions()


def codes(snap: Snapshot, options: GrowOptions = OPTIONS) -> list[str]:
    return [each.why.code for each in pending_pods(snap, options).waits if each.why]


def counted(*waiting: Pod, options: GrowOptions = OPTIONS) -> list[str]:
    return [each.name for each in pending_pods(snapshot(waiting=waiting), options).counted]


class TestWhatCounts:
    """A pod counts when a node would help it, and it is ours to help."""

    def test_a_pod_that_the_scheduler_could_not_place_counts(self) -> None:
        assert counted(pod()) == ["web-0"]

    @pytest.mark.parametrize(
        ("waits", "options", "code"),
        [
            (pod(unschedulable_since=None), OPTIONS, names.NOT_TRIED),
            (pod(is_gated=True), OPTIONS, names.GATED),
            (pod(priority=-11), OPTIONS, names.EXPENDABLE),
            (pod(is_daemon=True), OPTIONS, names.OF_DAEMONSET),
            (pod(cls=pod_class(scheduler="volcano")), OPTIONS, names.OTHER_SCHEDULER),
            (pod(created=NOW - 5), GrowOptions(pod_delay=10.0), names.TOO_YOUNG),
            (pod(created=NOW - 5, scale_up_delay=10.0), OPTIONS, names.TOO_YOUNG),
            (pod(), GrowOptions(namespaces=frozenset({"team"})), names.NOT_SELECTED),
            (pod(), GrowOptions(selector=parse_selector("app=db")), names.NOT_SELECTED),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_a_pod_that_does_not_count_is_told_why(self, waits: Pod, options: GrowOptions, code: str) -> None:
        assert codes(snapshot(waiting=[waits]), options) == [code]

    def test_the_annotation_can_only_lengthen_the_delay(self) -> None:
        young = pod(created=NOW - 5, scale_up_delay=1.0)
        assert counted(young, options=GrowOptions(pod_delay=10.0)) == []

    def test_a_pod_of_a_bypassed_scheduler_counts_before_it_was_tried(self) -> None:
        waits = pod(cls=pod_class(scheduler="volcano"), unschedulable_since=None)
        assert counted(waits, options=GrowOptions(bypassed_schedulers=frozenset({"volcano"}))) == ["web-0"]

    def test_a_pod_at_the_cutoff_counts(self) -> None:
        assert counted(pod(priority=-10)) == ["web-0"]

    def test_a_pod_that_is_being_deleted_is_no_matter_at_all(self) -> None:
        found = pending_pods(snapshot(waiting=[pod(delete_at=NOW + 30)]), OPTIONS)
        assert (found.counted, found.waits) == ((), ())

    def test_a_pod_with_a_nominated_node_counts_as_placed(self) -> None:
        waits = pod(nominated_node="node-i-1")
        found = pending_pods(snapshot(waiting=[waits], nodes=[node()]), OPTIONS)
        assert found.nominated == (waits,)
        assert found.counted == ()

    def test_a_pod_whose_nominated_node_is_gone_counts(self) -> None:
        assert counted(pod(nominated_node="gone")) == ["web-0"]

    def test_a_label_of_one_pod_alone_can_be_selected(self) -> None:
        """Such as that of its Job, which is not part of its class."""
        options = GrowOptions(selector=parse_selector("batch.kubernetes.io/job-name=a"))
        both = [pod(name, own_labels={"batch.kubernetes.io/job-name": name}) for name in "ab"]
        assert counted(*both, options=options) == ["a"]

    def test_settings_say_whose_pods_count(self) -> None:
        options = GrowOptions.of(Config(pod_namespaces=("team",), pod_selector="app=web"))
        ours = pod("ours", pod_class(namespace="team"))
        theirs = pod("theirs", pod_class(namespace="other"))
        assert counted(ours, theirs, options=options) == ["ours"]


class TestOrder:
    """Who is served first."""

    def test_a_higher_priority_comes_first_then_the_oldest(self) -> None:
        waiting = [
            pod("young", created=NOW - 1),
            pod("old", created=NOW - 9),
            pod("important", priority=5, created=NOW),
        ]
        assert counted(*waiting) == ["important", "old", "young"]
        assert counted(*reversed(waiting)) == ["important", "old", "young"]


class TestDrainedNodes:
    """Pods of a node that goes will be made anew, and need a place then."""

    def moving(self, *running: Pod, tainted: bool = True) -> list[str]:
        drained = node(to_be_deleted_since=NOW - 9 if tainted else None)
        found = snapshot([group(instances=(instance(),))], nodes=[drained], running=running)
        return [each.name for each in pending_pods(found, OPTIONS).moving]

    def test_they_are_planned_while_they_still_run(self) -> None:
        assert self.moving(pod(node="node-i-1")) == ["web-0"]

    def test_a_removal_that_has_not_tainted_yet_is_one_too(self) -> None:
        found = snapshot(nodes=[node()], running=[pod(node="node-i-1")], removing=frozenset({"node-i-1"}))
        assert len(pending_pods(found, OPTIONS).moving) == 1

    def test_one_that_is_being_deleted_has_been_made_anew_already(self) -> None:
        assert self.moving(pod(node="node-i-1", delete_at=NOW + 9)) == []

    def test_pods_that_nobody_makes_anew_are_left_out(self) -> None:
        bare, daemon = pod("bare", node="node-i-1", owner=None), pod("ds", node="node-i-1", is_daemon=True)
        mirror = replace(pod("static", node="node-i-1"), is_mirror=True)
        assert self.moving(bare, daemon, mirror) == []

    def test_pods_of_other_nodes_stay_where_they_are(self) -> None:
        assert self.moving(pod(node="node-i-1"), tainted=False) == []

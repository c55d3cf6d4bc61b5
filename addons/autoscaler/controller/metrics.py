"""What is exported as metrics: by the original's names where the meaning is equal, else by ours."""

from collections import Counter as Tally
from collections.abc import Mapping
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from addons.autoscaler import names
from addons.autoscaler.controller.passes import Pass
from addons.autoscaler.model.plans import GroupState
from addons.autoscaler.plan.resting import is_breaker_open
from addons.runtime.errors import OutsideError

_SAFE = Gauge("cluster_autoscaler_cluster_safe_to_autoscale", "1 while what is known may be acted upon.")
_NODES = Gauge("cluster_autoscaler_nodes_count", "Nodes of the groups, by state.", ["state"])
_GROUPS = Gauge("cluster_autoscaler_node_groups_count", "Groups.", ["node_group_type"])
_PODS = Gauge("cluster_autoscaler_unschedulable_pods_count", "Pods that no node takes now.", ["type"])
_MAX_NODES = Gauge("cluster_autoscaler_max_nodes_count", "Nodes that all groups may have.")
_UNNEEDED = Gauge("cluster_autoscaler_unneeded_nodes_count", "Nodes that are not needed.")
_UNREMOVABLE = Gauge("cluster_autoscaler_unremovable_nodes_count", "Nodes that stay, by reason.", ["reason"])
_COOLDOWN = Gauge("cluster_autoscaler_scale_down_in_cooldown", "1 while no group may shrink as it just grew.")
_ACTIVITY = Gauge("cluster_autoscaler_last_activity", "When it was done last, Unix time.", ["activity"])
_SECONDS = Histogram(
    "cluster_autoscaler_function_duration_seconds",
    "Time that a part of a pass takes.",
    ["function"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
_ERRORS = Counter("cluster_autoscaler_errors_total", "Passes that failed.", ["type"])
_SCALED_UP = Counter("cluster_autoscaler_scaled_up_nodes_total", "Nodes that were ordered.")
_FAILED_UP = Counter("cluster_autoscaler_failed_scale_ups_total", "Orders that failed.", ["reason"])
_SCALED_DOWN = Counter("cluster_autoscaler_scaled_down_nodes_total", "Nodes that were removed.", ["reason"])
_LOST = Counter(
    "cluster_autoscaler_old_unregistered_nodes_removed_count", "Instances ended that never became nodes."
)
_EVICTED = Counter("cluster_autoscaler_evicted_pods_total", "Pods that were evicted.", ["eviction_result"])

_UPCOMING = Gauge("addons_autoscaler_upcoming_nodes", "Nodes of a group that are still to come.", ["group"])
_DESIRED = Gauge("addons_autoscaler_desired_nodes", "Desired capacity of a group.", ["group"])
_GROWS = Gauge(
    "addons_autoscaler_group_held", "1 while a group does not grow as wanted, by reason.", ["group", "reason"]
)
_BREAKER = Gauge(
    "addons_autoscaler_breaker_open",
    "1 while one node at a time is tried in the whole cluster, as so many orders have failed.",
)
_OUTCOMES = Counter("addons_autoscaler_intents_total", "Orders that ended, by how.", ["group", "outcome"])
_VOLUME = Counter(
    "addons_autoscaler_volume_bound_nodes_total",
    "Nodes that the pods of orders would need at least: beside scaled_up_nodes_total, what is given away.",
)
_REACTION = Histogram(
    "addons_autoscaler_reaction_seconds",
    "From when the scheduler called the youngest pod of an order unschedulable to the answer of AWS.",
    buckets=(0.5, 1, 1.5, 2, 3, 5, 10, 30, 60, 300),
)

_STATES: Final = ("ready", "unready", "notStarted", "longUnregistered", "unregistered")

EMPTY: Final = "empty"
UNDERUTILIZED: Final = "underutilized"
UNREADY: Final = "unready"


class Metrics:
    """Keeps the figures of passes and of what comes of them."""

    def __init__(self) -> None:
        self._shown: set[tuple[Gauge, tuple[str, ...]]] = set()

    def passed(self, done: Pass) -> None:
        """What a pass has found."""
        states = done.states
        _SAFE.set(not done.snapshot.is_stale)
        _BREAKER.set(is_breaker_open(done.memory, done.snapshot.now))
        for state, count in zip(_STATES, _counts(states), strict=True):
            _NODES.labels(state).set(count)
        _GROUPS.labels("autoscaled").set(len(states))
        waits = Tally(bool(each.groups) for each in done.grow.waits)
        _PODS.labels("unschedulable").set(waits[True] + sum(len(each.pods) for each in done.grow.orders))
        _MAX_NODES.set(sum(state.group.max_size for state in states.values()))
        _UNNEEDED.set(len(done.shrink.unneeded))
        unremovable = Tally(why.code for why in done.shrink.stays.values())
        _COOLDOWN.set(bool(states) and unremovable[names.COOLDOWN] == len(done.shrink.stays) > 0)
        self._show(done, unremovable)
        _VOLUME.inc(done.grow.volume_bound if done.grow.orders else 0)
        for part in ("main", "scaleUp", "scaleDown"):
            _ACTIVITY.labels(part).set(done.snapshot.now)

    def _show(self, done: Pass, unremovable: Mapping[str, int]) -> None:
        now: dict[tuple[Gauge, tuple[str, ...]], float] = {}
        for reason, count in unremovable.items():
            now[_UNREMOVABLE, (reason,)] = count
        for name, state in done.states.items():
            now[_UPCOMING, (name,)] = state.upcoming
            now[_DESIRED, (name,)] = state.group.desired
            if why := state.why_not or done.grow.held.get(name):
                now[_GROWS, (name, why.code)] = 1
        for gauge, labels in self._shown - now.keys():
            gauge.remove(*labels)
        for (gauge, labels), value in now.items():
            gauge.labels(*labels).set(value)
        self._shown = set(now)

    def took(self, part: str, seconds: float) -> None:
        """A part of a pass took so long: main, scaleUp, scaleDown, updateClusterState."""
        _SECONDS.labels(part).observe(seconds)

    def failed(self, kind: str) -> None:
        """A pass failed."""
        _ERRORS.labels(kind).inc()

    def ordered(self, count: int) -> None:
        """AWS has taken an order for so many nodes."""
        _SCALED_UP.inc(count)

    def reacted(self, seconds: float) -> None:
        """AWS has taken an order so long after its first pod was called unschedulable."""
        _REACTION.observe(max(0.0, seconds))

    def not_ordered(self, error: OutsideError) -> None:
        """AWS has refused an order."""
        _FAILED_UP.labels("timeout" if error.code == "Timeout" else "cloudProviderError").inc()

    def intent_ended(self, group: str, outcome: str) -> None:
        """What became of an order."""
        _OUTCOMES.labels(group, outcome).inc()

    def removed(self, reason: str) -> None:
        """A node was removed."""
        _SCALED_DOWN.labels(reason).inc()

    def ended_lost(self) -> None:
        """An instance was ended that never became a node."""
        _LOST.inc()

    def evicted(self, *, succeeded: bool) -> None:
        """A pod was evicted, or could not be."""
        _EVICTED.labels("succeeded" if succeeded else "failed").inc()

    def forget(self) -> None:
        """Show nothing of groups any more: another replica leads."""
        _BREAKER.set(0)
        for gauge, labels in self._shown:
            gauge.remove(*labels)
        self._shown = set()


def _counts(states: Mapping[str, GroupState]) -> tuple[int, int, int, int, int]:
    """Nodes in the order of _STATES."""
    every = states.values()
    lost = sum(len(each.lost) for each in every)
    return (
        sum(each.ready for each in every),
        sum(each.unready for each in every),
        sum(each.starting for each in every),
        lost,
        max(0, sum(each.unregistered for each in every) - lost),
    )

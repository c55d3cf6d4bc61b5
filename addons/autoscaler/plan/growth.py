"""The plan of what grows: choose a group, give it pods, and again, until no group helps any more."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from addons.autoscaler import names
from addons.autoscaler.model.nodes import Template
from addons.autoscaler.model.plans import GroupState, Order, WhyNot
from addons.autoscaler.model.pods import Pod, PodClass
from addons.autoscaler.model.resources import CPU, MEMORY
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.cluster import Cluster
from addons.autoscaler.plan.estimate import Estimate, Estimator
from addons.autoscaler.plan.expanders import Option, choose
from addons.autoscaler.plan.holds import Holds
from addons.autoscaler.plan.limits import Limits
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.similar import are_similar, balanced
from addons.autoscaler.plan.zone_shares import Shares, ZoneShares, is_of_one_zone

Demand = dict[PodClass, list[Pod]]
_GIB_A_CORE = 8
"""So much memory counts as much as a core, where work is weighed by its price."""


@dataclass(slots=True)
class Draft:
    """An order while the plan grows."""

    count: int = 0
    pods: list[Pod] = field(default_factory=list)
    why: str = ""
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Bid:
    """What a group would do: so many nodes, shared with similar groups (`most` of each), for these pods."""

    state: GroupState
    estimate: Estimate
    most: Mapping[str, int]
    probes: bool
    option: Option


class Growth:
    """Grows groups for pods until all have a place or no group helps. `drafts` are the orders by group."""

    def __init__(
        self,
        snapshot: Snapshot,
        options: GrowOptions,
        *,
        states: Mapping[str, GroupState],
        cluster: Cluster,
        demand: Demand,
    ) -> None:
        self.drafts: dict[str, Draft] = {}
        self.held: dict[str, WhyNot] = {}
        self.against: dict[str, str] = {}
        self.demand = demand
        self.limits = Limits(snapshot, states, options)
        self.holds = Holds(snapshot, states)
        self._shares: Shares = {}
        self._zones = ZoneShares(
            snapshot, states=states, cluster=cluster, limits=self.limits, holds=self.holds
        )
        self._snapshot = snapshot
        self._options = options
        self._states = states
        self._cluster = cluster
        self._estimator = Estimator(cluster)
        self._new = 0

    def raise_to_minimum(self) -> None:
        """Order what groups are short of their minimum."""
        for name, state in self._states.items():
            short = state.group.min_size - state.target
            if short > 0 and state.why_not is None:
                left, why = self.limits.left(state, probes=not state.is_proven)
                if left < short:
                    self.held[name] = why
                if left > 0:
                    self._draft(state, min(short, left), f"its minimum is {state.group.min_size}")
                    self._use(state, min(short, left))

    def grow(self) -> None:
        """Give pods to groups, one group after the other, until that ends."""
        while self.demand:
            self._shares = self._zones.of(self.demand)
            bids = [bid for state in self._states.values() if (bid := self._bid(state)) is not None]
            if not bids:
                break
            choice = choose(
                [bid.option for bid in bids],
                self._options.expanders,
                priorities=self._snapshot.priorities,
                seed=self._snapshot.seed,
            )
            self.against |= choice.against
            self._commit(next(bid for bid in bids if bid.option is choice.option), choice.why)

    def orders(self) -> tuple[Order, ...]:
        """Give the orders, by name of their groups."""
        return tuple(self._order(self._states[name], self.drafts[name]) for name in sorted(self.drafts))

    def _order(self, state: GroupState, draft: Draft) -> Order:
        target = state.target + max(0, draft.count - state.given_up)
        pods = tuple(draft.pods)
        return Order(state.group.name, draft.count, target, pods, draft.why, draft.is_probe)

    def _bid(self, state: GroupState) -> Bid | None:
        """Say what a group would do; pods that its nodes are known to take come first."""
        template = self._snapshot.templates.get(state.group.name)
        if template is None or state.why_not is not None:
            return None
        sure, trial = self.holds.sorted_classes(self.demand, state)
        return self._bid_for(state, template, sure, probes=False) or self._bid_for(
            state, template, trial, probes=True
        )

    def _bid_for(
        self, state: GroupState, template: Template, classes: list[PodClass], *, probes: bool
    ) -> Bid | None:
        if not classes:
            return None
        left, why = self.limits.left(state, probes=probes)
        if left <= 0:
            self.held[state.group.name] = why
            return None
        most = {state.group.name: left, **self._room_beside(state, template, classes)}
        wanted, shared_out = self._wanted(state, template, classes)
        found = self._estimator.estimate(
            wanted, template, most=sum(most.values()), spread_elsewhere=shared_out
        )
        if not found.nodes:
            return None
        if found.nodes == sum(most.values()) and found.left:
            self.held[state.group.name] = why
        return Bid(state, found, most, probes, _option(state, template, found))

    def _wanted(
        self, state: GroupState, template: Template, classes: list[PodClass]
    ) -> tuple[list[tuple[PodClass, int]], frozenset[PodClass]]:
        """Say how many pods of each class are for this group, and for which that is its zone's share."""
        shares = self._shares if is_of_one_zone(state) else {}
        zone = template.labels.get(names.ZONE, "")
        wanted = [
            (cls, shares[cls].get(zone, 0) if cls in shares else len(self.demand[cls])) for cls in classes
        ]
        return [each for each in wanted if each[1]], frozenset(cls for cls in classes if cls in shares)

    def _room_beside(self, state: GroupState, template: Template, classes: list[PodClass]) -> dict[str, int]:
        """Find the groups that new nodes may be shared with, and how many each may add."""
        if not self._options.balances or any(is_zonal(cls) for cls in classes):
            return {}
        room = {}
        for name, other in self._states.items():
            twin = self._snapshot.templates.get(name)
            if name == state.group.name or other.why_not is not None or twin is None:
                continue
            if not are_similar(template, twin, self._options):
                continue
            sure, trial = self.holds.sorted_classes(dict.fromkeys(classes, ()), other)
            left, _ = self.limits.left(other, probes=bool(trial))
            if left > 0 and len(sure) + len(trial) == len(classes) and self._takes_all(classes, twin):
                room[name] = left
        return room

    def _takes_all(self, classes: list[PodClass], template: Template) -> bool:
        found = self._estimator.estimate([(cls, 1) for cls in classes], template, most=len(classes))
        return not found.left

    def _commit(self, bid: Bid, why: str) -> None:
        """Make the bid part of the plan: its nodes are upcoming, its pods have their places there."""
        groups = iter(self._shared_out(bid, why))
        for nodes, pods in bid.estimate.runs:
            for group in islice(groups, nodes):
                self._place(pods, group)
        self._estimator = Estimator(self._cluster)

    def _shared_out(self, bid: Bid, why: str) -> list[str]:
        """Order the nodes of a bid; give the group of each. Of similar groups each goes to the smallest that
        may still add one: they may share limits, so each is asked for again.
        """
        probes = {name: bid.probes or not self._states[name].is_proven for name in bid.most}
        if len(bid.most) == 1:
            name = bid.state.group.name
            self._draft(bid.state, bid.estimate.nodes, why, probes=probes[name])
            return [name] * bid.estimate.nodes
        groups: list[str] = []
        for _ in range(bid.estimate.nodes):
            left = {name: self.limits.left(self._states[name], probes=probes[name])[0] for name in bid.most}
            sizes = {name: self._states[name].target + self.limits.taken(name) for name in bid.most}
            for name in balanced(1, sizes, left):
                self._draft(self._states[name], 1, why, probes=probes[name])
                groups.append(name)
        return groups

    def _draft(self, state: GroupState, count: int, why: str, *, probes: bool | None = None) -> None:
        is_probe = not state.is_proven if probes is None else probes
        self.limits.take(state, count, probes=is_probe)
        draft = self.drafts.setdefault(state.group.name, Draft(why=why))
        draft.count += count
        draft.is_probe |= is_probe

    def _use(self, state: GroupState, count: int) -> None:
        """Give nodes that are ordered anyway to the pods that they take."""
        nodes = frozenset(self._new_node(state.group.name) for _ in range(count))
        sure, trial = self.holds.sorted_classes(list(self.demand), state)
        for cls in (*sure, *trial):
            placed = self._cluster.fill(cls, len(self.demand[cls]), among=nodes)
            self._give(cls, sum(placed.values()), state.group.name)

    def _place(self, pods: Mapping[PodClass, int], group: str) -> None:
        node = self._new_node(group)
        for cls, count in pods.items():
            self._cluster.place(cls, node, count)
            self._give(cls, count, group)

    def _new_node(self, group: str) -> str:
        self._new += 1
        node = f"new {self._new} of {group}"
        self._cluster.add_node(node, self._snapshot.templates[group])
        return node

    def _give(self, cls: PodClass, count: int, group: str) -> None:
        waiting = self.demand[cls]
        self.drafts[group].pods += waiting[:count]
        del waiting[:count]
        if not waiting:
            del self.demand[cls]


def is_zonal(cls: PodClass) -> bool:
    """Whether it matters to pods of a class which others are in their zone."""
    keys = {
        *(each.topology_key for each in cls.spread),
        *(each.topology_key for each in (*cls.affinity, *cls.anti_affinity)),
    }
    return bool(keys - {names.HOSTNAME})


def _option(state: GroupState, template: Template, found: Estimate) -> Option:
    used = {
        resource: sum(cls.requests.get(resource, 0) * count for cls, count in found.placed.items())
        for resource in (CPU, MEMORY)
    }
    return Option(
        state.group,
        found.nodes,
        found.pods,
        waste=sum(_waste(used[each], template.allocatable.get(each, 0) * found.nodes) for each in used),
        work=used[CPU] / 1000 + used[MEMORY] / (_GIB_A_CORE << 30),
    )


def _waste(used: int, offered: int) -> float:
    return 1 - used / offered if offered else 0.0

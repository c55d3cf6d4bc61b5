"""Which nodes go, and why each other node stays."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from addons.autoscaler import names
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import GroupState, GrowPlan, Removal, ShrinkPlan, WhyNot
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.budgets import Budgets
from addons.autoscaler.plan.drainability import Evictions, Rules, evictions
from addons.autoscaler.plan.eligibility import (
    STALE_SECONDS,
    Facts,
    Membership,
    memberships,
    why_not_candidate,
)
from addons.autoscaler.plan.loads import Loads
from addons.autoscaler.plan.moves import Moves, Places, places_beside
from addons.autoscaler.plan.shrink_limits import (
    AtOnce,
    Cooldowns,
    Minimums,
    group_sizes,
    nodes_going,
    rolled_nodes,
    timers,
    why_not_long_enough,
    why_rests,
)
from addons.autoscaler.plan.shrink_options import ShrinkOptions
from addons.autoscaler.plan.unready import health_gate, lost_removals
from addons.autoscaler.plan.utilization import Utilizations

_PAUSES = frozenset(
    {
        names.STALE_VIEW,
        names.BLOCKED_BUDGET,
        names.RECENTLY_FAILED,
        names.UNHEALTHY,
        names.SCALE_DOWN_OFF,
        names.BEING_REMOVED,
    }
)
"""What keeps a node for now and says nothing of whether it is needed: since when it was not is kept."""


class _Candidate(NamedTuple):
    node: Node
    member: Membership
    evictions: Evictions


def plan_down(
    snapshot: Snapshot,
    options: ShrinkOptions,
    grow: GrowPlan,
    *,
    states: Iterable[GroupState] = (),
    utilizations: Utilizations | None = None,
    loads: Loads | None = None,
) -> ShrinkPlan:
    """Choose the nodes that go now: empty ones first, then those that are used least.

    A node goes when its pods may be evicted and have places on nodes that stay, counted over all nodes of the
    pass and those under way, and it could have gone for long enough. `states` name instances that never
    became nodes; `utilizations` and `loads` of earlier passes save time and change nothing. Every node is in
    `removals` or in `stays`.
    """
    if why := snapshot.is_stale:
        held = WhyNot(names.STALE_VIEW, why)
        known = {name: since for name, since in timers(snapshot).items() if name in snapshot.nodes}
        return ShrinkPlan(stays=dict.fromkeys(snapshot.nodes, held), unneeded=known)
    sizes = group_sizes(snapshot, nodes_going(snapshot))
    current = [
        each
        for each in states
        if snapshot.now - each.group.observed <= STALE_SECONDS and each.group.name not in snapshot.rolls
    ]
    lost = lost_removals(current, sizes)
    for each in lost:
        sizes[each.group] -= 1
    if not options.is_on:
        off = WhyNot(names.SCALE_DOWN_OFF, "nodes are not removed (--no-scale-down-enabled)")
        return ShrinkPlan(removals=lost, stays=dict.fromkeys(snapshot.nodes, off))
    kept = utilizations if utilizations is not None else Utilizations()
    kept.keep_only(snapshot.nodes)
    facts = Facts(snapshot, options, memberships(snapshot), kept)
    rules = Rules(options, Budgets(snapshot.budgets), snapshot.now)
    chosen = _Pass(facts, rules, grow, sizes, timers(snapshot), loads)
    chosen.run()
    return chosen.result(lost)


@dataclass(slots=True)
class _Pass:
    """One pass, and what it has found so far. `since` is when each node was first not needed."""

    facts: Facts
    rules: Rules
    grow: GrowPlan
    sizes: dict[str, int]
    since: Mapping[str, float]
    loads: Loads | None
    stays: dict[str, WhyNot] = field(default_factory=dict)
    unneeded: dict[str, float] = field(default_factory=dict)
    removals: list[Removal] = field(default_factory=list)

    def run(self) -> None:
        """Look at every node; try those that might go one after the other."""
        candidates = self._candidates()
        if not candidates:
            return
        going = nodes_going(self.facts.snapshot)
        places = self._places(candidates, going)
        minimums = Minimums.of(self.facts.snapshot, self.sizes, going)
        waits = self._waits(going)
        for each in candidates:
            moves = self._moves(each, places, minimums)
            if isinstance(moves, WhyNot):
                self.stays[each.node.name] = moves
            else:
                minimums.take(each.node, each.member.group)
                self._accept(each, moves, waits)

    def _candidates(self) -> list[_Candidate]:
        """Nodes that may be thought of, in the order in which they are: those without pods first, those that
        could go before next, that the order does not change from pass to pass, then those used least.
        """
        snapshot, found = self.facts.snapshot, []
        for name, node in snapshot.nodes.items():
            why = why_not_candidate(node, self.facts) or why_rests(
                snapshot.memory.nodes.get(name), options=self.facts.options, now=snapshot.now
            )
            evicted = why or evictions(snapshot.pods_of.get(name, ()), self.rules)
            if isinstance(evicted, WhyNot):
                self.stays[name] = evicted
            else:
                found.append(_Candidate(node, self.facts.members[name], evicted))
        used = self.facts.used
        return sorted(
            found,
            key=lambda each: (
                bool(each.evictions.all),
                each.node.name not in self.since,
                used[each.node.name].share,
                each.node.name,
            ),
        )

    def _places(self, candidates: Sequence[_Candidate], going: frozenset[str]) -> Places:
        """Where pods may move to: first where nothing may go, last where something could go before."""
        snapshot = self.facts.snapshot
        late = {each.node.name for each in candidates}
        again = late & self.since.keys()
        stay = snapshot.nodes.keys() - late - rolled_nodes(snapshot)
        tiers = (stay, late - again, again)
        return places_beside(snapshot, self.rules, going, tiers, loads=self.loads)

    def _moves(self, each: _Candidate, places: Places, minimums: Minimums) -> Moves | WhyNot:
        """Where the pods of a node would go; or why it has to stay."""
        name = each.node.name
        if what := places.expected.get(name):
            return WhyNot(names.RECEIVES_PODS, what)
        return (
            minimums.why_not(each.node, each.member.group)
            or self.rules.budgets.why_not(each.evictions.all)
            or places.try_to_empty(name, each.evictions.moving)
        )

    def _accept(self, each: _Candidate, moves: Moves, waits: "_Waits") -> None:
        """A node could go: it does, or waits for its time."""
        node, group = each.node, each.member.group
        since = self.unneeded[node.name] = self.since.get(node.name, self.facts.snapshot.now)
        is_empty = not each.evictions.all
        if why := waits.why_not(each, since, is_empty=is_empty):
            self.stays[node.name] = why
            return
        waits.at_once.take(is_empty=is_empty)
        self.rules.budgets.charge(each.evictions.all)
        why_it_goes = self._why(node, since, is_empty=is_empty)
        self.removals.append(Removal(node.name, node.instance, group.name, why_it_goes, moves))

    def _why(self, node: Node, since: float, *, is_empty: bool) -> str:
        now = self.facts.snapshot.now
        if not node.is_ready:
            return f"not ready for {now - node.ready_changed:.0f} s: {node.not_ready_why}"
        what = "no pods to move" if is_empty else str(self.facts.used[node.name])
        return f"{what}, not needed for {now - since:.0f} s"

    def _waits(self, going: frozenset[str]) -> "_Waits":
        snapshot, options = self.facts.snapshot, self.facts.options
        return _Waits(
            snapshot.now,
            Cooldowns(snapshot, options, self.grow),
            AtOnce.of(snapshot, options, going),
            health_gate(
                snapshot.nodes.values(), self.facts.members.keys(), options=options, now=snapshot.now
            ),
        )

    def result(self, lost: tuple[Removal, ...]) -> ShrinkPlan:
        """What was found, in the order of names; of nodes that are kept for another reason than that they are
        needed, since when they were not.
        """
        for name, why in self.stays.items():
            if why.code in _PAUSES and name in self.since:
                self.unneeded.setdefault(name, self.since[name])
        stays = {name: self.stays[name] for name in sorted(self.stays)}
        unneeded = {name: self.unneeded[name] for name in sorted(self.unneeded)}
        return ShrinkPlan(lost + tuple(self.removals), stays, unneeded)


@dataclass(frozen=True, slots=True)
class _Waits:
    """What keeps a node for a time that could go."""

    now: float
    cooldowns: Cooldowns
    at_once: AtOnce
    gate: WhyNot | None

    def why_not(self, each: _Candidate, since: float, *, is_empty: bool) -> WhyNot | None:
        """Why a node does not go now."""
        return (
            why_not_long_enough(each.node, each.member.group, since, self.now)
            or self.cooldowns.why_not(each.member.group.name)
            or self._why_gated(each.node)
            or self.at_once.why_not(is_empty=is_empty)
        )

    def _why_gated(self, node: Node) -> WhyNot | None:
        """While much is out of order, ready nodes stay, and others go one by one."""
        return self.gate if node.is_ready or self.at_once.removals else None

"""A last look at a node that is tainted already, with all that has changed since it was planned."""

from dataclasses import replace

from addons.autoscaler import names
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.budgets import Budgets
from addons.autoscaler.plan.drainability import Rules, evictions
from addons.autoscaler.plan.eligibility import Facts, disabled, in_use, memberships, protected, stale_group
from addons.autoscaler.plan.loads import Loads
from addons.autoscaler.plan.moves import places_beside
from addons.autoscaler.plan.shrink_limits import Minimums, group_sizes, nodes_going
from addons.autoscaler.plan.shrink_options import ShrinkOptions
from addons.autoscaler.plan.utilization import Utilizations

_RULES = (disabled, protected, stale_group, in_use)


def why_kept(
    snapshot: Snapshot, options: ShrinkOptions, name: str, *, loads: Loads | None = None
) -> WhyNot | None:
    """Why a node that is about to be emptied is to be kept after all; None: it may go.

    What was decided for good when it was planned is not asked again: times, cool-downs, and how many go at
    once. `snapshot` may count the node among those that are removed, or not; one that is gone may go.
    """
    node = snapshot.nodes.get(name)
    if node is None:
        return None
    if snapshot.is_stale:
        return WhyNot(names.STALE_VIEW, snapshot.is_stale)
    facts = Facts(snapshot, options, memberships(snapshot), Utilizations())
    if name not in facts.members:
        return None
    why = next((why for rule in _RULES if (why := rule(node, facts))), None)
    return why or _why_not_empty(snapshot, facts, node, loads)


def _why_not_empty(snapshot: Snapshot, facts: Facts, node: Node, loads: Loads | None) -> WhyNot | None:
    """Why the cluster cannot do without it, or its pods cannot go, beside all else that goes."""
    name, group = node.name, facts.members[node.name].group
    others = nodes_going(snapshot) - {name}
    minimums = Minimums.of(snapshot, group_sizes(snapshot, others), others)
    rules = Rules(facts.options, Budgets(snapshot.budgets), snapshot.now)
    evicted = evictions(snapshot.pods_of.get(name, ()), rules)
    if isinstance(evicted, WhyNot):
        return evicted
    alone = replace(snapshot, removing=others)
    places = places_beside(alone, rules, others, [snapshot.nodes.keys() - {name}], loads=loads)
    moves = places.try_to_empty(name, evicted.moving)
    return (
        minimums.why_not(node, group)
        or rules.budgets.why_not(evicted.all)
        or (moves if isinstance(moves, WhyNot) else None)
    )

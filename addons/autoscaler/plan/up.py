"""What grows: which groups get how many nodes for which pods, and why every other pod waits."""

from addons.autoscaler import names
from addons.autoscaler.model.nodes import Template
from addons.autoscaler.model.plans import GrowPlan, Order, Waits, WhyNot
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.cluster import Cluster
from addons.autoscaler.plan.groups import group_states
from addons.autoscaler.plan.growth import Growth
from addons.autoscaler.plan.loads import Loads
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.pending import pending_pods
from addons.autoscaler.plan.reasons import Reasons
from addons.autoscaler.plan.serving import add_upcoming, empty_drained, remove_expendable, serve


def plan_up(snapshot: Snapshot, options: GrowOptions, loads: Loads | None = None) -> GrowPlan:
    """Plan orders for the pods that wait for room, and say of every waiting pod why it waits.

    Pods that fit a node there is, or one that is on its way, order nothing. What is ordered counts as on its
    way for the rest of the plan. The same snapshot gives the same plan, whatever order its parts are in.
    With `loads` of earlier passes, nodes on which nothing has changed are not counted anew.
    """
    pending = pending_pods(snapshot, options)
    states = group_states(snapshot, options)
    is_short = options.enforces_min and any(state.target < state.group.min_size for state in states.values())
    if not (pending.counted or pending.moving or pending.nominated or is_short):
        return GrowPlan(waits=pending.waits)
    cluster = Cluster.of(snapshot, loads)
    remove_expendable(cluster, snapshot, options)
    empty_drained(cluster, snapshot)
    upcoming = add_upcoming(cluster, snapshot, states, options)
    served = serve(pending, cluster, snapshot, upcoming)
    growth = Growth(
        snapshot, options, states=states, cluster=cluster, demand={k: list(v) for k, v in served.left.items()}
    )
    if closed := _why_closed(snapshot, options):
        growth.held.update(dict.fromkeys(states, closed))
    else:
        if options.enforces_min:
            growth.raise_to_minimum()
        growth.grow()
    moving = frozenset(map(id, pending.moving))
    reasons = Reasons(snapshot, states, cluster, growth, closed)
    waits = [
        Waits(pod, None, groups)
        for cls, pods in growth.demand.items()
        for groups in (reasons.of(cls),)
        for pod in pods
        if id(pod) not in moving
    ]
    orders = growth.orders()
    return GrowPlan(
        orders=orders,
        waits=(*pending.waits, *served.waits, *waits),
        held=reasons.held(),
        volume_bound=sum(_least_nodes(order, snapshot.templates.get(order.group)) for order in orders),
    )


def _why_closed(snapshot: Snapshot, options: GrowOptions) -> WhyNot | None:
    """Say why nothing grows at all."""
    if options.grows_from_zero or any(node.is_ready for node in snapshot.nodes.values()):
        return None
    return WhyNot(names.UNHEALTHY, "no node of the cluster is ready (--scale-up-from-zero)")


def _least_nodes(order: Order, template: Template | None) -> int:
    """Say how few nodes could do, by the sum of what the pods of an order request."""
    if template is None:
        return 0
    totals: dict[str, int] = {}
    for pod in order.pods:
        for resource, amount in pod.cls.requests.items():
            totals[resource] = totals.get(resource, 0) + amount
    daemons = {
        resource: sum(each.requests.get(resource, 0) for each in template.daemons) for resource in totals
    }
    return max(
        (
            -(-total // free)
            for resource, total in totals.items()
            if (free := template.allocatable.get(resource, 0) - daemons[resource]) > 0
        ),
        default=0,
    )

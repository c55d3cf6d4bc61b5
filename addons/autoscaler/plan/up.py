"""What grows: which groups get how many nodes for which pods, and why every other pod waits."""

from collections.abc import Iterator, Mapping

from addons.autoscaler import names
from addons.autoscaler.model.nodes import Template
from addons.autoscaler.model.plans import GroupState, GrowPlan, Order, Waits, WhyNot
from addons.autoscaler.model.pods import PodClass
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.cluster import Cluster
from addons.autoscaler.plan.estimate import why_not_template
from addons.autoscaler.plan.groups import group_states
from addons.autoscaler.plan.growth import Growth
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.pending import pending_pods
from addons.autoscaler.plan.serving import add_upcoming, empty_drained, serve


def plan_up(snapshot: Snapshot, options: GrowOptions) -> GrowPlan:
    """Plan orders for the pods that wait for room, and say of every waiting pod why it waits.

    Pods that fit a node there is, or one that is on its way, order nothing. What is ordered counts as on its
    way for the rest of the plan. The same snapshot gives the same plan, whatever order its parts are in.
    """
    states = group_states(snapshot, options)
    pending = pending_pods(snapshot, options)
    if not pending.counted and not pending.moving and not options.enforces_min:
        return GrowPlan(waits=pending.waits)
    cluster = Cluster.of(snapshot)
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
    reasons = _Reasons(snapshot, states, cluster, growth, closed)
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


class _Reasons:
    """Says why no group grows for the pods that are left, once for each class."""

    def __init__(
        self,
        snapshot: Snapshot,
        states: Mapping[str, GroupState],
        cluster: Cluster,
        growth: Growth,
        closed: WhyNot | None,
    ) -> None:
        self._templates = snapshot.templates
        self._states = states
        self._cluster = cluster
        self._growth = growth
        self._closed = closed
        self._mismatches: dict[tuple[PodClass, str], WhyNot | None] = {}
        self._limits: dict[tuple[str, bool], WhyNot] = {}

    def of(self, cls: PodClass) -> Mapping[str, WhyNot]:
        """Say it of each group."""
        return {name: self._why(cls, state) for name, state in self._states.items()}

    def held(self) -> dict[str, WhyNot]:
        """Say of groups why they do not grow as pods that are left would want them to."""
        return dict(sorted(self._held())) if self._growth.demand or self._growth.held else {}

    def _held(self) -> Iterator[tuple[str, WhyNot]]:
        for name, state in self._states.items():
            why = state.why_not or self._growth.held.get(name)
            if why is not None and (self._growth.demand or name in self._growth.held):
                yield name, why

    def _why(self, cls: PodClass, state: GroupState) -> WhyNot:
        name = state.group.name
        if self._closed is not None:
            return self._closed
        if (template := self._templates.get(name)) is None:
            return state.why_not or WhyNot(names.NO_TEMPLATE, "it has no template")
        if (why := self._mismatch(cls, template)) is not None:
            return why
        if (why := self._growth.holds.why_held(cls, state)) is not None:
            return why
        if state.why_not is not None:
            return state.why_not
        sure, _ = self._growth.holds.sorted_classes([cls], state)
        return self._limit(state, probes=not sure)

    def _limit(self, state: GroupState, *, probes: bool) -> WhyNot:
        key = (state.group.name, probes)
        if key not in self._limits:
            left, why = self._growth.limits.left(state, probes=probes)
            told = self._growth.against.get(state.group.name, "it was not chosen")
            self._limits[key] = why if left <= 0 else WhyNot(names.NOT_CHOSEN, told)
        return self._limits[key]

    def _mismatch(self, cls: PodClass, template: Template) -> WhyNot | None:
        key = (cls, template.digest or template.group)
        if key not in self._mismatches:
            self._mismatches[key] = why_not_template(cls, template, self._cluster)
        return self._mismatches[key]

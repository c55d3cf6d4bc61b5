"""What a dry run prints of a pass: what would grow, and what would go."""

from collections.abc import Iterator

from addons.autoscaler.controller.passes import Pass
from addons.runtime.outcomes import PlanLine


def plan_lines(done: Pass) -> Iterator[PlanLine]:
    """A line for each group that would grow, and for each node that would go."""
    for order in done.grow.orders:
        details: dict[str, object] = {
            "from": order.target - order.count,
            "to": order.target,
            "pods": len(order.pods),
            "probe": order.is_probe,
        }
        yield PlanLine(order.group, "grow", f"group/{order.group}", order.why, details)
    for removal in done.shrink.removals:
        moves = {str(pod): target for pod, target in removal.moves}
        details = {"group": removal.group, "instance": removal.instance, "moves": moves}
        about = f"node/{removal.node}" if removal.node else f"instance/{removal.instance}"
        yield PlanLine(removal.node or removal.instance, "remove", about, removal.why, details)

"""Which policy holds."""

from addons.cni.plan import demand_targets, warm_targets
from addons.cni.plan.stock import Stock
from addons.cni.plan.targets import Targets
from addons.cni.plan.view import View


def targets_of(view: View, stock: Stock, rooms: tuple[int, ...]) -> Targets:
    """What the policy in force wishes; `rooms` as in `warm_targets`."""
    if view.policy.is_demand_driven:
        return demand_targets.demand_targets(view, stock)
    return warm_targets.warm_targets(view, stock, rooms)


def can_spare(view: View, have: Stock, others: Stock) -> bool:
    """Whether `others`, which are what there is without one interface, are enough."""
    if view.policy.is_demand_driven:
        return demand_targets.can_spare(view, have, others)
    return warm_targets.can_spare(view, have, others)

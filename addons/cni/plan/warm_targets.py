"""The original's arithmetic, for those who set its WARM_ and MINIMUM_ targets.

Two things differ. Addresses that cool down are not there: the original counts them as available, and so does
not grow when all that it has is cooling. Pods that wait count as if they had their address.
"""

from addons.cni.model.enis import PREFIX_SIZE
from addons.cni.plan.stock import Stock
from addons.cni.plan.targets import Targets, units
from addons.cni.plan.view import View


def warm_targets(view: View, stock: Stock, rooms: tuple[int, ...]) -> Targets:
    """What is short of the targets, and over them.

    `rooms` are the units that would fit into each interface that has any place left, and into each that can
    be made: without targets for addresses, interfaces are filled one after the other.
    """
    if view.policy.has_ip_targets:
        targets = _by_addresses(view, stock)
    elif view.policy.has_prefixes:
        targets = _by_prefixes(view, stock)
    else:
        targets = _by_interfaces(view, stock, rooms)
    if view.pods_limit is not None and stock.usable + view.pending >= view.pods_limit:
        return Targets(units(max(0, -_available(view, stock)), view.unit), 0, targets.over)
    return targets


def can_spare(view: View, have: Stock, others: Stock) -> bool:
    """Whether an interface may go out of what there is when `others` stay."""
    policy, unit = view.policy, view.unit
    free = others.free - view.waiting
    if free < 0:
        return False
    if policy.has_ip_targets:
        warm, least = (units(target or 0, unit) * unit for target in (policy.warm_ip, policy.minimum_ip))
        return free >= warm and others.usable >= least
    if policy.has_prefixes:
        return others.free_prefixes >= _warm_prefixes(view)
    return have.free - view.waiting >= (_warm_enis(view) + 1) * view.limits.slots_per_eni


def _available(view: View, stock: Stock) -> int:
    return stock.free + view.pending - view.waiting


def _by_addresses(view: View, stock: Stock) -> Targets:
    warm, least = view.policy.warm_ip or 0, view.policy.minimum_ip or 0
    available, total = _available(view, stock), stock.usable + view.pending
    short = max(warm - available, least - total, 0)
    if not view.policy.has_prefixes:
        return Targets(short, 0, max(min(available - warm, total - least), 0))
    used = stock.assigned + stock.cooling + view.waiting
    over = min(
        stock.free_prefixes,
        stock.prefixes - units(used + warm, PREFIX_SIZE),
        stock.prefixes - units(least, PREFIX_SIZE),
    )
    return Targets(units(short, PREFIX_SIZE), 0, max(over, 0))


def _by_prefixes(view: View, stock: Stock) -> Targets:
    warm = _warm_prefixes(view)
    available = _available(view, stock)
    if available < warm * PREFIX_SIZE or (not warm and available <= 0):
        loose = stock.free - stock.free_prefixes * PREFIX_SIZE
        used = units(max(0, view.waiting - loose), PREFIX_SIZE)
        free = stock.free_prefixes + units(view.pending, PREFIX_SIZE) - used
        return Targets(max(1, warm - free))
    return Targets(over=max(stock.free_prefixes - warm, 0))


def _by_interfaces(view: View, stock: Stock, rooms: tuple[int, ...]) -> Targets:
    warm = _warm_enis(view)
    short = max(view.limits.slots_per_eni * warm, 0 if warm else 1) - _available(view, stock)
    filled = 0
    for room in rooms:
        if filled >= short:
            break
        filled += room
    return Targets(filled)


def _warm_enis(view: View) -> int:
    return 1 if view.policy.warm_eni is None else view.policy.warm_eni


def _warm_prefixes(view: View) -> int:
    return view.policy.warm_prefix or 0

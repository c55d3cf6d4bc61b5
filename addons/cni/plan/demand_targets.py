"""Our policy: as many addresses as there are pods, and a few for the next ones.

What a node holds beyond its pods starves its neighbours, and what it does not hold makes a pod wait for EC2.
"""

from addons.cni.plan.arrivals import expected, headroom
from addons.cni.plan.stock import Stock
from addons.cni.plan.targets import Targets, units
from addons.cni.plan.view import SOON, View

CHURN = 16
"""While addresses cool down, growth fetches as many again, and at most so many: pods come and go, and each
takes a fresh address. With one at a time, each pod would cost a call."""


def demand_targets(view: View, stock: Stock) -> Targets:
    """What pods need beyond what there is, what is nice to have, and what is beyond need.

    More is fetched when a quarter of the headroom is left, and then up to the headroom. Who is asked anyway
    gives more at once when pods come in a burst, or come and go: one call in the place of many.
    """
    spare = stock.free + view.pending - view.waiting
    ready = _wanted_free(view)
    must, low = max(0, -spare - _free_soon(view)), units(ready, 4)
    if not must and spare >= low:
        return _beyond_need(view, stock)
    churn = _churn(stock) if ready else 0
    more = max(4 * churn, expected(view.arrivals, view.now)) if ready else 0
    wished, allowed = max(0, ready - max(spare, 0)) + churn, _below_pods_limit(view, stock, must)
    whole, nice = units(must, view.unit), min(wished, allowed)
    return Targets(
        must=whole,
        nice=max(0, units(must + nice, view.unit) - whole),
        fill=min(max(0, allowed - wished), more) // view.unit,
        urgent=units(max(0, low - max(spare, 0)), view.unit),
    )


def _beyond_need(view: View, stock: Stock) -> Targets:
    over = max(0, stock.free - view.waiting - kept_free(view, stock))
    if view.policy.has_prefixes:
        return Targets(over=min(over // view.unit, stock.free_prefixes))
    return Targets(over=over)


def can_spare(view: View, have: Stock, others: Stock) -> bool:
    """Whether `others`, which are what there is without one interface, are enough."""
    kept = min(kept_free(view, have), max(0, have.free - view.waiting))
    return others.free - view.waiting >= kept


def kept_free(view: View, stock: Stock) -> int:
    """Free addresses that are not given back; none while all subnets are short of addresses."""
    return 0 if is_scarce(view) else view.policy.headroom + _churn(stock)


def _churn(stock: Stock) -> int:
    return min(stock.cooling, CHURN)


def is_scarce(view: View) -> bool:
    """Whether every subnet that this node draws from has less left than its reserve."""
    drawn = {eni.subnet_id for eni in view.pod_enis} | {*view.placement.subnet_ids}
    return bool(drawn) and all(view.is_scarce(subnet_id) for subnet_id in drawn)


def _wanted_free(view: View) -> int:
    if is_scarce(view) or view.is_cordoned or view.is_leaving:
        return 0
    return headroom(view.arrivals, view.now, view.policy.headroom)


def _free_soon(view: View) -> int:
    held = frozenset[object]().union(*(eni.all_addresses() for eni in view.pod_enis))
    resting = view.addresses.resting(view.now) - view.addresses.resting(view.now + SOON)
    return len((resting & held) - view.addresses.assigned - view.addresses.quarantined)


def _below_pods_limit(view: View, stock: Stock, must: int) -> int:
    if view.pods_limit is None:
        return view.limits.enis * view.limits.slots_per_eni * view.unit
    return max(0, view.pods_limit - stock.usable - view.pending - must)

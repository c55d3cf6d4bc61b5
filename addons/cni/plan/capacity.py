"""How many pods with an address the scheduler may put on this node, and whether it must keep away."""

from datetime import datetime, timedelta

from msgspec import Struct

from addons.cni.model.pool import Demand
from addons.cni.plan.grow import growable
from addons.cni.plan.view import View
from addons.cni.plan.why_waiting import why_waiting

LOWER_AFTER = timedelta(seconds=10)
"""A smaller number is told when it has been smaller for so long: addresses cool down and come back."""

TAINT_AFTER = timedelta(seconds=5)
"""So long must nothing be left before the taint is set, and something before it is taken away."""


CLAIM_AFTER = timedelta(seconds=25)
"""So long a node that shares subnets waits before it promises more of them than before: by then the others
have read that they have less (15 s while addresses are scarce), and have told so (LOWER_AFTER)."""


class Capacity(Struct, frozen=True, kw_only=True):
    """What the node's status should say. To be handed back for the next one.

    `value` is the number of the extended resource, `exact` what it would be without delay, `left` how many
    more pods would get an address. `claim` is how many addresses of shared subnets the node has or promises,
    None where it shares none. `lower_since`, `turned_since` and `claim_since` are when the delays began.
    """

    value: int
    exact: int
    left: int
    taint: bool = False
    because: str = ""
    lower_since: datetime | None = None
    turned_since: datetime | None = None
    claim: int | None = None
    claim_since: datetime | None = None


def pod_ip_capacity(
    view: View, before: Capacity | None = None, *, sharers: int = 1, rank: int = 0
) -> Capacity:
    """The number of addresses for pods that request one, such that the scheduler's sums come out right.

    Addresses of pods that did not request theirs are taken off; otherwise the number would be too large by
    them. It rises at once, falls when it has been lower for LOWER_AFTER, and never below what pods on the
    node have requested, for the kubelet would fail them.

    `sharers` nodes draw from the same subnets, and this one is number `rank` of them, from 0 on: each counts
    its share of what is left, and together they count exactly all. The reserve is no part of this: it is
    kept from headroom, and is there for pods.
    """
    demand = view.demand or Demand()
    stock = view.stock
    shares = _shares(view, sharers, rank)
    claim, claim_since = _claim(view, shares, before) if sharers > 1 else (None, None)
    if claim is not None:
        shares = [claim - _held_in_all(view)]
    usable = stock.usable + min(growable(view), _below_limits(view), *shares)
    if view.pods_limit is not None:
        usable = min(usable, view.pods_limit)
    exact = max(0, usable - demand.unrequested)
    left = usable - demand.unrequested - demand.requested
    value, lower_since = _held(max(exact, demand.requested), before, view.now)
    taint, turned_since = _taint(left <= 0, before, view.now)
    return Capacity(
        value=value,
        exact=exact,
        left=left,
        taint=taint,
        because=_because(view) if left <= 0 else f"{left} addresses left",
        lower_since=lower_since,
        turned_since=turned_since,
        claim=claim,
        claim_since=claim_since,
    )


def _below_limits(view: View) -> int:
    """Addresses that the type of instance allows beyond those that are there, cooling ones included."""
    held = _held_in_all(view)
    enis = view.eni_limit - sum(eni.is_managed and eni not in view.pod_enis for eni in view.enis)
    return max(0, enis * view.limits.slots_per_eni * view.unit - held)


def _held_in_all(view: View) -> int:
    """Addresses for pods that are there, whoever has them."""
    return sum(len(eni.all_addresses()) for eni in view.pod_enis)


def _claim(view: View, shares: list[int], before: Capacity | None) -> tuple[int | None, datetime | None]:
    """What the node has and its share together. It grows only when other nodes have given up that part.

    An address that the node takes of its share changes nothing.
    """
    if not shares:
        return None, None
    held = _held_in_all(view)
    wanted = held + shares[0]
    if before is None or before.claim is None or wanted <= before.claim:
        return wanted, None
    since = before.claim_since or view.now
    return (wanted, None) if view.now - since >= CLAIM_AFTER else (max(before.claim, held), since)


def _shares(view: View, sharers: int, rank: int) -> list[int]:
    """Our part of what the subnets have left, where all of them are known.

    All nodes divide what EC2 said, and each takes of its own part: what others take meanwhile is not ours.
    """
    drawn = {*view.placement.subnet_ids, *(eni.subnet_id for eni in view.pod_enis)}
    if not drawn or not drawn <= view.subnets.keys():
        return []
    subnets = [view.subnets[key] for key in drawn if not view.rests_now(key)]
    taken = sum(subnet.taken for subnet in subnets)
    whole, rest = divmod(max(0, sum(subnet.free for subnet in subnets) + taken), max(1, sharers))
    return [max(0, whole + (rank < rest) - taken)]


def _held(wanted: int, before: Capacity | None, now: datetime) -> tuple[int, datetime | None]:
    if before is None or wanted >= before.value:
        return wanted, None
    since = before.lower_since or now
    return (wanted, None) if now - since >= LOWER_AFTER else (before.value, since)


def _taint(is_empty: bool, before: Capacity | None, now: datetime) -> tuple[bool, datetime | None]:
    """The taint follows what is left after TAINT_AFTER."""
    had = bool(before and before.taint)
    if had == is_empty:
        return had, None
    since = (before.turned_since if before else None) or now
    return (is_empty, None) if now - since >= TAINT_AFTER else (had, since)


def _because(view: View) -> str:
    why = why_waiting(view, ())
    return why.message if why else "pods on the node use every address that it can have"

"""Give back what is beyond need: whole interfaces first, then addresses, one call for each interface."""

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network

from addons.cni.model.actions import Action, DeleteEni, ReleaseAddresses, ReleasePrefixes
from addons.cni.model.enis import PREFIX_SIZE, Eni
from addons.cni.plan.demand_targets import is_scarce
from addons.cni.plan.policies import can_spare, targets_of
from addons.cni.plan.room import by_pods
from addons.cni.plan.stock import stock_of
from addons.cni.plan.view import View

YOUNG = timedelta(seconds=60)
"""An interface that is younger is kept: it was made for pods that may be on their way."""

HASTE = 4
"""So much sooner are addresses given back of which the subnet is short."""


def shrink(view: View) -> Iterator[Action]:
    """What can go now, each action safe without the others. Nothing of it is assigned or cools down."""
    kept = view.pod_enis
    for eni in by_pods(view.pod_enis, view):
        if not _is_deletable(view, eni):
            continue
        others = tuple(other for other in kept if other is not eni)
        have, less = (stock_of(some, view.addresses, view.now) for some in (kept, others))
        if can_spare(view, have, less):
            kept = others
            yield DeleteEni(eni_id=eni.eni_id, attachment_id=eni.attachment_id, because="no pod needs it")
    yield from _release(view, kept)


def rest_before_release(view: View) -> timedelta:
    """How long an address must have been free before it is given back."""
    return view.policy.idle_release / (HASTE if view.policy.is_demand_driven and is_scarce(view) else 1)


def is_old_enough(view: View, eni: Eni) -> bool:
    """Whether an interface is no longer too young to be deleted."""
    return eni.created_at is None or view.now - eni.created_at >= YOUNG


def _is_deletable(view: View, eni: Eni) -> bool:
    return (
        not eni.is_primary
        and bool(eni.attachment_id)
        and _is_quiet(view, eni)
        and is_old_enough(view, eni)
        and len(_idle(view, eni)) == len(eni.all_addresses())
    )


def _is_quiet(view: View, eni: Eni) -> bool:
    return eni.eni_id not in view.busy and not view.rests_now(eni.eni_id)


def _idle(view: View, eni: Eni) -> frozenset[IPv4Address]:
    """Addresses that have been free for long enough."""
    free = eni.all_addresses() - view.addresses.unavailable(view.now)
    until = view.now - rest_before_release(view)
    since = view.addresses.free_since
    return frozenset(ip for ip in free if ip in since and since[ip] <= until)


def _release(view: View, enis: tuple[Eni, ...]) -> Iterator[Action]:
    over = targets_of(view, stock_of(enis, view.addresses, view.now), ()).over
    for eni in by_pods(enis, view):
        if over <= 0 or not _is_quiet(view, eni):
            continue
        idle = _idle(view, eni)
        prefixes = [prefix for prefix in sorted(eni.prefixes) if idle.issuperset(prefix)]
        if prefixes := prefixes[: over // (PREFIX_SIZE // view.unit)]:
            over -= len(prefixes) * (PREFIX_SIZE // view.unit)
            yield _release_prefixes(eni, tuple(prefixes))
        elif ips := tuple(sorted(idle & eni.addresses, reverse=True))[: over * view.unit]:
            over -= -(-len(ips) // view.unit)
            yield _release_addresses(eni, tuple(sorted(ips)))


def release_useless(view: View) -> Iterator[Action]:
    """Addresses of managed interfaces that serve no pods, as the first one under custom networking."""
    serving = {eni.eni_id for eni in view.pod_enis}
    for eni in view.enis:
        if not eni.is_managed or eni.eni_id in serving or not _is_quiet(view, eni):
            continue
        idle = _idle(view, eni)
        if prefixes := tuple(prefix for prefix in sorted(eni.prefixes) if idle.issuperset(prefix)):
            yield _release_prefixes(eni, prefixes)
        elif ips := tuple(sorted(idle & eni.addresses)):
            yield _release_addresses(eni, ips)


def _release_prefixes(eni: Eni, prefixes: tuple[IPv4Network, ...]) -> Action:
    return ReleasePrefixes(eni_id=eni.eni_id, prefixes=prefixes, because="more are free than are needed")


def _release_addresses(eni: Eni, ips: tuple[IPv4Address, ...]) -> Action:
    return ReleaseAddresses(eni_id=eni.eni_id, ips=ips, because="more are free than are needed")

"""Say why there is no address for the next pod, in the words that its user reads."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from addons.cni import names
from addons.cni.model.actions import Action, AssignAddresses, AssignPrefixes
from addons.cni.plan.stock import stock_of
from addons.cni.plan.view import NEW_INTERFACE, Rest, UnderWay, View, gain
from addons.runtime.clock import rfc3339
from addons.runtime.outcomes import Skip

DENIAL = frozenset({"AccessDenied", "AuthFailure", "Denied", "UnauthorizedOperation"})


def why_waiting(view: View, planned: Sequence[Action]) -> Skip | None:
    """The reason and the words, or None when there is an address for every pod that waits, and one more."""
    ready = [eni for eni in view.pod_enis if eni.eni_id not in view.unready]
    if 0 < stock_of(ready, view.addresses, view.now).free >= view.waiting:
        return None
    cooling = tuple(_cooling(view))
    parts = [*_growing(view, planned)] or [*_refused(view), *_full(view)]
    if [part.reason for part in parts] == [names.NODE_FULL]:
        parts = [*cooling, *parts]
    elif not parts:
        parts = [*cooling] or [Skip("pool", None, names.NOT_GROWING, "no address is free")]
    else:
        parts += cooling
    times = [part.retry_at for part in parts if part.retry_at]
    words = "; ".join(part.message for part in parts)
    return Skip("pool", None, parts[0].reason, words, min(times, default=None))


def _growing(view: View, planned: Sequence[Action]) -> Iterator[Skip]:
    if coming := sorted(eni.eni_id for eni in view.pod_enis if eni.eni_id in view.unready):
        yield Skip("pool", None, names.GROWING, f"interface {coming[0]} attached, and not on the node yet")
    begun = [*view.under_way, *(UnderWay(action, view.now) for action in planned)]
    if growth := sorted((one for one in begun if gain(one.action)), key=lambda one: one.since):
        reason, again = _refused_before(view, growth[0].action)
        yield Skip("pool", None, reason, f"{_being_done(growth[0], view.now)}{again}")


def _refused_before(view: View, action: Action) -> tuple[str, str]:
    """What an action is told as, and what EC2 said when it was tried last."""
    rest = view.rests.get(action.key)
    if rest is None:
        return names.GROWING, ""
    if rest.is_throttling:
        return names.THROTTLED, f", throttled until {rfc3339(rest.until)}"
    return names.GROWING, f", again after: {rest.message}"


def _being_done(one: UnderWay, now: datetime) -> str:
    seconds = max(0, int((now - one.since).total_seconds()))
    if isinstance(one.action, AssignAddresses | AssignPrefixes):
        what = "prefixes" if isinstance(one.action, AssignPrefixes) else "addresses"
        return f"{one.action.count} {what} being assigned to {one.action.eni_id} for {seconds} s"
    return f"interface being attached for {seconds} s"


def _refused(view: View) -> Iterator[Skip]:
    """What EC2 said no to, once for each kind of reason."""
    told = set()
    keys = (*(eni.eni_id for eni in view.pod_enis), NEW_INTERFACE)
    for rest in (view.rests[key] for key in keys if view.rests_now(key)):
        reason, words = _told(rest)
        if reason not in told:
            told.add(reason)
            yield Skip("pool", None, reason, words, rest.until)


def _told(rest: Rest) -> tuple[str, str]:
    if rest.is_throttling:
        return names.THROTTLED, f"throttled until {rfc3339(rest.until)}"
    reason = names.EC2_DENIED if rest.reason in DENIAL else names.EC2_FAILED
    return reason, f"{rest.message}; tried again at {rfc3339(rest.until)}"


def _full(view: View) -> Iterator[Skip]:
    """What leaves no place: subnets, the node, or that no interface is made."""
    yield from _full_subnets(view)
    if view.free_eni_slots and not view.makes_enis:
        yield _no_interfaces(view)
    used, slots = sum(eni.used_slots for eni in view.pod_enis), view.limits.slots_per_eni
    if not view.free_eni_slots and used >= len(view.pod_enis) * slots:
        yield Skip("pool", None, names.NODE_FULL, f"node at {used * view.unit}/{used * view.unit}")


def _no_interfaces(view: View) -> Skip:
    if view.placement.problem:
        return Skip("pool", None, view.placement.reason, view.placement.problem)
    what = "terminates" if view.is_leaving else "is cordoned"
    return Skip("pool", None, names.NOT_GROWING, f"node {what}: no interface is made")


def _full_subnets(view: View) -> Iterator[Skip]:
    drawn = {eni.subnet_id for eni in view.pod_enis if eni.used_slots < view.limits.slots_per_eni}
    if view.free_eni_slots and view.makes_enis:
        drawn.update(view.placement.subnet_ids)
    for subnet_id in sorted(drawn):
        subnet = view.subnets.get(subnet_id)
        until = view.rests[subnet_id].until if view.rests_now(subnet_id) else None
        if until or (subnet and subnet.free < view.unit):
            yield Skip("pool", None, names.SUBNET_EXHAUSTED, _is_full(view, subnet_id), until)


def _is_full(view: View, subnet_id: str) -> str:
    if view.policy.has_prefixes:
        return f"subnet {subnet_id} has no free block of {view.unit} addresses"
    return f"subnet {subnet_id} has 0 free addresses"


def _cooling(view: View) -> Iterator[Skip]:
    held = frozenset[object]().union(*(eni.all_addresses() for eni in view.pod_enis))
    resting = (view.addresses.resting(view.now) & held) - view.addresses.assigned
    if resting:
        first = min(view.addresses.cooling[ip] for ip in resting)
        words = f"{len(resting)} addresses cooling, the first until {rfc3339(first)}"
        yield Skip("pool", None, names.COOLING, words, first)

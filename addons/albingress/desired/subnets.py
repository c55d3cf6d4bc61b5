"""In which subnets a load balancer stands: those that are named, else one for each zone. Pure."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from addons.albingress import names
from addons.albingress.desired import annotations, class_params
from addons.albingress.desired.asked import Asked, Invalid
from addons.albingress.desired.class_params import SubnetSelector
from addons.albingress.desired.exclusive import said_by, settle, unknown_wish
from addons.albingress.desired.inputs import GroupInputs, Member, Unresolved
from addons.albingress.model.network import Subnet
from addons.runtime.outcomes import Problem

_LEAST_ZONES = 2
_LEAST_ADDRESSES = 8
"""AWS wants so many free addresses in a subnet."""

_ZONE = "availability-zone"

Subnets = tuple[Subnet, ...]


class ChosenSubnets(Struct, frozen=True):
    """Ids, sorted; none leave those that AWS has. `missing` says why a new load balancer gets none."""

    ids: tuple[str, ...] = ()
    missing: str = ""
    problems: tuple[Problem, ...] = ()


class NotChosen(ValueError):
    """There are not enough subnets; the message says which there are, and why not those."""


def choose_subnets(
    inputs: GroupInputs, scheme: str, *, ipv6: bool, incumbent: tuple[str, ...] | None
) -> ChosenSubnets:
    """Those that members name, else those that the load balancer has, else found by their tags or routes.

    With `ipv6` only subnets that have such addresses are looked for. `incumbent` are the ids that the load
    balancer of this scheme has, None where there is none.
    """
    known = inputs.resolved.subnets
    if isinstance(known, Unresolved):
        missing = "" if incumbent else f"subnets cannot be looked up: {known.message}"
        return ChosenSubnets(missing=missing)
    wishes = [(member, _wish(inputs, known, member)) for member in inputs.members]
    settled = settle(
        annotations.SUBNETS.key, wishes, tuple(sorted(incumbent)) if incumbent else None, show=", ".join
    )
    if settled.value is not None or incumbent is not None:
        return ChosenSubnets(settled.value or (), "", settled.problems)
    if settled.is_unclear and all(isinstance(wish, Invalid) for _, wish in wishes):
        return ChosenSubnets((), "those that are named cannot be used", settled.problems)
    try:
        found = discovered(known, inputs.config.cluster_name, scheme, ipv6=ipv6)
    except NotChosen as fault:
        return ChosenSubnets((), str(fault), settled.problems)
    return ChosenSubnets(found, "", settled.problems)


def lack_ipv6(known: Subnets | Unresolved, ids: Iterable[str]) -> tuple[str, ...]:
    """Those of the subnets that are known to have no IPv6 addresses."""
    wanted = frozenset(ids)
    return tuple(
        one.id
        for one in (() if isinstance(known, Unresolved) else known)
        if one.id in wanted and not one.has_ipv6
    )


def _wish(inputs: GroupInputs, known: Subnets, member: Member) -> Asked[tuple[str, ...]]:
    if member.doubt:
        return unknown_wish(member)
    by_class = class_params.SUBNETS.asked_by(member.params)
    if isinstance(by_class, Invalid):
        return by_class
    said = annotations.SUBNETS.asked_by(member.ingress) if by_class is None else None
    if isinstance(said, Invalid):
        return said
    try:
        if by_class is not None:
            return _selected(known, inputs.config.cluster_name, by_class)
        return None if said is None else _valid([_named(known, name) for name in said])
    except NotChosen as fault:
        who, where = said_by(member, annotations.SUBNETS, class_params.SUBNETS)
        return Invalid(who, where, str(fault), names.SUBNETS_MISSING)


def _named(known: Subnets, name: str) -> Subnet:
    found = [one for one in known if name in (one.id, dict(one.tags).get("Name"))]
    if not found:
        raise NotChosen(f"no subnet of the VPC has the id or the tag Name {name}; name another one")
    if len(found) > 1:
        listed = ", ".join(sorted(one.id for one in found))
        raise NotChosen(f"{len(found)} subnets have the tag Name {name} ({listed}); name one by its id")
    return found[0]


def _selected(known: Subnets, cluster: str, selector: SubnetSelector) -> tuple[str, ...]:
    if selector.ids:
        return _valid([_named(known, name) for name in selector.ids])
    found = [
        one
        for one in known
        if all(dict(one.tags).get(key) in values for key, values in selector.tags) and _is_for(one, cluster)
    ]
    return _valid(_one_per_zone(found, cluster))


def discovered(known: Subnets, cluster: str, scheme: str, *, ipv6: bool = False) -> tuple[str, ...]:
    """The ids of the subnets where nobody names any, by tags or routes. Raises NotChosen."""
    is_public = scheme == "internet-facing"
    role = names.TAG_ROLE_ELB if is_public else names.TAG_ROLE_INTERNAL_ELB
    tagged = [one for one in known if dict(one.tags).get(role) in ("", "1")]
    candidates = tagged or [one for one in known if one.is_public is is_public]
    faults = {one.id: _fault(one, cluster, ipv6=ipv6) for one in candidates}
    usable = [one for one in candidates if not faults[one.id]]
    unusable = "; ".join(f"{name} {fault}" for name, fault in sorted(faults.items()) if fault)
    try:
        return _valid(_one_per_zone(usable, cluster))
    except NotChosen as fault:
        advice = (
            f"tag subnets of two zones {role}=1, or name them in the annotation {annotations.SUBNETS.key}"
        )
        raise NotChosen("; ".join(part for part in (str(fault), unusable, advice) if part)) from None


def _fault(subnet: Subnet, cluster: str, *, ipv6: bool) -> str:
    if not _is_for(subnet, cluster):
        return "is tagged for other clusters only"
    if subnet.free_addresses < _LEAST_ADDRESSES:
        return f"has {subnet.free_addresses} free addresses, {_LEAST_ADDRESSES} are needed"
    return "has no IPv6 addresses" if ipv6 and not subnet.has_ipv6 else ""


def _is_for(subnet: Subnet, cluster: str) -> bool:
    clusters = [key for key, _ in subnet.tags if key.startswith(names.TAG_KUBERNETES_CLUSTER)]
    return not clusters or _is_tagged_for(subnet, cluster)


def _is_tagged_for(subnet: Subnet, cluster: str) -> bool:
    return any(key == f"{names.TAG_KUBERNETES_CLUSTER}{cluster}" for key, _ in subnet.tags)


def _one_per_zone(subnets: Iterable[Subnet], cluster: str) -> list[Subnet]:
    """Of each zone the subnet that is tagged for this cluster, else the one with the lowest id."""
    ranked = sorted(subnets, key=lambda one: (not _is_tagged_for(one, cluster), one.id))
    return list({one.zone: one for one in reversed(ranked)}.values())


def _valid(subnets: Sequence[Subnet]) -> tuple[str, ...]:
    zones = [one.zone for one in subnets]
    kinds = sorted({"outpost" if one.outpost else one.zone_type for one in subnets})
    if len(kinds) > 1:
        raise NotChosen(f"subnets of different kinds of zones do not go together: {', '.join(kinds)}")
    for zone in zones:
        if zones.count(zone) > 1:
            both = ", ".join(sorted(one.id for one in subnets if one.zone == zone))
            raise NotChosen(f"{both} are in the same zone {zone}; name one of them")
    if len(zones) < (_LEAST_ZONES if kinds in ([], [_ZONE]) else 1):
        has = ", ".join(sorted(zones)) or "none"
        raise NotChosen(f"subnets of {_LEAST_ZONES} zones are needed, and there are those of: {has}")
    return tuple(sorted(one.id for one in subnets))

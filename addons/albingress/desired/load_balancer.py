"""The load balancer of a group: scheme, name, addresses, subnets, security groups, attributes. Pure."""

from collections.abc import Iterable
from typing import Literal, cast

from msgspec import Struct

from addons.albingress import names
from addons.albingress.desired import annotations, class_params
from addons.albingress.desired.asked import Asked, Invalid, Setting
from addons.albingress.desired.class_params import Field
from addons.albingress.desired.exclusive import Settled, asked_of, settle
from addons.albingress.desired.frontend import as_it_is, frontend
from addons.albingress.desired.inputs import GroupInputs, Member, owner_of
from addons.albingress.desired.listeners import Port
from addons.albingress.desired.load_balancer_attributes import (
    PROTECTION,
    asks_for_protection,
    group_attributes,
    protected_by,
    releases,
)
from addons.albingress.desired.subnets import choose_subnets, lack_ipv6
from addons.albingress.desired.tags import LOAD_BALANCER, group_tags
from addons.albingress.model.elb import LoadBalancer
from addons.albingress.model.naming import load_balancer_name
from addons.albingress.model.stack import DesiredLoadBalancer, DesiredSecurityGroup, Pairs
from addons.runtime.outcomes import Problem

Scheme = Literal["internal", "internet-facing"]


class GroupLoadBalancer(Struct, frozen=True, kw_only=True):
    """A load balancer with the security group that we manage for it.

    `held` says why neither can be made, and nothing else of the group: then both are None.
    """

    load_balancer: DesiredLoadBalancer | None = None
    security_group: DesiredSecurityGroup | None = None
    held: str = ""
    problems: tuple[Problem, ...] = ()


def group_load_balancer(inputs: GroupInputs, ports: tuple[Port, ...]) -> GroupLoadBalancer:
    """The load balancer that the members ask for.

    What is there is never made anew because wishes contradict each other or cannot be read. Without members
    it stays as it is while one that leaves forbids to delete it; else nothing is asked for.
    """
    if not inputs.members:
        return _protected(inputs)
    scheme = _settled(inputs, annotations.SCHEME, class_params.SCHEME, _scheme_now(inputs))
    if scheme.value is None and _nobody_is_clear(inputs, annotations.SCHEME, class_params.SCHEME):
        return _held(inputs, f"no {annotations.SCHEME.key} that can be used is asked for", scheme.problems)
    wanted = scheme.value or inputs.config.default_load_balancer_scheme
    incumbent = _of_scheme(inputs, wanted)
    addresses = _settled(
        inputs,
        annotations.IP_ADDRESS_TYPE,
        class_params.IP_ADDRESS_TYPE,
        incumbent.ip_address_type if incumbent else None,
    )
    placed = _placed(inputs, wanted, addresses.value or "ipv4", incumbent)
    problems = (*scheme.problems, *addresses.problems, *placed.problems)
    if placed.missing:
        return _held(inputs, placed.missing, problems)
    return _made(inputs, ports, cast(Scheme, wanted), placed, problems)


def _made(
    inputs: GroupInputs, ports: tuple[Port, ...], scheme: Scheme, placed: "_Placed", told: tuple[Problem, ...]
) -> GroupLoadBalancer:
    incumbent = _of_scheme(inputs, scheme)
    name, name_faults = _name(inputs, scheme, incumbent)
    sources = frontend(inputs, ports, dualstack=placed.ip_address_type != "ipv4")
    attributes = group_attributes(inputs, incumbent.attributes if incumbent else None)
    tags, tag_faults = group_tags(
        inputs, inputs.members, LOAD_BALANCER, incumbent.tags if incumbent else None
    )
    acl = _settled(inputs, annotations.WAFV2_ACL_ARN, class_params.WAFV2_ACL_ARN, None)
    faults = (*told, *name_faults, *sources.problems, *attributes.problems, *tag_faults, *acl.problems)
    return GroupLoadBalancer(
        load_balancer=DesiredLoadBalancer(
            name=name,
            owner=inputs.members[0].owner,
            scheme=scheme,
            ip_address_type=placed.ip_address_type,
            subnets=placed.subnets,
            security_groups=sources.named,
            uses_backend_group=sources.uses_backend_group,
            attributes=attributes.pairs,
            tags=tags,
            waf_acl=(acl.value or "") if inputs.config.enable_wafv2 else "",
        ),
        security_group=sources.managed,
        problems=tuple(dict.fromkeys(faults)),
    )


def _protected(inputs: GroupInputs) -> GroupLoadBalancer:
    """What stays without members: what is protected, and what first has to be rid of its protection."""
    problems, has = protected_by(inputs.leaving), inputs.incumbent_load_balancer
    if has is None or inputs.incumbent is None or not inputs.leaving:
        return GroupLoadBalancer()
    attributes: Pairs = ()
    if not problems:
        if not releases(inputs.leaving) or dict(has.attributes or ()).get(PROTECTION) == "false":
            return GroupLoadBalancer()
        attributes = ((PROTECTION, "false"),)
    managed = {group.id: group for group in inputs.incumbent.security_groups}
    shared = inputs.incumbent.backend_group.id if inputs.incumbent.backend_group else ""
    group = next((managed[one] for one in has.security_groups if one in managed), None)
    return GroupLoadBalancer(
        load_balancer=DesiredLoadBalancer(
            name=has.name,
            owner=owner_of(next(filter(asks_for_protection, inputs.leaving), inputs.leaving[0])),
            scheme=cast(Scheme, has.scheme),
            ip_address_type=has.ip_address_type,
            subnets=(),
            security_groups=tuple(one for one in has.security_groups if one not in {*managed, shared}),
            uses_backend_group=shared in has.security_groups,
            attributes=attributes,
            tags=has.tags,
        ),
        security_group=as_it_is(group) if group else None,
        problems=problems,
    )


def _held(inputs: GroupInputs, why: str, told: Iterable[Problem]) -> GroupLoadBalancer:
    """Nothing can be made: everybody who is not to blame already is told what is missing."""
    problems = tuple(dict.fromkeys(told))
    guilty = {problem.ref for problem in problems}
    waiting = tuple(
        Problem(member.ref, names.SUBNETS_MISSING, f"no load balancer can be made: {why}")
        for member in inputs.members
        if member.ref not in guilty and not member.doubt
    )
    return GroupLoadBalancer(held=why, problems=(*problems, *waiting))


def _wishes(inputs: GroupInputs, setting: Setting[str], field: Field[str]) -> list[tuple[Member, Asked[str]]]:
    return [(member, asked_of(member, setting, field)) for member in inputs.members]


def _settled(
    inputs: GroupInputs, setting: Setting[str], field: Field[str], incumbent: str | None
) -> Settled[str]:
    return settle(setting.key, _wishes(inputs, setting, field), incumbent)


def _nobody_is_clear(inputs: GroupInputs, setting: Setting[str], field: Field[str]) -> bool:
    return all(isinstance(wish, Invalid) for _, wish in _wishes(inputs, setting, field))


def _scheme_now(inputs: GroupInputs) -> str | None:
    load_balancer = inputs.incumbent_load_balancer
    return load_balancer.scheme if load_balancer else None


def _of_scheme(inputs: GroupInputs, scheme: str) -> LoadBalancer | None:
    """The load balancer that stays: one of another scheme is replaced as a whole."""
    found = inputs.incumbent.load_balancers if inputs.incumbent else ()
    same = [one for one in found if one.scheme == scheme]
    serving = inputs.incumbent_load_balancer
    return serving if serving in same else next(iter(same), None)


def _name(
    inputs: GroupInputs, scheme: str, incumbent: LoadBalancer | None
) -> tuple[str, tuple[Problem, ...]]:
    """What it is called: as it is now, since AWS cannot rename one; else as is asked for; else by a hash."""
    setting, field = annotations.LOAD_BALANCER_NAME, class_params.LOAD_BALANCER_NAME
    settled = _settled(inputs, setting, field, incumbent.name if incumbent else None)
    taken = {one.name for one in (inputs.incumbent.load_balancers if inputs.incumbent else ())}
    free = settled.value if settled.value not in taken else None
    made = free or load_balancer_name(inputs.config.cluster_name, inputs.group, scheme)
    name = incumbent.name if incumbent else made
    losers = {member.ref for member in settled.losers}
    unheard = tuple(
        Problem(
            member.ref,
            names.ATTRIBUTE_KEPT,
            f"{setting.key}: the load balancer is called {name}, not {wish}: AWS cannot rename it",
        )
        for member, wish in _wishes(inputs, setting, field)
        if isinstance(wish, str) and wish != name and member.ref not in losers
    )
    return name, (*settled.problems, *unheard)


class _Placed(Struct, frozen=True):
    ip_address_type: str
    subnets: tuple[str, ...] = ()
    missing: str = ""
    problems: tuple[Problem, ...] = ()


def _placed(
    inputs: GroupInputs, scheme: str, ip_address_type: str, incumbent: LoadBalancer | None
) -> _Placed:
    """Its subnets; where they have no IPv6 addresses it gets none either, and who asks for them is told."""
    has = incumbent.subnets if incumbent else None
    chosen = choose_subnets(inputs, scheme, ipv6=ip_address_type != "ipv4", incumbent=has)
    if ip_address_type == "ipv4":
        return _Placed("ipv4", chosen.ids, chosen.missing, chosen.problems)
    lacking = lack_ipv6(inputs.resolved.subnets, chosen.ids or has or ())
    if not lacking and not chosen.missing:
        return _Placed(ip_address_type, chosen.ids, "", chosen.problems)
    plain = choose_subnets(inputs, scheme, ipv6=False, incumbent=has)
    if plain.missing:
        return _Placed(ip_address_type, (), plain.missing, plain.problems)
    why = f"{', '.join(lacking)} have no IPv6 addresses" if lacking else chosen.missing
    stays = incumbent.ip_address_type if incumbent else "ipv4"
    faults = tuple(
        Problem(member.ref, names.SUBNETS_MISSING, f"{annotations.IP_ADDRESS_TYPE.key} stays {stays}: {why}")
        for member, wish in _wishes(inputs, annotations.IP_ADDRESS_TYPE, class_params.IP_ADDRESS_TYPE)
        if wish == ip_address_type != stays
    )
    return _Placed(stays, plain.ids, "", (*plain.problems, *faults))

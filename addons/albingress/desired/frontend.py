"""Who may reach a load balancer: security groups that are named, or one that we manage. Pure."""

from collections.abc import Iterable

from msgspec import Struct

from addons.albingress import names
from addons.albingress.config import Config
from addons.albingress.desired import annotations, class_params
from addons.albingress.desired.asked import Asked, Invalid
from addons.albingress.desired.exclusive import asked_of, settle, with_effect
from addons.albingress.desired.inputs import GroupInputs, Member, Unresolved
from addons.albingress.desired.listeners import Port
from addons.albingress.desired.tags import MANAGED_GROUP, group_tags
from addons.albingress.model.elb import LoadBalancer, SecurityGroup
from addons.albingress.model.naming import backend_group_name, security_group_name
from addons.albingress.model.stack import DesiredSecurityGroup, Permission
from addons.runtime.outcomes import Problem

_DESCRIPTION = "[k8s] Managed SecurityGroup for LoadBalancer"
_SHARED_DESCRIPTION = "[k8s] Shared Backend SecurityGroup for LoadBalancer"
_EVERYBODY, _EVERYBODY_IPV6 = "0.0.0.0/0", "::/0"


class Frontend(Struct, frozen=True):
    """The security groups of a load balancer: ids, and the managed one, if any."""

    named: tuple[str, ...]
    managed: DesiredSecurityGroup | None
    uses_backend_group: bool
    problems: tuple[Problem, ...] = ()


def frontend(inputs: GroupInputs, ports: Iterable[Port], *, dualstack: bool) -> Frontend:
    """Who may reach the ports.

    Groups that are named and cannot be found let nobody in who was not let in before: the groups that the
    load balancer has stay, and a new one gets a managed group without sources.
    """
    wishes = [(member, _groups(inputs, member)) for member in inputs.members]
    settled = settle(annotations.SECURITY_GROUPS.key, wishes, _groups_now(inputs), show=_show)
    named, problems = settled.value or (), settled.problems
    if named:
        manages, faults = _manages_rules(inputs)
        own = _own_backend_group(inputs) if manages else ()
        return Frontend((*named, *own), None, manages and not own, (*problems, *faults))
    is_closed = settled.is_unclear and settled.value is None
    group, faults = _managed(inputs, tuple(ports), dualstack=dualstack, is_closed=is_closed)
    own = _own_backend_group(inputs) if inputs.config.enable_backend_security_group else ()
    shares = inputs.config.enable_backend_security_group and not own
    return Frontend(own, group, shares, (*problems, *faults))


def backend_group(config: Config) -> DesiredSecurityGroup:
    """The group that all load balancers of the cluster share: nodes and pods know them by it."""
    ours = {names.TAG_CLUSTER: config.cluster_name, names.TAG_BACKEND_GROUP: names.BACKEND_GROUP}
    return DesiredSecurityGroup(
        name=backend_group_name(config.cluster_name),
        description=_SHARED_DESCRIPTION,
        permissions=(),
        tags=tuple(sorted((dict(config.default_tags) | ours).items())),
    )


def as_it_is(group: SecurityGroup) -> DesiredSecurityGroup:
    """The group with everything that AWS has of it."""
    ports = sorted({one.port for one in group.permissions})
    return DesiredSecurityGroup(
        name=group.name, description=_DESCRIPTION, permissions=(), kept_ports=tuple(ports), tags=group.tags
    )


def groups_to_resolve(members: Iterable[Member]) -> frozenset[str]:
    """The security groups that members name, by id or by Name tag, as they are written."""
    wishes = (asked_of(member, annotations.SECURITY_GROUPS) for member in members)
    return frozenset(name for wish in wishes if wish and not isinstance(wish, Invalid) for name in wish)


def _show(groups: tuple[str, ...]) -> str:
    return ", ".join(groups) or "a managed group"


def _own_backend_group(inputs: GroupInputs) -> tuple[str, ...]:
    group = inputs.config.backend_security_group
    return (group,) if group else ()


def _groups(inputs: GroupInputs, member: Member) -> Asked[tuple[str, ...]]:
    asked = asked_of(member, annotations.SECURITY_GROUPS)
    if asked is None or isinstance(asked, Invalid):
        return asked
    where = f"annotation {annotations.SECURITY_GROUPS.name()}"
    found: list[str] = []
    for name in asked:
        ids = inputs.resolved.security_groups.get(name, ())
        if isinstance(ids, Unresolved):
            return Invalid(member.ref, where, f"{name} cannot be looked up: {ids.message}")
        if not ids:
            fault = f"no security group of the VPC has the id or the tag Name {name}; name another one"
            return Invalid(member.ref, where, fault)
        if len(ids) > 1:
            listed = ", ".join(sorted(ids))
            return Invalid(
                member.ref, where, f"{len(ids)} groups have the tag Name {name} ({listed}); name one"
            )
        found += ids
    return tuple(dict.fromkeys(found))


def _groups_now(inputs: GroupInputs) -> tuple[str, ...] | None:
    """The groups of the load balancer that neither we nor a setting brought; () where we manage its group."""
    load_balancer: LoadBalancer | None = inputs.incumbent_load_balancer
    if load_balancer is None or inputs.incumbent is None:
        return None
    managed = {group.id for group in inputs.incumbent.security_groups}
    shared = {inputs.config.backend_security_group}
    shared |= {inputs.incumbent.backend_group.id} if inputs.incumbent.backend_group else set()
    if managed & set(load_balancer.security_groups):
        return ()
    return tuple(group for group in load_balancer.security_groups if group not in shared)


def _manages_rules(inputs: GroupInputs) -> tuple[bool, tuple[Problem, ...]]:
    setting, config = annotations.MANAGE_BACKEND_RULES, inputs.config
    wishes = [(member, asked_of(member, setting)) for member in inputs.members]
    settled = settle(setting.key, wishes, _manages_now(inputs))
    wanted = config.enable_manage_backend_security_group_rules if settled.value is None else settled.value
    if not wanted or config.enable_backend_security_group:
        return wanted, settled.problems
    needed = "it needs the shared group that --no-enable-backend-security-group forbids"
    askers = (member for member, wish in wishes if wish is True)
    refused = tuple(
        Problem(member.ref, names.INVALID_ANNOTATION, f"annotation {setting.name()}: {needed}")
        for member in askers
    )
    return False, (*settled.problems, *refused)


def _manages_now(inputs: GroupInputs) -> bool | None:
    load_balancer, stack = inputs.incumbent_load_balancer, inputs.incumbent
    if load_balancer is None or stack is None:
        return None
    shared = {stack.backend_group.id} if stack.backend_group else set()
    return bool({inputs.config.backend_security_group, *shared} & set(load_balancer.security_groups))


def _managed(
    inputs: GroupInputs, ports: tuple[Port, ...], *, dualstack: bool, is_closed: bool
) -> tuple[DesiredSecurityGroup, tuple[Problem, ...]]:
    name = security_group_name(inputs.config.cluster_name, inputs.group)
    now = _group_now(inputs, name)
    sources = {port.port: _sources(port, now, dualstack=dualstack) for port in ports}
    tags, faults = group_tags(inputs, inputs.members, MANAGED_GROUP, now.tags if now else None)
    kept = tuple(port for port, found in sources.items() if is_closed or found.is_kept)
    group = DesiredSecurityGroup(
        name=name,
        description=_DESCRIPTION,
        permissions=tuple(
            sorted(one for port, found in sources.items() if port not in kept for one in found.permissions)
        ),
        kept_ports=kept,
        tags=tags,
    )
    return group, (*faults, *(problem for found in sources.values() for problem in found.problems))


def _group_now(inputs: GroupInputs, name: str) -> SecurityGroup | None:
    groups = inputs.incumbent.security_groups if inputs.incumbent else ()
    return next((group for group in groups if group.name == name), None)


class _Sources(Struct, frozen=True):
    permissions: tuple[Permission, ...]
    is_kept: bool
    problems: tuple[Problem, ...]


def _sources(port: Port, group: SecurityGroup | None, *, dualstack: bool) -> _Sources:
    """Who may reach a port: networks and prefix lists that members name, else everybody.

    While one of the wishes cannot be read, the sources stay that AWS has; a port that is new then gets those
    that the others name, and none if nobody names any: never everybody.
    """
    number = port.port
    now = [one for one in (group.permissions if group else ()) if one.port == one.to_port == number]
    networks = settle(
        f"{annotations.INBOUND_CIDRS.key} of port {number}",
        [(member, _networks(member)) for member in port.members],
        tuple(sorted(one.cidr for one in now if one.cidr)) or None,
        show=", ".join,
    )
    lists = settle(
        f"{annotations.PREFIX_LISTS.key} of port {number}",
        [(member, _prefix_lists(member)) for member in port.members],
        tuple(sorted(one.prefix_list for one in now if one.prefix_list)) or None,
        show=", ".join,
    )
    is_unclear = networks.is_unclear or lists.is_unclear
    is_kept = is_unclear and bool(now or not (networks.value or lists.value))
    cidrs = networks.value or ()
    if not cidrs and not lists.value:
        cidrs = (_EVERYBODY, _EVERYBODY_IPV6)
    named = [Permission(number, number, cidr=one) for one in cidrs if dualstack or ":" not in one]
    listed = [Permission(number, number, prefix_list=one) for one in lists.value or ()]
    told = with_effect((*networks.problems, *lists.problems), "till then it lets in nobody new")
    return _Sources((*named, *listed), is_kept, told)


def _networks(member: Member) -> Asked[tuple[str, ...]]:
    return _sorted(asked_of(member, annotations.INBOUND_CIDRS, class_params.INBOUND_CIDRS))


def _prefix_lists(member: Member) -> Asked[tuple[str, ...]]:
    return _sorted(asked_of(member, annotations.PREFIX_LISTS, class_params.PREFIX_LISTS))


def _sorted(asked: Asked[tuple[str, ...]]) -> Asked[tuple[str, ...]]:
    return asked if asked is None or isinstance(asked, Invalid) else tuple(sorted(set(asked)))

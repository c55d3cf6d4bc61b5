"""What the security groups of nodes and pods must let in, by the targets that are behind them. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from addons.albingress.model.objects import EndpointSlice, Service
from addons.albingress.model.stack import Permission
from addons.albingress.model.targets import TRAFFIC_PORT, AccessPort, Binding, Wanted
from addons.albingress.names import SHARED_RULE_DESCRIPTION

LAST_PORT = 65535

Openings = Mapping[str, frozenset[Permission]]
"""What must be let in, by the id of a target."""


def openings(
    binding: Binding, wanted: Wanted, numbers: Mapping[str, frozenset[int]], *, restricted: bool
) -> Openings:
    """What has to be let in to each target of a binding, port by port; without `restricted`, all ports.

    `numbers` has the numbers that a name of a port stands for. A name that nobody has opens nothing. What is
    outside of the VPC has no security group.
    """
    found: dict[str, set[Permission]] = {}
    for target in wanted.targets:
        if target.zone:
            continue
        ports = found.setdefault(target.id, set())
        for access in binding.access:
            for port in access.ports:
                for first, last in _ranges(port, target.port, numbers, restricted=restricted):
                    ports.update(_permission(source, port, first, last) for source in access.sources)
    return {id_: frozenset(ports) for id_, ports in found.items() if ports}


def port_numbers(service: Service | None, slices: Iterable[EndpointSlice]) -> Mapping[str, frozenset[int]]:
    """The numbers behind the names of a Service's ports, and behind the names that these lead to."""
    if service is None:
        return {}
    pieces = tuple(slices)
    found: dict[str, set[int]] = {}
    for port in service.spec.ports:
        numbers = {each.port for piece in pieces for each in piece.ports if each.name == port.name}
        for name in (port.name, port.target_port):
            if isinstance(name, str) and name:
                found.setdefault(name, set()).update(numbers)
    return {name: frozenset(numbers) for name, numbers in found.items()}


def desired_permissions(
    wishes: Iterable[Openings], group_of: Mapping[str, str]
) -> dict[str, frozenset[Permission]]:
    """The permissions of each security group; `group_of` has the group of a target's interface."""
    found: dict[str, set[Permission]] = {}
    for wish in wishes:
        for id_, permissions in wish.items():
            if group := group_of.get(id_):
                found.setdefault(group, set()).update(permissions)
    return {group: frozenset(permissions) for group, permissions in found.items()}


def _ranges(
    port: AccessPort, traffic_port: int, numbers: Mapping[str, frozenset[int]], *, restricted: bool
) -> Iterator[tuple[int, int]]:
    if not port.port or not restricted:
        yield 0, LAST_PORT
    elif port.port == TRAFFIC_PORT:
        yield traffic_port, traffic_port
    elif port.port.isdecimal():
        yield int(port.port), int(port.port)
    else:
        yield from ((number, number) for number in sorted(numbers.get(port.port, ())))


def _permission(source: str, port: AccessPort, first: int, last: int) -> Permission:
    is_group, is_list = source.startswith("sg-"), source.startswith("pl-")
    return Permission(
        first,
        last,
        cidr="" if is_group or is_list else source,
        prefix_list=source if is_list else "",
        security_group=source if is_group else "",
        protocol=port.protocol,
        description=SHARED_RULE_DESCRIPTION,
    )

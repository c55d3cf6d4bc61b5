"""Which Service port fills which target group of a stack, and who may reach the targets. Pure."""

from collections.abc import Iterator

from addons.albingress.config import Config
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.stack import DesiredTargetGroup, Stack
from addons.albingress.model.targets import Access, AccessPort, Binding


def bindings_of(stack: Stack, observed: ObservedStack, config: Config) -> Iterator[Binding]:
    """The bindings of all target groups that a stack asks for.

    One bears the name of its target group, as readiness gates of the original's time know it. Nodes and pods
    let in the load balancer on the port of each target, and on that of the health check.
    """
    sources = tuple(sorted(sources_of(stack, observed, config)))
    for group in stack.target_groups:
        ports = tuple(sorted({AccessPort(), *_health_port(group)}))
        yield Binding(
            namespace=group.backend.namespace,
            name=group.name,
            group=group.name,
            backend=group.backend,
            target_type=group.target_type,
            owner=group.owner,
            node_selector=group.node_selector,
            ip_address_type=group.ip_address_type,
            access=(Access(sources, ports),) if sources else (),
        )


def sources_of(stack: Stack, observed: ObservedStack, config: Config) -> frozenset[str]:
    """The security groups by which nodes and pods know the load balancer of a stack, by id.

    None where its groups are somebody's own: then what they reach is for their owner to say.
    """
    balancer = stack.load_balancer
    if balancer is None:
        return frozenset()
    if balancer.uses_backend_group:
        shared = config.backend_security_group or (
            observed.backend_group.id if observed.backend_group else ""
        )
        return frozenset({shared} - {""})
    own = stack.security_group
    return frozenset(each.id for each in observed.security_groups if own and each.name == own.name)


def _health_port(group: DesiredTargetGroup) -> Iterator[AccessPort]:
    if group.health.port.isdecimal():
        yield AccessPort(group.health.port)

"""Which Service port fills which target group of a stack, and who may reach the targets. Pure."""

from collections.abc import Iterable, Iterator

from addons.albingress.config import Config
from addons.albingress.model.elb import ObservedStack, TargetGroup
from addons.albingress.model.groups import Owner
from addons.albingress.model.rules import target_groups_of
from addons.albingress.model.stack import HealthCheck, ServicePort, Stack
from addons.albingress.model.targets import Access, AccessPort, Binding
from addons.albingress.names import TAG_RESOURCE
from addons.runtime.outcomes import ObjectRef


def bindings_of(stack: Stack, observed: ObservedStack, config: Config) -> Iterator[Binding]:
    """The bindings of all target groups that a stack asks for, and of those that rules lead to meanwhile.

    One bears the name of its target group, as readiness gates of the original's time know it. Nodes and pods
    let in the load balancer on the port of each target, and on that of the health check.
    """
    sources = tuple(sorted(sources_of(stack, observed, config)))
    for group in stack.target_groups:
        ports = tuple(sorted({AccessPort(), *_health_port(group.health)}))
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
    yield from _of_what_still_serves(stack, observed, sources)


def _of_what_still_serves(
    stack: Stack, observed: ObservedStack, sources: tuple[str, ...]
) -> Iterator[Binding]:
    """The bindings of target groups that are not asked for, but that requests go to: rules that are kept as
    they are, or that wait for other targets. Their pods come and go as before.

    Only where the tag of a target group tells without doubt which Service fills it. Which nodes were selected
    it does not tell.
    """
    asked, used = {each.name for each in stack.target_groups}, _used(observed)
    for group in observed.target_groups:
        if group.name in asked or group.name not in used or group.target_type != "ip":
            continue
        if found := _backend_of(group, stack.members):
            owner, backend = found
            ports = tuple(sorted({AccessPort(), *_health_port(group.health)}))
            yield Binding(
                namespace=backend.namespace,
                name=group.name,
                group=group.name,
                backend=backend,
                target_type="ip",
                owner=Owner(owner),
                ip_address_type="ipv6" if group.ip_address_type == "ipv6" else "ipv4",
                access=(Access(sources, ports),) if sources else (),
            )


def _used(observed: ObservedStack) -> frozenset[str]:
    """The target groups that rules or default actions lead to."""
    listeners = [each for balancer in observed.load_balancers for each in balancer.listeners]
    actions = [each.default_actions for each in listeners]
    actions += [rule.content.actions for each in listeners for rule in each.rules]
    return frozenset(group for each in actions for group in target_groups_of(each))


def _backend_of(group: TargetGroup, members: Iterable[ObjectRef]) -> tuple[ObjectRef, ServicePort] | None:
    """The Ingress and the Service that the tag of a target group names, `namespace/ingress-service:port`."""
    resource, _, port = dict(group.tags).get(TAG_RESOURCE, "").rpartition(":")
    fitting = [each for each in members if resource.startswith(f"{each.namespace}/{each.name}-")]
    if len(fitting) != 1 or not port:
        return None
    (owner,) = fitting
    service = resource.removeprefix(f"{owner.namespace}/{owner.name}-")
    return owner, ServicePort(owner.namespace, service, port)


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


def _health_port(health: HealthCheck) -> Iterator[AccessPort]:
    if health.port.isdecimal():
        yield AccessPort(health.port)

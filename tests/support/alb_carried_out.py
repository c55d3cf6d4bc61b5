"""What AWS has once a stack was made, as the next pass observes it."""

from addons.albingress import names
from addons.albingress.model.elb import (
    Listener,
    LoadBalancer,
    ObservedStack,
    Rule,
    SecurityGroup,
    TargetGroup,
)
from addons.albingress.model.stack import DesiredListener, DesiredTargetGroup, Stack


def carried_out(stack: Stack) -> ObservedStack:
    """Everything that the stack asks for; rules are tagged as ours, and none is made for one to be kept."""
    wanted, managed = stack.load_balancer, stack.security_group
    assert wanted is not None
    groups = (
        *(("sg-managed",) if managed else ()),
        *wanted.security_groups,
        *(("sg-backend",) if wanted.uses_backend_group else ()),
    )
    balancer = LoadBalancer(
        arn="lb",
        name=wanted.name,
        dns_name=f"{wanted.name}.elb.amazonaws.com",
        scheme=wanted.scheme,
        ip_address_type=wanted.ip_address_type,
        subnets=wanted.subnets,
        security_groups=groups,
        listeners=tuple(map(_listener, stack.listeners)),
        attributes=wanted.attributes,
        tags=wanted.tags,
    )
    return ObservedStack(
        group=stack.group,
        load_balancers=(balancer,),
        target_groups=tuple(map(_target_group, stack.target_groups)),
        security_groups=(
            SecurityGroup(
                id="sg-managed", name=managed.name, permissions=managed.permissions, tags=managed.tags
            ),
        )
        if managed
        else (),
        backend_group=SecurityGroup(id="sg-backend", name="k8s-traffic-prod-6754af9632"),
    )


def _listener(wanted: DesiredListener) -> Listener:
    made = [each for each in wanted.rules if each.content is not None and each.state != "keep"]
    return Listener(
        arn=f"listener-{wanted.port}",
        port=wanted.port,
        protocol=wanted.protocol,
        default_actions=wanted.default_actions,
        rules=tuple(
            Rule(
                arn=f"rule-{wanted.port}-{priority}",
                priority=priority,
                content=each.content,
                tags=((names.TAG_RULE, each.key.digest),),
            )
            for priority, each in enumerate(made, 1)
            if each.content is not None
        ),
        certificates=wanted.certificates,
        ssl_policy=wanted.ssl_policy,
        mutual_authentication=wanted.mutual_authentication,
        attributes=wanted.attributes,
        tags=wanted.tags,
    )


def _target_group(wanted: DesiredTargetGroup) -> TargetGroup:
    return TargetGroup(
        arn=f"arn:{wanted.name}",
        name=wanted.name,
        protocol=wanted.protocol,
        version=wanted.version,
        port=wanted.port,
        target_type=wanted.target_type,
        ip_address_type=wanted.ip_address_type,
        health=wanted.health,
        load_balancers=("lb",),
        attributes=wanted.attributes,
        tags=wanted.tags,
    )

"""Random groups for tests of plans: listeners, rules, target groups, security groups, schemes."""

from hypothesis import strategies as st
from msgspec.structs import replace

from addons.albingress.model.rules import Action, FixedResponse
from addons.albingress.model.stack import (
    DesiredListener,
    DesiredRule,
    DesiredSecurityGroup,
    DesiredTargetGroup,
    Permission,
    Stack,
)
from tests.support.alb_stacks import (
    GROUP,
    LOGIN,
    NAME,
    NOT_FOUND,
    content,
    stack,
    tags,
    to,
    wish,
    wished_group,
    wished_listener,
)

GROUPS = ["k8s-g1", "k8s-g2", "k8s-g3"]
ACTIONS: list[Action] = [*map(to, GROUPS), FixedResponse("503"), NOT_FOUND]
CERTIFICATES = ["arn:a", "arn:b", "arn:c"]
NETWORKS = ["10.0.0.0/8", "172.16.0.0/12"]

wishes = st.builds(
    wish, st.sampled_from(["a.org", "b.org", ""]), st.sampled_from(["/x", "/*"]), st.sampled_from(ACTIONS)
)
rule_lists = st.lists(wishes, max_size=4, unique_by=lambda one: one.key)


def with_login(rule: DesiredRule) -> DesiredRule:
    return replace(rule, content=content(rule.key.host, rule.key.path, LOGIN, to(GROUPS[0])))


@st.composite
def listeners(draw: st.DrawFn, port: int) -> DesiredListener:
    is_https = draw(st.booleans())
    rules = draw(rule_lists)
    if is_https:
        rules = [with_login(each) if draw(st.booleans()) else each for each in rules]
    certificates = draw(st.permutations(CERTIFICATES))[: draw(st.integers(1, 3))]
    return wished_listener(
        *rules,
        default=draw(st.sampled_from(ACTIONS)),
        port=port,
        protocol="HTTPS" if is_https else "HTTP",
        certificates=tuple(certificates) if is_https else (),
        ssl_policy=draw(st.sampled_from(["new", "old"])) if is_https else "",
        attributes=draw(st.sampled_from([(), (("a", "1"),), (("a", "2"),)])),
        tags=tags(str(port), **draw(st.sampled_from([{}, {"team": "x"}]))),
    )


@st.composite
def stacks(draw: st.DrawFn) -> Stack:
    """A group; one in some asks for nothing."""
    if draw(st.integers(0, 9)) == 0:
        return Stack(group=GROUP)
    ports = draw(st.lists(st.sampled_from([80, 443, 8080]), max_size=2, unique=True))
    scheme = draw(st.sampled_from(["internal", "internal", "internet-facing"]))
    is_managed = draw(st.booleans())
    return stack(
        *(draw(listeners(port)) for port in sorted(ports)),
        groups=[],
        target_groups=tuple(draw(target_groups(name)) for name in GROUPS),
        balancer={
            "name": f"{NAME}-{len(scheme)}",
            "scheme": scheme,
            "subnets": draw(st.sampled_from([("subnet-a", "subnet-b"), ("subnet-b", "subnet-c")])),
            "security_groups": () if is_managed else ("sg-1",),
            "uses_backend_group": draw(st.booleans()),
            "attributes": draw(st.sampled_from([(), (("x", "1"),), (("x", "2"),)])),
            "waf_acl": draw(st.sampled_from(["", "none", "arn:acl"])),
        },
        security_group=draw(security_groups(ports)) if is_managed else None,
    )


@st.composite
def target_groups(draw: st.DrawFn, name: str) -> DesiredTargetGroup:
    group = wished_group(name, resource=f"web/app-{name}:80", tags=tags(f"web/app-{name}:80"))
    health = replace(group.health, interval=draw(st.sampled_from([15, 30])))
    families = draw(st.sampled_from(["ipv4", "ipv4", "ipv6"]))
    attributes = draw(st.sampled_from([(), (("y", "1"),)]))
    return replace(group, health=health, ip_address_type=families, attributes=attributes)


@st.composite
def security_groups(draw: st.DrawFn, ports: list[int]) -> DesiredSecurityGroup:
    sources = (
        draw(st.lists(st.tuples(st.sampled_from(ports), st.sampled_from(NETWORKS)), unique=True))
        if ports
        else []
    )
    return DesiredSecurityGroup(
        name="k8s-own",
        description="managed",
        permissions=tuple(sorted(Permission(port, port, cidr=cidr) for port, cidr in sources)),
        tags=tags("ManagedLBSecurityGroup"),
    )

"""What holds for every group: order of reading, defects and wrong types change nothing for the innocent."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from addons.albingress.desired.groups import groups_left, in_order, membership
from addons.albingress.desired.inputs import GroupInputs, Member
from addons.albingress.desired.listeners import Port, group_ports
from addons.albingress.desired.load_balancer import GroupLoadBalancer, group_load_balancer
from addons.albingress.desired.unused_annotations import unused_annotations
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.stack import DesiredLoadBalancer
from addons.runtime.outcomes import Problem
from tests.support.alb_groups import (
    class_params,
    config,
    doubtful,
    ingress,
    ingress_class,
    inputs,
    member,
    objects,
    resolved,
    subnet,
)
from tests.support.alb_observed import NOT_FOUND, forward, listener, stack

Said = Mapping[str, str]
Built = tuple[tuple[Port, ...], GroupLoadBalancer, tuple[Problem, ...]]

GOOD: Mapping[str, tuple[str, ...]] = {
    "scheme": ("internal", "internet-facing"),
    "ip-address-type": ("ipv4",),
    "load-balancer-name": ("one", "two"),
    "listen-ports": (
        '[{"HTTP": 80}]',
        '[{"HTTPS": 443}]',
        '[{"HTTP": 80}, {"HTTPS": 443}]',
        '[{"HTTP": 8080}]',
    ),
    "certificate-arn": ("arn:1", "arn:2,arn:3"),
    "ssl-policy": ("P1", "P2"),
    "ssl-redirect": ("443",),
    "mutual-authentication": ('[{"port": 443, "mode": "passthrough"}]',),
    "inbound-cidrs": ("10.0.0.0/8", "11.0.0.0/8"),
    "security-group-prefix-lists": ("pl-1",),
    "security-groups": ("sg-1", "mine"),
    "subnets": ("subnet-a,subnet-b", "subnet-b,subnet-c"),
    "load-balancer-attributes": ("idle_timeout.timeout_seconds=30", "routing.http2.enabled=false"),
    "tags": ("team=x", "cost=1"),
    "group.order": ("-1", "1"),
}
BAD: Mapping[str, str] = {
    "scheme": "public",
    "ip-address-type": "6",
    "load-balancer-name": "-",
    "listen-ports": "80",
    "certificate-arn": "mine",
    "ssl-policy": "",
    "ssl-redirect": "https",
    "mutual-authentication": "on",
    "inbound-cidrs": "office",
    "security-group-prefix-lists": "office",
    "security-groups": "gone",
    "subnets": "subnet-x,subnet-y",
    "load-balancer-attributes": "fast",
    "tags": "blue",
    "group.order": "first",
}
ANSWERS = resolved(
    subnets=tuple(subnet(name, name) for name in "abc"),
    security_groups={"sg-1": ("sg-1",), "mine": ("sg-2",)},
)

wishes = st.fixed_dictionaries({}, optional={key: st.sampled_from(texts) for key, texts in GOOD.items()})
groups = st.lists(wishes, min_size=1, max_size=4).map(lambda all_: list(zip("abcd", all_, strict=False)))
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=6,
)
FIELDS = (
    *("namespaceSelector", "group", "loadBalancerName", "scheme", "ipAddressType", "subnets", "inboundCIDRs"),
    *("prefixListsIDs", "certificateArn", "sslPolicy", "sslRedirectPort", "tags", "targetType"),
    *("loadBalancerAttributes", "listeners", "wafv2AclArn"),
)


def build(group: GroupInputs) -> Built:
    ports, problems = group_ports(group)
    made = group_load_balancer(group, ports)
    own = tuple(problem for one in group.members for problem in one.problems)
    told = (*own, *problems, *made.problems)
    return ports, made, (*told, *unused_annotations(group, told))


def group_of(members: list[tuple[str, Said]], incumbent: ObservedStack | None = None) -> GroupInputs:
    return inputs(*(member(*one) for one in members), incumbent=incumbent, answers=ANSWERS)


def carried_out(group: GroupInputs) -> ObservedStack | None:
    """What AWS has once the wishes of a group are carried out, with a rule of each member on its ports."""
    ports, made, _ = build(group)
    if made.load_balancer is None:
        return None
    wanted, managed = made.load_balancer, made.security_group
    listeners = [
        listener(
            port.port,
            *(() if port.redirect else (forward(one.ingress.metadata.name) for one in port.members)),
            default=port.redirect or NOT_FOUND,
            protocol=port.protocol,
            certificates=port.certificates,
            ssl_policy=port.ssl_policy,
            mutual_authentication=port.mutual_authentication,
            attributes=port.attributes,
            tags=port.tags,
        )
        for port in ports
    ]
    has = stack(
        *listeners,
        sources=managed.permissions if managed else (),
        name=wanted.name,
        scheme=wanted.scheme,
        subnets=wanted.subnets,
        security_groups=(("sg-managed",) if managed else ()) + (*wanted.security_groups, "sg-backend"),
        attributes=wanted.attributes,
        tags=wanted.tags,
    )
    return has if managed else replace(has, security_groups=())


def placed(wanted: DesiredLoadBalancer | None) -> tuple[Any, ...]:
    """What the load balancer is; empty subnets leave those that it has."""
    assert wanted is not None
    return wanted.name, wanted.scheme, wanted.ip_address_type, wanted.security_groups


def names_of(port: Port) -> list[str]:
    return [one.ingress.metadata.name for one in port.members]


def share(port: Port, guilty: str) -> tuple[Any, ...]:
    """What a port is to the others."""
    return (
        port.port,
        port.protocol,
        port.redirect,
        [name for name in names_of(port) if name != guilty],
        {name for _, name in port.kept} - {guilty},
    )


def blamed(problems: tuple[Problem, ...], guilty: str) -> set[tuple[str, str]]:
    return {(one.ref.name, one.reason) for one in problems if one.ref.name != guilty}


@given(groups, st.randoms())
def test_the_order_of_reading_does_not_matter(members: list[tuple[str, Said]], random: Any) -> None:
    mixed = random.sample(members, len(members))
    has = carried_out(group_of(members))
    assert build(group_of(members, has)) == build(group_of(mixed, has))


@given(groups)
def test_what_is_carried_out_is_asked_for_again(members: list[tuple[str, Said]]) -> None:
    has = carried_out(group_of(members))
    if has is not None:
        assert carried_out(group_of(members, has)) in (has, _with_its_subnets(group_of(members, has), has))


def _with_its_subnets(group: GroupInputs, has: ObservedStack) -> ObservedStack | None:
    again = carried_out(group)
    return again and replace(
        has, load_balancers=tuple(replace(one, subnets=()) for one in has.load_balancers)
    )


@given(groups, st.data())
def test_a_defect_in_one_member_changes_nothing_for_the_others(
    members: list[tuple[str, Said]], data: st.DataObject
) -> None:
    before = group_of(members)
    has = carried_out(before)
    if has is None:
        return
    guilty, said = data.draw(st.sampled_from(members))
    setting = data.draw(st.sampled_from([key for key in said if key != "group.order"] or ["tags"]))
    broken = [(name, {**one, setting: BAD[setting]} if name == guilty else one) for name, one in members]
    old, new = build(before), build(group_of(broken, has))
    assert [share(port, guilty) for port in new[0]] == [share(port, guilty) for port in old[0]]
    assert placed(new[1].load_balancer) == placed(old[1].load_balancer)
    assert blamed(new[2], guilty) <= blamed(old[2], guilty)
    speaks_https = any(port.protocol == "HTTPS" and guilty in names_of(port) for port in new[0])
    if setting != "certificate-arn" or speaks_https:
        assert any(one.ref.name == guilty for one in new[2])


@given(groups, st.data())
def test_a_class_that_is_gone_changes_nothing_at_all(
    members: list[tuple[str, Said]], data: st.DataObject
) -> None:
    before = group_of(members)
    has = carried_out(before)
    if has is None:
        return
    lost, said = data.draw(st.sampled_from(members))
    others = [member(*one) for one in members if one[0] != lost]
    old, new = build(before), build(inputs(*others, doubtful(lost, said), incumbent=has, answers=ANSWERS))
    assert [share(port, lost) for port in new[0]] == [share(port, lost) for port in old[0]]
    assert placed(new[1].load_balancer) == placed(old[1].load_balancer)
    assert new[1].load_balancer and old[1].load_balancer  # noqa: PT018
    assert set(old[1].load_balancer.tags) <= set(new[1].load_balancer.tags)
    for was, port in zip(old[0], new[0], strict=True):
        assert set(was.certificates) == set(port.certificates)
        assert (was.ssl_policy, was.mutual_authentication) == (port.ssl_policy, port.mutual_authentication)
        assert ("shop", lost) in port.kept or lost not in names_of(was)


@given(groups, st.sampled_from(sorted(GOOD)), st.text(max_size=12))
def test_any_text_in_an_annotation_is_a_value_or_a_problem(
    members: list[tuple[str, Said]], setting: str, text: str
) -> None:
    (name, said), *others = members
    built = membership(
        ingress(name, {"group.name": "team", **said, setting: text}), objects(ingress_class()), config()
    )
    assert isinstance(built, Member)
    build(inputs(built, *(member(*one) for one in others), answers=ANSWERS))


@given(st.dictionaries(st.sampled_from(FIELDS), any_json) | any_json)
def test_anything_in_the_settings_of_a_class_is_a_value_or_a_problem(spec: Any) -> None:
    found = objects(ingress_class(params="public"), class_params(spec))
    held = ("group.ingress.k8s.aws/team",)
    one = ingress("a", {"group.name": "team"}, finalizers=held)
    result = membership(one, found, config())
    assert isinstance(result, Member)
    assert groups_left(one, result) in ((), held, (result.group,)) or not result.doubt
    assert in_order([result]) == (result,)
    _, made, problems = build(inputs(result, member("b"), answers=ANSWERS))
    assert made.load_balancer
    assert {problem.ref.name for problem in problems} <= {"a", "public"}

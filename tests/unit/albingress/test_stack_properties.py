"""What holds for any group, however its members are written."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from addons.albingress import names
from addons.albingress.desired.groups import in_order
from addons.albingress.desired.inputs import Member
from addons.albingress.desired.stack import desired_stack
from addons.albingress.model.objects import IngressRule
from addons.albingress.model.rules import Action, Condition, lets_nobody_in
from addons.albingress.model.stack import DesiredListener, DesiredRule, Stack
from tests.support.alb_carried_out import carried_out
from tests.support.alb_rules import (
    OIDC,
    backend,
    inputs,
    member,
    path,
    rule,
    secret,
    service,
)

NAMES = ("a", "b", "c")
CONDITIONS_KEY = names.PREFIX + "conditions"
KINDS = st.sampled_from(["Exact", "Prefix", "ImplementationSpecific", "Glob"])
PATHS = st.builds(
    lambda text, service, port, kind: path(text, service, port, kind=kind),
    st.sampled_from(["/", "/x", "/x/y", "/a*", "", "/" + "y" * 130]),
    st.sampled_from(["web", "other", "nobody", "x"]),
    st.sampled_from([80, 9999, "http", "use-annotation"]),
    KINDS,
)
BACKENDS = st.sampled_from([None, backend(), backend("nobody")])
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 10**9) | st.sampled_from(["", "x", "80", "HTTP_301", "/a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "field",
                    "values",
                    "forwardConfig",
                    "targetGroups",
                    "redirectConfig",
                    "statusCode",
                    "hostHeaderConfig",
                    "rewrites",
                    "serviceName",
                    "servicePort",
                    "weight",
                    "HTTP",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
CONDITIONS = st.sampled_from(
    [
        [{"field": "source-ip", "sourceIPConfig": {"values": ["10.0.0.0/8"]}}],
        [{"field": "path-pattern", "pathPatternConfig": {"values": [f"/{n}*" for n in range(7)]}}],
        [{"field": "nonsense"}],
    ]
)
ACTIONS = st.sampled_from(
    [
        {"type": "fixed-response", "fixedResponseConfig": {"statusCode": "200"}},
        {
            "type": "forward",
            "forwardConfig": {
                "targetGroups": [
                    {"serviceName": "web", "servicePort": 80, "weight": 1},
                    {"serviceName": "nobody", "servicePort": 80, "weight": 1},
                ]
            },
        },
        {"type": "forward"},
    ]
)
KEYS = st.sampled_from(
    [
        "actions.x",
        "conditions.web",
        "transforms.web",
        "listen-ports",
        "target-type",
        "healthcheck-port",
        "auth-type",
        "auth-idp-oidc",
        "jwt-validation",
        "tags",
        "use-regex-path-match",
        "certificate-arn",
        "scheme",
        "ssl-redirect",
        "target-group-attributes",
        "inbound-cidrs",
    ]
)
FAIR = st.fixed_dictionaries(
    {}, optional={"conditions.web": CONDITIONS, "actions.x": ACTIONS, "target-type": st.just("ip")}
)
PORTS = st.sampled_from([[{"HTTP": 80}], [{"HTTPS": 443}], [{"HTTP": 80}, {"HTTPS": 443}]])
ARN = "arn:aws:acm:eu-west-1:1:certificate/a"


def host_of(name: str) -> st.SearchStrategy[str]:
    return st.sampled_from([f"{name}.org", f"*.{name}.org", "shared.org", ""])


@st.composite
def fair_members(draw: st.DrawFn, name: str) -> Member:
    """A member as people write them, with faults that people make."""
    found: list[IngressRule] = [
        rule(draw(host_of(name)), *draw(st.lists(PATHS, min_size=1, max_size=3)))
        for _ in range(draw(st.integers(1, 2)))
    ]
    said = {**draw(FAIR), "listen-ports": draw(PORTS), "certificate-arn": ARN}
    return member(name, *found, said=said, default=draw(BACKENDS), order=draw(st.sampled_from([0, 0, 5])))


@st.composite
def any_members(draw: st.DrawFn, name: str) -> Member:
    """A member whose annotations say anything at all."""
    texts = st.text(max_size=20) | JSON.map(json.dumps)
    said = draw(st.dictionaries(KEYS, texts, max_size=5))
    params = draw(st.none() | JSON)
    found = draw(st.lists(PATHS, min_size=1, max_size=3))
    return member(name, rule(draw(host_of(name)), *found), said=said, params=params, default=draw(BACKENDS))


def groups(strategy: Any) -> st.SearchStrategy[list[Member]]:
    return st.tuples(*(strategy(name) for name in NAMES)).map(lambda found: list(in_order(found)))


def stack(members: list[Member], **settings: Any) -> Stack:
    there = [service(), service("other")]
    return desired_stack(inputs(*members, services=there, secrets=[secret()], **settings))[0]


def rules_of(found: Stack, *left_out: str) -> dict[int, list[DesiredRule]]:
    """The rules of each listener, in order, but for those of some Ingresses."""
    hidden = {f"shop/{name}" for name in left_out}
    return {
        listener.port: rules
        for listener in found.listeners
        if (rules := [each for each in listener.rules if each.key.ingress not in hidden])
    }


@given(groups(fair_members), st.sampled_from(NAMES), st.data())
def test_what_becomes_of_one_member_changes_no_rule_of_another(
    members: list[Member], name: str, data: st.DataObject
) -> None:
    index = next(at for at, each in enumerate(members) if each.key[1] == name)
    other = data.draw(fair_members(name))
    changed = [*members[:index], replace_rules(members[index], other), *members[index + 1 :]]
    before, after = rules_of(stack(members), name), rules_of(stack(changed), name)
    assert in_order_themselves(before) == in_order_themselves(after)


@given(groups(fair_members), st.sampled_from(NAMES), st.data())
def test_whatever_one_member_says_what_aws_has_of_another_stays(
    members: list[Member], name: str, data: st.DataObject
) -> None:
    before = stack(members)
    broken = data.draw(any_members(name))
    changed = [replace_rules(each, broken) if each.key[1] == name else each for each in members]
    after = stack(changed, incumbent=carried_out(before))
    assert in_order_themselves(rules_of(before, name)) == in_order_themselves(rules_of(after, name))
    assert after.load_balancer is not None
    assert before.load_balancer is not None
    assert after.load_balancer.security_groups == before.load_balancer.security_groups


def in_order_themselves(found: dict[int, list[DesiredRule]]) -> dict[int, list[DesiredRule]]:
    """Those with conditions that can be read: a 503 for others stands only where nobody else has the host."""
    return {
        port: [each for each in rules if CONDITIONS_KEY not in each.because] for port, rules in found.items()
    }


def replace_rules(one: Member, other: Member) -> Member:
    """The member with another one's wishes, in its place of the group and with its hosts."""
    return member(
        one.key[1],
        *(
            IngressRule(host=mine.host, http=theirs.http)
            for mine, theirs in zip(one.ingress.spec.rules, other.ingress.spec.rules, strict=False)
        ),
        *one.ingress.spec.rules[len(other.ingress.spec.rules) :],
        said=short(other),
        order=one.order,
    )


def short(one: Member) -> dict[str, str]:
    return {key.partition("/")[2]: text for key, text in one.ingress.metadata.annotations.items()}


@given(groups(fair_members), st.randoms(use_true_random=False))
def test_the_order_in_which_members_come_does_not_matter(members: list[Member], random: Any) -> None:
    shuffled = random.sample(members, len(members))
    assert stack(list(in_order(shuffled))) == stack(members)


@given(groups(fair_members), st.sampled_from(["503", "keep"]))
def test_what_is_made_once_is_asked_for_again_with_the_same_problems(
    members: list[Member], broken: str
) -> None:
    there = [service(), service("other")]
    first, told = desired_stack(inputs(*members, services=there, on_broken_rule=broken))
    again = inputs(*members, services=there, on_broken_rule=broken, incumbent=carried_out(first))
    second, told_again = desired_stack(again)
    assert second.listeners == first.listeners
    assert second.target_groups == first.target_groups
    assert told_again == told


@given(groups(fair_members))
def test_every_target_group_that_a_rule_leads_to_is_asked_for_and_no_other(members: list[Member]) -> None:
    found = stack(members)
    used = {
        target.group
        for listener in found.listeners
        for actions in (*actions_of(listener), listener.default_actions)
        for action in actions
        for target in getattr(action, "targets", ())
    }
    assert used == {group.name for group in found.target_groups}


@given(groups(fair_members))
def test_no_two_rules_of_a_listener_are_known_by_one_key(members: list[Member]) -> None:
    for listener in stack(members).listeners:
        keys = [each.key.digest for each in listener.rules]
        assert len(keys) == len(set(keys))


@given(groups(fair_members))
def test_every_rule_matches_the_host_that_it_was_written_for(members: list[Member]) -> None:
    for listener in stack(members).listeners:
        for each in listener.rules:
            if each.content and each.key.host:
                assert each.key.host in hosts(each.content.conditions)


@given(groups(any_members))
def test_nothing_that_is_written_raises(members: list[Member]) -> None:
    found, problems = desired_stack(inputs(*members, services=[service()]))
    assert len(found.members) == len(NAMES)
    assert all(each.message for each in problems)


@given(groups(any_members), st.sampled_from(["oidc", "cognito", "saml", "", "OIDC", " oidc"]), JSON)
def test_nobody_gets_past_a_login_that_is_asked_for(members: list[Member], kind: str, provider: Any) -> None:
    asking = [
        member(
            each.key[1],
            *each.ingress.spec.rules,
            said=short(each)
            | {"auth-type": kind, "auth-idp-oidc": provider if isinstance(provider, str) else OIDC},
            default=each.ingress.spec.default_backend,
        )
        for each in members
    ]
    for listener in stack(asking).listeners:
        for actions in (*actions_of(listener), listener.default_actions):
            assert lets_nobody_in(actions)


@given(groups(fair_members), st.sampled_from(["oidc", "saml", ""]), st.booleans(), st.booleans())
def test_nothing_stays_in_aws_that_leads_past_a_login_that_is_asked_for(
    members: list[Member], kind: str, has_secret: bool, keeps: bool
) -> None:
    before = stack(members)
    login = {"auth-type": kind, "auth-idp-oidc": json.dumps(OIDC)}
    asking = [with_annotations(each, login) for each in members]
    found, _ = desired_stack(
        inputs(
            *asking,
            services=[service("other")],
            secrets=[secret()] if has_secret else [],
            gone=["web"],
            incumbent=carried_out(before),
            on_broken_rule="keep" if keeps else "503",
        )
    )
    for listener in found.listeners:
        assert lets_nobody_in(listener.default_actions)
        for each in listener.rules:
            assert each.state != "keep" or lets_nobody_in(standing_actions(before, listener.port, each))


def with_annotations(one: Member, more: dict[str, str]) -> Member:
    spec = one.ingress.spec
    return member(
        one.key[1], *spec.rules, said=short(one) | more, default=spec.default_backend, order=one.order
    )


def standing_actions(before: Stack, port: int, wanted: DesiredRule) -> tuple[Action, ...]:
    """What a rule that is kept does in AWS."""
    if wanted.content and wanted.key.digest not in {each.key.digest for _, each in all_rules(before)}:
        return wanted.content.actions
    (found,) = (
        each.content.actions
        for at, each in all_rules(before)
        if at == port and each.key.digest == wanted.key.digest and each.content
    )
    return found


def all_rules(found: Stack) -> list[tuple[int, DesiredRule]]:
    return [(listener.port, each) for listener in found.listeners for each in listener.rules]


def actions_of(listener: DesiredListener) -> list[Any]:
    return [each.content.actions for each in listener.rules if each.content]


def hosts(conditions: tuple[Condition, ...]) -> set[str]:
    return {value for each in conditions if each.field == "host-header" for value in each.values}

"""What a listener answers where no rule matches."""

from typing import Any

import pytest

from addons.albingress.desired.inputs import Member
from addons.albingress.model.rules import Action, AuthenticateOidc, FixedResponse, Forward, WeightedTarget
from addons.albingress.model.stack import DesiredListener
from tests.support.alb_carried_out import carried_out
from tests.support.alb_rules import (
    LOGIN,
    backend,
    group_of_original,
    inputs,
    member,
    rules,
    secret,
    service,
    stack_of,
    standing,
)

HTTPS = {"listen-ports": [{"HTTPS": 443}], "certificate-arn": "arn:aws:acm:eu-west-1:1:certificate/a"}
FORWARD = Forward((WeightedTarget("k8s-shop-web-1234567890"),))
LOGGED_IN = AuthenticateOidc("i", "a", "t", "u", "us")


def listener(*members: Member, **given: Any) -> DesiredListener:
    (only,) = stack_of(*members, **given)[0].listeners
    return only


def kinds(found: DesiredListener) -> list[str]:
    return [
        f"{type(each).__name__}{f' {each.status}' if isinstance(each, FixedResponse) else ''}"
        for each in found.default_actions
    ]


def told(*members: Member, **given: Any) -> list[str]:
    return [f"{each.ref.name}: {each.message}" for each in stack_of(*members, **given)[1]]


def test_nobody_has_one_and_it_is_404() -> None:
    assert listener(member("a")).default_actions == (FixedResponse("404", "text/plain"),)


def test_it_forwards_with_a_target_group_and_no_rule() -> None:
    stack, problems = stack_of(member("a", default=backend()))
    assert kinds(stack.listeners[0]) == ["Forward"]
    assert len(stack.target_groups) == 1
    assert problems == ()


def test_the_first_in_order_counts_and_the_other_is_told() -> None:
    first, second = member("a", default=backend()), member("b", default=backend("other"))
    both = [service(), service("other")]
    stack, _ = stack_of(first, second, services=both)
    (default,) = stack.listeners[0].default_actions
    assert isinstance(default, Forward)
    assert "-web-" in default.targets[0].group
    (message,) = told(first, second, services=both)
    assert message.startswith("b: spec.defaultBackend: a port has one, and that of ingress/shop/a counts")


def test_that_in_aws_counts_whoever_comes_in_front_of_it() -> None:
    newcomer, first = member("a", default=backend("other")), member("b", default=backend())
    both = [service(), service("other")]
    aws = carried_out(stack_of(first, services=both)[0])
    found = listener(newcomer, first, services=both, incumbent=aws)
    assert found.default_actions == aws.load_balancers[0].listeners[0].default_actions
    assert told(newcomer, first, services=both, incumbent=aws)[0].startswith(
        "a: spec.defaultBackend: a port has one"
    )


def test_a_broken_one_answers_503_and_hurts_no_rule() -> None:
    bad, good = member("bad", default=backend("nobody")), member("good")
    found = listener(bad, good)
    assert kinds(found) == ["FixedResponse 503"]
    assert [each.state for each in found.rules] == ["ok", "ok"]
    assert told(bad, good)[0].endswith("answers 503: default backend on port 80")


def test_the_second_does_not_take_over_from_a_broken_first_one() -> None:
    found = listener(member("bad", default=backend("nobody")), member("good", default=backend()))
    assert kinds(found) == ["FixedResponse 503"]


@pytest.mark.parametrize("given", [{"gone": ["web"]}, {"on_broken_rule": "keep"}])
def test_what_aws_has_stays_while_the_service_is_just_gone(given: dict[str, Any]) -> None:
    aws = standing(default_actions=(FORWARD,))
    found = listener(member("a", default=backend()), services=(), incumbent=aws, **given)
    assert found.default_actions == (FORWARD,)


def test_it_logs_people_in_on_https() -> None:
    found = listener(member("a", default=backend(), said=LOGIN | HTTPS), secrets=[secret()])
    assert kinds(found) == ["AuthenticateOidc", "Forward"]
    assert found.default_secret == "hunter2"
    assert "hunter2" not in repr(found)


def test_it_sends_people_away_who_could_not_log_in_over_http() -> None:
    assert kinds(listener(member("a", default=backend(), said=LOGIN), secrets=[secret()])) == [
        "FixedResponse 503"
    ]


@pytest.mark.parametrize(
    ("aws", "expected"),
    [
        ((LOGGED_IN, FORWARD), ["AuthenticateOidc", "Forward"]),
        ((FORWARD,), ["FixedResponse 503"]),
    ],
)
def test_without_its_secret_it_is_kept_only_with_a_login(
    aws: tuple[Action, ...], expected: list[str]
) -> None:
    found = listener(
        member("a", default=backend(), said=LOGIN | HTTPS),
        incumbent=standing(port=443, default_actions=aws),
    )
    assert kinds(found) == expected


def test_while_its_secret_cannot_be_read_it_is_kept_and_the_reason_told() -> None:
    one = member("a", default=backend(), said=LOGIN | HTTPS)
    aws = standing(port=443, default_actions=(LOGGED_IN, FORWARD))
    denied = {"login": "403 Forbidden"}
    assert kinds(listener(one, incumbent=aws, unread=denied)) == ["AuthenticateOidc", "Forward"]
    what = "secret shop/login cannot be read, which the chart's secrets.names permits: 403 Forbidden"
    assert any(what in message for message in told(one, incumbent=aws, unread=denied))
    assert kinds(listener(one, unread=denied)) == ["FixedResponse 503"]


def test_that_of_a_member_in_doubt_stays() -> None:
    theirs = group_of_original("k8s-shop-web-1234567890", "shop/a-web:80")
    aws = standing(default_actions=(FORWARD,), groups=[theirs])
    found = listener(member("a", default=backend(), doubt="its class is gone"), member("b"), incumbent=aws)
    assert found.default_actions == (FORWARD,)


def test_a_default_backend_makes_no_rule() -> None:
    assert len(rules(member("a", default=backend())).rules) == 1
    assert inputs(member("a", default=backend())).members[0].ingress.spec.default_backend is not None

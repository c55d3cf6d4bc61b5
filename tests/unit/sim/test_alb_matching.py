"""The independent matcher of requests to rules, which the tests of planners use."""

import doctest

import pytest

from addons.sim.alb import matching
from addons.sim.alb.matching import answer, choose
from addons.sim.alb.request import Incoming
from tests.support.elbv2 import Item, fixed


def rule(priority: int | str, *conditions: Item) -> Item:
    return {"Priority": str(priority), "Conditions": list(conditions), "RuleArn": f"rule-{priority}"}


def chosen(request: Incoming, *rules: Item) -> str:
    return str(choose([*rules, rule("default")], request)["RuleArn"])


def condition(field: str, *values: object, **more: object) -> Item:
    """Give a condition in the form that has its values in the field's config."""
    name = "".join(part.capitalize() for part in field.split("-"))
    return {"Field": field, f"{name}Config": {"Values": list(values), **more}}


def test_the_words_of_the_matcher_are_true() -> None:
    failed, tried = doctest.testmod(matching)
    assert (failed, tried > 0) == (0, True)


def test_numbers_are_compared_as_numbers() -> None:
    both = [rule(10, condition("path-pattern", "/*")), rule(9, condition("path-pattern", "/*"))]
    assert chosen(Incoming(), *both) == "rule-9"


def test_the_order_of_the_list_means_nothing() -> None:
    rules = [rule(number, condition("path-pattern", "/*")) for number in (3, 1, 2)]
    assert chosen(Incoming(), *rules) == "rule-1"


def test_every_condition_must_be_met() -> None:
    both = rule(1, condition("path-pattern", "/a"), condition("host-header", "a.example"))
    assert chosen(Incoming(path="/a", host="a.example"), both) == "rule-1"
    assert chosen(Incoming(path="/a", host="b.example"), both) == "rule-default"


def test_values_stand_beside_the_field_or_in_its_config() -> None:
    old = rule(1, {"Field": "path-pattern", "Values": ["/a"]})
    both = rule(1, {"Field": "path-pattern", "Values": ["/a"], "PathPatternConfig": {"Values": ["/a"]}})
    for each in (old, both):
        assert chosen(Incoming(path="/a"), each) == "rule-1"


@pytest.mark.parametrize(
    ("asked", "request_", "is_met"),
    [
        (condition("host-header", "*.a.example"), Incoming(host="B.A.EXAMPLE"), True),
        (condition("host-header", "*.a.example"), Incoming(host="a.example"), False),
        (condition("path-pattern", "/a?c"), Incoming(path="/abc"), True),
        (condition("path-pattern", "/a?c"), Incoming(path="/ac"), False),
        (condition("path-pattern", "/A"), Incoming(path="/a"), False),
        (condition("http-request-method", "GET", "HEAD"), Incoming(method="HEAD"), True),
        (condition("http-request-method", "GET"), Incoming(method="get"), False),
        (condition("source-ip", "192.0.2.0/24", "2001:db8::/32"), Incoming(source="192.0.2.9"), True),
        (condition("source-ip", "192.0.2.0/24", "2001:db8::/32"), Incoming(source="2001:db8::1"), True),
        (condition("source-ip", "192.0.2.0/24"), Incoming(source="198.51.100.1"), False),
        (
            condition("http-header", "*curl*", HttpHeaderName="User-Agent"),
            Incoming(headers=(("user-agent", "A CURL"),)),
            True,
        ),
        (condition("http-header", "*", HttpHeaderName="X-A"), Incoming(), False),
        (condition("query-string", {"Key": "v", "Value": "1"}), Incoming(query="a=1&v=1"), True),
        (condition("query-string", {"Key": "v", "Value": "1"}), Incoming(query="v=2&a=1"), False),
        (condition("query-string", {"Value": "1"}), Incoming(query="a=1"), True),
        ({"Field": "path-pattern", "RegexValues": ["^/v[12]$"]}, Incoming(path="/v2"), True),
        ({"Field": "host-header", "HostHeaderConfig": {"RegexValues": ["^a"]}}, Incoming(host="A.b"), True),
    ],
)
def test_a_condition_is_met_by_one_of_its_values(asked: Item, request_: Incoming, is_met: bool) -> None:
    assert chosen(request_, rule(1, asked)) == ("rule-1" if is_met else "rule-default")


def test_nothing_answers_without_a_default() -> None:
    with pytest.raises(LookupError, match=r"no rule answers GET a\.example/x"):
        choose([rule(1, condition("path-pattern", "/a"))], Incoming(host="a.example", path="/x"))


def test_what_is_done_is_told_in_order() -> None:
    login = {"Type": "authenticate-oidc", "Order": 1}
    last = {**rule("default"), "Actions": [{**fixed(200), "Order": 2}, login]}
    assert answer([last], Incoming()) == ({"Type": "authenticate-oidc"}, fixed(200))

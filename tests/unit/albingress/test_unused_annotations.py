"""A slip of the pen in an annotation is told, not swallowed."""

from typing import Any

from addons.albingress.desired import annotations
from addons.albingress.desired.inputs import Member
from addons.albingress.desired.unused_annotations import unknown_annotations
from tests.support.alb_groups import ingress
from tests.support.alb_rules import member, path, rule, service, stack_of

PREFIX = "annotation alb.ingress.kubernetes.io/"


def unknown(*keys: str) -> list[str]:
    found = unknown_annotations(ingress("web", dict.fromkeys(keys, "x")))
    return [problem.message.removeprefix(PREFIX) for problem in found]


def told(*members: Member, **given: Any) -> list[tuple[str, str]]:
    _, problems = stack_of(*members, **given)
    return [(each.reason, each.message.removeprefix(PREFIX)) for each in problems]


def test_a_misspelt_one_is_told_with_what_may_be_meant() -> None:
    assert unknown("shceme") == ["shceme does nothing: there is none of that name; is scheme meant?"]


def test_one_of_the_original_that_does_nothing_here_is_told() -> None:
    assert unknown("waf-acl-id", "frontend-nlb-scheme") == [
        "frontend-nlb-scheme is not supported and does nothing",
        "waf-acl-id is not supported and does nothing",
    ]


def test_but_not_one_that_asks_for_nothing() -> None:
    said = {"shield-advanced-protection": "false", "web-acl-id": "none"}
    assert unknown_annotations(ingress("web", said)) == ()


def test_every_annotation_of_the_table_is_known() -> None:
    assert unknown(*(one.key for one in annotations.SETTINGS if not one.is_family)) == []


def test_one_of_a_family_without_its_end_is_unknown() -> None:
    assert len(unknown("actions", "actions.")) == 2


def test_conditions_of_a_backend_that_is_not_there_are_told() -> None:
    written = [{"field": "source-ip", "sourceIPConfig": {"values": ["10.0.0.0/8"]}}]
    guilty = member("a", rule("a.org", path("/", "web")), said={"conditions.wbe": written})
    assert told(guilty) == [
        (
            "UnknownAnnotation",
            "conditions.wbe does nothing: no backend of the Ingress is called wbe; is web meant?",
        )
    ]


def test_those_of_a_backend_that_is_there_are_not() -> None:
    assert told(member("a", said={"conditions.web": []})) == []


def test_one_of_ingresses_on_a_service_is_told_on_the_service() -> None:
    _, problems = stack_of(member("a"), services=[service(said={"scheme": "internal", "target-type": "ip"})])
    assert [(str(each.ref), each.message.removeprefix(PREFIX)) for each in problems] == [
        ("service/shop/web", "scheme does nothing: it is read on Ingresses, not on Services")
    ]


def test_a_value_that_makes_no_sense_is_told_where_nothing_reads_it_too() -> None:
    assert told(member("a", said={"ssl-policy": " "})) == [
        ("UnusedAnnotation", "ssl-policy: is empty; nothing reads it now")
    ]


def test_but_only_once_where_something_does() -> None:
    assert [reason for reason, _ in told(member("a", said={"scheme": "public"}))] == ["InvalidAnnotation"]


def test_nothing_is_said_of_a_member_in_doubt() -> None:
    assert told(member("a", said={"shceme": "x", "ssl-policy": ""}, doubt="its class is gone")) == []


def test_a_strict_group_is_not_held_by_them() -> None:
    stack, problems = stack_of(member("a", said={"shceme": "x"}), strict=True)
    assert (stack.held, len(problems)) == ("", 1)

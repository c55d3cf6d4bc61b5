"""What is told of attributes that nobody asks for any more."""

from typing import Any

from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.stack import Stack
from addons.albingress.plan.attributes import given_up
from tests.support.alb_stacks import NAME, ingress, stack, wished_group, wished_listener

BOTH = (("a", "1"), ("b", "2"))
ONE = (("a", "1"),)


def asked(balancer: Any = (), listener: Any = (), group: Any = ()) -> Stack:
    made = stack(wished_listener(attributes=listener), groups=[], balancer={"attributes": balancer})
    return replace(made, target_groups=(wished_group("g1", attributes=group),))


def told(before: Stack, after: Stack) -> list[tuple[str, str]]:
    found = given_up(before, after)
    assert {(skip.reason, skip.ref) for skip in found} <= {(names.ATTRIBUTE_KEPT, ingress("app"))}
    return [(skip.key, skip.message) for skip in found]


def test_each_that_is_named_no_more_is_told() -> None:
    stays = "stay as they are in AWS: no annotation names them now"
    assert told(asked(BOTH, BOTH, BOTH), asked(ONE, ONE)) == [
        (f"load-balancer/{NAME}", f"b {stays}"),
        (f"listener/{NAME}:80", f"b {stays}"),
        ("target-group/g1", f"a, b {stays}"),
    ]


def test_another_value_is_no_loss() -> None:
    assert told(asked(ONE), asked((("a", "2"),))) == []
    assert told(asked(), asked(BOTH)) == []


def test_what_is_asked_for_no_more_as_a_whole_is_no_loss() -> None:
    before = asked(BOTH, BOTH, BOTH)
    assert told(before, replace(before, load_balancer=None, listeners=(), target_groups=())) == []

"""Words for the matrix of defects: what one member of a group gets wrong, and what that costs."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from addons.albingress import names
from addons.albingress.desired.inputs import Member
from addons.albingress.model.objects import Service
from addons.runtime.outcomes import Problem
from tests.support.alb_rules import LOGIN, member, path, rule, service

ARN, OTHER_ARN = "arn:aws:acm:eu-west-1:1:certificate/a", "arn:aws:acm:eu-west-1:1:certificate/b"
HTTP, HTTPS = [{"HTTP": 80}], [{"HTTPS": 443}]
Told = set[tuple[str, str]]
INGRESS = "ingress/shop/m"


class Row(Struct, frozen=True, kw_only=True):
    """A member that was in order as `was`, and what it says now.

    `new` and `there` are its rules, by port, in a group that is new and in one that AWS has. `told` are the
    objects that have a problem, and its reason. With `loses` it is a conflict, which the first one wins.
    """

    now: Member
    was: Member
    new: list[str]
    there: list[str]
    told: Told
    services: Iterable[Service] | None = None
    had: Iterable[Service] = (service(), service("mine"))
    given: Mapping[str, Any] = {}
    loses: bool = False


def plain(said: Mapping[str, Any] | None = None, *, to: str = "mine", port: Any = 80, **how: Any) -> Member:
    return member("m", rule("m.org", path("/", to, port)), said=said, **how)


def secure(said: Mapping[str, Any] | None = None, **how: Any) -> Member:
    return plain({"listen-ports": HTTPS, **(said or {})}, **how)


def acting(action: Any = None, **said: Any) -> Member:
    texts = {} if action is None else {"actions.x": action}
    return plain(texts | said, to="x", port="use-annotation")


def shares(*groups: tuple[str, int]) -> dict[str, Any]:
    found = [{"serviceName": name, "servicePort": 80, "weight": weight} for name, weight in groups]
    return {"type": "forward", "forwardConfig": {"targetGroups": found}}


def at(port: int, *said: str) -> list[str]:
    return [f"{port} {each}" for each in said]


SERVED, BROKEN, KEPT = "m.org/ -> mine", "m.org/ placeholder -> 503", "m.org/ keep"


def backend_row(now: Member, *, told: Told | None = None, was: Member | None = None, **how: Any) -> Row:
    """A backend that cannot be used: 503 in its place."""
    return Row(
        now=now,
        was=was or plain(),
        new=at(80, BROKEN),
        there=at(80, BROKEN),
        told=told or {(INGRESS, names.BROKEN_BACKEND)},
        **how,
    )


def setting_row(said: dict[str, Any], reason: str = names.INVALID_ANNOTATION) -> Row:
    """A setting of the target group that cannot be used: 503."""
    return backend_row(plain(said), told={(INGRESS, reason)})


def group_row(said: dict[str, Any], reason: str = names.INVALID_ANNOTATION, **how: Any) -> Row:
    """A setting of the whole group that cannot be used: its own rules are served nevertheless."""
    return Row(
        now=plain(said),
        was=plain(),
        new=at(80, SERVED),
        there=at(80, SERVED),
        told={(INGRESS, reason)},
        **how,
    )


def conflict_row(said: dict[str, Any]) -> Row:
    return group_row(said, names.CONFLICTING_SETTING, loses=True)


def login_row(said: dict[str, Any], *, there: str = BROKEN, told: Told | None = None, **how: Any) -> Row:
    return Row(
        now=secure(LOGIN | {"certificate-arn": ARN} | said),
        was=secure(LOGIN | {"certificate-arn": ARN}),
        new=at(443, BROKEN),
        there=at(443, there),
        told=told or {(INGRESS, names.BROKEN_RULE)},
        **how,
    )


def doubtful(reason: str, **how: Any) -> Member:
    return plain(doubt="nobody knows", problems=(Problem(plain().ref, reason, "nobody knows"),), **how)

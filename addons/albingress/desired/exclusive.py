"""Settings of which a group can have only one: whose wish counts where members differ. Pure.

What the load balancer has now wins while somebody asks for it, else the first in the order of the group: a
newcomer changes nothing for those who are served. A wish that cannot be read counts for what AWS has now.
"""

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from msgspec import Struct

from addons.albingress import names
from addons.albingress.desired.asked import Asked, Invalid, Setting
from addons.albingress.desired.class_params import Field
from addons.albingress.desired.inputs import Member
from addons.albingress.model.stack import Pairs
from addons.runtime.objects import ref
from addons.runtime.outcomes import ObjectRef, Problem

T = TypeVar("T")


class Settled(Struct, Generic[T], frozen=True):
    """What counts: a value, or None where nobody asks for one that can be read.

    `is_unclear`: somebody asks for something that cannot be read. `losers` ask for something else.
    """

    value: T | None
    is_unclear: bool = False
    losers: tuple[Member, ...] = ()
    problems: tuple[Problem, ...] = ()


class SettledPairs(Struct, frozen=True):
    """What counts, key by key; what is missing there is not asked for, unless something `is_unclear`."""

    pairs: Pairs
    is_unclear: bool = False
    problems: tuple[Problem, ...] = ()


def asked_of(member: Member, setting: Setting[T], field: Field[T] | None = None) -> Asked[T]:
    """What a member asks for; its class wins over its annotation. Of a member in doubt nobody knows."""
    if member.doubt:
        return unknown_wish(member)
    by_class = field.asked_by(member.params) if field else None
    return setting.asked_by(member.ingress) if by_class is None else by_class


def said_by(member: Member, setting: Setting[Any], field: Field[Any]) -> tuple[ObjectRef, str]:
    """The object that asks for a setting, the class or the Ingress itself, and what it is called there."""
    if member.params is not None and field.asked_by(member.params) is not None:
        return ref(member.params), f"spec.{field.name}"
    return member.ref, f"annotation {setting.name()}"


def unknown_wish(member: Member) -> Invalid:
    """The wish of a member in doubt; why it is in doubt is told already."""
    return Invalid(member.ref, "", "")


def settle(
    what: str,
    wishes: Iterable[tuple[Member, Asked[T]]],
    incumbent: T | None = None,
    show: Callable[[T], str] = str,
) -> Settled[T]:
    """Choose among the wishes of members, given in their order; tell the others that they lose."""
    everyone = tuple(wishes)
    cast = [(member, wish) for member, wish in everyone if wish is not None and not isinstance(wish, Invalid)]
    unread = [member for member, wish in everyone if isinstance(wish, Invalid)]
    faults = [wish for _, wish in everyone if isinstance(wish, Invalid)]
    told = tuple(problem for fault in faults for problem in fault.problems)
    if incumbent is not None and any(wish == incumbent for _, wish in cast):
        winner, why = incumbent, f"the load balancer has {show(incumbent)} now"
    elif incumbent is not None and unread:
        has = f"the load balancer has {show(incumbent)} now"
        winner, why = incumbent, f"{has}, and what {unread[0].ref} asks for cannot be read"
    elif cast:
        winner, why = cast[0][1], f"{cast[0][0].ref} asks for {show(cast[0][1])} and comes first in the group"
    else:
        return Settled(None, bool(faults), (), told)
    lost = tuple((member, wish) for member, wish in cast if wish != winner)
    conflicts = tuple(_conflict(what, member, show(wish), why) for member, wish in lost)
    return Settled(winner, bool(faults), tuple(member for member, _ in lost), (*told, *conflicts))


def settle_pairs(
    what: str, wishes: Iterable[tuple[Member, Asked[Pairs]]], incumbent: Pairs | None = None
) -> SettledPairs:
    """Choose for every key on its own: members may each bring some."""
    everyone = tuple(wishes)
    has = dict(incumbent or ())
    read = [(member, dict(wish)) for member, wish in everyone if wish and not isinstance(wish, Invalid)]
    found: dict[str, str] = {}
    problems = [one for _, wish in everyone if isinstance(wish, Invalid) for one in wish.problems]
    for key in sorted({key for _, pairs in read for key in pairs}):
        settled = settle(f"{what} {key}", [(member, pairs.get(key)) for member, pairs in read], has.get(key))
        problems += settled.problems
        found[key] = settled.value or ""
    is_unclear = any(isinstance(wish, Invalid) for _, wish in everyone)
    return SettledPairs(tuple(sorted(found.items())), is_unclear, tuple(problems))


def with_effect(problems: Iterable[Problem], effect: str) -> tuple[Problem, ...]:
    """The problems, with what wishes that cannot be read cost; of conflicts it is said already."""
    return tuple(
        one
        if one.reason == names.CONFLICTING_SETTING
        else Problem(one.ref, one.reason, f"{one.message}; {effect}")
        for one in problems
    )


def _conflict(what: str, member: Member, wish: str, why: str) -> Problem:
    message = f"{what}: {wish} is not used: {why}; make them equal, or put one of them in another group"
    return Problem(member.ref, names.CONFLICTING_SETTING, message)

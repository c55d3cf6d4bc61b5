"""Which rules a security group of nodes or pods gets and loses. Pure."""

from collections.abc import Collection, Iterable, Iterator
from itertools import groupby, pairwise
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress.model.stack import Permission
from addons.albingress.names import SHARED_RULE_DESCRIPTION

Same = tuple[str, str, str, str]
"""What permissions must share to be put together: protocol and source."""

_ALL: Final = "-1"
"""The protocol that is every one."""


class RuleView(Struct, frozen=True, kw_only=True):
    """A security group: what it must let in, and what it lets in now by rules of anybody.

    `stale_before` are rules that the last pass found useless too. `is_known` is False where not everybody's
    wishes are known: then nothing goes. `most`: put ports together until there are no more rules than that;
    0 for no limit.
    """

    wanted: Collection[Permission]
    observed: Collection[Permission]
    stale_before: Collection[Permission] = ()
    is_known: bool = True
    most: int = 0


class RulePlan(Struct, frozen=True, kw_only=True):
    """Changes in their order. `make_room` is taken away first, where the group is full. `stale` are rules
    that go if the next pass finds them useless again."""

    make_room: tuple[Permission, ...] = ()
    authorize: tuple[Permission, ...] = ()
    revoke: tuple[Permission, ...] = ()
    stale: tuple[Permission, ...] = ()


def plan_endpoint_rules(view: RuleView) -> RulePlan:
    """Let in exactly what is wanted. A wider rule that lets it in already stays as it is, whoever made it.

    Only rules that bear our description go, and only at the second pass that finds them useless, or when what
    lets in the same and more has come. Ports are put together into ranges where AWS has no room for all.
    """
    wanted = merged(view.wanted, view.most) if view.most else tuple(sorted(set(view.wanted)))
    missing = [each for each in wanted if not any(covers(other, each) for other in view.observed)]
    ours = [each for each in view.observed if each.description == SHARED_RULE_DESCRIPTION]
    useless = sorted(each for each in ours if not any(covers(each, other) for other in wanted))
    covered = [each for each in useless if any(covers(other, each) for other in missing)]
    stale = tuple(useless) if view.is_known else ()
    gone = [each for each in stale if each in view.stale_before and each not in covered]
    room = covered[:1] if view.most else []
    after = [each for each in covered if each not in room]
    return RulePlan(
        make_room=tuple(room),
        authorize=tuple(missing),
        revoke=tuple(sorted([*gone, *after])),
        stale=tuple(each for each in stale if each not in gone and each not in covered),
    )


def covers(wide: Permission, narrow: Permission) -> bool:
    """Whether all that `narrow` lets in is let in by `wide`."""
    if wide.protocol == _ALL:
        return _same(wide)[1:] == _same(narrow)[1:]
    return _same(wide) == _same(narrow) and wide.port <= narrow.port and narrow.to_port <= wide.to_port


def merged(wanted: Iterable[Permission], most: int) -> tuple[Permission, ...]:
    """Permissions with neighbouring ports put together, the nearest first, until there are at most `most`.

    Never fewer than one for each protocol and source.
    """
    ranges = sorted(set(wanted), key=lambda each: (_same(each), each.port, each.to_port))
    found = [piece for _, group in groupby(ranges, key=_same) for piece in _overlapping(group)]
    while len(found) > most:
        gaps = [(after.port - before.to_port, index) for index, before, after in _neighbours(found)]
        if not gaps:
            break
        index = min(gaps)[1]
        found[index : index + 2] = [replace(found[index], to_port=found[index + 1].to_port)]
    return tuple(found)


def _overlapping(group: Iterable[Permission]) -> Iterator[Permission]:
    """Ranges of one source, by port, with those put together that touch."""
    current: Permission | None = None
    for each in group:
        if current and each.port <= current.to_port + 1:
            current = replace(current, to_port=max(current.to_port, each.to_port))
            continue
        if current:
            yield current
        current = each
    if current:
        yield current


def _neighbours(found: list[Permission]) -> Iterator[tuple[int, Permission, Permission]]:
    for index, (before, after) in enumerate(pairwise(found)):
        if _same(before) == _same(after):
            yield index, before, after


def _same(each: Permission) -> Same:
    return each.protocol, each.cidr, each.prefix_list, each.security_group

"""What is granted where several objects ask for one name: together, alike, or to one of them. Pure.

One object wins: the first that this table finds. TTL and ownership are the winner's.

| asked in order | the winner is |
|---|---|
| the record exists, made for one of the objects | that object: a newcomer changes nothing |
| some objects have targets, some have none | one that has |
| their ages differ | the oldest |
| else | the first by kind, namespace and name |

| another object asks for | and |
|---|---|
| addresses as the winner does, and is of its kind | gets them granted beside the winner's |
| the same as the winner, or has no target now | gets nothing, and loses nothing |
| anything else | loses, and is told |

Before that, of the endpoints of each object that exclude each other one is taken: `without_rivals`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from addons.dns.model.endpoint import Endpoint, SourceObject
from addons.dns.model.records import RecordSet, meaning
from addons.runtime.outcomes import ObjectRef

_ADDRESSES = ("A", "AAAA")


def without_rivals(endpoints: Sequence[Endpoint], current: Mapping[str, RecordSet]) -> Sequence[Endpoint]:
    """The endpoints, of each object one of a type, and no CNAME beside others.

    Those that lead to one place stand or fall together, so that no name has the alias of one and the address
    of another. The first that fits counts: what leads where the record leads, what is of a type that exists,
    addresses, the first by its target. `current` has the records that exist, by type.
    """
    usable = [endpoint for endpoint in endpoints if not (endpoint.is_pending or endpoint.is_unusable)]
    places: dict[object, list[Endpoint]] = {}
    for endpoint in sorted(usable, key=lambda one: _unlikeness(one, current)):
        places.setdefault((endpoint.asked_by.resource, *_place(endpoint)), []).append(endpoint)
    taken: dict[tuple[str, str], Endpoint] = {}
    for found in places.values():
        theirs = {(endpoint.asked_by.resource, endpoint.type): endpoint for endpoint in reversed(found)}
        if not any(map(taken.__contains__, _excluded(theirs))):
            taken.update(theirs)
    chosen = list(taken.values())
    return [endpoint for endpoint in endpoints if endpoint in chosen or endpoint not in usable]


def _place(endpoint: Endpoint) -> tuple[object, ...]:
    """What record sets of several types have in common when they lead to one place."""
    host = endpoint.alias.name if endpoint.alias else ""
    return host or (endpoint.targets if endpoint.type == "CNAME" else ""), endpoint.routing


def _excluded(theirs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The types that these objects cannot have besides: the same, and others beside a CNAME."""
    for resource, kind in theirs:
        yield resource, kind
        if kind == "CNAME":
            yield from ((resource, address) for address in _ADDRESSES)
        elif kind in _ADDRESSES:
            yield resource, "CNAME"


def _unlikeness(endpoint: Endpoint, current: Mapping[str, RecordSet]) -> tuple[object, ...]:
    """Sorts what the record is like already before what it is not, and addresses before what has a host."""
    record = current.get(endpoint.type)
    alias = endpoint.alias.name if endpoint.alias else ""
    leads_there = record is not None and (
        alias == (record.alias.name if record.alias else "")
        and meaning(endpoint.type, endpoint.targets) == meaning(record.type, record.values)
    )
    is_of_its_kind = record is not None and bool(alias) == bool(record.alias)
    is_routed_so = record is not None and endpoint.routing == record.routing
    has_host = bool(alias) or endpoint.type == "CNAME"
    order = (alias, endpoint.targets, endpoint.routing)
    return not leads_there, not is_of_its_kind, not is_routed_so, has_host, order


class Resolution(Struct, frozen=True):
    """The endpoints that are granted, by type, all in the name of `winner`; `losers` get nothing."""

    winner: SourceObject
    granted: dict[str, Endpoint]
    losers: tuple[ObjectRef, ...] = ()


def resolve(endpoints: Sequence[Endpoint], current_resource: str) -> Resolution:
    """Divide one name and set identifier among the objects that ask for it; `endpoints` must not be empty.

    `current_resource` is the object that the record was made for, as its ownership text says.
    """
    winner = _winner(endpoints, current_resource)
    own = [endpoint for endpoint in endpoints if endpoint.asked_by.ref == winner.ref]
    joined, losers = list(own), []
    others = sorted((one for one in endpoints if one.asked_by.ref != winner.ref), key=_ref)
    for ref, found in groupby(others, key=_ref):
        theirs = list(found)
        if ref.kind == winner.ref.kind and _can_share(own + theirs):
            joined += theirs
        elif _answers(theirs) and _answers(theirs) != _answers(own):
            losers.append(ref)
    if joined == own and len(own) == len({endpoint.type for endpoint in own}):
        granted = {endpoint.type: endpoint for endpoint in own}
    else:
        granted = _union(joined, min(own, key=_preference))
    return Resolution(winner, granted, tuple(losers))


def _winner(endpoints: Sequence[Endpoint], current_resource: str) -> SourceObject:
    if current_resource:
        for endpoint in endpoints:
            if endpoint.asked_by.resource == current_resource:
                return endpoint.asked_by
    return min(endpoints, key=_seniority).asked_by


def _seniority(endpoint: Endpoint) -> tuple[bool, bool, str, str]:
    asked_by = endpoint.asked_by
    return endpoint.is_pending, not asked_by.created, asked_by.created, asked_by.resource


def _can_share(endpoints: Sequence[Endpoint]) -> bool:
    """True when all are plain addresses, or none yet, that one record set per family can hold."""
    policies = {(endpoint.routing, endpoint.health_check_id) for endpoint in endpoints}
    return len(policies) == 1 and all(
        one.is_pending or (one.type in _ADDRESSES and one.alias is None) for one in endpoints
    )


def _answers(endpoints: Iterable[Endpoint]) -> set[object]:
    """What the endpoints would have resolvers answer, whatever its spelling; nothing for pending ones."""
    return {
        (one.type, meaning(one.type, one.targets), one.alias, one.routing, one.health_check_id)
        for one in endpoints
        if not one.is_pending
    }


def _union(endpoints: Sequence[Endpoint], model: Endpoint) -> dict[str, Endpoint]:
    """One endpoint per family with the addresses of all, and everything else as in `model`.

    It is unusable where all of them are: nothing has to be changed then.
    """
    targets: dict[str, dict[frozenset[str], str]] = {}
    usable = {endpoint.type for endpoint in endpoints if not endpoint.is_unusable}
    for endpoint in endpoints:
        for target in endpoint.targets:
            targets.setdefault(endpoint.type, {}).setdefault(meaning(endpoint.type, (target,)), target)
    if not targets:
        return {model.type: model}
    return {
        kind: replace(model, type=kind, targets=tuple(sorted(found.values())), is_unusable=kind not in usable)
        for kind, found in sorted(targets.items())
    }


def _preference(endpoint: Endpoint) -> tuple[bool, str]:
    return endpoint.is_unusable, endpoint.type


_ref = attrgetter("asked_by.ref")

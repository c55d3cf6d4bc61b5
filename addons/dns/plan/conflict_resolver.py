"""What is granted where several objects ask for one name: together, alike, or to one of them."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from addons.dns.model.endpoint import Endpoint, SourceObject
from addons.dns.model.records import RecordSet, meaning
from addons.runtime.outcomes import ObjectRef

_ADDRESSES = ("A", "AAAA")


class Verdict(Struct, frozen=True):
    """The endpoints that are granted, by type, all in the name of `winner`; `losers` get nothing."""

    winner: SourceObject
    granted: dict[str, Endpoint]
    losers: tuple[ObjectRef, ...] = ()


def standing(endpoints: Iterable[Endpoint], held: dict[str, RecordSet]) -> list[Endpoint]:
    """The endpoints that count, given the records that the name has, by type.

    An endpoint that only keeps is worth as many of its values as are there: the others are lost.
    """
    return [
        found for endpoint in endpoints if (found := _kept(endpoint, held) if endpoint.keeps else endpoint)
    ]


def settle(endpoints: Sequence[Endpoint], current_resource: str) -> Verdict:
    """Divide one name and set identifier among the objects that ask for it; `endpoints` must not be empty.

    Addresses that objects of one kind ask for stand side by side, as pods that share a name expect it. An
    object that asks for the same as the winner, or has no target now, is in nobody's way. Any other one
    loses. TTL and ownership are the winner's.
    """
    winner = choose(endpoints, current_resource)
    own = [endpoint for endpoint in endpoints if endpoint.asked_by.ref == winner.ref]
    if len(own) == len(endpoints):
        return Verdict(winner, {endpoint.type: endpoint for endpoint in own})
    joined, losers = list(own), []
    others = sorted((endpoint for endpoint in endpoints if endpoint.asked_by.ref != winner.ref), key=_ref)
    for ref, found in groupby(others, key=_ref):
        theirs = list(found)
        if ref.kind == winner.ref.kind and _shares(own + theirs):
            joined += theirs
        elif _worth(theirs) and _worth(theirs) != _worth(own):
            losers.append(ref)
    granted = (
        {endpoint.type: endpoint for endpoint in own}
        if joined == own
        else _union(joined, min(own, key=_type))
    )
    return Verdict(winner, granted, tuple(losers))


def choose(endpoints: Sequence[Endpoint], current_resource: str) -> SourceObject:
    """The object that decides about a name that several ask for; `endpoints` must not be empty.

    The object whose record exists keeps it, so that nothing flips because of a newcomer. Without one, an
    object that has targets comes before one that has none, then the older one, then the first by name.
    """
    claimants = {endpoint.asked_by.resource: endpoint for endpoint in endpoints}
    if current_resource in claimants:
        return claimants[current_resource].asked_by
    return min(endpoints, key=_seniority).asked_by


def _seniority(endpoint: Endpoint) -> tuple[bool, bool, str, str]:
    asked_by = endpoint.asked_by
    return endpoint.is_pending, not asked_by.created, asked_by.created, asked_by.resource


def _kept(endpoint: Endpoint, held: dict[str, RecordSet]) -> Endpoint | None:
    record = held.get(endpoint.type)
    there = meaning(endpoint.type, record.values) if record else frozenset()
    values = tuple(value for value in endpoint.targets if meaning(endpoint.type, (value,)) <= there)
    return replace(endpoint, targets=values) if values else None


def _shares(endpoints: Sequence[Endpoint]) -> bool:
    """True when all are plain addresses, or none yet, that one record set per family can hold."""
    policies = {(endpoint.routing, endpoint.health_check_id) for endpoint in endpoints}
    return len(policies) == 1 and all(
        endpoint.is_pending or (endpoint.type in _ADDRESSES and endpoint.alias is None)
        for endpoint in endpoints
    )


def _worth(endpoints: Iterable[Endpoint]) -> set[object]:
    """What the endpoints would have resolvers answer, whatever its spelling; nothing for pending ones."""
    return {
        (
            endpoint.type,
            meaning(endpoint.type, endpoint.targets),
            endpoint.alias,
            endpoint.routing,
            endpoint.health_check_id,
        )
        for endpoint in endpoints
        if not endpoint.is_pending
    }


def _union(endpoints: Iterable[Endpoint], model: Endpoint) -> dict[str, Endpoint]:
    """One endpoint per family with the addresses of all, and everything else as in `model`."""
    values: dict[str, dict[frozenset[str], str]] = {}
    for endpoint in endpoints:
        for value in endpoint.targets:
            values.setdefault(endpoint.type, {}).setdefault(meaning(endpoint.type, (value,)), value)
    if not values:
        return {model.type: model}
    return {
        kind: replace(model, type=kind, targets=tuple(sorted(found.values())))
        for kind, found in sorted(values.items())
    }


_ref = attrgetter("asked_by.ref")
_type = attrgetter("type")

"""What is granted where several objects ask for one name: together, alike, or to one of them."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from addons.dns.model.claims import Claim, Claimant
from addons.dns.model.records import RecordSet, meaning
from addons.runtime.outcomes import ObjectRef

_ADDRESSES = ("A", "AAAA")


class Verdict(Struct, frozen=True):
    """The claims that are granted, by type, all in the name of `winner`; `losers` get nothing of theirs."""

    winner: Claimant
    granted: dict[str, Claim]
    losers: tuple[ObjectRef, ...] = ()


def standing(claims: Iterable[Claim], held: dict[str, RecordSet]) -> list[Claim]:
    """The claims that count, given the records that the name has, by type.

    A claim that only keeps is worth as many of its values as are there: what it lost, it cannot have back.
    """
    return [found for claim in claims if (found := _kept(claim, held) if claim.keeps else claim)]


def settle(claims: Sequence[Claim], current_resource: str) -> Verdict:
    """Divide one name and set identifier among the objects that ask for it; `claims` must not be empty.

    Addresses that objects of one kind ask for stand side by side, as pods that share a name expect it. An
    object that asks for the same as the winner, or has no target now, is in nobody's way. Any other one
    loses. TTL and ownership are the winner's.
    """
    winner = choose(claims, current_resource)
    own = [claim for claim in claims if claim.claimant.ref == winner.ref]
    if len(own) == len(claims):
        return Verdict(winner, {claim.type: claim for claim in own})
    joined, losers = list(own), []
    others = sorted((claim for claim in claims if claim.claimant.ref != winner.ref), key=_ref)
    for ref, found in groupby(others, key=_ref):
        theirs = list(found)
        if ref.kind == winner.ref.kind and _shares(own + theirs):
            joined += theirs
        elif _worth(theirs) and _worth(theirs) != _worth(own):
            losers.append(ref)
    granted = {claim.type: claim for claim in own} if joined == own else _union(joined, min(own, key=_type))
    return Verdict(winner, granted, tuple(losers))


def choose(claims: Sequence[Claim], current_resource: str) -> Claimant:
    """The object that decides about a name that several ask for; `claims` must not be empty.

    The object whose record exists keeps it, so that nothing flips because of a newcomer. Without one, an
    object that has targets comes before one that has none, then the older one, then the first by name.
    """
    claimants = {claim.claimant.resource: claim for claim in claims}
    if current_resource in claimants:
        return claimants[current_resource].claimant
    return min(claims, key=_seniority).claimant


def _seniority(claim: Claim) -> tuple[bool, bool, str, str]:
    claimant = claim.claimant
    return claim.is_pending, not claimant.created, claimant.created, claimant.resource


def _kept(claim: Claim, held: dict[str, RecordSet]) -> Claim | None:
    record = held.get(claim.type)
    there = meaning(claim.type, record.values) if record else frozenset()
    values = tuple(value for value in claim.values if meaning(claim.type, (value,)) <= there)
    return replace(claim, values=values) if values else None


def _shares(claims: Sequence[Claim]) -> bool:
    """True when all are plain addresses, or none yet, that one record set per family can hold."""
    policies = {(claim.routing, claim.health_check_id) for claim in claims}
    return len(policies) == 1 and all(
        claim.is_pending or (claim.type in _ADDRESSES and claim.alias is None) for claim in claims
    )


def _worth(claims: Iterable[Claim]) -> set[object]:
    """What the claims would have resolvers answer, whatever its spelling; nothing for pending ones."""
    return {
        (claim.type, meaning(claim.type, claim.values), claim.alias, claim.routing, claim.health_check_id)
        for claim in claims
        if not claim.is_pending
    }


def _union(claims: Iterable[Claim], model: Claim) -> dict[str, Claim]:
    """One claim per family with the addresses of all, and everything else as in `model`."""
    values: dict[str, dict[frozenset[str], str]] = {}
    for claim in claims:
        for value in claim.values:
            values.setdefault(claim.type, {}).setdefault(meaning(claim.type, (value,)), value)
    if not values:
        return {model.type: model}
    return {
        kind: replace(model, type=kind, values=tuple(sorted(found.values())))
        for kind, found in sorted(values.items())
    }


_ref = attrgetter("claimant.ref")
_type = attrgetter("type")

"""What DNSEndpoints ask for: record sets as they stand there. Pure.

An entry that makes no sense costs itself only.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from addons.dns import names
from addons.dns.desired.annotations import checked_hostname, read_annotations
from addons.dns.desired.merge import claimant_of
from addons.dns.desired.scope import Scope
from addons.dns.desired.steering import read_steering, steer
from addons.dns.desired.values import InvalidValue, parse_value
from addons.dns.model.claims import Claim, Claimant, Claims
from addons.dns.model.dns_endpoints import DnsEndpoint, WantedEndpoint
from addons.dns.model.records import MANAGED_TYPES
from addons.runtime.outcomes import Problem

_LONGEST_TTL = 2**31 - 1

Key = tuple[str, str, str]
"""Name, type and set identifier."""


def dns_endpoint_claims(obj: DnsEndpoint, scope: Scope) -> Claims:
    """A claim for every entry; several entries of one name, type and set identifier make one together."""
    if not scope.covers(obj):
        return Claims()
    claimant = claimant_of(obj)
    asked = read_annotations(claimant.ref, obj.metadata.annotations, scope)
    if not asked.is_ours:
        return Claims()
    found: dict[Key, Claim] = {}
    problems: list[Problem] = list(asked.problems)
    outside: set[str] = set()
    for number, wanted in enumerate(obj.spec.endpoints):
        where = f"spec.endpoints[{number}]"
        claims = _claims(wanted, where, claimant, scope)
        problems += claims.problems
        outside.update(claims.outside)
        for claim in claims.claims:
            if fault := _add(found, claim):
                problems.append(Problem(claimant.ref, names.CONFLICTING_TARGETS, f"{where}: {fault}"))
    granted = tuple(found[key] for key in sorted(found))
    return Claims(granted, tuple(dict.fromkeys(problems)), tuple(sorted(outside)))


def _claims(wanted: WantedEndpoint, where: str, claimant: Claimant, scope: Scope) -> Claims:
    """What one entry asks for, steered by its properties."""
    problems: list[Problem] = []
    name = checked_hostname(claimant.ref, f"{where}.dnsName", wanted.dns_name, problems)
    if name is None:
        return Claims((), tuple(problems))
    if not scope.domains.accepts(name):
        return Claims((), tuple(problems), (name,))
    try:
        values = _values(wanted, where, scope)
        ttl = _ttl(wanted, where) or scope.default_ttl
    except InvalidValue as error:
        return Claims((), (Problem(claimant.ref, names.INVALID_ENDPOINT, str(error)),))
    claim = Claim(name, wanted.record_type if values else "", values, ttl, claimant)
    if not values and wanted.record_type not in MANAGED_TYPES:
        claim = replace(claim, type=wanted.record_type)
    steered = steer(claimant.ref, Claims((claim,)), read_steering(_said(wanted), scope), scope)
    return replace(steered, problems=tuple(_placed(problem, where) for problem in steered.problems))


def _values(wanted: WantedEndpoint, where: str, scope: Scope) -> tuple[str, ...]:
    """The targets as Route 53 writes them; raises InvalidValue."""
    kind = wanted.record_type
    if kind not in scope.targets.types:
        managed = ", ".join(sorted(scope.targets.types))
        raise InvalidValue(
            f"{where}.recordType: {kind!r} is not managed; --managed-record-types has {managed}"
        )
    try:
        found = {parse_value(kind, target) for target in wanted.targets}
    except InvalidValue as error:
        raise InvalidValue(f"{where}.targets: {error}") from None
    if kind == "CNAME" and len(found) > 1:
        raise InvalidValue(f"{where}.targets: a CNAME has one target, not {len(found)}")
    return tuple(sorted(found))


def _ttl(wanted: WantedEndpoint, where: str) -> int:
    if 0 <= wanted.ttl <= _LONGEST_TTL:
        return wanted.ttl
    raise InvalidValue(f"{where}.recordTTL: {wanted.ttl} is not a number of seconds from 0 to {_LONGEST_TTL}")


def _said(wanted: WantedEndpoint) -> Mapping[str, str]:
    """The properties and the set identifier, called as the annotations that mean the same."""
    said = {name.replace("/", "-"): value for name, value in wanted.properties.items()}
    return said | ({names.SET_IDENTIFIER: wanted.set_identifier} if wanted.set_identifier else {})


def _placed(problem: Problem, where: str) -> Problem:
    message = problem.message.removeprefix("annotation ")
    return Problem(problem.ref, problem.reason, f"{where}: {message}")


def _add(found: dict[Key, Claim], claim: Claim) -> str:
    """Take one more claim; why it cannot stand beside the others of its name, or the empty text."""
    key = (claim.name, claim.type, claim.set_identifier)
    rivals = [
        other
        for other in found.values()
        if (other.name, other.set_identifier) == (claim.name, claim.set_identifier)
        and other.type != claim.type
    ]
    if rivals and "CNAME" in {claim.type, *(rival.type for rival in rivals)}:
        return f"{claim.type} {claim.name} left out: a CNAME is alone at its name"
    if (first := found.get(key)) is None:
        found[key] = claim
        return ""
    if claim.type == "CNAME" or claim.alias or first.alias:
        return f"{claim.type} {claim.name} left out: the name has one already"
    found[key] = replace(first, values=tuple(sorted({*first.values, *claim.values})))
    return ""

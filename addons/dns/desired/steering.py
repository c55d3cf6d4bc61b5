"""How Route 53 is to answer for an object: alias records, routing policy, hosted zone. Pure.

Applied to claims once they are known by name and type, whatever source they come from.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from addons.dns import names
from addons.dns.desired.canonical import CLOUDFRONT_ZONE, canonical_zone
from addons.dns.desired.routing import InvalidRouting, Routing, read_routing, set_identifier_of
from addons.dns.desired.scope import Scope
from addons.dns.model.claims import Claim, Claims
from addons.dns.model.records import Alias
from addons.runtime.outcomes import ObjectRef, Problem

_ALIAS_TYPES = {"true": ("A", "AAAA"), "A": ("A",), "AAAA": ("AAAA",), "false": ()}


class Steering(Struct, frozen=True):
    """What one object says about how its records are to answer; `faults` has what makes no sense.

    `alias_types` is None where the object says nothing, so that the target decides.
    """

    routing: Routing = Routing()
    alias_types: tuple[str, ...] | None = None
    evaluate_target_health: bool = True
    target_zone_id: str = ""
    zone_id: str = ""
    faults: tuple[str, ...] = ()


def read_steering(said: Mapping[str, str], scope: Scope) -> Steering:
    """Read the annotations of `names.STEERING`, their keys without prefix; other keys are passed over.

    The properties of a DNSEndpoint are the same with a slash: `aws/weight` for `aws-weight`.
    """
    faults: list[str] = []
    try:
        routing = read_routing(said, scope.owner_id)
    except InvalidRouting as error:
        faults.append(str(error))
        routing = _identified(said, scope)
    return Steering(
        routing=routing,
        alias_types=_alias_types(said, faults),
        evaluate_target_health=_evaluates(said, scope.evaluate_target_health, faults),
        target_zone_id=said.get(names.AWS_TARGET_HOSTED_ZONE, "").strip(),
        zone_id=said.get(names.AWS_HOSTED_ZONE_ID, "").strip().removeprefix("/hostedzone/"),
        faults=tuple(faults),
    )


def steer(ref: ObjectRef, claims: Claims, steering: Steering, scope: Scope) -> Claims:
    """The claims with aliases, routing and zone as the object asks.

    With a fault in that, every name is still wanted, but as it is: a guess at a weight or a place would
    move traffic. Each fault is a problem of the object.
    """
    if steering == _SILENT and not any(claim.type == "CNAME" for claim in claims.claims):
        return claims
    steered = [new for claim in claims.claims for new in _aliased(claim, steering, scope)]
    faults = steering.faults + tuple(_multi_value_faults(steered, steering))
    if faults:
        steered = [_unclear(claim) for claim in {claim.name: claim for claim in steered}.values()]
    problems = tuple(Problem(ref, names.INVALID_ANNOTATION, f"annotation {fault}") for fault in faults)
    routed = tuple(_routed(claim, steering) for claim in steered)
    return replace(claims, claims=routed, problems=claims.problems + problems)


def _aliased(claim: Claim, steering: Steering, scope: Scope) -> Iterator[Claim]:
    """Alias claims for a host that has them, the claim itself for anything else."""
    types = _types_of_alias(claim, steering, scope)
    if not types:
        yield claim
        return
    target = claim.values[0].lower().removesuffix(".")
    zone_id = steering.target_zone_id or canonical_zone(target) or ""
    healthy = steering.evaluate_target_health and zone_id != CLOUDFRONT_ZONE
    for kind in types:
        yield Claim(claim.name, kind, (), 0, claim.claimant, alias=Alias(zone_id, target, healthy))


def _types_of_alias(claim: Claim, steering: Steering, scope: Scope) -> tuple[str, ...]:
    if claim.type != "CNAME":
        return ()
    if steering.alias_types is not None:
        return steering.alias_types
    if scope.prefer_cname or canonical_zone(claim.values[0]) is None:
        return ()
    return _ALIAS_TYPES["true"]


def _multi_value_faults(claims: list[Claim], steering: Steering) -> Iterator[str]:
    if any(field == "MultiValueAnswer" for field, _ in steering.routing.policy):
        for claim in claims:
            if claim.alias or claim.type == "CNAME":
                yield f"{names.AWS_MULTI_VALUE_ANSWER}: {claim.name} has no addresses but a host name"
                return


def _unclear(claim: Claim) -> Claim:
    return Claim(claim.name, "", (), claim.ttl, claim.claimant, is_unclear=True)


def _routed(claim: Claim, steering: Steering) -> Claim:
    routing = steering.routing
    return replace(
        claim,
        set_identifier=routing.set_identifier or claim.set_identifier,
        routing=routing.policy or claim.routing,
        health_check_id=routing.health_check_id or claim.health_check_id,
        zone_id=steering.zone_id,
    )


def _identified(said: Mapping[str, str], scope: Scope) -> Routing:
    """Of a routing that makes no sense, at least the record set that it is about."""
    try:
        return Routing(set_identifier_of(said, scope.owner_id))
    except InvalidRouting:
        return Routing()


def _alias_types(said: Mapping[str, str], faults: list[str]) -> tuple[str, ...] | None:
    text = said.get(names.ALIAS)
    if text is None:
        return None
    value = text.strip()
    for known in (value.lower(), value.upper()):
        if known in _ALIAS_TYPES:
            return _ALIAS_TYPES[known]
    faults.append(f"{names.ALIAS}: {text!r} is none of {', '.join(_ALIAS_TYPES)}")
    return None


def _evaluates(said: Mapping[str, str], default: bool, faults: list[str]) -> bool:
    text = said.get(names.AWS_EVALUATE_TARGET_HEALTH)
    if text is None:
        return default
    if text.strip().lower() not in ("true", "false"):
        faults.append(f"{names.AWS_EVALUATE_TARGET_HEALTH}: {text!r} is neither true nor false")
    return text.strip().lower() != "false"


_SILENT = Steering()

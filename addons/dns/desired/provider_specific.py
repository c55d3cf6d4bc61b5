"""What is specific to Route 53: alias records, routing policy, hosted zone (external-dns: provider specific).

Applied to endpoints once they are known by name and type, whatever source they come from. Pure.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from addons.dns import names
from addons.dns.desired.canonical_hosted_zones import CLOUDFRONT_ZONE, canonical_zone
from addons.dns.desired.routing_policies import InvalidRouting, Routing, read_routing, set_identifier_of
from addons.dns.desired.settings import SourceSettings
from addons.dns.model.endpoint import Desired, Endpoint, unusable
from addons.dns.model.records import Alias
from addons.dns.model.zones import InvalidZoneId, parse_zone_id
from addons.runtime.outcomes import ObjectRef, Problem

_ALIAS_TYPES = {"true": ("A", "AAAA"), "A": ("A",), "AAAA": ("AAAA",), "false": ()}


class ProviderSpecific(Struct, frozen=True):
    """What one object says about how its records are to answer; `faults` has what makes no sense.

    `alias_types` is None where the object says nothing, so that the target decides.
    """

    routing: Routing = Routing()
    alias_types: tuple[str, ...] | None = None
    evaluate_target_health: bool = True
    target_zone_id: str = ""
    zone_id: str = ""
    faults: tuple[str, ...] = ()


def read_provider_specific(said: Mapping[str, str], settings: SourceSettings) -> ProviderSpecific:
    """Read the annotations of `names.PROVIDER_SPECIFIC`, their keys without prefix; others are passed over.

    The properties of a DNSEndpoint are the same with a slash: `aws/weight` for `aws-weight`.
    """
    if said.keys().isdisjoint(names.PROVIDER_SPECIFIC):
        return ProviderSpecific(evaluate_target_health=settings.evaluate_target_health)
    faults: list[str] = []
    try:
        routing = read_routing(said, settings.owner_id)
    except InvalidRouting as error:
        faults.append(str(error))
        routing = _identified(said, settings)
    return ProviderSpecific(
        routing=routing,
        alias_types=_alias_types(said, faults),
        evaluate_target_health=_evaluates(said, settings.evaluate_target_health, faults),
        target_zone_id=_zone_id(said, names.AWS_TARGET_HOSTED_ZONE, faults),
        zone_id=_zone_id(said, names.AWS_HOSTED_ZONE_ID, faults),
        faults=tuple(faults),
    )


def apply_provider_specific(
    ref: ObjectRef, desired: Desired, asked: ProviderSpecific, settings: SourceSettings
) -> Desired:
    """The endpoints with aliases, routing and zone as the object asks.

    With a fault in that, every name is still wanted, but as it is: a guess at a weight or a place would
    move traffic. Each fault is a problem of the object.
    """
    if asked == _NOTHING and not any(endpoint.type == "CNAME" for endpoint in desired.endpoints):
        return desired
    endpoints = [new for endpoint in desired.endpoints for new in _aliased(endpoint, asked, settings)]
    faults = asked.faults + tuple(_multi_value_faults(endpoints, asked))
    if faults:
        endpoints = [unusable(endpoint) for endpoint in {one.name: one for one in endpoints}.values()]
    problems = tuple(Problem(ref, names.INVALID_ANNOTATION, f"annotation {fault}") for fault in faults)
    routed = tuple(_routed(endpoint, asked) for endpoint in endpoints)
    return replace(desired, endpoints=routed, problems=desired.problems + problems)


def _aliased(endpoint: Endpoint, asked: ProviderSpecific, settings: SourceSettings) -> Iterator[Endpoint]:
    """Alias endpoints for a host that has them, the endpoint itself for anything else."""
    types = _types_of_alias(endpoint, asked, settings)
    if not types:
        yield endpoint
        return
    target = endpoint.targets[0].lower().removesuffix(".")
    zone_id = asked.target_zone_id or canonical_zone(target) or ""
    healthy = asked.evaluate_target_health and zone_id != CLOUDFRONT_ZONE
    for kind in types:
        yield Endpoint(endpoint.name, kind, (), 0, endpoint.asked_by, alias=Alias(zone_id, target, healthy))


def _types_of_alias(endpoint: Endpoint, asked: ProviderSpecific, settings: SourceSettings) -> tuple[str, ...]:
    if endpoint.type != "CNAME" or endpoint.is_unusable:
        return ()
    if asked.alias_types is not None:
        return asked.alias_types
    if settings.prefer_cname or canonical_zone(endpoint.targets[0]) is None:
        return ()
    return _ALIAS_TYPES["true"]


def _multi_value_faults(endpoints: list[Endpoint], asked: ProviderSpecific) -> Iterator[str]:
    if any(field == "MultiValueAnswer" for field, _ in asked.routing.policy):
        for endpoint in endpoints:
            if endpoint.alias or endpoint.type == "CNAME":
                yield f"{names.AWS_MULTI_VALUE_ANSWER}: {endpoint.name} has no addresses but a host name"
                return


def _routed(endpoint: Endpoint, asked: ProviderSpecific) -> Endpoint:
    routing = asked.routing
    return replace(
        endpoint,
        set_identifier=routing.set_identifier or endpoint.set_identifier,
        routing=routing.policy or endpoint.routing,
        health_check_id=routing.health_check_id or endpoint.health_check_id,
        zone_id=asked.zone_id,
    )


def _identified(said: Mapping[str, str], settings: SourceSettings) -> Routing:
    """Of a routing that makes no sense, at least the record set that it is about."""
    try:
        return Routing(set_identifier_of(said, settings.owner_id))
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


def _zone_id(said: Mapping[str, str], key: str, faults: list[str]) -> str:
    text = said.get(key, "")
    if not text.strip():
        return ""
    try:
        return parse_zone_id(text)
    except InvalidZoneId as error:
        faults.append(f"{key}: {error}")
        return ""


def _evaluates(said: Mapping[str, str], default: bool, faults: list[str]) -> bool:
    text = said.get(names.AWS_EVALUATE_TARGET_HEALTH)
    if text is None:
        return default
    if text.strip().lower() not in ("true", "false"):
        faults.append(f"{names.AWS_EVALUATE_TARGET_HEALTH}: {text!r} is neither true nor false")
    return text.strip().lower() != "false"


_NOTHING = ProviderSpecific()

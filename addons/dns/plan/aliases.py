"""Aliases as one zone can hold them: what endpoints leave open is settled here, zone by zone."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from addons.dns import names as reasons
from addons.dns.model.endpoint import Endpoint
from addons.dns.model.hostnames import is_within
from addons.dns.model.records import RecordSet, Zone, ZoneRecords
from addons.dns.plan.preconditions import Obstacle


def open_targets(zone: Zone, names: Iterable[str], wanted: Mapping[str, Sequence[Endpoint]]) -> set[str]:
    """The alias targets of `names` whose hosted zone is not known, and is not `zone`: AWS may know it."""
    aliases = (endpoint.alias for name in names for endpoint in wanted.get(name, ()))
    return {
        alias.name
        for alias in aliases
        if alias and not alias.zone_id and not is_within(alias.name, zone.name)
    }


def record_sets(
    zone: Zone, endpoints: Iterable[Endpoint], observed: ZoneRecords, alias_zones: Mapping[str, str]
) -> tuple[dict[str, RecordSet], Obstacle | None]:
    """The record sets that grant `endpoints` in `zone`, by type, or what stands in the way of all of them.

    An alias without a zone id leads to a name of the same zone (each zone of a public and private pair has
    its own), or to one in `alias_zones`. Within a zone it can only be of a type that its target has.
    """
    found: dict[str, RecordSet] = {}
    missing: Obstacle | None = None
    for endpoint in endpoints:
        if endpoint.is_pending:
            continue
        record = endpoint.record()
        if record.alias is None or record.alias.zone_id:
            found[endpoint.type] = record
            continue
        target = record.alias.name
        if not (zone_id := zone.id if is_within(target, zone.name) else alias_zones.get(target, "")):
            return {}, Obstacle(reasons.ALIAS_TARGET_UNKNOWN, _unknown(zone, record, target))
        if zone_id != zone.id or (target != endpoint.name and _exists(target, endpoint.type, observed)):
            found[endpoint.type] = replace(record, alias=replace(record.alias, zone_id=zone_id))
        else:
            message = f"{endpoint.name} cannot be an alias yet: {target} has no record in {zone} to lead to"
            missing = Obstacle(reasons.ALIAS_TARGET_MISSING, message)
    return found, None if found else missing


def _exists(name: str, record_type: str, observed: ZoneRecords) -> bool:
    return any(record.type == record_type for record in observed.at(name))


def _unknown(zone: Zone, record: RecordSet, target: str) -> str:
    return (
        f"{record.name} cannot be an alias: {target} is neither in {zone} nor in a zone of AWS that is known"
    )

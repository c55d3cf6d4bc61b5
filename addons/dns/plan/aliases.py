"""The hosted zones of alias targets, as far as endpoints leave them open: settled zone by zone. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from addons.dns import names as reasons
from addons.dns.model.endpoint import Endpoint
from addons.dns.model.hostnames import is_within
from addons.dns.model.records import RecordSet, Zone, ZoneRecords
from addons.dns.plan.preconditions import Unmet


def open_targets(zone: Zone, names: Iterable[str], desired: Mapping[str, Sequence[Endpoint]]) -> set[str]:
    """The alias targets of `names` whose hosted zone is not known, and is not `zone`: AWS may know it."""
    aliases = (endpoint.alias for name in names for endpoint in desired.get(name, ()))
    return {
        alias.name
        for alias in aliases
        if alias and not alias.zone_id and not is_within(alias.name, zone.name)
    }


def with_alias_zone(
    zone: Zone, record: RecordSet, observed: ZoneRecords, alias_zones: Mapping[str, str]
) -> RecordSet | Unmet:
    """The alias record with the hosted zone of its target, or why it cannot be made.

    A target within `zone` is meant to be that zone's (each zone of a public and private pair has its own) and
    must have a record of the same type there; the zone of any other is in `alias_zones`.
    """
    assert record.alias is not None
    target = record.alias.name
    is_here = is_within(target, zone.name)
    if not (zone_id := zone.id if is_here else alias_zones.get(target, "")):
        where = f"neither in {zone} nor in a zone of AWS that is known"
        message = f"{record.name} cannot be an alias: {target} is {where}"
        return Unmet(reasons.ALIAS_TARGET_UNKNOWN, message)
    exists = target != record.name and any(other.type == record.type for other in observed.at(target))
    if is_here and not exists:
        message = f"{record.name} cannot be an alias yet: {target} has no record in {zone} to lead to"
        return Unmet(reasons.ALIAS_TARGET_MISSING, message)
    return replace(record, alias=replace(record.alias, zone_id=zone_id))

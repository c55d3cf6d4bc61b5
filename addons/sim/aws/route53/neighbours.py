"""What a record set must be beside the others of its zone: CNAMEs stand alone, routing is not mixed."""

from collections.abc import Callable, Mapping

from addons.sim.aws.route53.model import RecordSet
from addons.sim.aws.route53.names import is_within
from addons.sim.aws.route53.zone import Draft

_POLICY_WORDS = {
    "Weight": "weighted",
    "Region": "latency",
    "Failover": "failover",
    "GeoLocation": "geolocation",
    "MultiValueAnswer": "multivalue",
    "CidrRoutingConfig": "CIDR",
    "GeoProximityLocation": "geoproximity",
}


def neighbour_problems(draft: Draft, record_set: RecordSet, is_zone: Callable[[str], bool]) -> list[str]:
    """Say why the record set cannot join the zone as the draft has it; empty when it can."""
    present = draft.at(record_set.name)
    problem = _cname_problem(draft.zone.name, present, record_set) or _routing_problem(present, record_set)
    if problem:
        return [problem]
    return _target_problems(draft, record_set, is_zone) if record_set.alias else []


def _cname_problem(zone: str, present: Mapping[tuple[str, str], RecordSet], record_set: RecordSet) -> str:
    """Hold RFC 1034 section 3.6.2: where a CNAME is, nothing else is; at an apex SOA and NS are."""
    if record_set.type == "CNAME":
        if record_set.name == zone:
            return (
                f"RRSet of type CNAME with DNS name {record_set.name} is not permitted at apex in zone {zone}"
            )
        if any(type_ != "CNAME" for type_, _ in present):
            return (
                f"RRSet of type CNAME with DNS name {record_set.name} is not permitted as it conflicts "
                f"with other records with the same DNS name in zone {zone}"
            )
    elif any(type_ == "CNAME" for type_, _ in present):
        return (
            f"RRSet of type {record_set.type} with DNS name {record_set.name} is not permitted because a "
            f"conflicting RRSet of type CNAME with the same DNS name already exists in zone {zone}"
        )
    return ""


def _routing_problem(present: Mapping[tuple[str, str], RecordSet], record_set: RecordSet) -> str:
    type_, set_id = record_set.type, record_set.set_id
    siblings = [
        other for (its_type, its_id), other in present.items() if its_type == type_ and its_id != set_id
    ]
    if not siblings:
        return ""
    if not set_id:
        return (
            f"RRSet with DNS name {record_set.name}, type {type_} cannot be created as other RRSets "
            "exist with the same name and type."
        )
    start = (
        f"RRSet with DNS name {record_set.name}, type {type_}, SetIdentifier {set_id} cannot be created as"
    )
    word = _POLICY_WORDS[record_set.policies[0]]
    if any(other.policies != record_set.policies for other in siblings):
        return f"{start} a non-{word} set exists with the same name and type."
    if any(_place(other) and _place(other) == _place(record_set) for other in siblings):
        return f"{start} a {word} set with the same place in the routing exists with the same name and type."
    if record_set.weight is not None and any(other.ttl != record_set.ttl for other in siblings):
        return f"{start} weighted sets must contain the same TTL."
    return ""


def _place(record_set: RecordSet) -> object:
    """Give what must differ between siblings of a policy; None where only the set identifier does."""
    return record_set.region or record_set.failover or record_set.geo_location or record_set.cidr


def _target_problems(draft: Draft, record_set: RecordSet, is_zone: Callable[[str], bool]) -> list[str]:
    """Check an alias to a hosted zone of this account; a foreign id names an AWS service's zone."""
    alias, zone = record_set.alias, draft.zone
    assert alias is not None
    if alias.hosted_zone_id != zone.id and not is_zone(alias.hosted_zone_id):
        return []
    start = (
        f"Tried to create an alias that targets {alias.dns_name}, type {record_set.type} "
        f"in zone {alias.hosted_zone_id}, but"
    )
    problems = []
    if alias.hosted_zone_id != zone.id or not is_within(alias.dns_name, zone.name):
        problems.append(f"{start} the alias target name does not lie within the target zone")
    if not any(type_ == record_set.type for type_, _ in draft.at(alias.dns_name)):
        problems.append(f"{start} that target was not found")
    return problems

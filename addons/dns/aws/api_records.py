"""Between the record sets of the model and those of the Route 53 API."""

import json
from collections.abc import Mapping
from typing import Any

from addons.dns.model.hostnames import from_route53
from addons.dns.model.records import Alias, Change, RecordSet, Zone
from addons.dns.model.zones import parse_zone_id

_ROUTING_FIELDS = (
    "CidrRoutingConfig",
    "Failover",
    "GeoLocation",
    "GeoProximityLocation",
    "MultiValueAnswer",
    "Region",
    "TrafficPolicyInstanceId",
    "Weight",
)


def zone_from_api(item: Mapping[str, Any]) -> Zone:
    """One hosted zone of ListHostedZones."""
    return Zone(
        id=parse_zone_id(item["Id"]),
        name=from_route53(item["Name"]),
        private=item.get("Config", {}).get("PrivateZone", False),
        record_count=item.get("ResourceRecordSetCount", 0),
    )


def record_from_api(item: Mapping[str, Any]) -> RecordSet:
    """One record set of ListResourceRecordSets; whatever it has survives the way back unchanged."""
    alias = item.get("AliasTarget")
    return RecordSet(
        name=from_route53(item["Name"]),
        type=item["Type"],
        ttl=item.get("TTL", 0),
        values=tuple(value["Value"] for value in item.get("ResourceRecords", ())),
        set_identifier=item.get("SetIdentifier", ""),
        alias=alias and _alias(alias),
        routing=_routing(item) if "SetIdentifier" in item else (),
        health_check_id=item.get("HealthCheckId", ""),
    )


def _alias(item: Mapping[str, Any]) -> Alias:
    """Trailing dots of names mean nothing to Route 53, not even in a delete."""
    return Alias(item["HostedZoneId"], item["DNSName"].removesuffix("."), item["EvaluateTargetHealth"])


def _routing(item: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (field, json.dumps(item[field], sort_keys=True)) for field in _ROUTING_FIELDS if field in item
    )


def change_to_api(change: Change) -> dict[str, Any]:
    """One change of ChangeResourceRecordSets."""
    record = change.record
    item: dict[str, Any] = {"Name": record.name, "Type": record.type}
    if record.alias:
        item["AliasTarget"] = {
            "HostedZoneId": record.alias.zone_id,
            "DNSName": record.alias.name,
            "EvaluateTargetHealth": record.alias.evaluate_target_health,
        }
    else:
        item["TTL"] = record.ttl
        item["ResourceRecords"] = [{"Value": value} for value in record.values]
    if record.set_identifier:
        item["SetIdentifier"] = record.set_identifier
    if record.health_check_id:
        item["HealthCheckId"] = record.health_check_id
    item.update((field, json.loads(text)) for field, text in record.routing)
    return {"Action": change.action, "ResourceRecordSet": item}

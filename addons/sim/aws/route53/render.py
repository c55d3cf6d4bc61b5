"""Answers: the model to XML, as text. A page of 300 record sets is built in about a millisecond."""

from collections.abc import Iterable
from datetime import datetime
from xml.sax.saxutils import escape

from addons.sim.aws.route53.errors import Route53Error
from addons.sim.aws.route53.model import AliasTarget, GeoLocation, GeoProximity, RecordSet, Vpc
from addons.sim.aws.route53.parse import NAMESPACE
from addons.sim.aws.route53.state import NAME_SERVERS, ChangeInfo
from addons.sim.aws.route53.zone import Zone


def document(root: str, *parts: str) -> str:
    """Wrap parts in the root element of an answer."""
    return f'<?xml version="1.0"?>\n<{root} xmlns="{NAMESPACE}">{"".join(parts)}</{root}>'


def element(tag: str, value: object) -> str:
    """Give `<tag>value</tag>`, escaped; "" for None and for an empty text, which Route 53 leaves out."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return f"<{tag}>{'true' if value else 'false'}</{tag}>"
    return f"<{tag}>{escape(str(value))}</{tag}>"


def error(refusal: Route53Error, request_id: str) -> str:
    """Give the error document that botocore turns into a `ClientError`."""
    return document(
        "ErrorResponse",
        f"<Error><Type>{'Receiver' if refusal.status >= 500 else 'Sender'}</Type>",
        element("Code", refusal.code),
        element("Message", refusal.message),
        "</Error>",
        element("RequestId", request_id),
    )


def hosted_zone(zone: Zone) -> str:
    """Give a HostedZone element."""
    return (
        "<HostedZone>"
        f"<Id>/hostedzone/{zone.id}</Id>{element('Name', zone.name)}"
        f"{element('CallerReference', zone.caller_reference)}"
        f"<Config>{element('Comment', zone.comment)}{element('PrivateZone', zone.private)}</Config>"
        f"<ResourceRecordSetCount>{len(zone)}</ResourceRecordSetCount>"
        "</HostedZone>"
    )


def delegation_set(zone: Zone) -> str:
    """Give the DelegationSet of a public zone; a private one has none."""
    if zone.private:
        return ""
    servers = "".join(element("NameServer", server.removesuffix(".")) for server in NAME_SERVERS)
    return f"<DelegationSet><NameServers>{servers}</NameServers></DelegationSet>"


def vpc(network: Vpc) -> str:
    """Give a VPC element."""
    return f"<VPC>{element('VPCRegion', network.region)}{element('VPCId', network.id)}</VPC>"


def change_info(info: ChangeInfo, status: str) -> str:
    """Give a ChangeInfo element."""
    return (
        f"<ChangeInfo><Id>/change/{info.id}</Id><Status>{status}</Status>"
        f"<SubmittedAt>{timestamp(info.submitted_at)}</SubmittedAt>"
        f"{element('Comment', info.comment)}</ChangeInfo>"
    )


def timestamp(moment: datetime) -> str:
    """Give a time in UTC with milliseconds, as Route 53 writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def tag_set(resource_type: str, resource_id: str, tags: Iterable[tuple[str, str]]) -> str:
    """Give a ResourceTagSet element."""
    rendered = "".join(
        f"<Tag>{element('Key', key)}<Value>{escape(value)}</Value></Tag>" for key, value in tags
    )
    return (
        f"<ResourceTagSet>{element('ResourceType', resource_type)}{element('ResourceId', resource_id)}"
        f"<Tags>{rendered}</Tags></ResourceTagSet>"
    )


def record_set(item: RecordSet) -> str:
    """Give a ResourceRecordSet element, its parts in the order of the API's schema."""
    return (
        f"<ResourceRecordSet><Name>{item.name}</Name><Type>{item.type}</Type>"
        f"{_routing(item) if item.set_id else ''}"
        f"{'' if item.ttl is None else f'<TTL>{item.ttl}</TTL>'}"
        f"{_values(item.values)}{_alias(item.alias) if item.alias else ''}"
        f"{element('HealthCheckId', item.health_check_id)}"
        f"{_late_routing(item) if item.set_id else ''}"
        "</ResourceRecordSet>"
    )


def _values(values: tuple[str, ...]) -> str:
    if not values:
        return ""
    records = "".join(f"<ResourceRecord><Value>{escape(value)}</Value></ResourceRecord>" for value in values)
    return f"<ResourceRecords>{records}</ResourceRecords>"


def _routing(item: RecordSet) -> str:
    return (
        f"{element('SetIdentifier', item.set_id)}{element('Weight', item.weight)}"
        f"{element('Region', item.region)}{_geo_location(item.geo_location)}"
        f"{element('Failover', item.failover)}{element('MultiValueAnswer', item.multivalue or None)}"
    )


def _late_routing(item: RecordSet) -> str:
    cidr = ""
    if item.cidr:
        cidr = (
            f"<CidrRoutingConfig>{element('CollectionId', item.cidr.collection_id)}"
            f"{element('LocationName', item.cidr.location_name)}</CidrRoutingConfig>"
        )
    return cidr + _geo_proximity(item.geo_proximity)


def _alias(alias: AliasTarget) -> str:
    return (
        f"<AliasTarget>{element('HostedZoneId', alias.hosted_zone_id)}{element('DNSName', alias.dns_name)}"
        f"{element('EvaluateTargetHealth', alias.evaluate_target_health)}</AliasTarget>"
    )


def _geo_location(place: GeoLocation | None) -> str:
    if place is None:
        return ""
    return (
        f"<GeoLocation>{element('ContinentCode', place.continent)}{element('CountryCode', place.country)}"
        f"{element('SubdivisionCode', place.subdivision)}</GeoLocation>"
    )


def _geo_proximity(place: GeoProximity | None) -> str:
    if place is None:
        return ""
    coordinates = ""
    if place.latitude:
        coordinates = (
            f"<Coordinates>{element('Latitude', place.latitude)}"
            f"{element('Longitude', place.longitude)}</Coordinates>"
        )
    return (
        f"<GeoProximityLocation>{element('AWSRegion', place.aws_region)}"
        f"{element('LocalZoneGroup', place.local_zone_group)}{coordinates}"
        f"{element('Bias', place.bias)}</GeoProximityLocation>"
    )

"""Request bodies: XML to the model."""

from typing import cast
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from addons.sim.aws.route53.errors import InvalidInput
from addons.sim.aws.route53.model import (
    Action,
    AliasTarget,
    Change,
    CidrRouting,
    GeoLocation,
    GeoProximity,
    RecordSet,
    Vpc,
)

NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
_PREFIX = f"{{{NAMESPACE}}}"


def parse_body(body: bytes, root: str) -> Element:
    """Give the root element of a request. Raises `InvalidInput` for anything but that element."""
    try:
        element = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise InvalidInput(f"Invalid XML ; {error}") from None
    if element.tag != _PREFIX + root:
        raise InvalidInput(f"Invalid XML ; expected the element '{root}' in {NAMESPACE}")
    return element


def text(parent: Element, path: str) -> str:
    """Give the text of a descendant, "" when it is missing; `path` has no namespaces."""
    return _find_text(parent, path) or ""


def required(parent: Element, path: str) -> str:
    """Give the text of a descendant that must be there. Raises `InvalidInput`."""
    found = _find_text(parent, path)
    if not found:
        raise InvalidInput(f"Invalid XML ; the element '{path}' is missing or empty.")
    return found


def children(parent: Element, path: str) -> list[Element]:
    """Give all descendants at a path without namespaces."""
    return parent.findall("/".join(_PREFIX + step for step in path.split("/")))


def parse_vpc(element: Element) -> Vpc:
    """Read a VPC element."""
    return Vpc(region=text(element, "VPCRegion"), id=required(element, "VPCId"))


def parse_changes(root: Element) -> list[Change]:
    """Read the changes of a ChangeResourceRecordSetsRequest. Raises `InvalidInput`."""
    return [_change(element) for element in children(root, "ChangeBatch/Changes/Change")]


def _find_text(parent: Element, path: str) -> str | None:
    return parent.findtext("/".join(_PREFIX + step for step in path.split("/")))


def _change(element: Element) -> Change:
    record_set = element.find(f"{_PREFIX}ResourceRecordSet")
    if record_set is None:
        raise InvalidInput("Invalid XML ; the element 'ResourceRecordSet' is missing.")
    return Change(cast(Action, text(element, "Action")), _record_set(record_set))


def _record_set(element: Element) -> RecordSet:
    """Read one record set; one pass over its children, since a batch has up to 1000 of them."""
    part = {child.tag[len(_PREFIX) :]: child for child in element}
    plain = {tag: child.text or "" for tag, child in part.items()}
    if not (plain.get("Name") and plain.get("Type")):
        raise InvalidInput("Invalid XML ; a ResourceRecordSet needs a 'Name' and a 'Type'.")
    if "SetIdentifier" in part and not plain["SetIdentifier"]:
        raise InvalidInput(
            "Invalid XML ; the value of element 'SetIdentifier' must have 1 to 128 characters."
        )
    return RecordSet(
        plain["Name"],
        plain["Type"],
        ttl=_number(plain.get("TTL")),
        values=_values(part.get("ResourceRecords")),
        alias=_alias(part.get("AliasTarget")),
        set_id=plain.get("SetIdentifier", ""),
        weight=_number(plain.get("Weight")),
        region=plain.get("Region", ""),
        failover=plain.get("Failover", ""),
        multivalue=plain.get("MultiValueAnswer") == "true",
        geo_location=_geo_location(part.get("GeoLocation")),
        geo_proximity=_geo_proximity(part.get("GeoProximityLocation")),
        cidr=_cidr(part.get("CidrRoutingConfig")),
        health_check_id=plain.get("HealthCheckId", ""),
    )


def _values(element: Element | None) -> tuple[str, ...]:
    return () if element is None else tuple(text(record, "Value") for record in element)


def _number(value: str | None) -> int | None:
    try:
        return None if value is None else int(value)
    except ValueError:
        raise InvalidInput(f"Invalid XML ; '{value}' is not a valid value for 'integer'.") from None


def _alias(element: Element | None) -> AliasTarget | None:
    if element is None:
        return None
    return AliasTarget(
        hosted_zone_id=required(element, "HostedZoneId"),
        dns_name=text(element, "DNSName"),
        evaluate_target_health=required(element, "EvaluateTargetHealth") == "true",
    )


def _geo_location(element: Element | None) -> GeoLocation | None:
    if element is None:
        return None
    return GeoLocation(
        text(element, "ContinentCode"), text(element, "CountryCode"), text(element, "SubdivisionCode")
    )


def _geo_proximity(element: Element | None) -> GeoProximity | None:
    if element is None:
        return None
    return GeoProximity(
        aws_region=text(element, "AWSRegion"),
        local_zone_group=text(element, "LocalZoneGroup"),
        latitude=text(element, "Coordinates/Latitude"),
        longitude=text(element, "Coordinates/Longitude"),
        bias=_number(text(element, "Bias") or None),
    )


def _cidr(element: Element | None) -> CidrRouting | None:
    if element is None:
        return None
    return CidrRouting(required(element, "CollectionId"), required(element, "LocationName"))

"""The operations of the API: each takes a request and gives the XML of its answer."""

from collections.abc import Callable, Mapping
from functools import partial

from addons.sim.aws.route53 import render
from addons.sim.aws.route53.errors import InvalidInput, Route53Error, no_such_hosted_zone
from addons.sim.aws.route53.names import BadName, parse_name, sort_key
from addons.sim.aws.route53.parse import (
    children,
    parse_body,
    parse_changes,
    parse_vpc,
    required,
    text,
)
from addons.sim.aws.route53.queries import get_account_limit, get_hosted_zone_limit, test_dns_answer
from addons.sim.aws.route53.request import Request
from addons.sim.aws.route53.state import ChangeInfo, Route53
from addons.sim.aws.route53.zone import Zone, listing_key

MAX_ZONES_PAGE = 100
MAX_RECORDS_PAGE = 300
MAX_TAGGED_RESOURCES = 10


Operation = Callable[[Route53, Request], str]


def create_hosted_zone(route53: Route53, request: Request) -> str:
    """Make a zone; the answer has its delegation set, or its VPC when it is private."""
    root = parse_body(request.body, "CreateHostedZoneRequest")
    zone_id = route53.create_zone(
        required(root, "Name"),
        private=text(root, "HostedZoneConfig/PrivateZone") == "true",
        vpcs=[parse_vpc(element) for element in children(root, "VPC")],
        comment=text(root, "HostedZoneConfig/Comment"),
        caller_reference=required(root, "CallerReference"),
    )
    zone = route53.zone(zone_id)
    return render.document(
        "CreateHostedZoneResponse",
        render.hosted_zone(zone),
        _change_info(route53, route53.submit()),
        render.delegation_set(zone),
        *map(render.vpc, zone.vpcs),
    )


def delete_hosted_zone(route53: Route53, request: Request) -> str:
    """Remove an empty zone."""
    info = route53.delete_zone(request.path["id"])
    return render.document("DeleteHostedZoneResponse", _change_info(route53, info))


def get_hosted_zone(route53: Route53, request: Request) -> str:
    """Describe one zone."""
    zone = route53.zone(request.path["id"])
    vpcs = f"<VPCs>{''.join(map(render.vpc, zone.vpcs))}</VPCs>" if zone.private else ""
    return render.document(
        "GetHostedZoneResponse", render.hosted_zone(zone), render.delegation_set(zone), vpcs
    )


def get_hosted_zone_count(route53: Route53, request: Request) -> str:
    """Count the zones."""
    count = render.element("HostedZoneCount", len(route53.zones()))
    return render.document("GetHostedZoneCountResponse", count)


def list_hosted_zones(route53: Route53, request: Request) -> str:
    """List zones in the order of their creation, from a marker on."""
    zones, marker = route53.zones(), request.query.get("marker", "")
    limit = _max_items(request, "maxitems", MAX_ZONES_PAGE)
    start = 0
    if marker:
        ids = [zone.id for zone in zones]
        if marker not in ids:
            raise no_such_hosted_zone(marker)
        start = ids.index(marker)
    page, rest = zones[start : start + limit], zones[start + limit :]
    return render.document(
        "ListHostedZonesResponse",
        _zones(page),
        render.element("Marker", marker),
        render.element("IsTruncated", bool(rest)),
        render.element("NextMarker", rest[0].id if rest else None),
        render.element("MaxItems", limit),
    )


def list_hosted_zones_by_name(route53: Route53, request: Request) -> str:
    """List zones by reversed name, then id, from a name (and id) on, whether or not a zone has it."""
    query = request.query
    name, zone_id = query.get("dnsname", ""), query.get("hostedzoneid", "").removeprefix("/hostedzone/")
    if zone_id and not name:
        raise InvalidInput("The DNSName parameter is required when HostedZoneId is given.")
    start = (sort_key(_parse(name)), zone_id) if name else ("", "")
    limit = _max_items(request, "maxitems", MAX_ZONES_PAGE)
    order = sorted(route53.zones(), key=_by_name)
    zones = [zone for zone in order if _by_name(zone) >= start]
    page, rest = zones[:limit], zones[limit:]
    return render.document(
        "ListHostedZonesByNameResponse",
        _zones(page),
        render.element("DNSName", name),
        render.element("HostedZoneId", zone_id),
        render.element("IsTruncated", bool(rest)),
        render.element("NextDNSName", rest[0].name if rest else None),
        render.element("NextHostedZoneId", rest[0].id if rest else None),
        render.element("MaxItems", limit),
    )


def change_resource_record_sets(route53: Route53, request: Request) -> str:
    """Apply a batch."""
    zone = route53.zone(request.path["id"])
    root = parse_body(request.body, "ChangeResourceRecordSetsRequest")
    info = route53.change(zone.id, parse_changes(root), comment=text(root, "ChangeBatch/Comment"))
    return render.document("ChangeResourceRecordSetsResponse", _change_info(route53, info))


def list_resource_record_sets(route53: Route53, request: Request) -> str:
    """List a page of record sets from a name, type and set identifier on."""
    zone = route53.zone(request.path["id"])
    limit = _max_items(request, "maxitems", MAX_RECORDS_PAGE)
    found = zone.page(_start(request.query), limit + 1)
    page, rest = found[:limit], found[limit:]
    following = ""
    if rest:
        following = (
            render.element("NextRecordName", rest[0].name)
            + render.element("NextRecordType", rest[0].type)
            + render.element("NextRecordIdentifier", rest[0].set_id)
        )
    return render.document(
        "ListResourceRecordSetsResponse",
        f"<ResourceRecordSets>{''.join(map(render.record_set, page))}</ResourceRecordSets>",
        render.element("IsTruncated", bool(rest)),
        following,
        render.element("MaxItems", limit),
    )


def get_change(route53: Route53, request: Request) -> str:
    """Say whether a change is in effect."""
    info = route53.submitted(request.path["id"])
    return render.document("GetChangeResponse", _change_info(route53, info))


def list_tags_for_resource(route53: Route53, request: Request) -> str:
    """Give the tags of one zone."""
    zone = route53.zone(_tagged(request, request.path["id"]))
    return render.document("ListTagsForResourceResponse", _tags(zone))


def list_tags_for_resources(route53: Route53, request: Request) -> str:
    """Give the tags of up to ten zones."""
    root = parse_body(request.body, "ListTagsForResourcesRequest")
    ids = [element.text or "" for element in children(root, "ResourceIds/ResourceId")]
    if not 1 <= len(ids) <= MAX_TAGGED_RESOURCES:
        raise InvalidInput(f"ResourceIds must have 1 to {MAX_TAGGED_RESOURCES} elements, not {len(ids)}.")
    zones = [route53.zone(_tagged(request, zone_id)) for zone_id in ids]
    return render.document(
        "ListTagsForResourcesResponse",
        f"<ResourceTagSets>{''.join(map(_tags, zones))}</ResourceTagSets>",
    )


def change_tags_for_resource(route53: Route53, request: Request) -> str:
    """Add, replace and remove tags of a zone."""
    zone = route53.zone(_tagged(request, request.path["id"]))
    root = parse_body(request.body, "ChangeTagsForResourceRequest")
    for element in children(root, "RemoveTagKeys/Key"):
        zone.tags.pop(element.text or "", None)
    zone.tags |= {required(tag, "Key"): text(tag, "Value") for tag in children(root, "AddTags/Tag")}
    return render.document("ChangeTagsForResourceResponse")


def change_vpcs(route53: Route53, request: Request, *, operation: str, keep: bool) -> str:
    """Add a VPC to a private zone (`keep`), or take one away."""
    zone = route53.zone(request.path["id"])
    root = parse_body(request.body, f"{operation}Request")
    networks = [parse_vpc(element) for element in children(root, "VPC")]
    if len(networks) != 1:
        raise InvalidInput("Invalid XML ; the element 'VPC' is missing.")
    route53.change_vpc(zone, networks[0], keep=keep)
    info = _change_info(route53, route53.submit(text(root, "Comment")))
    return render.document(f"{operation}Response", info)


def list_hosted_zones_by_vpc(route53: Route53, request: Request) -> str:
    """List the private zones that answer in a VPC."""
    vpc_id = request.query.get("vpcid", "")
    zones = [zone for zone in route53.zones() if any(vpc.id == vpc_id for vpc in zone.vpcs)]
    summaries = "".join(
        f"<HostedZoneSummary><HostedZoneId>{zone.id}</HostedZoneId>{render.element('Name', zone.name)}"
        "<Owner><OwningAccount>123456789012</OwningAccount></Owner></HostedZoneSummary>"
        for zone in zones
    )
    return render.document(
        "ListHostedZonesByVPCResponse",
        f"<HostedZoneSummaries>{summaries}</HostedZoneSummaries>",
        render.element("MaxItems", MAX_ZONES_PAGE),
    )


def _change_info(route53: Route53, info: ChangeInfo) -> str:
    return render.change_info(info, route53.status(info))


def _zones(zones: list[Zone]) -> str:
    return f"<HostedZones>{''.join(map(render.hosted_zone, zones))}</HostedZones>"


def _by_name(zone: Zone) -> tuple[str, str]:
    return sort_key(zone.name), zone.id


def _tags(zone: Zone) -> str:
    return render.tag_set("hostedzone", zone.id, zone.tags.items())


def _tagged(request: Request, resource_id: str) -> str:
    kind = request.path["type"]
    if kind != "hostedzone":
        raise Route53Error("NoSuchHealthCheck", f"No health check exists with the ID {resource_id}", 404)
    return resource_id


def _max_items(request: Request, parameter: str, most: int) -> int:
    given = request.query.get(parameter, str(most))
    if not given.isdecimal() or int(given) < 1:
        raise InvalidInput(f"MaxItems must be a positive number, not '{given}'.")
    return min(int(given), most)


def _start(query: Mapping[str, str]) -> str:
    name, type_, set_id = query.get("name", ""), query.get("type", ""), query.get("identifier", "")
    if (type_ and not name) or (set_id and not type_):
        raise InvalidInput("The input is not valid: each start parameter needs the one before it.")
    return listing_key(_parse(name), type_, set_id) if name else ""


def _parse(name: str) -> str:
    try:
        return parse_name(name)
    except BadName as error:
        raise InvalidInput(str(error)) from None


OPERATIONS: dict[str, Operation] = {
    "CreateHostedZone": create_hosted_zone,
    "DeleteHostedZone": delete_hosted_zone,
    "GetHostedZone": get_hosted_zone,
    "GetHostedZoneCount": get_hosted_zone_count,
    "ListHostedZones": list_hosted_zones,
    "ListHostedZonesByName": list_hosted_zones_by_name,
    "ListHostedZonesByVPC": list_hosted_zones_by_vpc,
    "ChangeResourceRecordSets": change_resource_record_sets,
    "ListResourceRecordSets": list_resource_record_sets,
    "GetChange": get_change,
    "GetHostedZoneLimit": get_hosted_zone_limit,
    "GetAccountLimit": get_account_limit,
    "TestDNSAnswer": test_dns_answer,
    "ListTagsForResource": list_tags_for_resource,
    "ListTagsForResources": list_tags_for_resources,
    "ChangeTagsForResource": change_tags_for_resource,
    "AssociateVPCWithHostedZone": partial(change_vpcs, operation="AssociateVPCWithHostedZone", keep=True),
    "DisassociateVPCFromHostedZone": partial(
        change_vpcs, operation="DisassociateVPCFromHostedZone", keep=False
    ),
}

"""Operations that ask about the service itself: what a name resolves to, and how full the quotas are."""

import random

from addons.sim.answers import Lookup
from addons.sim.aws.route53 import render
from addons.sim.aws.route53.errors import InvalidInput
from addons.sim.aws.route53.names import BadName, parse_name
from addons.sim.aws.route53.request import Request
from addons.sim.aws.route53.state import NAME_SERVERS, Route53

DEFAULT_RECORD_SETS = 10_000
MAX_VPCS = 300
MAX_ZONES = 500
MAX_HEALTH_CHECKS = 200


def test_dns_answer(route53: Route53, request: Request) -> str:
    """Give what the name servers of one zone say, without a query on the wire."""
    query = request.query
    zone = route53.zone(query.get("hostedzoneid", ""))
    name, type_ = _parse(query.get("recordname", "")), query.get("recordtype", "A")
    answer = Lookup([zone], {}, (), random.Random(0)).answer(name, type_)
    entries = "".join(
        render.element("RecordDataEntry", value) for records in answer.answer for value in records.values
    )
    return render.document(
        "TestDNSAnswerResponse",
        render.element("Nameserver", NAME_SERVERS[0].removesuffix(".")),
        render.element("RecordName", name),
        render.element("RecordType", type_),
        f"<RecordData>{entries}</RecordData>",
        render.element("ResponseCode", answer.code),
        render.element("Protocol", "UDP"),
    )


def get_hosted_zone_limit(route53: Route53, request: Request) -> str:
    """Give a quota of a zone, and how much of it is used."""
    zone = route53.zone(request.path["id"])
    limits = {
        "MAX_RRSETS_BY_ZONE": (route53.knobs.record_sets_per_zone or DEFAULT_RECORD_SETS, len(zone)),
        "MAX_VPCS_ASSOCIATED_BY_ZONE": (MAX_VPCS, len(zone.vpcs)),
    }
    return _limit("GetHostedZoneLimitResponse", request.path["type"], limits)


def get_account_limit(route53: Route53, request: Request) -> str:
    """Give a quota of the account, and how much of it is used."""
    limits = {
        "MAX_HOSTED_ZONES_BY_OWNER": (MAX_ZONES, len(route53.zones())),
        "MAX_HEALTH_CHECKS_BY_OWNER": (MAX_HEALTH_CHECKS, len(route53.knobs.known_health_checks or ())),
    }
    return _limit("GetAccountLimitResponse", request.path["type"], limits)


def _limit(root: str, type_: str, limits: dict[str, tuple[int, int]]) -> str:
    if type_ not in limits:
        raise InvalidInput(f"The limit type '{type_}' is not one of {', '.join(limits)}.")
    value, count = limits[type_]
    limit = f"<Limit>{render.element('Type', type_)}{render.element('Value', value)}</Limit>"
    return render.document(root, limit, render.element("Count", count))


def _parse(name: str) -> str:
    try:
        return parse_name(name)
    except BadName as error:
        raise InvalidInput(str(error)) from None

"""The HTTP side of Route 53: which operation a request asks for, and what the knobs do to it."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from addons.sim.aws.route53.errors import Route53Error
from addons.sim.aws.route53.operations import OPERATIONS
from addons.sim.aws.route53.request import Request
from addons.sim.aws.route53.state import Route53
from addons.sim.aws.throttle import Throttle

_ID = r"(?P<id>[^/]+)"
_TAGS = r"/tags/(?P<type>[^/]+)"
_ROUTES = (
    ("POST", r"/hostedzone", "CreateHostedZone"),
    ("GET", r"/hostedzone", "ListHostedZones"),
    ("GET", r"/hostedzonesbyname", "ListHostedZonesByName"),
    ("GET", r"/hostedzonesbyvpc", "ListHostedZonesByVPC"),
    ("GET", r"/hostedzonecount", "GetHostedZoneCount"),
    ("GET", rf"/hostedzone/{_ID}", "GetHostedZone"),
    ("DELETE", rf"/hostedzone/{_ID}", "DeleteHostedZone"),
    ("POST", rf"/hostedzone/{_ID}/rrset/?", "ChangeResourceRecordSets"),
    ("GET", rf"/hostedzone/{_ID}/rrset", "ListResourceRecordSets"),
    ("POST", rf"/hostedzone/{_ID}/associatevpc", "AssociateVPCWithHostedZone"),
    ("POST", rf"/hostedzone/{_ID}/disassociatevpc", "DisassociateVPCFromHostedZone"),
    ("GET", rf"/change/{_ID}", "GetChange"),
    ("GET", rf"/hostedzonelimit/{_ID}/(?P<type>[^/]+)", "GetHostedZoneLimit"),
    ("GET", r"/accountlimit/(?P<type>[^/]+)", "GetAccountLimit"),
    ("GET", r"/testdnsanswer", "TestDNSAnswer"),
    ("GET", rf"{_TAGS}/{_ID}", "ListTagsForResource"),
    ("POST", rf"{_TAGS}/{_ID}", "ChangeTagsForResource"),
    ("POST", _TAGS, "ListTagsForResources"),
)
_COMPILED = [(method, re.compile(f"/2013-04-01{path}"), name) for method, path, name in _ROUTES]


def find_operation(method: str, path: str) -> tuple[str, Mapping[str, str]]:
    """Give the operation's name and the ids in the path; the name is "" when there is no such operation."""
    for wanted, pattern, name in _COMPILED:
        if method == wanted and (found := pattern.fullmatch(path)):
            return name, found.groupdict()
    return "", {}


class Route53Api:
    """Answers requests from the state, slowed and refused as the knobs say."""

    def __init__(self, route53: Route53, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.route53 = route53
        self._throttle = Throttle(monotonic)
        self._in_flight: set[str] = set()

    async def answer(self, operation: str, request: Request) -> str:
        """Give the XML of the answer. Raises `Route53Error`."""
        knobs = self.route53.knobs
        self.route53.calls[operation] += 1
        if not self._throttle.admits(knobs.rate_per_second, knobs.burst):
            raise Route53Error("Throttling", "Rate exceeded")
        with self._alone(operation, request):
            if knobs.latency_seconds:
                await self.route53.sleep(knobs.latency_seconds)
            return OPERATIONS[operation](self.route53, request)

    @contextmanager
    def _alone(self, operation: str, request: Request) -> Iterator[None]:
        """Hold the zone that is being changed; the knob refuses another change of it meanwhile."""
        if operation != "ChangeResourceRecordSets":
            yield
            return
        zone_id = request.path["id"]
        if self.route53.knobs.prior_request_not_complete and zone_id in self._in_flight:
            raise Route53Error(
                "PriorRequestNotComplete",
                "The request was rejected because Route 53 was still processing a prior request.",
            )
        self._in_flight.add(zone_id)
        try:
            yield
        finally:
            self._in_flight.discard(zone_id)

"""Validation of requests: what is refused before anybody looks which pod it comes from."""

from addons.iamproxy import names
from addons.iamproxy.model.verdicts import Refusal
from addons.iamproxy.server.original_destination import METADATA_ADDRESSES
from addons.iamproxy.server.requests import FORWARDED, HOST, TTL, Request, hosts_of
from addons.iamproxy.server.routes import Kind, Route
from addons.iamproxy.server.tokens import parse_ttl

_METADATA_NAME = "instance-data.ec2.internal"
"""What Amazon's resolver calls the metadata service; below ec2.internal nobody else has a name."""

_METADATA_HOSTS = frozenset[bytes]().union(
    *(hosts_of(host, 80) for host in (*METADATA_ADDRESSES, _METADATA_NAME, f"{_METADATA_NAME}."))
)


def validate(request: Request, route: Route | None) -> Refusal | None:
    """Why a request is refused, whichever pod sent it; None for a valid one."""
    if route is None:
        return Refusal(None, names.UNLISTED_PATH, "", 404)
    if request.method not in route.methods:
        allowed = " or ".join(sorted(method.decode() for method in route.methods))
        return Refusal(None, names.WRONG_METHOD, f"this path takes {allowed}", 405)
    if route.kind is Kind.HEALTH:
        return None
    if route.kind is Kind.TOKEN and (found := _validate_token_request(request)):
        return found
    if request.repeated:
        name = request.repeated.decode()
        return Refusal(None, names.MALFORMED_REQUEST, f"the header {name} came more than once", 400)
    return _validate_host(request)


def _validate_token_request(request: Request) -> Refusal | None:
    """A token is for the pod itself, not for a client of a proxy that runs in the pod."""
    if FORWARDED in request.headers:
        return Refusal(None, names.FORWARDED_REQUEST, "the request came through a proxy", 403)
    if parse_ttl(request.headers.get(TTL, b"")) is None:
        return Refusal(None, names.INVALID_TTL, "the life time must be 1 to 21600 seconds", 400)
    return None


def _validate_host(request: Request) -> Refusal | None:
    """A browser that a foreign name leads here (DNS rebinding) sends that name as `Host`."""
    host = request.headers.get(HOST)
    if host is None:
        if request.version == "1.0":
            return None
        return Refusal(None, names.MALFORMED_REQUEST, "the header host is missing", 400)
    if (host := host.lower()) in _METADATA_HOSTS or host in request.peer.hosts:
        return None
    return Refusal(None, names.WRONG_HOST, "the header host names somebody else", 403)

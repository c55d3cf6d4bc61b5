"""Who is called, and how a refusal must look: AWS's wire protocols, told apart from a request alone."""

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from aiohttp import web

from addons.sim.aws.route53.api import find_operation

Protocol = Literal["ec2", "query", "json", "rest-json", "rest-xml", "cbor"]

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]*/([^/]+)/aws4_request")
_REST_XML_SERVICES = ("route53", "s3", "cloudfront")


@dataclass(frozen=True, slots=True)
class Target:
    """The operation that a request asks for. `service` is the signing name, e.g. elasticloadbalancing."""

    service: str
    operation: str
    protocol: Protocol


def find_call(request: web.BaseRequest, body: bytes) -> Target:
    """Read service and operation from a request.

    The service is the one of the signature's scope. Calls that carry no signature are those of STS, whose
    caller has no credentials yet.
    """
    scope = _SCOPE.search(request.headers.get("Authorization", ""))
    service = scope[1] if scope else "sts"
    if service == "route53":
        return Target(service, find_operation(request.method, request.path)[0], "rest-xml")
    if target := request.headers.get("X-Amz-Target"):
        return Target(service, target.rpartition(".")[2], "json")
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return Target(service, request.path.rpartition("/")[2], "cbor")
    if action := request.query.get("Action") or _form_action(request, body):
        return Target(service, action, "ec2" if service == "ec2" else "query")
    protocol: Protocol = "rest-xml" if service in _REST_XML_SERVICES else "rest-json"
    return Target(service, _rest_operation(service, request.method, request.path), protocol)


def _form_action(request: web.BaseRequest, body: bytes) -> str:
    if request.content_type != "application/x-www-form-urlencoded":
        return ""
    return parse_qs(body.decode()).get("Action", [""])[0]


def _rest_operation(service: str, method: str, path: str) -> str:
    """Give the operation of a REST service by method and path; "GET /path" when its model is not known."""
    for wanted, pattern, name in _rest_routes(service):
        if wanted == method and pattern.fullmatch(path):
            return name
    return f"{method} {path}"


@cache
def _rest_routes(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    from botocore.exceptions import UnknownServiceError
    from botocore.loaders import Loader

    try:
        operations: dict[str, Any] = Loader().load_service_model(service, "service-2")["operations"]
    except UnknownServiceError:
        return []
    routes = []
    for name, operation in operations.items():
        path = operation["http"]["requestUri"].partition("?")[0]
        pattern = "".join(
            "[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{[^}]+\})", path)
        )
        routes.append((operation["http"]["method"], re.compile(pattern), name))
    return routes


def render_error(
    protocol: Protocol, *, code: str, message: str, status: int, request_id: str
) -> web.Response:
    """Give the response that clients of the protocol understand as this error."""
    if protocol in ("json", "rest-json"):
        return web.json_response(
            {"__type": code, "message": message}, status=status, headers={"x-amzn-ErrorType": code}
        )
    if protocol == "cbor":
        return web.Response(
            body=b"\xa2" + b"".join(map(_cbor_text, ("__type", code, "message", message))),
            status=status,
            content_type="application/cbor",
            headers={"smithy-protocol": "rpc-v2-cbor"},
        )
    fields = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if protocol == "ec2":
        body = (
            f"<Response><Errors><Error>{fields}</Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
    else:
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type>{fields}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return web.Response(text=f'<?xml version="1.0"?>\n{body}', status=status, content_type="text/xml")


def _cbor_text(text: str) -> bytes:
    """Encode a text of less than 64 KiB: major type 3 with a two-octet length (RFC 8949 section 3.1)."""
    encoded = text.encode()
    return b"\x79" + len(encoded).to_bytes(2) + encoded


_CODE = re.compile(rb"<Code>([^<]+)</Code>")


def error_code(status: int, headers: Any, body: bytes) -> str:
    """Give the error code of a response of any protocol, "" for a success."""
    if status < 400:
        return ""
    if found := _CODE.search(body):
        return found[1].decode()
    if typed := headers.get("x-amzn-ErrorType"):
        return str(typed).partition(":")[0]
    try:
        return str(json.loads(body)["__type"]).rpartition("#")[2]
    except (ValueError, KeyError, TypeError):
        return str(status)

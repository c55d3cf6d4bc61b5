"""One endpoint on loopback for every AWS service: Route 53, STS, EC2, ELBv2, ACM… are ours, others moto's.

The services are told apart as AWS does it, by the service name in the signature's scope. Of EC2, Auto
Scaling, CloudFormation, ELBv2, WAFv2 and the Tagging API, the operations that we have are ours as soon as
there is a VPC in `AwsEndpoint.ec2`, of ACM as soon as there is a certificate in `AwsEndpoint.acm`, or a VPC,
and of SQS as soon as there is a queue in `AwsEndpoint.sqs`.
"""

import asyncio
import itertools
import json
import socket
from dataclasses import dataclass
from typing import Self

from aiohttp import web

from addons.sim.aws.acm import api as acm_api
from addons.sim.aws.acm.api import AcmError
from addons.sim.aws.acm.state import Acm
from addons.sim.aws.autoscaling import api as autoscaling_api
from addons.sim.aws.autoscaling.api import AutoScalingApi
from addons.sim.aws.autoscaling.errors import AutoScalingError
from addons.sim.aws.autoscaling.state import AutoScaling
from addons.sim.aws.cloudformation import api as cloudformation_api
from addons.sim.aws.cloudformation.api import CloudFormationApi
from addons.sim.aws.cloudformation.state import CloudFormation
from addons.sim.aws.ec2 import api as ec2_api
from addons.sim.aws.ec2.api import Ec2Api
from addons.sim.aws.ec2.errors import Ec2Error
from addons.sim.aws.ec2.state import Ec2
from addons.sim.aws.elbv2 import api as elbv2_api
from addons.sim.aws.elbv2.api import Elbv2Api
from addons.sim.aws.elbv2.errors import ElbError
from addons.sim.aws.elbv2.state import Elbv2
from addons.sim.aws.errors import Refusal
from addons.sim.aws.faults import Arguments, Fault, Faults
from addons.sim.aws.moto import Moto
from addons.sim.aws.protocol import Target, error_code, find_call, render_error
from addons.sim.aws.route53 import render
from addons.sim.aws.route53.api import Route53Api, find_operation
from addons.sim.aws.route53.errors import Route53Error
from addons.sim.aws.route53.request import Request
from addons.sim.aws.route53.state import Route53
from addons.sim.aws.sqs import api as sqs_api
from addons.sim.aws.sqs.state import Sqs
from addons.sim.aws.sts import api as sts_api
from addons.sim.aws.sts.api import StsApi
from addons.sim.aws.sts.errors import StsError
from addons.sim.aws.sts.request import read_request
from addons.sim.aws.sts.state import Sts
from addons.sim.aws.tagging import api as tagging_api
from addons.sim.aws.tagging.api import TaggingApi
from addons.sim.aws.tagging.state import Tagging
from addons.sim.aws.waf import api as waf_api
from addons.sim.aws.waf.state import Waf

_MAX_BODY_BYTES = 64 * 1024 * 1024
_OURS = {
    "autoscaling": set(autoscaling_api.OPERATIONS),
    "cloudformation": set(cloudformation_api.OPERATIONS),
    "ec2": set(ec2_api.OPERATIONS),
    "elasticloadbalancing": set(elbv2_api.OPERATIONS),
    "tagging": set(tagging_api.OPERATIONS),
    "wafv2": set(waf_api.OPERATIONS),
}
_WIRES = {
    "autoscaling": autoscaling_api.WIRE,
    "cloudformation": cloudformation_api.WIRE,
    "ec2": ec2_api.WIRE,
    "elasticloadbalancing": elbv2_api.WIRE,
}
_HOP_BY_HOP = ("connection", "content-length", "transfer-encoding", "date", "server")


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was served: what permission tests compare with a policy. `error` is "" on success."""

    service: str
    operation: str
    status: int
    error: str = ""


class AwsEndpoint:
    """The endpoint. `faults` make calls fail, `calls` records all; the other attributes are state.

    `serving` is how many calls have come whole and are not answered yet.
    """

    def __init__(self) -> None:
        self.route53 = Route53()
        self.sts = Sts()
        self.ec2 = Ec2()
        self.autoscaling = AutoScaling(self.ec2)
        self.cloudformation = CloudFormation(self.autoscaling)
        self.sqs = Sqs(self.ec2.agenda.time)
        self.acm = Acm()
        self.elbv2 = Elbv2(self.ec2, self.acm.has_issued)
        self.tagging = Tagging(self.ec2, self.elbv2)
        self.waf = Waf(self.elbv2.account)
        self.faults = Faults()
        self.calls: list[Call] = []
        self.serving = 0
        self._api = Route53Api(self.route53)
        self._sts_api = StsApi(self.sts)
        self._ec2_api = Ec2Api(self.ec2)
        self._autoscaling_api = AutoScalingApi(self.autoscaling)
        self._cloudformation_api = CloudFormationApi(self.cloudformation)
        self._elbv2_api = Elbv2Api(self.elbv2)
        self._tagging_api = TaggingApi(self.tagging)
        self._moto = Moto()
        self._runner: web.AppRunner | None = None
        self._request_ids = itertools.count(1)
        self._url = ""

    @property
    def url(self) -> str:
        """The `endpoint_url` for clients, once started."""
        return self._url

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, *, listener: socket.socket | None = None
    ) -> None:
        """Listen; port 0 takes a free one. `listener`: a socket to use instead, e.g. of another namespace."""
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.SockSite(self._runner, listener) if listener else web.TCPSite(self._runner, host, port)
        await site.start()
        bound_host, bound_port = self._runner.addresses[0][:2]
        self._url = f"http://{bound_host}:{bound_port}"
        self.ec2.agenda.start()

    async def listen(self, listener: socket.socket) -> str:
        """Listen on one more socket, e.g. of another namespace; give the URL there."""
        assert self._runner is not None, "not started"
        await web.SockSite(self._runner, listener).start()
        host, port = listener.getsockname()[:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """Close every connection and give back the port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self.ec2.agenda.stop()
        self._moto.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.serving += 1
        try:
            return await self._serve_whole(request, body)
        finally:
            self.serving -= 1

    async def _serve_whole(self, request: web.Request, body: bytes) -> web.StreamResponse:
        target = find_call(request, body)

        def arguments() -> Arguments:
            return _arguments(request, target, body)

        await asyncio.sleep(self.faults.delay(target.service, target.operation, arguments))
        fault = self.faults.take(target.service, target.operation, arguments)
        if fault is not None and fault.before:
            response = self._failure(request, target, fault)
        else:
            response = await self._answer(request, target, body)
            if fault is not None:
                response = self._failure(request, target, fault)
        code = fault.code if fault else error_code(response.status, response.headers, _body(response))
        self.calls.append(Call(target.service, target.operation, response.status, code))
        return response

    async def _answer(self, request: web.Request, target: Target, body: bytes) -> web.Response:
        if target.service == "route53":
            return await self._answer_route53(request, target, body)
        if target.service == "sts" and target.operation in sts_api.OPERATIONS:
            return await self._answer_sts(request, target, body)
        if self._is_ours(target):
            return await self._answer_ours(request, target, body)
        reply = await self._moto.call(request.method, self._url, request.path_qs, request.headers, body)
        headers = {name: value for name, value in reply.headers.items() if name.lower() not in _HOP_BY_HOP}
        return web.Response(status=reply.status, headers=headers, body=reply.body)

    async def _answer_route53(self, request: web.Request, target: Target, body: bytes) -> web.Response:
        request_id = self._request_id()
        try:
            if not target.operation:
                raise Route53Error("UnknownOperation", f"no operation at {request.path}", 404)
            _, ids = find_operation(request.method, request.path)
            text = await self._api.answer(target.operation, Request(ids, request.query, body))
        except Route53Error as refusal:
            return _xml(render.error(refusal, request_id), refusal.status, request_id)
        return _xml(text, 201 if target.operation == "CreateHostedZone" else 200, request_id)

    async def _answer_sts(self, request: web.Request, target: Target, body: bytes) -> web.Response:
        request_id = self._request_id()
        call = read_request(request.headers, request.query_string, body)
        try:
            text = await self._sts_api.answer(target.operation, call, request_id)
        except StsError as refusal:
            return _xml(sts_api.error(refusal, request_id), refusal.status, request_id)
        return _xml(text, 200, request_id)

    def _is_ours(self, target: Target) -> bool:
        if target.service == "acm":
            return target.operation in acm_api.OPERATIONS and (self.acm.is_used or self.ec2.is_used)
        if target.service == "sqs":
            return target.operation in sqs_api.OPERATIONS and self.sqs.is_used
        return target.operation in _OURS.get(target.service, ()) and self.ec2.is_used

    async def _answer_ours(self, request: web.Request, target: Target, body: bytes) -> web.Response:
        request_id = self._request_id()
        query = body.decode() or request.query_string
        try:
            if target.protocol == "json":
                text = await self._answer_json(target, body)
                return web.Response(text=text, content_type="application/x-amz-json-1.1")
            apis: dict[str, Ec2Api | AutoScalingApi | CloudFormationApi] = {
                "ec2": self._ec2_api,
                "autoscaling": self._autoscaling_api,
                "cloudformation": self._cloudformation_api,
            }
            api = apis.get(target.service, self._elbv2_api)
            return _xml(await api.answer(target.operation, query, request_id), 200, request_id)
        except (AcmError, AutoScalingError, Ec2Error, ElbError, Refusal) as refusal:
            return render_error(
                target.protocol,
                code=refusal.code,
                message=refusal.message,
                status=refusal.status,
                request_id=request_id,
            )

    async def _answer_json(self, target: Target, body: bytes) -> str:
        if target.service == "acm":
            return acm_api.answer(self.acm, target.operation, body)
        if target.service == "sqs":
            return await sqs_api.answer(self.sqs, target.operation, body, self._url)
        if target.service == "wafv2":
            return waf_api.answer(self.waf, target.operation, body)
        return await self._tagging_api.answer(target.operation, body)

    def _failure(self, request: web.Request, target: Target, fault: Fault) -> web.Response:
        if not fault.code:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        return render_error(
            target.protocol,
            code=fault.code,
            message=fault.message,
            status=fault.status,
            request_id=self._request_id(),
        )

    def _request_id(self) -> str:
        return f"00000000-0000-4000-8000-{next(self._request_ids):012d}"


def _arguments(request: web.Request, target: Target, body: bytes) -> Arguments:
    """Read the arguments of a call; none of one that is not well-formed, or of a protocol without lists."""
    try:
        if target.protocol == "json":
            found: Arguments = json.loads(body or b"{}")
            return found
        if wire := _WIRES.get(target.service):
            return wire.read(target.operation, body.decode() or request.query_string)
    except (AutoScalingError, Ec2Error, ElbError, ValueError):
        pass
    return {}


def _xml(text: str, status: int, request_id: str) -> web.Response:
    return web.Response(
        text=text, status=status, content_type="text/xml", headers={"x-amzn-RequestId": request_id}
    )


def _body(response: web.Response) -> bytes:
    return response.body if isinstance(response.body, bytes) else b""

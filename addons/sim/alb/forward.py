"""Passing a request on to a target, and its answer back."""

import itertools
import time
from collections.abc import Iterable

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from addons.sim.alb.choice import Chooser, cookies_for
from addons.sim.alb.reach import Reach
from addons.sim.alb.request import Incoming, transformed
from addons.sim.aws.elbv2.attributes import RESPONSE_HEADERS
from addons.sim.aws.elbv2.model import Item, Listener, Rule

_HOP_BY_HOP = ("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length")
_numbers = itertools.count(1)


class Forwarder:
    """Answers as AWS does: 503 without a target, 502 when it cannot be asked, 504 when it is slow."""

    def __init__(
        self, session: aiohttp.ClientSession, chooser: Chooser, reach: Reach, timeout_seconds: float
    ) -> None:
        self._session = session
        self._chooser = chooser
        self._reach = reach
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=timeout_seconds)

    async def forward(
        self, config: Item, rule: Rule, request: web.BaseRequest, incoming: Incoming, listener: Listener
    ) -> web.StreamResponse:
        """Give a target's answer, as it comes."""
        group = self._chooser.group(config, request.cookies)
        target = self._chooser.target(group, request.cookies) if group else None
        if group is None or target is None:
            return web.Response(status=503, text="503 Service Temporarily Unavailable")
        asked = transformed(rule.transforms, incoming)
        host, port = self._reach(target.id, target.port)
        url = f"{group.settings['Protocol'].lower()}://{host}:{port}{asked.path}"
        url += f"?{asked.query}" if asked.query else ""
        headers = _request_headers(request, incoming, asked)
        body = await request.read() if request.can_read_body else None
        try:
            reply = await self._session.request(
                request.method,
                URL(url, encoded=True),
                headers=headers,
                data=body,
                timeout=self._timeout,
                ssl=False,
                allow_redirects=False,
            )
        except TimeoutError:
            return web.Response(status=504, text="504 Gateway Time-out")
        except (aiohttp.ClientError, OSError):
            return web.Response(status=502, text="502 Bad Gateway")
        async with reply:
            return await _pass_back(reply, request, listener, cookies_for(config, group, target))


async def _pass_back(
    reply: aiohttp.ClientResponse, request: web.BaseRequest, listener: Listener, cookies: list[str]
) -> web.StreamResponse:
    headers = _kept(reply.headers.items())
    for cookie in cookies:
        headers.add("Set-Cookie", cookie)
    for attribute, name in RESPONSE_HEADERS.items():
        if value := listener.attributes.get(attribute):
            headers[name] = value
    answer = web.StreamResponse(status=reply.status, headers=headers)
    if "Content-Length" in reply.headers:
        answer.content_length = int(reply.headers["Content-Length"])
    first = await reply.content.readany()
    await answer.prepare(request)
    if first:
        await answer.write(first)
    async for chunk in reply.content.iter_any():
        await answer.write(chunk)
    await answer.write_eof()
    return answer


def _kept(pairs: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    found: CIMultiDict[str] = CIMultiDict()
    for name, value in pairs:
        if name.lower() not in _HOP_BY_HOP:
            found.add(name, value)
    return found


def _request_headers(request: web.BaseRequest, incoming: Incoming, asked: Incoming) -> CIMultiDict[str]:
    headers = _kept(request.headers.items())
    if asked.host != incoming.host:
        headers["Host"] = asked.host
    before = ", ".join(incoming.header("X-Forwarded-For"))
    headers["X-Forwarded-For"] = f"{before}, {incoming.source}" if before else incoming.source
    headers["X-Forwarded-Proto"] = incoming.protocol.lower()
    headers["X-Forwarded-Port"] = str(incoming.port)
    headers.setdefault("X-Amzn-Trace-Id", f"Root=1-{int(time.time()):08x}-{next(_numbers):024x}")
    return headers

"""Passing a request on to a target, and its answer back."""

import asyncio
import itertools
import time
from collections.abc import Coroutine, Iterable
from typing import Any, NamedTuple, TypeVar

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from addons.sim.alb.choice import Chooser, cookies_for
from addons.sim.alb.reach import Reach
from addons.sim.alb.request import Incoming, transformed
from addons.sim.aws.elbv2.account import Account
from addons.sim.aws.elbv2.attributes import RESPONSE_HEADERS
from addons.sim.aws.elbv2.model import Listener, Rule, Target, TargetGroup, TargetKey

_HOP_BY_HOP = ("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length")
_CONNECT_SECONDS = 10
T = TypeVar("T")
_numbers = itertools.count(1)


class Forwarded(NamedTuple):
    """An answer, whose it is, and whether the load balancer had to say it itself."""

    answer: web.StreamResponse
    group: TargetGroup | None = None
    target: Target | None = None
    is_error: bool = False


class Forwarder:
    """Answers as AWS does: 503 without a target, 502 when it cannot be asked, 504 when it is slow.

    A target that is slow says nothing for as long as the load balancer's idle timeout, times `scale`.
    Whoever still waits for a target when that has ended draining gets 502.
    """

    def __init__(
        self,
        account: Account,
        session: aiohttp.ClientSession,
        chooser: Chooser,
        reach: Reach,
        *,
        scale: float,
    ) -> None:
        self._account = account
        self._session = session
        self._chooser = chooser
        self._reach = reach
        self._scale = scale
        self._under_way: dict[tuple[str, TargetKey], set[asyncio.Future[Any]]] = {}

    def cut(self, group_arn: str, key: TargetKey) -> None:
        """End whatever is still under way to a target."""
        for exchange in self._under_way.pop((group_arn, key), ()):
            exchange.cancel()

    async def forward(
        self, rule: Rule, request: web.BaseRequest, incoming: Incoming, listener: Listener, user: str
    ) -> Forwarded:
        """Give a target's answer, as it comes. `user`: who has logged in."""
        config = rule.actions[-1]["ForwardConfig"]
        group = self._chooser.group(config, request.cookies)
        target = self._chooser.target(group, request.cookies) if group else None
        if group is None or target is None:
            return Forwarded(_error(503, "Service Temporarily Unavailable"), group, is_error=True)
        asked = transformed(rule.transforms, incoming)
        reply = await self._ask(
            group, target, request, asked, listener, _headers(request, incoming, asked, user)
        )
        if isinstance(reply, web.Response):
            return Forwarded(reply, group, target, is_error=True)
        async with reply:
            answer = _begin(reply, listener, cookies_for(config, group, target))
            is_whole = await self._within(group, target, _pass_back(reply, request, answer))
            if is_whole is None and request.transport is not None:
                request.transport.abort()
            return Forwarded(answer, group, target, is_error=is_whole is None)

    async def _ask(
        self,
        group: TargetGroup,
        target: Target,
        request: web.BaseRequest,
        asked: Incoming,
        listener: Listener,
        headers: CIMultiDict[str],
    ) -> aiohttp.ClientResponse | web.Response:
        host, port = self._reach(target.id, target.port)
        url = f"{group.settings['Protocol'].lower()}://{host}:{port}{asked.path}"
        url += f"?{asked.query}" if asked.query else ""
        sent = self._session.request(
            request.method,
            URL(url, encoded=True),
            headers=headers,
            data=await request.read() if request.can_read_body else None,
            timeout=self._timeout(listener),
            ssl=False,
            allow_redirects=False,
        )
        try:
            return await self._within(group, target, sent) or _error(502, "Bad Gateway")
        except TimeoutError:
            return _error(504, "Gateway Time-out")
        except (aiohttp.ClientError, OSError):
            return _error(502, "Bad Gateway")

    async def _within(self, group: TargetGroup, target: Target, doing: Coroutine[Any, Any, T]) -> T | None:
        """Give what comes of it; None when the target has ended draining before."""
        exchange = asyncio.ensure_future(doing)
        under_way = self._under_way.setdefault((group.arn, target.key), set())
        under_way.add(exchange)
        try:
            await asyncio.wait((exchange,))
        except asyncio.CancelledError:
            exchange.cancel()
            raise
        finally:
            under_way.discard(exchange)
        return None if exchange.cancelled() else exchange.result()

    def _timeout(self, listener: Listener) -> aiohttp.ClientTimeout:
        balancer = self._account.load_balancers.get(listener.load_balancer_arn)
        attributes = balancer.attributes if balancer else {}
        seconds = float(attributes.get("idle_timeout.timeout_seconds", "60"))
        return aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_SECONDS * self._scale, sock_read=seconds * self._scale
        )


def _error(status: int, words: str) -> web.Response:
    return web.Response(status=status, text=f"{status} {words}")


def _begin(reply: aiohttp.ClientResponse, listener: Listener, cookies: list[str]) -> web.StreamResponse:
    headers = _kept(reply.headers.items())
    for cookie in cookies:
        headers.add("Set-Cookie", cookie)
    for attribute, name in RESPONSE_HEADERS.items():
        if value := listener.attributes.get(attribute):
            headers[name] = value
    answer = web.StreamResponse(status=reply.status, headers=headers)
    if "Content-Length" in reply.headers:
        answer.content_length = int(reply.headers["Content-Length"])
    return answer


async def _pass_back(
    reply: aiohttp.ClientResponse, request: web.BaseRequest, answer: web.StreamResponse
) -> bool:
    """Hand the answer on as it comes: False when the user does not wait for it any more."""
    first = await reply.content.readany()
    try:
        await answer.prepare(request)
        if first:
            await answer.write(first)
        async for chunk in reply.content.iter_any():
            await answer.write(chunk)
        await answer.write_eof()
    except aiohttp.ClientConnectionResetError:
        return False
    return True


def _kept(pairs: Iterable[tuple[str, str]]) -> CIMultiDict[str]:
    found: CIMultiDict[str] = CIMultiDict()
    for name, value in pairs:
        if name.lower() not in _HOP_BY_HOP:
            found.add(name, value)
    return found


def _headers(request: web.BaseRequest, incoming: Incoming, asked: Incoming, user: str) -> CIMultiDict[str]:
    headers = _kept(request.headers.items())
    if asked.host != incoming.host:
        headers["Host"] = asked.host
    before = ", ".join(incoming.header("X-Forwarded-For"))
    headers["X-Forwarded-For"] = f"{before}, {incoming.source}" if before else incoming.source
    headers["X-Forwarded-Proto"] = incoming.protocol.lower()
    headers["X-Forwarded-Port"] = str(incoming.port)
    headers.popall("x-amzn-oidc-identity", None)
    if user:
        headers["x-amzn-oidc-identity"] = user
    headers.setdefault("X-Amzn-Trace-Id", f"Root=1-{int(time.time()):08x}-{next(_numbers):024x}")
    return headers

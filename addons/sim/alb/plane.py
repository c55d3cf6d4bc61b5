"""The listeners of simulated load balancers as real ports, and the way of a request through the rules."""

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable
from typing import Self

import aiohttp
from aiohttp import web

from addons.sim.alb.authentication import CALLBACK, Doorkeeper
from addons.sim.alb.choice import Chooser
from addons.sim.alb.forward import Forwarder
from addons.sim.alb.health import Prober
from addons.sim.alb.idp import StubIdp
from addons.sim.alb.reach import Reach, reach_by_address
from addons.sim.alb.request import Incoming, meets_all, redirect_url
from addons.sim.alb.tally import Answer, Origin, Tally
from addons.sim.alb.tls import Secure
from addons.sim.aws.elbv2.model import Item, Listener, Rule, target_groups_of
from addons.sim.aws.elbv2.state import Elbv2

Listen = Callable[[Listener], socket.socket]
_CLIENT_IS_GONE = 460
_MAX_BODY_BYTES = 64 * 1024 * 1024


def on_loopback(_: Listener) -> socket.socket:
    """Listen on a free port of loopback."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    return listener


class DataPlane:
    """Serves every listener of `elb` between `start` and `stop`, and probes every target in use.

    `listen` gives the socket for a listener, e.g. in another namespace, and `connector` the connections to
    targets. `secure` gives the TLS of an HTTPS listener (`tls.by_sni`); None serves it without. `reach` says
    where a target really is. With `batch_seconds` changes of listeners and rules reach the traffic only so
    long after the first of them, all at once, as with AWS (10 s); targets do at once. `health_scale` shortens
    the intervals of health checks, with 0 nothing is probed by itself; `timeout_scale` shortens time-outs.
    `idp` logs people in. `tally` counts what was answered by what.
    """

    def __init__(
        self,
        elb: Elbv2,
        *,
        listen: Listen = on_loopback,
        secure: Secure = lambda _: None,
        reach: Reach | None = None,
        connector: aiohttp.BaseConnector | None = None,
        batch_seconds: float = 0.0,
        health_scale: float = 1.0,
        timeout_scale: float = 1.0,
        idp: StubIdp | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self.tally = Tally()
        self._elb = elb
        self._listen, self._secure = listen, secure
        self._reach = reach or reach_by_address(elb.account)
        self._connector = connector
        self._batch_seconds = batch_seconds
        self._health_scale, self._timeout_scale = health_scale, timeout_scale
        self._chooser = Chooser(elb.account, rng or random.Random())
        self._doorkeeper = Doorkeeper(idp)
        self._listeners: dict[str, Listener] = {}
        self._rules: dict[str, list[Rule]] = {}
        self._runners: dict[str, web.AppRunner] = {}
        self._urls: dict[str, str] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Serve what there is, and whatever comes."""
        self._loop = asyncio.get_running_loop()
        account = self._elb.account
        self._session = aiohttp.ClientSession(
            connector=self._connector or aiohttp.TCPConnector(limit=0),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self.prober = Prober(self._elb, self._session, self._reach, scale=self._health_scale)
        self._forwarder = Forwarder(
            account, self._session, self._chooser, self._reach, scale=self._timeout_scale
        )
        account.is_probed = True
        account.gone.append(self._forwarder.cut)
        self._elb.watchers.append(self._note)
        self.apply()
        await self.settle()
        self._tasks = [asyncio.create_task(self._follow())]
        if self._health_scale:
            self._tasks.append(asyncio.create_task(self.prober.run()))

    async def stop(self) -> None:
        """Close every port, and probe no more."""
        self._elb.watchers.remove(self._note)
        self._elb.account.gone.remove(self._forwarder.cut)
        self._elb.account.is_probed = False
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for arn in list(self._runners):
            await self._close(arn)
        await self._session.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def url(self, listener_arn: str) -> str:
        """Give where a listener serves. Raises KeyError for one that does not."""
        return self._urls[listener_arn]

    def apply(self) -> None:
        """Let the traffic follow listeners and rules as they are now."""
        account = self._elb.account
        self._timer = None
        self._listeners = {listener.arn: listener for listener in account.listeners.values()}
        self._rules = {arn: account.rules_of(arn) for arn in self._listeners}
        self._look()
        self._changed.set()

    def _look(self) -> None:
        rules = [rule for rules in self._rules.values() for rule in rules]
        self._chooser.look({arn for rule in rules for arn, _ in target_groups_of(rule.actions)})

    async def settle(self) -> None:
        """Open and close ports as listeners came and went."""
        for arn in set(self._runners) - set(self._listeners):
            await self._close(arn)
        for arn in set(self._listeners) - set(self._runners):
            if listener := self._listeners.get(arn):
                await self._open(listener)

    def _note(self) -> None:
        self._loop.call_soon_threadsafe(self._schedule)

    def _schedule(self) -> None:
        self._look()
        if not self._batch_seconds:
            self.apply()
        elif self._timer is None:
            self._timer = self._loop.call_later(self._batch_seconds, self.apply)

    async def _follow(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self.settle()

    async def _open(self, listener: Listener) -> None:
        async def serve(request: web.Request) -> web.StreamResponse:
            try:
                return await self._serve(request, listener.arn)
            except ConnectionResetError:
                return web.Response(status=_CLIENT_IS_GONE)

        runner = web.AppRunner(_application(serve), access_log=None, shutdown_timeout=1.0)
        self._runners[listener.arn] = runner
        await runner.setup()
        secure = self._secure(listener) if listener.protocol == "HTTPS" else None
        bound = self._listen(listener)
        await web.SockSite(runner, bound, ssl_context=secure).start()
        host, port = bound.getsockname()[:2]
        self._urls[listener.arn] = f"{'https' if secure else 'http'}://{host}:{port}"

    async def _close(self, arn: str) -> None:
        self._urls.pop(arn, None)
        await self._runners.pop(arn).cleanup()

    async def _serve(self, request: web.BaseRequest, arn: str) -> web.StreamResponse:
        listener = self._listeners.get(arn)
        if listener is None:
            return web.Response(status=503)
        incoming = _incoming(request, listener)
        rules = self._rules[arn]
        if incoming.path == CALLBACK and any(map(_has_login, rules)):
            answer = self._doorkeeper.come_back(incoming, {rule.arn: rule for rule in rules})
            self._count(listener, None, answer, "authentication")
            return answer
        rule = next(rule for rule in rules if rule.is_default or meets_all(rule.conditions, incoming))
        return await self._act(rule, request, incoming, listener)

    async def _act(
        self, rule: Rule, request: web.BaseRequest, incoming: Incoming, listener: Listener
    ) -> web.StreamResponse:
        *before, last = rule.actions
        user = ""
        for action in before:
            admitted = self._doorkeeper.admit(action, rule, incoming, request.cookies)
            if isinstance(admitted, web.Response):
                return self._count(listener, rule, admitted, "authentication")
            user = admitted or user
        if last["Type"] == "fixed-response":
            return self._count(listener, rule, _fixed(last["FixedResponseConfig"]), "fixed-response")
        if last["Type"] == "redirect":
            config = last["RedirectConfig"]
            to = {"Location": redirect_url(config, incoming)}
            answer = web.Response(status=int(config["StatusCode"].removeprefix("HTTP_")), headers=to)
            return self._count(listener, rule, answer, "redirect")
        found = await self._forwarder.forward(rule, request, incoming, listener, user)
        group_arn = found.group.arn if found.group else ""
        target = f"{found.target.id}:{found.target.port}" if found.target else ""
        origin: Origin = "error" if found.is_error else "target"
        return self._count(listener, rule, found.answer, origin, group_arn, target)

    def _count(
        self,
        listener: Listener,
        rule: Rule | None,
        answer: web.StreamResponse,
        origin: Origin,
        group_arn: str = "",
        target: str = "",
    ) -> web.StreamResponse:
        rule_arn = rule.arn if rule else ""
        self.tally.answers[Answer(listener.arn, rule_arn, answer.status, origin, group_arn, target)] += 1
        return answer


def _has_login(rule: Rule) -> bool:
    return any(action["Type"].startswith("authenticate") for action in rule.actions)


def _fixed(config: Item) -> web.Response:
    return web.Response(
        status=int(config["StatusCode"]),
        text=config.get("MessageBody", ""),
        content_type=config.get("ContentType", "text/plain"),
    )


def _application(serve: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.Application:
    app = web.Application(client_max_size=_MAX_BODY_BYTES)
    app.router.add_route("*", "/{path:.*}", serve)
    return app


def _incoming(request: web.BaseRequest, listener: Listener) -> Incoming:
    path, _, query = request.raw_path.partition("?")
    return Incoming(
        method=request.method,
        host=request.host.rpartition(":")[0] if ":" in request.host else request.host,
        path=path,
        query=query,
        headers=tuple(request.headers.items()),
        source=request.remote or "127.0.0.1",
        protocol=listener.protocol,
        port=listener.port,
    )

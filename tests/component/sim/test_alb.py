"""The data plane of simulated load balancers: real requests, by the rules, to real servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from addons.sim.alb.plane import DataPlane
from tests.support.elbv2 import ElbWorld, Item, elb_world, fixed, forward, host, path


class Backend:
    """A server on loopback that stands for the target of an address."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.status = 200
        self.seen: list[dict[str, str]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def start(self) -> int:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self.runner = web.AppRunner(app, access_log=None)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        return int(self.runner.addresses[0][1])

    async def _serve(self, request: web.Request) -> web.Response:
        self.seen.append({**request.headers, "path": request.raw_path})
        await self.gate.wait()
        return web.Response(status=self.status, text=self.name)


class Site:
    """A load balancer with a listener, its data plane, and servers behind it."""

    def __init__(self, elb: ElbWorld, plane: DataPlane, client: aiohttp.ClientSession) -> None:
        self.elb, self.plane, self.client = elb, plane, client
        self.ports: dict[str, int] = {}
        self.stack = AsyncExitStack()

    async def setup(self) -> None:
        self.balancer = await self.elb.balancer()
        self.listener = await self.elb.listener(self.balancer)
        await self.plane.settle()

    async def backend(self, address: str) -> Backend:
        made = Backend(address)
        self.ports[address] = await made.start()
        self.stack.push_async_callback(made.runner.cleanup)
        return made

    async def ask(self, path: str = "/", host: str = "a.example", **headers: str) -> tuple[int, str]:
        url = URL(self.plane.url(self.listener) + path, encoded=True)
        sent = {"Host": host, **headers}
        async with self.client.get(url, headers=sent, allow_redirects=False) as reply:
            self.headers = reply.headers
            return reply.status, await reply.text()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    ports: dict[str, int] = {}
    async with elb_world() as elb, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
        plane = DataPlane(elb.elb, health_scale=0, reach=lambda id_, _: ("127.0.0.1", ports.get(id_, 1)))
        async with plane:
            site = Site(elb, plane, client)
            site.ports = ports
            await site.setup()
            async with site.stack:
                yield site


class TestRules:
    """The first rule whose conditions are all met answers; else the default one does."""

    async def test_nothing_met_is_the_default(self, site: Site) -> None:
        assert await site.ask() == (404, "")

    async def test_the_lower_number_comes_first(self, site: Site) -> None:
        await site.elb.rule(site.listener, 2, path("/*"), do=fixed(200, "two"))
        await site.elb.rule(site.listener, 1, path("/a*"), do=fixed(200, "one"))
        assert [(await site.ask(each))[1] for each in ("/ab", "/b")] == ["one", "two"]

    @pytest.mark.parametrize(
        ("condition", "path_", "name", "is_met"),
        [
            (host("*.EXAMPLE"), "/", "a.example", True),
            (host("a?.example"), "/", "a.example", False),
            (host("a.example"), "/", "A.Example:80", True),
            (path("/A"), "/a", "a.example", False),
            (path("/a"), "/a?x=1", "a.example", True),
            (path("/a/*"), "/a", "a.example", False),
            (path("/a.c"), "/abc", "a.example", False),
            (
                {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/v.$"]}},
                "/v2",
                "a",
                True,
            ),
            (
                {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "V", "Value": "2*"}]}},
                "/?v=23",
                "a",
                True,
            ),
            ({"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}}, "/", "a", False),
            (
                {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}},
                "/",
                "a",
                True,
            ),
        ],
    )
    async def test_conditions_are_met_as_documented(
        self, site: Site, condition: Item, path_: str, name: str, is_met: bool
    ) -> None:
        await site.elb.rule(site.listener, 1, condition, do=fixed(200, "met"))
        assert await site.ask(path_, name) == ((200, "met") if is_met else (404, ""))

    async def test_a_redirect_fills_in_what_was_asked(self, site: Site) -> None:
        config = {"Protocol": "HTTPS", "Port": "443", "Path": "/new/#{path}", "StatusCode": "HTTP_302"}
        await site.elb.rule(site.listener, 1, path("/*"), do={"Type": "redirect", "RedirectConfig": config})
        assert (await site.ask("/a?b=c"))[0] == 302
        assert site.headers["Location"] == "https://a.example:443/new/a?b=c"

    async def test_rules_change_all_at_once_after_a_while(self) -> None:
        async with elb_world() as elb, DataPlane(elb.elb, health_scale=0, batch_seconds=3600) as plane:
            listener = await elb.listener(await elb.balancer())
            plane.apply()
            await plane.settle()
            await elb.rule(listener, 1, path("/*"), do=fixed(200))
            async with aiohttp.ClientSession() as client:
                async with client.get(plane.url(listener)) as reply:
                    assert reply.status == 404
                plane.apply()
                async with client.get(plane.url(listener)) as reply:
                    assert reply.status == 200


class TestTargets:
    """Requests go to healthy targets in turn, and to none that drains."""

    async def group(self, site: Site, *addresses: str) -> str:
        group = await site.elb.group()
        await site.elb.rule(site.listener, 1, path("/*"), do=forward(group))
        if addresses:
            await site.elb.register(group, *addresses)
        return group

    async def test_targets_take_turns(self, site: Site) -> None:
        for address in ("10.0.1.7", "10.0.1.8"):
            await site.backend(address)
        await self.group(site, "10.0.1.7", "10.0.1.8")
        await site.plane.prober.probe_once()
        assert {(await site.ask())[1] for _ in range(2)} == {"10.0.1.7", "10.0.1.8"}

    async def test_without_a_target_the_answer_is_503(self, site: Site) -> None:
        await self.group(site)
        assert (await site.ask())[0] == 503

    async def test_one_that_cannot_be_reached_is_502(self, site: Site) -> None:
        await self.group(site, "10.0.1.7")
        assert (await site.ask())[0] == 502

    async def test_a_sick_target_is_left_out_until_all_are_sick(self, site: Site) -> None:
        well, sick = await site.backend("10.0.1.7"), await site.backend("10.0.1.8")
        group = await self.group(site, "10.0.1.7", "10.0.1.8")
        sick.status = 500
        for _ in range(2):
            await site.plane.prober.probe_once()
        assert (await site.elb.health(group))["10.0.1.8", 8080] == "unhealthy Target.ResponseCodeMismatch"
        assert {(await site.ask())[1] for _ in range(4)} == {"10.0.1.7"}
        well.status = 500
        for _ in range(2):
            await site.plane.prober.probe_once()
        assert {(await site.ask())[1] for _ in range(4)} == {"10.0.1.7", "10.0.1.8"}

    async def test_a_draining_target_ends_what_it_has_and_gets_no_more(self, site: Site) -> None:
        old = await site.backend("10.0.1.7")
        await site.backend("10.0.1.8")
        group = await self.group(site, "10.0.1.7")
        old.gate.clear()
        pending = asyncio.create_task(site.ask())
        while not old.seen:
            await asyncio.sleep(0)
        await site.elb.register(group, "10.0.1.8")
        await site.elb.deregister(group, "10.0.1.7")
        assert {(await site.ask())[1] for _ in range(3)} == {"10.0.1.8"}
        old.gate.set()
        assert (await pending)[1] == "10.0.1.7"

    async def test_a_target_learns_who_asked(self, site: Site) -> None:
        backend = await site.backend("10.0.1.7")
        await self.group(site, "10.0.1.7")
        await site.ask("/a%20b?c=%2F", **{"X-Forwarded-For": "192.0.2.1"})
        (seen,) = backend.seen
        assert (seen["path"], seen["Host"]) == ("/a%20b?c=%2F", "a.example")
        assert (seen["X-Forwarded-For"], seen["X-Forwarded-Port"]) == ("192.0.2.1, 127.0.0.1", "80")

    async def test_a_group_that_weighs_nothing_gets_nothing(self, site: Site) -> None:
        await site.backend("10.0.1.7")
        group, other = await site.elb.group(), await site.elb.group("other")
        await site.elb.register(group, "10.0.1.7")
        action = forward(group, other)
        action["ForwardConfig"]["TargetGroups"][1]["Weight"] = 0
        await site.elb.rule(site.listener, 1, path("/*"), do=action)
        assert {(await site.ask())[0] for _ in range(10)} == {200}

    async def test_a_cookie_holds_a_client_to_its_target(self, site: Site) -> None:
        for address in ("10.0.1.7", "10.0.1.8"):
            await site.backend(address)
        group = await self.group(site, "10.0.1.7", "10.0.1.8")
        sticky = [{"Key": "stickiness.enabled", "Value": "true"}]
        await site.elb.call("modify_target_group_attributes", TargetGroupArn=group, Attributes=sticky)
        _, first = await site.ask()
        cookie = site.headers["Set-Cookie"].partition(";")[0]
        assert {(await site.ask(Cookie=cookie))[1] for _ in range(4)} == {first}

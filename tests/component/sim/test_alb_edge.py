"""The data plane at its edges: TLS, logins, batches, time-outs, what drains, and what is counted."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from addons.sim.alb.idp import StubIdp
from addons.sim.alb.plane import DataPlane
from addons.sim.alb.tls import by_sni
from tests.support.elbv2 import ElbWorld, Item, elb_world, fixed, forward, path
from tests.support.until import until

OIDC = {
    "Issuer": "https://idp.example",
    "AuthorizationEndpoint": "https://idp.example/login",
    "TokenEndpoint": "https://idp.example/token",
    "UserInfoEndpoint": "https://idp.example/me",
    "ClientId": "me",
}


class Edge:
    """A load balancer with its data plane, one server behind it, and a client that trusts everybody."""

    def __init__(self, elb: ElbWorld, client: aiohttp.ClientSession) -> None:
        self.elb, self.client = elb, client
        self.idp = StubIdp({"me": "secret"}, user="ann")
        self.port = 1
        self.gate = asyncio.Event()
        self.gate.set()
        self.seen: list[web.BaseRequest] = []
        self.headers: dict[str, str] = {}

    def plane(self, *, batch_seconds: float = 0.0, timeout_scale: float = 1.0) -> DataPlane:
        return DataPlane(
            self.elb.elb,
            health_scale=0,
            secure=by_sni(self.elb.elb, self.elb.acm),
            reach=lambda *_: ("127.0.0.1", self.port),
            idp=self.idp,
            batch_seconds=batch_seconds,
            timeout_scale=timeout_scale,
        )

    async def serve(self, request: web.BaseRequest) -> web.Response:
        self.seen.append(request)
        await self.gate.wait()
        return web.Response(text="target")

    async def target(self, listener: str) -> str:
        """Forward everything to one registered address; give the target group."""
        group = await self.elb.group()
        await self.elb.rule(listener, 1, path("/*"), do=forward(group))
        await self.elb.register(group, "10.0.1.7")
        return group

    async def ask(self, plane: DataPlane, listener: str, path_: str = "/", **headers: str) -> tuple[int, str]:
        url = URL(plane.url(listener) + path_, encoded=True)
        sent = {"Host": "a.example", **headers}
        async with self.client.get(url, headers=sent, allow_redirects=False, ssl=False) as reply:
            self.headers = dict(reply.headers)
            return reply.status, await reply.text()


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    async with (
        elb_world() as elb,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client,
        AsyncExitStack() as stack,
    ):
        made = Edge(elb, client)
        runner = web.ServerRunner(web.Server(made.serve), shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.port = runner.addresses[0][1]
        yield made


async def secure_listener(elb: ElbWorld, *names: str) -> str:
    """Make an HTTPS listener with a certificate for each name, the first one by default."""
    items = [{"CertificateArn": elb.acm.issue(name).arn} for name in names]
    listener = await elb.listener(await elb.balancer(), port=443, Protocol="HTTPS", Certificates=items[:1])
    if items[1:]:
        await elb.call("add_listener_certificates", ListenerArn=listener, Certificates=items[1:])
    return listener


class TestTls:
    """The certificate is the one for the name that the client asks for."""

    @pytest.mark.parametrize(
        ("asked", "shown"),
        [
            ("a.example", "a.example"),
            ("B.example", "b.example"),
            ("x.wild.example", "*.wild.example"),
            ("x.y.wild.example", "a.example"),
            ("other.example", "a.example"),
        ],
    )
    async def test_the_name_chooses_the_certificate(self, edge: Edge, asked: str, shown: str) -> None:
        async with edge.plane() as plane:
            listener = await secure_listener(edge.elb, "a.example", "b.example", "*.wild.example")
            await plane.settle()
            assert await certificate(plane.url(listener), asked) == shown

    async def test_a_certificate_that_was_replaced_is_not_shown_any_more(self, edge: Edge) -> None:
        async with edge.plane() as plane:
            listener = await secure_listener(edge.elb, "a.example")
            await plane.settle()
            new = [{"CertificateArn": edge.elb.acm.issue("new.example").arn}]
            await edge.elb.call("modify_listener", ListenerArn=listener, Certificates=new)
            assert await certificate(plane.url(listener), "a.example") == "new.example"

    async def test_https_is_served(self, edge: Edge) -> None:
        async with edge.plane() as plane:
            listener = await secure_listener(edge.elb, "a.example")
            await plane.settle()
            await edge.target(listener)
            assert await edge.ask(plane, listener) == (200, "target")
            assert edge.seen[0].headers["X-Forwarded-Proto"] == "https"


async def certificate(url: str, name: str) -> str:
    """Give the name in the certificate that is shown to a client that asks for a name."""
    from cryptography import x509

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    parts = urlsplit(url)
    _, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=context, server_hostname=name)
    shown = writer.get_extra_info("ssl_object").getpeercert(True)
    writer.close()
    await writer.wait_closed()
    found = x509.load_der_x509_certificate(shown)
    return str(found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


class TestLogin:
    """A request without a session is sent to log in, refused, or let through, as the rule says."""

    async def protect(
        self, edge: Edge, plane: DataPlane, mode: str = "authenticate", secret: str = "secret"
    ) -> str:
        listener = await secure_listener(edge.elb, "a.example")
        await plane.settle()
        config = {**OIDC, "ClientSecret": secret, "OnUnauthenticatedRequest": mode}
        group = await edge.elb.group()
        await edge.elb.register(group, "10.0.1.7")
        actions: list[Item] = [
            {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": config},
            {**forward(group), "Order": 2},
        ]
        about = {"Priority": 1, "Conditions": [path("/*")], "Actions": actions}
        await edge.elb.call("create_rule", ListenerArn=listener, **about)
        return listener

    async def test_a_login_leads_back_to_where_it_began(self, edge: Edge) -> None:
        async with edge.plane() as plane:
            listener = await self.protect(edge, plane)
            assert (await edge.ask(plane, listener, "/private?x=1"))[0] == 302
            to = edge.headers["Location"]
            assert parse_qs(urlsplit(to).query)["redirect_uri"] == ["https://a.example/oauth2/idpresponse"]
            back = edge.idp.log_in(to).removeprefix("https://a.example")
            assert (await edge.ask(plane, listener, back))[0] == 302
            assert edge.headers["Location"] == "https://a.example/private?x=1"
            cookie = edge.headers["Set-Cookie"].partition(";")[0]
            assert await edge.ask(plane, listener, "/private?x=1", Cookie=cookie) == (200, "target")
            assert edge.seen[0].headers["x-amzn-oidc-identity"] == "ann"
            assert plane.tally.by("origin") == {"authentication": 2, "target": 1}

    async def test_a_session_cannot_be_made_up(self, edge: Edge) -> None:
        async with edge.plane() as plane:
            listener = await self.protect(edge, plane)
            forged = f"AWSELBAuthSessionCookie-0={b'ann'.hex()}.{'0' * 64}"
            assert (await edge.ask(plane, listener, Cookie=forged))[0] == 302
            assert edge.seen == []

    async def test_a_wrong_secret_is_561(self, edge: Edge) -> None:
        async with edge.plane() as plane:
            listener = await self.protect(edge, plane, secret="wrong")
            await edge.ask(plane, listener)
            back = edge.idp.log_in(edge.headers["Location"]).removeprefix("https://a.example")
            assert (await edge.ask(plane, listener, back))[0] == 561

    @pytest.mark.parametrize(("mode", "status"), [("deny", 401), ("allow", 200)])
    async def test_nobody_is_sent_away_when_the_rule_says_so(
        self, edge: Edge, mode: str, status: int
    ) -> None:
        async with edge.plane() as plane:
            listener = await self.protect(edge, plane, mode)
            assert (await edge.ask(plane, listener, "/", **{"x-amzn-oidc-identity": "eve"}))[0] == status
            assert [request.headers.get("x-amzn-oidc-identity") for request in edge.seen] == [None] * (
                status == 200
            )

    async def test_a_token_must_be_of_the_issuer(self, edge: Edge) -> None:
        async with edge.plane() as plane:
            listener = await secure_listener(edge.elb, "a.example")
            await plane.settle()
            config = {"Issuer": "https://idp.example", "JwksEndpoint": "https://idp.example/keys"}
            actions: list[Item] = [
                {"Type": "jwt-validation", "Order": 1, "JwtValidationConfig": config},
                {**fixed(200, "in"), "Order": 2},
            ]
            about = {"Priority": 1, "Conditions": [path("/*")], "Actions": actions}
            await edge.elb.call("create_rule", ListenerArn=listener, **about)
            right, wrong = "eyJpc3MiOiJodHRwczovL2lkcC5leGFtcGxlIn0", "eyJpc3MiOiJlbHNlIn0"
            statuses = [
                (await edge.ask(plane, listener, "/", Authorization=f"Bearer a.{claims}.c"))[0]
                for claims in (right, wrong)
            ]
            assert statuses == [200, 401]


class TestBatches:
    """Until a batch of changes is applied, traffic goes by the rules as they were, with what they named."""

    async def test_a_target_group_that_is_gone_serves_until_its_rule_is(self, edge: Edge) -> None:
        async with edge.plane(batch_seconds=3600) as plane:
            listener = await edge.elb.listener(await edge.elb.balancer())
            group = await edge.target(listener)
            plane.apply()
            await plane.settle()
            (rule, _) = (await edge.elb.call("describe_rules", ListenerArn=listener))["Rules"]
            await edge.elb.call("delete_rule", RuleArn=rule["RuleArn"])
            await edge.elb.call("delete_target_group", TargetGroupArn=group)
            assert await edge.ask(plane, listener) == (200, "target")
            plane.apply()
            assert (await edge.ask(plane, listener))[0] == 404

    async def test_a_listener_that_is_gone_serves_until_then_too(self, edge: Edge) -> None:
        async with edge.plane(batch_seconds=3600) as plane:
            listener = await edge.elb.listener(await edge.elb.balancer(), fixed(200, "here"))
            plane.apply()
            await plane.settle()
            await edge.elb.call("delete_listener", ListenerArn=listener)
            assert await edge.ask(plane, listener) == (200, "here")
            plane.apply()
            await plane.settle()
            with pytest.raises(KeyError):
                plane.url(listener)


class TestTargets:
    """Slow ones, and those that end draining."""

    async def test_a_target_that_says_nothing_is_504(self, edge: Edge) -> None:
        async with edge.plane(timeout_scale=0.001) as plane:
            listener = await edge.elb.listener(await edge.elb.balancer())
            await plane.settle()
            await edge.target(listener)
            edge.gate.clear()
            assert (await edge.ask(plane, listener))[0] == 504
            assert plane.tally.count(status=504, origin="error", target="10.0.1.7:8080") == 1

    async def test_whoever_waits_when_draining_ends_gets_502(self, edge: Edge) -> None:
        async with edge.plane() as plane:
            listener = await edge.elb.listener(await edge.elb.balancer())
            await plane.settle()
            group = await edge.target(listener)
            edge.gate.clear()
            waiting = asyncio.create_task(edge.ask(plane, listener))
            await until(lambda: edge.seen)
            await edge.elb.deregister(group, "10.0.1.7")
            edge.elb.clock.pass_by(299)
            await edge.elb.health(group)
            assert not waiting.done()
            edge.elb.clock.pass_by(1)
            await edge.elb.health(group)
            assert (await waiting)[0] == 502


class TestTally:
    """What was answered by what is counted."""

    async def test_answers_are_counted_by_rule_and_target(self, edge: Edge) -> None:
        async with edge.plane() as plane:
            listener = await edge.elb.listener(await edge.elb.balancer())
            await plane.settle()
            group = await edge.target(listener)
            stop = await edge.elb.rule(listener, 2, path("/never"))
            for _ in range(3):
                await edge.ask(plane, listener)
            edge.port = 1
            await edge.ask(plane, listener)
            assert plane.tally.by("origin") == {"target": 3, "error": 1}
            assert plane.tally.count(group_arn=group, target="10.0.1.7:8080", status=200) == 3
            assert plane.tally.count(rule_arn=stop) == 0

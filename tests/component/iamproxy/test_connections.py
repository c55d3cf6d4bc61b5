"""Connections of pods: kept open, answered in order, and within their limits."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from addons.iamproxy.model.credentials import CredentialKey
from addons.iamproxy.server.answers import CONTINUE
from addons.iamproxy.server.limits import ServerLimits
from tests.support.metadata import ROLES, Client, World, client, grant
from tests.support.virtual import run_virtual, virtual_now

LIMITS = ServerLimits(
    connections_per_pod=3, requests_per_second=1.0, burst=20, idle_seconds=60.0, request_seconds=10.0
)
GET = f"GET {ROLES} HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n".encode()
GET_CREDENTIALS = f"GET {ROLES}reader HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n".encode()

PUT = (
    b"PUT /latest/api/token HTTP/1.1\r\nHost: 169.254.169.254\r\n"
    b"X-aws-ec2-metadata-token-ttl-seconds: 60\r\nExpect: 100-continue\r\n%b\r\n\r\n"
)


async def answers_until_the_end(web: Client, most: int) -> int:
    """How many answers arrive before the connection ends, or all of them."""
    for number in range(most):
        try:
            await web.reply()
        except (ConnectionError, asyncio.IncompleteReadError):
            return number
    return most


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World(limits=LIMITS).running() as running:
        running.give(grant())
        yield running


class TestOrder:
    async def test_requests_may_be_sent_ahead_of_answers(self, world: World) -> None:
        async with client(world) as web:
            web.write(GET + GET_CREDENTIALS + b"HEAD" + GET[3:] + GET)
            replies = [
                await web.reply(),
                await web.reply(),
                await web.reply(has_body=False),
                await web.reply(),
            ]
            assert [reply.status for reply in replies] == [200] * 4
            assert replies[1].body.startswith(b'{"Code":"Success"')

    async def test_one_that_must_wait_holds_up_those_behind_it(self, world: World) -> None:
        released = asyncio.Event()

        async def wait(key: CredentialKey) -> None:
            await released.wait()

        world.sts = wait
        async with client(world) as web:
            web.write(GET_CREDENTIALS + GET)
            while not world.fetched:
                await asyncio.sleep(0)
            web.write(GET)
            released.set()
            replies = [await web.reply() for _ in range(3)]
            assert [reply.body[:6] for reply in replies] == [b'{"Code', b"reader", b"reader"]

    async def test_a_request_may_come_in_pieces(self, world: World) -> None:
        async with client(world) as web:
            for character in GET:
                web.write(bytes([character]))
                await asyncio.sleep(0)
            assert (await web.reply()).body == b"reader"

    async def test_a_client_that_waits_for_leave_is_given_it_and_then_its_answer(self, world: World) -> None:
        async with client(world) as web:
            web.write(PUT % b"Transfer-Encoding: chunked")
            assert await web.reader.readuntil(b"\r\n\r\n") == CONTINUE
            web.write(b"0\r\n\r\n")
            assert len((await web.reply()).body) == 56

    async def test_a_body_that_a_client_would_send_is_refused(self, world: World) -> None:
        async with client(world) as web:
            web.write(PUT % b"Content-Length: 5")
            assert await web.reader.readuntil(b"\r\n\r\n") == CONTINUE
            web.write(b"hello")
            assert (await web.reply()).status == 413

    @pytest.mark.parametrize("length", [b"Content-Length: 0", b"A: no body at all"])
    async def test_a_request_that_is_complete_is_answered_at_once(self, world: World, length: bytes) -> None:
        async with client(world) as web:
            web.write(PUT % length)
            assert (await web.reply()).status == 200

    async def test_leave_comes_behind_the_answers_before_it(self, world: World) -> None:
        released = asyncio.Event()

        async def wait(key: CredentialKey) -> None:
            await released.wait()

        world.sts = wait
        async with client(world) as web:
            web.write(GET_CREDENTIALS + PUT % b"Transfer-Encoding: chunked")
            while not world.fetched:
                await asyncio.sleep(0)
            released.set()
            assert (await web.reply()).body.startswith(b'{"Code"')
            assert await web.reader.readuntil(b"\r\n\r\n") == CONTINUE
            web.write(b"0\r\n\r\n" + GET)
            assert [(await web.reply()).status for _ in range(2)] == [200, 200]

    async def test_whoever_says_no_more_is_still_answered(self, world: World) -> None:
        async with client(world) as web:
            web.write(GET_CREDENTIALS)
            web.writer.write_eof()
            assert (await web.reply()).status == 200
            assert await web.closes()


class TestEnds:
    @pytest.mark.parametrize(
        "head",
        [
            f"GET {ROLES} HTTP/1.1\r\nHost: 169.254.169.254\r\nConnection: close\r\n\r\n",
            f"GET {ROLES} HTTP/1.1\r\nHost: 169.254.169.254\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
            f"GET {ROLES} HTTP/1.0\r\n\r\n",
        ],
    )
    async def test_the_last_answer_says_so(self, world: World, head: str) -> None:
        async with client(world) as web:
            web.write(head.encode())
            reply = await web.reply()
            assert (reply.status, reply.headers["connection"]) == (200, "close")
            assert await web.closes()

    @pytest.mark.parametrize(
        ("data", "status"),
        [
            (b"nonsense\r\n\r\n", 400),
            (b"PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\nbody", 413),
            (b"GET / HTTP/1.1\r\nA: " + b"a" * 9000, 431),
        ],
    )
    async def test_what_cannot_be_read_is_answered_and_ends_it(
        self, world: World, data: bytes, status: int
    ) -> None:
        async with client(world) as web:
            web.write(GET + data)
            assert (await web.reply()).status == 200
            reply = await web.reply()
            assert (reply.status, reply.headers["connection"]) == (status, "close")
            assert await web.closes()

    def test_an_idle_one_is_closed_after_a_minute(self) -> None:
        async def story() -> tuple[float, int]:
            async with World(limits=LIMITS).running() as world, client(world) as web:
                world.give(grant())
                await asyncio.sleep(59)
                status = (await web.get(ROLES)).status
                began = asyncio.get_running_loop().time()
                await web.closes()
                return asyncio.get_running_loop().time() - began, status

        waited, status = run_virtual(story())
        assert status == 200
        assert waited == pytest.approx(60, abs=1.5)

    def test_one_that_dribbles_is_not_waited_for(self) -> None:
        async def story() -> float:
            async with World(limits=LIMITS).running() as world, client(world) as web:
                began = asyncio.get_running_loop().time()
                closing = asyncio.create_task(web.closes())
                for character in GET[:15]:
                    web.write(bytes([character]))
                    await asyncio.wait([closing], timeout=1)
                await closing
                return asyncio.get_running_loop().time() - began

        assert run_virtual(story()) == pytest.approx(10, abs=1.5)

    def test_one_that_does_not_read_is_cut_off(self) -> None:
        count = 5_000

        async def story() -> int:
            limits = ServerLimits(burst=2 * count, write_seconds=10.0)
            async with World(limits=limits).running() as world, client(world) as web:
                world.give(grant())
                web.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                web.writer.transport.pause_reading()  # type: ignore[attr-defined]
                web.write(GET_CREDENTIALS * count)
                await asyncio.sleep(15)
                web.writer.transport.resume_reading()  # type: ignore[attr-defined]
                return await answers_until_the_end(web, count)

        assert run_virtual(story()) < count


class TestLimits:
    async def test_a_pod_has_only_so_many_connections(self, world: World) -> None:
        connections = [Client(world.port) for _ in range(4)]
        for each in connections:
            await each.__aenter__()
        assert [(await each.get(ROLES)).status for each in connections[:3]] == [200] * 3
        reply = await connections[3].reply()
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        await connections[0].__aexit__()
        while True:
            async with client(world) as again:
                if (await again.get(ROLES)).status == 200:
                    break
        for each in connections[1:]:
            await each.__aexit__()

    def test_a_pod_in_a_loop_is_slowed_down_and_served_again_later(self) -> None:
        async def story() -> tuple[list[int], int]:
            async with World(limits=LIMITS, now=virtual_now).running() as world, client(world) as web:
                world.give(grant())
                statuses = [(await web.get(ROLES)).status for _ in range(21)]
                await asyncio.sleep(1)
                return statuses, (await web.get(ROLES)).status

        statuses, later = run_virtual(story())
        assert statuses == [200] * 19 + [429] * 2  # the connection cost one of the twenty
        assert later == 200

    def test_the_audit_tells_of_what_is_too_much_once_in_a_second(self) -> None:
        async def story() -> list[bytes]:
            async with World(limits=LIMITS, now=virtual_now).running() as world, client(world) as web:
                world.give(grant())
                for _ in range(2):
                    for _ in range(60):
                        await web.get(ROLES)
                    await asyncio.sleep(1)
                return world.audit

        lines = map(json.loads, run_virtual(story()))
        told = [(line["pod"], line["status"], line["reason"]) for line in lines]
        assert told == [("default/web", 429, "TooManyRequests")] * 2

    async def test_the_audit_tells_of_what_is_no_proper_http(self, world: World) -> None:
        async with client(world) as web:
            web.write(b"NONSENSE\r\n\r\n")
            assert (await web.reply()).status == 400
        (line,) = map(json.loads, world.audit)
        assert (line["event"], line["pod"], line["reason"]) == ("refused", "default/web", "MalformedRequest")

    async def test_direct_connections_are_ended_unread(self) -> None:
        async with World(only_redirected=True).running() as world, client(world) as web:
            world.give(grant())
            web.write(GET)
            assert await web.closes()


class TestStopping:
    def test_what_was_asked_is_answered_and_the_rest_let_go(self) -> None:
        async def slow(key: CredentialKey) -> None:
            await asyncio.sleep(0.8)

        async def story() -> tuple[int, str, bool, float]:
            world = World(now=virtual_now)
            loop = asyncio.get_running_loop()
            async with world.running(), client(world) as idle, client(world) as busy:
                world.give(grant())
                world.sts = slow
                assert (await idle.get("/latest/meta-data/")).status == 200
                await asyncio.sleep(0.6)
                busy.write(GET_CREDENTIALS)
                await asyncio.sleep(0.1)
                began = loop.time()
                world.stop()
                assert await idle.closes()
                idle_for = loop.time() - began
                reply = await busy.reply()
                return reply.status, reply.headers["connection"], await busy.closes(), idle_for

        status, connection, closed, idle_for = run_virtual(story())
        assert (status, connection, closed) == (200, "close", True)
        assert idle_for < 0.1

    def test_a_client_between_two_requests_may_still_send_the_second(self) -> None:
        async def story() -> str:
            world = World(now=virtual_now)
            async with world.running(), client(world) as web:
                world.give(grant())
                token = await web.token()
                world.stop()
                await asyncio.sleep(0.2)
                return (await web.get(ROLES, token=token)).headers["connection"]

        assert run_virtual(story()) == "close"

    async def test_another_daemon_takes_over_the_port_without_a_gap(self, tmp_path: Path) -> None:
        """As in an upgrade: the key of the tokens is shared, the old one stops once the new one listens."""
        key = str(tmp_path / "token.key")
        async with World(imdsv2="required", token_key_file=key).running() as old:
            old.give(grant())
            async with client(old) as web:
                token = await web.token()
            async with World(imdsv2="required", port=old.port, token_key_file=key).running() as new:
                new.give(grant())
                old.stop()
                while old.server.addresses:
                    await asyncio.sleep(0)
                for _ in range(20):
                    async with client(new) as web:
                        assert (await web.get(ROLES, token=token)).status == 200

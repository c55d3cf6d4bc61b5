"""Nobody is refused for being a moment early, and nobody waits longer than SDKs do."""

import asyncio
from functools import partial

import pytest

from addons.iamproxy.model.credentials import CredentialKey
from addons.runtime.errors import Denied
from tests.support.metadata import (
    POD_IP,
    ROLES,
    TTL,
    Reply,
    World,
    client,
    grant,
    pod,
)
from tests.support.virtual import run_virtual, virtual_now

TOKEN_PATH = "/latest/api/token"
REGION = "/latest/meta-data/placement/region"


class TestWaiting:
    """Nothing is refused for being a moment early; and nobody waits longer than SDKs do."""

    @staticmethod
    def ask(
        method: str, path: str, world_changes: list[tuple[float, str]], *, sts_seconds: float = 0.0
    ) -> tuple[Reply, float]:
        """One request, while addresses become known or change hands; the answer and how long it took."""

        async def slow(key: CredentialKey) -> None:
            await asyncio.sleep(sts_seconds)

        async def story() -> tuple[Reply, float]:
            loop = asyncio.get_running_loop()
            world = World(now=virtual_now)
            world.sts = slow
            async with world.running(), client(world) as web:
                began = loop.time()
                for delay, uid in world_changes:
                    loop.call_later(delay, partial(world.give, grant(who=pod(uid=uid))))
                reply = await web.ask(method, path, {TTL: "60"})
                return reply, round(loop.time() - began, 2)

        return run_virtual(story())

    @pytest.mark.parametrize("delay", [0.0, 0.3, 0.89])
    def test_a_pod_that_becomes_known_is_answered_at_that_moment(self, delay: float) -> None:
        reply, took = self.ask("GET", f"{ROLES}reader", [(delay, "uid-1")])
        assert (reply.status, took) == (200, delay)

    def test_a_pod_that_does_not_become_known_is_told_to_come_again(self) -> None:
        reply, took = self.ask("GET", ROLES, [])
        assert (reply.status, took, reply.headers["retry-after"]) == (503, 0.9, "1")
        assert "(PodUnknown)" in reply.text

    def test_a_token_is_waited_for_less_long(self) -> None:
        assert self.ask("PUT", TOKEN_PATH, [(0.39, "uid-1")])[0].status == 200
        reply, took = self.ask("PUT", TOKEN_PATH, [(0.41, "uid-1")])
        assert (reply.status, took) == (503, 0.4)

    def test_sts_is_waited_for_in_what_is_left_of_the_time(self) -> None:
        reply, took = self.ask("GET", f"{ROLES}reader", [(0.5, "uid-1")], sts_seconds=0.3)
        assert (reply.status, took) == (200, 0.8)
        reply, took = self.ask("GET", f"{ROLES}reader", [(0.5, "uid-1")], sts_seconds=0.5)
        assert (reply.status, took) == (503, 0.9)
        assert "(CredentialsLate)" in reply.text

    @pytest.mark.parametrize(("sts_seconds", "expected"), [(0.6, 0.6), (2.0, 0.9)])
    def test_the_role_is_told_when_its_credentials_are_there_or_the_time_is_up(
        self, sts_seconds: float, expected: float
    ) -> None:
        reply, took = self.ask("GET", ROLES, [(0.0, "uid-1")], sts_seconds=sts_seconds)
        assert (reply.status, reply.text, took) == (200, "reader", expected)

    def test_so_sts_has_the_time_of_two_requests(self) -> None:
        async def story() -> tuple[list[int], float]:
            loop = asyncio.get_running_loop()
            async with World(now=virtual_now).running() as world, client(world) as web:
                world.give(grant())
                world.sts = lambda key: asyncio.sleep(1.7)
                statuses = [(await web.get(path)).status for path in (ROLES, f"{ROLES}reader")]
                return statuses, round(loop.time(), 2)

        assert run_virtual(story()) == ([200, 200], 1.7)

    def test_a_role_that_sts_denies_is_told_all_the_same(self) -> None:
        async def deny(key: CredentialKey) -> None:
            raise Denied("not authorized")

        async def story() -> tuple[str, float]:
            async with World(now=virtual_now).running() as world, client(world) as web:
                world.give(grant())
                world.sts = deny
                return (await web.get(ROLES)).text, asyncio.get_running_loop().time()

        assert run_virtual(story()) == ("reader", 0.0)

    @pytest.mark.parametrize("path", [ROLES, f"{ROLES}reader"])
    def test_an_address_that_changes_hands_meanwhile_gets_nothing(self, path: str) -> None:
        reply, took = self.ask("GET", path, [(0.0, "uid-1"), (0.2, "uid-2")], sts_seconds=0.4)
        assert (reply.status, took) == (503, 0.4)
        assert "secret" not in reply.text

    def test_the_network_is_asked_in_the_end_even_when_the_time_is_up(self) -> None:
        """What it said before STS was asked does not count any more."""

        async def story() -> tuple[int, str, float]:
            loop = asyncio.get_running_loop()
            world = World(now=virtual_now)
            world.network = lambda: loop.call_later(0.02, world.addresses.confirm, loop.time())
            world.sts = lambda key: asyncio.sleep(5)
            async with world.running(), client(world) as web:
                world.addresses.replace({POD_IP: grant()}, read_at=loop.time())
                reply = await web.get(ROLES)
                return reply.status, reply.text, round(loop.time(), 2)

        assert run_virtual(story()) == (200, "reader", 0.92)

    def test_tables_that_are_not_trusted_are_not_believed(self) -> None:
        async def story() -> list[int]:
            async with World(now=virtual_now).running() as world, client(world) as web:
                world.give(grant())
                world.is_trusted = False
                statuses = [(await web.get(ROLES)).status]
                world.is_trusted = True
                return [*statuses, (await web.get(ROLES)).status]

        assert run_virtual(story()) == [503, 200]

    def test_a_fetch_outlives_who_asked_for_it(self) -> None:
        async def slow(key: CredentialKey) -> None:
            await asyncio.sleep(0.5)

        async def story() -> tuple[int, int]:
            async with World(now=virtual_now).running() as world:
                world.give(grant())
                world.sts = slow
                async with client(world) as impatient:
                    impatient.write(impatient.request("GET", f"{ROLES}reader", {}))
                    await asyncio.sleep(0.1)
                await asyncio.sleep(1)
                async with client(world) as again:
                    return (await again.get(f"{ROLES}reader")).status, len(world.fetched)

        assert run_virtual(story()) == (200, 1)

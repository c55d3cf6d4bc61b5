"""Credentials that are renewed while requests go on, on virtual time."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import inf

import pytest

from addons.runtime.errors import Denied, Unavailable
from addons.runtime.kube_access import Access
from addons.runtime.settings import SettingError
from addons.runtime.transport import Transport
from tests.support.hostile import Answer, HostileServer, Request, refusal, reply
from tests.support.virtual import run_virtual


@dataclass
class SlowPlugin:
    """Gives one token after the other, the last one for ever; each but the first takes `seconds`.

    An empty token stands for a run that fails.
    """

    tokens: Sequence[str]
    seconds: float
    good_seconds: float = inf
    server: str = ""
    runs: int = 0

    async def read(self) -> Access:
        self.runs += 1
        if self.runs > 1:
            await asyncio.sleep(self.seconds)
        token = self.tokens[min(self.runs, len(self.tokens)) - 1]
        if not token:
            raise SettingError("no token today")
        return Access(self.server, f"Bearer {token}", good_seconds=self.good_seconds)


@asynccontextmanager
async def connected(plugin: SlowPlugin, *, accepted: str) -> AsyncIterator[tuple[Transport, HostileServer]]:
    """A transport with the plugin's tokens, and a server that accepts one token alone."""

    def script(request: Request) -> Answer:
        good = request.headers["authorization"] == f"Bearer {accepted}"
        return reply(200, {}) if good else refusal(401, "Unauthorized")

    async with HostileServer(script).running() as server:
        plugin.server = server.url
        async with Transport.connect(plugin, user_agent="test") as transport:
            yield transport, server


async def ask(transport: Transport, seconds: float = 15.0) -> bytes:
    return await transport.request("ask", "GET", "/", seconds=seconds)


class TestRefusedToken:
    """One renewal for all who need it; it goes on when they give up."""

    def test_a_caller_that_gives_up_leaves_the_plugin_to_the_next(self) -> None:
        plugin = SlowPlugin(["old", "new"], seconds=7.0)

        async def main() -> None:
            async with connected(plugin, accepted="new") as (transport, _):
                for _ in range(2):
                    with pytest.raises(TimeoutError):
                        async with asyncio.timeout(3.3):
                            await ask(transport)
                async with asyncio.timeout(3.3):
                    await ask(transport)

        run_virtual(main())
        assert plugin.runs == 2

    def test_the_time_limit_of_a_request_holds_for_the_plugin_too(self) -> None:
        async def main() -> None:
            async with connected(SlowPlugin(["old", "new"], seconds=7.0), accepted="new") as (transport, _):
                with pytest.raises(Unavailable, match="ask: TimeoutError: no answer in time"):
                    await ask(transport, seconds=5.0)
                await ask(transport, seconds=5.0)

        run_virtual(main())

    def test_those_who_wait_together_share_one_run(self) -> None:
        plugin = SlowPlugin(["old", "new"], seconds=7.0)

        async def main() -> list[bytes]:
            async with connected(plugin, accepted="new") as (transport, _):
                return await asyncio.gather(*(ask(transport) for _ in range(5)))

        assert run_virtual(main()) == [b"{}"] * 5
        assert plugin.runs == 2

    def test_a_plugin_that_brings_no_better_token_rests_ten_seconds_from_its_end(self) -> None:
        plugin = SlowPlugin(["old"], seconds=7.0)

        async def main() -> list[int]:
            runs = []
            async with connected(plugin, accepted="new") as (transport, _):
                for pause in (9.0, 2.0, 0.0):
                    with pytest.raises(Denied):
                        await ask(transport)
                    runs.append(plugin.runs)
                    await asyncio.sleep(pause)
            return runs

        assert run_virtual(main()) == [2, 2, 3]

    def test_a_plugin_that_fails_is_told_of_and_tried_again(self, caplog: pytest.LogCaptureFixture) -> None:
        async def main() -> None:
            plugin = SlowPlugin(["old", "", "new"], seconds=7.0)
            async with connected(plugin, accepted="new") as (transport, _):
                with pytest.raises(Unavailable, match="ask: cannot renew the credentials: no token today"):
                    await ask(transport)
                await asyncio.sleep(20)
                await ask(transport)

        with caplog.at_level(logging.WARNING):
            run_virtual(main())
        assert caplog.messages == ["credentials for the API server not renewed: no token today"]

    def test_a_plugin_that_never_ends_is_given_up(self) -> None:
        async def main() -> None:
            async with connected(SlowPlugin(["old", "new"], seconds=inf), accepted="new") as (transport, _):
                with pytest.raises(Unavailable, match="could not be read within 60 s"):
                    await ask(transport, seconds=70.0)

        run_virtual(main())


class TestDueToken:
    """A token that is about to end is replaced before, and no request waits for that."""

    def test_the_old_one_is_used_until_the_new_one_is_there(self) -> None:
        plugin = SlowPlugin(["one", "two", "three"], seconds=30.0, good_seconds=600.0)

        async def main() -> list[str]:
            async with connected(plugin, accepted="none") as (transport, server):
                server.script = lambda _: reply(200, {})
                for pause in (610.0, 25.0, 0.0):
                    await ask(transport, seconds=1.0)
                    await asyncio.sleep(pause)
                return [request.headers["authorization"] for request in server.requests]

        assert run_virtual(main()) == ["Bearer one", "Bearer one", "Bearer two"]

    def test_a_renewal_that_fails_is_tried_again(self) -> None:
        plugin = SlowPlugin(["one", "", "", "four"], seconds=0.0, good_seconds=600.0)

        async def main() -> None:
            async with connected(plugin, accepted="four") as (transport, server):
                await asyncio.sleep(630)
                await ask(transport)
                assert len(server.requests) == 1

        run_virtual(main())

    def test_a_transport_that_ends_renews_nothing_any_more(self) -> None:
        plugin = SlowPlugin(["one", "two"], seconds=30.0, good_seconds=600.0)

        async def main() -> None:
            async with connected(plugin, accepted="two"):
                await asyncio.sleep(610)
            await asyncio.sleep(2000)

        run_virtual(main())
        assert plugin.runs == 2

"""The status server over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from addons.runtime.decisions import Decisions
from addons.runtime.outcomes import ObjectRef
from addons.runtime.settings import SettingError, parse_listen
from addons.runtime.web import StatusServer

WEB = ObjectRef("Service", "default", "web")


@asynccontextmanager
async def serving(
    ready: Callable[[], str] = lambda: "", decisions: Decisions | None = None
) -> AsyncIterator[aiohttp.ClientSession]:
    """Run a server, and give a client of it."""
    server = StatusServer(
        "127.0.0.1:0",
        name="dns",
        ready=ready,
        state=lambda: {"names": 3},
        decisions=decisions or Decisions(),
    )
    stopping = asyncio.Event()
    task = asyncio.create_task(server.serve(stopping))
    while server.address is None and not task.done():
        await asyncio.sleep(0.001)
    assert server.address is not None
    host, port = server.address
    try:
        async with aiohttp.ClientSession(f"http://{host}:{port}") as client:
            yield client
    finally:
        stopping.set()
        await task


async def get(client: aiohttp.ClientSession, path: str) -> tuple[int, str]:
    async with client.get(path) as reply:
        return reply.status, await reply.text()


class TestHealth:
    @pytest.mark.parametrize("path", ["/", "/readyz", "/api/state", "/api/decisions", "/metrics", "/nothing"])
    async def test_every_answer_is_made_anew(self, path: str) -> None:
        async with serving() as client, client.get(path) as reply:
            assert reply.headers["Cache-Control"] == "no-store"

    async def test_a_running_loop_is_alive(self) -> None:
        async with serving() as client:
            assert await get(client, "/healthz") == (200, "ok\n")

    async def test_a_loop_that_stood_still_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async with serving() as client:
            monkeypatch.setattr("addons.runtime.web._STUCK_SECONDS", -1e9)
            status, text = await get(client, "/healthz")
            assert (status, text.startswith("the event loop stood still for ")) == (503, True)

    async def test_readiness_gives_the_reason(self) -> None:
        reasons = ["services are not synced", ""]
        async with serving(ready=lambda: reasons.pop(0)) as client:
            assert await get(client, "/readyz") == (503, "services are not synced\n")
            assert await get(client, "/readyz") == (200, "ok\n")


class TestData:
    async def test_metrics_are_in_the_form_of_prometheus(self) -> None:
        async with serving() as client, client.get("/metrics") as reply:
            assert reply.headers["Content-Type"].startswith("text/plain; version=")
            assert "# TYPE addons_event_loop_lag_seconds gauge" in await reply.text()

    @pytest.mark.parametrize(("reason", "ready"), [("", 1.0), ("services are not synced", 0.0)])
    async def test_readiness_is_a_metric_too(self, reason: str, ready: float) -> None:
        async with serving(ready=lambda: reason) as client, client.get("/metrics") as reply:
            assert f"\naddons_ready {ready}\n" in await reply.text()

    async def test_state_is_json(self) -> None:
        async with serving() as client, client.get("/api/state") as reply:
            assert await reply.json() == {"names": 3}

    async def test_decisions_can_be_asked_for_by_object_and_number(self) -> None:
        decisions = Decisions()
        for message in ("a", "b"):
            decisions.record(key="Z1", ref=WEB, action="create", reason="RecordReady", message=message)
        decisions.record(key="Z1", ref=None, action="skip", reason="NoZone", message="c")
        async with serving(decisions=decisions) as client:
            path = "/api/decisions?object=service/default/web&limit=1"
            async with client.get(path) as reply:
                assert [one["message"] for one in await reply.json()] == ["b"]

    @pytest.mark.parametrize("limit", ["-1", "x", "1.5", "", "9" * 5000])
    async def test_a_bad_number_is_refused(self, limit: str) -> None:
        async with serving() as client:
            status, text = await get(client, f"/api/decisions?limit={limit}")
            assert (status, text) == (400, '{"error":"limit must be a whole number below 1000000"}\n')

    async def test_the_page_is_html_and_may_load_nothing(self) -> None:
        async with serving() as client, client.get("/") as reply:
            assert reply.content_type == "text/html"
            assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
            assert "<h1>dns</h1>" in await reply.text()


class TestErrors:
    async def test_an_unknown_path_is_one_line_of_json(self) -> None:
        async with serving() as client:
            assert await get(client, "/nothing") == (404, '{"error":"not found"}\n')

    async def test_another_method_is_one_line_of_json_that_names_the_right_one(self) -> None:
        async with serving() as client, client.post("/api/state") as reply:
            assert (reply.status, await reply.text()) == (405, '{"error":"method not allowed"}\n')
            assert reply.headers["Allow"] == "GET,HEAD"


class TestListen:
    @pytest.mark.parametrize(
        ("text", "address"),
        [
            (":8080", ("", 8080)),
            ("127.0.0.1:0", ("127.0.0.1", 0)),
            ("[::1]:80", ("::1", 80)),
            ("localhost:65535", ("localhost", 65535)),
        ],
    )
    def test_host_and_port_are_split(self, text: str, address: tuple[str, int]) -> None:
        assert parse_listen(text) == address

    @pytest.mark.parametrize("text", ["", "8080", "host", "host:", "host:x", ":65536", "::1:80", ":-1", ":٣"])
    def test_anything_else_is_a_bad_setting(self, text: str) -> None:
        with pytest.raises(SettingError, match=r"^--listen: .* is not allowed: HOST:PORT such as "):
            parse_listen(text)

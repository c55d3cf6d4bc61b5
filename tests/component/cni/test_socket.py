"""The socket: who may use it, what it answers over HTTP, and how one daemon's gives way to the next one's."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import msgspec
import pytest

from addons.cni.model.assignments import PodId
from addons.cni.server.operations import View
from addons.cni.server.socket import SocketServer
from addons.iamproxy.model.assignments import Assignment as Read
from addons.runtime.settings import SettingError
from tests.support.cni_socket import Node, served
from tests.support.until import until

POD = PodId("shop", "web-0", "uid-web-0")


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="cni-") as name:
        yield Path(name)


@pytest.fixture
async def node(folder: Path) -> Node:
    return Node(folder / "state", 1, 2, 3)


@pytest.fixture
async def http(folder: Path) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.UnixConnector(str(folder / "cni.sock"))
    async with aiohttp.ClientSession(base_url="http://cni", connector=connector) as session:
        yield session


async def get(http: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with http.get(path) as reply:
        return reply.status, await reply.json()


async def raw(path: Path, data: bytes) -> bytes:
    """Send bytes, and give all that comes back until the server hangs up."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(data)
    answer = await reader.read()
    writer.close()
    return answer


class TestQueries:
    """Other daemons and people ask who has which address."""

    async def test_assignments_are_as_iamproxy_reads_them(
        self, node: Node, folder: Path, http: aiohttp.ClientSession
    ) -> None:
        async with served(node, folder / "cni.sock"):
            await node.add("c1", POD)
            status, rows = await get(http, "/v1/assignments")
        assert status == 200
        assert msgspec.convert(rows, tuple[Read, ...]) == (Read("10.0.0.1", "shop", "web-0", "uid-web-0"),)
        names = {"ip", "containerId", "ifName", "podNamespace", "podName", "podUid", "eniId", "since"}
        assert set(rows[0]) == names

    async def test_one_by_its_address(self, node: Node, folder: Path, http: aiohttp.ClientSession) -> None:
        async with served(node, folder / "cni.sock"):
            for container in ("c1", "c2"):
                await node.add(container)
            found = await get(http, "/v1/assignments?ip=10.0.0.2")
            assert [row["containerId"] for row in found[1]] == ["c2"]
            assert await get(http, "/v1/assignments?ip=10.0.0.9") == (200, [])
            assert (await get(http, "/v1/assignments?ip=x"))[0] == 400

    async def test_views_answer_by_their_query(self, folder: Path, node: Node) -> None:
        stopping = asyncio.Event()
        views: dict[str, View] = {"/v1/why": lambda query: {"pod": query["pod"]} if "pod" in query else None}
        server = SocketServer(folder / "cni.sock", operations=node.sandboxes, views=views)
        serving = asyncio.create_task(server.serve(stopping))
        await server.is_listening.wait()
        connector = aiohttp.UnixConnector(str(folder / "cni.sock"))
        async with aiohttp.ClientSession(base_url="http://cni", connector=connector) as http:
            assert await get(http, "/v1/why?pod=shop%2Fweb") == (200, {"pod": "shop/web"})
            assert (await get(http, "/v1/why"))[0] == 404
            assert (await get(http, "/v1/nothing"))[0] == 404
        stopping.set()
        await serving

    async def test_one_connection_may_ask_again(
        self, node: Node, folder: Path, http: aiohttp.ClientSession
    ) -> None:
        async with served(node, folder / "cni.sock"):
            for _ in range(3):
                assert (await get(http, "/v1/assignments"))[0] == 200


class TestHttp:
    """What is no proper request harms itself only."""

    @pytest.mark.parametrize(
        ("data", "status"),
        [
            (b"nonsense\r\n\r\n", b"400"),
            (b"GET /v1/cni HTTP/1.1\r\n\r\n", b"405"),
            (b"POST /v1/assignments HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", b"405"),
            (b"POST /v1/cni HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", b"400"),
        ],
    )
    async def test_what_cannot_be_answered(
        self, node: Node, folder: Path, data: bytes, status: bytes
    ) -> None:
        async with served(node, folder / "cni.sock"):
            assert (await raw(folder / "cni.sock", data)).split(b" ")[1] == status

    async def test_what_is_too_large_is_cut_off(self, node: Node, folder: Path) -> None:
        large = b"POST /v1/cni HTTP/1.1\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 9_000_000
        async with served(node, folder / "cni.sock"):
            with pytest.raises(ConnectionError):
                await raw(folder / "cni.sock", large)
            assert node.held == {}

    async def test_a_request_in_pieces(self, node: Node, folder: Path) -> None:
        async with served(node, folder / "cni.sock"):
            reader, writer = await asyncio.open_unix_connection(folder / "cni.sock")
            for byte in b"GET /v1/assignments HTTP/1.1\r\nConnection: close\r\n\r\n":
                writer.write(bytes([byte]))
                await asyncio.sleep(0)
            assert (await reader.read()).endswith(b"[]")
            writer.close()


class TestName:
    """The socket's name is always that of the daemon that serves."""

    async def test_only_root_may_use_it(self, node: Node, folder: Path) -> None:
        async with served(node, folder / "cni.sock"):
            assert (folder / "cni.sock").stat().st_mode & 0o777 == 0o600

    async def test_what_a_killed_daemon_left_is_no_hindrance(self, node: Node, folder: Path) -> None:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(folder / "cni.sock"))
        async with served(node, folder / "cni.sock"):
            assert b"200" in await raw(
                folder / "cni.sock", b"GET /v1/assignments HTTP/1.1\r\nConnection: close\r\n\r\n"
            )

    async def test_the_next_daemon_takes_the_name_and_the_old_one_leaves_it(
        self, node: Node, folder: Path
    ) -> None:
        async with served(node, folder / "cni.sock"):
            old = (folder / "cni.sock").stat().st_ino
            next_one = served(node, folder / "cni.sock")
            await next_one.__aenter__()
            assert (folder / "cni.sock").stat().st_ino != old
        assert (folder / "cni.sock").is_socket()
        await next_one.__aexit__(None, None, None)
        assert not (folder / "cni.sock").exists()

    async def test_a_place_that_cannot_be_used_is_named(self, node: Node, folder: Path) -> None:
        (folder / "file").touch()
        server = SocketServer(folder / "file" / "cni.sock", operations=node.sandboxes, views={})
        with pytest.raises(SettingError, match=r"--socket .*/file/cni.sock: File exists"):
            await server.serve(asyncio.Event())

    async def test_a_path_that_is_too_long_is_named(self, node: Node, folder: Path) -> None:
        server = SocketServer(folder / ("x" * 100), operations=node.sandboxes, views={})
        with pytest.raises(SettingError, match="too long"):
            await server.serve(asyncio.Event())


class TestStop:
    """At the end what waits is let go, and what works is finished."""

    async def test_an_add_that_waits_is_not_answered(self, folder: Path) -> None:
        node = Node(folder / "empty")
        body = b'{"cniVersion":"1.0.0","name":"aws-cni"}'
        headers = b"Cni-Command: ADD\r\nCni-Containerid: c1\r\nCni-Netns: /n\r\nCni-Ifname: eth0\r\n"
        call = b"POST /v1/cni HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (headers, len(body), body)
        async with served(node, folder / "cni.sock"):
            asking = asyncio.create_task(raw(folder / "cni.sock", call))
            await until(lambda: node.addresses.waiting)
        assert await asking == b""

"""The daemon is killed under its plugins: real processes, real links, and nothing is lost or left."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import pytest

from tests.support.cni_exec import PluginExecutor
from tests.support.cni_sandbox import Sandbox, pod_network
from tests.support.cni_server import CniServer, cni_server
from tests.support.cni_socket import released
from tests.support.processes import output_of
from tests.support.until import until

PODS = 30


class Node:
    """A node whose pods have namespaces, with a server in its network."""

    def __init__(self, folder: Path, server: CniServer, executor: PluginExecutor, inside: Any) -> None:
        self._folder, self.server, self._executor, self.inside = folder, server, executor, inside
        self._plugin = released()

    async def call(self, verb: str, pod: Sandbox) -> Any:
        """Call the plugin as a process; its result. The test fails where it does."""
        config = {
            "cniVersion": "1.0.0",
            "name": "aws-cni",
            "type": "aws-addons-cni",
            "socket": str(self._folder / "cni.sock"),
            "spool": str(self._folder / "spool"),
        }
        environment = {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": pod.container,
            "CNI_NETNS": pod.netns,
            "CNI_IFNAME": pod.ifname,
            "CNI_ARGS": pod.arguments,
        }
        loop = asyncio.get_running_loop()
        done = await loop.run_in_executor(
            None, self._executor.run, self._plugin, environment, json.dumps(config).encode()
        )
        assert done.code == 0, done
        return json.loads(done.out) if done.out else None

    async def call_and_kill(self, verb: str, pods: Sequence[Sandbox]) -> list[Any]:
        """Call the plugin for all pods at once, while the server is killed after some of them, twice."""
        tasks = [asyncio.create_task(self.call(verb, pod)) for pod in pods]
        for enough in (len(pods) // 6, len(pods) // 2):
            await until(lambda enough=enough: sum(task.done() for task in tasks) >= enough, pause=0.001)  # type: ignore[misc]
            self.server.kill()
            assert not all(task.done() for task in tasks), "it was killed too late"
            self.server.start()
        return await asyncio.gather(*tasks)

    async def assigned(self) -> list[Any]:
        """What the server says, once it is there."""
        connector = aiohttp.UnixConnector(str(self._folder / "cni.sock"))
        async with aiohttp.ClientSession(base_url="http://cni", connector=connector) as http:

            async def ask() -> list[Any] | None:
                try:
                    async with http.get("/v1/assignments") as reply:
                        return [await reply.json()]
                except aiohttp.ClientError:
                    return None

            (rows,) = await until(ask, "the server answers")
            return list(rows)

    def links(self) -> int:
        """How many ends of pods' links the node has."""
        listed = output_of(*self.inside.command("ip", "-json", "link", "show", "type", "veth"))
        return sum(link["ifname"].startswith("eni") for link in json.loads(listed or "[]"))


@pytest.fixture
def pods() -> Iterator[list[Sandbox]]:
    with ExitStack() as stack:
        yield [stack.enter_context(pod_network(f"web-{number}")) for number in range(PODS)]


@pytest.fixture
def node() -> Iterator[Node]:
    with ExitStack() as stack:
        place = stack.enter_context(pod_network("node"))
        assert place.inside
        place.inside.set_kernel("ipv4/ip_forward", "1")
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="cni-")))
        server = stack.enter_context(cni_server("cni", folder, place.inside))
        executor = stack.enter_context(PluginExecutor(place.inside))
        yield Node(folder, server, executor, place.inside)


class TestKilled:
    """`kill -9` again and again costs a runtime nothing but time."""

    async def test_adds_and_dels_all_succeed_and_nothing_is_left(
        self, node: Node, pods: list[Sandbox]
    ) -> None:
        results = await node.call_and_kill("ADD", pods)
        addresses = {result["ips"][0]["address"] for result in results}
        rows = await node.assigned()
        assert {f"{row['ip']}/32" for row in rows} == addresses
        assert (len(addresses), node.links()) == (PODS, PODS)

        await node.call_and_kill("DEL", pods)
        node.server.kill()
        node.server.start()
        assert await node.assigned() == []
        assert node.links() == 0

    async def test_dels_while_it_is_away_are_made_good(self, node: Node, pods: list[Sandbox]) -> None:
        await asyncio.gather(*(node.call("ADD", pod) for pod in pods))
        node.server.kill()
        for pod in pods[:5]:
            await node.call("DEL", pod)
        node.server.start()
        kept = {row["containerId"] for row in await node.assigned()}
        assert kept == {pod.container for pod in pods[5:]}
        assert node.links() == PODS - 5

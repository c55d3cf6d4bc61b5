"""`addons iamproxy cleanup --hold` in the network of a node: run by an uninstall in place of the daemon."""

import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from addons.iamproxy.net.listeners import LISTENERS
from addons.iamproxy.net.redirect import Redirect
from addons.iamproxy.net.table import RedirectSettings
from addons.sim.net import METADATA, NODE
from tests.support.processes import output_of, running
from tests.support.until import until
from tests.support.vpc import REFUSED, Vpc, vpc

PORT = 8182


@pytest.fixture
async def world() -> AsyncIterator[Vpc]:
    async with vpc() as made:
        yield made


@pytest.fixture
async def redirect(world: Vpc) -> AsyncIterator[Redirect]:
    """The redirect as a daemon leaves it that has ended, with the addresses of both listeners."""
    made = world.fabric.node.call(lambda: Redirect(RedirectSettings()))
    for listener in LISTENERS:
        for address in listener:
            world.fabric.node.ip(f"addr add {address} dev lo")
    await made.ensure()
    yield made
    made.close()


@asynccontextmanager
async def holding(world: Vpc, *settings: str) -> AsyncIterator[Process]:
    """The command, until it says that it is done."""
    hold = (sys.executable, "-m", "addons.iamproxy", "cleanup", "--hold", *settings)
    command = world.fabric.node.command(*hold)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
    async with running(*command, env=environment) as process:

        async def is_done() -> bool:
            return " 200 " in await readiness(world)

        await until(is_done, unless=lambda: "" if process.returncode is None else "it has ended")
        yield process


async def readiness(world: Vpc) -> str:
    """What the kubelet is told."""
    return await world.ask(world.fabric.node, NODE, PORT, path="/readyz")


def addresses(world: Vpc) -> str:
    """Those of the node's loopback interface."""
    command = world.fabric.node.command("ip", "addr", "show", "dev", "lo")
    return output_of(*command)


async def test_nothing_is_left_on_the_node_and_its_pods_see_it(
    world: Vpc, redirect: Redirect, tmp_path: Path
) -> None:
    key = tmp_path / "token.key"
    key.write_bytes(bytes(32))
    pod = world.fabric.add_pod("prod/app").inside
    assert await world.ask(pod) == REFUSED
    assert all(str(address) in addresses(world) for listener in LISTENERS for address in listener)
    async with holding(world, f"--token-key-file={key}") as process:
        assert not key.exists()
        assert world.nft("list", "ruleset") == ""
        assert not any(str(address) in addresses(world) for listener in LISTENERS for address in listener)
        assert world.sees_the_node(await world.ask(pod, METADATA))
        process.terminate()
        assert await process.wait() == 0
    assert world.nft("list", "ruleset") == ""


async def test_it_does_not_say_that_it_is_done_while_a_daemon_puts_it_back(
    world: Vpc, redirect: Redirect
) -> None:
    async with holding(world):
        await redirect.ensure()
        answer = await readiness(world)
        assert " 503 " in answer
        assert "the redirect is back" in answer
        await redirect.remove()
        assert " 200 " in await readiness(world)


async def test_it_shares_its_port_with_a_daemon_that_follows(world: Vpc) -> None:
    async with holding(world):
        with world.fabric.node.open_socket() as follower:
            follower.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            follower.bind(("0.0.0.0", PORT))

"""A real runtime, Debian's containerd with runc, has pods' networks from our plugin and its configuration."""

import asyncio
from pathlib import Path

import pytest

from addons.sim.fabric.echo import Echo
from addons.sim.fabric.vpc import PEERED
from tests.support.cni_runtime import FLAGS, Runtime, runtime_world, take_all
from tests.support.cni_socket import IMPATIENT
from tests.support.cri import CriError
from tests.support.fabric import flow, pings, seen_by
from tests.support.until import until

pytestmark = [pytest.mark.netns, pytest.mark.timeout(150)]


def is_reached(runtime: Runtime, address: str) -> bool:
    """Whether somebody in the peered network reaches an address."""
    return pings(runtime.world.vpc.fabric.outside, address, source=str(PEERED))


class TestNetworkReady:
    async def test_it_is_so_once_the_daemon_has_addresses_and_stays_so_without_the_daemon(self) -> None:
        async with runtime_world() as runtime:
            assert not await runtime.is_network_ready()
            async with runtime.node.ready(*FLAGS):
                await runtime.await_network()
            assert await runtime.is_network_ready()


class TestSandboxes:
    async def test_a_pod_is_in_the_vpc_from_run_to_stop_and_what_comes_twice_does_no_harm(self) -> None:
        async with runtime_world() as runtime, runtime.node.ready(*FLAGS) as node:
            await runtime.await_network()
            container = await runtime.run(runtime.sandbox())
            address = await runtime.address(container)
            assert await node.assigned() == {container: address}
            (inside,) = runtime.networks()
            assert await seen_by(inside, str(PEERED)) == address
            assert is_reached(runtime, address)
            await runtime.stop(container)
            assert await node.assigned() == {}
            assert not is_reached(runtime, address)
            await runtime.stop(container)
            await runtime.remove(container)
            assert await node.assigned() == {}

    async def test_a_host_port_leads_to_the_pod(self) -> None:
        async with runtime_world() as runtime, runtime.node.ready(*FLAGS) as node:
            await runtime.await_network()
            other = await runtime.world.add_node()
            container = await runtime.run(runtime.sandbox(host_port=8080))
            (inside,) = runtime.networks()
            with Echo(inside):
                assert await seen_by(other.inside, str(node.at.address), port=8080) == str(other.at.address)
                await runtime.stop(container)
                assert await seen_by(other.inside, str(node.at.address), port=8080) == ""


class TestWithoutTheDaemon:
    async def test_pods_go_at_once_and_their_addresses_come_back_with_it(self) -> None:
        async with runtime_world() as runtime:
            async with runtime.node.ready(*FLAGS):
                await runtime.await_network()
                pods = [await runtime.run(runtime.sandbox(f"web-{number}")) for number in range(2)]
                gone, stays = [await runtime.address(pod) for pod in pods]
            await runtime.stop(pods[0])
            await runtime.remove(pods[0])
            assert is_reached(runtime, stays)
            async with runtime.node.ready(*FLAGS) as node:
                assert await node.assigned() == {pods[1]: stays}
                assert not is_reached(runtime, gone)
                again = await runtime.run(runtime.sandbox("web-2"))
                assert await runtime.address(again) not in (gone, stays)

    async def test_a_new_pod_is_told_what_is_missing(self) -> None:
        async with runtime_world() as runtime:
            async with runtime.node.ready(*FLAGS):
                await runtime.await_network()
            runtime.node.install(IMPATIENT)
            with pytest.raises(CriError, match=r"aws-addons-cni.*cni\.sock"):
                await runtime.run(runtime.sandbox())


class TestContainerdIsKilled:
    async def test_an_add_that_waits_leaves_nothing_when_its_container_is_stopped(self) -> None:
        """The plugin lives on as an orphan, and its DEL arrives while it waits."""
        async with runtime_world("10.0.1.0/28") as runtime:
            take_all(runtime.world)
            async with runtime.node.ready("--add-timeout=60s", *FLAGS) as node:
                await runtime.await_network()
                asked = asyncio.ensure_future(runtime.run(runtime.sandbox()))
                plugin = await until(runtime.plugin, "the plugin waits")
                runtime.kill()
                with pytest.raises(CriError):
                    await asked
                await runtime.start()
                for container in await runtime.sandboxes():
                    await runtime.stop(container)
                await until(lambda: not Path(f"/proc/{plugin}").exists(), "the plugin has given up")
                assert await node.assigned() == {}

    async def test_pods_that_run_keep_their_network(self) -> None:
        async with runtime_world() as runtime, runtime.node.ready(*FLAGS) as node:
            await runtime.await_network()
            container = await runtime.run(runtime.sandbox())
            (inside,) = runtime.networks()
            async with flow(inside, str(PEERED)) as talk:
                runtime.kill()
                assert await talk.beat()
                await runtime.start()
                assert await talk.beat()
            await runtime.stop(container)
            assert await node.assigned() == {}

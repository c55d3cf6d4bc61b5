"""The daemon ends, is killed and comes back, and what is around it was changed or lost meanwhile."""

import asyncio
import shutil
import signal
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from addons.sim.kubeapi.faults import Fault
from tests.support.cni_crowd import (
    add_all,
    add_or_error,
    address_of,
    addresses,
    calls,
    capacity,
    crowd,
    delete_all,
    held,
    inside,
    links,
    pod_routes,
    refusals,
    rules,
    shown,
)
from tests.support.cni_socket import IMPATIENT
from tests.support.cni_world import cni_world
from tests.support.fabric import flow, seen_by
from tests.support.processes import output_of
from tests.support.until import until

pytestmark = pytest.mark.netns

PEER = "172.31.0.10"


async def test_sigterm_ends_it_soon_also_while_adds_wait_and_pods_keep_their_network() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        node.install(IMPATIENT)
        with world.pod(node) as pod:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(node.ready("--headroom=0"))
                address = address_of(await node.network.add(pod))
                world.vpc.aws.faults.slow("AssignPrivateIpAddresses", 3)
                late = stack.enter_context(world.pod(node, "late"))
                waiting = asyncio.create_task(add_or_error(node.network.add(late)))
                await until(lambda: node.executor.is_running(late.container))
                assert node.process
                node.process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(8):  # 2 s, and what a busy machine adds
                    assert await node.process.wait() == 0, node.log()
                (refused,) = refusals([await waiting])
                assert refused.code == 11
            assert await seen_by(inside(pod), PEER) == address
            assert node.conflist.exists()


async def test_a_flow_goes_on_while_the_daemon_is_killed_and_comes_back_to_the_same() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        with crowd(world, node, 12) as pods:
            async with node.ready():
                results = await add_all(node, pods)
                before, of_rules, routed = await node.assigned(), rules(node), pod_routes(node)
            changed = calls(world, "AssignPrivateIpAddresses", "CreateNetworkInterface")
            async with flow(inside(pods[0]), PEER) as going, node.ready():
                assert await going.beat()
                assert await node.assigned() == before
                assert (rules(node), sorted(pod_routes(node))) == (of_rules, sorted(routed))
                for pod, address in zip(pods, addresses(results), strict=True):
                    assert await seen_by(inside(pod), PEER) == address
                await delete_all(node, pods)
                assert (await node.assigned(), links(node)) == ({}, [])
            assert calls(world, "AssignPrivateIpAddresses", "CreateNetworkInterface") == changed


async def test_the_cool_down_outlives_a_restart() -> None:
    async with cni_world() as world:
        node = await world.add_node("t3.nano")
        with crowd(world, node, 2) as pods:
            async with node.ready():
                await add_all(node, pods)
                await delete_all(node, pods)
        with world.pod(node) as pod:
            async with node.ready("--add-timeout=1s"):
                (refused,) = refusals([await add_or_error(node.network.add(pod))])
                assert "2 addresses cooling" in str(refused)


async def test_dels_while_it_was_away_are_made_good_before_it_serves() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        with crowd(world, node, 3) as pods:
            async with node.ready():
                results = await add_all(node, pods)
            await delete_all(node, pods[:2])
            async with node.ready():
                assert await node.assigned() == {pods[2].container: address_of(results[2])}
                assert len(links(node)) == 1


async def test_containers_that_vanished_while_it_was_away_are_released() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready():
            with world.pod(node) as pod:
                await node.network.add(pod)
        await until(lambda: not links(node))
        async with node.ready():
            network = node.network
            await network.delete(replace(pod, inside=None))
            assert await node.assigned() == {}


async def test_an_address_that_ec2_took_back_is_not_handed_out_while_metadata_lag() -> None:
    async with cni_world() as world:
        node = await world.add_node("t3.small")
        async with node.ready():
            await until(lambda: len(held(node)) == 3)
        (eni,) = world.vpc.ec2.account.interfaces_of(node.at.instance.id)
        agenda, node.at.network.lag_seconds = world.vpc.ec2.agenda, 60
        now, later = agenda.now, timedelta(seconds=70)
        agenda.now = lambda: now() + later
        taken = eni.addresses[1:3]
        world.vpc.ec2.interfaces.unassign(eni.id, taken)
        other = world.vpc.ec2.interfaces.create(world.vpc.subnet.id, primary=taken[0])
        async with node.ready():
            with crowd(world, node, 3) as pods:
                outcomes = await add_all(node, pods)
                assert not refusals(outcomes)
                assert str(other.addresses[0]) not in addresses(outcomes)
                for pod, address in zip(pods, addresses(outcomes), strict=True):
                    assert await seen_by(inside(pod), PEER) == address


async def test_a_lost_journal_is_recovered_from_the_links_of_living_pods() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        with crowd(world, node, 3) as pods, crowd(world, node, 3, "more") as more:
            async with node.ready():
                results = await add_all(node, pods)
                before = await node.assigned()
            shutil.rmtree(node.folder / "state")
            async with node.ready():
                assert await node.assigned() == before
                given = addresses(await add_all(node, more))
                assert len({*given, *addresses(results)}) == 6
                await node.network.check(pods[0])
                assert await seen_by(inside(pods[0]), PEER) == address_of(results[0])
                await delete_all(node, pods)
                assert set((await node.assigned()).values()) == set(given)


async def test_pods_recovered_while_the_api_server_is_away_get_their_names_when_it_is_back() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        with world.pod(node) as pod:
            async with node.ready():
                address = address_of(await node.network.add(pod))
            shutil.rmtree(node.folder / "state")
            found = world.kube.store.get("v1", "pods", "default", "web")
            found["status"] = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
            world.kube.store.update("v1", "pods", found)
            world.kube.faults.add(Fault(status=503))
            async with node.daemon("--audit-interval=1s"):

                async def names() -> list[str]:
                    try:
                        return [row["podName"] for row in await node.ask("/v1/assignments")]
                    except (OSError, ValueError):
                        return []

                assert await until(names, "the pod is recovered") == [""]
                world.kube.faults.clear()

                async def is_named() -> bool:
                    return await names() == ["web"]

                await until(is_named, "it has its name")


async def test_addresses_of_pods_of_the_original_that_nobody_knows_are_kept_back_until_they_are_gone() -> (
    None
):
    async with cni_world() as world:
        node = await world.add_node("t3.nano")
        with world.pod(node, "old") as old, crowd(world, node, 2) as pods:
            async with node.ready("--headroom=0"):
                address = address_of(await node.network.add(old))
            shutil.rmtree(node.folder / "state")
            (link,) = links(node)
            shown(node, "link", "set", link, "alias", "")
            node.inside.ip(f"route add {address}/32 dev {link} scope link")
            async with node.ready("--audit-interval=1s", "--add-timeout=4s"):
                outcomes = await add_all(node, pods)
                assert len(addresses(outcomes)) == len(refusals(outcomes)) == 1
                assert await seen_by(inside(old), PEER) == address
                inside(old).remove()
                (waiting,) = [pod for pod, given in zip(pods, outcomes, strict=True) if refusals([given])]

                async def is_served() -> bool:
                    again = replace(waiting, container=uuid4().hex * 2)
                    return addresses([await add_or_error(node.network.add(again))]) == [address]

                await until(is_served, "the address is given again")


async def test_pods_start_while_the_api_server_is_away_from_the_beginning() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        with world.pod(node) as pod:
            world.kube.faults.add(Fault(status=503))
            async with node.daemon():
                await until(node.conflist.exists, "pods can start")
                address = address_of(await node.network.add(pod))
                assert await seen_by(inside(pod), PEER) == address
                world.kube.faults.clear()
                await until(lambda: capacity(world, node), "the scheduler is told")


async def test_pods_come_and_go_while_the_api_server_is_away() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready():
            with crowd(world, node, 12) as pods:
                world.kube.faults.add(Fault(status=503))
                outcomes = await add_all(node, pods)
                assert not refusals(outcomes)
                await delete_all(node, pods[:6])
                assert len(await node.assigned()) == 6
                world.kube.faults.clear()


async def test_a_full_disk_refuses_new_pods_and_lets_old_ones_go() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        state = node.folder / "state"
        state.mkdir()
        output_of("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(state))
        try:
            with world.pod(node, "old") as old, crowd(world, node, 20, "new") as pods:
                async with node.ready():
                    await node.network.add(old)
                    filler = state / "filler"
                    with pytest.raises(OSError, match="No space left"):
                        filler.write_bytes(bytes(1024 * 1024))
                    refused = refusals(await add_all(node, pods))  # the last page had some room
                    assert refused
                    assert all("No space left" in str(error) for error in refused), refused[0]
                    await delete_all(node, [old, *pods])
                    assert (await node.assigned(), links(node)) == ({}, [])
                    filler.unlink()

                    async def is_well() -> bool:
                        again = [await add_or_error(node.network.add(replace(old, container="f" * 64)))]
                        return not refusals(again)

                    await until(is_well, "pods start again")
                    assert len(await node.assigned()) == 1
        finally:
            output_of("umount", "-l", str(state))

"""What the daemon tells: who has which address, why a pod has none, what the page shows, and to iamproxy."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from addons.iamproxy.kube.assignments import Assignments
from tests.support.cni_crowd import add_all, add_or_error, address_of, addresses, crowd, refusals
from tests.support.cni_world import PORT, CniNode, CniWorld, cni_world
from tests.support.processes import run
from tests.support.until import until

pytestmark = pytest.mark.netns


@asynccontextmanager
async def node_of(type_: str, *flags: str) -> AsyncIterator[tuple[CniWorld, CniNode]]:
    async with cni_world() as world:
        node = await world.add_node(type_)
        async with node.ready(*flags):
            yield world, node


async def why(node: CniNode, pod: str) -> str:
    """What the socket says of a pod, in one line."""
    found = await node.ask(f"/v1/why?pod=default/{pod}")
    return "; ".join(f"{each['reason']}: {each['message']}" for each in found)


async def test_why_tells_of_pods_that_have_an_address_wait_were_refused_or_need_none() -> None:
    async with node_of("t3.nano", "--add-timeout=5s") as (world, node):
        with crowd(world, node, 3) as pods:
            results = await asyncio.gather(*(node.network.add(pod) for pod in pods[:2]))
            waiting = asyncio.create_task(add_or_error(node.network.add(pods[2])))

            async def waits() -> bool:
                return "has waited" in await why(node, "pod-2")

            await until(waits)
            assert "node at 2/2" in await why(node, "pod-2")
            assert refusals([await waiting])
            assert "no address for pod default/pod-2: node at 2/2" in await why(node, "pod-2")
            assert f"has {address_of(results[0])} of eni-" in await why(node, "pod-0")
            world.put_pod(node, "proxy", hostNetwork=True)

            async def is_known() -> bool:
                return "in the network of the node" in await why(node, "proxy")

            await until(is_known)
            assert await why(node, "nobody") == "PodUnknown: no pod of this name is bound to this node"


async def test_explain_asks_the_daemon_itself() -> None:
    async with node_of("m5.large") as (world, node):
        with world.pod(node) as pod:
            address = address_of(await node.network.add(pod))
            url = f"--url=http://127.0.0.1:{PORT}"
            command = node.inside.command(sys.executable, "-m", "addons", "explain", url, "pod/default/web")
            done = await run(*command)
            assert f"has {address} of eni-" in done.out, done


async def test_the_page_has_a_bar_for_each_interface_and_each_pod() -> None:
    async with node_of("t3.small", "--headroom=1") as (world, node):
        with crowd(world, node, 4) as pods:
            given = addresses(await add_all(node, pods))
            await node.network.delete(pods[0])

            async def is_shown() -> Any:
                state = await node.get("/api/state")
                is_told = state["toldToTheScheduler"].endswith("left")
                return state if is_told and "3 assigned" in state["addresses"] else None

            state = await until(is_shown)
            rows = state["interfaces"]
            for row in rows:
                drawn = "#" * row["assigned"] + "+" * row["free"] + "~" * row["cooling"]
                assert (row["use"], row["of"]) == (drawn.ljust(3, "."), 3)
            assert [sum(row[what] for row in rows) for what in ("assigned", "cooling")] == [3, 1]
            assert sorted(row["address"] for row in state["pods"]) == sorted(given[1:])
            assert state["sourceTranslation"] == "only what leaves by an internet gateway"


async def test_iamproxy_reads_who_has_which_address() -> None:
    async with node_of("m5.large") as (world, node):
        changes: list[bool] = []
        reading, stopping = Assignments(str(node.socket), on_read=changes.append), asyncio.Event()
        task = asyncio.create_task(reading.run(stopping))
        with world.pod(node) as pod:
            address = address_of(await node.network.add(pod))
            reading.hurry()
            (found,) = await until(lambda: reading.found, "iamproxy has read it")
            assert (found.ip, found.pod_namespace, found.pod_name, found.pod_uid) == (
                address,
                "default",
                "web",
                pod.uid,
            )
            assert await node.ask(f"/v1/assignments?ip={address}") == await node.ask("/v1/assignments")
            await node.network.delete(pod)
            reading.hurry()
            await until(lambda: reading.found == (), "iamproxy has read that it is gone")
        stopping.set()
        await task


async def test_metrics_of_the_original_count_what_is_there() -> None:
    async with node_of("t3.small", "--headroom=0") as (world, node):
        with crowd(world, node, 4) as pods:
            assert not refusals(await add_all(node, pods))

            async def all_are_counted() -> bool:
                return (await metrics(node))["awscni_assigned_ip_addresses"] == 4

            await until(all_are_counted)
            text = await metrics(node)
            assert text["awscni_eni_allocated"] == 2
            assert text["awscni_eni_max"] == 3
            assert text["awscni_ip_max"] == 9
            assert text["awscni_add_ip_req_count"] == 4


async def metrics(node: CniNode) -> dict[str, float]:
    """Every number without labels."""
    done = await run(*node.inside.command("curl", "-s", f"http://127.0.0.1:{PORT}/metrics"))
    pairs = (line.rpartition(" ") for line in done.out.splitlines() if line and not line.startswith("#"))
    return {name.removesuffix("_total"): float(value) for name, _, value in pairs if "{" not in name}


async def test_a_node_that_kubernetes_does_not_have_is_told_as_what_is_wrong() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready("--node=nope"):

            async def told() -> list[str]:
                return [each["reason"] for each in (await node.get("/api/state"))["degraded"]]

            await until(lambda: told(), "what is wrong")
            assert await told() == ["NodeUnknown"]

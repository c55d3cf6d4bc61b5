"""The daemon is killed at random moments while pods come and go: nothing leaks, and who lives is reached."""

import asyncio
from contextlib import ExitStack
from dataclasses import replace

import pytest

from tests.support.cni_crowd import add_or_error, address_of, inside, links, pod_routes, rules
from tests.support.cni_sandbox import Sandbox
from tests.support.cni_world import CniNode, CniWorld, cni_world
from tests.support.drawn import Draw
from tests.support.fabric import seen_by
from tests.support.until import until

pytestmark = [pytest.mark.netns, pytest.mark.timeout(1200)]

WORKERS = 6
PEER = "172.31.0.10"


class Churn:
    """Pods that come and go by several workers, as runtimes do it, until `enough`; the last ones stay."""

    def __init__(self, world: CniWorld, node: CniNode, draw: Draw, stack: ExitStack) -> None:
        self._world, self._node, self._stack = world, node, stack
        self._random = draw.random()
        self.enough = asyncio.Event()
        self.living: dict[str, tuple[Sandbox, str]] = {}
        self.settled: set[int] = set()
        """Workers whose last pod stays."""

    def is_over(self) -> bool:
        """Whether the pods that are there stay."""
        return self.enough.is_set()

    async def work(self, worker: int) -> None:
        """Make one pod after the other, and take it away again; in the end one stays."""
        number = 0
        while worker not in self.settled:
            number += 1
            name = f"pod-{worker}-{number % 3}"
            pod = self._stack.enter_context(self._world.pod(self._node, name))
            result = await add_or_error(self._node.network.add(pod))
            await asyncio.sleep(self._random.uniform(0, 0.1))
            if self.is_over() and isinstance(result, dict):
                self.living[name] = pod, address_of(result)
                self.settled.add(worker)
            else:
                await self._remove(pod)

    async def _remove(self, pod: Sandbox) -> None:
        network = self._node.network
        await network.delete(pod)
        inside(pod).remove()
        await network.delete(replace(pod, inside=None))
        self._world.delete_pod(pod.name)

    async def kill(self, times: int, *flags: str) -> None:
        """Start the daemon and kill it, again and again."""
        for _ in range(times):
            async with self._node.daemon(*flags):
                await asyncio.sleep(self._random.uniform(0.1, 2.0))


@pytest.mark.parametrize("layout", ["table", "compat"])
async def test_kills_at_random_moments_leak_nothing(draw: Draw, layout: str) -> None:
    async with cni_world() as world:
        node = await world.add_node("m5.xlarge")
        flags = (f"--rule-layout={layout}", "--ip-cooldown-period=1", "--audit-interval=1s")
        async with node.ready(*flags):
            fresh = rules(node)
        with ExitStack() as stack:
            churn = Churn(world, node, draw, stack)
            workers = [asyncio.create_task(churn.work(number)) for number in range(WORKERS)]
            await churn.kill(draw.rounds(4, of=100), *flags)
            async with node.ready(*flags):
                churn.enough.set()
                await asyncio.gather(*workers)
                await is_exact(node, churn)
                for pod, _ in churn.living.values():
                    await node.network.delete(pod)
                assert (await node.assigned(), links(node), pod_routes(node)) == ({}, [], [])
                if layout == "compat":
                    await until(lambda: rules_of_pods(node) == rules_of_pods_in(fresh), "no rule is left")


async def is_exact(node: CniNode, churn: Churn) -> None:
    """Fail unless exactly the living pods have addresses, links and routes, and reach others."""
    there = {pod.container: address for pod, address in churn.living.values()}
    assert len(there) == WORKERS

    async def is_settled() -> bool:
        return await node.assigned() == there

    await until(is_settled, f"exactly the living pods have addresses: {there}")
    assert len(links(node)) == len(there)
    assert sorted(pod_routes(node)) == sorted(there.values())
    for pod, address in churn.living.values():
        assert await seen_by(inside(pod), PEER) == address
        await node.network.check(pod)


def rules_of_pods(node: CniNode) -> list[str]:
    """The rules for single pods."""
    return rules_of_pods_in(rules(node))


def rules_of_pods_in(shown: str) -> list[str]:
    return [line for line in shown.splitlines() if line.startswith(("512:", "1536:"))]

"""Pods that ask before all is known about them, with boto3 as it comes: nobody is to notice."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from itertools import product

import pytest

from tests.support.iamproxy_cluster import Cluster
from tests.support.iamproxy_world import BASE, FakeCni, addresses, pod
from tests.support.programs import programs
from tests.support.until import until

STS_SECONDS = (0.0, 0.5, 1.0)


async def first_fetch(cluster: Cluster, cni: FakeCni | None) -> None:
    """The daemon has fetched credentials before, so that its client of STS is made."""
    made = cluster.network.fabric.add_pod("prod/first")
    obj = cluster.world.create(pod("first", made.address, role="reader"))
    if cni:
        cni.give(made.address, obj)
    path = "/latest/meta-data/iam/security-credentials/reader"

    async def is_served() -> bool:
        return " 200 " in await cluster.network.ask(made.inside, path=path)

    await until(is_served)


async def roles_found(
    cluster: Cluster, cni: FakeCni | None, delays: Sequence[float], *flags: str
) -> dict[tuple[float, float], str]:
    """What boto3 finds where an address is told so late and STS is so slow about its role; "" for nothing."""
    grid = list(product(delays, STS_SECONDS))
    sts, loop = cluster.world.aws.sts, asyncio.get_running_loop()
    places = [cluster.network.fabric.add_pod(f"prod/{delay}-{seconds}") for delay, seconds in grid]
    for number, (_, seconds) in enumerate(grid):
        sts.create_role(f"role-{number}")
        sts.knobs.latency_by_role[f"{BASE}role-{number}"] = seconds
    async with AsyncExitStack() as stack:
        if cni:
            await stack.enter_async_context(cni.running())
        await stack.enter_async_context(cluster.daemon.running(*flags))
        await first_fetch(cluster, cni)
        running = await stack.enter_async_context(programs([place.inside for place in places]))
        for number, (place, (delay, _)) in enumerate(zip(places, grid, strict=True)):
            obj = cluster.world.create(pod(f"app-{number}", role=f"role-{number}"))
            if cni:
                cni.give(place.address, obj)
            told = partial(cluster.world.update, obj, phase="Running", **addresses(place.address))
            loop.call_later(delay, told)
        running.go()
        keys = await running.keys()
    sessions = [sts.sessions.get(keys[place.inside.name]) for place in places]
    return {
        case: session.role.arn.rpartition("/")[2] if session else ""
        for case, session in zip(grid, sessions, strict=True)
    }


def expected(delays: Sequence[float]) -> dict[tuple[float, float], str]:
    return {case: f"role-{number}" for number, case in enumerate(product(delays, STS_SECONDS))}


class TestBoto3:
    @pytest.mark.parametrize("flag", ["--prefetch", "--no-prefetch"])
    async def test_with_a_cni_however_late_the_api_server_tells(self, cluster: Cluster, flag: str) -> None:
        delays = (0.0, 0.3, 0.6, 0.9, 2.0)
        cni = FakeCni(cluster.world.folder / "cni.sock")
        assert await roles_found(cluster, cni, delays, flag) == expected(delays)

    async def test_without_one_if_it_tells_within_the_wait(self, cluster: Cluster) -> None:
        delays = (0.0, 0.3, 0.6, 0.9)
        assert await roles_found(cluster, None, delays) == expected(delays)

    async def test_without_prefetch_the_two_delays_add_up(self, cluster: Cluster) -> None:
        delays = (0.0, 0.3, 0.6)
        assert await roles_found(cluster, None, delays, "--no-prefetch") == expected(delays)

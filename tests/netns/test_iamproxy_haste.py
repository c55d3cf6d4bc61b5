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

Case = tuple[float, float]
"""After how many seconds the API server tells the address, and how many STS takes."""


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
) -> dict[Case, str]:
    """What boto3 finds where an address is told so late and STS is so slow about its role; "" for nothing.

    Where it finds nothing, another pod with another role asks once more: boto3 gives up after a second, and a
    machine with many other tests may stand still for so long.
    """
    async with AsyncExitStack() as stack:
        if cni:
            await stack.enter_async_context(cni.running())
        await stack.enter_async_context(cluster.daemon.running(*flags))
        await first_fetch(cluster, cni)
        found = await ask(cluster, cni, expected(delays))
        if lacking := {case: f"{role}-again" for case, role in expected(delays).items() if not found[case]}:
            asked_again = await ask(cluster, cni, lacking)
            found |= {case: role.removesuffix("-again") for case, role in asked_again.items()}
    return found


async def ask(cluster: Cluster, cni: FakeCni | None, roles: dict[Case, str]) -> dict[Case, str]:
    """Have a new pod ask for each role, all at once; the role of the credentials that each got."""
    sts, loop = cluster.world.aws.sts, asyncio.get_running_loop()
    places = {case: cluster.network.fabric.add_pod(f"prod/{role}") for case, role in roles.items()}
    for (_, seconds), role in roles.items():
        sts.create_role(role)
        sts.knobs.latency_by_role[f"{BASE}{role}"] = seconds
    async with programs([place.inside for place in places.values()]) as running:
        for (delay, seconds), role in roles.items():
            address = places[delay, seconds].address
            obj = cluster.world.create(pod(f"app-{role}", role=role))
            if cni:
                cni.give(address, obj)
            told = partial(cluster.world.update, obj, phase="Running", **addresses(address))
            loop.call_later(delay, told)
        running.go()
        keys = await running.keys()
    sessions = {case: sts.sessions.get(keys[place.inside.name]) for case, place in places.items()}
    return {
        case: session.role.arn.rpartition("/")[2] if session else "" for case, session in sessions.items()
    }


def expected(delays: Sequence[float]) -> dict[Case, str]:
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

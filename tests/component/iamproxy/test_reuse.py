"""Addresses that go from pod to pod within 50 ms, and both ask the real server: B never gets what is A's."""

import asyncio
from functools import partial

import pytest

from tests.support.drawn import Draw
from tests.support.iamproxy_reuse import Lane, Tenant, hand_on_given, hand_on_told_late
from tests.support.iamproxy_world import FakeCni, World
from tests.support.metadata import Client

ROUNDS, ALL_ROUNDS = 200, 1000
LANES = 20

pytestmark = pytest.mark.timeout(180)


def lanes(world: World, port: int, draw: Draw) -> list[Lane]:
    sources = [f"127.0.1.{number}" for number in range(1, LANES + 1)]
    return [
        Lane(world, source, partial(Client, port, source=source), rng=draw.random(source))
        for source in sources
    ]


def give_by(cni: FakeCni, address: str, tenant: Tenant) -> None:
    cni.give(address, tenant.obj)


async def test_with_a_cni(world: World, draw: Draw) -> None:
    """A's end is told late, B's address never, when B has A's address and asks."""
    cni, count = FakeCni(world.folder / "cni"), draw.rounds(ROUNDS, of=ALL_ROUNDS)
    async with cni.running(), world.running() as controller, world.serving(controller) as port:
        made = lanes(world, port, draw)
        rounds = (
            hand_on_given(
                lane,
                count // LANES,
                give=partial(give_by, cni, lane.address),
                take=partial(cni.take, lane.address),
            )
            for lane in made
        )
        await asyncio.gather(*rounds)
        assert sum(lane.answers for lane in made) >= 3 * count


async def test_without_one(world: World, draw: Draw) -> None:
    """A is going, gone or done, B is seen, has A's address and asks, and only then its status tells so."""
    count = draw.rounds(ROUNDS, of=ALL_ROUNDS)
    async with world.running() as controller, world.serving(controller) as port:
        made = lanes(world, port, draw)
        rounds = (
            hand_on_told_late(
                lane,
                count // LANES,
                is_seen=lambda obj: controller.pods.get("prod", obj["metadata"]["name"]) is not None,
            )
            for lane in made
        )
        await asyncio.gather(*rounds)
        assert sum(lane.answers for lane in made) >= 3 * count

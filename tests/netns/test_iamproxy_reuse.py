"""An address that goes from pod to pod within 50 ms, each in its own network, through the real redirect."""

import asyncio
from functools import partial

import pytest

from addons.sim.net import METADATA
from tests.support.drawn import Draw
from tests.support.iamproxy_cluster import Cluster
from tests.support.iamproxy_reuse import Lane, Tenant, hand_on_given
from tests.support.iamproxy_world import FakeCni
from tests.support.metadata import Client

ROUNDS, ALL_ROUNDS = 200, 1000
LANES = 20


def wire(cluster: Cluster, lane: int, draw: Draw) -> tuple[Lane, list[str]]:
    """An address that two networks have, and the links by which the node leads it to the one or the other."""
    fabric, address = cluster.network.fabric, f"10.77.1.{200 + lane}"
    places = [fabric.add_pod(f"prod/place-{lane}-{side}") for side in "ab"]
    for place in places:
        place.inside.ip(f"addr add {address}/32 dev eth0")
    dials = [partial(Client, 80, address=METADATA, source=address, inside=place.inside) for place in places]
    rng = draw.random(address)
    return Lane(cluster.world, address, *dials, rng=rng), [place.link for place in places]


async def hand_on(cluster: Cluster, cni: FakeCni, rounds: int, lane: Lane, links: list[str]) -> None:
    def give(tenant: Tenant) -> None:
        cluster.network.fabric.node.ip(f"route replace {lane.address}/32 dev {links[tenant.place]}")
        cni.give(lane.address, tenant.obj)

    await hand_on_given(lane, rounds, give=give, take=partial(cni.take, lane.address))


@pytest.mark.timeout(180)
async def test_the_next_pod_never_gets_what_was_the_last_one_s(cluster: Cluster, draw: Draw) -> None:
    rounds = draw.rounds(ROUNDS, of=ALL_ROUNDS)
    cni = FakeCni(cluster.world.folder / "cni.sock")
    lanes = [wire(cluster, lane, draw) for lane in range(LANES)]
    async with cni.running(), cluster.daemon.running():
        await asyncio.gather(*(hand_on(cluster, cni, rounds // LANES, lane, links) for lane, links in lanes))
    assert sum(lane.answers for lane, _ in lanes) >= 3 * rounds
    assert not [each for each in cluster.network.imds.requests if each.peer.startswith("10.77.1.")]

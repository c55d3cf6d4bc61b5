"""The daemon on nodes of a VPC: pods come and go, by the real plugin."""

import asyncio

import pytest

from tests.support.cni_crowd import inside
from tests.support.cni_world import cni_world
from tests.support.fabric import seen_by

pytestmark = pytest.mark.netns


async def test_a_pod_gets_an_address_of_the_vpc_and_reaches_it() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready():
            with world.pod(node) as pod:
                result = await node.network.add(pod)
                address = result["ips"][0]["address"].partition("/")[0]
                assert await node.assigned() == {pod.container: address}
                assert await seen_by(inside(pod), "172.31.0.10") == address
                await node.network.delete(pod)
                assert await node.assigned() == {}
    await asyncio.sleep(0)

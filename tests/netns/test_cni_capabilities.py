"""The capabilities that the chart gives are enough for all that the daemon does, and are needed.

NET_RAW reads the old flavour of iptables: tests/netns/test_cni_take_over.py.
"""

from dataclasses import replace

import pytest

from tests.support.charts import CHARTS, container_of, render, values
from tests.support.cni_world import CniNode, cni_world
from tests.support.fabric import seen_by
from tests.support.until import until

pytestmark = pytest.mark.netns


def given() -> list[str]:
    """What the container of the chart gets, as setpriv writes it."""
    security = container_of(render(values(chart="cni"), CHARTS / "cni"))["securityContext"]
    assert security["capabilities"]["drop"] == ["ALL"]
    return [name.lower() for name in security["capabilities"]["add"]]


def limited(node: CniNode, *capabilities: str) -> CniNode:
    """The node, with a daemon that is root with these capabilities alone."""
    wanted = ",".join(("-all", *(f"+{name}" for name in capabilities)))
    return replace(node, below=("setpriv", f"--bounding-set={wanted}", "--no-new-privs"))


async def test_with_those_of_the_chart_pods_come_are_reached_and_go() -> None:
    async with cni_world() as world:
        node = limited(await world.add_node(), *given())
        async with node.ready():
            with world.pod(node) as pod:
                result = await node.network.add(pod)
                address = result["ips"][0]["address"].partition("/")[0]
                inside = pod.inside
                assert inside
                seen = await until(lambda: seen_by(inside, "172.31.0.10"), "the peered network is reached")
                assert seen == address
                await node.network.check(pod)
                await node.network.delete(pod)
                assert await node.assigned() == {}
            state = await node.get("/api/state")
        assert state["degraded"] == []


@pytest.mark.parametrize("missing", ["net_admin", "sys_admin"])
async def test_without_one_of_them_it_is_never_ready(missing: str) -> None:
    async with cni_world() as world:
        left = [name for name in given() if name != missing]
        node = limited(await world.add_node(), *left)
        async with node.daemon():
            await until(lambda: "operation not permitted" in node.log(), "it says so")
            assert not node.conflist.exists()

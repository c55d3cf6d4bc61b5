"""`addons cni check`, by which `helm test` and people ask the daemon of a node which address a pod has."""

import sys

import pytest

from tests.support.cni_world import PORT, CniNode, cni_world
from tests.support.processes import Ended, run

pytestmark = pytest.mark.netns


async def check(node: CniNode, pod: str, url: str = f"http://127.0.0.1:{PORT}") -> Ended:
    """Run the command on the node."""
    command = (sys.executable, "-m", "addons", "cni", "check", f"--pod={pod}", f"--url={url}")
    return await run(*node.inside.command(*command))


async def test_it_tells_the_address_of_a_pod_and_the_reason_why_another_has_none() -> None:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready():
            with world.pod(node) as pod:
                result = await node.network.add(pod)
                address = result["ips"][0]["address"].partition("/")[0]
                world.put_pod(node, "slow")
                told, slow, stranger = [
                    await check(node, f"default/{name}") for name in ("web", "slow", "gone")
                ]
                page = await node.get("/api/state")
                away = await check(node, "default/web", "http://127.0.0.1:1")
                await node.network.delete(pod)
    assert told.code == 0, told
    assert f"has {address} of eni-" in told.out
    assert (slow.code, stranger.code) == (3, 3)
    assert "its runtime has not asked for an address yet" in slow.out
    assert "PodUnknown" in stranger.out
    assert [each["pod"] for each in page["waitingPods"]] == ["default/slow"]
    assert page["waiting"] == "1 pods have no address, and their runtime asks for none at the moment"
    assert (away.code, away.out) == (3, "")
    assert away.err.startswith("cannot tell: http://127.0.0.1:1: ")


async def test_a_pod_is_named_with_its_namespace() -> None:
    command = (sys.executable, "-m", "addons", "cni", "check", "--pod=web")
    assert await run(*command) == (2, "", "addons cni: --pod 'web': not NAMESPACE/NAME\n")

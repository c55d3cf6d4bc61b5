"""Coming from kube2iam, and going back, without a gap: by the guide both are there for a while."""

import re
from pathlib import Path

import pytest

from addons.iamproxy.net.redirect import Redirect
from addons.iamproxy.net.table import RedirectSettings
from addons.sim.net import METADATA, NODE
from tests.support.processes import output_of
from tests.support.vpc import PEER_FIRST, REFUSED, Vpc, stand_in, vpc

pytestmark = pytest.mark.netns

GUIDE = (Path(__file__).parents[2] / "docs" / "migrating-from-kube2iam.md").read_text()
LISTENER = str(RedirectSettings().listener[0])
ITS_PORT = 8181
OUR_PORT = 8183
RULE = (
    f"-t nat -A PREROUTING -d {METADATA}/32 -i eni+ -p tcp -m tcp --dport 80 -j DNAT --to {NODE}:{ITS_PORT}"
)
"""As kube2iam writes it, to its port of the node, on which nobody listens once its pod is gone."""


def in_node(world: Vpc, command: str) -> str:
    return output_of(*world.fabric.node.command("sh", "-c", command))


def removal() -> str:
    """The command of the guide that takes kube2iam's rule away."""
    (found,) = re.findall(r"^(iptables -t nat -S PREROUTING .*)$", GUIDE, re.MULTILINE)
    return str(found)


async def test_pods_are_served_all_the_time_and_never_see_the_node() -> None:
    """By the guide ours comes first, at a port of its own; its rule goes with the original, or later."""
    async with vpc() as world:
        pod = world.fabric.add_pod("prod/app")
        served = f"{PEER_FIRST} {pod.address}"
        settings = RedirectSettings(port=OUR_PORT)
        redirect = world.fabric.node.call(lambda: Redirect(settings))
        try:
            async with stand_in(world.fabric.node.listener("0.0.0.0", ITS_PORT)):
                in_node(world, f"iptables {RULE}")
                assert await world.ask(pod.inside, METADATA) == served, "by the original"
                await redirect.ensure()
                assert await world.ask(pod.inside, METADATA) == REFUSED, "ours precedes its rule"
                async with stand_in(world.fabric.node.listener(LISTENER, OUR_PORT)):
                    assert await world.ask(pod.inside, METADATA) == served
                    in_node(world, removal())
                    assert "DNAT" not in in_node(world, "iptables -t nat -S")
                    assert await world.ask(pod.inside, METADATA) == served
                assert await world.ask(pod.inside, METADATA) == REFUSED, "not by the original"
        finally:
            redirect.close()


async def test_on_the_way_back_the_rule_of_the_original_takes_over_when_ours_goes() -> None:
    async with vpc() as world:
        pod = world.fabric.add_pod("prod/app")
        redirect = world.fabric.node.call(lambda: Redirect(RedirectSettings(port=OUR_PORT)))
        try:
            await redirect.ensure()
            async with stand_in(world.fabric.node.listener("0.0.0.0", ITS_PORT)):
                in_node(world, f"iptables {RULE}")
                assert await world.ask(pod.inside, METADATA) == REFUSED, "ours precedes its rule"
                await redirect.remove()
                assert await world.ask(pod.inside, METADATA) == f"{PEER_FIRST} {pod.address}"
        finally:
            redirect.close()


async def test_without_another_redirect_pods_see_the_node_once_the_rule_is_gone() -> None:
    """Why the original must not go first: kiam, and a kube2iam with a `preStop`, take their rule along."""
    async with vpc() as world:
        pod = world.fabric.add_pod("prod/app")
        in_node(world, f"iptables {RULE}")
        assert not world.sees_the_node(await world.ask(pod.inside, METADATA)), "its rule leads to nobody"
        in_node(world, removal())
        assert world.sees_the_node(await world.ask(pod.inside, METADATA))


def test_the_guide_has_the_port_that_is_free_beside_the_original() -> None:
    assert f"config.appPort={OUR_PORT}" in GUIDE

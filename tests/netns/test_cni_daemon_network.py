"""The daemon's data path as users have it: a small instance, a pod on each of its two interfaces."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from addons.sim.fabric.echo import Echo
from addons.sim.fabric.router import INTERNET, PEERED
from addons.sim.net import Namespace
from tests.support.cni_sandbox import Sandbox
from tests.support.cni_world import CniNode, CniWorld, cni_world
from tests.support.fabric import pings, seen_by
from tests.support.flow import flow
from tests.support.node_port import open_node_port
from tests.support.processes import output_of
from tests.support.until import until

pytestmark = pytest.mark.netns

TWO_INTERFACES = "t3.micro"
"""Two interfaces with one address for pods each."""


@dataclass(frozen=True)
class Pods:
    """A pod on each interface, with their addresses."""

    world: CniWorld
    node: CniNode
    first: Sandbox
    second: Sandbox
    addresses: tuple[str, str]

    @property
    def inside(self) -> Namespace:
        """The namespace of the pod on the second interface."""
        assert self.second.inside
        return self.second.inside

    def rules(self) -> str:
        return output_of(*self.node.inside.command("ip", "rule"))


@pytest.fixture
async def pods() -> AsyncIterator[Pods]:
    async with cni_world() as world, AsyncExitStack() as stack:
        node = await world.add_node(TWO_INTERFACES)
        async with node.ready("--audit-interval=2s"):
            first, second = (stack.enter_context(world.pod(node, name)) for name in ("first", "second"))
            results = [await node.network.add(each) for each in (first, second)]
            one, two = (result["ips"][0]["address"].partition("/")[0] for result in results)
            yield Pods(world, node, first, second, (one, two))


async def test_pods_of_both_interfaces_are_seen_as_what_they_are(pods: Pods) -> None:
    public = str(pods.node.at.node.public)
    assert f"from {pods.addresses[1]} lookup 2" in pods.rules()
    for sandbox, address in zip((pods.first, pods.second), pods.addresses, strict=True):
        assert sandbox.inside
        assert await seen_by(sandbox.inside, str(PEERED)) == address
        assert await seen_by(sandbox.inside, str(INTERNET)) == public
    assert pods.first.inside
    assert pings(pods.first.inside, pods.addresses[1], size=9001 - 20 - 1)


async def test_a_node_port_leads_to_the_pod_of_the_second_interface_with_a_strict_filter(pods: Pods) -> None:
    for link in ("eth0", "eth1"):
        pods.node.inside.set_kernel(f"ipv4/conf/{link}/rp_filter", "1")
    open_node_port(pods.node.inside, pods.addresses[1], 30080)
    with Echo(pods.inside):
        outside = pods.world.vpc.fabric.router.outside
        assert await seen_by(outside, str(pods.node.at.node.public), port=30080) != ""


async def test_a_pod_that_takes_its_link_down_and_up_is_put_right(pods: Pods) -> None:
    pods.inside.ip("link set eth0 down", "link set eth0 up")
    await until(lambda: pings(pods.inside, str(PEERED)))


async def test_a_pod_that_changes_its_hardware_address_is_not_mute(pods: Pods) -> None:
    pods.inside.ip("link set eth0 address 02:11:22:33:44:55")
    assert pings(pods.inside, str(PEERED))


async def test_rules_that_somebody_flushes_come_back(pods: Pods) -> None:
    before = pods.rules()
    pods.node.inside.ip("rule flush", "rule add lookup main pref 32766", "rule add lookup default pref 32767")
    await until(lambda: pods.rules() == before)
    assert pings(pods.inside, str(PEERED))


async def test_a_flow_goes_on_while_the_daemon_is_killed_and_comes_back(pods: Pods) -> None:
    async with flow(pods.inside, str(INTERNET)) as say:
        assert await say("before") == "before"
        assert pods.node.process
        pods.node.process.kill()
        await pods.node.process.wait()
        assert await say("meanwhile") == "meanwhile"
        async with pods.node.ready():
            await until(lambda: has_all(pods))
            assert await say("after") == "after"


async def test_a_node_is_taken_over_from_the_original_under_a_flow(pods: Pods) -> None:
    """Its pods keep their links, addresses and connections; its rules and chains go."""
    async with flow(pods.inside, str(INTERNET)) as say:
        assert await say("before") == "before"
        assert pods.node.process
        pods.node.process.kill()
        await pods.node.process.wait()
        as_the_original_left_it(pods)
        assert await say("meanwhile") == "meanwhile"
        async with pods.node.ready():
            await until(lambda: has_all(pods))
            assert await say("after") == "after"
            await until(lambda: f"to {pods.addresses[1]}" not in pods.rules())
            await until(lambda: "AWS-SNAT-CHAIN-0" not in filters(pods))
            assert await seen_by(pods.inside, str(PEERED)) == pods.addresses[1]
            pods.inside.ip("link set eth0 down", "link set eth0 up")
            await until(lambda: pings(pods.inside, str(PEERED)))
            await pods.node.network.delete(pods.second)
            assert pods.addresses[1] not in (await pods.node.assigned()).values()


def as_the_original_left_it(pods: Pods) -> None:
    """Have the kernel and the checkpoint as amazon-vpc-cni-k8s has them, with the same pods and links."""
    node = pods.node.inside
    rows = []
    for sandbox, address in zip((pods.first, pods.second), pods.addresses, strict=True):
        link = link_to(node, address)
        node.ip(
            f"route add {address}/32 dev {link} scope link",
            f"rule add to {address} lookup main pref 512",
        )
        output_of(*node.command("ip", "link", "set", link, "alias", ""))
        pod = {"k8sPodNamespace": sandbox.namespace, "k8sPodName": sandbox.name}
        rows.append(
            {
                "networkName": "aws-cni",
                "containerID": sandbox.container,
                "ifName": sandbox.ifname,
                "ipv4": address,
                "allocationTimestamp": 1_700_000_000_000_000_000,
                "metadata": pod,
            }
        )
    node.ip("rule del pref 512 lookup 200", "route flush table 200")
    output_of(*node.command("nft", "delete table inet aws-addons-cni"))
    chain, primary = "AWS-SNAT-CHAIN-0", "-m comment --comment 'AWS, primary ENI'"
    for line in (
        f"nat -N {chain}",
        f"nat -A POSTROUTING -m comment --comment 'AWS SNAT CHAIN' -j {chain}",
        f"nat -A {chain} -d 10.0.0.0/16 -m comment --comment 'AWS SNAT CHAIN' -j RETURN",
        f"nat -A {chain} -m comment --comment 'AWS, SNAT' -j SNAT --to-source {pods.node.at.address}",
        f"mangle -A PREROUTING -i eth0 {primary} -j CONNMARK --set-xmark 0x80/0x80",
        f"mangle -A PREROUTING -i eni+ {primary} -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80",
    ):
        output_of(*node.command("sh", "-c", f"iptables-nft -t {line}"))
    shutil.rmtree(pods.node.folder / "state")
    checkpoint = {"version": "vpc-cni-ipam/1", "allocations": rows}
    (pods.node.folder / "ipam.json").write_text(json.dumps(checkpoint))


async def has_all(pods: Pods) -> bool:
    return set((await pods.node.assigned()).values()) == set(pods.addresses)


def filters(pods: Pods) -> str:
    return output_of(*pods.node.inside.command("iptables-nft", "-t", "nat", "-S"))


def link_to(node: Namespace, address: str) -> str:
    return output_of(*node.command("ip", "route", "show", "table", "200", address)).split()[2]

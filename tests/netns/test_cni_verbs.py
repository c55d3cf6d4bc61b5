"""What a runtime may ask besides ADD and DEL, and what it hands on: CHECK, GC, STATUS, prevResult."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.cni_crowd import add_all, address_of, crowd, inside, links, refusals, secondary_of, shown
from tests.support.cni_runner import Network, PluginError
from tests.support.cni_sandbox import Sandbox
from tests.support.cni_world import CniNode, CniWorld, cni_world
from tests.support.fabric import seen_by
from tests.support.until import until

pytestmark = pytest.mark.netns

LAYOUTS = ["table", "compat"]
BEFORE = {
    "cniVersion": "1.0.0",
    "interfaces": [{"name": "dummy0", "mac": "02:00:00:00:00:09", "sandbox": "/run/netns/x"}],
    "ips": [{"address": "192.0.2.7/32", "interface": 0}],
    "routes": [{"dst": "192.0.2.0/24"}],
    "dns": {"nameservers": ["192.0.2.53"]},
}


class Wired(NamedTuple):
    """A pod on the second interface of a node."""

    world: CniWorld
    node: CniNode
    pod: Sandbox
    address: str
    link: str

    def on_node(self, *arguments: str) -> None:
        shown(self.node, *arguments)

    def in_pod(self, line: str) -> None:
        inside(self.pod).ip(line)


@asynccontextmanager
async def wired_pod(world: CniWorld, node: CniNode) -> AsyncIterator[Wired]:
    """A pod that is on the second interface, where the first one is full."""
    with world.pod(node) as pod:
        address = address_of(await node.network.add(pod))
        assert secondary_of(node, address)
        (link,) = (row["link"] for row in await node.ask("/v1/pods") if row["address"] == address)
        yield Wired(world, node, pod, address, link)
        await node.network.delete(pod)


@asynccontextmanager
async def ready_node(*flags: str) -> AsyncIterator[tuple[CniWorld, CniNode]]:
    async with cni_world() as world:
        node = await world.add_node()
        async with node.ready(*flags):
            yield world, node


def table_of(wired: Wired) -> str:
    """The number of the second interface's table."""
    found = json.loads(shown(wired.node, "-j", "route", "show", "table", "all"))
    (table,) = {str(route["table"]) for route in found if route["dst"] == "default" and "table" in route}
    return table


def remove_rules(wired: Wired, priority: int) -> None:
    found = json.loads(shown(wired.node, "-j", "rule"))
    for rule in found:
        if rule["priority"] == priority:
            wired.on_node("rule", "del", "priority", str(priority))


DAMAGES: dict[str, Callable[[Wired], None]] = {
    "link": lambda wired: wired.on_node("link", "del", wired.link),
    "address": lambda wired: wired.in_pod(f"addr del {wired.address}/32 dev eth0"),
    "default route": lambda wired: wired.in_pod("route del default"),
    "route to the gateway": lambda wired: wired.in_pod("route del 169.254.1.1"),
    "neighbour": lambda wired: wired.in_pod("neigh del 169.254.1.1 dev eth0"),
    "route to the pod": lambda wired: wired.on_node(
        "route", "del", f"{wired.address}/32", "dev", wired.link, *place_of(wired)
    ),
    "rule to the pod": lambda wired: remove_rules(wired, 512),
    "rule from the pod": lambda wired: remove_rules(wired, 1536),
    "host's end down": lambda wired: wired.on_node("link", "set", wired.link, "down"),
    "mtu": lambda wired: wired.in_pod("link set eth0 mtu 1400"),
    "table of the interface": lambda wired: wired.on_node("route", "flush", "table", table_of(wired)),
}


def place_of(wired: Wired) -> tuple[str, ...]:
    found = json.loads(shown(wired.node, "-j", "route", "show", "table", "all"))
    (route,) = (each for each in found if each["dst"] == wired.address and each.get("dev") == wired.link)
    return ("table", str(route.get("table", "main")))


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_check_finds_everything_that_can_be_missing(layout: str) -> None:
    missed = []
    async with cni_world() as world:
        node = await world.add_node("t3.small")
        flags = ("--headroom=0", "--ip-cooldown-period=0", "--audit-interval=1h")
        async with node.ready(f"--rule-layout={layout}", *flags):
            with crowd(world, node, 3, "first") as pods:  # all that the first interface takes
                await add_all(node, pods)
                for name, damage in DAMAGES.items():
                    async with wired_pod(world, node) as wired:
                        await until(partial(is_well, wired), f"all is well before: {name}")
                        if not await is_found(wired, damage):
                            missed.append(name)
                        node.inside.ip("rule del priority 1024")  # which has the daemon look at everything
    assert missed == []


async def is_found(wired: Wired, damage: Callable[[Wired], None]) -> bool:
    """Whether CHECK finds a damage, which a look that was under way from before may mend first."""
    for _ in range(3):
        damage(wired)
        if not await is_well(wired):
            return True
    return False


async def test_check_of_a_pod_minds_only_the_interfaces_on_its_way() -> None:
    async with cni_world() as world:
        node = await world.add_node("t3.small")
        async with node.ready("--headroom=0", "--ip-cooldown-period=0", "--audit-interval=1h"):
            with crowd(world, node, 3, "first") as pods:  # all that the first interface takes
                await add_all(node, pods)
                async with wired_pod(world, node) as wired:
                    await until(partial(is_well, wired), "the pod of the second interface is well")
                    wired.on_node("route", "flush", "table", table_of(wired))
                    assert not await is_well(wired)
                    await node.network.check(pods[0])


async def is_well(wired: Wired) -> bool:
    """Whether CHECK finds nothing."""
    try:
        await wired.node.network.check(wired.pod)
    except PluginError:
        return False
    return True


async def test_check_finds_an_address_that_the_interface_has_no_more() -> None:
    async with ready_node("--audit-interval=1s") as (world, node):
        with world.pod(node) as pod:
            address = address_of(await node.network.add(pod))
            (eni,) = world.vpc.ec2.account.interfaces_of(node.at.instance.id)
            lost = [each for each in eni.addresses if str(each) == address]
            world.vpc.ec2.interfaces.unassign(eni.id, lost)

            async def is_found() -> bool:
                try:
                    await node.network.check(pod)
                except PluginError as error:
                    return address in str(error)
                return False

            await until(is_found, "CHECK finds it")


async def test_gc_takes_back_what_the_runtime_does_not_know_any_more() -> None:
    async with ready_node() as (world, node):
        with (
            world.pod(node, "kept") as kept,
            world.pod(node, "lost") as lost,
            world.pod(node, "more") as more,
        ):
            network = network_of(node, "1.1.0")
            address = address_of(await network.add(kept))
            await network.add(more)
            foreign = network_of(node, "1.1.0", cache="elsewhere")
            await foreign.add(lost)
            await network.collect([kept])
            assert await node.assigned() == {kept.container: address}
            assert len(links(node)) == 1
            assert await seen_by(inside(kept), "172.31.0.10") == address


async def test_status_is_well_once_pods_can_start_and_while_the_subnet_is_full() -> None:
    async with cni_world("10.0.1.0/28") as world:
        node = await world.add_node("t3.nano")
        async with node.ready("--add-timeout=1s"):
            network = network_of(node, "1.1.0")
            await network.status()
            while world.vpc.ec2.account.spaces[world.vpc.subnet.id].free:
                world.vpc.ec2.interfaces.create(world.vpc.subnet.id)
            with crowd(world, node, 3) as pods:
                assert {refused.code for refused in refusals(await add_all(node, pods))} == {11}
                await network.status()
        with pytest.raises(PluginError) as away:
            await network.status()
        assert away.value.code == 50


@pytest.mark.parametrize("version", ["0.4.0", "1.0.0", "1.1.0"])
async def test_what_an_earlier_plugin_of_the_list_has_made_is_passed_on(version: str) -> None:
    async with ready_node() as (world, node):
        place_plugin(node.folder / "bin" / "before", {**BEFORE, "cniVersion": version})
        conflist = json.loads(node.conflist.read_text())
        conflist["plugins"].insert(0, {"type": "before"})
        network = network_of(node, version, conflist=conflist)
        with world.pod(node) as pod:
            result = await network.add(pod)
            assert result["cniVersion"] == version
            theirs, ours = result["ips"]
            assert theirs["address"] == "192.0.2.7/32"
            assert result["dns"]["nameservers"] == ["192.0.2.53"]
            assert {"dst": "192.0.2.0/24"} in result["routes"]
            assert result["interfaces"][ours["interface"]]["name"] == "eth0"
            await network.check(pod)
            await network.delete(pod)


@pytest.mark.parametrize("version", ["0.4.0", "1.0.0", "1.1.0"])
async def test_a_result_is_in_the_version_of_its_configuration(version: str) -> None:
    async with ready_node() as (world, node):
        network = network_of(node, version)
        with world.pod(node) as pod:
            result = await network.add(pod)
            assert result["cniVersion"] == version
            assert ("version" in result["ips"][0]) == (version == "0.4.0")
            assert all(each["name"] and each["mac"] for each in result["interfaces"])
            await network.check(pod)
            await network.delete(pod)
        assert [each["cniVersion"] for each in await network.supported_versions()] == [version]


def network_of(
    node: CniNode, version: str, *, conflist: dict[str, Any] | None = None, cache: str = "results"
) -> Network:
    """The runtime's view of the network, by some version of the specification."""
    return Network(
        conflist or json.loads(node.conflist.read_text()),
        node.executor,
        folders=[node.folder / "bin"],
        cache=node.folder / cache,
        cni_version=version,
    )


def place_plugin(path: Path, result: dict[str, Any]) -> None:
    """A plugin that answers every ADD with the same."""
    path.write_text(f"#!/bin/sh\n[ $CNI_COMMAND = ADD ] || exit 0\ncat <<'END'\n{json.dumps(result)}\nEND\n")
    path.chmod(0o755)

"""Every alert of the cni chart fires on the metrics of a daemon with the trouble that it names, and no other.

The daemon is a process on a node of the simulated VPC. It is scraped before the trouble and in it; as if each
had lasted, both are told to Prometheus's own engine for minutes, which evaluates the rules.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Address

import pytest

from addons.sim.kubeapi.faults import Fault
from tests.support.cni_world import CniNode, CniWorld, cni_world
from tests.support.prometheus import SCRAPE_SECONDS, Prometheus, alerts_of, firing
from tests.support.until import until
from tests.support.virtual import START

pytestmark = [pytest.mark.netns, pytest.mark.usefixtures("prometheus")]

BEFORE, DURING = 10, 20
"""Minutes that the time before the trouble, and the trouble, have lasted for Prometheus."""

VIRTUAL = {"AddonsCniSourceStale"}
"""Takes more than five minutes: tests/component/charts/cni/test_alerts.py."""


@dataclass
class Site:
    """A node, and what Prometheus has scraped of its daemon."""

    world: CniWorld
    node: CniNode
    prometheus: Prometheus = field(default_factory=lambda: Prometheus("cni"))

    async def lasts(self, minutes: int, *, answers: bool = True) -> None:
        """Let Prometheus see what there is now for so long."""
        text = await self.node.metrics() if answers else None
        count = int(minutes * 60 / SCRAPE_SECONDS)
        done = len(self.prometheus.scrapes)
        self.prometheus.scrapes += [
            (START + timedelta(seconds=SCRAPE_SECONDS * (done + number)), text) for number in range(count)
        ]

    async def shows(self, sample: str, *, value: str = "") -> None:
        """Wait until the daemon's metrics have a line that begins so, with this value or another than 0."""

        def is_shown(line: str) -> bool:
            return line.startswith(sample) and (
                line.endswith(f" {value}") if value else not line.endswith(" 0.0")
            )

        async def look() -> bool:
            try:
                return any(map(is_shown, (await self.node.metrics()).splitlines()))
            except OSError:
                return False

        await until(look, f"{sample} in the metrics")


Story = Callable[[Site], Awaitable[None]]


async def the_subnet_is_full(site: Site) -> None:
    """Nobody waits, but the next pod would."""
    ec2, subnet = site.world.vpc.ec2, site.world.vpc.subnet
    while ec2.account.spaces[subnet.id].free:
        ec2.interfaces.create(subnet.id)
    await site.shows("addons_cni_subnet_free_addresses", value="0.0")
    await site.lasts(DURING)


async def ec2_denies(site: Site) -> None:
    """The role lacks a right, and pods are bound that need addresses; none asks yet."""
    message = "You are not authorized to perform this operation."
    for operation in ("AssignPrivateIpAddresses", "CreateNetworkInterface"):
        site.world.vpc.aws.faults.add(
            operation=operation, times=None, code="UnauthorizedOperation", message=message, status=403
        )
    for number in range(20):
        site.world.put_pod(site.node, f"web-{number}")
    await site.shows("addons_degraded{")
    await site.lasts(DURING)


async def a_pod_waits(site: Site) -> None:
    """The node has as many addresses as its type allows, and another pod has them."""
    with site.world.pod(site.node, "first") as first, site.world.pod(site.node, "second") as second:
        await site.node.network.add(first)
        waiting = asyncio.create_task(site.node.network.add(second))
        await site.shows("addons_cni_waiting_adds")
        await site.lasts(DURING)
        await site.node.network.delete(second)
        await asyncio.gather(waiting, return_exceptions=True)


async def nodes_may_not_be_written_to(site: Site) -> None:
    """The role lacks the right to tell the scheduler."""
    site.world.kube.faults.add(Fault(verb="patch", resource="nodes", status=403))
    for number in range(20):
        site.world.put_pod(site.node, f"web-{number}")
    await site.shows('addons_reconcile_failing_keys{loop="cni-capacity"}')
    await site.lasts(DURING)


async def nobody_answers(site: Site) -> None:
    """Prometheus does not reach the daemon."""
    await site.lasts(DURING, answers=False)


@dataclass(frozen=True)
class Trouble:
    """What goes wrong, the alerts that say so, and the subnet and the type of instance where it can."""

    story: Story
    alerts: set[str]
    subnet: str = "10.0.1.0/24"
    type_: str = "m5.large"
    flags: tuple[str, ...] = ()


TROUBLES: Mapping[str, Trouble] = {
    "the subnet is full": Trouble(the_subnet_is_full, {"AddonsCniSubnetExhausted"}, subnet="10.0.1.0/28"),
    "EC2 denies": Trouble(ec2_denies, {"AddonsCniDegraded"}),
    "a pod waits": Trouble(a_pod_waits, {"AddonsCniPodsWait"}, type_="t2.nano", flags=("--max-eni=1",)),
    "nodes may not be written to": Trouble(nodes_may_not_be_written_to, {"AddonsCniCapacityNotTold"}),
    "nobody answers": Trouble(nobody_answers, {"AddonsCniDown"}),
}

OF_A_START = {"AddonsCniNotReady", "AddonsCniAddressLost"}
"""These troubles meet a daemon that begins; each has a test of its own below."""


def test_every_alert_has_a_trouble_that_it_is_about() -> None:
    told = {alert for trouble in TROUBLES.values() for alert in trouble.alerts}
    assert told | OF_A_START | VIRTUAL == set(alerts_of("cni"))


@pytest.mark.parametrize("what", TROUBLES)
async def test_its_alert_fires_and_no_other(what: str) -> None:
    trouble = TROUBLES[what]
    async with cni_world(trouble.subnet) as world:
        node = await world.add_node(trouble.type_)
        async with node.ready(*trouble.flags):
            site = Site(world, node)
            await site.lasts(BEFORE)
            await trouble.story(site)
    found = site.prometheus.evaluate()
    assert firing(found, 0, BEFORE) == set()
    assert found[-1].firing == trouble.alerts


async def test_every_panel_of_the_dashboard_has_an_answer() -> None:
    prometheus = Prometheus("cni")
    async with cni_world() as world:
        site = Site(world, await world.add_node("t2.nano"), prometheus)
        async with site.node.ready("--max-eni=1"):
            await site.lasts(BEFORE)
            await a_pod_waits(site)
            await site.lasts(BEFORE)
    async with cni_world() as world:
        site = Site(world, await world.add_node(), prometheus)
        async with site.node.ready():
            await ec2_denies(site)
    assert prometheus.evaluate().unanswered == set()


async def test_a_daemon_that_is_not_told_what_its_node_has_is_not_ready() -> None:
    async with cni_world() as world:
        site = Site(world, await world.add_node())
        async with site.node.ready():
            await site.lasts(BEFORE)
        world.vpc.aws.faults.add(
            operation="DescribeNetworkInterfaces", times=None, code="InternalError", status=500
        )
        async with site.node.daemon():
            await site.shows("addons_degraded{")
            await site.lasts(DURING)
    found = site.prometheus.evaluate()
    assert firing(found, 0, BEFORE) == set()
    assert found[-1].firing == {"AddonsCniNotReady", "AddonsCniDegraded"}


async def test_an_address_that_somebody_takes_from_a_pod_is_told_of() -> None:
    async with cni_world() as world:
        site = Site(world, await world.add_node())
        with world.pod(site.node) as pod:
            async with site.node.ready():
                result = await site.node.network.add(pod)
                await site.lasts(BEFORE)
            take_away(world, IPv4Address(result["ips"][0]["address"].partition("/")[0]))
            async with site.node.ready("--audit-interval=1s"):
                await site.shows('addons_decisions_total{action="find",reason="AddressLost"}')
                await site.lasts(DURING)
                await site.node.network.delete(pod)
    found = site.prometheus.evaluate()
    assert firing(found, 0, BEFORE) == set()
    assert found[-1].firing == {"AddonsCniAddressLost"}


def take_away(world: CniWorld, address: IPv4Address) -> None:
    """Unassign an address in EC2."""
    interfaces = world.vpc.ec2.interfaces
    (eni,) = [each for each in interfaces.all() if address in each.addresses]
    interfaces.unassign(eni.id, [address])

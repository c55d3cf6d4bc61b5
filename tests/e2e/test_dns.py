"""dns as a process against a real API server: names appear and go, crashes and hand-overs do no harm."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from addons.demo.daemon import Daemon, running
from addons.demo.world import ZONE, World
from addons.sim.aws.route53.model import RecordSet
from addons.sim.ports import free_port
from tests.support.kubectl import Kubectl
from tests.support.until import until

pytestmark = [pytest.mark.kube, pytest.mark.timeout(180)]

Start = Callable[[], Awaitable[Daemon]]

SECONDS = 45.0
"""Within which another replica has taken over from one that was killed, and done its work."""


@pytest.fixture
async def start(world: World, namespace: str) -> AsyncIterator[Start]:
    """Start one more replica of the daemon, and wait until it is ready."""
    flags = (
        f"--kubeconfig={world.kubeconfig}",
        f"--aws-endpoint-url={world.aws.url}",
        "--source=service",
        "--source=ingress",
        f"--namespace={namespace}",
        f"--leader-elect-namespace={namespace}",
        f"--domain-filter={ZONE}",
        "--txt-owner-id=e2e",
        "--policy=sync",
        "--min-event-sync-interval=200ms",
    )
    async with AsyncExitStack() as stack:

        async def start_one() -> Daemon:
            daemon = Daemon(world, "dns", flags, free_port())
            stack.callback(lambda: print(daemon.log.read_text()))
            await stack.enter_async_context(running(daemon))
            await daemon.ready(30)
            return daemon

        yield start_one


async def expose(kubectl: Kubectl, name: str, address: str) -> None:
    """Make a Service that asks for its own name in the zone, and whose load balancer has the address."""
    await kubectl.ok("create", "service", "loadbalancer", name, "--tcp=80")
    hostname = f"external-dns.alpha.kubernetes.io/hostname={name}.{ZONE}"
    await kubectl.ok("annotate", "service", name, hostname)
    await set_status(kubectl, "service", name, {"ip": address})


async def set_status(kubectl: Kubectl, kind: str, name: str, way_in: dict[str, str]) -> None:
    """Report a load balancer, as its controller would."""
    status = json.dumps({"status": {"loadBalancer": {"ingress": [way_in]}}})
    await kubectl.ok("patch", kind, name, "--subresource=status", "--type=merge", "-p", status)


class Zone:
    """What the simulated Route 53 holds, and what was asked of it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def records(self, label: str) -> dict[str, tuple[str, ...]]:
        """Return the values of a name by type, without the ownership TXT records beside it."""
        found = self._world.aws.route53.record_sets(self._world.zone_id)
        return {each.type: each.values for each in found if each.name == f"{label}.{ZONE}."}

    async def holds(self, label: str, kind: str, *values: str) -> None:
        """Wait until a name has exactly these values."""

        async def look() -> bool:
            return self.records(label).get(kind, ()) == values

        await until(look, f"{label} {kind} {values}", seconds=SECONDS)

    def refusals(self) -> list[object]:
        """Return the changes that Route 53 has refused: two who act at once would cause some."""
        calls = self._world.aws.calls
        return [each for each in calls if each.operation == "ChangeResourceRecordSets" and each.status != 200]


@pytest.fixture
def zone(world: World) -> Zone:
    """The hosted zone of the world."""
    return Zone(world)


async def test_names_follow_services_and_ingresses(
    start: Start, kubectl: Kubectl, world: World, zone: Zone
) -> None:
    foreign = RecordSet(f"foreign.{ZONE}", "A", ttl=300, values=("192.0.2.99",))
    world.aws.route53.change(world.zone_id, [("CREATE", foreign)])
    await start()
    await expose(kubectl, "web", "192.0.2.1")
    await kubectl.ok("create", "ingress", "shop", f"--rule=shop.{ZONE}/*=web:80")
    await set_status(kubectl, "ingress", "shop", {"hostname": "lb.example.net"})
    await zone.holds("web", "A", "192.0.2.1")
    await zone.holds("shop", "CNAME", "lb.example.net")

    await set_status(kubectl, "service", "web", {"ip": "192.0.2.2"})
    await zone.holds("web", "A", "192.0.2.2")

    await kubectl.ok("delete", "service/web", "ingress/shop")
    await zone.holds("web", "A")
    await zone.holds("shop", "CNAME")
    assert zone.records("foreign") == {"A": ("192.0.2.99",)}
    assert zone.refusals() == []


async def test_a_killed_daemon_makes_up_for_what_it_missed(
    start: Start, kubectl: Kubectl, zone: Zone
) -> None:
    daemon = await start()
    await expose(kubectl, "old", "192.0.2.1")
    await expose(kubectl, "kept", "192.0.2.2")
    await zone.holds("kept", "A", "192.0.2.2")
    await daemon.kill()
    await kubectl.ok("delete", "service", "old")
    await expose(kubectl, "new", "192.0.2.3")
    await daemon.start()
    await zone.holds("new", "A", "192.0.2.3")
    await zone.holds("old", "A")
    assert zone.records("kept") == {"A": ("192.0.2.2",)}
    assert zone.refusals() == []


async def test_of_two_daemons_one_acts_and_the_other_takes_over(
    start: Start, kubectl: Kubectl, zone: Zone
) -> None:
    async def holder() -> str:
        return await kubectl.ok("get", "lease", "aws-addons-dns", "-o", "jsonpath={.spec.holderIdentity}")

    async def taken_from(former: str) -> None:
        async def look() -> bool:
            return await holder() not in ("", former)

        await until(look, f"somebody but {former} holds the Lease", seconds=SECONDS)

    first = await start()
    await expose(kubectl, "one", "192.0.2.1")
    await zone.holds("one", "A", "192.0.2.1")
    leader = await holder()
    second = await start()
    assert await holder() == leader

    await first.stop()
    await taken_from(leader)
    await expose(kubectl, "two", "192.0.2.2")
    await zone.holds("two", "A", "192.0.2.2")

    leader = await holder()
    await first.start()
    await first.ready()
    await second.kill()
    await taken_from(leader)
    await expose(kubectl, "three", "192.0.2.3")
    await zone.holds("three", "A", "192.0.2.3")
    assert zone.refusals() == []

"""The story of the dns daemon: names appear, names go, mistakes stay small, a crash does no harm."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import dns.asyncresolver
import dns.exception
import dns.resolver

from addons.demo.cluster import NAMESPACE, Cluster
from addons.demo.daemon import Daemon, running
from addons.demo.script import Step, Story, Unmet, until
from addons.demo.world import ZONE, World
from addons.sim.aws.route53.model import RecordSet
from addons.sim.aws.server import Call
from addons.sim.ports import free_port

OWNER = "demo"
CROWD = 200
NOTHING: tuple[str, ...] = ()


class Scene:
    """What the steps share, and the steps, each a method."""

    def __init__(self, world: World, cluster: Cluster, daemon: Daemon) -> None:
        self.daemon = daemon
        self._world = world
        self._cluster = cluster
        self._resolver = dns.asyncresolver.Resolver(configure=False)
        self._resolver.nameservers = [world.names.address[0]]
        self._resolver.port = world.names.address[1]
        self._resolver.lifetime = 2.0

    def directions(self) -> str:
        """Say where to look when the story has been played."""
        return f"# dns: its page is {self.daemon.url}/"

    async def start(self) -> str:
        """Wait for the daemon, which must not touch what it finds."""
        await self.daemon.ready()
        return f"ready at {self.daemon.url}, {len(self._texts())} records owned"

    async def names_appear(self) -> str:
        """Ask for two names."""
        await self._cluster.create_service("web", "192.0.2.10", hostname=f"web.{ZONE}")
        await self._cluster.create_ingress("shop", f"shop.{ZONE}", f"lb.{ZONE}")
        return await self._resolves({"web": ("192.0.2.10",), "shop": ("192.0.2.80",)})

    async def names_go(self) -> str:
        """Give one up."""
        await self._cluster.delete_service("web")
        return await self._resolves({"web": NOTHING, "legacy": ("192.0.2.99",)})

    async def a_mistake_stays_small(self) -> str:
        """Annotate wrongly, and rightly beside it."""
        await self._cluster.create_service(
            "typo", "192.0.2.11", hostname=f"typo.{ZONE},not..a..name.{ZONE}", ttl="soon"
        )
        await self._cluster.create_service("good", "192.0.2.12", hostname=f"good.{ZONE}")
        resolved = await self._resolves({"good": ("192.0.2.12",)})
        events = await until(lambda: self._cluster.warnings("typo"), lambda found: len(found) == 2)
        return "\n".join([resolved, *(f"Event {event.reason}: {event.note}" for event in events)])

    async def a_crash_does_no_harm(self) -> str:
        """Kill the daemon between two batches of changes."""
        self._world.aws.route53.knobs.latency_seconds = 0.3
        for number in range(CROWD):
            await self._cluster.create_service(
                f"crowd-{number}", f"198.51.100.{number + 1}", hostname=f"crowd-{number}.{ZONE}"
            )
        await until(self._crowd, bool)
        await self.daemon.kill()
        before = await self._crowd()
        self._world.aws.route53.knobs.latency_seconds = 0.0
        if before == CROWD:
            raise Unmet("it had created them all before it died")
        await self.daemon.start()
        await until(self._crowd, lambda count: count == CROWD, 40)
        sample = await self._resolves({"crowd-0": ("198.51.100.1",), "crowd-199": ("198.51.100.200",)})
        return f"{before} names were owned when it died, {CROWD} after the restart\n{sample}"

    async def rest_is_free(self) -> str:
        """Count the calls of a daemon that has nothing to do."""
        await asyncio.sleep(1)
        before = len(self._calls())
        await asyncio.sleep(3)
        if calls := self._calls()[before:]:
            raise Unmet(f"{len(calls)} calls: {calls}")
        return "0 calls"

    def _calls(self) -> list[Call]:
        return [call for call in self._world.aws.calls if call.service == "route53"]

    async def _resolves(self, wanted: dict[str, tuple[str, ...]]) -> str:
        """Ask the name server until every name has the wanted addresses; none means NXDOMAIN."""

        async def look() -> dict[str, tuple[str, ...]]:
            return {name: await self._ask(name) for name in wanted}

        view = await until(look, lambda seen: seen == wanted)
        return ", ".join(f"{name}.{ZONE} = {' '.join(found) or 'NXDOMAIN'}" for name, found in view.items())

    async def _ask(self, label: str) -> tuple[str, ...]:
        try:
            answer = await self._resolver.resolve(f"{label}.{ZONE}", "A")
        except dns.resolver.NXDOMAIN:
            return NOTHING
        except dns.exception.DNSException as error:
            return (type(error).__name__,)
        return tuple(sorted(item.to_text() for item in answer))

    async def _crowd(self) -> int:
        return sum("/crowd-" in text.values[0] for text in self._texts())

    def _texts(self) -> list[RecordSet]:
        """Read the ownership texts of the zone."""
        records = self._world.aws.route53.record_sets(self._world.zone_id)
        return [record for record in records if f"external-dns/owner={OWNER}" in "".join(record.values)]


def _flags(world: World) -> Sequence[str]:
    """Give the flags of the daemon, as its chart would."""
    return (
        f"--kubeconfig={world.kubeconfig}",
        f"--namespace={NAMESPACE}",  # in a real cluster it has no business with the objects of others
        "--source=service",
        "--source=ingress",
        f"--domain-filter={ZONE}",
        f"--txt-owner-id={OWNER}",
        "--policy=sync",
        "--min-event-sync-interval=500ms",
        f"--leader-elect-namespace={NAMESPACE}",
        "--aws-batch-change-size=40",  # small batches, so that a crash finds the work half done
    )


@asynccontextmanager
async def _open(world: World, cluster: Cluster) -> AsyncIterator[Scene]:
    """Run the daemon beside what others keep in the zone: a load balancer's name, and a record of theirs."""
    world.aws.route53.change(
        world.zone_id,
        [
            ("CREATE", RecordSet(f"lb.{ZONE}", "A", ttl=60, values=("192.0.2.80",))),
            ("CREATE", RecordSet(f"legacy.{ZONE}", "A", ttl=300, values=("192.0.2.99",))),
        ],
    )
    async with running(Daemon(world, "dns", _flags(world), free_port())) as daemon:
        yield Scene(world, cluster, daemon)


STORY = Story(
    name="dns",
    promise="every name that Services and Ingresses ask for resolves in Route 53",
    setting=f"a public zone {ZONE} with two records of others, and a name server that answers from it",
    open=_open,
    steps=(
        Step(
            "the dns daemon starts and is ready",
            "ready, and the zone untouched",
            Scene.start,
        ),
        Step(
            "a Service and an Ingress appear",
            f"web.{ZONE} = 192.0.2.10, shop.{ZONE} = 192.0.2.80 behind a CNAME",
            Scene.names_appear,
        ),
        Step(
            "the Service is deleted, beside a record that is not ours",
            f"web.{ZONE} does not exist; legacy.{ZONE}, of the same shape, still = 192.0.2.99",
            Scene.names_go,
        ),
        Step(
            "somebody mistypes two annotations",
            f"an Event that names each mistake; its neighbour good.{ZONE} = 192.0.2.12 all the same",
            Scene.a_mistake_stays_small,
        ),
        Step(
            f"the daemon is killed (SIGKILL) while it creates {CROWD} names, then restarted",
            f"all {CROWD} names resolve, each with its owner's TXT record (the new one waits for the Lease)",
            Scene.a_crash_does_no_harm,
        ),
        Step(
            "and then nothing changes",
            "0 calls to Route 53 in 3 s",
            Scene.rest_is_free,
        ),
    ),
)

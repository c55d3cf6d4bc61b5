"""The story of the dns daemon: names appear, names go, mistakes stay small, a crash does no harm."""

import asyncio
from collections.abc import Sequence

import dns.asyncresolver
import dns.exception
import dns.resolver

from addons.demo.cluster import Cluster
from addons.demo.daemon import Daemon
from addons.demo.script import Step, Unmet, until
from addons.demo.world import ZONE, World
from addons.sim.aws.route53.model import RecordSet

OWNER = "demo"
CROWD = 200
NOTHING: tuple[str, ...] = ()


def arguments(world: World) -> Sequence[str]:
    """Give the flags of the daemon, as its chart would."""
    return (
        f"--kubeconfig={world.kubeconfig}",
        "--source=service",
        "--source=ingress",
        f"--domain-filter={ZONE}",
        f"--txt-owner-id={OWNER}",
        "--policy=sync",
        "--min-event-sync-interval=500ms",
        "--leader-elect-namespace=addons-demo",
        "--aws-batch-change-size=40",  # small batches, so that a crash finds the work half done
    )


class Story:
    """The steps, each a method; they share the cluster, the world and the daemon."""

    def __init__(self, world: World, cluster: Cluster, daemon: Daemon) -> None:
        self._world = world
        self._cluster = cluster
        self._daemon = daemon
        self._resolver = dns.asyncresolver.Resolver(configure=False)
        self._resolver.nameservers = [world.names.address[0]]
        self._resolver.port = world.names.address[1]
        self._resolver.lifetime = 2.0

    def steps(self) -> list[Step]:
        """Give the story in order."""
        return [
            Step(
                "the dns daemon starts and is ready",
                "ready, and the zone untouched",
                self._start,
            ),
            Step(
                "a Service and an Ingress appear",
                f"web.{ZONE} = 192.0.2.10, shop.{ZONE} = 192.0.2.80 behind a CNAME",
                self._names_appear,
            ),
            Step(
                "the Service is deleted, beside a record that is not ours",
                f"web.{ZONE} does not exist; legacy.{ZONE}, of the same shape, still = 192.0.2.99",
                self._names_go,
            ),
            Step(
                "somebody mistypes two annotations",
                f"an Event that names each mistake; its neighbour good.{ZONE} = 192.0.2.12 all the same",
                self._a_mistake_stays_small,
            ),
            Step(
                f"the daemon is killed (SIGKILL) while it creates {CROWD} names, then restarted",
                f"all {CROWD} names resolve, each with its owner's TXT record",
                self._a_crash_does_no_harm,
            ),
            Step(
                "and then nothing changes",
                "0 calls to Route 53 in 3 s",
                self._rest_is_free,
            ),
        ]

    async def _start(self) -> str:
        await self._daemon.ready()
        return f"ready at {self._daemon.url}, {len(self._texts())} records owned"

    async def _names_appear(self) -> str:
        await self._cluster.create_service("web", "192.0.2.10", hostname=f"web.{ZONE}")
        await self._cluster.create_ingress("shop", f"shop.{ZONE}", f"lb.{ZONE}")
        return await self._resolves({"web": ("192.0.2.10",), "shop": ("192.0.2.80",)})

    async def _names_go(self) -> str:
        await self._cluster.delete_service("web")
        return await self._resolves({"web": NOTHING, "legacy": ("192.0.2.99",)})

    async def _a_mistake_stays_small(self) -> str:
        await self._cluster.create_service(
            "typo", "192.0.2.11", hostname=f"typo.{ZONE},not..a..name.{ZONE}", ttl="soon"
        )
        await self._cluster.create_service("good", "192.0.2.12", hostname=f"good.{ZONE}")
        resolved = await self._resolves({"good": ("192.0.2.12",)})
        events = await until(lambda: self._cluster.warnings("typo"), lambda found: len(found) == 2)
        told = "; ".join(f"Event {event.reason}: {event.note}" for event in events)
        return f"{resolved}; {told}"

    async def _a_crash_does_no_harm(self) -> str:
        self._world.aws.route53.knobs.latency_seconds = 0.3
        for number in range(CROWD):
            await self._cluster.create_service(
                f"crowd-{number}", f"198.51.100.{number + 1}", hostname=f"crowd-{number}.{ZONE}"
            )
        await until(self._crowd, bool)
        await self._daemon.kill()
        before = await self._crowd()
        self._world.aws.route53.knobs.latency_seconds = 0.0
        if before == CROWD:
            raise Unmet("it had created them all before it died")
        await self._daemon.start()
        await until(self._crowd, lambda count: count == CROWD, 40)
        sample = await self._resolves({"crowd-0": ("198.51.100.1",), "crowd-199": ("198.51.100.200",)})
        return f"{before} names were owned when it died, {CROWD} after the restart; {sample}"

    async def _rest_is_free(self) -> str:
        await asyncio.sleep(1)
        before = len(self._world.aws.calls)
        await asyncio.sleep(3)
        calls = len(self._world.aws.calls) - before
        if calls:
            raise Unmet(f"{calls} calls: {self._world.aws.calls[-calls:]}")
        return f"{calls} calls"

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


def furnish(world: World) -> None:
    """Put into the zone what others keep there: a load balancer's name, and a record that is not ours."""
    world.aws.route53.change(
        world.zone_id,
        [
            ("CREATE", RecordSet(f"lb.{ZONE}", "A", ttl=60, values=("192.0.2.80",))),
            ("CREATE", RecordSet(f"legacy.{ZONE}", "A", ttl=300, values=("192.0.2.99",))),
        ],
    )

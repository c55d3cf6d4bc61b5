"""The story of albingress: one load balancer for many, a mistake stays small, a rollout loses no request."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml

from addons.albingress import names
from addons.demo.alb import Applications, Users, load_balancing
from addons.demo.cluster import NAMESPACE, Cluster
from addons.demo.daemon import Daemon, running
from addons.demo.script import Step, Story, Unmet, until
from addons.demo.vpc import require_emulator
from addons.demo.world import World
from addons.sim.ports import free_port

CLASS = "alb"
GROUP = {
    "group.name": "public",
    "scheme": "internet-facing",
    "target-type": "ip",
    "healthcheck-interval-seconds": "5",
    "healthcheck-timeout-seconds": "2",
}
APPS = ("store", "news", "chat")
DOMAIN = "example.net"
"""Not that of the zone in the story of dns, which reads Ingresses too."""

HOSTS = tuple(f"{app}.{DOMAIN}" for app in APPS)
LATE = f"late.{DOMAIN}"
_CRDS = Path(__file__).parents[2] / "charts" / "albingress" / "crds"

Seen = Counter[tuple[str, int, str]]


class Scene:
    """What the steps share, and the steps, each a method."""

    def __init__(
        self, world: World, cluster: Cluster, daemon: Daemon, applications: Applications, users: Users
    ) -> None:
        self.daemon = daemon
        self._world, self._cluster = world, cluster
        self._applications, self._users = applications, users

    def directions(self) -> str:
        """Say where to look when the story has been played."""
        return f"# albingress: its page is {self.daemon.url}/"

    async def start(self) -> str:
        """Wait for the daemon, which must make nothing."""
        await self.daemon.ready()
        return f"ready at {self.daemon.url}, {len(self._users.load_balancers())} load balancers"

    async def three_share_one(self) -> str:
        """Ask for one group from three Ingresses."""
        for app, host in zip(APPS, HOSTS, strict=True):
            await self._applications.create(app)
            await self._cluster.create_alb_ingress(app, host, GROUP, ingress_class=CLASS)
        answers = await self._answers(dict.fromkeys(HOSTS, 200))
        name = await until(lambda: self._cluster.hostname_of(APPS[0]), bool)
        found = self._users.load_balancers()
        if [each.dns_name.lower() for each in found] != [name]:
            raise Unmet(f"the status says {name}, and there are {[each.dns_name for each in found]}")
        return f"{answers}\nall by {name}"

    async def a_mistake_stays_small(self) -> str:
        """Have a fourth join whose Service is not there."""
        async with self._users.visiting(HOSTS) as seen:
            await self._cluster.create_alb_ingress("late", LATE, GROUP, ingress_class=CLASS)
            answers = await self._answers({LATE: 503})
            events = await until(lambda: self._cluster.warnings("late"), bool)
        for app in APPS:
            if found := await self._cluster.warnings(app):
                raise Unmet(f"a Warning on {app}: {found[0].note}")
        lines = (f"Event {event.reason}: {event.note}" for event in events)
        return "\n".join([answers, *lines, _all_well(seen)])

    async def and_is_mended(self) -> str:
        """Make the Service."""
        await self._applications.create("late")
        return await self._answers({LATE: 200})

    async def a_rollout(self) -> str:
        """Replace the pods of one application while its users go on."""
        async with self._users.visiting(HOSTS[:1]) as seen:
            await self._applications.roll_over(APPS[0], "v2", self._users.gate(APPS[0]))
        answers = await self._answers({HOSTS[0]: 200})
        versions = sorted({text for _, _, text in seen})
        if versions != ["v1", "v2"]:
            raise Unmet(f"answers by {versions}")
        return f"{answers}\n{_all_well(seen)}, by v1 and then by v2"

    async def a_crash(self) -> str:
        """Kill the daemon while a pod-less world goes on, and start it again."""
        async with self._users.visiting(HOSTS) as seen:
            await self.daemon.kill()
            await self._cluster.delete_ingress("late")
            await asyncio.sleep(1)
            await self.daemon.start()
            answers = await self._answers({LATE: 404}, seconds=40)
        return f"{answers}\n{_all_well(seen)}"

    async def all_go(self) -> str:
        """Delete what is left."""
        for app in APPS:
            await self._cluster.delete_ingress(app)

        async def look() -> tuple[int, int]:
            return len(self._users.load_balancers()), self._users.security_groups()

        await until(look, lambda left: left == (0, 0), 40)
        await until(self._cluster.ingresses, lambda left: not left)
        return "no load balancer, no security group and no Ingress is left"

    async def rest_is_free(self) -> str:
        """Count the calls of a daemon that has nothing to do."""
        await asyncio.sleep(1)
        before = len(self._calls())
        await asyncio.sleep(3)
        if calls := self._calls()[before:]:
            raise Unmet(f"{len(calls)} calls: {calls}")
        return "0 calls"

    def _calls(self) -> list[str]:
        services = ("elasticloadbalancing", "elbv2", "acm", "tagging")
        return [
            f"{call.service} {call.operation}" for call in self._world.aws.calls if call.service in services
        ]

    async def _answers(self, wanted: dict[str, int], *, seconds: float = 15.0) -> str:
        """Ask until every host is answered with its status."""

        async def look() -> dict[str, tuple[int, str]]:
            return {host: await self._users.ask(host) for host in wanted}

        view = await until(
            look, lambda seen: {host: found[0] for host, found in seen.items()} == wanted, seconds
        )
        return ", ".join(f"{host} = {status} {text}" for host, (status, text) in view.items())


def _all_well(seen: Seen) -> str:
    """Say how many requests there were; raises Unmet when one of them failed."""
    if failed := {key: count for key, count in seen.items() if key[1] != 200}:
        raise Unmet(f"{sum(failed.values())} of {seen.total()} requests failed: {failed}")
    return f"{seen.total()} requests meanwhile, none failed"


@asynccontextmanager
async def _open(world: World, cluster: Cluster) -> AsyncIterator[Scene]:
    """Run the daemon in a VPC with two zones."""
    api = require_emulator(world)
    for file in sorted(_CRDS.iterdir()):
        definition = yaml.safe_load(file.read_text())
        api.store.create("apiextensions.k8s.io/v1", "customresourcedefinitions", definition)
    ingress_class = {"metadata": {"name": CLASS}, "spec": {"controller": names.CONTROLLER}}
    api.store.create("networking.k8s.io/v1", "ingressclasses", ingress_class)
    async with load_balancing(world, api) as (vpc_id, applications, users):
        flags = (
            f"--kubeconfig={world.kubeconfig}",
            f"--watch-namespace={NAMESPACE}",
            "--cluster-name=demo",
            f"--aws-vpc-id={vpc_id}",
            f"--leader-elect-namespace={NAMESPACE}",
        )
        async with running(Daemon(world, "albingress", flags, free_port())) as daemon:
            yield Scene(world, cluster, daemon, applications, users)


STORY = Story(
    name="albingress",
    promise="Ingresses get load balancers, and one that is broken harms only itself",
    setting="a VPC with two zones, load balancers that serve real HTTP, and users who never stop asking",
    open=_open,
    steps=(
        Step(
            "the albingress daemon starts and is ready",
            "ready, and no load balancer made",
            Scene.start,
        ),
        Step(
            "three Ingresses share a group",
            "one load balancer answers for the three hosts",
            Scene.three_share_one,
        ),
        Step(
            "a fourth joins, with a Service that does not exist",
            f"{LATE} = 503, with an Event on this Ingress alone; no request of the others fails",
            Scene.a_mistake_stays_small,
        ),
        Step(
            "the Service is made",
            f"{LATE} = 200",
            Scene.and_is_mended,
        ),
        Step(
            "the pods of one application are replaced one by one",
            "every request is answered with 200, by the old version or the new one",
            Scene.a_rollout,
        ),
        Step(
            "the daemon is killed (SIGKILL), an Ingress is deleted, and the daemon is started again",
            f"{LATE} = 404; no request of the others fails",
            Scene.a_crash,
        ),
        Step(
            "the other Ingresses are deleted",
            "the load balancer and its security groups go, and then the Ingresses",
            Scene.all_go,
        ),
        Step(
            "and then nothing changes",
            "0 calls to AWS in 3 s",
            Scene.rest_is_free,
        ),
    ),
)

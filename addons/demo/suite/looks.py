"""What is to be seen in the world of the one story: pods, names, answers, targets, Events."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from addons.demo import script
from addons.demo.cluster import NAMESPACE
from addons.demo.daemon import output_of
from addons.demo.script import Unmet
from addons.demo.suite import charts
from addons.demo.suite.people import Owners, Users
from addons.demo.suite.pods import PodRun
from addons.demo.suite.site import BATCH, MOST, WEB, Site
from addons.demo.vpc import application
from addons.demo.world import ZONE

PODS = f"pods.{ZONE}"
"""The name that all pods of an application have together, and below which each has its own."""

until = partial(script.until, seconds=90.0)
"""Look until something is so: far longer than it takes, on a machine that has much else to do."""


class Looks:
    """What the steps look at."""

    def __init__(self, site: Site, owners: Owners, users: Users) -> None:
        self.site, self.owners, self.users = site, owners, users

    async def unready(self) -> list[str]:
        """The pods of the charts that are not ready; there are none before there are any."""
        pods = self.site.store.list("v1", "pods", charts.NAMESPACE)
        conditions = {pod["metadata"]["name"]: pod.get("status", {}).get("conditions", ()) for pod in pods}
        waiting = [
            name
            for name, found in conditions.items()
            if not any(each["type"] == "Ready" and each["status"] == "True" for each in found)
        ]
        return waiting if len(pods) == 7 else ["not all pods are made"]

    async def has(self, app: str, count: int) -> None:
        """Wait until an application has so many pods, all of them ready."""

        async def look() -> str:
            return f"{len(self.owners.ready(app))} of {count} pods of {app} run"

        await until(look, lambda _: len(self.owners.ready(app)) == count == len(self.owners.pods(app)))

    def names_of(self, app: str) -> dict[str, tuple[str, ...]]:
        """The names that the pods are to have: each its own, and all together one."""
        addresses = self.owners.addresses(app)
        together = tuple(sorted(addresses.values()))
        return {PODS: together, **{f"{name}.{PODS}": (each,) for name, each in addresses.items()}}

    async def resolves(self, wanted: Callable[[], Mapping[str, tuple[str, ...]]]) -> str:
        """Ask the name server until every name has the wanted addresses."""

        async def look() -> Mapping[str, tuple[str, ...]]:
            return {name: await self.users.look_up(name) for name in wanted()}

        view = await until(look, lambda seen: seen == wanted())
        return ", ".join(f"{name} = {' '.join(found)}" for name, found in view.items())

    async def answers(self, wanted: Mapping[str, int]) -> str:
        """Ask until every host answers with its status."""

        async def look() -> Mapping[str, int]:
            return {host: (await self.users.ask(host))[0] for host in wanted}

        seen = await until(look, lambda found: found == wanted)
        return ", ".join(f"{host}: {status}" for host, status in seen.items())

    def events_about(self, about: str, *reasons: str) -> Callable[[], Awaitable[list[str]]]:
        """Look for Events about objects whose names begin so: of these reasons, else the warnings."""

        async def look() -> list[str]:
            return self.owners.events(about, *reasons, type_="" if reasons else "Warning")

        return look

    def words_about(self, app: str) -> Callable[[], Awaitable[list[str]]]:
        """Look for the words of the scheduler about the pods of an application that wait."""

        async def look() -> list[str]:
            return [text for text in self.owners.waiting(app) if text]

        return look

    async def nodes_beside(self) -> str:
        """How many nodes there are beside those of the first group."""
        count = len(self.site.machines.kubelets) - self.site.desired(WEB)
        return f"{count} node{'s are' if count != 1 else ' is'} there of {BATCH}"

    def left_of(self, app: str) -> Callable[[], Awaitable[int]]:
        """Count the pods of an application, those on their way out too."""

        async def look() -> int:
            return len(self.site.store.list("v1", "pods", NAMESPACE, label_selector=f"app={app}"))

        return look

    def looking_up(self, name: str) -> Callable[[], Awaitable[tuple[str, ...]]]:
        """Look a name up."""

        async def look() -> tuple[str, ...]:
            return await self.users.look_up(name)

        return look

    async def targets(self) -> set[str]:
        """The addresses that load balancers send requests to."""
        groups = self.site.aws.elbv2.account.target_groups.values()
        return {key[0] for group in groups for key, each in group.targets.items() if each.state != "draining"}

    async def who_am_i(self, run: PodRun) -> str:
        """Let boto3 in a pod ask AWS who it is, from an empty environment."""
        return await output_of(*application(run.inside, self.site.vpc.url, self.site.world.folder))

    def group_of(self, run: PodRun) -> str:
        """Give the group that the node of a pod belongs to."""
        found = self.site.aws.autoscaling.account.find(
            self.site.nodes.instance_of(run.pod["spec"]["nodeName"])
        )
        return found[0].name if found else ""

    def sizes(self) -> dict[str, int]:
        """Give how many nodes each group is to have."""
        return {group: self.site.desired(group) for group in MOST}


def all_well(seen: Counter[tuple[str, int]]) -> str:
    """Say how many requests there were; raises Unmet when one of them failed."""
    if bad := {key: count for key, count in seen.items() if key[1] != 200}:
        raise Unmet(f"of {sum(seen.values())} requests, these failed: {bad}")
    return f"{sum(seen.values())} requests meanwhile, every one answered with 200"

"""The steps of the one story, each a method."""

from collections import Counter
from collections.abc import Mapping
from functools import partial

from addons.autoscaler import names as autoscaler_names
from addons.cni.names import POD_IP
from addons.demo.cluster import NAMESPACE
from addons.demo.reach import get, in_thread
from addons.demo.script import Unmet
from addons.demo.suite import charts
from addons.demo.suite.application import IMAGE
from addons.demo.suite.logs import Logs, daemons_of
from addons.demo.suite.looks import PODS, Looks, all_well, until
from addons.demo.suite.people import Owners, Users
from addons.demo.suite.site import BATCH, MOST, SMALL, SPARE, WEB, Site
from addons.demo.world import ZONE
from addons.sim.fabric.probes import pings, seen_by
from addons.sim.fabric.vpc import PEERED
from addons.sim.net import METADATA

SHOP = "shop"
HOST, LATE = f"shop.{ZONE}", f"late.{ZONE}"
BATCH_PODS = 40
CROWD = 12
ROLES = {"reports": "reports-reader", "greedy": "admin"}
"""Applications, and the role that each asks for by an annotation of its pods."""
PERMITTED = "reports-*"
LIST = "meta-data/iam/security-credentials/"


class Scene(Looks):
    """All daemons are in it; `daemon` is the one that the present step is about."""

    def __init__(
        self, site: Site, owners: Owners, users: Users, *, pages: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(site, owners, users)
        self._pages = pages or {}
        self._about = "cni"

    @property
    def daemon(self) -> Logs:
        """The logs of the daemon that the present step is about."""
        return Logs(self.site.world.folder / "nodes", self._about)

    def directions(self) -> str:
        """Say where the pages are, and how to look around, when the story has been played."""
        lines = [f"# the page of {daemon}: {url}" for daemon, url in self._pages.items()]
        lines.append(f"# logs of pods: {self.site.world.folder}/nodes/*/pods/*/*.log")
        lines.append("# a pod of yours, an HTTP server that says its name, in a network by cni:")
        lines.append(f"kubectl create deployment mine --image={IMAGE} --namespace={NAMESPACE}")
        for name, kubelet in self.site.machines.kubelets.items():
            lines.append(f"# on the node {name}, and in its pods:")
            lines.append(" ".join(kubelet.machine.at.inside.command("bash")))
        return "\n".join(lines)

    async def install(self, more: Mapping[str, Mapping[str, object]] | None = None) -> str:
        """Install the five charts, and wait for every pod of them; `more` are settings of daemons."""
        site = self.site
        for daemon in ("dns", "albingress", "autoscaler"):
            site.aws.sts.create_role(charts.role_of(daemon))
        self.owners.permit(charts.NAMESPACE, f"{charts.role_of('')}*")
        values = charts.values_of(site.vpc.url, site.vpc.vpc.id)
        for daemon, config in (more or {}).items():
            values[daemon]["config"] |= config
        done = await charts.install(site.world.kubeconfig, values)
        await until(
            self.unready, lambda names: not names, words=lambda names: f"not ready yet: {', '.join(names)}"
        )
        told = Counter(daemon for daemon, _ in daemons_of(site))
        where = {daemon: run.address for daemon, run in daemons_of(site)}
        pods = ", ".join(f"{daemon} {where[daemon]}" for daemon in ("dns", "albingress", "autoscaler"))
        nodes = " and ".join(f"{daemon} on {told[daemon]} nodes" for daemon in ("cni", "iamproxy"))
        return f"installed {', '.join(done)}\nall are ready: {nodes}; pods of the VPC: {pods}"

    async def deploy(self) -> str:
        """Deploy an application on both nodes, and ask from everywhere to everywhere."""
        self._about = "cni"
        self.owners.deploy(SHOP, 2, cpu="600m")
        self.owners.budget(SHOP, 1)
        await self.has(SHOP, 2)
        one, other = self.owners.runs(SHOP)
        if one.inside == other.inside or one.pod["spec"]["nodeName"] == other.pod["spec"]["nodeName"]:
            raise Unmet("both are on one node")
        for pod, target in ((one, other.address), (other, one.address)):
            if not await in_thread(partial(pings, pod.inside, target)):
                raise Unmet(f"{pod.address} does not reach {target}")
            if (seen := await seen_by(pod.inside, str(PEERED))) != pod.address:
                raise Unmet(f"the peered network sees {pod.address} as {seen or 'nobody'}")
        places = ", ".join(f"{run.name} {run.address}" for run in (one, other))
        return f"{places}; they ping each other, and the peered network sees these addresses"

    async def names(self) -> str:
        """Ask for names for the pods."""
        self._about = "dns"
        self.owners.expose("shop-pods", SHOP, hostname=PODS, pod_records="true", ttl="5")
        return await self.resolves(lambda: self.names_of(SHOP))

    async def serve(self) -> str:
        """Ask for a load balancer, and for a name that leads to it."""
        self._about = "albingress"
        self.owners.expose(SHOP, SHOP)
        self.owners.route(SHOP, HOST, SHOP)
        await self.answers({HOST: 200})
        seen: set[str] = set()
        for _ in range(12):
            seen.add((await self.users.ask(HOST))[1])
        if missed := {run.name for run in self.owners.runs(SHOP)} - seen:
            raise Unmet(f"of the pods, {missed} got no request")
        (address,) = await self.users.look_up(HOST)
        return f"{HOST} = {address}, a load balancer; {' and '.join(sorted(seen))} answer"

    async def mistake(self) -> str:
        """Have a second Ingress join the load balancer, whose Service is not there."""
        async with self.users.visiting([HOST]) as seen:
            self.owners.route("late", LATE, "nobody")
            answers = await self.answers({LATE: 503})
            events = await until(self.events_about("late"), bool)
        if told := self.owners.events(SHOP, type_="Warning"):
            raise Unmet(f"a Warning on {SHOP}: {told[0]}")
        return "\n".join([answers, *(f"Event {each}" for each in events[:1]), all_well(seen)])

    async def roles(self) -> str:
        """Let pods ask AWS who they are."""
        self._about = "iamproxy"
        self.owners.permit(NAMESPACE, PERMITTED)
        for app, role in ROLES.items():
            self.site.aws.sts.create_role(role)
            self.owners.deploy(app, 1, cpu="10m", role=role)
        for app in ROLES:
            await self.has(app, 1)
        (reports,), (greedy,) = (self.owners.runs(app) for app in ROLES)
        told = await self.who_am_i(reports)
        if f"assumed-role/{ROLES['reports']}/" not in told:
            raise Unmet(f"reports is {told}")
        answer = await get(greedy.inside, f"http://{METADATA}/latest/{LIST}")
        if answer.status != 403 or (found := await self.who_am_i(greedy)) != "no credentials":
            raise Unmet(f"greedy gets {answer.words}, and is {found}")
        events = await until(self.events_about("greedy"), bool)
        self.owners.delete("deployments", "greedy")
        return f"reports is {told}\ngreedy gets {answer.words}\nEvent {events[0]}"

    async def grow(self) -> str:
        """Ask for more pods than the nodes can take."""
        self._about = "autoscaler"
        self.owners.deploy("batch", BATCH_PODS, cpu="350m", pool="batch")
        await until(
            self.words_about("batch"),
            lambda found: len(found) == BATCH_PODS,
            words=lambda found: f"{len(found)} of {BATCH_PODS} pods of batch are Pending",
        )
        why = self.owners.waiting("batch")[0]
        await self.has("batch", BATCH_PODS)
        sizes = self.sizes()
        grown = [group for group in (BATCH, SPARE) if sizes[group]]
        if len(grown) != 1 or sizes[grown[0]] > MOST[grown[0]] or sizes[WEB] != MOST[WEB]:
            raise Unmet(f"the groups have {sizes}")
        return (
            f"they were Pending: {why}\n{grown[0]} grew to {sizes[grown[0]]} nodes of {MOST[grown[0]]} at "
            f"most, and all {BATCH_PODS} run, each with an address of the VPC"
        )

    async def shrink(self) -> str:
        """Take the work away, and let a pod of the shop move from a node that goes, while users go on."""
        self.owners.delete("deployments", "batch")
        await until(
            self.left_of("batch"),
            lambda count: not count,
            words=lambda count: f"{count} pods of batch are still there",
        )
        with self.owners.cordoned("web"):
            self.owners.scale(SHOP, 3)
            await self.has(SHOP, 3)
        before = self.owners.addresses(SHOP)
        moving = [run.name for run in self.owners.runs(SHOP) if self.group_of(run) != WEB]
        async with self.users.visiting([HOST]) as seen:
            await until(self.nodes_beside, lambda text: text.startswith("0 "))
            await self.has(SHOP, 3)
            await until(
                self.targets,
                lambda found: found == set(self.owners.addresses(SHOP).values()),
                words=lambda found: f"the targets are {', '.join(sorted(found))}",
            )
            resolved = await self.resolves(lambda: self.names_of(SHOP))
            gone = {name: before[name] for name in before if name not in self.owners.addresses(SHOP)}
            for name in gone:
                await until(self.looking_up(f"{name}.{PODS}"), lambda found: not found)
        if not moving or set(moving) != set(gone):
            raise Unmet(f"on nodes that went were {moving}, and these pods are gone: {gone}")
        moved = ", ".join(f"{name} ({address})" for name, address in gone.items())
        return (
            f"the nodes of {BATCH} are gone; {moved} was evicted, and is no target and no name any more\n"
            f"{resolved}\n{all_well(seen)}"
        )

    async def full(self) -> str:
        """Ask for more pods than the subnet has addresses."""
        self._about = "cni"
        self.owners.deploy("crowd", CROWD, cpu="1m", pool="web")

        def counts() -> tuple[int, int]:
            """How many pods run, and how many wait for want of an address."""
            reasons = [text for text in self.owners.waiting("crowd") if POD_IP in text]
            return len(self.owners.ready("crowd")), len(reasons)

        async def look() -> str:
            return f"{counts()[0]} run, {counts()[1]} are Pending, {self.site.left()} addresses are left"

        await until(look, lambda _: sum(counts()) == CROWD and not self.site.left())
        run, wait = counts()
        why = self.owners.waiting("crowd")[0]
        refusals = [text for each in self.site.machines.kubelets.values() for text in each.machine.refusals]
        if refusals or not run or not wait:
            raise Unmet(f"{run} run, {wait} are Pending; the plugin refused pods: {refusals}")
        told = await until(self.events_about("crowd", autoscaler_names.NOT_TRIGGER_SCALE_UP), bool)
        return (
            f"{run} run, {wait} are Pending, no address of {SMALL} is left; no ADD was refused\n"
            f"Pending: {why}\nEvent {told[0]}"
        )

    async def end(self) -> str:
        """Delete everything, and look at what is left in AWS."""
        self._about = "albingress"
        for app in (SHOP, "crowd", *ROLES):
            self.owners.delete("deployments", app)
        for kind, name in (("ingresses", SHOP), ("ingresses", "late"), ("services", "shop-pods")):
            self.owners.delete(kind, name)
        self.owners.delete("services", SHOP)

        async def look() -> Mapping[str, int]:
            elb, records = self.site.aws.elbv2.account, self.site.aws.route53.record_sets
            return {
                "load balancers": len(elb.load_balancers.values()),
                "target groups": len(elb.target_groups.values()),
                "records": sum(
                    each.type in ("A", "AAAA", "TXT") for each in records(self.site.world.zone_id)
                ),
                "pods": sum(len(self.owners.pods(app)) for app in (SHOP, "crowd", *ROLES)),
            }

        left = await until(look, lambda found: not any(found.values()))
        return f"none of these are left: {', '.join(left)}"

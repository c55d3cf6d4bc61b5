"""What stands around load balancers: a VPC, applications behind Services, and the traffic of their users.

A pod is an HTTP server of this process; the simulated load balancers know where its address is served.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from addons.albingress import names
from addons.demo.cluster import NAMESPACE
from addons.demo.script import until
from addons.demo.world import World
from addons.sim.alb.plane import DataPlane
from addons.sim.aws.elbv2.model import LoadBalancer
from addons.sim.kubeapi.server import KubeApi

Object = dict[str, Any]

PORT = 8080
"""The port at which every pod serves."""

GRACE_SECONDS = 2.0
"""For so long a pod that is being deleted goes on serving."""

_NODE = "node-1"

_HEALTH_SCALE = 0.1
"""Health is asked for ten times as often as it is written."""


class Pod:
    """A server that says its version."""

    def __init__(self, name: str, address: str, version: str) -> None:
        self.name, self.address = name, address
        self._version = version
        self._runner: web.AppRunner | None = None
        self.at = ("127.0.0.1", 0)

    async def start(self) -> None:
        """Serve on a port of loopback."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.at = ("127.0.0.1", self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Serve no more."""
        if self._runner:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        await asyncio.sleep(0.02)
        return web.Response(text=self._version)


class Applications:
    """The pods of the story, as a controller of Deployments and the kubelets would make and end them."""

    def __init__(self, api: KubeApi) -> None:
        self._store = api.store
        self._create_node()
        self._numbers = itertools.count(10)
        self._pods: dict[str, list[Pod]] = {}

    def reach(self, id_: str, port: int) -> tuple[str, int]:
        """Where a target is served; an address that nobody has refuses connections."""
        pods = itertools.chain.from_iterable(self._pods.values())
        return next((pod.at for pod in pods if pod.address == id_), ("127.0.0.1", 1))

    async def create(self, app: str, version: str = "v1", *, replicas: int = 2) -> None:
        """Make an application with its Service."""
        self.create_service(app)
        for _ in range(replicas):
            pod = await self._start(app, version)
            self._tell(pod, is_ready=True)

    def create_service(self, app: str) -> None:
        """Make the Service of an application."""
        spec = {"selector": {"app": app}, "ports": [{"port": 80, "targetPort": PORT}]}
        self._store.create(
            "v1", "services", {"metadata": {"name": app, "namespace": NAMESPACE}, "spec": spec}
        )

    def _create_node(self) -> None:
        """Make the node that all pods are said to be on: one that is ready, and takes no pods of others."""
        status = {"conditions": [{"type": "Ready", "status": "True"}]}
        spec = {"taints": [{"key": "demo", "value": "albingress", "effect": "NoSchedule"}]}
        node = {"metadata": {"name": _NODE}, "spec": spec, "status": status}
        self._store.create("v1", "nodes", node)

    async def roll_over(self, app: str, version: str, gate: str = "") -> None:
        """Replace the pods one by one: each new one is waited for until its gate, if it has one, is met."""
        async with asyncio.TaskGroup() as ends:
            for old in list(self._pods[app]):
                new = await self._start(app, version, gate)
                if gate:
                    self._tell(new, is_ready=False)
                    await until(lambda name=new.name: self._is_met(name, gate), bool)  # type: ignore[misc]
                self._tell(new, is_ready=True)
                ends.create_task(self._end(app, old))

    async def close(self) -> None:
        """End every server."""
        for pod in itertools.chain.from_iterable(self._pods.values()):
            await pod.stop()

    async def _start(self, app: str, version: str, gate: str = "") -> Pod:
        number = next(self._numbers)
        pod = Pod(f"{app}-{number}", f"10.0.1.{number}", version)
        await pod.start()
        self._pods.setdefault(app, []).append(pod)
        spec: Object = {"containers": [{"name": "app", "image": "app"}], "nodeName": _NODE}
        if gate:
            spec["readinessGates"] = [{"conditionType": gate}]
        metadata = {"name": pod.name, "namespace": NAMESPACE, "labels": {"app": app}}
        self._store.create("v1", "pods", {"metadata": metadata, "spec": spec})
        return pod

    def _tell(self, pod: Pod, *, is_ready: bool) -> None:
        """Write the status as a kubelet does: the containers are ready, the pod maybe not."""
        found = self._store.get("v1", "pods", NAMESPACE, pod.name)
        ours = {"ContainersReady": "True", "Ready": "True" if is_ready else "False"}
        others = [each for each in found["status"].get("conditions", ()) if each["type"] not in ours]
        conditions = [*others, *({"type": type_, "status": status} for type_, status in ours.items())]
        status = {"phase": "Running", "podIP": pod.address, "podIPs": [{"ip": pod.address}]}
        self._store.update(
            "v1", "pods", {**found, "status": {**found["status"], **status, "conditions": conditions}}
        )

    async def _is_met(self, name: str, gate: str) -> bool:
        conditions = self._store.get("v1", "pods", NAMESPACE, name)["status"].get("conditions", ())
        return any(each["type"] == gate and each["status"] == "True" for each in conditions)

    async def _end(self, app: str, pod: Pod) -> None:
        self._store.delete("v1", "pods", NAMESPACE, pod.name, grace_seconds=int(GRACE_SECONDS))
        await asyncio.sleep(GRACE_SECONDS)
        self._store.delete("v1", "pods", NAMESPACE, pod.name)
        self._pods[app].remove(pod)
        await pod.stop()


class Users:
    """Those who ask the load balancers of the simulated AWS, by host names."""

    def __init__(self, world: World, plane: DataPlane) -> None:
        self._account, self._plane = world.aws.elbv2.account, plane
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))

    async def close(self) -> None:
        """Ask no more."""
        await self._session.close()

    def load_balancers(self) -> list[LoadBalancer]:
        """Those that there are."""
        return list(self._account.load_balancers.values())

    def rules(self) -> int:
        """How many rules there are, the default ones not counted."""
        return sum(not rule.is_default for rule in self._account.rules.values())

    def security_groups(self) -> int:
        """How many groups of the controller's making there are."""
        groups = self._account.ec2.account.security_groups.values()
        return sum(group.name.startswith("k8s-") for group in groups)

    def gate(self, app: str) -> str:
        """The readiness gate of the pods of an application: its target group has the name."""
        groups = self._account.target_groups.values()
        name = next(
            each.name for each in groups if each.tags.get(names.TAG_RESOURCE, "").endswith(f"-{app}:80")
        )
        return names.READINESS_GATE + name

    async def ask(self, host: str) -> tuple[int, str]:
        """Ask for a host: the status, 0 where no load balancer answers, and the first words."""
        listener = next((each.arn for each in self._account.listeners.values()), "")
        try:
            async with self._session.get(self._plane.url(listener), headers={"Host": host}) as reply:
                return reply.status, (await reply.text())[:60]
        except KeyError:
            return 0, "no listener"
        except (aiohttp.ClientError, TimeoutError) as error:
            return 0, str(error)

    @asynccontextmanager
    async def visiting(self, hosts: Sequence[str]) -> AsyncIterator[Counter[tuple[str, int, str]]]:
        """Ask for hosts all the time; what came, counted by host, status and text."""
        seen: Counter[tuple[str, int, str]] = Counter()

        async def visit(host: str) -> None:
            while True:
                seen[host, *await self.ask(host)] += 1
                await asyncio.sleep(0.01)

        visitors = [asyncio.create_task(visit(host)) for host in hosts]
        try:
            yield seen
        finally:
            for visitor in visitors:
                visitor.cancel()
            await asyncio.gather(*visitors, return_exceptions=True)


@asynccontextmanager
async def load_balancing(world: World, api: KubeApi) -> AsyncIterator[tuple[str, Applications, Users]]:
    """Make a VPC with subnets in two zones, and serve whatever load balancers come; gives the VPC's id."""
    network = world.aws.ec2.network
    vpc = network.create_vpc("10.0.0.0/16")
    for number, zone in enumerate("ab"):
        tags = {names.TAG_ROLE_ELB: "1", names.TAG_ROLE_INTERNAL_ELB: "1"}
        network.create_subnet(vpc.id, f"10.0.{number}.0/24", zone=f"eu-central-1{zone}", tags=tags)
    api.enable(endpoint_slices=True)
    applications = Applications(api)
    async with DataPlane(world.aws.elbv2, reach=applications.reach, health_scale=_HEALTH_SCALE) as plane:
        users = Users(world, plane)
        try:
            yield vpc.id, applications, users
        finally:
            await users.close()
            await applications.close()

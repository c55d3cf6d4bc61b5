"""What the five daemons ask of AWS and of the API server in clusters of 10, 1,000 and 5,000 nodes.

    python -m bench.scale [nodes ...]        SECONDS=300: how long an ordinary day is watched

dns, albingress and autoscaler are processes in a cluster of that size. cni and iamproxy work for one node
each: ten of each are started, and what one asks is multiplied. Every pod is replaced once a day.
cni needs root.
"""

import asyncio
import os
import re
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from addons.sim.aws.server import AwsEndpoint
from addons.sim.fabric.router import SERVICES
from addons.sim.kubeapi.calls import Request
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from bench.memory import ready
from bench.plugins import sandboxes
from bench.scale_meter import Meter
from bench.scale_world import DAY, PODS_OF_NODE, ScaledCluster
from tests.support.alb_world import definitions
from tests.support.as_daemons import DISCOVERY
from tests.support.as_world import REGION, AutoscalerWorld
from tests.support.cni_world import CniNode, CniWorld, cni_world
from tests.support.image import image_environment
from tests.support.namespaces import privileged
from tests.support.past import ROOT
from tests.support.processes import running
from tests.support.until import until

SIZES = (10, 1000, 5000)
FLEET = 10
SECONDS = float(os.environ.get("SECONDS", "300"))
QUIET_SECONDS = 15.0
"""After so long without a call a daemon has settled."""
MOST_SECONDS = 600.0
UNAVAILABLE = 0.1
"""So much of a DaemonSet is replaced at once when its chart is upgraded."""


@dataclass(frozen=True)
class Asked:
    """What a daemon, or so many, asked: calls of AWS by name, requests and bytes of the API server."""

    calls: Counter[str]
    requests: Counter[str]
    received: int


def kind_of(request: Request) -> str:
    """The verb of a request, and of what."""
    return f"{request.verb} {request.resource}" + (f"/{request.subresource}" if request.subresource else "")


class Place:
    """A daemon's way to an API server and to an AWS of its own."""

    def __init__(self, api: KubeApi, aws: AwsEndpoint, folder: Path, user: str) -> None:
        self.api, self.aws, self.folder, self.user = api, aws, folder, user
        where = urlsplit(api.url)
        self.meter = Meter(str(where.hostname), where.port or 0)
        self.kubeconfig = folder / user

    async def open(self) -> None:
        """Make the way."""
        self.api.add_user(self.user, ("system:masters",))
        self.kubeconfig.write_text(self.api.kubeconfig(self.user, url=await self.meter.start()))

    def take(self) -> Asked:
        """What was asked since this was asked last."""
        calls = Counter(f"{call.service} {call.operation}" for call in self.aws.calls)
        requests = (request for request in self.api.requests if request.user == self.user)
        found = Asked(calls, Counter(map(kind_of, requests)), self.meter.received)
        self.aws.calls.clear()
        self.api.requests[:] = [each for each in self.api.requests if each.user != self.user]
        self.meter.received = 0
        return found

    @asynccontextmanager
    async def daemon(self, name: str, *flags: str) -> AsyncIterator[int]:
        """The daemon as a process, ready; gives its process id."""
        port = free_port()
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": REGION}
        env = {**os.environ, **image_environment(ROOT), **keys, "KUBECONFIG": str(self.kubeconfig)}
        command = (sys.executable, "-m", f"addons.{name}", f"--aws-endpoint-url={self.aws.url}")
        given = (f"--listen=127.0.0.1:{port}", "--log-level=warning", *flags)
        async with running(*command, *given, env=env, stdout=DEVNULL) as process:
            await ready(process, f"http://127.0.0.1:{port}/readyz")
            yield process.pid

    async def settle(self) -> None:
        """Return when nothing was called for a while."""
        loop = asyncio.get_running_loop()
        began, count, since = loop.time(), -1, 0.0
        while loop.time() < began + MOST_SECONDS:
            if count != len(self.aws.calls):
                count, since = len(self.aws.calls), loop.time()
            if loop.time() > since + QUIET_SECONDS:
                return
            await asyncio.sleep(0.5)


def resident(pid: int) -> float:
    """MiB at most, and now."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024


def show_calls(asked: Asked, per: float, unit: str, *, times: float = 1) -> None:
    """Print how often each call was made."""
    for name, count in sorted(asked.calls.items()):
        print(f"    {name:55} {count * times / per:10.3f} {unit}", flush=True)
    if not asked.calls:
        print(f"    {'no call of AWS':55} {0:10.3f} {unit}", flush=True)


def show_day(name: str, nodes: int, asked: Asked, seconds: float, *, times: float = 1) -> None:
    """Print what an ordinary second asks."""
    size = f"{nodes:,} nodes"
    requests = asked.requests.total() * times / seconds
    print(f"  {name}, {size}, an ordinary second: {requests:.2f} requests, ", end="")
    print(f"{asked.received * times / seconds / 1024:.1f} KiB from the API server")
    for kind, count in sorted(asked.requests.items()):
        print(f"    {kind:55} {count * times / seconds:10.3f} /s")
    show_calls(asked, seconds, "/s", times=times)


async def central(nodes: int) -> None:
    """The three daemons that a cluster has one of."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with AsyncExitStack() as stack:
            api = await stack.enter_async_context(KubeApi())
            world = AutoscalerWorld(api, await stack.enter_async_context(AwsEndpoint()), folder, 0.001)
            cluster = ScaledCluster(api, nodes)
            cluster.populate(await instances(world, nodes), f"{REGION}a")
            for each in definitions():
                api.store.create("apiextensions.k8s.io/v1", "customresourcedefinitions", each)
            places: dict[str, tuple[Place, Sequence[str]]] = {
                "autoscaler": (Place(api, world.aws, folder, "autoscaler"), autoscaler_flags())
            }
            for daemon, flags_for in (("dns", dns_flags), ("albingress", alb_flags)):
                aws = await stack.enter_async_context(AwsEndpoint())
                places[daemon] = (Place(api, aws, folder, daemon), flags_for(aws))
            await asyncio.gather(*(place.open() for place, _ in places.values()))
            pids = {}
            for daemon, (place, flags) in places.items():
                pids[daemon] = await stack.enter_async_context(place.daemon(daemon, *flags))
                await place.settle()
                asked = place.take()
                print(f"{daemon}, {nodes:,} nodes, its start: {asked.requests.total()} requests, ", end="")
                print(f"{asked.received / 2**20:.1f} MiB from the API server; calls of AWS:")
                show_calls(asked, 1, "calls")
            for place, _ in places.values():
                place.take()
            replaced = await cluster.live(SECONDS)
            print(f"{nodes:,} nodes: {replaced} pods replaced in {SECONDS:.0f} s")
            for daemon, (place, _) in places.items():
                show_day(daemon, nodes, place.take(), SECONDS)
                print(f"    resident memory at most {resident(pids[daemon]):.0f} MiB", flush=True)


async def instances(world: AutoscalerWorld, nodes: int) -> list[str]:
    """The instances of so many groups of up to 100 nodes each."""
    vpc = world.aws.ec2.network.create_vpc("10.8.0.0/16")
    subnet = world.aws.ec2.network.create_subnet(vpc.id, "10.8.0.0/17", zone=f"{REGION}a").id
    world.cluster.is_paused = True
    names = [f"g{number}" for number in range(max(2, nodes // 100))]
    for name in names:
        world.add_group(name, most=2 * nodes, desired=nodes // len(names), subnets=[subnet])
    await until(lambda: sum(len(world.members(name)) for name in names) == nodes, seconds=300)
    return [member.id for name in names for member in world.members(name)]


def autoscaler_flags() -> Sequence[str]:
    return (DISCOVERY, "--cluster-name=test", f"--aws-region={REGION}", "--namespace=kube-system")


def dns_flags(aws: AwsEndpoint) -> Sequence[str]:
    aws.route53.create_zone("example.com")
    aws.route53.knobs.rate_per_second = 5.0
    return ("--source=service", "--source=ingress", "--txt-owner-id=bench", "--policy=sync")


def alb_flags(aws: AwsEndpoint) -> Sequence[str]:
    network = aws.ec2.network
    vpc = network.create_vpc("10.0.0.0/16").id
    roles = {"kubernetes.io/role/internal-elb": "1"}
    for number, zone in enumerate("ab"):
        network.create_subnet(vpc, f"10.0.{number}.0/24", zone=f"{REGION}{zone}", tags=roles)
    return ("--cluster-name=prod", f"--aws-vpc-id={vpc}", f"--aws-region={REGION}")


async def iamproxy(nodes: int) -> None:
    """Ten nodes' daemons, each with thirty pods of ten roles; namespaces as a cluster of that size has."""
    with tempfile.TemporaryDirectory() as name:
        async with KubeApi() as api, AwsEndpoint() as aws, AsyncExitStack() as stack:
            for number in range(10):
                aws.sts.create_role(f"role-{number}")
            cluster = ScaledCluster(api, FLEET)
            cluster.populate([f"i-{number}" for number in range(FLEET)], f"{REGION}a")
            for number in range(FLEET, nodes // 25):
                api.store.create("v1", "namespaces", {"metadata": {"name": f"team-{number}"}})
            place = Place(api, aws, Path(name), "iamproxy")
            await place.open()
            base = "--base-role-arn=arn:aws:iam::123456789012:role/"
            flags = (base, "--interceptor=none", "--no-namespace-restrictions", "--app-port=0")
            started = [place.daemon("iamproxy", f"--node=n{number}", *flags) for number in range(FLEET)]
            pids = [await stack.enter_async_context(each) for each in started]
            await place.settle()
            show_fleet("iamproxy", nodes, place.take())
            await cluster.live(SECONDS)
            show_day("iamproxy", nodes, place.take(), SECONDS, times=nodes / FLEET)
            print(f"    resident memory of each at most {max(map(resident, pids)):.0f} MiB", flush=True)


def show_fleet(name: str, nodes: int, asked: Asked) -> None:
    """Print what the start of one asks, and an upgrade of the chart."""
    together = max(1, nodes * UNAVAILABLE)
    print(f"{name}: the start of one: {asked.requests.total() / FLEET:.1f} requests, ", end="")
    print(f"{asked.received / FLEET / 1024:.0f} KiB from the API server; calls of AWS:")
    show_calls(asked, FLEET, "calls")
    print(f"  an upgrade in a cluster of {nodes:,} nodes starts {together:.0f} at once:")
    show_calls(asked, FLEET, "calls at once", times=together)


async def cni(sizes: Sequence[int]) -> None:
    """Ten nodes' daemons; then pods come and go on one of them."""
    async with cni_world("10.0.0.0/20") as world, AsyncExitStack() as stack:
        inside = world.vpc.fabric.router.inside
        plain = urlsplit(await world.kube.listen(inside_of_this_machine()))
        meter = Meter(str(plain.hostname), plain.port or 0)
        url = await meter.start(inside.listener(str(SERVICES), 0))
        config = world.folder / "metered"
        config.write_text(world.kube.kubeconfig(url=url))
        nodes = []
        for _ in range(FLEET):
            node = await world.add_node("m5.large")
            node.kubeconfig = config
            nodes.append(await stack.enter_async_context(node.ready("--log-level=warning")))
        await asyncio.sleep(2 * QUIET_SECONDS)
        asked = take(world, meter)
        for size in sizes:
            show_fleet("cni", size, asked)
        await asyncio.sleep(SECONDS)
        asked = take(world, meter)
        for size in sizes:
            show_day("cni", size, asked, SECONDS, times=size / FLEET)
        pods = await come_and_go(nodes[0])
        asked = take(world, meter)
        print(f"cni, {pods} pods that come and go on a node, for each:")
        show_calls(asked, pods, "calls")
        for size in sizes:
            each_second = size * PODS_OF_NODE / DAY
            print(f"  {size:,} nodes, {each_second:.2f} pods a second:")
            show_calls(asked, pods, "/s", times=each_second)


def inside_of_this_machine() -> socket.socket:
    """A socket on loopback that listens."""
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    return made


def take(world: CniWorld, meter: Meter) -> Asked:
    """What was asked since this was asked last."""
    asked = Asked(
        Counter({f"ec2 {name}": count for name, count in world.vpc.ec2.calls.items() if count}),
        Counter(map(kind_of, world.kube.requests)),
        meter.received,
    )
    world.vpc.ec2.calls.clear()
    world.kube.requests.clear()
    meter.received = 0
    return asked


async def come_and_go(node: CniNode, living: int = 5) -> int:
    """Pods that come one after the other, every second, of which a few live; how many came."""
    with ExitStack() as stack:
        pods = stack.enter_context(sandboxes(60))
        for number, pod in enumerate(pods):
            await node.network.add(pod)
            if number >= living:
                await node.network.delete(pods[number - living])
            await asyncio.sleep(1)
    return len(pods)


async def main(*sizes: int) -> None:
    for nodes in sizes:
        await central(nodes)
        await iamproxy(nodes)
    if privileged():
        await cni(sizes)
    else:
        print("cni is not measured: that needs root")


if __name__ == "__main__":
    asyncio.run(main(*(map(int, sys.argv[1:]) if sys.argv[1:] else SIZES)))

"""The story of iamproxy: each pod gets its own role, none the node's, and every refusal says why."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from addons.demo.cluster import NAMESPACE, Cluster
from addons.demo.daemon import Daemon, output_of
from addons.demo.script import Step, Story, Unmet, until
from addons.demo.vpc import NODE, NODE_ROLE, Vpc, vpc
from addons.demo.world import REGION, World
from addons.iamproxy.net.table import TABLE
from addons.sim.aws.sts.state import ACCOUNT
from addons.sim.net import NODE as NODE_ADDRESS
from addons.sim.net import Pod

BASE = f"arn:aws:iam::{ACCOUNT}:role/"
PERMITTED = ("web-*", "jobs-*")
ROLES = {"web": "web-reader", "jobs": "jobs-writer", "greedy": "admin"}
"""Pods, and the role that each asks for by its annotation."""

NOBODY = "no credentials"
LIST = "meta-data/iam/security-credentials/"


class Scene:
    """What the steps share, and the steps, each a method."""

    def __init__(
        self, world: World, cluster: Cluster, network: Vpc, pods: Mapping[str, Pod], daemon: Daemon
    ) -> None:
        self.daemon = daemon
        self._world = world
        self._cluster = cluster
        self._network = network
        self._pods = pods
        self._requests_before = 0

    def directions(self) -> str:
        """Say how to be in a pod, and on the node, when the story has been played."""
        network = self._network
        lines = [
            "# iamproxy: who the pod web is for AWS, and what the daemon on the node says",
            " ".join(network.app(self._pods["web"])),
            " ".join(network.fabric.node.command("curl", f"{self.daemon.url}/api/state")),
        ]
        return "\n".join(lines)

    async def before(self) -> str:
        """Show what is cured."""
        return await self._expect("web", f"assumed-role/{NODE_ROLE}/")

    async def start(self) -> str:
        """Start the daemon; from here on pods must not reach the node's metadata service."""
        await self.daemon.start()
        await self.daemon.ready()
        self._requests_before = len(self._network.imds.requests)
        tables = await output_of(*self._network.fabric.node.command("nft", "list", "tables"))
        if TABLE not in tables:
            raise Unmet(f"ready, but `nft list tables` says: {tables}")
        return f"ready; `nft list tables` says: {tables}"

    async def own_roles(self) -> str:
        """Let two pods ask at once."""
        asked = [self._expect(name, f"assumed-role/{ROLES[name]}/") for name in ("web", "jobs")]
        lines = await asyncio.gather(*asked)
        if (calls := self._world.aws.sts.calls["AssumeRole"]) != len(asked):
            raise Unmet(f"STS was asked {calls} times")
        return "\n".join([*lines, f"AssumeRole was called {calls} times"])

    async def why_not(self) -> str:
        """Refuse, and tell the pod, its owner and the administrator for which reason."""
        nobody = await self._expect("greedy", NOBODY)
        answer = await self._network.metadata(self._pods["greedy"], LIST)
        if answer.status != 403:
            raise Unmet(f"the answer is {answer.words}")
        events = await until(lambda: self._cluster.warnings("greedy"), bool)
        told = [f"Event {event.reason}: {event.note}" for event in events]
        return "\n".join([nobody, f"answer {answer.words}", *told, await self._check("greedy")])

    async def nothing_else(self) -> str:
        """Ask for the node's secrets by their path, and for another pod's role by its address."""
        web, greedy = self._pods["web"], self._pods["greedy"]
        lines = []
        for path, status in (("user-data", 404), (LIST + NODE_ROLE, 403)):
            answer = await self._network.metadata(web, path)
            if answer.status != status:
                raise Unmet(f"web asks for {path}: {answer.words}")
            lines.append(f"web asks for {path}: {answer.words}")
        greedy.inside.ip(f"addr add {web.address}/32 dev eth0")
        answer = await self._network.metadata(greedy, LIST, source=web.address)
        dropped = await self._dropped()
        lines.append(f"greedy asks with web's address: {answer.words}; packets dropped: {dropped}")
        if answer.text != "silence" or not dropped:
            raise Unmet(lines[-1])
        return "\n".join(lines)

    async def killed(self) -> str:
        """Kill the daemon: what led to it leads nowhere."""
        await self.daemon.kill()
        answers = [await self._network.metadata(pod, LIST) for pod in self._pods.values()]
        if any(answer.text != "connection refused" for answer in answers):
            raise Unmet(", ".join(answer.words for answer in answers))
        return f"{', '.join(self._pods)} ask: {answers[0].words}\n{await self._expect('web', NOBODY)}"

    async def restarted(self) -> str:
        """Start it again; all that time nobody but the node has reached the node's metadata service."""
        await self.daemon.start()
        await self.daemon.ready()
        web = await self._expect("web", f"assumed-role/{ROLES['web']}/")
        since = self._network.imds.requests[self._requests_before :]
        if strangers := {request.peer for request in since} - {NODE_ADDRESS}:
            raise Unmet(f"the node's metadata service was reached by {strangers}")
        return f"{web}\nsince step 2 the node has asked its metadata service {len(since)} times, pods never"

    async def _expect(self, name: str, wanted: str) -> str:
        found = await self._network.who_am_i(self._pods[name])
        told = f"{name} has {found}" if found == NOBODY else f"{name} is {found}"
        if wanted not in found:
            raise Unmet(told)
        return told

    async def _check(self, name: str) -> str:
        """Give the decision that `addons iamproxy check` tells, without what it follows from."""
        pod, kubeconfig = f"--pod={NAMESPACE}/{name}", f"--kubeconfig={self._world.kubeconfig}"
        command = (
            sys.executable,
            "-m",
            "addons.iamproxy",
            "check",
            "--offline",
            pod,
            kubeconfig,
            f"--base-role-arn={BASE}",
        )
        told = await output_of(*command)
        decision = [line for line in told.splitlines() if line.startswith(("refused:", "reason:"))]
        if len(decision) != 2:
            raise Unmet(f"check says: {told}")
        return "\n".join(f"check {line}" for line in decision)

    async def _dropped(self) -> int:
        """Count the packets that the kernel dropped because their sender is not who it says."""
        command = ("nft", "list", "chain", "inet", TABLE, "antispoof")
        rules = await output_of(*self._network.fabric.node.command(*command))
        return sum(map(int, re.findall(r"packets (\d+)", rules)))


@asynccontextmanager
async def _open(world: World, cluster: Cluster) -> AsyncIterator[Scene]:
    """Wire a node and its pods, make their roles, and let the namespace have all but `admin`."""
    async with AsyncExitStack() as stack:
        network = await stack.enter_async_context(vpc(world))
        await cluster.permit_roles(*PERMITTED)
        pods = {name: await _start_pod(network, cluster, name) for name in ROLES}
        for role in ROLES.values():
            world.aws.sts.create_role(role)
        daemon = Daemon(
            world,
            "iamproxy",
            _flags(world, network),
            8182,
            environment={"PATH": os.environ["PATH"], "HOME": str(world.folder)},
            inside=network.fabric.node,
        )
        stack.push_async_callback(daemon.stop)
        yield Scene(world, cluster, network, pods, daemon)


async def _start_pod(network: Vpc, cluster: Cluster, name: str) -> Pod:
    """Wire a pod and tell Kubernetes of it, as a kubelet would."""
    pod = network.fabric.add_pod(f"{NAMESPACE}/{name}")
    addresses = [address for address in (pod.address, pod.address_v6) if address]
    await cluster.create_pod(name, NODE, addresses, role=ROLES[name])
    return pod


def _flags(world: World, network: Vpc) -> Sequence[str]:
    """Give the flags of the daemon, as its chart would; its credentials it finds where a node has them."""
    return (
        f"--node={NODE}",
        f"--base-role-arn={BASE}",
        f"--kubeconfig={network.kubeconfig}",
        f"--aws-endpoint-url={network.aws_url}",
        f"--aws-region={REGION}",
        f"--cni-socket={world.folder}/cni.sock",
    )


STORY = Story(
    name="iamproxy",
    promise="pods get exactly their own role's credentials, never the node's",
    setting="a node and its pods, each a network namespace; 169.254.169.254 is the node's metadata service\n"
    f"pods and their roles: {', '.join(map(' = '.join, ROLES.items()))}; their namespace permits "
    f"{' and '.join(PERMITTED)}\n"
    "in the pods: boto3 as it is, with an empty environment (env -i)",
    open=_open,
    steps=(
        Step(
            "without the daemon: pod web asks AWS who it is",
            f"it is the node, with the node's role {NODE_ROLE}: this is what iamproxy cures",
            Scene.before,
        ),
        Step(
            "the iamproxy daemon starts on the node",
            "ready, with a table of rules in the node's kernel",
            Scene.start,
        ),
        Step(
            "pods web and jobs ask AWS who they are",
            "each is its own role; STS was asked once for each",
            Scene.own_roles,
        ),
        Step(
            "pod greedy asks for a role that its namespace does not permit",
            "no credentials; and why not, in the answer, in an Event, and by `addons iamproxy check`",
            Scene.why_not,
        ),
        Step(
            "web asks for what is the node's, greedy asks with web's address",
            "404 for user data, 403 for the node's role; silence for greedy, whose packets are dropped",
            Scene.nothing_else,
        ),
        Step(
            "the daemon is killed (SIGKILL)",
            "connection refused, no credentials: the rules stay, and nobody falls back on the node's role",
            Scene.killed,
        ),
        Step(
            "the daemon is started again",
            "web is its own role again; since step 2 no pod has reached the node's metadata service",
            Scene.restarted,
        ),
    ),
)

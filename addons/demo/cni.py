"""The story of cni: pods are in the VPC, a small subnet is shared to the last address, a crash is no harm."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from addons.cni.names import POD_IP
from addons.demo.cluster import NAMESPACE, Cluster
from addons.demo.daemon import Daemon
from addons.demo.nodes import NAMES, SUBNET, Node, Nodes, nodes
from addons.demo.sandbox import Sandbox
from addons.demo.script import Step, Story, Unmet, until
from addons.demo.world import World
from addons.sim.fabric.probes import Flow, flow, pings, seen_by
from addons.sim.fabric.vpc import INTERNET, PEERED

PODS = 20
NAME = "ip-"
"""What the names of these pods begin with."""
REST = 5
"""Seconds for which the address of a pod that is gone rests; 30 are the default."""
BEAT_SECONDS = 0.02


@dataclass(frozen=True)
class Seen:
    """What there is of pods, and of addresses: those told to the scheduler, and those that nobody has."""

    running: tuple[str, ...]
    bound: int
    pending: int
    told: tuple[int | None, ...]
    left: int

    def __str__(self) -> str:
        told = " + ".join("nothing" if each is None else str(each) for each in self.told)
        starting = f", {self.bound} begin to" if self.bound else ""
        return (
            f"{len(self.running)} pods run{starting}, {self.pending} are Pending; the scheduler is told of "
            f"{told} addresses, {self.left} of the subnet are left"
        )


class Scene:
    """What the steps share, and the steps, each a method."""

    def __init__(self, cluster: Cluster, site: Nodes) -> None:
        self._cluster, self._site = cluster, site

    @property
    def daemon(self) -> Daemon:
        """The daemon of the first node."""
        return self._site.nodes[0].daemon

    def directions(self) -> str:
        """Say how to be in a pod, and on a node, when the story has been played."""
        one = self._site.nodes[0]
        pod = next(iter(one.kubelet.sandboxes.values()))
        lines = [
            "# cni: who a pod is for the VPC, and what the daemon on its node says",
            " ".join(pod.inside.command("curl", f"http://{PEERED}/")),
            " ".join(one.at.inside.command("curl", f"{one.daemon.url}/api/state")),
        ]
        return "\n".join(lines)

    async def start(self) -> str:
        """Start both daemons; what nobody needs must stay in the subnet."""
        for node in self._site.nodes:
            await node.daemon.start()
        for node in self._site.nodes:
            await node.daemon.ready()
        left = self._site.subnet_left()
        seen = await until(self._look, lambda seen: seen.told == (5, 4))
        if seen.left != left:
            raise Unmet(str(seen))
        return f"both are ready; {seen}"

    async def first_pods(self) -> str:
        """Let two pods be scheduled, and ask from everywhere to everywhere."""
        await self._create(0, len(self._site.nodes))
        await until(self._look, lambda seen: len(seen.running) == len(self._site.nodes))
        lines = []
        pods = [next(iter(node.kubelet.sandboxes.values())) for node in self._site.nodes]
        for node, pod, other in zip(self._site.nodes, pods, reversed(pods), strict=True):
            await self._reaches(pod, other)
            lines.append(await self._sources(node, pod))
        return "\n".join([*lines, "each pings the other; the peered network pings both"])

    async def crowd(self) -> str:
        """Ask for more pods than there are addresses."""
        await self._create(len(self._site.nodes), PODS)
        seen = await until(self._look, lambda seen: (len(seen.running), seen.bound, seen.left) == (9, 0, 0))
        reasons = await until(self._reasons, lambda found: "" not in found)
        if refusals := [line for node in self._site.nodes for line in node.kubelet.refusals]:
            raise Unmet(f"the plugin refused pods: {refusals}")
        return "\n".join([str(seen), *(f"Pending: {reason}" for reason in reasons)])

    async def some_go(self) -> str:
        """Delete pods: others get their addresses, once these have rested."""
        before = await self._look()
        gone = before.running[-3:]
        for name in gone:
            await self._cluster.delete_pod(name)
        wanted = set(before.running) - set(gone)

        def is_met(seen: Seen) -> bool:
            return len(seen.running) == 9 and wanted < set(seen.running)

        seen = await until(self._look, is_met, 30)
        new = sorted(set(seen.running) - wanted)
        return f"deleted {', '.join(gone)}; {', '.join(new)} run in their place\n{seen}"

    async def killed(self) -> str:
        """Kill a daemon while a pod of its node talks, and start it again."""
        node = self._site.nodes[0]
        pod = next(iter(node.kubelet.sandboxes.values()))
        before = self._addresses()
        async with flow(pod.inside, str(PEERED)) as talk:
            stopped = asyncio.Event()
            beats = asyncio.create_task(_beat(talk, stopped))
            try:
                await node.daemon.kill()
                await node.daemon.start()
                await node.daemon.ready()
                seen = await until(self._look, lambda seen: len(seen.running) == 9)
            finally:
                stopped.set()
                sent, lost = await beats
        if lost or self._addresses() != before:
            raise Unmet(f"{lost} of {sent} messages were not answered; addresses before {before}, after")
        return f"{sent} messages, {sent - lost} answers, on one connection; all addresses as before\n{seen}"

    async def _create(self, first: int, end: int) -> None:
        for number in range(first, end):
            await self._cluster.create_pod_to_schedule(f"{NAME}{number:02}", {POD_IP: "1"})

    async def _look(self) -> Seen:
        pods = self._pods()
        living = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
        running = [pod["metadata"]["name"] for pod in living if pod.get("status", {}).get("podIP")]
        bound = [pod for pod in living if pod["spec"].get("nodeName")]
        status = [self._site.store.get("v1", "nodes", "", name)["status"] for name in NAMES]
        told = [each["allocatable"].get(POD_IP) for each in status]
        return Seen(
            running=tuple(running),
            bound=len(bound) - len(running),
            pending=len(living) - len(bound),
            told=tuple(None if each is None else int(each) for each in told),
            left=self._site.subnet_left(),
        )

    async def _reasons(self) -> Sequence[str]:
        """Why pods are Pending, by their own words, each once."""
        waiting = [pod for pod in self._pods() if not pod["spec"].get("nodeName")]
        conditions = [condition for pod in waiting for condition in pod["status"].get("conditions", ())]
        return sorted({condition.get("message", "") for condition in conditions})

    def _pods(self) -> list[dict[str, Any]]:
        """The pods of this story: those that ask for an address."""
        found = self._site.store.list("v1", "pods", NAMESPACE)
        return [pod for pod in found if pod["metadata"]["name"].startswith(NAME)]

    async def _reaches(self, pod: Sandbox, other: Sandbox) -> None:
        if not pings(pod.inside, other.address):
            raise Unmet(f"{pod.address} does not reach {other.address}")
        if not pings(self._site.vpc.fabric.outside, pod.address, source=str(PEERED)):
            raise Unmet(f"{PEERED} does not reach {pod.address}")

    async def _sources(self, node: Node, pod: Sandbox) -> str:
        """Under which address others see a pod: the VPC and its peers its own, the internet the node's."""
        peered, internet = [await seen_by(pod.inside, str(target)) for target in (PEERED, INTERNET)]
        name = pod.pod["metadata"]["name"]
        told = f"{name} on {node.name} has {pod.address}; {PEERED} sees {peered}, {INTERNET} sees {internet}"
        if (peered, internet) != (pod.address, str(node.at.node.public)):
            raise Unmet(f"{told}; the node's public address is {node.at.node.public}")
        return told

    def _addresses(self) -> dict[str, str]:
        return {
            name: sandbox.address
            for node in self._site.nodes
            for name, sandbox in node.kubelet.sandboxes.items()
        }


async def _beat(talk: Flow, stopped: asyncio.Event) -> tuple[int, int]:
    """Say something new again and again; how often, and how often nothing came back."""
    sent = lost = 0
    while not stopped.is_set():
        sent += 1
        lost += not await talk.beat()
        await asyncio.sleep(BEAT_SECONDS)
    return sent, lost


@asynccontextmanager
async def _open(world: World, cluster: Cluster) -> AsyncIterator[Scene]:
    async with nodes(world, [f"--ip-cooldown-period={REST}"]) as site:
        yield Scene(cluster, site)


STORY = Story(
    name="cni",
    promise="pods get addresses of the VPC, a small subnet is shared to the last one, a crash is harmless",
    setting=f"two nodes in the subnet {SUBNET}: eleven addresses, two of which are the nodes' own; nodes and "
    "pods are network namespaces\n"
    f"{PEERED} is in a peered network, {INTERNET} in the internet; both tell who asks them\n"
    "a small scheduler binds pods by what nodes have; a small kubelet calls the CNI plugin\n"
    f"addresses of pods that are gone rest {REST} s here, 30 s by default",
    open=_open,
    steps=(
        Step(
            "the cni daemon starts on both nodes",
            "ready; none takes an address for pods that are not there, and the scheduler is told of all 9",
            Scene.start,
        ),
        Step(
            "a pod on each node",
            "each has an address of the VPC; they reach each other; peers see the pod, the internet the node",
            Scene.first_pods,
        ),
        Step(
            f"{PODS} pods in all, for 9 addresses",
            "exactly 9 run, no ADD is refused, 11 stay Pending and say why",
            Scene.crowd,
        ),
        Step(
            "three pods are deleted",
            "three that were Pending run, once the addresses have rested",
            Scene.some_go,
        ),
        Step(
            f"the daemon of {NAMES[0]} is killed (SIGKILL) and started, while a pod talks over TCP",
            "nothing is lost, and every pod keeps its address",
            Scene.killed,
        ),
    ),
)

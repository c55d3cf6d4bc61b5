"""Pods that come and go on virtual time, and a resolver that asks for their names."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import dns.asyncquery
import dns.message
import dns.rcode

from addons.sim.nameserver import NameServer
from tests.support.dns_world import PREFIX, Object, World

OURS = "dns.aws-addons.io/"
HOLD, TTL = 15.0, 10
FLAGS = ("--min-event-sync-interval=2s", "--delete-budget=100")
SETTLED = 4.0
"""Seconds within which a change is in the zone: two in which changes are collected, and the way there."""

APART = {PREFIX + "hostname": "www.example.com", OURS + "multi-value": "per-pod"}

Story = Callable[["Cluster"], Coroutine[Any, Any, None]]


class Cluster(World):
    """A world in which pods run; the emulator keeps their slices."""

    def serve(self, name: str = "db", **ours: str) -> None:
        """A headless Service whose pods have names of their own."""
        annotations = {PREFIX + "hostname": f"{name}.example.com", OURS + "pod-records": "true"}
        annotations |= {OURS + key.replace("_", "-"): value for key, value in ours.items()}
        spec = {"clusterIP": "None", "selector": {"app": name}, "ports": [{"port": 80}]}
        self.create({"metadata": {"name": name, "annotations": annotations}, "spec": spec})

    def start(
        self, name: str, address: str, annotations: dict[str, str] | None = None, *, ready: bool = True
    ) -> None:
        """A pod of the StatefulSet db comes up."""
        pod: Object = {
            "metadata": {"name": name, "labels": {"app": "db"}, "annotations": annotations or {}},
            "spec": {
                "containers": [{"name": "c", "image": "i"}],
                "nodeName": "node-a",
                "hostname": name,
                "subdomain": "db",
            },
            "status": _status(address, ready),
        }
        self.create(pod, kind="pods")

    def become_ready(self, name: str, address: str) -> None:
        pod = self.api.store.get("v1", "pods", "default", name)
        self.api.store.update("v1", "pods", pod | {"status": _status(address, True)})

    def terminate(self, name: str) -> None:
        """The pod is told to end, and has a while to do so."""
        self.api.store.delete("v1", "pods", "default", name, grace_seconds=30)

    def remove(self, name: str) -> None:
        """The pod is gone."""
        self.api.store.delete("v1", "pods", "default", name)

    async def restart(self, name: str, address: str, *, takes: float) -> None:
        """The pod ends, and its successor is ready `takes` seconds later at another address."""
        self.terminate(name)
        await asyncio.sleep(3)
        self.remove(name)
        self.start(name, address, ready=False)
        await asyncio.sleep(takes)
        self.become_ready(name, address)

    def sets(self) -> dict[str, tuple[str, ...]]:
        """The values of the address records by set identifier."""
        return {
            found.set_id: found.values
            for found in self.aws.route53.record_sets(self.zone_id)
            if found.type == "A"
        }


def _status(address: str, ready: bool) -> Object:
    return {
        "phase": "Running" if ready else "Pending",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
    }


class Watcher:
    """Somebody who asks for a name ten times a second: what was answered, and when last."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = f"{name}.example.com"
        self.last_seen: dict[str, float] = {}
        self.first_missing = float("inf")

    async def ask(self) -> None:
        """Ask until cancelled; NXDOMAIN is noted like an address."""
        async with NameServer(self._world.aws.route53.zones) as server:
            host, port = server.address
            while True:
                question = dns.message.make_query(self._name, "A")
                answer = await dns.asyncquery.udp(question, host, port=port, timeout=5)
                self._note(answer)
                await asyncio.sleep(0.1)

    def _note(self, answer: dns.message.Message) -> None:
        now = asyncio.get_running_loop().time()
        if answer.rcode() == dns.rcode.NXDOMAIN:
            self.first_missing = min(self.first_missing, now)
            return
        for rrset in answer.answer:
            assert rrset.ttl == TTL
            self.last_seen.update((str(item), now) for item in rrset)


@asynccontextmanager
async def asking(world: World, name: str) -> AsyncIterator[Watcher]:
    watcher = Watcher(world, name)
    task = asyncio.create_task(watcher.ask())
    try:
        yield watcher
    finally:
        task.cancel()


def now() -> float:
    return asyncio.get_running_loop().time()

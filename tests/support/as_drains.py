"""A cluster without AWS for tests of drains: nodes, workloads, kubelets, a scheduler, and budgets."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from addons.autoscaler import names
from addons.autoscaler.controller.drain_options import DrainOptions
from addons.autoscaler.controller.drain_tools import Tools, View
from addons.autoscaler.controller.drains import Drains
from addons.autoscaler.desired.budgets import budget_of
from addons.autoscaler.desired.classes import Classes
from addons.autoscaler.desired.nodes import node_of
from addons.autoscaler.desired.pods import pod_of
from addons.autoscaler.desired.taints import TaintRules
from addons.autoscaler.kube.evictions import Evictions
from addons.autoscaler.kube.taints import Taints
from addons.autoscaler.model import objects
from addons.autoscaler.model.drains import Drain, Drained
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import Pod
from addons.runtime.errors import OutsideError
from addons.runtime.kube import KubeClient
from addons.runtime.objects import PODS
from addons.runtime.permit import Permit
from addons.runtime.store import Change
from addons.runtime.watches import Watches
from addons.sim.cluster.disruption import Disruption
from addons.sim.cluster.kubelets import Kubelets, Pace
from addons.sim.cluster.scheduler import Scheduler
from addons.sim.cluster.workloads import Workloads
from addons.sim.kubeapi.server import KubeApi
from addons.sim.kubeapi.status import StatusError
from tests.support.as_objects import Object
from tests.support.permits import PERMIT
from tests.support.virtual import virtual_now

RULES = TaintRules()


class DrainWorld:
    """The cluster, its caches as the daemon has them, and what its removals came to."""

    def __init__(self, api: KubeApi, kube: KubeClient) -> None:
        self.api, self.kube, self.store = api, kube, api.store
        self.kubelets = Kubelets(self.store, Pace())
        self._parts = (Workloads(self.store), self.kubelets, Scheduler(self.store), Disruption(self.store))
        self._woken = asyncio.Event()
        self.store.listeners.append(lambda *_: self._woken.set())
        self._classes = Classes()
        self.watches = Watches(kube)
        self._nodes = self.watches.add(objects.NODES, objects.Node, on_change=self._node_changed)
        self._budgets = self.watches.add(objects.BUDGETS, objects.PodDisruptionBudget)
        self._pods = self.watches.add(
            PODS,
            objects.Pod,
            indexers={"node": lambda pod: (pod.spec.node_name,)},
            on_change=self._pod_changed,
        )
        self.drained: list[Drained] = []
        self.terminated: list[tuple[str, float]] = []
        self.termination_errors: list[OutsideError] = []
        self.kept_after_all: dict[str, WhyNot] = {}
        self._drains: list[Drains] = []

    # What the cluster does by itself.

    async def run(self) -> None:
        while True:
            self._woken.clear()
            for part in self._parts:
                part.look()
            try:
                async with asyncio.timeout(max(0.01, min(3600.0, self.kubelets.soonest()))):
                    await self._woken.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(0.02)

    # What there is.

    def add_node(self, name: str, *, cpu: str = "4", taints: tuple[Object, ...] = (), **spec: Any) -> None:
        offered = {"cpu": cpu, "memory": "16Gi", "pods": "58"}
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        body = {
            "metadata": {"name": name, "labels": {names.HOSTNAME: name}},
            "spec": {"providerID": f"aws:///eu-central-1a/i-{name}", "taints": list(taints), **spec},
            "status": {"capacity": offered, "allocatable": offered, "conditions": [ready]},
        }
        self.store.create("v1", "nodes", body)

    def change_node(self, name: str, change: Callable[[Object], None]) -> None:
        found = self.store.get("v1", "nodes", "", name)
        change(found)
        self.store.update("v1", "nodes", found)

    def annotate(self, name: str, **annotations: str | None) -> None:
        def change(node: Object) -> None:
            held = {**(node["metadata"].get("annotations") or {}), **annotations}
            node["metadata"]["annotations"] = {key: text for key, text in held.items() if text is not None}

        self.change_node(name, change)

    def node(self, name: str) -> Object:
        found: Object = self.store.get("v1", "nodes", "", name)
        return found

    def taints(self, name: str) -> dict[str, str]:
        """The taints of a node by key, with their values."""
        return {each["key"]: each.get("value", "") for each in self.node(name)["spec"].get("taints") or ()}

    def is_cordoned(self, name: str) -> bool:
        return bool(self.node(name)["spec"].get("unschedulable"))

    def note(self, name: str) -> str:
        return str((self.node(name)["metadata"].get("annotations") or {}).get(names.DRAIN, ""))

    def pods_on(self, name: str) -> list[str]:
        """The pods on a node that are not being deleted."""
        return [
            pod["metadata"]["name"]
            for pod in self.store.list("v1", "pods")
            if pod["spec"].get("nodeName") == name and "deletionTimestamp" not in pod["metadata"]
        ]

    def evictions(self) -> int:
        """How many evictions were asked for, granted or not."""
        return sum(each.subresource == "eviction" for each in self.api.requests)

    # How the daemon sees it.

    def seen_node(self, name: str) -> Node | None:
        obj = self._nodes.get("", name)
        return None if obj is None else node_of(obj, None, RULES)

    def seen_nodes(self) -> list[Node]:
        return [node_of(obj, None, RULES) for obj in self._nodes.all()]

    def seen_pods(self, node: str) -> list[Pod]:
        return [
            pod_of(obj, self._classes)
            for obj in self._pods.by("node", node)
            if obj.status.phase not in ("Succeeded", "Failed")
        ]

    def tools(self, **options: Any) -> Tools:
        view = View(
            node=self.seen_node,
            pods=self.seen_pods,
            budgets=lambda: [budget_of(each) for each in self._budgets.all()],
        )
        return Tools(
            taints=Taints(self.kube),
            evictions=Evictions(self.kube, random.Random(1)),
            options=DrainOptions(**options),
            view=view,
            still_removable=self._still_removable,
            terminate=self._terminate,
            now=virtual_now,
        )

    def drains(self, **options: Any) -> Drains:
        """The drains of one process; another one may be made for a restart."""
        made = Drains(self.tools(**options), self.drained.append)
        self._drains.append(made)
        return made

    def drain(self, name: str, **more: Any) -> Drain:
        """A removal as a plan has it."""
        uid = self.node(name)["metadata"]["uid"]
        return Drain(node=name, uid=uid, instance=f"i-{name}", group="g", why="not needed", **more)

    async def removed(self, name: str, *, permit: Permit = PERMIT, **options: Any) -> Drained:
        """Remove one node; what came of it."""
        drains = self.drains(**options)
        assert drains.start(self.drain(name), permit)
        await drains.settled()
        return self.drained[-1]

    async def _still_removable(self, drain: Drain) -> WhyNot | None:
        return self.kept_after_all.get(drain.node)

    async def _terminate(self, drain: Drain, permit: Permit) -> OutsideError | None:
        if self.termination_errors:
            return self.termination_errors.pop(0)
        self.terminated.append((drain.instance, asyncio.get_running_loop().time()))
        return None

    def _node_changed(self, change: Change[objects.Node]) -> None:
        obj = change.new or change.old
        if obj:
            self._tell(obj.metadata.name)

    def _pod_changed(self, change: Change[objects.Pod]) -> None:
        for obj in (change.old, change.new):
            if obj:
                self._tell(obj.spec.node_name)

    def _tell(self, node: str) -> None:
        for each in self._drains:
            each.changed(node)

    def scale(self, name: str, replicas: int) -> None:
        """Let a ReplicaSet want so many pods."""
        found = self.store.get("apps/v1", "replicasets", "default", name)
        found["spec"]["replicas"] = replicas
        self.store.update("apps/v1", "replicasets", found)

    def budget_left(self, name: str) -> Mapping[str, Any]:
        found: Object = self.store.get("policy/v1", "poddisruptionbudgets", "default", name)
        return dict(found.get("status") or {})

    def remove_pod_finalizers(self) -> None:
        for pod in self.store.list("v1", "pods"):
            pod["metadata"]["finalizers"] = []
            try:
                self.store.update("v1", "pods", pod)
            except StatusError:
                continue


@asynccontextmanager
async def drain_world(folder: Path) -> AsyncIterator[DrainWorld]:
    """A cluster that acts by itself, with the daemon's caches filled from it, until the block ends."""
    api = KubeApi()
    api.store.now = virtual_now
    async with api:
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(api.kubeconfig())
        async with KubeClient.connect(str(kubeconfig)) as kube:
            world, stopping = DrainWorld(api, kube), asyncio.Event()
            async with asyncio.TaskGroup() as group:
                cluster = group.create_task(world.run())
                group.create_task(world.watches.run(stopping))
                await world.watches.wait_settled()
                yield world
                cluster.cancel()
                stopping.set()

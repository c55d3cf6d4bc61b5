"""Instances that are nodes: each gets a network, a metadata service and a kubelet, until its end."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from addons.demo.suite.pods import Machine, PodRun
from addons.sim.aws.server import AwsEndpoint
from addons.sim.cluster.nodes import Nodes
from addons.sim.fabric.world import VpcWorld, WorldNode
from addons.sim.imds import NodeCredentials
from addons.sim.kubeapi.server import KubeApi
from addons.sim.kubeapi.status import StatusError

Object = dict[str, Any]
NODE_ROLE = "node-admin"


class Kubelet:
    """What one node runs; `runs` by the uids of its pods."""

    def __init__(self, machine: Machine, nodes: Nodes) -> None:
        self.machine = machine
        self.runs: dict[str, PodRun] = {}
        self._nodes = nodes
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Task[None]] = {}
        self._is_ready = False

    def look(self, pods: Mapping[str, Object]) -> None:
        """Start the pods that are to run, by uid, and end those that are not; say once the node is ready."""
        if not self._is_ready and self.machine.conflist.exists():
            self._is_ready = True
            self._nodes.set_ready(self.machine.name, is_ready=True)
        for uid, pod in pods.items():
            if "deletionTimestamp" in pod["metadata"]:
                continue
            if uid not in self.runs and (self._is_ready or pod["spec"].get("hostNetwork")):
                self.runs[uid] = run = PodRun(self.machine, pod)
                self._tasks[uid] = asyncio.create_task(run.run())
        for uid, run in list(self.runs.items()):
            pod_now = pods.get(uid)
            if uid not in self._ends and (pod_now is None or "deletionTimestamp" in pod_now["metadata"]):
                grace = (pod_now or {"metadata": {}})["metadata"].get("deletionGracePeriodSeconds", 1)
                self._ends[uid] = asyncio.create_task(self._end(uid, run, float(grace)))
        self._remove_never_started(pods)
        self._raise_failures()

    def _remove_never_started(self, pods: Mapping[str, Object]) -> None:
        for uid, pod in pods.items():
            if "deletionTimestamp" in pod["metadata"] and uid not in self.runs:
                with suppress(StatusError):
                    metadata = pod["metadata"]
                    self.machine.api.store.delete("v1", "pods", metadata["namespace"], metadata["name"])

    def _raise_failures(self) -> None:
        """A kubelet that fails is a fault of the simulated world: it must not pass for one of a daemon."""
        for task in (*self._tasks.values(), *self._ends.values()):
            if task.done() and not task.cancelled() and (error := task.exception()):
                raise error

    async def _end(self, uid: str, run: PodRun, grace: float) -> None:
        await self._cancel(self._tasks[uid])
        await run.end(grace)
        del self.runs[uid], self._tasks[uid]
        self._ends.pop(uid)

    async def switch_off(self) -> None:
        """End everything at once, as when the power goes."""
        for task in (*self._tasks.values(), *self._ends.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), *self._ends.values(), return_exceptions=True)
        await asyncio.gather(*(run.drop() for run in self.runs.values()))

    async def _cancel(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Machines:
    """All nodes; `kubelets` by the names of nodes."""

    def __init__(self, api: KubeApi, aws: AwsEndpoint, vpc: VpcWorld, nodes: Nodes, folder: Path) -> None:
        self.kubelets: dict[str, Kubelet] = {}
        self.url = ""
        self._api, self._aws, self._vpc, self._nodes, self._folder = api, aws, vpc, nodes, folder
        self._role = aws.sts.create_role(NODE_ROLE)
        self._number = 0

    async def look(self) -> None:
        """Follow the nodes of the cluster, and let each kubelet follow its pods."""
        names = {node["metadata"]["name"] for node in self._api.store.list("v1", "nodes")}
        for name in names - self.kubelets.keys():
            if self._is_running(self._nodes.instance_of(name)):
                await self._switch_on(name)
        for name, kubelet in list(self.kubelets.items()):
            if not self._is_running(kubelet.machine.at.instance.id):
                await self._switch_off(name, kubelet)
        pods: dict[str, dict[str, Object]] = {name: {} for name in self.kubelets}
        for pod in self._api.store.list("v1", "pods"):
            node = pod["spec"].get("nodeName")
            if node in pods:
                pods[node][pod["metadata"]["uid"]] = pod
            elif node and node not in names:
                metadata = pod["metadata"]  # as the garbage collector of pods does it
                self._api.store.delete("v1", "pods", metadata["namespace"], metadata["name"])
        for name, kubelet in self.kubelets.items():
            kubelet.look(pods[name])

    async def close(self) -> None:
        """Switch everything off."""
        await asyncio.gather(*(kubelet.switch_off() for kubelet in self.kubelets.values()))

    async def _switch_on(self, name: str) -> None:
        instance = self._aws.ec2.account.instance(self._nodes.instance_of(name))
        session = self._aws.sts.open_session(self._role, instance.id)
        keys = NodeCredentials(session.access_key_id, session.secret_access_key, session.token)
        at = await self._vpc.wire(instance, role=NODE_ROLE, credentials=keys)
        self._number += 1
        folder = self._folder / f"node{self._number}"
        folder.mkdir()
        self._tell_address(name, at)
        machine = Machine(name, at, folder, self._api, self.url)
        self.kubelets[name] = Kubelet(machine, self._nodes)

    async def _switch_off(self, name: str, kubelet: Kubelet) -> None:
        del self.kubelets[name]
        await kubelet.switch_off()
        await self._vpc.unwire(kubelet.machine.at)

    def _tell_address(self, name: str, at: WorldNode) -> None:
        node = self._api.store.get("v1", "nodes", "", name)
        addresses = [*node["status"]["addresses"], {"type": "InternalIP", "address": str(at.address)}]
        self._api.store.update("v1", "nodes", {**node, "status": {**node["status"], "addresses": addresses}})

    def _is_running(self, instance_id: str) -> bool:
        instance = self._aws.ec2.account.instances.get(instance_id)
        return instance is not None and instance.state in ("pending", "running")

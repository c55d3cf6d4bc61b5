"""One pod on a node, from its sandbox to its end, and what its status says meanwhile."""

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from addons.cni.names import CONFLIST
from addons.demo.sandbox import Sandbox, call_plugin
from addons.demo.suite import images, mounts
from addons.demo.suite.application import IMAGE, Application
from addons.demo.suite.containers import Command, Container
from addons.sim.fabric.world import WorldNode
from addons.sim.kubeapi.clock import rfc3339
from addons.sim.kubeapi.server import KubeApi
from addons.sim.kubeapi.status import StatusError
from addons.sim.net import Namespace

Object = dict[str, Any]
_AGAIN_SECONDS = 0.5
_INSISTS_SECONDS = 3.0
"""How long before the end of its grace a container is killed that does not end."""


@dataclass(frozen=True)
class Machine:
    """A node as its pods see it: its network, its files, and the way to the API server.

    `refusals` is what the plugin said when it failed, with the pod's name before it.
    """

    name: str
    at: WorldNode
    folder: Path
    api: KubeApi
    url: str
    refusals: list[str] = field(default_factory=list)

    @property
    def conflist(self) -> Path:
        """What cni writes when pods can start."""
        return self.folder / "etc/cni/net.d" / CONFLIST


class PodRun:
    """Runs a pod: `run` until its deletion, then `end`, or `drop` when its node is switched off."""

    def __init__(self, machine: Machine, pod: Object) -> None:
        self.pod = pod
        self.name: str = pod["metadata"]["name"]
        self.namespace: str = pod["metadata"]["namespace"]
        self.sandbox: Sandbox | None = None
        self.containers: list[Container] = []
        self._machine = machine
        self._application: Application | None = None
        self._is_host = bool(pod["spec"].get("hostNetwork"))

    @property
    def inside(self) -> Namespace:
        """The network that its containers are in."""
        return self._machine.at.inside if self.sandbox is None else self.sandbox.inside

    @property
    def address(self) -> str:
        """Its address; "" while it has none."""
        if self._is_host:
            return str(self._machine.at.address)
        return self.sandbox.address if self.sandbox else ""

    async def run(self) -> None:
        """Start it and keep it running, until cancelled."""
        if not self._is_host:
            await self._wire()
        if images.is_application(self.pod):
            await self._serve()
            return
        if images.missing(self.pod):
            self.tell()
            images.tell(self._machine.api, self.pod)
            return
        for init in self.pod["spec"].get("initContainers", ()):
            while await self._command(init).complete():
                await asyncio.sleep(_AGAIN_SECONDS)
        self.containers = [
            Container(each, self._command(each), self.tell) for each in self.pod["spec"]["containers"]
        ]
        self.tell()
        async with asyncio.TaskGroup() as group:
            for each in self.containers:
                group.create_task(each.run())

    async def _serve(self) -> None:
        """Start the application, once no other pod of its network has the port."""
        application = Application(self.name)
        while True:
            try:
                await application.start(self.inside)
                break
            except OSError:
                await application.stop()
                await asyncio.sleep(_AGAIN_SECONDS)
        self._application = application
        self.tell()

    async def end(self, grace_seconds: float) -> None:
        """End it with its grace, give its network back, and let its object go."""
        if self._application:
            await asyncio.sleep(grace_seconds)
        grace = max(1.0, grace_seconds - _INSISTS_SECONDS)
        await asyncio.gather(*(each.stop(grace) for each in self.containers))
        await self._stop_application()
        await self._unwire()
        with suppress(StatusError):
            found = self._machine.api.store.get("v1", "pods", self.namespace, self.name)
            if found["metadata"]["uid"] == self.pod["metadata"]["uid"]:
                self._machine.api.store.delete("v1", "pods", self.namespace, self.name)

    async def drop(self) -> None:
        """End it as a machine does that is switched off: nobody is asked or told."""
        await asyncio.gather(*(each.stop(0) for each in self.containers))
        await self._stop_application()
        if self.sandbox:
            self.sandbox.inside.remove()

    async def _stop_application(self) -> None:
        if self._application:
            await self._application.stop()
            self._application = None

    async def _wire(self) -> None:
        """Get a network; after a failure in a sandbox of its own, as a container runtime does."""
        while True:
            self.sandbox = Sandbox.make(self.pod)
            code, answer = await call_plugin("ADD", self.sandbox, self._machine.conflist)
            if not code:
                self.sandbox.address = answer["ips"][0]["address"].partition("/")[0]
                return
            self._machine.refusals.append(f"{self.name}: {answer.get('msg', answer)}")
            await self._unwire()
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _unwire(self) -> None:
        """Give the network back, however often the plugin has to be asked."""
        if self.sandbox is None:
            return
        while (await call_plugin("DEL", self.sandbox, self._machine.conflist))[0]:
            await asyncio.sleep(_AGAIN_SECONDS)
        self.sandbox.inside.remove()
        self.sandbox = None

    def _command(self, container: Object) -> Command:
        machine = self._machine
        own = machine.folder / "pods" / self.name
        places = mounts.mount(machine.api, self.pod, container, host=machine.folder, own=own)
        kubeconfig = own / "kubeconfig"
        kubeconfig.write_text(mounts.access(machine.api, self.pod, machine.url))
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(own),
            "PYTHONDONTWRITEBYTECODE": "1",
            "KUBECONFIG": str(kubeconfig),
            **mounts.variables(self.pod, container, places),
        }
        words = (*entry_point(), *map(places.moved, container["args"]))
        return Command(words, environment, self.inside, own / f"{container['name']}.log")

    def tell(self) -> None:
        """Write the status of the pod, as a kubelet does; conditions of others stay."""
        store = self._machine.api.store
        try:
            pod = store.get("v1", "pods", self.namespace, self.name)
        except StatusError:
            return
        if pod["metadata"]["uid"] != self.pod["metadata"]["uid"]:
            return
        status = {**pod.get("status", {}), **self._status(pod)}
        if status != pod.get("status"):
            store.update("v1", "pods", {**pod, "status": status})

    def _status(self, pod: Object) -> Object:
        are_ready = all(each.is_ready for each in self.containers) and bool(
            self.containers or self._application
        )
        gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates", ())]
        old = pod.get("status", {}).get("conditions", ())
        met = {each["type"] for each in old if each["status"] == "True"}
        ours = {
            "Initialized": True,
            "ContainersReady": are_ready,
            "Ready": are_ready and met.issuperset(gates),
        }
        now = rfc3339(self._machine.api.store.now())
        said = {each["type"]: each for each in old}
        fresh = [_condition(said.get(type_), type_, is_true, now) for type_, is_true in ours.items()]
        return {
            "phase": "Running" if self.containers or self._application else "Pending",
            "hostIP": str(self._machine.at.address),
            "podIP": self.address,
            "podIPs": [{"ip": self.address}],
            "startTime": pod.get("status", {}).get("startTime", now),
            "conditions": [*(each for each in old if each["type"] not in ours), *fresh],
            "containerStatuses": self._container_statuses(),
        }

    def _container_statuses(self) -> list[Object]:
        if self._application:
            return [_container_status(each["name"], True, True, 0) for each in self.pod["spec"]["containers"]]
        if not self.containers:
            return images.waiting(self.pod)
        return [
            _container_status(each.name, each.is_ready, bool(each.pid), each.restarts)
            for each in self.containers
        ]


def _container_status(name: str, is_ready: bool, has_started: bool, restarts: int) -> Object:
    return {
        "name": name,
        "ready": is_ready,
        "started": has_started,
        "restartCount": restarts,
        "image": IMAGE,
        "imageID": "",
    }


def entry_point() -> Sequence[str]:
    """Give the command of the image, which the arguments of a container follow: this Python's `addons`."""
    return (sys.executable, "-m", "addons")


def _condition(old: Object | None, type_: str, is_true: bool, now: str) -> Object:
    status = "True" if is_true else "False"
    if old and old["status"] == status:
        return old
    return {"type": type_, "status": status, "lastTransitionTime": now}

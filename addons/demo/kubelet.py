"""What a node's kubelet and container runtime do for pods, as far as networks go: they call the plugin."""

import asyncio
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from addons.demo.sandbox import Sandbox, call_plugin
from addons.sim.kubeapi.status import StatusError
from addons.sim.kubeapi.store import Store

Object = dict[str, Any]


class Kubelet:
    """Starts the pods that are bound to a node, and ends those that were deleted.

    `sandboxes` are those that run, by the pods' names; `refusals` what the plugin said when it failed.
    """

    def __init__(self, store: Store, *, node: str, namespace: str, conflist: Path) -> None:
        self._store, self._node, self._namespace, self._conflist = store, node, namespace, conflist
        self._stack = ExitStack()
        self.sandboxes: dict[str, Sandbox] = {}
        self.refusals: list[str] = []

    async def run(self) -> None:
        """Look again and again until cancelled; the namespaces go then."""
        with self._stack:
            while True:
                await self.look()
                await asyncio.sleep(0.1)

    async def look(self) -> None:
        """Start what is to run, and end what is not, all at once; nothing before there is a configuration."""
        if not self._conflist.exists():
            return
        bound = self._store.list("v1", "pods", self._namespace, field_selector=f"spec.nodeName={self._node}")
        wanted = {pod["metadata"]["name"]: pod for pod in bound if "deletionTimestamp" not in pod["metadata"]}
        new = [self._start(wanted[name]) for name in wanted.keys() - self.sandboxes.keys()]
        gone = [self._end(self.sandboxes[name]) for name in self.sandboxes.keys() - wanted.keys()]
        await asyncio.gather(*new, *gone)

    async def _start(self, pod: Object) -> None:
        sandbox = Sandbox.make(pod)
        self._stack.callback(sandbox.inside.remove)
        code, answer = await call_plugin("ADD", sandbox, self._conflist)
        if code:
            self.refusals.append(f"{pod['metadata']['name']}: {answer.get('msg', answer)}")
            await call_plugin("DEL", sandbox, self._conflist)
            sandbox.inside.remove()
            return
        sandbox.address = answer["ips"][0]["address"].partition("/")[0]
        self.sandboxes[pod["metadata"]["name"]] = sandbox
        self._tell(sandbox)

    async def _end(self, sandbox: Sandbox) -> None:
        """End a sandbox once the plugin has taken its network back; else it is tried again."""
        code, answer = await call_plugin("DEL", sandbox, self._conflist)
        if code:
            self.refusals.append(f"{sandbox.pod['metadata']['name']}: {answer.get('msg', answer)}")
            return
        sandbox.inside.remove()
        del self.sandboxes[sandbox.pod["metadata"]["name"]]
        with suppress(StatusError):
            self._store.delete("v1", "pods", self._namespace, sandbox.pod["metadata"]["name"])

    def _tell(self, sandbox: Sandbox) -> None:
        status = {"phase": "Running", "podIP": sandbox.address, "podIPs": [{"ip": sandbox.address}]}
        with suppress(StatusError):  # of a pod that is gone
            pod = self._store.get("v1", "pods", self._namespace, sandbox.pod["metadata"]["name"])
            self._store.update("v1", "pods", {**pod, "status": {**pod.get("status", {}), **status}})

"""What a node's kubelet and container runtime do for pods, as far as networks go: they call the plugin."""

import asyncio
import itertools
import json
import os
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from addons.cni.plugin.install import COMPILED, TWIN
from addons.sim.kubeapi.status import StatusError
from addons.sim.kubeapi.store import Store
from addons.sim.net import Namespace

Object = dict[str, Any]

_numbers = itertools.count(1)


@dataclass
class Sandbox:
    """A pod's network namespace, and the address that the plugin gave it."""

    pod: Object
    inside: Namespace
    address: str = ""
    container: str = field(default_factory=lambda: uuid4().hex * 2)


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
        sandbox = Sandbox(pod, Namespace(f"addons-{os.getpid()}-sandbox{next(_numbers)}"))
        sandbox.inside.make()
        self._stack.callback(sandbox.inside.remove)
        sandbox.inside.ip("link set lo up")
        code, answer = await self._call("ADD", sandbox)
        if code:
            self.refusals.append(f"{pod['metadata']['name']}: {answer.get('msg', answer)}")
            await self._call("DEL", sandbox)
            sandbox.inside.remove()
            return
        sandbox.address = answer["ips"][0]["address"].partition("/")[0]
        self.sandboxes[pod["metadata"]["name"]] = sandbox
        self._tell(sandbox)

    async def _end(self, sandbox: Sandbox) -> None:
        """End a sandbox once the plugin has taken its network back; else it is tried again."""
        code, answer = await self._call("DEL", sandbox)
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

    async def _call(self, verb: str, sandbox: Sandbox) -> tuple[int, Object]:
        """Call the plugin as a runtime does; its exit code and its answer."""
        conflist = json.loads(self._conflist.read_text())
        config = {**conflist["plugins"][0], "name": conflist["name"], "cniVersion": conflist["cniVersion"]}
        process = await asyncio.create_subprocess_exec(
            *_plugin(),
            env={"PATH": os.environ["PATH"], **self._environment(verb, sandbox)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            output, _ = await process.communicate(json.dumps(config).encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, json.loads(output) if output.strip() else {}

    def _environment(self, verb: str, sandbox: Sandbox) -> dict[str, str]:
        metadata = sandbox.pod["metadata"]
        pairs = {
            "IgnoreUnknown": "1",
            "K8S_POD_NAMESPACE": self._namespace,
            "K8S_POD_NAME": metadata["name"],
            "K8S_POD_INFRA_CONTAINER_ID": sandbox.container,
            "K8S_POD_UID": metadata["uid"],
        }
        return {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": sandbox.container,
            "CNI_NETNS": str(sandbox.inside.path),
            "CNI_IFNAME": "eth0",
            "CNI_PATH": str(TWIN.parent),
            "CNI_ARGS": ";".join(f"{key}={value}" for key, value in pairs.items()),
        }


def _plugin() -> list[str]:
    """The C client where somebody has compiled it, else its twin by this Python."""
    return [str(COMPILED)] if COMPILED.is_file() else [sys.executable, "-I", "-S", str(TWIN)]

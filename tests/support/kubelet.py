"""A kubelet for one pod: runs the container of a workload as a process, as the API server holds it."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from addons.sim.kubeapi.server import KubeApi
from tests.support import processes
from tests.support.until import SECONDS, until

Object = dict[str, Any]


class Pod:
    """The process of one container, and what a kubelet knows of it."""

    def __init__(self, process: Process, container: Object, log: Path) -> None:
        self._process = process
        self._container = container
        self._log = log

    async def probe(self, kind: str) -> int:
        """Make one probe, "startupProbe" for instance; the HTTP status, or 0 when nobody answers."""
        get = self._container[kind]["httpGet"]
        ports = {port["name"]: port["containerPort"] for port in self._container.get("ports", ())}
        url = f"http://127.0.0.1:{ports.get(get['port'], get['port'])}{get['path']}"
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as reply:
                return reply.status
        except aiohttp.ClientError:
            return 0

    async def succeed(self, kind: str) -> None:
        """Wait until a probe succeeds."""

        async def look() -> bool:
            return await self.probe(kind) == 200

        await until(look, kind, unless=self._has_ended)

    async def reach(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something is true."""
        await until(condition, what, unless=self._has_ended)

    def _has_ended(self) -> str:
        return "" if self._process.returncode is None else f"the daemon has ended\n{self.log()}"

    async def stop(self) -> int:
        """Ask it to end, as before a pod is removed; the exit code."""
        if self._process.returncode is None:
            self._process.terminate()
        return await self.end()

    async def end(self) -> int:
        """Wait until it has ended; the exit code."""
        async with asyncio.timeout(SECONDS):
            return await self._process.wait()

    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text()


@asynccontextmanager
async def running(
    api: KubeApi,
    workload: Object,
    folder: Path,
    environment: Mapping[str, str],
    *,
    node: str = "node-1",
    container_name: str = "",
) -> AsyncIterator[Pod]:
    """Run a pod of a workload as its ServiceAccount on a node, with the files of its ConfigMaps in `folder`.

    Of several containers the name says which one; those that only prepare count too. What a container has
    and a process has not is replaced: the files of the mounts lie in `folder` and the arguments say so; the
    token of the ServiceAccount comes as a kubeconfig; `environment` is added.
    """
    spec = workload["spec"]["template"]["spec"]
    namespace = workload["metadata"]["namespace"]
    containers = [*spec.get("initContainers", ()), *spec["containers"]]
    (container,) = [each for each in containers if container_name in ("", each["name"])]
    places = _mount(api, namespace, spec, container, folder)
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(_kubeconfig(api, namespace, spec["serviceAccountName"]))
    arguments = [_moved(argument, places) for argument in container["args"]]
    facts = {
        "spec.nodeName": node,
        "metadata.name": f"{workload['metadata']['name']}-0",
        "metadata.namespace": namespace,
        "metadata.uid": "uid-of-the-pod",
    }
    variables = {item["name"]: _value(item, facts) for item in container.get("env", ())}
    log = folder / "log"
    command = (sys.executable, "-m", "addons", *arguments, f"--kubeconfig={kubeconfig}")
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables, **environment}
    with log.open("wb") as output:
        async with processes.running(*command, env=env, stdout=output, stderr=output) as process:
            yield Pod(process, container, log)


def _mount(api: KubeApi, namespace: str, spec: Object, container: Object, folder: Path) -> dict[str, Path]:
    """Write the files of every ConfigMap that is mounted; the folder that stands for each mount path."""
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    places = {}
    for mount in container["volumeMounts"]:
        place = folder / mount["name"]
        place.mkdir()
        places[mount["mountPath"]] = place
        if source := volumes[mount["name"]].get("configMap"):
            data = api.store.get("v1", "configmaps", namespace, source["name"])["data"]
            for item in source.get("items") or [{"key": key, "path": key} for key in data]:
                (place / item["path"]).write_text(data[item["key"]])
    return places


def _kubeconfig(api: KubeApi, namespace: str, account: str) -> str:
    api.store.get("v1", "serviceaccounts", namespace, account)
    user = f"system:serviceaccount:{namespace}:{account}"
    api.add_user(user, groups=("system:serviceaccounts", f"system:serviceaccounts:{namespace}"))
    return api.kubeconfig(user)


def _value(variable: Object, facts: Mapping[str, str]) -> str:
    """The value of a variable, written out or by the downward API."""
    if "value" in variable:
        return str(variable["value"])
    return facts[variable["valueFrom"]["fieldRef"]["fieldPath"]]


def _moved(argument: str, places: Mapping[str, Path]) -> str:
    flag, equals, value = argument.partition("=") if argument.startswith("-") else ("", "", argument)
    for path, place in places.items():
        if value.startswith(f"{path}/"):
            return f"{flag}{equals}{place}{value.removeprefix(path)}"
    return argument

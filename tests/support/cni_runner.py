"""What a container runtime does with a network configuration list, as libcni 1.3 does it.

    with PluginExecutor(node.inside) as executor:
        network = Network(json.loads(conflist.read_text()), executor, folders=[bin], cache=tmp_path)
        with pod_network() as pod:
            result = await network.add(pod)
            await network.delete(pod)

Plugins are called in order, each with the result of the one before it, and backwards for DEL; the last
result is kept on disk for CHECK, DEL and GC. `calls` has every call with the configuration that was given.
"""

import asyncio
import base64
import json
import os
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from addons.sim.net import Namespace
from tests.support.cni_exec import PluginExecutor, find_plugin
from tests.support.cni_results import VERSIONS, at_least, converted
from tests.support.cni_sandbox import Sandbox

Object = dict[str, Any]

_GC_KEYS = ("cni.dev/valid-attachments", "cni.dev/attachments")
_OF_SANDBOX = ("CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS")


class PluginError(Exception):
    """A plugin has failed; `code`, `message`, `details` are those of its error."""

    def __init__(self, verb: str, plugin: str, answer: Object, stderr: str) -> None:
        self.code = int(answer.get("code", 0))
        self.message = str(answer.get("msg", ""))
        self.details = str(answer.get("details", ""))
        self.stderr = stderr
        words = "; ".join(filter(None, (self.message, self.details)))
        super().__init__(f'plugin type="{plugin}" failed ({verb.lower()}): {words or stderr.strip()}')


@dataclass(frozen=True)
class Call:
    """One call of a plugin: its environment and its configuration."""

    plugin: str
    verb: str
    environment: Mapping[str, str]
    config: Object


class Network:
    """One network configuration list, the plugins of some folders, and the cache of its results.

    `cni_version` picks the version of the specification; without it the highest that is known counts, of
    `cniVersion` and `cniVersions`. `containerd_16` has the older rule: `cniVersion` alone.
    """

    def __init__(
        self,
        conflist: Object,
        executor: PluginExecutor,
        *,
        folders: Sequence[Path],
        cache: Path,
        cni_version: str = "",
        containerd_16: bool = False,
        seconds: float = 240.0,
    ) -> None:
        offered = [conflist["cniVersion"], *([] if containerd_16 else conflist.get("cniVersions", ()))]
        self.version = cni_version or max((v for v in offered if v in VERSIONS), key=VERSIONS.index)
        self.name = str(conflist["name"])
        self.calls: list[Call] = []
        self._list = conflist
        self._executor, self._folders, self._cache, self._seconds = executor, folders, cache, seconds

    async def add(self, sandbox: Sandbox) -> Object:
        """Give a sandbox its network, and the result of the last plugin, in the list's version.

        Raises PluginError; nothing is undone then, which is the runtime's task (it sends DEL).
        """
        result: Object | None = None
        for plugin in self.plugins:
            answer = await self._call("ADD", plugin, sandbox, previous=result)
            result = converted(answer, self.version)
        assert result is not None, f"{self.name} has no plugin"
        self._keep(sandbox, result)
        return result

    async def delete(self, sandbox: Sandbox) -> None:
        """Take a sandbox's network away, the last plugin first. Raises PluginError; the result stays then."""
        result = self._kept(sandbox)
        for plugin in reversed(self.plugins):
            await self._call("DEL", plugin, sandbox, previous=result)
        self._file(sandbox).unlink(missing_ok=True)

    async def check(self, sandbox: Sandbox) -> None:
        """Have every plugin check what it has made. Raises PluginError for what is not as it was made."""
        if self._list.get("disableCheck"):
            return
        result = self._kept(sandbox)
        for plugin in self.plugins:
            await self._call("CHECK", plugin, sandbox, previous=result)

    async def status(self) -> None:
        """Ask whether plugins can serve an ADD. Raises PluginError; before version 1.1.0 nobody is asked."""
        if at_least(self.version, "1.1.0"):
            for plugin in self.plugins:
                await self._call("STATUS", plugin)

    async def collect(self, living: Sequence[Sandbox]) -> None:
        """Garbage-collect all but some: DEL for every other one that is cached, then GC (from 1.1.0 on).

        A plugin that fails keeps none from being called; all failures come in one ExceptionGroup.
        """
        if self._list.get("disableGC"):
            return
        valid = {(each.container, each.ifname) for each in living}
        rest = [each for each in self._cached() if (each.container, each.ifname) not in valid]
        tasks: list[Coroutine[Any, Any, object]] = [self.delete(each) for each in rest]
        if at_least(self.version, "1.1.0"):
            attachments = [{"containerID": each.container, "ifname": each.ifname} for each in living]
            more = dict.fromkeys(_GC_KEYS, attachments)
            tasks += [self._call("GC", plugin, more=more) for plugin in self.plugins]
        await _in_order(tasks)

    async def supported_versions(self) -> list[Object]:
        """What each plugin says to VERSION."""
        return [
            await self._call("VERSION", plugin, more={"cniVersion": self.version}) for plugin in self.plugins
        ]

    @property
    def plugins(self) -> list[Object]:
        return list(self._list["plugins"])

    async def _call(
        self,
        verb: str,
        plugin: Object,
        sandbox: Sandbox | None = None,
        *,
        previous: Object | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> Object:
        call = Call(
            plugin["type"],
            verb,
            self._environment(verb, sandbox),
            self._config(plugin, sandbox, previous, more),
        )
        self.calls.append(call)
        ended = await asyncio.get_running_loop().run_in_executor(
            self._executor.pool,
            lambda: self._executor.run(
                find_plugin(self._folders, call.plugin),
                call.environment,
                json.dumps(call.config).encode(),
                seconds=self._seconds,
            ),
        )
        answer: Object = json.loads(ended.out) if ended.out.strip() else {}
        if ended.code:
            raise PluginError(verb, call.plugin, answer, ended.err)
        return answer

    def _environment(self, verb: str, sandbox: Sandbox | None) -> dict[str, str]:
        made = {"CNI_COMMAND": verb, "CNI_PATH": os.pathsep.join(map(str, self._folders))}
        if verb == "VERSION":  # for plugins of old, which ask for all of them
            return made | dict.fromkeys(_OF_SANDBOX, "dummy")
        values = (
            (sandbox.container, sandbox.netns, sandbox.ifname, sandbox.arguments) if sandbox else [""] * 4
        )
        return made | dict(zip(_OF_SANDBOX, values, strict=True))

    def _config(
        self, plugin: Object, sandbox: Sandbox | None, previous: Object | None, more: Mapping[str, Any] | None
    ) -> Object:
        made = {**plugin, "name": self.name, "cniVersion": self.version, **(more or {})}
        if previous is not None:
            made["prevResult"] = previous
        declared = plugin.get("capabilities", {})
        given = sandbox.capabilities if sandbox else {}
        if runtime := {key: value for key, value in given.items() if declared.get(key)}:
            made["runtimeConfig"] = runtime
        return made

    def _file(self, sandbox: Sandbox) -> Path:
        return self._cache / "results" / f"{self.name}-{sandbox.container}-{sandbox.ifname}"

    def _keep(self, sandbox: Sandbox, result: Object) -> None:
        kept = {
            "kind": "cniCacheV1",
            "containerId": sandbox.container,
            "config": base64.b64encode(json.dumps(self._list).encode()).decode(),
            "ifName": sandbox.ifname,
            "networkName": self.name,
            "netns": sandbox.netns,
            "cniArgs": [pair.split("=", 1) for pair in sandbox.arguments.split(";")],
            "capabilityArgs": dict(sandbox.capabilities),
            "result": result,
        }
        file = self._file(sandbox)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(kept))

    def _kept(self, sandbox: Sandbox) -> Object | None:
        """The result of a sandbox in the list's version; None when there is none (any more)."""
        file = self._file(sandbox)
        return converted(json.loads(file.read_text())["result"], self.version) if file.exists() else None

    def _cached(self) -> Iterator[Sandbox]:
        """The sandboxes whose results are kept."""
        for file in sorted((self._cache / "results").glob(f"{self.name}-*")):
            kept = json.loads(file.read_text())
            arguments = dict(kept["cniArgs"])
            yield Sandbox(
                Namespace(Path(kept["netns"]).name) if kept["netns"] else None,
                name=arguments["K8S_POD_NAME"],
                namespace=arguments["K8S_POD_NAMESPACE"],
                uid=arguments["K8S_POD_UID"],
                container=kept["containerId"],
                ifname=kept["ifName"],
                capabilities=kept["capabilityArgs"],
            )


async def _in_order(tasks: Iterable[Coroutine[Any, Any, object]]) -> None:
    """Do all, one after the other; raise together what plugins have failed with."""
    failures: list[Exception] = []
    for task in tasks:
        try:
            await task
        except (PluginError, FileNotFoundError) as failure:
            failures.append(failure)
    if failures:
        raise ExceptionGroup("garbage collection failed", failures)

"""CNI plugins as processes in a node's network, started and killed as a container runtime does it."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from addons.sim.net import Namespace, enter
from tests.support.processes import Ended

_PATIENCE_SECONDS = 240.0
"""After so long the kubelet gives a sandbox up, and containerd kills the plugin."""


class PluginExecutor:
    """Runs plugins from threads inside a node's network; a context manager, as the threads end with it.

    A plugin has the environment that is given here (a runtime's own leaks into it) and that of its call.
    """

    def __init__(
        self, inside: Namespace, *, environment: Mapping[str, str] | None = None, parallel: int = 64
    ) -> None:
        self._environment = {"PATH": os.environ["PATH"]} if environment is None else dict(environment)
        self._running: dict[str, list[subprocess.Popen[bytes]]] = {}
        self.pool = ThreadPoolExecutor(max_workers=parallel, initializer=lambda: enter(inside.path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for container in list(self._running):
            self.kill(container)
        self.pool.shutdown()

    def run(
        self, plugin: Path, call: Mapping[str, str], stdin: bytes, *, seconds: float = _PATIENCE_SECONDS
    ) -> Ended:
        """Run a plugin to its end, in a thread of `pool`; the code of one that was killed is -9."""
        process = subprocess.Popen(
            [plugin],
            env={**self._environment, **call},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        running = self._running.setdefault(call.get("CNI_CONTAINERID", ""), [])
        running.append(process)
        try:
            out, err = process.communicate(stdin, seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        finally:
            running.remove(process)
        return Ended(process.returncode, out.decode(), err.decode())

    def is_running(self, container: str) -> bool:
        """Whether a plugin runs for a container at this moment."""
        return bool(self._running.get(container))

    def kill(self, container: str) -> None:
        """Kill every plugin that runs for a container."""
        for process in tuple(self._running.get(container, ())):
            process.kill()


def find_plugin(folders: Sequence[Path], name: str) -> Path:
    """The executable of a plugin, in the first folder that has it. Raises FileNotFoundError."""
    for folder in folders:
        if os.access(folder / name, os.X_OK):
            return folder / name
    raise FileNotFoundError(f'failed to find plugin "{name}" in path {[str(each) for each in folders]}')

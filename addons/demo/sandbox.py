"""A pod's network namespace, and the calls of the CNI plugin by which a container runtime wires it."""

import asyncio
import itertools
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from addons.cni.plugin.install import COMPILED, TWIN
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

    @classmethod
    def make(cls, pod: Object) -> "Sandbox":
        """Make the namespace for a pod; it has nothing but its loopback."""
        made = cls(pod, Namespace(f"addons-{os.getpid()}-sandbox{next(_numbers)}"))
        made.inside.make()
        made.inside.ip("link set lo up")
        return made


async def call_plugin(verb: str, sandbox: Sandbox, conflist: Path) -> tuple[int, Object]:
    """Call the plugin as a runtime does, with the configuration that cni wrote; its exit code and answer."""
    read = json.loads(conflist.read_text())
    config = {**read["plugins"][0], "name": read["name"], "cniVersion": read["cniVersion"]}
    process = await asyncio.create_subprocess_exec(
        *_plugin(),
        env={"PATH": os.environ["PATH"], **_environment(verb, sandbox)},
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


def _environment(verb: str, sandbox: Sandbox) -> Mapping[str, str]:
    metadata = sandbox.pod["metadata"]
    pairs = {
        "IgnoreUnknown": "1",
        "K8S_POD_NAMESPACE": metadata["namespace"],
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


def _plugin() -> Sequence[str]:
    """The C client where somebody has compiled it, else its twin by this Python."""
    return [str(COMPILED)] if COMPILED.is_file() else [sys.executable, "-I", "-S", str(TWIN)]

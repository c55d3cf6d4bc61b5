"""Sandboxes of pods as a container runtime makes them, with network namespaces of their own."""

import itertools
import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from addons.sim.net import Namespace

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Sandbox:
    """A pod's sandbox as a runtime has it; `inside` is None once its network namespace is gone."""

    inside: Namespace | None
    name: str = "web"
    namespace: str = "default"
    uid: str = field(default_factory=lambda: str(uuid4()))
    container: str = field(default_factory=lambda: uuid4().hex * 2)
    ifname: str = "eth0"
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of capabilities, e.g. {"portMappings": [...]}; a plugin gets those that it declares."""

    @property
    def netns(self) -> str:
        """The path of its network namespace."""
        return str(self.inside.path) if self.inside else ""

    @property
    def arguments(self) -> str:
        """CNI_ARGS of the kubelet's pods, in another order each time, as containerd has it."""
        pairs = [
            ("K8S_POD_NAMESPACE", self.namespace),
            ("K8S_POD_NAME", self.name),
            ("K8S_POD_INFRA_CONTAINER_ID", self.container),
            ("K8S_POD_UID", self.uid),
            ("IgnoreUnknown", "1"),
        ]
        random.shuffle(pairs)
        return ";".join(f"{key}={value}" for key, value in pairs)


@contextmanager
def pod_network(name: str = "web", **more: Any) -> Iterator[Sandbox]:
    """A sandbox with a network namespace of its own, which has a loopback link, as runtimes make it."""
    inside = Namespace(f"addons-sandbox-{os.getpid()}-{next(_numbers)}")
    inside.make()
    try:
        inside.ip("link set lo up")
        yield Sandbox(inside, name=name, **more)
    finally:
        inside.remove()

"""autoscaler on a real Kubernetes: instances of a simulated group are real kubelets, pods really move."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from addons.demo.daemon import Daemon, output_of, running
from addons.demo.world import World
from addons.sim.ports import free_port
from tests.support.cluster import Cluster
from tests.support.kubectl import Kubectl, require_kubectl
from tests.support.kubelet_fleet import Instance, KubeletFleet
from tests.support.kubelet_fleet import running as machines_of
from tests.support.nodes import Site
from tests.support.until import until

pytestmark = [pytest.mark.kube, pytest.mark.timeout(300)]

ZONE = "eu-central-1a"
POOL = "pool.example.com/name"
APP = "web"

Object = dict[str, Any]


@pytest.fixture(scope="module")
def cluster(site: Site) -> Iterator[Cluster]:
    """The cluster with nodes of its own, on which no pod of these tests may run."""
    yield site.cluster


@dataclass
class Scene:
    """A group of real nodes, and the daemon that grows and shrinks it."""

    kubectl: Kubectl
    world: World
    group: str
    daemon: Daemon
    fleet: KubeletFleet

    async def desired(self) -> int:
        """The capacity that the group is asked to have."""
        return int((await described(self.world, self.group))["DesiredCapacity"])

    async def apply(self, *objects: Object) -> None:
        """Write objects."""
        for each in objects:
            await self.kubectl.ok("apply", "-f", "-", stdin=each)

    async def running_on(self) -> dict[str, str]:
        """The pods of the application that are ready, each with its node."""
        pods = (await self.kubectl.json("pods", "-l", f"app={APP}"))["items"]
        return {
            pod["metadata"]["name"]: pod["spec"]["nodeName"]
            for pod in pods
            if not pod["metadata"].get("deletionTimestamp") and is_ready(pod)
        }

    async def events(self, reason: str) -> list[str]:
        """The messages of all Events with a reason."""
        found = (await self.kubectl.json("events.events.k8s.io", "-A"))["items"]
        return [each.get("note", "") for each in found if each["reason"] == reason]

    async def explain(self, about: str) -> str:
        """What `addons explain` says of an object."""
        import sys

        command = (sys.executable, "-m", "addons", "explain", about, f"--url={self.daemon.url}")
        return await output_of(*command)


def is_ready(pod: Object) -> bool:
    """Whether a pod serves."""
    conditions = pod["status"].get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def deployment(replicas: int, *, cpu: str = "700m") -> Object:
    """An application whose pods run on nodes of the pool only; two fit on each."""
    container = {
        "name": "main",
        "image": "local/busybox:1",
        "imagePullPolicy": "Never",
        "command": ["sleep", "1000000"],
        "resources": {"requests": {"cpu": cpu}},
    }
    spec = {
        "nodeSelector": {POOL: "web"},
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
    }
    labels = {"app": APP}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": APP},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def budget(least: int) -> Object:
    """A disruption budget of the application."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": APP},
        "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": APP}}},
    }

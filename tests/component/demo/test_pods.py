"""Pods that somebody makes in a world that is kept: they run, or say why not, and harm no other pod."""

import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from addons.demo.suite.machines import Kubelet
from addons.demo.suite.pods import Machine
from addons.sim.cluster.nodes import Nodes
from addons.sim.fabric.world import WorldNode
from addons.sim.kubeapi.server import KubeApi
from tests.support.until import until

Object = dict[str, Any]


class Network:
    """Loopback in the place of a node's network; its port is `taken` for some calls."""

    def __init__(self, taken: int) -> None:
        self._taken = taken

    def listener(self, host: str, port: int) -> socket.socket:
        if self._taken:
            self._taken -= 1
            raise OSError(errno.EADDRINUSE, f"port {port} of {host} is in use")
        return socket.create_server(("127.0.0.1", 0))


@asynccontextmanager
async def kubelet_of(api: KubeApi, folder: Path, *, taken: int = 0) -> AsyncIterator[Kubelet]:
    """A kubelet of the story."""
    inside = Network(taken)
    node = cast(WorldNode, SimpleNamespace(address="127.0.0.1", inside=inside))
    kubelet = Kubelet(Machine("node", node, folder, api, api.url), cast(Nodes, None))
    try:
        yield kubelet
    finally:
        await kubelet.switch_off()


def make_pod(api: KubeApi, name: str, image: str) -> Object:
    spec = {"hostNetwork": True, "nodeName": "node", "containers": [{"name": "main", "image": image}]}
    return api.store.create("v1", "pods", {"metadata": {"name": name, "namespace": "default"}, "spec": spec})


async def statuses(api: KubeApi, folder: Path, *images: str, taken: int = 0) -> list[Object]:
    """What pods, each with one of the images, have as their statuses when all of them have one."""
    pods = {f"pod-{number}": make_pod(api, f"pod-{number}", image) for number, image in enumerate(images)}

    async with kubelet_of(api, folder, taken=taken) as kubelet:

        def told() -> list[Object]:
            kubelet.look({pod["metadata"]["uid"]: pod for pod in pods.values()})
            now = [api.store.get("v1", "pods", "default", name)["status"] for name in pods]
            return now if all("containerStatuses" in each for each in now) else []

        return cast(list[Object], await until(told, "every pod has the statuses of its containers"))


@pytest.fixture
async def api() -> AsyncIterator[KubeApi]:
    async with KubeApi() as server:
        yield server


async def test_a_pod_of_the_application_is_ready_with_its_container(api: KubeApi, tmp_path: Path) -> None:
    (status,) = await statuses(api, tmp_path, "app")
    assert status["phase"] == "Running"
    assert [each["ready"] for each in status["containerStatuses"]] == [True]


@pytest.mark.parametrize("image", ["nginx:1.29", "docker.io/local/addons:0.1.0"])
async def test_a_pod_of_an_image_that_is_not_there_for_it_waits_and_costs_no_other(
    api: KubeApi, tmp_path: Path, image: str
) -> None:
    absent, there = await statuses(api, tmp_path, image, "app")
    assert absent["phase"] == "Pending"
    assert absent["containerStatuses"][0]["state"]["waiting"]["reason"] == "ErrImagePull"
    assert there["phase"] == "Running"
    (event,) = api.store.list("v1", "events")
    assert event["involvedObject"]["name"] == "pod-0"
    assert event["message"] == f"no image {image}: in the simulated world pods of yours can have 'app' alone"


async def test_a_pod_whose_port_is_taken_runs_once_it_is_free(api: KubeApi, tmp_path: Path) -> None:
    assert [each["phase"] for each in await statuses(api, tmp_path, "app", "app", taken=1)] == ["Running"] * 2

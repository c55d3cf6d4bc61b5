"""A roll of a group of a matrix on a real Kubernetes: real kubelets go for new ones, under a real budget."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from addons.demo.world import World
from tests.e2e.test_autoscaler import APP, POOL, ZONE, booted, budget, deployment, is_ready
from tests.support.cluster import Cluster
from tests.support.kubectl import Kubectl
from tests.support.kubelet_fleet import KubeletFleet
from tests.support.kubelet_fleet import running as machines_of
from tests.support.nodes import Site
from tests.support.until import until

pytestmark = [pytest.mark.kube, pytest.mark.timeout(300)]

GROUP = "e2e-web-m5-large-od-a"
LINE = (
    "{.type}|{.object.metadata.name}|{.object.metadata.deletionTimestamp}|"
    '{.object.status.conditions[?(@.type=="Ready")].status}{"\\n"}'
)
"""What is told of an event of a pod."""
OLD, NEW = "ami-00000000000000001", "ami-00000000000000002"


@pytest.fixture(scope="module")
def cluster(site: Site) -> Cluster:
    """The cluster with nodes of its own, on which no pod of these tests may run."""
    return site.cluster


@dataclass
class Matrix:
    """The matrix of one cell, and its commands as processes."""

    world: World
    namespace: str
    subnet: str

    def write(self, image: str) -> None:
        """Write the file, with this image."""
        self.file.write_text(
            "matrix: e2e\ncluster: e2e\n"
            f"defaults: {{image: {image}, min: 2, max: 3, tags: {{{POOL}: {self.namespace}}}}}\n"
            "dimensions:\n  instanceTypes: [m5.large]\n  services: [web]\n"
            f"  zones: {{{ZONE}: {self.subnet}}}\n"
        )

    @property
    def file(self) -> Path:
        """Where it is."""
        return self.world.folder / "matrix.yaml"

    async def run(self, command: str, *flags: str) -> tuple[int, str, str]:
        """Run a command; exit code, standard output and standard error."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "addons", "autoscaler", "matrix", command, str(self.file)),
            *(f"--kubeconfig={self.world.kubeconfig}", f"--aws-endpoint-url={self.world.aws.url}"),
            *(f"--namespace={self.namespace}", "--node-delete-delay-after-taint=1s", *flags),
            env=os.environ | self.world.environment(),
            stdout=PIPE,
            stderr=PIPE,
        )
        out, err = await process.communicate()
        print(command, out.decode(), err.decode())
        return process.returncode or 0, out.decode(), err.decode()


@pytest.fixture
async def matrix(world: World, namespace: str) -> Matrix:
    """A matrix, not applied yet."""
    network = world.aws.ec2.network
    subnet = network.create_subnet(network.create_vpc("10.0.0.0/16").id, "10.0.0.0/24", zone=ZONE)
    knobs = world.aws.autoscaling.knobs
    knobs.launch_seconds = knobs.terminate_seconds = 0.5
    return Matrix(world, namespace, subnet.id)


@asynccontextmanager
async def watched(kubectl: Kubectl) -> AsyncIterator[list[int]]:
    """How many pods of the application were ready, after each change that the API server tells of."""
    ready: dict[str, bool] = {}
    counts: list[int] = []
    watch = ("get", "pods", "-l", f"app={APP}", "--watch", "--output-watch-events", f"-o=jsonpath={LINE}")

    async def count(next_line: Callable[[], Coroutine[Any, Any, str]]) -> None:
        while line := await next_line():
            kind, name, deleted, is_ready = line.strip().split("|")
            ready[name] = is_ready == "True" and not deleted and kind != "DELETED"
            counts.append(sum(ready.values()))

    async with kubectl.follow(*watch) as next_line:
        counting = asyncio.create_task(count(next_line))
        try:
            yield counts
        finally:
            counting.cancel()
            await asyncio.wait([counting])


async def test_two_nodes_are_replaced_as_soon_as_the_budget_of_their_pods_lets_them(
    site: Site, kubectl: Kubectl, world: World, matrix: Matrix
) -> None:
    matrix.write(OLD)
    assert (await matrix.run("apply"))[0] == 0
    fleet = KubeletFleet(site, kubectl, lambda: booted(world, GROUP, matrix.namespace))
    async with machines_of(fleet):
        await kubectl.ok("apply", "-f", "-", stdin=deployment(matrix.namespace, 2, cpu="1100m"))

        async def run_on_two_nodes() -> bool:
            pods = (await kubectl.json("pods", "-l", f"app={APP}"))["items"]
            return len({pod["spec"].get("nodeName") for pod in pods if is_ready(pod)}) == 2

        await until(run_on_two_nodes, "the pods run on two nodes", seconds=180)
        old = set(fleet.nodes.values())
        await kubectl.ok("apply", "-f", "-", stdin=budget(2))
        matrix.write(NEW)
        assert (await matrix.run("apply"))[0] == 0

        code, out, err = await matrix.run("roll", "--max-pod-eviction-time=3s")
        assert (code, out.splitlines()[0]) == (3, f"{GROUP}: 1 new instance comes before 1 old goes")
        assert err.startswith(f"paused: {GROUP}: node ")
        assert "its disruption budget allows none to go" in err
        assert old < set(fleet.nodes.values())
        nodes = [each for each in (await kubectl.json("nodes"))["items"] if each["metadata"]["name"] in old]
        assert [each["spec"].get("taints") or each["spec"].get("unschedulable") for each in nodes] == [
            None
        ] * 2

        await kubectl.ok("apply", "-f", "-", stdin=budget(1))
        async with watched(kubectl) as counts:
            code, out, err = await matrix.run("roll")
            await until(run_on_two_nodes, "the pods run on two nodes", seconds=180)
        assert (code, out.splitlines()[-1]) == (0, f"rolled: {GROUP}: 2 instances"), err
        assert min(counts[2:]) >= 1
        assert len(counts) > 8
        assert not old & set(fleet.nodes.values())
    assert world.aws.autoscaling.groups[GROUP].desired == 2
    images = {
        world.aws.ec2.account.instances[each.id].image_id for each in world.aws.autoscaling.members(GROUP)
    }
    assert images == {NEW}

"""autoscaler on a real Kubernetes: instances of a simulated group are real kubelets, pods really move."""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from addons.demo.daemon import Daemon, output_of, running
from addons.demo.world import World
from addons.sim.ports import free_port
from tests.support.aws import World as Aws
from tests.support.cluster import Cluster
from tests.support.kubectl import Kubectl
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
def cluster(site: Site) -> Cluster:
    """The cluster with nodes of its own, on which no pod of these tests may run."""
    return site.cluster


@dataclass
class Scene:
    """A group of real nodes, and the daemon that grows and shrinks it.

    The pool has the name of the test's namespace: pods that other tests left behind do not run there.
    """

    kubectl: Kubectl
    world: World
    pool: str
    group: str
    daemon: Daemon
    fleet: KubeletFleet

    @property
    def desired(self) -> int:
        """The capacity that the group is asked to have."""
        return self.world.aws.autoscaling.groups[self.group].desired

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

    async def is_whole(self) -> bool:
        """Whether both pods run, on nodes that are there."""
        pods = await self.running_on()
        return len(pods) == 2 and set(pods.values()) <= set(self.fleet.nodes.values())

    async def events(self, reason: str) -> list[str]:
        """The messages of all Events with a reason."""
        found = (await self.kubectl.json("events.events.k8s.io", "-A"))["items"]
        return [each.get("note", "") for each in found if each["reason"] == reason]

    async def explain(self, about: str) -> str:
        """What `addons explain` says of an object."""
        command = (sys.executable, "-m", "addons", "explain", about, f"--url={self.daemon.url}")
        return await output_of(*command)


@pytest.fixture
async def scene(site: Site, kubectl: Kubectl, world: World, namespace: str) -> AsyncIterator[Scene]:
    """A group of no nodes, three at most, and the daemon."""
    group = f"web-{namespace}"
    await make_group(world, group, pool=namespace)
    daemon = Daemon(world, "autoscaler", flags(world, namespace, group), free_port())
    fleet = KubeletFleet(site, kubectl, lambda: booted(world, group, namespace))
    async with machines_of(fleet), running(daemon):
        await daemon.ready(30)
        try:
            yield Scene(kubectl, world, namespace, group, daemon, fleet)
        finally:
            print(daemon.log.read_text())


def flags(world: World, namespace: str, group: str) -> tuple[str, ...]:
    """The settings of the daemon: the timers of scale-down in seconds instead of minutes."""
    return (
        f"--kubeconfig={world.kubeconfig}",
        f"--aws-endpoint-url={world.aws.url}",
        f"--namespace={namespace}",
        f"--leader-elect-namespace={namespace}",
        f"--pod-namespaces={namespace}",
        "--cluster-name=e2e",
        f"--nodes=0:3:{group}",
        "--scan-interval=1s",
        "--scale-down-unneeded-time=3s",
        "--scale-down-delay-after-add=1s",
        "--node-delete-delay-after-taint=1s",
    )


async def make_group(world: World, name: str, pool: str) -> None:
    """Make a group whose instances have one label more than others, as its tag says."""
    network = world.aws.ec2.network
    subnet = network.create_subnet(network.create_vpc("10.0.0.0/16").id, "10.0.0.0/24", zone=ZONE)
    world.aws.autoscaling.knobs.launch_seconds = 0.5
    data = {"ImageId": "ami-1", "InstanceType": "m5.large"}
    label = f"k8s.io/cluster-autoscaler/node-template/label/{POOL}"
    async with aws_of(world) as aws:
        await aws.call("ec2", "create_launch_template", LaunchTemplateName=name, LaunchTemplateData=data)
        await aws.call(
            "autoscaling",
            "create_auto_scaling_group",
            AutoScalingGroupName=name,
            MinSize=0,
            MaxSize=3,
            LaunchTemplate={"LaunchTemplateName": name, "Version": "$Latest"},
            VPCZoneIdentifier=subnet.id,
            Tags=[{"Key": label, "Value": pool, "PropagateAtLaunch": True}],
        )


@asynccontextmanager
async def aws_of(world: World) -> AsyncIterator[Aws]:
    """A boto3 client of the simulated AWS."""
    client = Aws(world.aws)
    try:
        yield client
    finally:
        client.close()


async def booted(world: World, group: str, pool: str) -> Sequence[Instance]:
    """The instances of a group that run: their user data gives their kubelets the label of its pool."""
    members = world.aws.autoscaling.members(group)
    return [Instance(each.id, each.zone, {POOL: pool}) for each in members if each.state == "InService"]


def is_ready(pod: Object) -> bool:
    """Whether a pod serves."""
    conditions = pod["status"].get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def deployment(pool: str, replicas: int, *, cpu: str = "700m") -> Object:
    """An application whose pods run on nodes of a pool only; two fit on each."""
    container = {
        "name": "main",
        "image": "local/busybox:1",
        "imagePullPolicy": "Never",
        "command": ["sleep", "1000000"],
        "resources": {"requests": {"cpu": cpu}},
    }
    spec = {
        "nodeSelector": {POOL: pool},
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


async def test_pods_that_wait_run_on_a_node_that_was_not_there(scene: Scene) -> None:
    await scene.apply(deployment(scene.pool, 3))

    async def all_run() -> dict[str, str]:
        pods = await scene.running_on()
        return pods if len(pods) == 3 else {}

    pods = await until(all_run, "three pods run", seconds=90)
    assert set(pods.values()) == set(scene.fleet.nodes.values())
    assert scene.desired == 2
    assert any(scene.group in message for message in await scene.events("TriggeredScaleUp"))
    node = await scene.kubectl.json("node", next(iter(pods.values())))
    assert node["spec"]["providerID"].startswith(f"aws:///{ZONE}/i-")


async def test_a_node_that_is_not_needed_is_drained_within_the_budget(scene: Scene) -> None:
    await scene.apply(deployment(scene.pool, 3))
    await until(lambda: scene.desired == 2, "two nodes are ordered", seconds=90)

    async def run_on_two_nodes() -> bool:
        pods = await scene.running_on()
        return len(pods) == 3 and len(set(pods.values())) == 2

    await until(run_on_two_nodes, "the pods run on two nodes", seconds=90)
    await scene.apply(budget(2))
    await scene.kubectl.ok("scale", f"deployment/{APP}", "--replicas=2")

    async def is_told_why() -> bool:
        return any("budget" in message for message in await scene.events("NoScaleDown"))

    await until(is_told_why, "the nodes say that the budget keeps them", seconds=60)
    assert scene.desired == 2

    async def all_are_explained() -> bool:
        return all(["budget" in await scene.explain(f"node/{each}") for each in scene.fleet.nodes.values()])

    await until(all_are_explained, "both nodes are kept by the budget")

    await scene.apply(budget(1))
    least = 2

    async def one_node_went() -> bool:
        nonlocal least
        least = min(least, len(await scene.running_on()))
        return scene.desired == 1 and len(scene.fleet.nodes) == 1

    await until(one_node_went, "one node went", seconds=90, pause=0.1)
    assert least == 1
    await until(scene.is_whole, "both pods run on the node that is left", seconds=60)
    assert await scene.events("ScaleDown")

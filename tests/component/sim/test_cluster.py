"""What the simulated cluster does by itself: nodes by their truth, pods on them, sets of pods, budgets."""

from collections.abc import AsyncIterator
from math import inf
from pathlib import Path

import aiohttp
import pytest

from addons.sim.cluster.kubelets import START_SECONDS, STOP_SECONDS
from addons.sim.cluster.nodes import NOT_READY
from addons.sim.cluster.truth import NodeTruth, allocatable, capacity
from tests.support.as_objects import Object, budget, daemon_set, pod, replica_set, taint
from tests.support.as_world import POLICY, AutoscalerWorld, autoscaler_world

pytestmark = pytest.mark.virtual_time(threads=True)

STARTUP = "startup.example.org/cni"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[AutoscalerWorld]:
    async with autoscaler_world(tmp_path) as made:
        yield made


async def first_node(world: AutoscalerWorld) -> Object:
    """The first node, as soon as it is there."""
    await world.reach(lambda: world.nodes())
    return world.nodes()[0]


def is_ready(node: Object) -> bool:
    (condition,) = [each for each in node["status"]["conditions"] if each["type"] == "Ready"]
    return bool(condition["status"] == "True")


class TestNodes:
    async def test_a_node_tells_of_its_instance(self, world: AutoscalerWorld) -> None:
        world.add_group("a", "m5.xlarge", zones="b", desired=1)
        node = await first_node(world)
        (member,) = world.members("a")
        assert node["spec"]["providerID"] == f"aws:///eu-central-1b/{member.id}"
        labels = node["metadata"]["labels"]
        assert labels["node.kubernetes.io/instance-type"] == "m5.xlarge"
        assert labels["topology.kubernetes.io/zone"] == "eu-central-1b"
        assert labels["kubernetes.io/hostname"] == node["metadata"]["name"]

    async def test_what_is_true_of_a_group_is_independent_of_its_tags(self, world: AutoscalerWorld) -> None:
        truth = NodeTruth(labels={"disk": "hdd"}, taints=[taint("team", "x")], allocatable={"memory": "1Gi"})
        world.add_group("a", labels={"disk": "ssd"}, desired=1, truth=truth)
        node = await first_node(world)
        assert node["metadata"]["labels"]["disk"] == "hdd"
        assert "team" in world.taints(node["metadata"]["name"])
        assert node["status"]["allocatable"]["memory"] == "1Gi"

    async def test_a_node_is_ready_after_a_while_and_may_not_be_used_before(
        self, world: AutoscalerWorld
    ) -> None:
        world.add_group("a", desired=1, truth=NodeTruth(ready_seconds=60.0))
        node = await first_node(world)
        assert (is_ready(node), NOT_READY in world.taints(node["metadata"]["name"])) == (False, True)
        await world.pass_by(seconds=61)
        (node,) = world.nodes()
        assert (is_ready(node), world.taints(node["metadata"]["name"])) == (True, [])

    async def test_startup_taints_go_in_their_time(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=1, truth=NodeTruth(startup_taints={STARTUP: 30.0, "stays": inf}))
        name = (await first_node(world))["metadata"]["name"]
        await world.pass_by(seconds=20)
        assert set(world.taints(name)) == {STARTUP, "stays"}
        await world.pass_by(minutes=5)
        assert world.taints(name) == ["stays"]

    async def test_an_instance_may_never_become_a_node(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=1, truth=NodeTruth(joins=False))
        await world.pass_by(minutes=60)
        assert world.nodes() == []
        assert [member.state for member in world.members("a")] == ["InService"]

    async def test_a_node_outlives_its_instance_for_a_while(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=1)
        world.create_sets(replica_set("web", 1))
        await world.reach(lambda: world.is_settled("web"))
        (name,) = world.node_names()
        world.ask("SuspendProcesses", AutoScalingGroupName="a", ScalingProcesses=["Launch"])
        world.lose(name)
        await world.pass_by(seconds=2)
        assert not is_ready(world.node(name))
        await world.pass_by(seconds=10)
        assert world.nodes() == []
        assert len(world.waiting("web")) == 1

    def test_what_a_node_offers_is_what_a_kubelet_of_eks_leaves(self) -> None:
        assert capacity("m5.large")["pods"] == "29"
        assert allocatable("m5.large")["cpu"] == "1930m"
        assert allocatable("m5.4xlarge")["cpu"] == "15890m"
        left = int(capacity("m5.large")["memory"]) - int(allocatable("m5.large")["memory"])
        assert left == (255 + 11 * 29 + 100) << 20


class TestPods:
    async def test_a_pod_starts_and_ends_in_its_time(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=1)
        await world.reach(lambda: is_ready(world.nodes()[0]) if world.nodes() else False)
        world.create(pod("web", annotations={START_SECONDS: "20", STOP_SECONDS: "10"}))
        await world.pass_by(seconds=15)
        assert world.running("web") == []
        await world.pass_by(seconds=10)
        assert world.running("web") == ["web"]
        world.store.delete("v1", "pods", "default", "web", grace_seconds=30)
        await world.pass_by(seconds=5)
        assert world.store.get("v1", "pods", "default", "web")["metadata"]["deletionTimestamp"]
        await world.pass_by(seconds=10)
        assert world.store.list("v1", "pods", "default") == []

    async def test_no_pod_outlives_its_grace(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=1)
        world.create(pod("web", annotations={STOP_SECONDS: "600"}))
        await world.reach(lambda: world.is_settled("web"))
        world.store.delete("v1", "pods", "default", "web", grace_seconds=5)
        await world.pass_by(seconds=6)
        assert world.store.list("v1", "pods", "default") == []

    async def test_a_pod_may_never_be_ready(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=1)
        world.create(pod("web", annotations={START_SECONDS: "never"}))
        await world.pass_by(minutes=30)
        assert (world.waiting("web"), world.running("web")) == ([], [])


class TestWorkloads:
    async def test_a_set_has_as_many_pods_as_it_wants(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=2)
        world.create_sets(replica_set("web", 3))
        await world.reach(lambda: world.is_settled("web"))
        world.delete(world.running("web")[0])
        await world.reach(lambda: len(world.running("web")) == 3)
        world.scale("web", 1)
        await world.reach(lambda: len(world.pods("web")) == 1)
        status = world.store.get("apps/v1", "replicasets", "default", "web")["status"]
        assert (status["replicas"], status["readyReplicas"]) == (1, 1)

    async def test_a_daemon_set_has_a_pod_on_each_node_that_can_take_it(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=2)
        world.add_group("b", desired=1, taints=[taint("team", "x", "NoExecute")])
        world.create_sets(daemon_set("everywhere"), daemon_set("modest", tolerations=[]))
        await world.reach(lambda: len(world.running()) == 5)
        await world.pass_by(minutes=1)
        assert (len(world.running("everywhere")), len(world.running("modest"))) == (3, 2)
        homes = [each["spec"]["nodeName"] for each in world.pods("everywhere")]
        assert sorted(homes) == sorted(world.node_names())

    async def test_pods_of_a_set_that_is_deleted_go(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=1)
        world.create_sets(replica_set("web", 2))
        await world.reach(lambda: world.is_settled("web"))
        world.delete("web", "replicasets", "apps/v1")
        await world.reach(lambda: world.store.list("v1", "pods") == [])


class TestBudgets:
    async def status(self, world: AutoscalerWorld) -> Object:
        await world.pass_by(seconds=1)
        return dict(world.store.get(POLICY, "poddisruptionbudgets", "default", "web")["status"])

    @pytest.mark.parametrize(
        ("spec", "allowed"),
        [
            ({"minAvailable": 2}, 2),
            ({"minAvailable": "50%"}, 2),
            ({"maxUnavailable": 1}, 1),
            ({"maxUnavailable": "50%"}, 2),
            ({"maxUnavailable": 0}, 0),
        ],
    )
    async def test_they_say_how_many_pods_may_go(
        self, world: AutoscalerWorld, spec: Object, allowed: int
    ) -> None:
        world.add_group("a", desired=2)
        world.create_sets(replica_set("web", 4))
        world.create_budgets(budget("web", **spec))
        await world.reach(lambda: world.is_settled("web"))
        status = await self.status(world)
        assert (status["currentHealthy"], status["expectedPods"]) == (4, 4)
        assert status["disruptionsAllowed"] == allowed

    async def test_what_one_eviction_takes_another_does_not_get(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=2)
        world.create_sets(replica_set("web", 4, annotations={STOP_SECONDS: "20"}))
        world.create_budgets(budget("web", maxUnavailable=1))
        await world.reach(lambda: world.is_settled("web"))
        await self.status(world)
        first, second, *_ = world.running("web")
        assert [await evict(world, first), await evict(world, second)] == [201, 429]
        await world.reach(lambda: len(world.running("web")) == 4)
        await world.pass_by(seconds=5)
        assert await evict(world, second) == 201

    async def test_a_pod_on_a_silent_node_is_not_healthy(self, world: AutoscalerWorld) -> None:
        world.add_group("a", desired=2, truth=NodeTruth(leave_seconds=60.0))
        world.create_sets(replica_set("web", 4))
        world.create_budgets(budget("web", minAvailable=1))
        await world.reach(lambda: world.is_settled("web"))
        world.lose(world.node_names("a")[0])
        await world.pass_by(seconds=5)
        status = await self.status(world)
        assert status["currentHealthy"] < 4


async def evict(world: AutoscalerWorld, name: str) -> int:
    """Ask the API server for the eviction of a pod; its answer."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": "default"}}
    url = f"{world.api.url}/api/v1/namespaces/default/pods/{name}/eviction"
    async with aiohttp.ClientSession() as http, http.post(url, json=body) as reply:
        return reply.status

"""The webhook beside the daemon: the gates that it gives are those that the daemon meets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from addons.albingress.config import Config
from addons.albingress.controller.webhook import GateInjection
from addons.runtime.kube import KubeClient
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from tests.support.alb_targets import service
from tests.support.alb_world import World, ingress
from tests.support.until import until

BINDINGS = ("targetgroupbindings", "elbv2.k8s.aws/v1beta1")
GATE = "target-health.elbv2.k8s.aws/"


def pod(app: str = "web", *present: str) -> dict[str, Any]:
    gates = [{"conditionType": each} for each in present]
    return {"metadata": {"labels": {"app": app}}, "spec": {"readinessGates": gates, "containers": [{}]}}


@asynccontextmanager
async def injection(world: World, **settings: Any) -> AsyncIterator[GateInjection]:
    """The answers of a webhook whose caches run."""
    async with KubeClient.connect(str(world.kubeconfig), user_agent="test") as kube:
        made, stopping = GateInjection(Config(cluster_name="prod", **settings), kube), asyncio.Event()
        task = asyncio.create_task(made.run(stopping))
        try:
            yield made
        finally:
            stopping.set()
            await task


def given(made: GateInjection, app: str = "web", namespace: str = "default") -> list[str]:
    """The gates that a pod gets, by what they wait for."""
    patch = made.answer(pod(app), namespace).patch
    return [each["conditionType"].removeprefix(GATE) for step in patch for each in step["value"]]


class TestWithTheDaemon:
    """Between the emulated API server and the simulated AWS."""

    async def test_a_pod_waits_for_the_target_groups_that_the_daemon_made(self, world: World) -> None:
        world.serve("web", "other")
        async with world.running(), injection(world) as made:
            world.ingresses(ingress("web"), ingress("both", "/a=web", "/b=other", group=""))
            await world.is_served("web", "both")
            there = sorted(each.name for each in world.elb.target_groups.values())
            await until(lambda: sorted({*given(made), *given(made, "other")}) == there)
            assert len(given(made)) == 2
            assert given(made, "stranger") == []
            assert given(made, namespace="elsewhere") == []

    async def test_an_ingress_that_is_gone_gives_none(self, world: World) -> None:
        world.serve("web")
        async with world.running(), injection(world) as made:
            world.ingresses(ingress("web"))
            await until(lambda: len(given(made)) == 1)
            world.delete("web")
            await until(lambda: given(made) == [])

    async def test_ingresses_of_other_classes_give_none(self, world: World) -> None:
        world.serve("web")
        told = {"loadBalancer": {"ingress": [{"hostname": "other.example.com"}]}}
        world.ingresses(ingress("web", in_class="nginx") | {"status": told})
        async with injection(world) as made:
            await until(lambda: not made.not_ready())
            assert made.answer(pod(), "default").outcome == "left"


class TestAlone:
    """Without the daemon."""

    async def test_a_users_binding_gives_its_name(self, world: World) -> None:
        world.create(service())
        spec = {"targetGroupName": "mine", "targetType": "ip", "serviceRef": {"name": "web", "port": 80}}
        kind, version = BINDINGS
        world.create({"metadata": {"name": "mine"}, "spec": spec}, kind=kind, version=version)
        async with injection(world) as made:
            await until(lambda: given(made) == ["mine"])
            assert made.answer(pod("web", f"{GATE}mine"), "default").outcome == "left"
        async with injection(world, enable_pod_readiness_gate_inject=False) as made:
            await until(lambda: not made.not_ready())
            assert given(made) == []
        async with injection(world, dry_run=True) as made:
            await until(lambda: not made.not_ready())
            assert given(made) == []

    @pytest.mark.parametrize("resource", ["services", "ingresses", "ingressclasses", "namespaces"])
    async def test_while_something_cannot_be_read_pods_go_without_gates_and_it_says_so(
        self, world: World, resource: str
    ) -> None:
        world.create(service())
        world.api.faults.add(Fault(resource=resource, status=403))
        async with injection(world) as made:
            await until(lambda: f"{resource} cannot be read" in made.not_ready())
            assert made.answer(pod(), "default").outcome == "unknown"
            assert given(made) == []

    async def test_a_cluster_without_our_definitions_is_none_the_worse(self, tmp_path: Path) -> None:
        async with KubeApi() as api:
            (tmp_path / "kubeconfig").write_text(api.kubeconfig())
            async with KubeClient.connect(str(tmp_path / "kubeconfig"), user_agent="test") as kube:
                made, stopping = GateInjection(Config(cluster_name="prod"), kube), asyncio.Event()
                task = asyncio.create_task(made.run(stopping))
                await until(lambda: not made.not_ready())
                stopping.set()
                await task

"""Users' TargetGroupBindings: filled without a webhook, told of their faults, emptied before they go."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from addons.albingress import names
from addons.sim.kubeapi.server import KubeApi
from addons.sim.kubeapi.status import StatusError
from tests.support.alb_targets import DEFINITION, PARAMS, Object, TargetWorld, pod, service, slice_of
from tests.support.aws_thread import simulated_aws
from tests.support.until import until

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[TargetWorld]:
    """A Service with two endpoints, and the definition of TargetGroupBindings."""
    async with KubeApi() as api, simulated_aws() as aws:
        made = TargetWorld(api, aws, tmp_path)
        made.create(DEFINITION, kind="customresourcedefinitions", version="apiextensions.k8s.io/v1")
        made.create(service())
        made.slices(slice_of("10.0.1.1", "10.0.1.2"))
        yield made


def written(name: str = "mine", **spec: Any) -> Object:
    wanted = {"targetGroupName": "web", "serviceRef": {"name": "web", "port": 80}, **spec}
    return {"metadata": {"name": name}, "spec": wanted}


def bind(world: TargetWorld, obj: Object) -> None:
    world.create(obj, kind="targetgroupbindings", version=PARAMS)


def read(world: TargetWorld, name: str = "mine") -> Object | None:
    try:
        return world.api.store.get(PARAMS, "targetgroupbindings", "default", name)
    except StatusError:
        return None


class TestFilling:
    """A binding needs no more than a target group and a Service."""

    async def test_type_and_arn_are_found_and_targets_registered(self, world: TargetWorld) -> None:
        async with world.path():
            await world.group()
            bind(world, written())
            await until(lambda: len(world.registered()) == 2)
            found = read(world)
            assert found
            assert found["metadata"]["finalizers"] == [names.BINDING_FINALIZER]
            await until(lambda: (read(world) or {}).get("status") == {"observedGeneration": 1})

    async def test_addresses_outside_of_the_vpc_are_targets_too(self, world: TargetWorld) -> None:
        world.slices(slice_of("10.0.1.1", "192.168.7.7"))
        async with world.path():
            await world.group()
            bind(world, written())
            await until(lambda: world.registered() == ["10.0.1.1:8080", "192.168.7.7:8080"])

    async def test_what_somebody_else_registered_goes(self, world: TargetWorld) -> None:
        async with world.path():
            await world.group()
            await world.by_hand("register_targets", "10.0.1.77:8080")
            bind(world, written())
            await until(lambda: world.registered() == ["10.0.1.1:8080", "10.0.1.2:8080"])

    async def test_a_service_that_is_missing_keeps_the_targets_and_is_told(self, world: TargetWorld) -> None:
        async with world.path():
            await world.group()
            bind(world, written())
            await until(lambda: len(world.registered()) == 2)
            world.api.store.delete("v1", "services", "default", "web")
            await until(lambda: ("Warning", names.BROKEN_BINDING) in world.events())
            assert len(world.registered()) == 2

    async def test_a_target_group_that_is_missing_is_told_and_filled_when_it_comes(
        self, world: TargetWorld
    ) -> None:
        async with world.path():
            bind(world, written())
            await until(lambda: ("Warning", names.BROKEN_BINDING) in world.events())
            await world.group()
            await until(lambda: len(world.registered()) == 2, seconds=90)

    async def test_a_binding_that_breaks_keeps_its_targets(self, world: TargetWorld) -> None:
        async with world.path():
            await world.group()
            bind(world, written())
            await until(lambda: (read(world) or {}).get("status"))
            broken = {**written(targetType="instance")}
            broken["metadata"] = read(world)["metadata"]  # type: ignore[index]
            world.api.store.update(PARAMS, "targetgroupbindings", broken)
            await until(lambda: ("Warning", names.BROKEN_BINDING) in world.events())
            assert len(world.registered()) == 2

    async def test_bindings_that_the_original_made_for_ingresses_are_left_alone(
        self, world: TargetWorld
    ) -> None:
        async with world.path():
            await world.group()
            theirs = written("theirs")
            theirs["metadata"]["labels"] = {"ingress.k8s.aws/stack": "shop"}
            bind(world, theirs)
            bind(world, written(targetGroupName="other"))
            await until(lambda: names.BROKEN_BINDING in world.reasons())
            assert world.registered() == []
            assert "finalizers" not in read(world, "theirs")["metadata"]  # type: ignore[index]


class TestDeletion:
    """A binding goes when its targets are deregistered."""

    async def test_its_targets_go_first(self, world: TargetWorld) -> None:
        async with world.path():
            await world.group()
            bind(world, written())
            await until(lambda: len(world.registered()) == 2)
            world.api.store.delete(PARAMS, "targetgroupbindings", "default", "mine")
            await until(lambda: read(world) is None)
            assert world.registered() == []

    async def test_also_after_a_restart(self, world: TargetWorld) -> None:
        async with world.path():
            await world.group()
            bind(world, written())
            await until(lambda: len(world.registered()) == 2)
        world.api.store.delete(PARAMS, "targetgroupbindings", "default", "mine")
        async with world.path():
            await until(lambda: read(world) is None)
            assert world.registered() == []

    async def test_while_aws_refuses_it_stays(self, world: TargetWorld) -> None:
        async with world.path() as path:
            await world.group()
            bind(world, written())
            await until(lambda: len(world.registered()) == 2)
            world.aws.faults.add(operation="DeregisterTargets", code="AccessDenied", times=None)
            world.api.store.delete(PARAMS, "targetgroupbindings", "default", "mine")
            await until(lambda: path.failures)
            assert read(world) is not None
            world.aws.faults.clear()
            await until(lambda: read(world) is None)

    async def test_a_target_group_that_is_gone_does_not_hold_it_up(self, world: TargetWorld) -> None:
        async with world.path():
            await world.group()
            bind(world, written())
            await until(lambda: len(world.registered()) == 2)
            await world.call("delete_target_group", TargetGroupArn=world.arns["web"])
            world.api.store.delete(PARAMS, "targetgroupbindings", "default", "mine")
            await until(lambda: read(world) is None)

    async def test_pods_wait_for_it_no_more(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.complete(())
            await world.group()
            bind(world, written())
            await until(lambda: len(world.registered()) == 2)
            world.create(pod("a", "10.0.1.1", "mine"), kind="pods")
            world.api.store.delete(PARAMS, "targetgroupbindings", "default", "mine")
            await until(lambda: world.condition("a", "mine")[0] == "True", seconds=10)

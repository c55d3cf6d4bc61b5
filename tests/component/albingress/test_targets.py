"""From EndpointSlices to registered targets, between an API server and an AWS."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from addons.albingress import names
from addons.albingress.aws.calls import RATES
from addons.sim.kubeapi.server import KubeApi
from tests.support.alb_targets import DISCOVERY, TargetWorld, binding, endpoint, node, service, slice_of
from tests.support.aws_thread import simulated_aws
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

REGISTER, DEREGISTER, HEALTH = "RegisterTargets", "DeregisterTargets", "DescribeTargetHealth"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[TargetWorld]:
    """An API server with a Service that has two endpoints, and an AWS."""
    async with KubeApi() as api, simulated_aws() as aws:
        made = TargetWorld(api, aws, tmp_path)
        made.create(service())
        made.slices(slice_of("10.0.1.1", "10.0.1.2"))
        yield made


class TestFollowing:
    """What endpoints there are is what is registered, a moment later."""

    async def test_endpoints_come_and_go(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: world.registered() == ["10.0.1.1:8080", "10.0.1.2:8080"])
            world.slices(slice_of("10.0.1.2", "10.0.1.3"))
            await until(lambda: world.registered() == ["10.0.1.2:8080", "10.0.1.3:8080"])
        assert world.calls(REGISTER, DEREGISTER, HEALTH) == [REGISTER, REGISTER, DEREGISTER]

    async def test_a_swarm_of_changes_is_one_call(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: len(world.registered()) == 2)
            for count in range(3, 20):
                world.slices(slice_of(*(f"10.0.1.{number}" for number in range(1, count + 1))))
            await until(lambda: len(world.registered()) == 19)
        assert world.calls(REGISTER) == [REGISTER, REGISTER]

    async def test_a_change_that_says_nothing_new_makes_no_call(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: len(world.registered()) == 2)
            before = len(world.calls())
            world.slices(slice_of("10.0.1.2", "10.0.1.1"))
            await asyncio.sleep(5)
            assert len(world.calls()) == before

    async def test_a_thousand_targets_come_in_batches(self, world: TargetWorld) -> None:
        world.slices(slice_of(*(f"10.0.{n // 250}.{n % 250}" for n in range(1, 450))))
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: len(world.registered()) == 449)
        assert world.calls(REGISTER) == [REGISTER] * 3

    async def test_a_terminating_endpoint_goes_although_it_is_shown_as_ready(
        self, world: TargetWorld
    ) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: len(world.registered()) == 2)
            world.slices(slice_of("10.0.1.1", endpoint("10.0.1.2", terminating=True)))
            await until(lambda: world.registered() == ["10.0.1.1:8080"])

    async def test_nodes_are_targets_as_long_as_they_are_ready(self, world: TargetWorld) -> None:
        ids = [world.aws.ec2.instances.launch("m5.large", world.subnet_id).id for _ in range(2)]
        world.create(*(node(f"n{n}", id_) for n, id_ in enumerate(ids)), kind="nodes")
        exposed = service("exposed", type="NodePort")
        exposed["spec"]["ports"][0]["nodePort"] = 30080
        world.create(exposed)
        async with world.path() as path:
            path.located("exposed", await world.group("exposed", target_type="instance"), is_new=True)
            path.bindings("shop", [binding("exposed", target_type="instance")])
            await until(lambda: world.registered("exposed") == sorted(f"{each}:30080" for each in ids))
            world.api.store.update("v1", "nodes", node("n1", ids[1], ready="False"))
            await until(lambda: world.registered("exposed") == [f"{ids[0]}:30080"])

    async def test_a_range_that_the_vpc_gets_later_is_inside_of_it(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: len(world.registered()) == 2)
            await asyncio.sleep(40)
            world.aws.ec2.network.associate_cidr(world.vpc_id, "100.64.0.0/16")
            zone = "eu-central-1a"
            world.aws.ec2.network.create_subnet(world.vpc_id, "100.64.1.0/24", zone=zone)
            world.slices(slice_of("100.64.1.7"))
            await until(lambda: world.registered() == ["100.64.1.7:8080"])
            (target,) = (
                each
                for each in world.elb.target_group(world.arns["web"]).targets.values()
                if each.id == "100.64.1.7"
            )
            assert target.zone == zone


class TestNeverEmptied:
    """What cannot be looked up gives nothing up."""

    async def test_a_service_that_is_deleted_keeps_its_targets(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: len(world.registered()) == 2)
            world.api.store.delete("v1", "services", "default", "web")
            await until(lambda: names.TARGETS_KEPT in world.reasons())
            assert len(world.registered()) == 2

    async def test_nor_are_they_lost_at_a_restart_after_that(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: len(world.registered()) == 2)
        world.api.store.delete("v1", "services", "default", "web")
        async with world.path() as path:
            path.located("web", world.arns["web"])
            path.bindings("shop", [binding()])
            await until(lambda: names.TARGETS_KEPT in world.reasons())
        assert world.calls(DEREGISTER) == []

    async def test_a_renamed_port_is_waited_for(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: len(world.registered()) == 2)
            renamed = service()
            renamed["spec"]["ports"][0]["name"] = "main"
            world.api.store.update("v1", "services", renamed)
            await until(lambda: names.TARGETS_KEPT in world.reasons())
            moved = slice_of("10.0.1.1", "10.0.1.9")
            moved["ports"][0]["name"] = "main"
            world.slices(moved)
            await until(lambda: world.registered() == ["10.0.1.1:8080", "10.0.1.9:8080"])

    async def test_where_registering_fails_nothing_is_deregistered(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: len(world.registered()) == 2)
            world.aws.faults.add(operation=REGISTER, code="InternalFailure", status=500, times=None)
            world.slices(slice_of("10.0.1.8"))
            await until(lambda: list(path.failures) == ["web"])
            assert len(world.registered()) == 2
            world.aws.faults.clear()
            await until(lambda: world.registered() == ["10.0.1.8:8080"])


class TestDrift:
    """What somebody else changed is put right: at the start, and by the audit."""

    async def test_at_the_start(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: len(world.registered()) == 2)
            await world.by_hand("deregister_targets", "10.0.1.1:8080")
            await world.by_hand("register_targets", "10.0.1.77:8080")
        async with world.path() as path:
            path.located("web", world.arns["web"])
            path.bindings("shop", [binding()])
            await until(lambda: world.registered() == ["10.0.1.1:8080", "10.0.1.2:8080"])

    async def test_by_the_audit(self, world: TargetWorld) -> None:
        async with world.path("--sync-period=10m") as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: len(world.registered()) == 2)
            await world.by_hand("deregister_targets", "10.0.1.1:8080")
            await until(lambda: len(world.registered()) == 2, seconds=700, pause=5)
            assert names.DRIFT in world.reasons()

    async def test_a_restart_reads_and_writes_nothing_where_all_is_well(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: len(world.registered()) == 2)
        before = len(world.calls())
        async with world.path() as path:
            path.located("web", world.arns["web"])
            path.bindings("shop", [binding()])
            await until(lambda: path.registrar.registered("web"))
            await asyncio.sleep(60)
        assert world.calls()[before:] == [HEALTH]

    async def test_at_the_start_groups_that_change_come_before_those_that_do_not(
        self, world: TargetWorld
    ) -> None:
        others = [f"g{number}" for number in range(40)]
        async with world.path() as path:
            for each in (*others, "web"):
                await world.group(each)
            for each in (*others, "web"):
                path.located(each, world.arns[each])
            path.bindings("shop", [binding(each, service="web") for each in (*others, "web")])
            await until(lambda: HEALTH in world.calls())
            world.slices(slice_of("10.0.1.5"))
            await until(lambda: world.registered() == ["10.0.1.5:8080"], seconds=2)

    async def test_at_the_start_a_node_that_comes_hurries_no_group_of_addresses(
        self, world: TargetWorld
    ) -> None:
        others = [f"g{number}" for number in range(40)]
        async with world.path() as path:
            for each in others:
                path.located(each, await world.group(each))
            path.bindings("shop", [binding(each, service="web") for each in others])
            await until(lambda: HEALTH in world.calls())
            world.create(node("n1", "i-0123"), kind="nodes")
            await asyncio.sleep(1)
            assert len(world.calls(HEALTH)) < 20


class TestRefused:
    """A target that AWS refuses costs nobody else."""

    async def test_the_others_are_registered(self, world: TargetWorld) -> None:
        world.slices(slice_of("10.0.1.1", "8.8.8.8", "10.0.1.3"))
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: world.registered() == ["10.0.1.1:8080", "10.0.1.3:8080"])
            await until(lambda: names.REFUSED_BY_AWS in world.reasons())

    async def test_the_old_ones_stay_where_all_new_ones_are_refused(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: len(world.registered()) == 2)
            world.slices(slice_of("8.8.8.8"))
            await until(lambda: names.TARGETS_KEPT in world.reasons())
            assert len(world.registered()) == 2

    async def test_a_full_group_gets_room_and_is_never_empty(self, world: TargetWorld) -> None:
        world.elb.quotas["targets-per-target-group"] = 2
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: len(world.registered()) == 2)
            world.slices(slice_of("10.0.1.8", "10.0.1.9"))
            await until(lambda: world.registered() == ["10.0.1.8:8080", "10.0.1.9:8080"])


class TestIndependence:
    """No group waits for another."""

    async def test_a_group_whose_calls_fail_holds_up_nobody(self, world: TargetWorld) -> None:
        async with world.path() as path:
            await world.group()
            path.located("lost", f"{world.arns['web']}lost", is_new=True)
            path.located("web", world.arns["web"], is_new=True)
            path.bindings("shop", [binding("lost", service="web"), binding()])
            await until(lambda: len(world.registered()) == 2)
            assert list(path.failures) == ["lost"]

    async def test_nobody_waits_for_the_many_that_are_deregistered(self, world: TargetWorld) -> None:
        others = [f"g{number}" for number in range(200)]
        world.create(*(service(each) for each in others))
        world.slices(*(slice_of("10.0.1.1", "10.0.1.2", of=each) for each in others))
        async with world.path(rates=RATES) as path:
            for each in (*others, "web"):
                path.located(each, await world.group(each), is_new=True)
            path.bindings("shop", [binding(each) for each in (*others, "web")])
            await until(lambda: all(len(world.registered(each)) == 2 for each in (*others, "web")))
            await asyncio.sleep(60)
            world.slices(*(slice_of("10.0.1.1", of=each) for each in others))
            await until(lambda: DEREGISTER in world.calls())
            world.slices(slice_of("10.0.1.1", "10.0.1.2", "10.0.1.3"))
            await until(lambda: len(world.registered()) == 3, seconds=1)
            assert any(len(world.registered(each)) == 2 for each in others)

    async def test_targets_of_others_in_a_shared_group_stay(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group())
            await world.by_hand("register_targets", "10.0.1.77:8080")
            path.bindings("shop", [binding(shared=True)])
            await until(lambda: len(world.registered()) == 3)
            world.slices(slice_of("10.0.1.2"))
            await until(lambda: world.registered() == ["10.0.1.2:8080", "10.0.1.77:8080"])

    async def test_a_stop_ends_after_the_call_under_way(self, world: TargetWorld) -> None:
        stopping = asyncio.Event()
        async with world.path(stopping=stopping) as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: len(world.registered()) == 2)
            stopping.set()
            world.slices(slice_of("10.0.1.8"))
            await asyncio.sleep(5)
        assert len(world.registered()) == 2

    async def test_slices_of_another_service_are_nothing_to_it(self, world: TargetWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding()])
            await until(lambda: len(world.registered()) == 2)
            before = len(world.calls())
            world.create(service("other"))
            world.slices(slice_of("10.0.1.50", of="other"))
            world.api.store.delete(DISCOVERY, "endpointslices", "default", "other-a")
            await asyncio.sleep(5)
            assert len(world.calls()) == before

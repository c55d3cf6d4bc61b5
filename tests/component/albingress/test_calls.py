"""How many calls it takes: exact, with many Ingresses in front of pods on nodes."""

import asyncio
from collections import Counter

import pytest

from tests.support.alb_crowd import noted, populate, registered, ruled, serve, tally
from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

PORTS = {1: '[{"HTTP": 80}]', 2: '[{"HTTP": 80}, {"HTTP": 8080}]'}


async def served(world: World, ingresses: int, listeners: int = 1) -> None:
    """Return when all Ingresses are served, and all is quiet."""
    await until(lambda: ruled(world) == ingresses * listeners and registered(world) == ingresses)
    await world.settles(20)


@pytest.mark.parametrize(("ingresses", "listeners"), [(1, 1), (30, 2)])
class TestWhereNothingHasChanged:
    async def test_a_pass_makes_none(self, world: World, ingresses: int, listeners: int) -> None:
        populate(world, 1, ingresses, listen_ports=PORTS[listeners])
        async with world.running():
            await served(world, ingresses, listeners)
            world.aws.calls.clear()
            passes = world.last_pass()
            world.ingresses(noted(ingress("s0", group="g0", listen_ports=PORTS[listeners])))
            await until(lambda: world.last_pass() != passes)
            await asyncio.sleep(60)
            assert world.calls() == []

    async def test_a_restart_reads_as_often_as_there_are_listeners_and_six_times(
        self, world: World, ingresses: int, listeners: int
    ) -> None:
        populate(world, 1, ingresses, listen_ports=PORTS[listeners])
        async with world.running():
            await served(world, ingresses, listeners)
        world.aws.calls.clear()
        async with world.running():
            await asyncio.sleep(60)
        assert tally(world) == (6 + listeners, ingresses, 0)
        assert Counter(world.calls()) == {
            "GetResources": 1,
            "DescribeLoadBalancers": 1,
            "DescribeTargetGroups": 1,
            "DescribeListeners": 1,
            "DescribeRules": listeners,
            "DescribeSecurityGroups": 1,
            "DescribeNetworkInterfaces": 1,
            "DescribeTargetHealth": ingresses,
        }


class TestOfACrowd:
    async def test_fifty_ingresses_take_three_each_and_few_beside(self, world: World) -> None:
        async with world.running():
            populate(world, 1, 50)
            await served(world, 50)
        made = Counter(world.calls())
        each = {name: made.pop(name) for name in ("CreateTargetGroup", "RegisterTargets", "CreateRule")}
        assert each == {"CreateTargetGroup": 50, "RegisterTargets": 50, "CreateRule": 50}
        assert made.total() <= 20

    async def test_a_rule_in_front_of_fifty_takes_three(self, world: World) -> None:
        populate(world, 1, 50)
        async with world.running():
            await served(world, 50)
            world.aws.calls.clear()
            serve(world, "front", world.api.store.list("v1", "pods")[-1]["metadata"]["name"])
            world.ingresses(ingress("front", group="g0", group__order="-1"))
            await served(world, 51)
            assert next(iter(world.rules().values())) == "front:80"
            assert world.changes() == ["CreateTargetGroup", "RegisterTargets", "CreateRule"]

    async def test_taking_it_away_takes_two(self, world: World) -> None:
        populate(world, 1, 50)
        async with world.running():
            await served(world, 50)
            world.aws.calls.clear()
            world.delete("s0")
            await until(lambda: world.ingress("s0") is None)
            await world.settles(20)
            assert world.changes() == ["DeleteRule", "DeleteTargetGroup"]

    async def test_groups_are_read_together(self, world: World) -> None:
        populate(world, 8, 3)
        async with world.running():
            await served(world, 24)
        world.aws.calls.clear()
        async with world.running():
            await asyncio.sleep(60)
        per_group = {"DescribeListeners": 8, "DescribeRules": 8}
        assert {name: world.calls().count(name) for name in per_group} == per_group
        assert tally(world) == (5 + 2 * 8, 24, 0)

"""What is exported: problems, states of rules, targets that wait; nothing is left of what is gone."""

import pytest
from prometheus_client import REGISTRY

from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.virtual_time


def figure(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"addons_albingress_{name}", labels)


async def test_problems_and_rules_are_counted_as_long_as_they_are_there(world: World) -> None:
    world.serve("good")
    async with world.running():
        world.ingresses(ingress("good"), ingress("bad", "/bad=gone"))
        await world.is_served("good", "bad")
        await until(lambda: figure("problems", group="shop", reason="BrokenBackend") == 1)
        assert figure("rules", group="shop", state="ok") == 1
        assert figure("rules", group="shop", state="placeholder") == 1
        world.ingresses(ingress("bad", "/bad=good"))
        await until(lambda: figure("problems", group="shop", reason="BrokenBackend") is None)
        assert figure("rules", group="shop", state="ok") == 2
        world.delete("good", "bad")
        await until(lambda: world.ingress("good") is None and world.ingress("bad") is None)
        await until(lambda: figure("rules", group="shop", state="ok") is None)


async def test_a_replica_that_does_not_lead_any_more_shows_no_figures(world: World) -> None:
    world.serve("web")
    async with world.running():
        world.ingresses(ingress("web"))
        await until(lambda: figure("rules", group="shop", state="ok") == 1)
    assert figure("rules", group="shop", state="ok") is None


async def test_targets_that_aws_does_not_take_are_seen_to_wait(world: World) -> None:
    world.serve("web")
    async with world.running():
        world.ingresses(ingress("web"))
        await world.is_served("web")
        (group,) = world.elb.target_groups.values()
        await until(lambda: figure("targets_waiting_seconds", target_group=group.name) is None)
        world.aws.faults.add(
            operation="RegisterTargets", code="AccessDenied", message="no", status=403, times=1000
        )
        world.endpoints("web", "192.168.0.11", "192.168.0.12")

        def waits_for_a_minute() -> bool:
            return (figure("targets_waiting_seconds", target_group=group.name) or 0) > 60

        await until(waits_for_a_minute, seconds=200, pause=1)
        world.aws.faults.clear()
        await until(lambda: len(world.targets("web")) == 2, seconds=100, pause=1)
        await until(lambda: figure("targets_waiting_seconds", target_group=group.name) is None)

"""Who waits is told when it takes long, and what is mended is tried at once, not when a back-off ends."""

import asyncio
from typing import Any

import pytest

from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

HTTPS = '[{"HTTPS": 443}]'
THROTTLED: dict[str, Any] = {"code": "Throttling", "message": "Rate exceeded", "times": 100_000}


@pytest.mark.parametrize(
    "operation", ["CreateTargetGroup", "CreateLoadBalancer", "RegisterTargets", "DescribeLoadBalancers"]
)
async def test_who_waits_for_a_minute_as_aws_is_asked_too_often_is_told(world: World, operation: str) -> None:
    world.serve("web")
    world.aws.faults.add(operation=operation, **THROTTLED)
    async with world.running():
        world.ingresses(ingress("web"))
        await asyncio.sleep(30)
        assert world.notes("web") == []
        await until(lambda: any("Rate exceeded" in note for note in world.notes("web")), seconds=180)
        world.aws.faults.clear()
        await world.is_served("web")
        await until(lambda: bool(world.targets("web")), seconds=90)


async def test_a_certificate_that_is_corrected_is_tried_at_once(world: World) -> None:
    world.serve("web")
    good = world.aws.acm.issue("www.example.com").arn
    gone = "arn:aws:acm:eu-central-1:123456789012:certificate/gone"
    async with world.running():
        world.ingresses(ingress("web", listen_ports=HTTPS, certificate_arn=gone))
        await until(lambda: bool(world.notes("web")))
        await asyncio.sleep(100)
        assert world.rules(443) == {}
        world.ingresses(ingress("web", listen_ports=HTTPS, certificate_arn=good))
        await until(lambda: world.rules(443) == {"/web|/web/*": "web:80"}, seconds=3)


async def test_a_policy_that_is_corrected_is_tried_at_once(world: World) -> None:
    world.serve("web")
    good = world.aws.acm.issue("www.example.com").arn
    said = {"listen_ports": HTTPS, "certificate_arn": good}
    async with world.running():
        world.ingresses(ingress("web", ssl_policy="ELBSecurityPolicy-Unheard-Of", **said))
        await until(lambda: bool(world.notes("web")))
        await asyncio.sleep(100)
        world.ingresses(ingress("web", **said))
        await until(lambda: world.rules(443) == {"/web|/web/*": "web:80"}, seconds=3)

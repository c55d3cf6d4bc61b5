"""Targets come and go, many with one call, whatever else is being read."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from addons.albingress.aws.calls import RATES
from addons.albingress.aws.targets import Targets
from addons.albingress.model.targets import DeregisterTargets, RegisterTargets, Target, TargetAction
from addons.runtime.outcomes import Outcome
from addons.sim.aws.elbv2.account import USUAL_RATE_LIMITS
from addons.sim.aws.throttle import RateLimit
from tests.support.alb_aws import OWNER, SHOP, AlbDaemon, AlbSite, alb_site
from tests.support.permits import PERMIT

pytestmark = pytest.mark.virtual_time

WEB = "k8s-shop-web"


@pytest.fixture
async def site() -> AsyncIterator[AlbSite]:
    async with alb_site() as running:
        running.account.knobs.draining_seconds = 30
        yield running


@pytest.fixture
async def daemon(site: AlbSite) -> AsyncIterator[AlbDaemon]:
    async with site.daemon() as running:
        await running.settle(site.wish())
        site.calls()
        yield running


def targets_of(daemon: AlbDaemon) -> Targets:
    return Targets(daemon.aws, daemon.balancers.arn_of)


def register(*targets: Target, group: str = WEB) -> TargetAction:
    return RegisterTargets(key=group, ref=OWNER.ref, because="ready", targets=targets)


def deregister(*targets: Target, group: str = WEB) -> TargetAction:
    return DeregisterTargets(key=group, ref=OWNER.ref, because="gone", targets=targets)


async def do(daemon: AlbDaemon, action: TargetAction) -> Outcome[TargetAction]:
    return await targets_of(daemon).apply(action, PERMIT)


async def states(daemon: AlbDaemon, group: str = WEB) -> dict[Target, str]:
    return {each.target: each.state for each in await targets_of(daemon).health(group)}


class TestTargets:
    async def test_they_are_registered_and_deregistered_with_one_call(
        self, site: AlbSite, daemon: AlbDaemon
    ) -> None:
        pods = [Target(f"10.0.0.{last}", 8080) for last in range(10, 210)]
        assert (await do(daemon, register(*pods))).ok
        assert site.calls() == ["RegisterTargets"]
        await asyncio.sleep(1)
        assert await states(daemon) == dict.fromkeys(pods, "healthy")
        assert (await do(daemon, deregister(pods[0]))).ok
        assert (await states(daemon))[pods[0]] == "draining"
        await asyncio.sleep(31)
        assert pods[0] not in await states(daemon)

    async def test_an_address_on_two_ports_is_two(self, daemon: AlbDaemon) -> None:
        both = [Target("10.0.0.9", 80), Target("10.0.0.9", 81)]
        await do(daemon, register(*both))
        assert sorted(await states(daemon)) == both

    async def test_one_outside_of_the_vpc_keeps_its_zone(self, daemon: AlbDaemon) -> None:
        outside = Target("192.168.7.7", 5432, "all")
        assert (await do(daemon, register(outside))).ok
        assert list(await states(daemon)) == [outside]

    async def test_those_of_a_users_group_are_named_by_its_arn(
        self, site: AlbSite, daemon: AlbDaemon
    ) -> None:
        made = await daemon.aws.call(
            "elbv2",
            "create_target_group",
            permit=PERMIT,
            Name="theirs",
            Protocol="HTTP",
            Port=80,
            VpcId=site.vpc_id,
            TargetType="ip",
        )
        arn = made["TargetGroups"][0]["TargetGroupArn"]
        pod = Target("10.0.0.9", 80)
        assert (await do(daemon, register(pod, group=arn))).ok
        assert list(await states(daemon, arn)) == [pod]

    async def test_twice_does_no_harm(self, daemon: AlbDaemon) -> None:
        pod = Target("10.0.0.9", 80)
        for action in (register(pod), register(pod), deregister(pod), deregister(pod)):
            assert (await do(daemon, action)).ok

    async def test_one_that_aws_refuses_is_told(self, daemon: AlbDaemon) -> None:
        error = (await do(daemon, register(Target("8.8.8.8", 80)))).error
        assert (type(error).__name__, error and error.code) == ("Invalid", "InvalidTarget")

    async def test_a_group_that_is_not_there_is_told(self, daemon: AlbDaemon) -> None:
        error = (await do(daemon, register(Target("10.0.0.9", 80), group="none"))).error
        assert type(error).__name__ == "NotFound"

    async def test_an_answer_that_was_lost_is_asked_for_again(self, site: AlbSite, daemon: AlbDaemon) -> None:
        site.endpoint.faults.add(operation="RegisterTargets", before=False)
        assert (await do(daemon, register(Target("10.0.0.9", 80)))).ok
        assert site.calls() == ["RegisterTargets"] * 2


class TestPriority:
    """What is being read never holds a registration up."""

    async def test_fifty_groups_are_filled_at_once_while_all_is_read(self, site: AlbSite) -> None:
        async with busy(site) as daemon:
            assert await seconds_to_fill(daemon, 50) < 0.1

    async def test_nor_does_it_where_aws_throttles_what_is_read(self, site: AlbSite) -> None:
        async with busy(site, {"Describe*": RateLimit(1, 5)}) as daemon:
            assert "Throttling" in {call.error for call in site.endpoint.calls}
            assert await seconds_to_fill(daemon, 50) < 0.1

    async def test_registrations_that_aws_throttles_find_their_pace(self, site: AlbSite) -> None:
        async with busy(site, USUAL_RATE_LIMITS) as daemon:
            assert 7.5 < await seconds_to_fill(daemon, 50) < 30


@asynccontextmanager
async def busy(site: AlbSite, limits: Mapping[str, RateLimit] | None = None) -> AsyncIterator[AlbDaemon]:
    """A daemon with the rates of a real one that reads a group over and over, while AWS has these limits."""
    async with site.daemon() as daemon:
        await daemon.settle(site.wish())
    async with site.daemon(rates=RATES) as daemon:
        await daemon.balancers.observe(SHOP)
        site.account.knobs.rate_limits = dict(limits or {})
        reading = [asyncio.create_task(daemon.balancers.audit(SHOP)) for _ in range(50)]
        await asyncio.sleep(80)
        yield daemon
        assert not all(task.done() for task in reading)
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


async def seconds_to_fill(daemon: AlbDaemon, count: int) -> float:
    """Register so many targets, each with a call of its own."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    pods = [Target(f"10.0.0.{last}", 8080) for last in range(10, 10 + count)]
    outcomes = await asyncio.gather(*(do(daemon, register(pod)) for pod in pods))
    assert all(outcome.ok for outcome in outcomes)
    return loop.time() - started

"""A group's load balancer is made, seen and removed: with few calls, and none when nothing changes."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.support.alb_aws import SHOP, AlbSite, alb_site

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def site() -> AsyncIterator[AlbSite]:
    async with alb_site() as running:
        yield running


WHOLE = [
    "listener 80",
    "load balancer k8s-shop",
    "rule 10",
    "rule 20",
    "security group k8s-shop",
    "security group k8s-traffic-prod",
    "target group k8s-shop-api",
    "target group k8s-shop-web",
]


class TestLife:
    async def test_a_group_is_made_in_one_pass_and_nothing_is_missing_then(self, site: AlbSite) -> None:
        async with site.daemon() as daemon:
            results = await daemon.pass_(site.wish())
            assert [result for result in results if getattr(result, "error", 1)] == []
            assert site.things() == WHOLE
            await daemon.balancers.observe(SHOP)
            site.calls()
            assert await daemon.pass_(site.wish()) == []
            assert site.calls() == []

    async def test_a_new_load_balancer_is_asked_for_its_state_until_it_is_active(self, site: AlbSite) -> None:
        site.account.knobs.provision_seconds = 60
        async with site.daemon() as daemon:
            await daemon.settle(site.wish())
            states = []
            for _ in range(3):
                await asyncio.sleep(31)
                (balancer,) = (await daemon.balancers.observe(SHOP)).load_balancers
                states.append(balancer.state)
            assert states == ["provisioning", "active", "active"]

    async def test_a_restart_sees_the_same(self, site: AlbSite) -> None:
        async with site.daemon() as daemon:
            await daemon.settle(site.wish())
            remembered = await daemon.balancers.observe(SHOP)
        site.calls()
        async with site.daemon() as daemon:
            assert await daemon.balancers.observe(SHOP) == remembered
            assert sorted(site.calls()) == [
                "DescribeListeners",
                "DescribeLoadBalancers",
                "DescribeRules",
                "DescribeSecurityGroups",
                "DescribeTargetGroups",
                "GetResources",
            ]

    async def test_nothing_of_a_group_is_left_in_the_end(self, site: AlbSite) -> None:
        async with site.daemon() as daemon:
            await daemon.settle(site.wish())
            await daemon.remove()
            assert site.things() == []
            assert await daemon.balancers.groups() == ()

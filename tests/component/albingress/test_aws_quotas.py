"""What AWS permits one load balancer in this account."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from addons.albingress.aws.quotas import AccountQuotas
from addons.albingress.model.quotas import Quotas
from addons.runtime.errors import Denied, Unavailable
from tests.support.alb_aws import AlbSite, alb_site

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def site() -> AsyncIterator[AlbSite]:
    async with alb_site() as running:
        yield running


async def test_a_new_account_has_the_usual(site: AlbSite) -> None:
    async with site.daemon() as daemon:
        assert await AccountQuotas(daemon.aws).of_load_balancers() == Quotas()


async def test_what_aws_has_raised_counts(site: AlbSite) -> None:
    site.account.quotas["rules-per-application-load-balancer"] = 200
    site.account.quotas["certificates-per-application-load-balancer"] = 50
    async with site.daemon() as daemon:
        assert await AccountQuotas(daemon.aws).of_load_balancers() == Quotas(rules=200, certificates=50)


async def test_what_was_asked_a_moment_ago_is_not_asked_again(site: AlbSite) -> None:
    async with site.daemon() as daemon:
        quotas = AccountQuotas(daemon.aws)
        await asyncio.gather(*(quotas.of_load_balancers() for _ in range(5)))
        assert site.calls() == ["DescribeAccountLimits"]
        site.account.quotas["rules-per-application-load-balancer"] = 200
        await asyncio.sleep(601)
        assert (await quotas.of_load_balancers()).rules == 200


async def test_where_it_is_denied_the_usual_is_assumed(
    site: AlbSite, caplog: pytest.LogCaptureFixture
) -> None:
    site.account.quotas["rules-per-application-load-balancer"] = 200
    async with site.daemon(fails_at=1, error=Denied) as daemon:
        assert await AccountQuotas(daemon.aws).of_load_balancers() == Quotas()
    assert "the usual quotas of load balancers are assumed" in caplog.text


async def test_another_failure_is_a_failed_pass(site: AlbSite) -> None:
    async with site.daemon(fails_at=1, error=Unavailable) as daemon:
        with pytest.raises(Unavailable):
            await AccountQuotas(daemon.aws).of_load_balancers()

"""Whatever call fails, and whenever the daemon is killed: the next passes finish, and nothing is left over.

Every call of the making and of the removal of a group is tried, one after the other.
"""

from contextlib import suppress
from typing import Any

import pytest

from addons.runtime.errors import Denied, OutsideError, Unavailable
from tests.support.alb_aws import SHOP, AlbDaemon, AlbSite, Wish, alb_site, pairs
from tests.support.cni_aws import Killed

pytestmark = [pytest.mark.virtual_time, pytest.mark.timeout(300)]

FAULTS: dict[str, dict[str, Any]] = {
    "once-answer-lost": {"error": Unavailable, "loses_answer": True},
    "for-long-not-sent": {"error": Unavailable, "times": 4},
    "for-long-answer-lost": {"error": Unavailable, "times": 4, "loses_answer": True},
    "denied": {"error": Denied},
}
WISH_CALLS, REMOVAL_CALLS = 19, 17


def wish(site: AlbSite) -> Wish:
    """A group with attributes, so that each thing takes several calls."""
    return site.wish(attributes=pairs(idle_timeout__timeout_seconds="30"))


async def made(site: AlbSite) -> list[str]:
    """Have the group there; give what is there then."""
    async with site.daemon() as daemon:
        await daemon.settle(wish(site))
    return site.things()


async def is_true(site: AlbSite, daemon: AlbDaemon) -> bool:
    """Whether the daemon remembers what another one reads."""
    async with site.daemon() as other:
        await other.balancers.observe(SHOP)
        seen, remembered = (each.balancers.snapshot.stack(SHOP) for each in (other, daemon))
        return [each.name for each in seen.target_groups] == [
            each.name for each in remembered.target_groups
        ] and [_shown(each) for each in seen.load_balancers] == [
            _shown(each) for each in remembered.load_balancers
        ]


def _shown(balancer: Any) -> Any:
    return [(each.port, [rule.content for rule in each.rules]) for each in balancer.listeners]


def are_vouched_for(site: AlbSite) -> bool:
    """Whether each digest stands on something that has the attributes which it vouches for."""
    account = site.account
    groups = all(
        each.attributes["stickiness.enabled"] == "true"
        for each in account.target_groups.values()
        if "aws-addons.io/spec" in each.tags
    )
    return groups and all(
        each.attributes["idle_timeout.timeout_seconds"] == "30"
        for each in account.load_balancers.values()
        if "aws-addons.io/spec" in each.tags
    )


class TestFailedCalls:
    @pytest.mark.parametrize("fault", FAULTS)
    async def test_a_group_is_made_all_the_same(self, fault: str) -> None:
        async with alb_site() as site:
            whole = await made(site)
        tried = 0
        for at in range(1, 100):
            async with alb_site() as site:
                async with site.daemon(fails_at=at, **FAULTS[fault]) as daemon:
                    for _ in range(2):
                        with suppress(OutsideError):
                            await daemon.pass_(wish(site))
                    if not daemon.aws.has_failed:
                        break
                    assert are_vouched_for(site)
                    await daemon.settle(wish(site))
                    assert await is_true(site, daemon)
                assert site.things() == whole
            tried += 1
        assert tried >= WISH_CALLS

    @pytest.mark.parametrize("fault", FAULTS)
    async def test_a_group_is_removed_all_the_same(self, fault: str) -> None:
        tried = 0
        for at in range(1, 100):
            async with alb_site() as site:
                await made(site)
                async with site.daemon(fails_at=at, **FAULTS[fault]) as daemon:
                    for _ in range(2):
                        with suppress(OutsideError):
                            await daemon.remove_pass()
                    if not daemon.aws.has_failed:
                        break
                    await daemon.remove()
                assert site.things() == []
            tried += 1
        assert tried >= REMOVAL_CALLS


class TestKilled:
    @pytest.mark.parametrize("is_sent", [False, True], ids=["before-sending", "after-the-answer"])
    async def test_while_it_made_a_group(self, *, is_sent: bool) -> None:
        async with alb_site() as site:
            whole = await made(site)
        for at in range(1, WISH_CALLS + 1):
            async with alb_site() as site:
                async with site.daemon(dies_at=at, is_sent=is_sent) as daemon:
                    with pytest.raises((Killed, BaseExceptionGroup)):
                        await daemon.pass_(wish(site))
                assert are_vouched_for(site)
                async with site.daemon() as daemon:
                    await daemon.settle(wish(site))
                assert site.things() == whole

    @pytest.mark.parametrize("is_sent", [False, True], ids=["before-sending", "after-the-answer"])
    async def test_while_it_removed_a_group(self, *, is_sent: bool) -> None:
        for at in range(1, REMOVAL_CALLS + 1):
            async with alb_site() as site:
                await made(site)
                async with site.daemon(dies_at=at, is_sent=is_sent) as daemon:
                    with pytest.raises((Killed, BaseExceptionGroup)):
                        await daemon.remove()
                async with site.daemon() as daemon:
                    await daemon.remove()
                assert site.things() == []

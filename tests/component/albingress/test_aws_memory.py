"""What is remembered of AWS: read with few calls, true after changes of others, and whole where AWS lags."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from typing import Any

import pytest

from addons.albingress.model.groups import GroupId
from addons.albingress.names import TAG_CLUSTER
from addons.runtime.errors import Unavailable
from addons.runtime.outcomes import Outcome
from addons.runtime.permit import Permit
from addons.sim.aws.ec2.timeline import Timeline
from tests.support.alb_aws import CLUSTER, SHOP, AlbDaemon, AlbSite, alb_site, missing, pairs
from tests.support.permits import PERMIT

pytestmark = pytest.mark.virtual_time

GROUPS, SERVICES, MOST_READS = 100, 30, 600


@pytest.fixture
async def site() -> AsyncIterator[AlbSite]:
    async with alb_site() as running:
        yield running


async def made(site: AlbSite, *groups: GroupId) -> None:
    """Have groups there."""
    async with site.daemon() as daemon:
        for group in groups or (SHOP,):
            await daemon.settle(site.wish(group=group))
    site.calls()


async def by_hand(daemon: AlbDaemon, operation: str, **arguments: object) -> None:
    """Somebody else's change."""
    await daemon.aws.call("elbv2", operation, permit=PERMIT, **arguments)


class TestStart:
    async def test_of_many_groups_few_reads_tell_all(self, site: AlbSite) -> None:
        site.account.quotas.update({"application-load-balancers": GROUPS, "target-groups": GROUPS * SERVICES})
        services = tuple(f"s{number}" for number in range(SERVICES))
        groups = await fill(site, GROUPS, services)
        async with site.daemon() as daemon:
            stacks = [await daemon.balancers.observe(group) for group in groups]
        calls = Counter(site.calls())
        assert all(len(stack.target_groups) == SERVICES for stack in stacks)
        assert all(len(stack.load_balancers[0].listeners[0].rules) == SERVICES for stack in stacks)
        assert sum(calls.values()) <= MOST_READS, calls

    async def test_those_who_ask_at_once_share_one_reading(self, site: AlbSite) -> None:
        await made(site)
        async with site.daemon() as daemon:
            await asyncio.gather(*(daemon.balancers.observe(GroupId(name)) for name in "abcde"))
        assert len(site.calls()) == 6

    async def test_a_reading_that_failed_is_tried_again(self, site: AlbSite) -> None:
        await made(site)
        async with site.daemon(fails_at=2) as daemon:
            with pytest.raises(Unavailable):
                await daemon.balancers.observe(SHOP)
            assert (await daemon.balancers.observe(SHOP)).load_balancers

    async def test_without_the_tagging_api_the_tags_of_all_are_read(self, site: AlbSite) -> None:
        await made(site)
        site.endpoint.faults.add(operation="GetResources", code="AccessDeniedException", times=None)
        async with site.daemon() as daemon:
            stack = await daemon.balancers.observe(SHOP)
            assert missing(site.wish(), stack) == []
            daemon.balancers.doubt(SHOP)
            assert await daemon.balancers.observe(SHOP) == stack
        assert Counter(site.calls())["GetResources"] == 1

    async def test_what_the_index_of_tags_does_not_have_yet_is_found(self, site: AlbSite) -> None:
        await made(site)
        site.endpoint.tagging.knobs.lag_seconds = 30
        async with site.daemon() as daemon:
            assert missing(site.wish(), await daemon.balancers.observe(SHOP)) == []

    async def test_groups_without_an_ingress_are_known(self, site: AlbSite) -> None:
        alone = GroupId("app", "web")
        await made(site, SHOP, alone)
        async with site.daemon() as daemon:
            assert set(await daemon.balancers.groups()) == {SHOP, alone}

    async def test_what_another_cluster_has_is_not_seen(self, site: AlbSite) -> None:
        await made(site)
        async with site.daemon() as daemon:
            arns = [each.arn for each in site.account.load_balancers.values()]
            arns += [each.arn for each in site.account.target_groups.values()]
            other = [{"Key": TAG_CLUSTER, "Value": f"not-{CLUSTER}"}]
            await by_hand(daemon, "add_tags", ResourceArns=arns, Tags=other)
            stack = await daemon.balancers.observe(SHOP)
            assert (stack.load_balancers, stack.target_groups) == ((), ())


class TestOthersChanges:
    """An audit finds what others did; so does the next look after an answer that does not fit."""

    async def test_an_audit_finds_a_rule_that_somebody_deleted(self, site: AlbSite) -> None:
        await made(site)
        async with site.daemon() as daemon:
            stack = await daemon.balancers.observe(SHOP)
            assert not await daemon.balancers.audit(SHOP)
            await by_hand(daemon, "delete_rule", RuleArn=stack.load_balancers[0].listeners[0].rules[0].arn)
            assert await daemon.balancers.observe(SHOP) is stack
            assert await daemon.balancers.audit(SHOP)
            assert [action.key for action in missing(site.wish(), await daemon.balancers.observe(SHOP))] == [
                "rule web"
            ]

    async def test_an_audit_takes_few_calls_and_its_time(self, site: AlbSite) -> None:
        await made(site)
        async with site.daemon() as daemon:
            await daemon.balancers.observe(SHOP)
            site.calls()
            started = asyncio.get_running_loop().time()
            await daemon.balancers.audit(SHOP)
            calls = len(site.calls())
            assert calls <= 6
            assert asyncio.get_running_loop().time() - started >= (calls - 2) / 2 - 0.01

    async def test_an_audit_reads_attributes_when_told(self, site: AlbSite) -> None:
        await made(site)
        async with site.daemon() as daemon:
            (there,) = (await daemon.balancers.observe(SHOP)).load_balancers
            assert there.attributes is None
            read = await daemon.balancers.read_more(SHOP, attributes_of=[there.arn])
            assert dict(read.load_balancers[0].attributes or ())["idle_timeout.timeout_seconds"] == "60"
            attribute = [{"Key": "idle_timeout.timeout_seconds", "Value": "9"}]
            await by_hand(
                daemon, "modify_load_balancer_attributes", LoadBalancerArn=there.arn, Attributes=attribute
            )
            site.calls()
            await daemon.balancers.read_more(SHOP, attributes_of=[there.arn])
            assert site.calls() == []
            assert await daemon.balancers.audit(SHOP, attributes_of=[there.arn])
            (found,) = (await daemon.balancers.observe(SHOP)).load_balancers
            assert dict(found.attributes or ())["idle_timeout.timeout_seconds"] == "9"

    async def test_a_load_balancer_that_somebody_deleted_is_missed(self, site: AlbSite) -> None:
        await made(site)
        async with site.daemon() as daemon:
            (there,) = (await daemon.balancers.observe(SHOP)).load_balancers
            await by_hand(daemon, "delete_load_balancer", LoadBalancerArn=there.arn)
            assert await daemon.balancers.audit(SHOP)
            stack = await daemon.balancers.observe(SHOP)
            assert stack.load_balancers == ()
            assert [group.load_balancers for group in stack.target_groups] == [(), ()]
            await daemon.settle(site.wish())

    async def test_what_appears_in_a_group_that_nobody_knew_is_discovered(self, site: AlbSite) -> None:
        async with site.daemon() as daemon:
            assert await daemon.balancers.groups() == ()
            await made(site)
            assert await daemon.balancers.discover() == (SHOP,)
            assert missing(site.wish(), await daemon.balancers.observe(SHOP)) == []

    async def test_after_somebody_else_led_all_is_read_again(self, site: AlbSite) -> None:
        async with site.daemon() as daemon:
            await daemon.balancers.observe(SHOP)
            await made(site)
            daemon.balancers.forget()
            assert missing(site.wish(), await daemon.balancers.observe(SHOP)) == []


class TestLag:
    """AWS may show the past for some seconds: what was just done is not forgotten for that."""

    async def test_a_group_is_made_while_listings_lag(self, site: AlbSite) -> None:
        site.account.knobs.describe_lag_seconds = 5
        async with site.daemon() as daemon:
            await daemon.pass_(site.wish())
            daemon.balancers.doubt(SHOP)
            assert missing(site.wish(), await daemon.balancers.observe(SHOP)) == []
            await asyncio.sleep(6)
            daemon.balancers.doubt(SHOP)
            assert missing(site.wish(), await daemon.balancers.observe(SHOP)) == []

    async def test_a_group_that_was_removed_does_not_come_back(self, site: AlbSite) -> None:
        await made(site)
        site.account.knobs.describe_lag_seconds = 5
        site.endpoint.tagging.knobs.lag_seconds = 5
        await asyncio.sleep(6)
        async with site.daemon() as daemon:
            await daemon.remove()
            daemon.balancers.doubt(SHOP)
            stack = await daemon.balancers.observe(SHOP)
            assert (stack.load_balancers, stack.target_groups) == ((), ())


class TestPermission:
    async def test_without_it_nothing_is_begun(self, site: AlbSite) -> None:
        async with site.daemon(permit=Permit(asyncio.Event(), lease_left=lambda: 1.0)) as daemon:
            results = await daemon.pass_(site.wish(attributes=pairs(idle_timeout__timeout_seconds="30")))
        assert not any(isinstance(result, Outcome) for result in results)
        assert site.changes() == []

    async def test_what_is_stopped_half_way_goes_on_in_the_next_life(self, site: AlbSite) -> None:
        asked = itertools.count()
        permit = Permit(asyncio.Event(), lease_left=lambda: 100.0 if next(asked) < 9 else 0.0)
        async with site.daemon(permit=permit) as daemon:
            results = await daemon.pass_(site.wish())
            done = [result for result in results if isinstance(result, Outcome) and result.ok]
            assert 0 < len(done) < len(results)
        async with site.daemon() as daemon:
            await daemon.settle(site.wish())


async def fill(site: AlbSite, number: int, services: tuple[str, ...]) -> list[GroupId]:
    """Have many groups there, all like the first, which is made as always."""
    first = GroupId("g0")
    async with site.daemon() as daemon:
        await daemon.settle(site.wish(*services, group=first))
    groups = [GroupId(f"g{index}") for index in range(number)]
    originals = _all(site)
    for group in groups[1:]:
        _copy(site, originals, str(group))
    site.calls()
    return groups


def _all(site: AlbSite) -> list[Any]:
    account = site.account
    return [
        *account.load_balancers.values(),
        *account.listeners.values(),
        *account.target_groups.values(),
        *account.rules.values(),
    ]


def _copy(site: AlbSite, originals: list[Any], group: str) -> None:
    """Put what the first group has into the account again, under another group's name."""
    account = site.account
    timelines: dict[str, Timeline[Any]] = {
        "LoadBalancer": account.load_balancers,
        "Listener": account.listeners,
        "TargetGroup": account.target_groups,
        "Rule": account.rules,
    }

    def renamed(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("k8s-g0", f"k8s-{group}") if value != "g0" else group
        if isinstance(value, tuple):
            return tuple(map(renamed, value))
        if isinstance(value, list):
            return list(map(renamed, value))
        if isinstance(value, dict):
            return {key: renamed(each) for key, each in value.items()}
        return value

    for each in originals:
        changes = {field.name: renamed(getattr(each, field.name)) for field in fields(each)}
        timelines[type(each).__name__].put(changes["arn"], replace(each, **changes))

"""Orders: a size is only ever raised, an instance only ended by its id, and each group fails for itself."""

import asyncio
from typing import Any

import pytest

from addons.autoscaler.names import AT_MAX, GROUP_NOT_FOUND, MIN_SIZE
from addons.runtime.errors import Conflict, Denied, OutsideError, Throttled, Unavailable, Withheld
from addons.runtime.permit import Permit
from tests.support.as_aws import TAG, AsSite, about, as_site
from tests.support.permits import NEVER

pytestmark = pytest.mark.virtual_time

TAGGED = (f"asg:tag={TAG}",)
CHANGES = ("SetDesiredCapacity", "TerminateInstanceInAutoScalingGroup")


def changes(site: AsSite) -> list[str]:
    """The changes that AWS was asked for since this was called last."""
    return [name for name in site.calls().elements() if name in CHANGES]


class TestRaising:
    async def test_a_size_is_ordered(self) -> None:
        async with as_site() as site:
            site.group("a", 1)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                outcome = await door.raise_to("a", 3)
                assert (outcome.ok, outcome.action.desired) == (True, 3)
                assert (site.desired("a"), door["a"].desired) == (3, 3)

    @pytest.mark.parametrize("target", [1, 2, 3])
    async def test_a_size_is_never_lowered(self, target: int) -> None:
        async with as_site() as site:
            site.group("a", 3)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                outcome = await door.raise_to("a", target)
                assert (outcome.ok, outcome.action.desired) == (True, 3)
                assert changes(site) == []

    async def test_what_somebody_else_raised_meanwhile_stays(self) -> None:
        async with as_site() as site:
            site.group("a", 1)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                await asyncio.sleep(10)
                site.ask("SetDesiredCapacity", AutoScalingGroupName="a", DesiredCapacity=7)
                outcome = await door.raise_to("a", 3)
                assert (outcome.action.desired, site.desired("a"), changes(site)) == (7, 7, [])

    async def test_what_somebody_else_lowered_meanwhile_is_not_ordered_again(self) -> None:
        async with as_site() as site:
            site.group("a", 3)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                await asyncio.sleep(10)
                site.ask("SetDesiredCapacity", AutoScalingGroupName="a", DesiredCapacity=0)
                outcome = await door.raise_to("a", 4, by=1)
                assert (outcome.ok, outcome.action.desired, site.desired("a")) == (True, 1, 1)

    async def test_as_much_as_aws_permits_is_ordered(self) -> None:
        async with as_site() as site:
            site.group("a", 1, most=2)
            async with site.door(nodes=("0:10:a",)) as door:
                await door.read()
                outcome = await door.raise_to("a", 5)
                assert (outcome.ok, outcome.action.desired, site.desired("a")) == (True, 2, 2)

    async def test_beyond_the_maximum_nothing_is_sent(self) -> None:
        async with as_site() as site:
            site.group("a", 2, most=2)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                outcome = await door.raise_to("a", 5)
                assert outcome.error
                assert outcome.error.code == AT_MAX
                assert changes(site) == []

    async def test_a_maximum_that_was_lowered_meanwhile_counts(self) -> None:
        async with as_site() as site:
            site.group("a", 1)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                await asyncio.sleep(10)
                site.ask("UpdateAutoScalingGroup", AutoScalingGroupName="a", MaxSize=3)
                assert (await door.raise_to("a", 9)).action.desired == 3

    async def test_where_the_size_cannot_be_read_nothing_is_sent(self) -> None:
        async with as_site() as site:
            site.group("a", 1)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                await asyncio.sleep(10)
                site.fail("DescribeAutoScalingGroups")
                outcome = await door.raise_to("a", 3)
                assert isinstance(outcome.error, Unavailable)
                assert changes(site) == []

    async def test_a_group_that_is_gone_is_told(self) -> None:
        async with as_site() as site:
            site.group("a")
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                await asyncio.sleep(10)
                site.ask("DeleteAutoScalingGroup", AutoScalingGroupName="a", ForceDelete=True)
                outcome = await door.raise_to("a", 3)
                assert outcome.error
                assert outcome.error.code == GROUP_NOT_FOUND


class TestEnding:
    async def test_an_instance_ends_and_the_group_wants_one_less(self) -> None:
        async with as_site() as site:
            site.group("a", 3)
            site.autoscaling.knobs.terminate_seconds = 30
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                second = site.ids("a")[1]
                outcome = await door.terminate("a", second)
                assert (outcome.ok, site.desired("a"), door["a"].desired) == (True, 2, 2)
                assert [each.id for each in door["a"].instances if each.is_leaving] == [second]
                assert door["a"].missing == 0

    async def test_one_that_is_ending_already_is_as_it_should_be(self) -> None:
        async with as_site() as site:
            site.group("a", 3)
            site.autoscaling.knobs.terminate_seconds = 30
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                first = site.ids("a")[0]
                for _ in range(3):
                    assert (await door.terminate("a", first)).ok
                assert (site.desired("a"), len(changes(site))) == (2, 1)

    async def test_one_that_is_gone_is_as_it_should_be(self) -> None:
        async with as_site() as site:
            site.group("a", 1)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                assert (await door.terminate("a", "i-0123456789abcdef0")).ok
                assert changes(site) == []

    async def test_one_that_went_since_it_was_read_is_as_it_should_be(self) -> None:
        async with as_site() as site:
            site.group("a", 2)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                gone = site.ids("a")[0]
                site.autoscaling.lose(gone)
                outcome = await door.terminate("a", gone)
                assert outcome.ok
                await door.read("a")
                assert door["a"].desired == site.desired("a") == 2

    async def test_one_that_somebody_else_ended_since_it_was_read_is_as_it_should_be(self) -> None:
        async with as_site() as site:
            site.group("a", 3)
            site.autoscaling.knobs.terminate_seconds = 60
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                first = site.ids("a")[0]
                site.ask(
                    "TerminateInstanceInAutoScalingGroup",
                    InstanceId=first,
                    ShouldDecrementDesiredCapacity=True,
                )
                assert (await door.terminate("a", first)).ok
                assert (door["a"].desired, site.desired("a"), site.calls()[CHANGES[1]]) == (2, 2, 1)

    @pytest.mark.parametrize(("nodes", "least"), [("0:5:a", 2), ("2:5:a", 0)])
    async def test_below_either_minimum_nothing_is_sent(self, nodes: str, least: int) -> None:
        async with as_site() as site:
            site.group("a", 2, least=least)
            async with site.door(nodes=(nodes,)) as door:
                await door.read()
                outcome = await door.terminate("a", site.ids("a")[0])
                assert outcome.error
                assert outcome.error.code == MIN_SIZE
                assert "2 is least" in outcome.error.message
                assert changes(site) == []

    async def test_two_at_once_do_not_go_below_the_minimum(self) -> None:
        async with as_site() as site:
            site.group("a", 3, least=2)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                both = site.ids("a")[:2]
                outcomes = await asyncio.gather(*(door.terminate("a", each) for each in both))
                assert [each.ok for each in outcomes] == [True, False]
                assert site.desired("a") == 2

    async def test_an_end_and_an_order_at_once_count_each_other(self) -> None:
        async with as_site() as site:
            site.group("a", 3)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                first = site.ids("a")[0]
                await asyncio.gather(door.terminate("a", first), door.raise_to("a", 4))
                assert site.desired("a") == 4
                await door.terminate("a", site.ids("a")[0])
                assert (site.desired("a"), door["a"].desired) == (3, 3)


REFUSALS: dict[str, tuple[dict[str, Any], type[OutsideError]]] = {
    "throttled": ({"code": "Throttling", "message": "Rate exceeded", "status": 400}, Throttled),
    "denied": ({"code": "AccessDenied", "message": "no", "status": 403}, Denied),
    "broken": ({"code": "InternalFailure", "message": "sorry", "status": 500}, Unavailable),
    "busy": ({"code": "ScalingActivityInProgress", "message": "later", "status": 400}, Conflict),
    "cut off": ({"code": ""}, Unavailable),
}


@pytest.mark.parametrize("refusal", REFUSALS)
class TestRefusals:
    async def test_a_refused_order_is_told_once_and_costs_its_group_alone(self, refusal: str) -> None:
        how, kind = REFUSALS[refusal]
        async with as_site() as site:
            for name in ("a", "b"):
                site.group(name, 1)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                site.fail("SetDesiredCapacity", when=about("a"), **how)
                began = asyncio.get_running_loop().time()
                failed, done = await asyncio.gather(door.raise_to("a", 3), door.raise_to("b", 3))
                assert asyncio.get_running_loop().time() - began < 1
                assert isinstance(failed.error, kind)
                assert (done.ok, site.desired("a"), site.desired("b")) == (True, 1, 3)
                assert changes(site) == ["SetDesiredCapacity"] * 2
                assert door["a"].desired == 1

    async def test_a_refused_end_is_told_once(self, refusal: str) -> None:
        how, kind = REFUSALS[refusal]
        async with as_site() as site:
            site.group("a", 2)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                site.fail("TerminateInstanceInAutoScalingGroup", **how)
                outcome = await door.terminate("a", site.ids("a")[0])
                assert isinstance(outcome.error, kind)
                assert (site.desired("a"), door["a"].desired, len(changes(site))) == (2, 2, 1)


class TestLostAnswers:
    async def test_an_order_whose_answer_is_lost_is_seen_and_not_made_twice(self) -> None:
        async with as_site() as site:
            site.group("a", 1)
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(1)
                site.fail("SetDesiredCapacity", before=False, times=1)
                assert not (await door.raise_to("a", 3)).ok
                await asyncio.sleep(1)
                assert door["a"].desired == 3
                assert (await door.raise_to("a", 3)).ok
                assert changes(site) == ["SetDesiredCapacity"]

    async def test_an_end_whose_answer_is_lost_is_seen_and_not_made_twice(self) -> None:
        async with as_site() as site:
            site.group("a", 3)
            site.autoscaling.knobs.terminate_seconds = 60
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(1)
                site.fail("TerminateInstanceInAutoScalingGroup", before=False, times=1)
                first = site.ids("a")[0]
                assert not (await door.terminate("a", first)).ok
                await asyncio.sleep(1)
                assert (await door.terminate("a", first)).ok
                assert (site.desired("a"), len(changes(site))) == (2, 1)


class TestPermission:
    async def test_without_it_nothing_leaves(self) -> None:
        async with as_site() as site:
            site.group("a", 2)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                lost = Permit(NEVER, lease_left=lambda: 0.0)
                orders = [
                    await door.raise_to("a", 3, lost),
                    await door.terminate("a", site.ids("a")[0], lost),
                ]
                assert all(isinstance(each.error, Withheld) for each in orders)
                assert changes(site) == []

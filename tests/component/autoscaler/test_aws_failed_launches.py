"""Launches that fail: read while a group lacks instances, with why in AWS's words."""

import asyncio

import pytest

from tests.support.as_aws import TAG, as_site

pytestmark = pytest.mark.virtual_time

TAGGED = (f"asg:tag={TAG}",)


class TestFailures:
    @pytest.mark.parametrize(
        ("fault", "code"),
        [
            ("OutOfCapacity", "OutOfCapacity"),
            ("SpotUnfulfillable", "OutOfCapacity"),
            ("SubnetFull", "SubnetFull"),
            ("QuotaExceeded", "QuotaExceeded"),
            ("SpotQuotaExceeded", "QuotaExceeded"),
            ("InvalidLaunchTemplate", "LaunchTemplateInvalid"),
            ("The dog ate it.", "Other"),
        ],
    )
    async def test_they_are_told_within_seconds_by_kind_and_zone(self, fault: str, code: str) -> None:
        async with as_site() as site:
            site.group("a")
            site.autoscaling.fail_launches("a", fault)
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(1)
                await door.raise_to("a", 2)
                await asyncio.sleep(7)
                (failure,) = door["a"].failures
        assert (failure.code, failure.zone) == (code, "eu-central-1a")
        assert failure.message.endswith("Launching EC2 instance failed.")

    async def test_one_zone_of_three_fails_and_the_others_deliver(self) -> None:
        async with as_site() as site:
            site.group("a", zones="abc")
            site.autoscaling.fail_launches("a", zone="eu-central-1b")
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(1)
                await door.raise_to("a", 3)
                await asyncio.sleep(10)
                group = door["a"]
        assert {failure.zone for failure in group.failures} == {"eu-central-1b"}
        assert {each.zone for each in group.instances} == {"eu-central-1a", "eu-central-1c"}

    async def test_each_is_told_once_however_often_it_is_read(self) -> None:
        async with as_site() as site:
            site.group("a")
            site.autoscaling.fail_launches("a", times=1)
            site.autoscaling.knobs.retry_seconds = 30
            site.autoscaling.knobs.launch_seconds = 60
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(1)
                await door.raise_to("a", 1)
                await asyncio.sleep(80)
                assert len(door["a"].failures) == 1

    async def test_after_a_restart_those_of_the_last_hour_are_known(self) -> None:
        async with as_site() as site:
            site.group("a")
            site.autoscaling.fail_launches("a")
            site.autoscaling.knobs.retry_seconds = 1200
            site.ask("SetDesiredCapacity", AutoScalingGroupName="a", DesiredCapacity=1)
            await asyncio.sleep(5000)
            site.endpoint.ec2.agenda.settle()
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                ages = [door["a"].observed - failure.at for failure in door["a"].failures]
        assert 1 <= len(ages) <= 4
        assert max(ages) <= 3600

    async def test_groups_that_lack_nothing_are_not_asked(self) -> None:
        async with as_site() as site:
            site.group("a", 2)
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(300)
                assert site.calls()["DescribeScalingActivities"] == 0

    async def test_while_they_cannot_be_read_those_known_stay(self) -> None:
        async with as_site() as site:
            site.group("a")
            site.autoscaling.fail_launches("a")
            site.autoscaling.knobs.retry_seconds = 1000
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(1)
                await door.raise_to("a", 1)
                await asyncio.sleep(10)
                before = door["a"].failures
                site.fail("DescribeScalingActivities")
                await asyncio.sleep(60)
                assert door["a"].failures == before != ()
                assert "scaling activities" in {fault.about for fault in door.groups.faults()}

    async def test_many_new_ones_come_in_pages(self) -> None:
        async with as_site() as site:
            site.group("a", most=200)
            site.autoscaling.fail_launches("a")
            site.autoscaling.knobs.retry_seconds = 10
            site.ask("SetDesiredCapacity", AutoScalingGroupName="a", DesiredCapacity=1)
            for _ in range(120):
                await asyncio.sleep(10)
                site.endpoint.ec2.agenda.settle()
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                assert len(door["a"].failures) >= 100
                assert site.calls()["DescribeScalingActivities"] == 3

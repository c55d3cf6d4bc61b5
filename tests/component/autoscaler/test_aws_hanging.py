"""What hangs in AWS, or is slow, holds up its own group alone. In real time: threads hang for real."""

import asyncio

import pytest

from addons.runtime.errors import Unavailable
from tests.support.as_aws import TAG, about, as_site
from tests.support.until import until

TAGGED = (f"asg:tag={TAG}",)
HANGING, PATIENCE = 30.0, 1.0


class TestOrders:
    @pytest.mark.parametrize("operation", ["SetDesiredCapacity", "DescribeAutoScalingGroups"])
    async def test_others_are_ordered_meanwhile(self, operation: str) -> None:
        async with as_site() as site:
            for name in ("a", "b"):
                site.group(name, 1)
            async with site.door(discovery=TAGGED, read_seconds=PATIENCE) as door:
                await door.read()
                await asyncio.sleep(2.1)
                site.endpoint.faults.slow(operation, HANGING, when=about("a"))
                hanging = asyncio.create_task(door.raise_to("a", 3))
                assert (await door.raise_to("b", 3)).ok
                assert not hanging.done()
                assert isinstance((await hanging).error, Unavailable)
                assert (site.desired("a"), site.desired("b")) == (1, 3)

    async def test_the_end_of_an_instance_is_ordered_meanwhile(self) -> None:
        async with as_site() as site:
            for name in ("a", "b"):
                site.group(name, 2)
            first, second = site.ids("a")[0], site.ids("b")[0]
            async with site.door(discovery=TAGGED, read_seconds=PATIENCE) as door:
                await door.read()
                site.endpoint.faults.slow(
                    "TerminateInstanceInAutoScalingGroup",
                    HANGING,
                    when=lambda call: call.get("InstanceId") == first,
                )
                hanging = asyncio.create_task(door.terminate("a", first))
                assert (await door.terminate("b", second)).ok
                assert not hanging.done()
                assert not (await hanging).ok


class TestReadings:
    async def test_a_launch_template_that_hangs_delays_its_own_group_alone(self) -> None:
        async with as_site() as site:
            slow = site.template("slow")
            site.group("a", LaunchTemplate=slow)
            site.group("b")
            site.endpoint.faults.slow(
                "DescribeLaunchTemplateVersions",
                HANGING,
                when=lambda call: call.get("LaunchTemplateId") == slow["LaunchTemplateId"],
            )
            async with site.door(discovery=TAGGED, read_seconds=PATIENCE) as door, door.running():
                await until(lambda: "b" in door.groups.view and bool(door["b"].types))
                assert door["a"].types == ()
                assert "not read yet" in door["a"].degraded
                await until(lambda: "timeout" in door["a"].degraded)

    async def test_activities_that_hang_delay_no_view(self) -> None:
        async with as_site() as site:
            for name in ("a", "b"):
                site.group(name, 1)
                site.autoscaling.fail_launches(name)
            async with site.door(discovery=TAGGED, read_seconds=PATIENCE) as door, door.running():
                await until(lambda: door.names == ["a", "b"])
                site.endpoint.faults.slow("DescribeScalingActivities", HANGING, when=about("a"))
                await door.raise_to("a", 2)
                await door.raise_to("b", 2)
                await until(lambda: bool(door["b"].failures))
                assert door["b"].failures[0].code == "OutOfCapacity"

    async def test_a_group_whose_reading_hangs_is_told_apart_from_the_others(self) -> None:
        async with as_site() as site:
            names = [f"g{number}" for number in range(6)]
            for name in names:
                site.group(name)
            nodes = [f"0:5:{name}" for name in names]
            async with site.door(nodes=nodes, read_seconds=0.2, refresh_seconds=1.0) as door:
                site.endpoint.faults.slow("DescribeAutoScalingGroups", HANGING, when=about("g4"))
                async with door.running():
                    await until(lambda: door.names == [name for name in names if name != "g4"])

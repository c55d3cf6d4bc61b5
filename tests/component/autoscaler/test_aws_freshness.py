"""When groups are read: seldom while nothing happens, at once and often while something does."""

import asyncio

import pytest

from tests.support.as_aws import TAG, as_site, mixed

pytestmark = pytest.mark.virtual_time

TAGGED = (f"asg:tag={TAG}",)


class TestIdle:
    async def test_a_hundred_groups_take_one_call_a_minute(self) -> None:
        async with as_site() as site:
            template = site.template("one")
            for number in range(100):
                site.group(f"g{number:03}", 1, LaunchTemplate=template)
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(5)
                site.calls()
                await asyncio.sleep(600)
                calls = site.calls()
        assert calls["DescribeAutoScalingGroups"] == 10
        assert calls["DescribeLaunchTemplateVersions"] == 1
        assert set(calls) == {"DescribeAutoScalingGroups", "DescribeLaunchTemplateVersions"}

    async def test_addresses_are_counted_more_often_while_pods_wait(self) -> None:
        async with as_site() as site:
            site.group("a", 1)
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(5)
                site.calls()
                door.groups.is_pending = True
                await asyncio.sleep(301)
                assert site.calls()["DescribeSubnets"] == 5

    async def test_a_change_by_somebody_else_is_seen_within_a_minute(self) -> None:
        async with as_site() as site:
            site.group("a", 1)
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(5)
                door.groups.changed.clear()
                site.ask("SetDesiredCapacity", AutoScalingGroupName="a", DesiredCapacity=3)
                await asyncio.sleep(60)
                assert door["a"].desired == 3
                assert door.groups.changed.is_set()

    async def test_readings_that_tell_nothing_new_wake_nobody(self) -> None:
        async with as_site() as site:
            site.group("a", 1)
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(5)
                door.groups.changed.clear()
                before = door["a"].observed
                await asyncio.sleep(120)
                assert not door.groups.changed.is_set()
                assert door["a"].observed > before


class TestOrders:
    async def test_a_group_is_read_at_once_after_an_order_and_every_five_seconds_until_it_has_all(
        self,
    ) -> None:
        async with as_site() as site:
            site.group("a", 1)
            site.autoscaling.knobs.react_seconds = 20
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(5)
                site.calls()
                await door.raise_to("a", 4)
                assert door["a"].desired == 4
                await asyncio.sleep(1)
                assert site.calls()["DescribeAutoScalingGroups"] == 2
                await asyncio.sleep(15)
                assert site.calls()["DescribeAutoScalingGroups"] == 3
                assert door["a"].missing == 3
                await asyncio.sleep(10)
                assert door["a"].missing == 0
                assert len(door["a"].instances) == 4

    async def test_what_aws_cannot_give_for_long_is_read_as_if_idle(self) -> None:
        async with as_site() as site:
            site.group("a", 0)
            site.autoscaling.fail_launches("a")
            site.autoscaling.knobs.retry_seconds = 10_000
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(5)
                await door.raise_to("a", 1)
                await asyncio.sleep(1800)
                site.calls()
                await asyncio.sleep(600)
                calls = site.calls()
        assert calls["DescribeAutoScalingGroups"] <= 21
        assert calls["DescribeScalingActivities"] <= 11

    async def test_nodes_that_are_awaited_have_their_group_read_often(self) -> None:
        async with as_site() as site:
            site.group("a", 1)
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(5)
                site.calls()
                door.groups.expecting = ("a",)
                door.groups.hurry("a")
                await asyncio.sleep(30)
                assert site.calls()["DescribeAutoScalingGroups"] >= 6

    async def test_orders_for_many_groups_are_followed_in_few_calls(self) -> None:
        async with as_site() as site:
            template = site.template("one")
            for number in range(40):
                site.group(f"g{number:02}", LaunchTemplate=template)
            site.autoscaling.knobs.react_seconds = 1000
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(1)
                await asyncio.gather(*(door.raise_to(name, 1) for name in door.names))
                site.calls()
                await asyncio.sleep(20)
                assert site.calls()["DescribeAutoScalingGroups"] <= 6
                assert {group.desired for group in door.groups.view.values()} == {1}

    async def test_groups_that_lack_something_are_read_together(self) -> None:
        async with as_site() as site:
            template = site.template("one")
            for number in range(30):
                site.group(f"g{number:03}", LaunchTemplate=template)
            site.autoscaling.fail_launches()
            site.autoscaling.knobs.retry_seconds = 10_000
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(1)
                for number, name in enumerate(door.names):
                    site.ask("SetDesiredCapacity", AutoScalingGroupName=name, DesiredCapacity=1)
                    if number % 20 == 0:
                        await asyncio.sleep(0.5)
                        door.groups.hurry(name)
                await asyncio.sleep(60)
                site.calls()
                await asyncio.sleep(60)
                calls = site.calls()
                assert calls["DescribeAutoScalingGroups"] <= 12 + 4
                assert calls["DescribeScalingActivities"] <= 11 * 60
                assert door.groups.faults() == []
                assert all(group.failures for group in door.groups.view.values())

    async def test_a_reading_of_all_ends_however_much_is_always_due(self) -> None:
        async with as_site() as site:
            template = site.template("one")
            for number in range(120):
                site.group(f"g{number:03}", 1, LaunchTemplate=template)
            site.autoscaling.fail_launches()
            for name in list(site.autoscaling.groups):
                site.ask("SetDesiredCapacity", AutoScalingGroupName=name, DesiredCapacity=2)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                assert site.calls()["DescribeScalingActivities"] == 120
                async with door.running(), asyncio.timeout(300):
                    await asyncio.sleep(1)
                    await door.read()


class TestLaunchTemplates:
    async def test_a_newer_version_is_seen_within_ten_minutes(self) -> None:
        async with as_site() as site:
            template = site.template("t")
            site.group("a", LaunchTemplate=template)
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(5)
                before = door["a"].launch_template
                site.new_version(template, "m5.xlarge")
                await asyncio.sleep(601)
                assert door["a"].types == ("m5.xlarge",)
                assert door["a"].launch_template == before.replace(":1", ":2")

    async def test_a_group_that_names_another_version_is_seen_with_it_at_once(self) -> None:
        async with as_site() as site:
            template = site.template("t")
            site.new_version(template, "m5.xlarge")
            site.group("a", LaunchTemplate={**template, "Version": "1"})
            async with site.door(discovery=TAGGED) as door:
                await door.read()
                assert door["a"].types == ("m5.large",)
                newer = {**template, "Version": "2"}
                site.ask("UpdateAutoScalingGroup", AutoScalingGroupName="a", LaunchTemplate=newer)
                await door.read()
                assert door["a"].types == ("m5.xlarge",)

    async def test_while_a_version_cannot_be_read_the_one_before_is_told(self) -> None:
        async with as_site() as site:
            template = site.template("t")
            site.new_version(template, "m5.xlarge")
            site.group("a", LaunchTemplate={**template, "Version": "1"})
            async with site.door(discovery=TAGGED) as door, door.running():
                await asyncio.sleep(1)
                site.fail("DescribeLaunchTemplateVersions")
                newer = {**template, "Version": "2"}
                site.ask("UpdateAutoScalingGroup", AutoScalingGroupName="a", LaunchTemplate=newer)
                await asyncio.sleep(70)
                assert door["a"].types == ("m5.large",)
                assert door["a"].degraded
                site.heal()
                await asyncio.sleep(70)
                assert door["a"].types == ("m5.xlarge",)
                assert not door["a"].degraded

    async def test_a_group_whose_template_was_never_read_has_the_types_of_its_instances(self) -> None:
        async with as_site() as site:
            site.group("a", 1, LaunchTemplate=site.template("t", "m5.xlarge"))
            site.group("b")
            overrides = [{"InstanceType": "m5.2xlarge"}]
            site.group("c", MixedInstancesPolicy=mixed(site.template("u"), overrides))
            site.fail("DescribeLaunchTemplateVersions", code="UnauthorizedOperation", status=403)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
        assert [door[name].types for name in "abc"] == [("m5.xlarge",), (), ("m5.2xlarge",)]
        assert all(door[name].degraded for name in "abc")
        assert set(door.groups.types.known) == {"m5.xlarge", "m5.2xlarge"}

    async def test_a_launch_configuration_says_what_is_launched(self) -> None:
        async with as_site() as site:
            site.ask(
                "CreateLaunchConfiguration",
                LaunchConfigurationName="old",
                InstanceType="t3.small",
                ImageId="ami-1",
                SpotPrice="0.1",
            )
            site.group("a", 1, LaunchConfigurationName="old")
            async with site.door(discovery=TAGGED) as door:
                await door.read()
        group = door["a"]
        assert (group.types, group.launch_template, group.image) == (("t3.small",), "old", "ami-1")
        assert group.capacity_type == "spot"


class TestMixedPolicies:
    async def test_the_types_are_told_in_their_order(self) -> None:
        async with as_site() as site:
            overrides = [{"InstanceType": name} for name in ("m5.xlarge", "m5.large", "m5.2xlarge")]
            site.group("a", MixedInstancesPolicy=mixed(site.template("t"), overrides))
            async with site.door(discovery=TAGGED) as door:
                await door.read()
        assert door["a"].types == ("m5.xlarge", "m5.large", "m5.2xlarge")
        assert set(door.groups.types.known) == set(door["a"].types)

    @pytest.mark.parametrize(
        ("base", "percent", "expected"),
        [(0, 100, "on-demand"), (0, 0, "spot"), (1, 0, "mixed"), (0, 50, "mixed")],
    )
    async def test_the_distribution_says_what_capacity_it_is(
        self, base: int, percent: int, expected: str
    ) -> None:
        async with as_site() as site:
            policy = mixed(
                site.template("t"),
                [{"InstanceType": "m5.large"}],
                OnDemandBaseCapacity=base,
                OnDemandPercentageAboveBaseCapacity=percent,
            )
            site.group("a", MixedInstancesPolicy=policy)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
        assert door["a"].capacity_type == expected

    async def test_without_overrides_the_template_says_the_type_and_the_market(self) -> None:
        async with as_site() as site:
            template = site.template("t", InstanceMarketOptions={"MarketType": "spot"})
            site.group("a", LaunchTemplate=template)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
        assert (door["a"].types, door["a"].capacity_type) == (("m5.large",), "spot")

    async def test_where_types_by_attributes_are_not_told_the_least_of_the_ranges_is(self) -> None:
        async with as_site() as site:
            wish = {"VCpuCount": {"Min": 4, "Max": 8}, "MemoryMiB": {"Min": 16384}}
            policy = mixed(site.template("t"), [{"InstanceRequirements": wish}])
            site.group("a", MixedInstancesPolicy=policy)
            site.fail("GetInstanceTypesFromInstanceRequirements", code="UnauthorizedOperation", status=403)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
        assert door["a"].types == ()
        assert door["a"].floor == {"cpu": 4000, "memory": 16384 << 20}
        assert "types by attributes" in " ".join(door["a"].problems)

    @pytest.mark.parametrize(("makers", "arch"), [([], "amd64"), (["amazon-web-services"], "arm64")])
    async def test_types_by_attributes_are_those_that_ec2_finds(self, makers: list[str], arch: str) -> None:
        wish = {
            "VCpuCount": {"Min": 2, "Max": 2},
            "MemoryMiB": {"Min": 8192, "Max": 8192},
            "CpuManufacturers": makers,
            "AllowedInstanceTypes": ["m5*", "m6*"],
        }
        async with as_site() as site:
            policy = mixed(site.template("t"), [{"InstanceRequirements": wish}])
            site.group("a", MixedInstancesPolicy=policy)
            async with site.door(discovery=TAGGED) as door:
                await door.read()
        types = [door.groups.types.known[name] for name in door["a"].types]
        assert len(types) > 1
        assert {each.arch for each in types} == {arch}
        assert {each.resources["memory"] for each in types} == {8 << 30}
        assert door["a"].floor is None

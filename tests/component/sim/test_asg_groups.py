"""Groups of the simulated Auto Scaling through real boto3: what is accepted, and how they reach a size."""

from collections.abc import AsyncIterator

import pytest

from addons.sim.aws.throttle import RateLimit
from tests.support.asg import AsgWorld, asg_world


@pytest.fixture
async def world() -> AsyncIterator[AsgWorld]:
    async with asg_world() as made:
        yield made


class TestCreating:
    async def test_a_group_has_its_least_number_of_instances_by_itself(self, world: AsgWorld) -> None:
        await world.make(least=2)
        assert await world.states() == ["InService", "InService"]
        assert (await world.group())["DesiredCapacity"] == 2

    async def test_a_name_is_taken_once(self, world: AsgWorld) -> None:
        await world.make()
        with pytest.raises(Exception, match="AlreadyExists"):
            await world.make()

    async def test_the_least_is_not_above_the_most(self, world: AsgWorld) -> None:
        with pytest.raises(Exception, match="ValidationError"):
            await world.make(least=3, most=2)

    async def test_a_launch_template_must_be_there(self, world: AsgWorld) -> None:
        with pytest.raises(Exception, match="valid fully-formed launch template"):
            await world.make(LaunchTemplate={"LaunchTemplateName": "nothing"})

    async def test_a_version_must_be_there(self, world: AsgWorld) -> None:
        with pytest.raises(Exception, match="Could not find the specified version 7"):
            await world.make(LaunchTemplate={"LaunchTemplateName": "base", "Version": "7"})

    async def test_a_group_needs_a_subnet_that_is_there(self, world: AsgWorld) -> None:
        source = {"LaunchTemplate": {"LaunchTemplateName": "base"}}
        sizes = {"AutoScalingGroupName": "web", "MinSize": 0, "MaxSize": 1}
        _, message = await world.refusal(
            "create_auto_scaling_group", VPCZoneIdentifier="subnet-0", **sizes, **source
        )
        assert message == "The subnet ID 'subnet-0' does not exist"

    async def test_a_group_needs_one_source_and_no_more(self, world: AsgWorld) -> None:
        sizes = {"AutoScalingGroupName": "web", "MinSize": 0, "MaxSize": 1}
        code, _ = await world.refusal(
            "create_auto_scaling_group", VPCZoneIdentifier=world.subnets["a"], **sizes
        )
        assert code == "ValidationError"

    async def test_instances_have_the_tags_of_their_group_and_its_name(self, world: AsgWorld) -> None:
        await world.make(least=1, tags=[("team", "shop")])
        reply = await world.aws.call("ec2", "describe_instances", InstanceIds=await world.instances())
        (found,) = reply["Reservations"][0]["Instances"]
        tags = {tag["Key"]: tag["Value"] for tag in found["Tags"]}
        assert tags == {"team": "shop", "aws:autoscaling:groupName": "web"}


class TestSetDesiredCapacity:
    async def test_it_is_refused_above_the_most(self, world: AsgWorld) -> None:
        await world.make(most=5)
        assert await world.refusal("set_desired_capacity", AutoScalingGroupName="web", DesiredCapacity=9) == (
            "ValidationError",
            "New SetDesiredCapacity value 9 is above max value 5 for the AutoScalingGroup.",
        )
        assert (await world.group())["DesiredCapacity"] == 0

    async def test_it_is_refused_below_the_least(self, world: AsgWorld) -> None:
        await world.make(least=1)
        code, message = await world.refusal(
            "set_desired_capacity", AutoScalingGroupName="web", DesiredCapacity=0
        )
        assert (code, "below min value 1" in message) == ("ValidationError", True)

    async def test_an_unknown_group_is_a_validation_error(self, world: AsgWorld) -> None:
        code, message = await world.refusal(
            "set_desired_capacity", AutoScalingGroupName="none", DesiredCapacity=1
        )
        assert (code, "not found" in message) == ("ValidationError", True)

    async def test_instances_are_pending_for_a_while(self, world: AsgWorld) -> None:
        world.service.knobs.launch_seconds = 30
        await world.make()
        await world.grow(2)
        assert await world.states() == ["Pending", "Pending"]
        world.pass_by(30)
        assert await world.states() == ["InService", "InService"]

    async def test_one_group_may_be_slower_than_others(self, world: AsgWorld) -> None:
        world.service.delay("web", 100)
        await world.make()
        await world.make("api", least=1)
        await world.grow(1)
        assert (await world.states(), await world.states("api")) == (["Pending"], ["InService"])

    async def test_a_group_acts_after_a_while(self, world: AsgWorld) -> None:
        world.service.knobs.react_seconds = 2
        await world.make()
        await world.grow(1)
        assert await world.states() == []
        world.pass_by(2)
        assert await world.states() == ["InService"]

    async def test_lowering_it_ends_the_oldest_that_is_not_protected(self, world: AsgWorld) -> None:
        await world.make()
        await world.grow(3)
        first, second, third = await world.instances()
        await world.call(
            "set_instance_protection",
            AutoScalingGroupName="web",
            InstanceIds=[first],
            ProtectedFromScaleIn=True,
        )
        await world.grow(1)
        assert await world.instances() == [first]
        assert {second, third}.isdisjoint(await world.instances())

    async def test_launch_may_be_suspended(self, world: AsgWorld) -> None:
        await world.make()
        processes = {"AutoScalingGroupName": "web", "ScalingProcesses": ["Launch"]}
        await world.call("suspend_processes", **processes)
        await world.grow(2)
        assert await world.states() == []
        suspended = (await world.group())["SuspendedProcesses"]
        assert [each["ProcessName"] for each in suspended] == ["Launch"]
        await world.call("resume_processes", **processes)
        assert await world.states() == ["InService", "InService"]

    async def test_a_process_must_be_one_of_those_that_there_are(self, world: AsgWorld) -> None:
        await world.make()
        code, _ = await world.refusal(
            "suspend_processes", AutoScalingGroupName="web", ScalingProcesses=["Fun"]
        )
        assert code == "ValidationError"


class TestZones:
    async def test_instances_are_spread_over_the_zones_of_a_group(self, world: AsgWorld) -> None:
        await world.make(zones="abc")
        await world.grow(7)
        assert sorted([(await world.zones()).count(zone) for zone in "abc"]) == [2, 2, 3]

    async def test_zones_that_differ_by_two_are_evened_out(self, world: AsgWorld) -> None:
        await world.make(zones="ab")
        world.service.fail_launches("web", zone="eu-central-1b")
        await world.grow(4)
        assert await world.zones() == "aaaa"
        world.service.launch_again()
        world.pass_by(120)
        assert await world.zones() == "aabb"

    async def test_unless_that_is_suspended(self, world: AsgWorld) -> None:
        await world.make(zones="ab")
        processes = {"AutoScalingGroupName": "web", "ScalingProcesses": ["AZRebalance"]}
        await world.call("suspend_processes", **processes)
        world.service.fail_launches("web", zone="eu-central-1b")
        await world.grow(4)
        world.service.launch_again()
        world.pass_by(300)
        assert await world.zones() == "aaaa"


class TestChanging:
    async def test_an_update_leaves_instances_and_suspended_processes_alone(self, world: AsgWorld) -> None:
        await world.make()
        await world.grow(2)
        before = await world.instances()
        await world.call("suspend_processes", AutoScalingGroupName="web", ScalingProcesses=["AZRebalance"])
        await world.make_template("other", InstanceType="m5.xlarge")
        other = {"LaunchTemplateName": "other", "Version": "$Default"}
        await world.call(
            "update_auto_scaling_group", AutoScalingGroupName="web", MaxSize=20, LaunchTemplate=other
        )
        found = await world.group()
        assert [each["InstanceId"] for each in found["Instances"]] == before
        assert (found["DesiredCapacity"], found["MaxSize"]) == (2, 20)
        assert found["SuspendedProcesses"]
        await world.grow(3)
        assert (await world.instances(key="InstanceType"))[-1] == "m5.xlarge"

    async def test_an_update_that_is_refused_changes_nothing(self, world: AsgWorld) -> None:
        await world.make(most=5)
        await world.refusal("update_auto_scaling_group", AutoScalingGroupName="web", MinSize=9, MaxSize=7)
        assert (await world.group())["MaxSize"] == 5

    async def test_a_group_with_instances_is_deleted_by_force_only(self, world: AsgWorld) -> None:
        await world.make(least=1)
        code, _ = await world.refusal("delete_auto_scaling_group", AutoScalingGroupName="web")
        assert code == "ResourceInUse"
        await world.call("delete_auto_scaling_group", AutoScalingGroupName="web", ForceDelete=True)
        assert (await world.call("describe_auto_scaling_groups"))["AutoScalingGroups"] == []

    async def test_a_new_version_of_the_template_is_for_new_instances(self, world: AsgWorld) -> None:
        await world.make()
        await world.grow(1)
        data = {"InstanceType": "m5.2xlarge"}
        await world.aws.call(
            "ec2",
            "create_launch_template_version",
            LaunchTemplateName="base",
            SourceVersion="1",
            LaunchTemplateData=data,
        )
        await world.grow(2)
        assert await world.instances(key="InstanceType") == ["m5.large", "m5.2xlarge"]
        versions = [each["Version"] for each in await world.instances(key="LaunchTemplate")]
        assert versions == ["1", "2"]


class TestDescribing:
    async def test_filters_are_all_of_them_and_any_of_their_values(self, world: AsgWorld) -> None:
        await world.make("a", tags=[("on", "yes"), ("team", "x")])
        await world.make("b", tags=[("on", "yes"), ("team", "y")])
        await world.make("c", tags=[("team", "x")])

        async def found(*filters: tuple[str, list[str]]) -> list[str]:
            items = [{"Name": name, "Values": values} for name, values in filters]
            reply = await world.call("describe_auto_scaling_groups", Filters=items)
            return [each["AutoScalingGroupName"] for each in reply["AutoScalingGroups"]]

        assert await found(("tag-key", ["on"])) == ["a", "b"]
        assert await found(("tag:on", ["yes"]), ("tag:team", ["x"])) == ["a"]
        assert await found(("tag:team", ["x", "y"])) == ["a", "b", "c"]

    async def test_an_unknown_filter_is_an_error(self, world: AsgWorld) -> None:
        code, _ = await world.refusal(
            "describe_auto_scaling_groups", Filters=[{"Name": "colour", "Values": ["red"]}]
        )
        assert code == "ValidationError"

    async def test_names_that_nothing_has_are_left_out(self, world: AsgWorld) -> None:
        await world.make()
        reply = await world.call("describe_auto_scaling_groups", AutoScalingGroupNames=["none", "web"])
        assert [each["AutoScalingGroupName"] for each in reply["AutoScalingGroups"]] == ["web"]

    async def test_more_names_than_records_are_refused(self, world: AsgWorld) -> None:
        names = [f"g{number}" for number in range(51)]
        code, _ = await world.refusal("describe_auto_scaling_groups", AutoScalingGroupNames=names)
        assert code == "ValidationError"
        await world.call("describe_auto_scaling_groups", AutoScalingGroupNames=names, MaxRecords=100)

    async def test_a_page_has_a_hundred_groups_at_most(self, world: AsgWorld) -> None:
        code, _ = await world.refusal("describe_auto_scaling_groups", MaxRecords=101)
        assert code == "ValidationError"
        for number in range(5):
            await world.make(f"g{number}")
        first = await world.call("describe_auto_scaling_groups", MaxRecords=3)
        second = await world.call("describe_auto_scaling_groups", MaxRecords=3, NextToken=first["NextToken"])
        assert [len(each["AutoScalingGroups"]) for each in (first, second)] == [3, 2]
        assert "NextToken" not in second

    async def test_tags_are_listed_and_changed(self, world: AsgWorld) -> None:
        await world.make(tags=[("a", "1")])
        about = {"ResourceId": "web", "ResourceType": "auto-scaling-group"}
        tag = {**about, "Key": "b", "Value": "2", "PropagateAtLaunch": False}
        await world.call("create_or_update_tags", Tags=[tag])
        await world.call("delete_tags", Tags=[{**about, "Key": "a"}])
        wanted = [{"Name": "auto-scaling-group", "Values": ["web"]}]
        reply = await world.call("describe_tags", Filters=wanted)
        assert [(each["Key"], each["Value"]) for each in reply["Tags"]] == [("b", "2")]

    async def test_calls_are_throttled_by_rate(self, world: AsgWorld) -> None:
        await world.make()
        world.service.knobs.rate_limits = {"SetDesiredCapacity": RateLimit(1, 1)}
        await world.grow(1)
        refused = await world.refusal("set_desired_capacity", AutoScalingGroupName="web", DesiredCapacity=2)
        assert refused == ("Throttling", "Rate exceeded")
        world.clock.pass_by(1)
        await world.grow(2)

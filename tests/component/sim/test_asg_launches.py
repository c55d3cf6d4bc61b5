"""Launches of the simulated Auto Scaling through real boto3: types, spot, and all that fails."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.asg import AsgWorld, asg_world


@pytest.fixture
async def world() -> AsyncIterator[AsgWorld]:
    async with asg_world() as made:
        yield made


@pytest.fixture
async def small() -> AsyncIterator[AsgWorld]:
    """Subnets of 16 addresses, 11 of them for use."""
    async with asg_world(28) as made:
        yield made


def mixed(*types: str, **distribution: Any) -> dict[str, Any]:
    """A mixed instances policy over the launch template `base`."""
    overrides = [{"InstanceType": each} for each in types]
    template = {"LaunchTemplateSpecification": {"LaunchTemplateName": "base"}, "Overrides": overrides}
    return {"LaunchTemplate": template, "InstancesDistribution": distribution}


class TestFailures:
    async def test_a_zone_without_capacity_is_told_and_the_others_are_tried(self, world: AsgWorld) -> None:
        await world.make(zones="abc")
        world.service.fail_launches("web", zone="eu-central-1b")
        await world.grow(4)
        assert await world.zones() == "aacc"
        (message,) = await world.failed()
        assert message.startswith(
            "We currently do not have sufficient m5.large capacity in the Availability Zone"
        )
        assert "(eu-central-1b)" in message
        assert message.endswith("Launching EC2 instance failed.")

    async def test_the_desired_capacity_stays_and_aws_tries_again_by_itself(self, world: AsgWorld) -> None:
        await world.make()
        order = world.service.fail_launches("web")
        await world.grow(2)
        found = await world.group()
        assert (found["DesiredCapacity"], found["Instances"]) == (2, [])
        world.pass_by(60)
        assert len(await world.failed()) == 2
        world.service.launch_again(order)
        world.pass_by(60)
        assert await world.states() == ["InService", "InService"]

    async def test_a_failure_may_be_for_a_while_or_a_number_of_times(self, world: AsgWorld) -> None:
        await world.make()
        world.service.fail_launches("web", seconds=100)
        await world.grow(1)
        world.pass_by(60)
        assert await world.states() == []
        world.pass_by(60)
        assert await world.states() == ["InService"]
        world.service.fail_launches("web", times=1)
        await world.grow(2)
        world.pass_by(60)
        assert await world.states() == ["InService", "InService"]

    async def test_a_full_subnet_fails_in_its_own_words(self, small: AsgWorld) -> None:
        await small.make(most=20)
        await small.grow(15)
        assert len(await small.instances()) == 11
        (message,) = await small.failed()
        words = f"There are not enough free addresses in subnet '{small.subnets['a']}' to satisfy"
        assert message.startswith(words)

    async def test_the_subnet_says_what_it_has_left(self, small: AsgWorld) -> None:
        await small.make(least=3)
        reply = await small.aws.call("ec2", "describe_subnets", SubnetIds=[small.subnets["a"]])
        assert reply["Subnets"][0]["AvailableIpAddressCount"] == 8

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            ("QuotaExceeded", "You have requested more vCPU capacity than your current vCPU limit"),
            ("InvalidLaunchTemplate", "You must use a valid fully-formed launch template."),
            ("something else.", "something else. Launching EC2 instance failed."),
        ],
    )
    async def test_launches_fail_in_the_words_of_aws(self, world: AsgWorld, code: str, words: str) -> None:
        await world.make()
        world.service.fail_launches("web", code)
        await world.grow(1)
        (message,) = await world.failed()
        assert message.startswith(words)

    async def test_a_template_that_was_deleted_fails_launches(self, world: AsgWorld) -> None:
        await world.make()
        await world.aws.call("ec2", "delete_launch_template", LaunchTemplateName="base")
        await world.grow(1)
        (message,) = await world.failed()
        assert "does not exist" in message

    async def test_one_group_s_failure_is_not_another_s(self, world: AsgWorld) -> None:
        await world.make()
        await world.make("api")
        world.service.fail_launches("web")
        await world.grow(1)
        await world.grow(1, "api")
        assert (await world.states(), await world.states("api")) == ([], ["InService"])


class TestActivities:
    async def test_they_are_told_the_newest_first(self, world: AsgWorld) -> None:
        await world.make()
        await world.grow(1)
        world.pass_by(10)
        (instance,) = await world.instances()
        await world.end(instance, decrement=True)
        told = [(each["StatusCode"], each["Description"]) for each in await world.activities()]
        assert told == [
            ("Successful", f"Terminating EC2 instance: {instance}"),
            ("Successful", f"Launching a new EC2 instance: {instance}"),
        ]

    async def test_a_launch_is_in_progress_until_the_instance_is_in_service(self, world: AsgWorld) -> None:
        world.service.knobs.launch_seconds = 30
        await world.make()
        await world.grow(1)
        (activity,) = await world.activities()
        assert activity["StatusCode"] == "InProgress"
        assert "EndTime" not in activity
        world.pass_by(30)
        (activity,) = await world.activities()
        assert (activity["StatusCode"], activity["Progress"]) == ("Successful", 100)

    async def test_they_come_in_pages(self, world: AsgWorld) -> None:
        await world.make()
        await world.grow(5)
        reply = await world.call("describe_scaling_activities", AutoScalingGroupName="web", MaxRecords=2)
        assert len(reply["Activities"]) == 2
        more = await world.activities(MaxRecords=10 * 10, NextToken=reply["NextToken"])
        assert len(more) == 3

    async def test_an_unknown_group_is_refused(self, world: AsgWorld) -> None:
        code, _ = await world.refusal("describe_scaling_activities", AutoScalingGroupName="none")
        assert code == "ValidationError"


class TestMixed:
    async def test_the_first_type_that_can_be_had_is_taken(self, world: AsgWorld) -> None:
        await world.make(MixedInstancesPolicy=mixed("m5.xlarge", "m5a.xlarge"))
        await world.grow(1)
        world.service.fail_launches("web", type_="m5.xlarge")
        await world.grow(2)
        assert await world.instances(key="InstanceType") == ["m5.xlarge", "m5a.xlarge"]

    async def test_what_is_above_the_base_is_spot_by_percentage(self, world: AsgWorld) -> None:
        policy = mixed("m5.large", OnDemandBaseCapacity=1, OnDemandPercentageAboveBaseCapacity=50)
        await world.make(MixedInstancesPolicy=policy)
        await world.grow(5)
        reply = await world.aws.call("ec2", "describe_instances", InstanceIds=await world.instances())
        found = [each["Instances"][0].get("InstanceLifecycle", "") for each in reply["Reservations"]]
        assert sorted(found) == ["", "", "", "spot", "spot"]

    async def test_spot_that_cannot_be_had_fails_in_its_own_words(self, world: AsgWorld) -> None:
        await world.make(MixedInstancesPolicy=mixed("m5.large", OnDemandPercentageAboveBaseCapacity=0))
        world.service.fail_launches("web")
        await world.grow(1)
        (message,) = await world.failed()
        assert message.startswith("Could not launch Spot Instances. UnfulfillableCapacity")

    async def test_an_instance_counts_by_its_weight(self, world: AsgWorld) -> None:
        policy = mixed()
        policy["LaunchTemplate"]["Overrides"] = [{"InstanceType": "m5.2xlarge", "WeightedCapacity": "4"}]
        await world.make(MixedInstancesPolicy=policy)
        await world.grow(6)
        assert await world.instances(key="WeightedCapacity") == ["4", "4"]

    async def test_requirements_find_the_smallest_type(self, world: AsgWorld) -> None:
        policy = mixed()
        bounds = {"VCpuCount": {"Min": 4, "Max": 8}, "MemoryMiB": {"Min": 16_000}}
        policy["LaunchTemplate"]["Overrides"] = [{"InstanceRequirements": bounds}]
        await world.make(MixedInstancesPolicy=policy)
        await world.grow(1)
        (type_,) = await world.instances(key="InstanceType")
        reply = await world.aws.call("ec2", "describe_instance_types", InstanceTypes=[type_])
        (about,) = reply["InstanceTypes"]
        assert about["VCpuInfo"]["DefaultVCpus"] == 4
        assert about["MemoryInfo"]["SizeInMiB"] >= 16_000
        shown = (await world.group())["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"]
        assert shown[0]["InstanceRequirements"]["VCpuCount"] == {"Min": 4, "Max": 8}

    async def test_ec2_names_the_types_that_fulfil_requirements(self, world: AsgWorld) -> None:
        wanted = {
            "ArchitectureTypes": ["x86_64"],
            "VirtualizationTypes": ["hvm"],
            "InstanceRequirements": {
                "VCpuCount": {"Min": 2, "Max": 2},
                "MemoryMiB": {"Min": 8192, "Max": 8192},
                "AllowedInstanceTypes": ["m*", "t3.*"],
                "ExcludedInstanceTypes": ["m5d*"],
            },
        }
        operation = "get_instance_types_from_instance_requirements"
        reply = await world.aws.call("ec2", operation, **wanted)
        found = [each["InstanceType"] for each in reply["InstanceTypes"]]
        assert "m5.large" in found
        assert not [name for name in found if name.startswith(("t3", "m5d", "m6g", "c"))]

    async def test_a_launch_configuration_serves_too(self, world: AsgWorld) -> None:
        await world.call(
            "create_launch_configuration",
            LaunchConfigurationName="old",
            ImageId="ami-1",
            InstanceType="c5.large",
        )
        await world.make(LaunchConfigurationName="old", least=1)
        assert await world.instances(key="InstanceType") == ["c5.large"]
        reply = await world.call("describe_launch_configurations", LaunchConfigurationNames=["old"])
        assert reply["LaunchConfigurations"][0]["InstanceType"] == "c5.large"

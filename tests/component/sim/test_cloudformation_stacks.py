"""Stacks of the simulated CloudFormation through real boto3: made, and updated in place."""

import json
from collections.abc import AsyncIterator

import pytest

from tests.support.cfn import CfnWorld, cfn_world


@pytest.fixture
async def world() -> AsyncIterator[CfnWorld]:
    async with cfn_world() as made:
        yield made


class TestCreating:
    async def test_a_stack_has_its_resources(self, world: CfnWorld) -> None:
        await world.create()
        assert await world.status() == "CREATE_COMPLETE"
        assert await world.resources() == {
            "LaunchTemplate": "CREATE_COMPLETE",
            "Group": "CREATE_COMPLETE",
            "Hook": "CREATE_COMPLETE",
        }
        assert await world.groups() == ["web"]
        hooks = await world.asg.call("describe_lifecycle_hooks", AutoScalingGroupName="web")
        assert [each["LifecycleHookName"] for each in hooks["LifecycleHooks"]] == ["drain"]

    async def test_outputs_are_resolved(self, world: CfnWorld) -> None:
        await world.create()
        (output,) = (await world.stack())["Outputs"]
        assert (output["OutputKey"], output["OutputValue"]) == ("Group", "web")

    async def test_user_data_is_encoded_and_numbers_are_numbers(self, world: CfnWorld) -> None:
        await world.create()
        reply = await world.asg.aws.call(
            "ec2",
            "describe_launch_template_versions",
            LaunchTemplateId=await world.physical("LaunchTemplate"),
        )
        data = reply["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        assert (data["UserData"], data["MetadataOptions"]["HttpPutResponseHopLimit"]) == (
            "IyEvYmluL2Jhc2g=",
            1,
        )

    async def test_tags_of_the_stack_and_its_own_reach_group_and_instances(self, world: CfnWorld) -> None:
        world.template = world.edited("Group", MinSize="1")
        id_ = await world.create(Tags=[{"Key": "owner", "Value": "me"}])
        group = await world.asg.group()
        assert {tag["Key"]: tag["Value"] for tag in group["Tags"]} == {
            "team": "shop",
            "owner": "me",
            "aws:cloudformation:stack-id": id_,
            "aws:cloudformation:stack-name": "shop",
            "aws:cloudformation:logical-id": "Group",
        }
        reply = await world.asg.aws.call("ec2", "describe_instances", InstanceIds=await world.asg.instances())
        (found,) = reply["Reservations"][0]["Instances"]
        tags = {tag["Key"]: tag["Value"] for tag in found["Tags"]}
        assert (tags["owner"], tags["aws:cloudformation:logical-id"]) == ("me", "Group")

    async def test_tags_of_the_launch_template_reach_instances(self, world: CfnWorld) -> None:
        data = world.template["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
        data["TagSpecifications"] = [
            {
                "ResourceType": "instance",
                "Tags": [{"Key": "from", "Value": "v1"}, {"Key": "team", "Value": "x"}],
            }
        ]
        world.template = world.edited("Group", MinSize="1")
        await world.create()
        reply = await world.asg.aws.call("ec2", "describe_instances", InstanceIds=await world.asg.instances())
        (found,) = reply["Reservations"][0]["Instances"]
        tags = {tag["Key"]: tag["Value"] for tag in found["Tags"]}
        assert (tags["from"], tags["team"]) == ("v1", "shop"), "the group's tag counts where both have it"

    async def test_resources_take_their_time_one_after_the_other(self, world: CfnWorld) -> None:
        world.service.knobs.resource_seconds = 10
        await world.create()
        assert await world.status() == "CREATE_IN_PROGRESS"
        world.asg.pass_by(15)
        assert await world.resources() == {"LaunchTemplate": "CREATE_COMPLETE", "Group": "CREATE_IN_PROGRESS"}
        world.asg.pass_by(20)
        assert await world.status() == "CREATE_COMPLETE"

    async def test_a_group_is_complete_when_its_instances_are_in_service(self, world: CfnWorld) -> None:
        world.asg.service.knobs.launch_seconds = 30
        world.template = world.edited("Group", MinSize="2")
        await world.create()
        assert (await world.resources())["Group"] == "CREATE_IN_PROGRESS"
        world.asg.pass_by(40)
        assert await world.status() == "CREATE_COMPLETE"

    async def test_a_name_is_taken_once(self, world: CfnWorld) -> None:
        await world.create()
        assert await world.refusal("create_stack", StackName="shop", TemplateBody=world.template) == (
            "AlreadyExistsException",
            "Stack [shop] already exists",
        )

    @pytest.mark.parametrize("name", ["1shop", "shop_web", "a" * 129])
    async def test_names_have_a_form(self, world: CfnWorld, name: str) -> None:
        code, message = await world.refusal("create_stack", StackName=name, TemplateBody=world.template)
        assert (code, "failed to satisfy constraint" in message) == ("ValidationError", True)

    async def test_a_call_sent_twice_with_a_token_makes_one_stack(self, world: CfnWorld) -> None:
        first = await world.create(ClientRequestToken="t-1")
        assert await world.create(ClientRequestToken="t-1") == first

    async def test_a_token_is_for_one_call_alone(self, world: CfnWorld) -> None:
        await world.create(ClientRequestToken="t-1")
        code, _ = await world.refusal("delete_stack", StackName="shop", ClientRequestToken="t-1")
        assert code == "TokenAlreadyExistsException"

    async def test_the_number_of_stacks_is_limited(self, world: CfnWorld) -> None:
        world.service.knobs.most_stacks = 0
        code, _ = await world.refusal("create_stack", StackName="shop", TemplateBody=world.template)
        assert code == "LimitExceededException"

    async def test_events_tell_it_in_order(self, world: CfnWorld) -> None:
        await world.create()
        assert await world.statuses() == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
        assert await world.statuses(of="Group") == [
            "CREATE_IN_PROGRESS",
            "CREATE_IN_PROGRESS",
            "CREATE_COMPLETE",
        ]

    async def test_the_template_is_kept_word_for_word(self, world: CfnWorld) -> None:
        await world.create()
        reply = await world.call("get_template", StackName="shop")
        assert json.loads(json.dumps(reply["TemplateBody"])) == world.template

    async def test_yaml_with_short_forms_is_a_template(self, world: CfnWorld) -> None:
        body = (
            "Parameters: {Image: {Type: String, Default: ami-9}}\n"
            "Resources:\n"
            "  LaunchTemplate:\n"
            "    Type: AWS::EC2::LaunchTemplate\n"
            "    Properties:\n"
            "      LaunchTemplateData: {ImageId: !Ref Image, KeyName: !Sub '${AWS::StackName}-key'}\n"
            "Outputs: {Latest: {Value: !GetAtt LaunchTemplate.LatestVersionNumber}}\n"
        )
        await world.call("create_stack", StackName="shop", TemplateBody=body)
        assert await world.images() == {1: "ami-9"}
        assert (await world.stack())["Outputs"][0]["OutputValue"] == "1"


class TestUpdating:
    async def test_limits_change_in_place(self, world: CfnWorld) -> None:
        await world.create()
        await world.asg.grow(3)
        before = await world.asg.instances()
        await world.update(world.edited("Group", MaxSize="20"))
        group = await world.asg.group()
        assert (group["MaxSize"], group["DesiredCapacity"]) == (20, 3)
        assert await world.asg.instances() == before

    async def test_a_higher_least_raises_the_capacity(self, world: CfnWorld) -> None:
        await world.create()
        await world.update(world.edited("Group", MinSize=2))
        assert (await world.asg.group())["DesiredCapacity"] == 2

    async def test_a_template_that_names_the_capacity_sets_it_with_every_change(
        self, world: CfnWorld
    ) -> None:
        await world.create(template=world.keep(world.edited("Group", DesiredCapacity="1")))
        await world.asg.grow(5)
        await world.update(world.edited("Group", MaxSize="20"))
        assert (await world.asg.group())["DesiredCapacity"] == 1

    async def test_sizes_that_are_not_changed_stay_when_the_policy_says_so(self, world: CfnWorld) -> None:
        world.template["Resources"]["Group"]["UpdatePolicy"] = {
            "AutoScalingScheduledAction": {"IgnoreUnmodifiedGroupSizeProperties": "true"}
        }
        await world.create(template=world.keep(world.edited("Group", DesiredCapacity="1")))
        await world.asg.grow(5)
        await world.update(world.edited("Group", MaxSize="20"))
        group = await world.asg.group()
        assert (group["MaxSize"], group["DesiredCapacity"]) == (20, 5)

    async def test_another_image_is_a_new_version_and_instances_stay(self, world: CfnWorld) -> None:
        await world.create()
        await world.asg.grow(2)
        before = await world.asg.instances()
        await world.update(world.with_image("ami-2"))
        assert await world.images() == {1: "ami-1", 2: "ami-2"}
        group = await world.asg.group()
        assert group["LaunchTemplate"]["Version"] == "2"
        assert await world.asg.instances() == before
        versions = [each["Version"] for each in await world.asg.instances(key="LaunchTemplate")]
        assert versions == ["1", "1"]

    async def test_what_others_did_to_the_group_stays(self, world: CfnWorld) -> None:
        await world.create()
        await world.asg.call(
            "suspend_processes", AutoScalingGroupName="web", ScalingProcesses=["AZRebalance"]
        )
        tag = {"ResourceId": "web", "ResourceType": "auto-scaling-group", "Key": "extra", "Value": "1"}
        await world.asg.call("create_or_update_tags", Tags=[{**tag, "PropagateAtLaunch": False}])
        await world.update(world.edited("Group", MaxSize="20", Tags=None))
        group = await world.asg.group()
        assert [each["ProcessName"] for each in group["SuspendedProcesses"]] == ["AZRebalance"]
        keys = {each["Key"] for each in group["Tags"]}
        assert keys & {"extra", "team"} == {"extra"}

    async def test_tags_of_the_stack_change_the_group(self, world: CfnWorld) -> None:
        await world.create(Tags=[{"Key": "spec", "Value": "1"}])
        await world.update(world.template, Tags=[{"Key": "spec", "Value": "2"}])
        tags = {each["Key"]: each["Value"] for each in (await world.asg.group())["Tags"]}
        assert (tags["spec"], await world.images()) == ("2", {1: "ami-1"})

    async def test_tags_that_an_update_does_not_name_stay(self, world: CfnWorld) -> None:
        await world.create(Tags=[{"Key": "spec", "Value": "1"}])
        await world.update(world.edited("Group", MaxSize="20"))
        assert (await world.stack())["Tags"] == [{"Key": "spec", "Value": "1"}]

    async def test_nothing_new_is_refused(self, world: CfnWorld) -> None:
        await world.create()
        assert await world.refusal("update_stack", StackName="shop", TemplateBody=world.template) == (
            "ValidationError",
            "No updates are to be performed.",
        )

    async def test_a_number_and_its_text_are_the_same(self, world: CfnWorld) -> None:
        await world.create()
        _, message = await world.refusal(
            "update_stack", StackName="shop", TemplateBody=world.edited("Group", MaxSize=10)
        )
        assert message == "No updates are to be performed."

    async def test_another_name_replaces_the_group_and_its_hook(self, world: CfnWorld) -> None:
        await world.create()
        await world.asg.grow(1)
        await world.update(world.edited("Group", AutoScalingGroupName="web-2"))
        assert await world.groups() == ["web-2"]
        assert await world.asg.instances("web-2") == []
        hooks = await world.asg.call("describe_lifecycle_hooks", AutoScalingGroupName="web-2")
        assert [each["LifecycleHookName"] for each in hooks["LifecycleHooks"]] == ["drain"]
        assert await world.physical("Group") == "web-2"
        assert await world.status() == "UPDATE_COMPLETE"

    async def test_an_unknown_stack_is_refused(self, world: CfnWorld) -> None:
        assert await world.refusal("update_stack", StackName="none", TemplateBody=world.template) == (
            "ValidationError",
            "Stack [none] does not exist",
        )

    async def test_one_update_at_a_time(self, world: CfnWorld) -> None:
        id_ = await world.create()
        world.service.knobs.resource_seconds = 10
        await world.update(world.edited("Group", MaxSize="20"))
        assert await world.refusal("update_stack", StackName="shop", TemplateBody=world.template) == (
            "ValidationError",
            f"Stack:{id_} is in UPDATE_IN_PROGRESS state and can not be updated.",
        )

    async def test_removed_resources_are_deleted_in_the_end(self, world: CfnWorld) -> None:
        await world.create()
        del world.template["Resources"]["Hook"]
        await world.update(world.template)
        assert set(await world.resources()) == {"LaunchTemplate", "Group"}
        hooks = await world.asg.call("describe_lifecycle_hooks", AutoScalingGroupName="web")
        assert hooks["LifecycleHooks"] == []
        assert await world.statuses() == [
            *("CREATE_IN_PROGRESS", "CREATE_COMPLETE", "UPDATE_IN_PROGRESS"),
            *("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"),
        ]

"""What becomes of stacks of the simulated CloudFormation when something fails, and drift."""

from collections.abc import AsyncIterator

import pytest
from botocore.exceptions import WaiterError

from tests.support.cfn import CfnWorld, cfn_world


@pytest.fixture
async def world() -> AsyncIterator[CfnWorld]:
    async with cfn_world() as made:
        yield made


class TestCreating:
    async def test_a_failure_takes_all_back(self, world: CfnWorld) -> None:
        world.service.fail_resource("shop", "Group", "You have requested more than your quota")
        await world.create()
        assert await world.statuses() == ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"]
        assert await world.reasons() == ["You have requested more than your quota"]
        assert (await world.resources())["LaunchTemplate"] == "DELETE_COMPLETE"
        assert len(world.asg.ec2.account.launch_templates) == 1, "the one of the world"
        with pytest.raises(WaiterError):
            await world.wait("stack_create_complete", StackName="shop")

    async def test_the_rollback_tells_which_resource_it_was(self, world: CfnWorld) -> None:
        world.service.fail_resource("shop", "Group", "no")
        await world.create()
        events = (await world.call("describe_stack_events", StackName="shop"))["StackEvents"]
        (reason,) = [
            each["ResourceStatusReason"]
            for each in events
            if each["ResourceStatus"] == "ROLLBACK_IN_PROGRESS"
        ]
        assert reason == ("The following resource(s) failed to create: [Group]. Rollback requested by user.")

    async def test_a_stack_that_was_taken_back_can_only_be_deleted(self, world: CfnWorld) -> None:
        world.service.fail_resource("shop", "Group", "no")
        id_ = await world.create()
        state = f"Stack:{id_} is in ROLLBACK_COMPLETE state and can not be updated."
        named = {"StackName": "shop", "TemplateBody": world.template}
        assert (await world.refusal("update_stack", **named))[1] == state
        assert (await world.refusal("create_change_set", ChangeSetName="one", **named))[1] == state
        assert (await world.refusal("create_stack", **named))[0] == "AlreadyExistsException"
        await world.call("delete_stack", StackName="shop")
        await world.create()
        assert await world.status() == "CREATE_COMPLETE"

    async def test_a_refusal_of_the_service_below_is_the_reason(self, world: CfnWorld) -> None:
        await world.asg.make("web")
        await world.create()
        (reason,) = await world.reasons()
        assert "A group with the name web already exists (Service: AutoScaling, Status Code: 400" in reason
        assert reason.endswith("HandlerErrorCode: AlreadyExists)")
        assert await world.groups() == ["web"], "the group of somebody else stays"

    async def test_instances_that_do_not_come_fail_the_group(self, world: CfnWorld) -> None:
        world.service.knobs.patience_seconds = 60
        world.asg.service.fail_launches("web")
        await world.create(template=world.edited("Group", MinSize="2"))
        world.asg.pass_by(70)
        assert await world.reasons() == [
            "Group did not stabilize. {current/minimum/maximum group size: 0/2/10}."
        ]
        assert (await world.status(), await world.groups()) == ("ROLLBACK_COMPLETE", [])

    async def test_a_group_that_somebody_deletes_meanwhile_fails(self, world: CfnWorld) -> None:
        world.asg.service.knobs.launch_seconds = 30
        await world.create(template=world.edited("Group", MinSize="1"))
        await world.asg.call("delete_auto_scaling_group", AutoScalingGroupName="web", ForceDelete=True)
        world.asg.pass_by(5)
        assert await world.reasons() == ["AutoScalingGroup 'web' not found"]
        assert await world.status() == "ROLLBACK_COMPLETE"

    async def test_properties_are_checked(self, world: CfnWorld) -> None:
        await world.create(template=world.edited("Group", Colour="red"))
        (reason,) = await world.reasons()
        assert "extraneous key [Colour] is not permitted" in reason

    async def test_a_subnet_in_another_zone_than_the_group_is_refused(self, world: CfnWorld) -> None:
        await world.create(template=world.edited("Group", AvailabilityZones=["eu-central-1b"]))
        (reason,) = await world.reasons()
        assert "availability zones of the specified subnets and the Auto Scaling group do not match" in reason

    async def test_data_of_launch_templates_is_checked(self, world: CfnWorld) -> None:
        await world.create(template=world.edited("LaunchTemplate", LaunchTemplateData={"Image": "ami-1"}))
        (reason,) = await world.reasons()
        assert "extraneous key [Image] is not permitted" in reason

    async def test_lacking_properties_are_told(self, world: CfnWorld) -> None:
        await world.create(template=world.edited("Group", MaxSize=None))
        (reason,) = await world.reasons()
        assert "required key [MaxSize] not found" in reason

    async def test_what_fails_may_stay_as_it_is(self, world: CfnWorld) -> None:
        world.service.fail_resource("shop", "Hook", "no")
        await world.create(OnFailure="DO_NOTHING")
        assert (await world.status(), await world.groups()) == ("CREATE_FAILED", ["web"])

    async def test_a_rollback_can_fail_too(self, world: CfnWorld) -> None:
        world.service.fail_resource("shop", "Hook", "no", verbs=["create"])
        world.service.fail_resource("shop", "Group", "nor this", verbs=["delete"])
        await world.create()
        assert await world.status() == "ROLLBACK_FAILED"
        await world.call("delete_stack", StackName="shop")
        assert await world.groups() == []


class TestUpdating:
    async def test_a_failure_brings_the_old_values_back(self, world: CfnWorld) -> None:
        await world.create(Tags=[{"Key": "spec", "Value": "1"}])
        await world.asg.grow(2)
        before = await world.asg.instances()
        world.service.fail_resource("shop", "Hook", "not so")
        template = world.edited("Group", MaxSize="20")
        template["Resources"]["Hook"]["Properties"]["HeartbeatTimeout"] = 60
        await world.update(template, Tags=[{"Key": "spec", "Value": "2"}])
        assert await world.statuses() == [
            *("CREATE_IN_PROGRESS", "CREATE_COMPLETE", "UPDATE_IN_PROGRESS"),
            *("UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
            "UPDATE_ROLLBACK_COMPLETE",
        ]
        group = await world.asg.group()
        tags = {each["Key"]: each["Value"] for each in group["Tags"]}
        assert (group["MaxSize"], group["DesiredCapacity"], tags["spec"]) == (10, 2, "1")
        assert await world.asg.instances() == before
        assert (await world.stack())["Tags"] == [{"Key": "spec", "Value": "1"}]

    async def test_a_launch_template_goes_back_by_one_more_version(self, world: CfnWorld) -> None:
        await world.create()
        world.service.fail_resource("shop", "Group", "not so")
        await world.update(world.with_image("ami-2"))
        assert await world.images() == {1: "ami-1", 2: "ami-2", 3: "ami-1"}
        assert (await world.asg.group())["LaunchTemplate"]["Version"] == "3"

    async def test_the_next_update_may_succeed(self, world: CfnWorld) -> None:
        await world.create()
        world.service.fail_resource("shop", "Group", "not so")
        await world.update(world.with_image("ami-2"))
        await world.update(world.with_image("ami-2"))
        assert await world.status() == "UPDATE_COMPLETE"
        assert (await world.images())[4] == "ami-2"

    async def test_new_resources_are_removed_again(self, world: CfnWorld) -> None:
        hook = world.template["Resources"].pop("Hook")
        await world.create()
        world.template["Resources"]["Hook"] = hook
        world.template["Resources"]["Second"] = {
            **hook,
            "Properties": {**hook["Properties"], "LifecycleHookName": "second"},
            "DependsOn": "Hook",
        }
        world.service.fail_resource("shop", "Second", "not so")
        await world.update(world.template)
        assert await world.status() == "UPDATE_ROLLBACK_COMPLETE"
        assert set(await world.resources()) == {"LaunchTemplate", "Group"}
        hooks = await world.asg.call("describe_lifecycle_hooks", AutoScalingGroupName="web")
        assert hooks["LifecycleHooks"] == []

    async def test_a_replacement_is_removed_again(self, world: CfnWorld) -> None:
        await world.create()
        world.service.fail_resource("shop", "Hook", "not so")
        await world.update(world.edited("Group", AutoScalingGroupName="web-2"))
        assert (await world.groups(), await world.physical("Group")) == (["web"], "web")

    async def test_a_rollback_that_fails_goes_on_when_asked(self, world: CfnWorld) -> None:
        await world.create()
        world.service.fail_resource("shop", "Group", "not so", times=2)
        await world.update(world.edited("Group", MaxSize="20"))
        assert await world.status() == "UPDATE_ROLLBACK_FAILED"
        assert (
            "can not be updated"
            in (await world.refusal("update_stack", StackName="shop", TemplateBody=world.template))[1]
        )
        await world.call("continue_update_rollback", StackName="shop")
        assert await world.status() == "UPDATE_ROLLBACK_COMPLETE"
        assert (await world.asg.group())["MaxSize"] == 10

    async def test_a_named_resource_is_not_replaced_by_one_of_its_name(self, world: CfnWorld) -> None:
        await world.create()
        await world.update(world.edited("Group", InstanceId="i-1"))
        (reason,) = await world.reasons()
        assert "Rename web and update the stack again" in reason
        assert await world.groups() == ["web"]

    async def test_what_service_and_order_say_counts_once(self, world: CfnWorld) -> None:
        await world.create()
        order = world.service.fail_resource("*", "Group", "not so", times=None)
        await world.update(world.edited("Group", MaxSize="20"))
        assert await world.status() == "UPDATE_ROLLBACK_FAILED"
        world.service.succeed_again(order)
        await world.call("continue_update_rollback", StackName="shop")
        assert await world.status() == "UPDATE_ROLLBACK_COMPLETE"

    async def test_an_update_waits_for_nobody_who_deletes(self, world: CfnWorld) -> None:
        await world.create()
        world.service.knobs.resource_seconds = 10
        await world.update(world.edited("Group", MaxSize="20"))
        assert await world.refusal("delete_stack", StackName="shop") == (
            "ValidationError",
            "Stack [shop] cannot be deleted while in status UPDATE_IN_PROGRESS",
        )


class TestDrift:
    async def test_what_others_changed_is_found(self, world: CfnWorld) -> None:
        await world.create()
        await world.asg.call("update_auto_scaling_group", AutoScalingGroupName="web", MaxSize=3)
        made = await world.call("detect_stack_drift", StackName="shop")
        told = await world.call(
            "describe_stack_drift_detection_status", StackDriftDetectionId=made["StackDriftDetectionId"]
        )
        assert (told["StackDriftStatus"], told["DriftedStackResourceCount"]) == ("DRIFTED", 1)
        arguments = {"StackName": "shop", "StackResourceDriftStatusFilters": ["MODIFIED"]}
        (drift,) = (await world.call("describe_stack_resource_drifts", **arguments))["StackResourceDrifts"]
        assert [each["PropertyPath"] for each in drift["PropertyDifferences"]] == ["/MaxSize"]

    async def test_a_capacity_that_the_template_does_not_name_is_no_drift(self, world: CfnWorld) -> None:
        await world.create()
        await world.asg.grow(4)
        await world.call("detect_stack_drift", StackName="shop")
        assert (await world.stack())["DriftInformation"]["StackDriftStatus"] == "IN_SYNC"

    async def test_drift_alone_is_no_update(self, world: CfnWorld) -> None:
        await world.create()
        await world.asg.call("update_auto_scaling_group", AutoScalingGroupName="web", MaxSize=3)
        _, message = await world.refusal("update_stack", StackName="shop", TemplateBody=world.template)
        assert message == "No updates are to be performed."

    async def test_a_group_that_somebody_deleted_is_no_hindrance_to_deleting(self, world: CfnWorld) -> None:
        id_ = await world.create()
        await world.asg.call("delete_auto_scaling_group", AutoScalingGroupName="web")
        await world.call("detect_stack_drift", StackName="shop")
        assert (await world.stack())["DriftInformation"]["StackDriftStatus"] == "DRIFTED"
        await world.call("delete_stack", StackName="shop")
        assert await world.status(id_) == "DELETE_COMPLETE"

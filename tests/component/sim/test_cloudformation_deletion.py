"""Stacks of the simulated CloudFormation through real boto3: deleted, listed, and what calls meet."""

from collections.abc import AsyncIterator

import pytest

from addons.sim.aws.throttle import RateLimit
from tests.support.cfn import CfnWorld, cfn_world


@pytest.fixture
async def world() -> AsyncIterator[CfnWorld]:
    async with cfn_world() as made:
        yield made


class TestDeleting:
    async def test_a_group_with_instances_goes_with_them(self, world: CfnWorld) -> None:
        world.asg.service.knobs.terminate_seconds = 20
        id_ = await world.create()
        await world.asg.grow(2)
        await world.call("delete_stack", StackName="shop")
        assert await world.status() == "DELETE_IN_PROGRESS"
        assert (await world.asg.group())["MaxSize"] == 0
        world.asg.pass_by(30)
        assert await world.groups() == []
        assert await world.status(id_) == "DELETE_COMPLETE"

    async def test_it_waits_for_instances_that_wait_at_a_hook_of_others(self, world: CfnWorld) -> None:
        id_ = await world.create()
        await world.asg.call(
            "put_lifecycle_hook",
            AutoScalingGroupName="web",
            LifecycleHookName="other",
            LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
            HeartbeatTimeout=300,
        )
        await world.asg.grow(1)
        await world.call("delete_stack", StackName="shop")
        world.asg.pass_by(290)
        assert await world.status() == "DELETE_IN_PROGRESS"
        world.asg.pass_by(20)
        assert await world.status(id_) == "DELETE_COMPLETE"

    async def test_a_deleted_stack_is_found_by_its_arn_alone(self, world: CfnWorld) -> None:
        id_ = await world.create()
        await world.call("delete_stack", StackName="shop")
        assert await world.refusal("describe_stacks", StackName="shop") == (
            "ValidationError",
            "Stack with id shop does not exist",
        )
        assert (await world.stack(id_))["StackStatus"] == "DELETE_COMPLETE"
        assert (await world.call("describe_stacks"))["Stacks"] == []
        assert await world.create() != id_

    async def test_an_unknown_stack_is_deleted_already(self, world: CfnWorld) -> None:
        await world.call("delete_stack", StackName="none")

    async def test_a_protected_stack_is_not_deleted(self, world: CfnWorld) -> None:
        await world.create(EnableTerminationProtection=True)
        assert await world.refusal("delete_stack", StackName="shop") == (
            "ValidationError",
            "Stack [shop] cannot be deleted while TerminationProtection is enabled",
        )
        arguments = {"StackName": "shop", "EnableTerminationProtection": False}
        await world.call("update_termination_protection", **arguments)
        await world.call("delete_stack", StackName="shop")
        assert await world.groups() == []

    async def test_a_resource_to_be_retained_stays(self, world: CfnWorld) -> None:
        world.template["Resources"]["LaunchTemplate"]["DeletionPolicy"] = "Retain"
        id_ = await world.create()
        await world.call("delete_stack", StackName="shop")
        assert (await world.resources(id_))["LaunchTemplate"] == "DELETE_SKIPPED"
        assert len(world.asg.ec2.account.launch_templates) == 2

    async def test_what_was_ordered_to_fail_keeps_the_stack(self, world: CfnWorld) -> None:
        await world.create()
        world.service.fail_resource("shop", "Group", "no right to do this", verbs=["delete"])
        await world.call("delete_stack", StackName="shop")
        stack = await world.stack()
        assert (stack["StackStatus"], stack["StackStatusReason"]) == (
            "DELETE_FAILED",
            "The following resource(s) failed to delete: [Group]. ",
        )
        assert (await world.resources())["LaunchTemplate"] == "CREATE_COMPLETE", "the group still needs it"
        await world.call("delete_stack", StackName="shop", RetainResources=["Group"])
        assert await world.groups() == ["web"]

    async def test_resources_are_retained_after_a_failure_only(self, world: CfnWorld) -> None:
        await world.create()
        _, message = await world.refusal("delete_stack", StackName="shop", RetainResources=["Group"])
        assert "only valid for stacks in the DELETE_FAILED state" in message

    async def test_a_stack_is_deleted_while_it_is_made(self, world: CfnWorld) -> None:
        world.service.knobs.resource_seconds = 10
        id_ = await world.create()
        world.asg.pass_by(15)
        await world.call("delete_stack", StackName="shop")
        world.asg.pass_by(60)
        assert (await world.status(id_), await world.groups()) == ("DELETE_COMPLETE", [])


class TestLists:
    async def test_stacks_come_in_pages_newest_first(self, world: CfnWorld) -> None:
        world.service.knobs.stacks_page = 2
        for number in range(3):
            template = world.edited("Group", AutoScalingGroupName=f"g{number}")
            await world.create(f"s{number}", template, Tags=[{"Key": "number", "Value": str(number)}])
        first = await world.call("describe_stacks")
        second = await world.call("describe_stacks", NextToken=first["NextToken"])
        names = [each["StackName"] for each in first["Stacks"] + second["Stacks"]]
        assert (names, "NextToken" in second) == (["s2", "s1", "s0"], False)
        assert first["Stacks"][0]["Tags"] == [{"Key": "number", "Value": "2"}]

    async def test_summaries_are_of_the_states_asked_for(self, world: CfnWorld) -> None:
        await world.create("one", world.edited("Group", AutoScalingGroupName="g1"))
        await world.create("two", world.edited("Group", AutoScalingGroupName="g2"))
        await world.call("delete_stack", StackName="one")

        async def names(*states: str) -> list[str]:
            reply = await world.call("list_stacks", StackStatusFilter=list(states))
            return [each["StackName"] for each in reply["StackSummaries"]]

        assert await names("CREATE_COMPLETE") == ["two"]
        assert await names("DELETE_COMPLETE") == ["one"]
        assert await names() == ["two", "one"]
        code, _ = await world.refusal("list_stacks", StackStatusFilter=["GOOD"])
        assert code == "ValidationError"

    async def test_calls_beyond_the_rate_are_throttled(self, world: CfnWorld) -> None:
        world.service.knobs.rate_limits = {"Describe*": RateLimit(1, 2)}
        await world.call("describe_stacks")
        await world.call("describe_stacks")
        assert await world.refusal("describe_stacks") == ("Throttling", "Rate exceeded")
        world.asg.pass_by(1)
        await world.call("describe_stacks")

    async def test_faults_of_the_endpoint_reach_it(self, world: CfnWorld) -> None:
        world.asg.aws.endpoint.faults.add(
            operation="CreateStack",
            code="AccessDenied",
            service="cloudformation",
            when=lambda arguments: arguments["StackName"] == "shop",
        )
        code, _ = await world.refusal("create_stack", StackName="shop", TemplateBody=world.template)
        assert code == "AccessDenied"
        await world.create()

    async def test_waiters_of_boto3_understand_it(self, world: CfnWorld) -> None:
        await world.create()
        await world.wait("stack_create_complete", StackName="shop")
        await world.update(world.with_image("ami-2"))
        await world.wait("stack_update_complete", StackName="shop")
        await world.call("delete_stack", StackName="shop")
        await world.wait("stack_delete_complete", StackName="shop")

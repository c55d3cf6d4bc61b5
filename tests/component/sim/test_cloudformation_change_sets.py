"""Change sets of the simulated CloudFormation through real boto3: what they tell, and what they do."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.cfn import CfnWorld, cfn_world

NAMED = {"StackName": "shop", "ChangeSetName": "one"}


@pytest.fixture
async def world() -> AsyncIterator[CfnWorld]:
    async with cfn_world() as made:
        yield made


def told(change: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """What the details of a change say: property, recreation, evaluation, cause."""
    return [
        (
            each["Target"].get("Name", each["Target"]["Attribute"]),
            each["Target"]["RequiresRecreation"],
            each["Evaluation"],
            each.get("CausingEntity", each["ChangeSource"]),
        )
        for each in change["Details"]
    ]


class TestOfNewStacks:
    async def test_the_stack_is_under_review_until_it_is_executed(self, world: CfnWorld) -> None:
        change_set = await world.change_set(world.template, ChangeSetType="CREATE")
        assert (change_set["Status"], change_set["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
        assert (await world.status(), await world.groups()) == ("REVIEW_IN_PROGRESS", [])
        await world.call("execute_change_set", **NAMED)
        assert (await world.status(), await world.groups()) == ("CREATE_COMPLETE", ["web"])
        assert await world.statuses() == ["REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]

    async def test_every_resource_is_added(self, world: CfnWorld) -> None:
        changes = await world.changes(world.template, ChangeSetType="CREATE")
        assert {id_: each["Action"] for id_, each in changes.items()} == dict.fromkeys(
            ("LaunchTemplate", "Group", "Hook"), "Add"
        )

    async def test_a_stack_that_is_there_is_not_made_again(self, world: CfnWorld) -> None:
        await world.create()
        code, message = await world.refusal(
            "create_change_set", **NAMED, TemplateBody=world.template, ChangeSetType="CREATE"
        )
        assert (code, "already exists" in message) == ("ValidationError", True)

    async def test_a_stack_that_is_not_there_is_not_updated(self, world: CfnWorld) -> None:
        assert await world.refusal("create_change_set", **NAMED, TemplateBody=world.template) == (
            "ValidationError",
            "Stack [shop] does not exist",
        )

    async def test_a_stack_under_review_is_deleted_at_once(self, world: CfnWorld) -> None:
        await world.change_set(world.template, ChangeSetType="CREATE")
        await world.call("delete_stack", StackName="shop")
        assert (await world.call("describe_stacks"))["Stacks"] == []
        assert (await world.refusal("list_change_sets", StackName="shop"))[0] == "ValidationError"

    async def test_what_fails_can_delete_the_stack(self, world: CfnWorld) -> None:
        world.service.fail_resource("shop", "Group", "no capacity")
        change_set = await world.change_set(world.template, ChangeSetType="CREATE", OnStackFailure="DELETE")
        await world.call("execute_change_set", **NAMED)
        assert await world.status(change_set["StackId"]) == "DELETE_COMPLETE"


class TestOfUpdates:
    async def test_limits_change_in_place(self, world: CfnWorld) -> None:
        await world.create()
        changes = await world.changes(world.edited("Group", MaxSize="20"))
        assert list(changes) == ["Group"]
        change = changes["Group"]
        assert (change["Action"], change["Replacement"], change["Scope"], change["PhysicalResourceId"]) == (
            *("Modify", "False"),
            ["Properties"],
            "web",
        )
        assert told(change) == [("MaxSize", "Never", "Static", "DirectModification")]

    async def test_another_image_may_reach_all_that_names_the_launch_template(self, world: CfnWorld) -> None:
        await world.create()
        changes = await world.changes(world.with_image("ami-2"))
        assert {id_: each["Replacement"] for id_, each in changes.items()} == {
            "LaunchTemplate": "False",
            "Group": "Conditional",
            "Hook": "Conditional",
        }
        assert told(changes["LaunchTemplate"]) == [
            ("LaunchTemplateData", "Never", "Static", "DirectModification")
        ]
        assert told(changes["Group"]) == [
            ("LaunchTemplate", "Conditionally", "Dynamic", "LaunchTemplate.LatestVersionNumber")
        ]
        assert told(changes["Hook"]) == [("AutoScalingGroupName", "Always", "Dynamic", "Group")]

    async def test_what_may_be_replaced_is_not_when_its_values_stay(self, world: CfnWorld) -> None:
        await world.create()
        await world.asg.grow(2)
        before = await world.asg.instances()
        await world.change_set(world.with_image("ami-2"))
        await world.call("execute_change_set", **NAMED)
        assert await world.asg.instances() == before
        assert (await world.resources())["Hook"] == "CREATE_COMPLETE"

    async def test_another_name_is_a_replacement(self, world: CfnWorld) -> None:
        await world.create()
        changes = await world.changes(world.edited("Group", AutoScalingGroupName="web-2"))
        assert (changes["Group"]["Replacement"], told(changes["Group"])) == (
            "True",
            [("AutoScalingGroupName", "Always", "Static", "DirectModification")],
        )

    async def test_tags_of_the_stack_are_a_change_of_what_bears_them(self, world: CfnWorld) -> None:
        await world.create()
        changes = await world.changes(world.template, Tags=[{"Key": "spec", "Value": "2"}])
        assert list(changes) == ["Group"], "launch templates and hooks take no tags from their stack"
        assert (changes["Group"]["Scope"], changes["Group"]["Replacement"]) == (["Tags"], "False")

    async def test_a_resource_that_is_dropped_is_removed(self, world: CfnWorld) -> None:
        await world.create()
        del world.template["Resources"]["Hook"]
        changes = await world.changes(world.template)
        assert [(id_, each["Action"]) for id_, each in changes.items()] == [("Hook", "Remove")]

    async def test_a_parameter_is_told_as_the_cause(self, world: CfnWorld) -> None:
        world.template = world.edited("Group", MaxSize={"Ref": "Most"})
        world.template["Parameters"] = {"Most": {"Type": "Number", "Default": 5}}
        await world.create()
        changes = await world.changes(
            world.template, Parameters=[{"ParameterKey": "Most", "ParameterValue": "7"}]
        )
        assert told(changes["Group"]) == [
            ("MaxSize", "Never", "Static", "Most"),
            ("MaxSize", "Never", "Dynamic", "DirectModification"),
        ]

    async def test_without_changes_it_fails(self, world: CfnWorld) -> None:
        await world.create()
        change_set = await world.change_set(world.template)
        assert (change_set["Status"], change_set["ExecutionStatus"], change_set["StatusReason"]) == (
            "FAILED",
            "UNAVAILABLE",
            "The submitted information didn't contain changes. Submit different information to create a "
            "change set.",
        )
        code, message = await world.refusal("execute_change_set", **NAMED)
        assert (code, "current status of [FAILED]" in message) == ("InvalidChangeSetStatus", True)

    async def test_outputs_alone_are_a_change_that_shows_none(self, world: CfnWorld) -> None:
        await world.create()
        world.template["Outputs"]["Two"] = {"Value": "2"}
        change_set = await world.change_set(world.template)
        assert (change_set["Status"], change_set["Changes"]) == ("CREATE_COMPLETE", [])
        await world.call("execute_change_set", **NAMED)
        assert len((await world.stack())["Outputs"]) == 2


class TestLife:
    async def test_it_takes_its_time(self, world: CfnWorld) -> None:
        world.service.knobs.review_seconds = 5
        await world.create()
        change_set = await world.change_set(world.with_image("ami-2"))
        assert change_set["Status"] == "CREATE_PENDING"
        assert (await world.refusal("execute_change_set", **NAMED))[0] == "InvalidChangeSetStatus"
        world.asg.pass_by(5)
        await world.wait("change_set_create_complete", **NAMED)
        await world.call("execute_change_set", **NAMED)
        assert await world.images() == {1: "ami-1", 2: "ami-2"}

    async def test_it_is_executed_once(self, world: CfnWorld) -> None:
        await world.create()
        await world.change_set(world.with_image("ami-2"))
        await world.call("execute_change_set", **NAMED)
        code, message = await world.refusal("execute_change_set", **NAMED)
        assert (code, "[EXECUTE_COMPLETE]" in message) == ("InvalidChangeSetStatus", True)

    async def test_it_tells_when_its_execution_failed(self, world: CfnWorld) -> None:
        await world.create()
        await world.change_set(world.with_image("ami-2"))
        world.service.fail_resource("shop", "Group", "not so")
        world.service.knobs.resource_seconds = 1
        await world.call("execute_change_set", **NAMED)
        assert (await world.call("describe_change_set", **NAMED))["ExecutionStatus"] == "EXECUTE_IN_PROGRESS"
        world.asg.pass_by(10)
        assert (await world.call("describe_change_set", **NAMED))["ExecutionStatus"] == "EXECUTE_FAILED"
        assert await world.status() == "UPDATE_ROLLBACK_COMPLETE"

    async def test_the_others_of_its_stack_go(self, world: CfnWorld) -> None:
        await world.create()
        await world.change_set(world.with_image("ami-2"))
        await world.change_set(world.with_image("ami-3"), name="two")
        await world.call("execute_change_set", **NAMED)
        code, _ = await world.refusal("describe_change_set", StackName="shop", ChangeSetName="two")
        assert code == "ChangeSetNotFound"

    async def test_an_update_beside_makes_it_obsolete(self, world: CfnWorld) -> None:
        await world.create()
        await world.change_set(world.with_image("ami-2"))
        await world.update(world.edited("Group", MaxSize="20"))
        change_set = await world.call("describe_change_set", **NAMED)
        assert change_set["ExecutionStatus"] == "OBSOLETE"

    async def test_a_name_is_taken_once_in_a_stack(self, world: CfnWorld) -> None:
        await world.create()
        await world.change_set(world.with_image("ami-2"))
        code, _ = await world.refusal("create_change_set", **NAMED, TemplateBody=world.template)
        assert code == "AlreadyExistsException"

    async def test_it_is_deleted_and_then_not_there(self, world: CfnWorld) -> None:
        await world.create()
        made = await world.change_set(world.with_image("ami-2"))
        listed = await world.call("list_change_sets", StackName="shop")
        assert [each["ChangeSetId"] for each in listed["Summaries"]] == [made["ChangeSetId"]]
        await world.call("delete_change_set", **NAMED)
        await world.call("delete_change_set", **NAMED)
        assert await world.refusal("describe_change_set", **NAMED) == (
            "ChangeSetNotFound",
            "ChangeSet [one] does not exist",
        )

    async def test_it_tells_tags_and_its_template(self, world: CfnWorld) -> None:
        await world.create()
        change_set = await world.change_set(world.with_image("ami-2"), Tags=[{"Key": "a", "Value": "b"}])
        assert change_set["Tags"] == [{"Key": "a", "Value": "b"}]
        template = await world.call("get_template", **NAMED)
        data = template["TemplateBody"]["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
        assert data["ImageId"] == "ami-2"

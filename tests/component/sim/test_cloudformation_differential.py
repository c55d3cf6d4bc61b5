"""The same calls, to our CloudFormation and to moto's: where moto is right, both say the same.

Left out is what moto gets wrong, for which the other test_cloudformation files hold the real behaviour: it
has no hooks, replaces groups instead of changing them, takes updates without changes, never rolls back,
loses tags, outputs and description on the way through a change set, and for a change set that is not there
it has another code than AWS documents.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.support.aws import CONFIG
from tests.support.cfn import CfnWorld, cell, cfn_world

NAMED = {"StackName": "shop"}
TAGS = [{"Key": "owner", "Value": "me"}]


class Script:
    """A sequence of calls, and what was answered, but for ids and times."""

    def __init__(self, client: Any, subnet: str) -> None:
        self.client = client
        template = cell(subnet)
        del template["Resources"]["Hook"]
        self.body = json.dumps(template)
        self.replies: list[Any] = []

    def note_stack(self) -> None:
        (stack,) = self.client.describe_stacks(**NAMED)["Stacks"]
        self.replies.append({key: stack.get(key) for key in ("StackName", "StackStatus", "Tags")})

    def note_outputs(self) -> None:
        (stack,) = self.client.describe_stacks(**NAMED)["Stacks"]
        self.replies.append([(each["OutputKey"], each["OutputValue"]) for each in stack["Outputs"]])

    def note_resources(self) -> None:
        for operation, key in (
            ("list_stack_resources", "StackResourceSummaries"),
            ("describe_stack_resources", "StackResources"),
        ):
            there = getattr(self.client, operation)(**NAMED)[key]
            self.replies.append(
                sorted(
                    (each["LogicalResourceId"], each["ResourceType"], each["ResourceStatus"])
                    for each in there
                )
            )

    def refused(self, method: str, **arguments: Any) -> None:
        with pytest.raises(ClientError) as caught:
            getattr(self.client, method)(**arguments)
        self.replies.append((method, caught.value.response["Error"]["Code"]))


def lives(client: Any, subnet: str) -> list[Any]:
    """A stack is made, shown, updated by its tags and outputs, and deleted."""
    script = Script(client, subnet)
    client.create_stack(**NAMED, TemplateBody=script.body, Tags=TAGS)
    script.note_stack()
    script.note_outputs()
    script.note_resources()
    script.replies.append(json.loads(json.dumps(client.get_template(**NAMED)["TemplateBody"])))
    script.refused("create_stack", **NAMED, TemplateBody=script.body)
    script.refused("describe_stacks", StackName="none")
    script.refused("update_stack", StackName="none", TemplateBody=script.body)
    template = json.loads(script.body)
    template["Outputs"]["Joined"] = {"Value": {"Fn::Join": ["/", [{"Ref": "Group"}, "x"]]}}
    client.update_stack(**NAMED, TemplateBody=json.dumps(template), Tags=TAGS)
    script.note_stack()
    script.note_outputs()
    client.delete_stack(**NAMED)
    script.refused("describe_stacks", **NAMED)
    shown = client.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    script.replies.append([(each["StackName"], each["StackStatus"]) for each in shown])
    return script.replies


def reviewed(client: Any, subnet: str) -> list[Any]:
    """A stack is made by a change set."""
    script = Script(client, subnet)
    one = {**NAMED, "ChangeSetName": "one"}
    client.create_change_set(**one, TemplateBody=script.body, ChangeSetType="CREATE", Tags=TAGS)
    change_set = client.describe_change_set(**one)
    names = ("ChangeSetName", "StackName", "Status", "ExecutionStatus")
    script.replies.append({name: change_set.get(name) for name in names})
    changes = [each["ResourceChange"] for each in change_set["Changes"]]
    script.replies.append(
        sorted((each["Action"], each["LogicalResourceId"], each["ResourceType"]) for each in changes)
    )
    (stack,) = client.describe_stacks(**NAMED)["Stacks"]
    script.replies.append(stack["StackStatus"])
    client.execute_change_set(**one)
    script.note_stack()
    script.note_resources()
    return script.replies


@pytest.fixture(params=[lives, reviewed], ids=lambda script: script.__name__)
def script(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def moto_replies(script: Any) -> Any:
    with mock_aws():
        session = boto3.Session(
            aws_access_key_id="key", aws_secret_access_key="secret", region_name="eu-central-1"
        )
        ec2 = session.client("ec2", config=CONFIG)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="eu-central-1a")
        subnet_id = subnet["Subnet"]["SubnetId"]
        replies = script(session.client("cloudformation", config=CONFIG), subnet_id)
        return json.loads(json.dumps(replies).replace(subnet_id, "SUBNET"))


@pytest.fixture
async def world() -> AsyncIterator[CfnWorld]:
    async with cfn_world() as made:
        yield made


async def test_both_answer_alike(script: Any, moto_replies: Any, world: CfnWorld) -> None:
    client = world.asg.aws.client("cloudformation")
    replies = await asyncio.to_thread(script, client, world.subnet)
    ours = json.loads(json.dumps(replies).replace(world.subnet, "SUBNET"))
    for step, (here, there) in enumerate(zip(ours, moto_replies, strict=True)):
        assert here == there, f"step {step}"

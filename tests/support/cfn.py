"""Stacks of one group as a boto3 client sees them, over the world of tests.support.asg."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import Any

from addons.sim.aws.cloudformation.state import CloudFormation
from tests.support.asg import AsgWorld, asg_world
from tests.support.aws import Reply

Template = dict[str, Any]


def cell(subnet: str, **group: Any) -> Template:
    """A template of a launch template, a group `web` and a hook; `group`: more properties of the group."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "one cell",
        "Resources": {
            "LaunchTemplate": {
                "Type": "AWS::EC2::LaunchTemplate",
                "Properties": {
                    "LaunchTemplateData": {
                        "ImageId": "ami-1",
                        "InstanceType": "m5.large",
                        "UserData": {"Fn::Base64": "#!/bin/bash"},
                        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": "1"},
                    }
                },
            },
            "Group": {
                "Type": "AWS::AutoScaling::AutoScalingGroup",
                "Properties": {
                    "AutoScalingGroupName": "web",
                    "VPCZoneIdentifier": [subnet],
                    "MinSize": "0",
                    "MaxSize": "10",
                    "LaunchTemplate": {
                        "LaunchTemplateId": {"Ref": "LaunchTemplate"},
                        "Version": {"Fn::GetAtt": ["LaunchTemplate", "LatestVersionNumber"]},
                    },
                    "Tags": [{"Key": "team", "Value": "shop", "PropagateAtLaunch": True}],
                    **group,
                },
            },
            "Hook": {
                "Type": "AWS::AutoScaling::LifecycleHook",
                "Properties": {
                    "AutoScalingGroupName": {"Ref": "Group"},
                    "LifecycleHookName": "drain",
                    "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
                    "HeartbeatTimeout": 600,
                    "DefaultResult": "CONTINUE",
                },
            },
        },
        "Outputs": {"Group": {"Value": {"Ref": "Group"}}},
    }


class CfnWorld:
    """A stack `shop`, and what becomes of it."""

    def __init__(self, asg: AsgWorld) -> None:
        self.asg = asg
        self.service: CloudFormation = asg.aws.endpoint.cloudformation
        self.subnet = asg.subnets["a"]
        self.template = cell(self.subnet)

    def edited(self, logical_id: str, **properties: Any) -> Template:
        """The template with other properties of a resource; None takes a property away."""
        template = deepcopy(self.template)
        of_it = template["Resources"][logical_id]["Properties"]
        of_it |= properties
        for name in [name for name, value in of_it.items() if value is None]:
            del of_it[name]
        return template

    def with_image(self, image: str) -> Template:
        """The template with another image."""
        data = self.template["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
        return self.edited("LaunchTemplate", LaunchTemplateData={**data, "ImageId": image})

    def keep(self, template: Template) -> Template:
        """Let this be the template from now on."""
        self.template = template
        return template

    async def call(self, operation: str, **arguments: Any) -> Reply:
        """Call an operation by its boto3 method name; a template may be given as a mapping."""
        if isinstance(arguments.get("TemplateBody"), dict):
            arguments["TemplateBody"] = json.dumps(arguments["TemplateBody"])
        return await self.asg.aws.call("cloudformation", operation, **arguments)

    async def refusal(self, operation: str, **arguments: Any) -> tuple[str, str]:
        """Give code and message of the error that a call must meet."""
        if isinstance(arguments.get("TemplateBody"), dict):
            arguments["TemplateBody"] = json.dumps(arguments["TemplateBody"])
        return await self.asg.aws.refusal("cloudformation", operation, **arguments)

    async def create(self, name: str = "shop", template: Template | None = None, **more: Any) -> str:
        """Make a stack; its ARN."""
        reply = await self.call(
            "create_stack", StackName=name, TemplateBody=template or self.template, **more
        )
        return str(reply["StackId"])

    async def update(self, template: Template, name: str = "shop", **more: Any) -> None:
        """Update a stack."""
        await self.call("update_stack", StackName=name, TemplateBody=template, **more)

    async def change_set(self, template: Template, name: str = "one", **more: Any) -> Reply:
        """Make a change set of `shop` and describe it."""
        arguments = {"StackName": "shop", "ChangeSetName": name}
        await self.call("create_change_set", TemplateBody=template, **arguments, **more)
        return await self.call("describe_change_set", **arguments)

    async def changes(self, template: Template, **more: Any) -> dict[str, Reply]:
        """Make a change set of `shop`; its changes by logical id."""
        told = (await self.change_set(template, **more))["Changes"]
        return {each["ResourceChange"]["LogicalResourceId"]: each["ResourceChange"] for each in told}

    async def stack(self, name: str = "shop") -> Reply:
        """Describe a stack."""
        (found,) = (await self.call("describe_stacks", StackName=name))["Stacks"]
        return dict(found)

    async def status(self, name: str = "shop") -> str:
        """The status of a stack."""
        return str((await self.stack(name))["StackStatus"])

    async def statuses(self, name: str = "shop", of: str = "") -> list[str]:
        """The states of a stack, or of a resource of it, from the first to the last."""
        events = (await self.call("describe_stack_events", StackName=name))["StackEvents"]
        wanted = of or events[-1]["LogicalResourceId"]
        return [each["ResourceStatus"] for each in reversed(events) if each["LogicalResourceId"] == wanted]

    async def reasons(self, name: str = "shop") -> list[str]:
        """Why resources failed, from the first to the last."""
        events = (await self.call("describe_stack_events", StackName=name))["StackEvents"]
        return [
            each["ResourceStatusReason"]
            for each in reversed(events)
            if each["ResourceStatus"].endswith("_FAILED") and each["PhysicalResourceId"] != each["StackId"]
        ]

    async def resources(self, name: str = "shop") -> dict[str, str]:
        """The states of the resources by logical id."""
        reply = await self.call("list_stack_resources", StackName=name)
        return {each["LogicalResourceId"]: each["ResourceStatus"] for each in reply["StackResourceSummaries"]}

    async def physical(self, logical_id: str, name: str = "shop") -> str:
        """The physical id of a resource."""
        reply = await self.call("describe_stack_resource", StackName=name, LogicalResourceId=logical_id)
        return str(reply["StackResourceDetail"]["PhysicalResourceId"])

    async def groups(self) -> list[str]:
        """The names of all groups."""
        reply = await self.asg.call("describe_auto_scaling_groups")
        return [each["AutoScalingGroupName"] for each in reply["AutoScalingGroups"]]

    async def images(self) -> dict[int, str]:
        """The images of the versions of the stack's launch template."""
        reply = await self.asg.aws.call(
            "ec2",
            "describe_launch_template_versions",
            LaunchTemplateId=await self.physical("LaunchTemplate"),
        )
        there = reply["LaunchTemplateVersions"]
        return {each["VersionNumber"]: each["LaunchTemplateData"]["ImageId"] for each in there}

    async def wait(self, waiter: str, **arguments: Any) -> None:
        """Wait as boto3 waits."""
        waiting = self.asg.aws.client("cloudformation").get_waiter(waiter)
        await asyncio.to_thread(waiting.wait, WaiterConfig={"Delay": 0.05, "MaxAttempts": 100}, **arguments)


@asynccontextmanager
async def cfn_world() -> AsyncIterator[CfnWorld]:
    """Run an endpoint on a free port."""
    async with asg_world() as asg:
        yield CfnWorld(asg)

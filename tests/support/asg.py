"""Auto Scaling as a boto3 client sees it, over a simulated EC2 whose time passes when told to."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from addons.sim.aws.autoscaling.state import AutoScaling
from tests.support.aws import Reply, World, world
from tests.support.ec2 import Clock

ZONES = "abc"
REGION = "eu-central-1"


class AsgWorld:
    """A VPC with a subnet in each of three zones, and a launch template `base` of m5.large."""

    def __init__(self, aws: World, prefix: int) -> None:
        self.aws = aws
        self.service: AutoScaling = aws.endpoint.autoscaling
        self.ec2 = aws.endpoint.ec2
        self.clock = Clock()
        self.ec2.agenda.now = self.clock
        vpc = self.ec2.network.create_vpc("10.0.0.0/16")
        self.subnets = {
            zone: self.ec2.network.create_subnet(
                vpc.id, f"10.0.{number}.0/{prefix}", zone=f"{REGION}{zone}"
            ).id
            for number, zone in enumerate(ZONES)
        }

    async def call(self, operation: str, **arguments: Any) -> Reply:
        """Call an operation by its boto3 method name."""
        return await self.aws.call("autoscaling", operation, **arguments)

    async def refusal(self, operation: str, **arguments: Any) -> tuple[str, str]:
        """Give code and message of the error that a call must meet."""
        return await self.aws.refusal("autoscaling", operation, **arguments)

    async def make_template(self, name: str = "base", **data: Any) -> str:
        """Make a launch template over the API; its id."""
        content = {"ImageId": "ami-0abcdef1234567890", "InstanceType": "m5.large", **data}
        reply = await self.aws.call(
            "ec2", "create_launch_template", LaunchTemplateName=name, LaunchTemplateData=content
        )
        return str(reply["LaunchTemplate"]["LaunchTemplateId"])

    async def make(
        self,
        name: str = "web",
        *,
        zones: str = "a",
        least: int = 0,
        most: int = 10,
        tags: Sequence[tuple[str, str]] = (),
        **more: Any,
    ) -> None:
        """Make a group over the API."""
        if "MixedInstancesPolicy" not in more and "LaunchConfigurationName" not in more:
            more.setdefault("LaunchTemplate", {"LaunchTemplateName": "base", "Version": "$Latest"})
        await self.call(
            "create_auto_scaling_group",
            AutoScalingGroupName=name,
            MinSize=least,
            MaxSize=most,
            VPCZoneIdentifier=",".join(self.subnets[zone] for zone in zones),
            Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in tags],
            **more,
        )

    async def grow(self, to: int, name: str = "web") -> None:
        """Set the desired capacity over the API."""
        await self.call("set_desired_capacity", AutoScalingGroupName=name, DesiredCapacity=to)

    async def end(self, instance_id: str, *, decrement: bool) -> Reply:
        """Terminate an instance over the API; the activity."""
        arguments = {"InstanceId": instance_id, "ShouldDecrementDesiredCapacity": decrement}
        return dict((await self.call("terminate_instance_in_auto_scaling_group", **arguments))["Activity"])

    async def group(self, name: str = "web") -> Reply:
        """Describe a group over the API."""
        reply = await self.call("describe_auto_scaling_groups", AutoScalingGroupNames=[name])
        (found,) = reply["AutoScalingGroups"]
        return dict(found)

    async def instances(self, name: str = "web", key: str = "InstanceId") -> list[Any]:
        """One attribute of the instances of a group, the oldest first."""
        return [each[key] for each in (await self.group(name))["Instances"]]

    async def states(self, name: str = "web") -> list[str]:
        """The LifecycleStates of the instances of a group."""
        return await self.instances(name, "LifecycleState")

    async def zones(self, name: str = "web") -> str:
        """The letters of the zones of the instances, in order: aabc."""
        return "".join(sorted(zone[-1] for zone in await self.instances(name, "AvailabilityZone")))

    async def activities(self, name: str = "web", **more: Any) -> list[Reply]:
        """Describe the activities of a group over the API."""
        reply = await self.call("describe_scaling_activities", AutoScalingGroupName=name, **more)
        return list(reply["Activities"])

    async def failed(self, name: str = "web") -> list[str]:
        """The StatusMessages of the activities that failed, the newest first."""
        return [
            each["StatusMessage"] for each in await self.activities(name) if each["StatusCode"] == "Failed"
        ]

    def pass_by(self, seconds: float) -> None:
        """Let so much time pass, and happen what is due on the way."""
        for _ in range(max(1, int(seconds))):
            self.clock.pass_by(seconds / max(1, int(seconds)))
            self.ec2.agenda.settle()

    def notices(self) -> list[Reply]:
        """A list that EventBridge's notices are added to from now on."""
        told: list[Reply] = []
        self.service.account.listeners.append(told.append)
        return told


@asynccontextmanager
async def asg_world(prefix: int = 24) -> AsyncIterator[AsgWorld]:
    """Run an endpoint on a free port, with subnets of such a prefix length and the launch template."""
    async with world() as aws:
        made = AsgWorld(aws, prefix)
        await made.make_template()
        yield made

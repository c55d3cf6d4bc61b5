"""Auto scaling groups in a simulated AWS, and the door of the autoscaler to them: the words of its tests."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from addons.autoscaler.aws.calls import OPERATIONS, RATES
from addons.autoscaler.aws.groups import Groups
from addons.autoscaler.aws.resize import Resize, Resizer
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.specs import named_groups, tag_specs
from addons.runtime.aws import AwsSession
from addons.runtime.outcomes import Outcome
from addons.runtime.permit import Permit
from addons.sim.aws.autoscaling.api import OPERATIONS as HANDLERS
from addons.sim.aws.ec2.operations.launch_templates import (
    create_launch_template,
    create_launch_template_version,
)
from addons.sim.aws.server import AwsEndpoint
from tests.support.aws_thread import simulated_aws
from tests.support.permits import PERMIT
from tests.support.virtual import START, VirtualLoop

TAG = "k8s.io/cluster-autoscaler/enabled"
IMAGE = "ami-0abcdef1234567890"
Item = dict[str, Any]


class AsSite:
    """An AWS with three subnets, one in each zone. On a virtual loop its time is that of the loop."""

    def __init__(self, endpoint: AwsEndpoint) -> None:
        self.endpoint = endpoint
        self.autoscaling = endpoint.autoscaling
        loop = asyncio.get_running_loop()
        if isinstance(loop, VirtualLoop):
            endpoint.ec2.agenda.now = lambda: START + timedelta(seconds=loop.time())
        network = endpoint.ec2.network
        vpc = network.create_vpc("10.0.0.0/16")
        self.subnets = {
            zone: network.create_subnet(vpc.id, f"10.0.{number}.0/24", zone=f"eu-central-1{zone}").id
            for number, zone in enumerate("abc")
        }

    def ask(self, operation: str, **arguments: Any) -> Item:
        """Have Auto Scaling do something, uncounted and unhindered."""
        return HANDLERS[operation](self.autoscaling, arguments)

    def template(self, name: str, type_: str = "m5.large", **more: Any) -> Item:
        """Make a launch template; how a group names it."""
        data = {"ImageId": IMAGE, "InstanceType": type_, **more}
        if not more.get("InstanceType", type_):
            del data["InstanceType"]
        made = create_launch_template(
            self.endpoint.ec2, {"LaunchTemplateName": name, "LaunchTemplateData": data}
        )
        return {"LaunchTemplateId": made["LaunchTemplate"]["LaunchTemplateId"], "Version": "$Latest"}

    def new_version(self, template: Item, type_: str, **more: Any) -> None:
        """Make a newer version of a template."""
        create_launch_template_version(
            self.endpoint.ec2,
            {
                "LaunchTemplateId": template["LaunchTemplateId"],
                "LaunchTemplateData": {"ImageId": IMAGE, "InstanceType": type_, **more},
            },
        )

    def group(
        self,
        name: str,
        desired: int = 0,
        *,
        least: int = 0,
        most: int = 10,
        zones: str = "a",
        tags: Mapping[str, str] | None = None,
        **source: Any,
    ) -> None:
        """Make a group; without a source it launches an m5.large by a template of its own."""
        self.ask(
            "CreateAutoScalingGroup",
            AutoScalingGroupName=name,
            MinSize=least,
            MaxSize=most,
            DesiredCapacity=max(desired, least),
            VPCZoneIdentifier=",".join(self.subnets[zone] for zone in zones),
            Tags=[
                {"Key": key, "Value": value, "PropagateAtLaunch": True}
                for key, value in ({TAG: "true"} if tags is None else tags).items()
            ],
            **(source or {"LaunchTemplate": self.template(f"of-{name}")}),
        )

    def ids(self, name: str) -> list[str]:
        """The instances of a group, the oldest first."""
        return [member.id for member in self.autoscaling.members(name)]

    def desired(self, name: str) -> int:
        """What AWS was told last."""
        return self.autoscaling.groups[name].desired

    def calls(self) -> Counter[str]:
        """The operations that were called since this was asked last."""
        made = Counter(call.operation for call in self.endpoint.calls)
        self.endpoint.calls.clear()
        return made

    def fail(self, operation: str, **more: Any) -> None:
        """Have calls fail until `heal`, as a rule by 500."""
        usual: Item = {
            "code": "InternalFailure",
            "message": "as the test wants it",
            "status": 500,
            "times": None,
        }
        self.endpoint.faults.add(operation=operation, **(usual | more))

    def heal(self) -> None:
        """Have nothing fail any more."""
        self.endpoint.faults.clear()

    @asynccontextmanager
    async def door(self, **options: Any) -> AsyncIterator["Door"]:
        """Begin a life of the autoscaler's door to AWS, or to what stands before it at `url`."""
        read_seconds, url = options.pop("read_seconds", 10.0), options.pop("url", self.endpoint.url)
        async with AwsSession(
            region="eu-central-1",
            endpoint_url=url,
            rates=RATES,
            operations=OPERATIONS,
            read_seconds=read_seconds,
        ) as aws:
            yield Door(self, aws, **options)


class Door:
    """Groups and orders as the controller has them."""

    def __init__(
        self,
        site: AsSite,
        aws: AwsSession,
        *,
        nodes: Sequence[str] = (),
        discovery: Sequence[str] = (),
        **options: Any,
    ) -> None:
        self.aws = aws
        now = site.endpoint.ec2.agenda.now
        self.groups = Groups(
            aws,
            named=named_groups(nodes),
            specs=tag_specs(discovery),
            now=lambda: now().timestamp(),
            **options,
        )
        self.resizer = Resizer(aws, self.groups)

    def __getitem__(self, name: str) -> Group:
        return self.groups.view[name]

    @property
    def names(self) -> list[str]:
        """The groups that are known."""
        return sorted(self.groups.view)

    async def read(self, *names: str) -> None:
        """Read groups, all without names."""
        await self.groups.refresh(names or None)

    async def raise_to(
        self, name: str, target: int, permit: Permit = PERMIT, *, by: int | None = None
    ) -> Outcome[Resize]:
        """Order a size."""
        return await self.resizer.raise_to(name, target, permit, by=by)

    async def terminate(self, name: str, instance: str, permit: Permit = PERMIT) -> Outcome[Resize]:
        """Order the end of an instance."""
        return await self.resizer.terminate(name, instance, permit)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the view fresh meanwhile."""
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.groups.run(stopping))
            try:
                yield
            finally:
                stopping.set()


def mixed(template: Item, overrides: list[Item], **distribution: Any) -> Item:
    """A mixed instances policy."""
    return {
        "LaunchTemplate": {"LaunchTemplateSpecification": template, "Overrides": overrides},
        "InstancesDistribution": distribution,
    }


def about(name: str) -> Callable[[Mapping[str, Any]], bool]:
    """Whether the arguments of a call name a group, alone or among others."""
    return lambda call: name in (call.get("AutoScalingGroupName"), *call.get("AutoScalingGroupNames", ()))


@asynccontextmanager
async def as_site() -> AsyncIterator[AsSite]:
    """Run an AWS for a test."""
    async with simulated_aws() as endpoint:
        yield AsSite(endpoint)

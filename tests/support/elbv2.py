"""A strict ELBv2 in a VPC of two zones, as a boto3 client sees it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.support.aws import Reply
from tests.support.ec2 import Ec2World, ec2_world

Item = dict[str, Any]


def path(*patterns: str) -> Item:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(patterns)}}


def host(*names: str) -> Item:
    return {"Field": "host-header", "HostHeaderConfig": {"Values": list(names)}}


def forward(*group_arns: str) -> Item:
    groups = [{"TargetGroupArn": arn, "Weight": 1} for arn in group_arns]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


def fixed(code: int, body: str = "") -> Item:
    return {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": str(code), "MessageBody": body}}


class ElbWorld:
    """A VPC 10.0.0.0/16 with a subnet in each of two zones."""

    def __init__(self, world: Ec2World) -> None:
        self.world = world
        self.elb = world.aws.endpoint.elbv2
        self.acm = world.aws.endpoint.acm
        self.clock = world.clock
        self.vpc_id = world.vpc.id
        other = world.ec2.network.create_subnet(self.vpc_id, "10.0.2.0/24", zone="eu-central-1b")
        self.subnets = [world.subnet.id, other.id]

    async def call(self, operation: str, **arguments: Any) -> Reply:
        """Call an operation by its boto3 method name."""
        reply = await self.world.aws.call("elbv2", operation, **arguments)
        del reply["ResponseMetadata"]
        return reply

    async def refusal(self, operation: str, **arguments: Any) -> tuple[str, str]:
        """Give code and message of the error that a call must meet."""
        return await self.world.aws.refusal("elbv2", operation, **arguments)

    async def balancer(self, name: str = "web", **more: Any) -> str:
        """Make a load balancer; give its ARN."""
        reply = await self.call("create_load_balancer", **{"Name": name, "Subnets": self.subnets, **more})
        return str(reply["LoadBalancers"][0]["LoadBalancerArn"])

    async def listener(self, balancer: str, *actions: Item, port: int = 80, **more: Any) -> str:
        """Open a port; give the ARN."""
        wanted = list(actions) or [fixed(404)]
        arguments = {"Port": port, "Protocol": "HTTP", "DefaultActions": wanted, **more}
        reply = await self.call("create_listener", LoadBalancerArn=balancer, **arguments)
        return str(reply["Listeners"][0]["ListenerArn"])

    async def rule(self, listener: str, priority: int, *conditions: Item, do: Item | None = None) -> str:
        """Make a rule; give its ARN."""
        reply = await self.call(
            "create_rule",
            ListenerArn=listener,
            Priority=priority,
            Conditions=list(conditions) or [path(f"/{priority}")],
            Actions=[do or fixed(200)],
        )
        return str(reply["Rules"][0]["RuleArn"])

    async def group(self, name: str = "pods", **more: Any) -> str:
        """Make a target group of addresses; give its ARN."""
        usual = {"Protocol": "HTTP", "Port": 8080, "VpcId": self.vpc_id, "TargetType": "ip"}
        reply = await self.call("create_target_group", Name=name, **{**usual, **more})
        return str(reply["TargetGroups"][0]["TargetGroupArn"])

    async def register(self, group: str, *addresses: str, port: int = 8080) -> None:
        """Register addresses."""
        targets = [{"Id": address, "Port": port} for address in addresses]
        await self.call("register_targets", TargetGroupArn=group, Targets=targets)

    async def deregister(self, group: str, *addresses: str, port: int = 8080) -> None:
        """Deregister addresses."""
        targets = [{"Id": address, "Port": port} for address in addresses]
        await self.call("deregister_targets", TargetGroupArn=group, Targets=targets)

    async def health(self, group: str, **more: Any) -> dict[tuple[str, int], str]:
        """Give state and reason of targets by id and port."""
        reply = await self.call("describe_target_health", TargetGroupArn=group, **more)
        return {
            (each["Target"]["Id"], each["Target"]["Port"]): " ".join(
                filter(None, (each["TargetHealth"]["State"], each["TargetHealth"].get("Reason")))
            )
            for each in reply["TargetHealthDescriptions"]
        }

    async def priorities(self, listener: str) -> list[str]:
        """Give the priorities of a listener's rules as they are described."""
        reply = await self.call("describe_rules", ListenerArn=listener)
        return [str(rule["Priority"]) for rule in reply["Rules"]]


@asynccontextmanager
async def elb_world() -> AsyncIterator[ElbWorld]:
    """Run an endpoint on a free port with a VPC of two zones."""
    async with ec2_world() as world:
        yield ElbWorld(world)

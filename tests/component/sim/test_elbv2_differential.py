"""The same calls, to our ELBv2 and to moto's: where moto is right, both say the same.

Left out is what moto gets wrong; test_elbv2_gaps.py names the tests that hold the real behaviour there.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.support.aws import CONFIG
from tests.support.elbv2 import ElbWorld, Item, elb_world, fixed, forward, host, path

BALANCER = ("LoadBalancerName", "Scheme", "Type", "IpAddressType", "State")
LISTENER = ("Port", "Protocol")
GROUP = (
    *("TargetGroupName", "Protocol", "Port", "HealthCheckProtocol", "HealthCheckPort", "HealthCheckEnabled"),
    *("HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds", "HealthyThresholdCount"),
    *("UnhealthyThresholdCount", "HealthCheckPath", "Matcher", "TargetType", "ProtocolVersion"),
    "IpAddressType",
)


class Script:
    """A sequence of calls in two subnets, and what was answered, but for ids and what moto gets wrong."""

    def __init__(self, client: Any, vpc: str, subnets: list[str], security_group: str) -> None:
        self.client, self.vpc, self.subnets, self.security_group = client, vpc, subnets, security_group
        self.replies: list[Any] = []

    def note(self, thing: Item, fields: tuple[str, ...]) -> None:
        self.replies.append({name: thing.get(name) for name in fields})

    def refused(self, method: str, **arguments: Any) -> None:
        with pytest.raises(ClientError) as caught:
            getattr(self.client, method)(**arguments)
        self.replies.append((method, caught.value.response["Error"]["Code"]))

    def balancers(self) -> str:
        made = self.client.create_load_balancer(
            Name="web",
            Subnets=self.subnets,
            SecurityGroups=[self.security_group],
            Scheme="internal",
            Tags=[{"Key": "a", "Value": "1"}],
        )["LoadBalancers"][0]
        arn = str(made["LoadBalancerArn"])
        self.note(made, BALANCER)
        self.replies.append(re.sub(r"[0-9a-f]{16}", "N", arn.partition(":loadbalancer/")[2]))
        (found,) = self.client.describe_load_balancers(Names=["web"])["LoadBalancers"]
        self.note(found, (*BALANCER[:-1], "State"))
        self.replies.append(sorted(zone["ZoneName"] for zone in found["AvailabilityZones"]))
        items = [{"Key": "idle_timeout.timeout_seconds", "Value": "77"}]
        self.client.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=items)
        told = self.client.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        self.replies.append(items[0] in told)
        self.tags(arn)
        wanted = {"Subnets": ["subnet-0123456789abcdef0"], "LoadBalancerArn": arn}
        self.refused("set_subnets", **wanted)
        self.refused("set_security_groups", LoadBalancerArn=arn, SecurityGroups=["sg-0123456789abcdef0"])
        self.refused("describe_load_balancers", Names=["other"])
        return arn

    def tags(self, arn: str) -> None:
        self.client.add_tags(ResourceArns=[arn], Tags=[{"Key": "b", "Value": "2"}])
        self.client.remove_tags(ResourceArns=[arn], TagKeys=["a"])
        (told,) = self.client.describe_tags(ResourceArns=[arn])["TagDescriptions"]
        self.replies.append(told["Tags"])

    def groups(self) -> list[str]:
        arns = []
        for name, more in (
            ("pods", {"TargetType": "ip"}),
            ("nodes", {"TargetType": "instance", "HealthCheckPath": "/ok", "HealthCheckIntervalSeconds": 9}),
            ("http2", {"TargetType": "ip", "ProtocolVersion": "HTTP2"}),
        ):
            made = self.client.create_target_group(
                Name=name, Protocol="HTTP", Port=8080, VpcId=self.vpc, **more
            )["TargetGroups"][0]
            self.note(made, GROUP)
            arns.append(str(made["TargetGroupArn"]))
        slow = {"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 6}
        self.refused("create_target_group", Name="x", Protocol="HTTP", Port=80, VpcId=self.vpc, **slow)
        self.refused("create_target_group", Name="y" * 33, Protocol="HTTP", Port=80, VpcId=self.vpc)
        (found,) = self.client.describe_target_groups(Names=["nodes"])["TargetGroups"]
        self.note(found, GROUP)
        self.tags(arns[0])
        return arns

    def listeners(self, balancer: str, group: str) -> str:
        made = self.client.create_listener(
            LoadBalancerArn=balancer, Port=80, Protocol="HTTP", DefaultActions=[fixed(404, "no")]
        )["Listeners"][0]
        self.note(made, LISTENER)
        arn = str(made["ListenerArn"])
        self.replies.append(made["DefaultActions"][0]["FixedResponseConfig"])
        changed = self.client.modify_listener(
            ListenerArn=arn, Port=81, DefaultActions=[{"Type": "forward", "TargetGroupArn": group}]
        )["Listeners"][0]
        self.note(changed, LISTENER)
        self.refused(
            "create_listener",
            LoadBalancerArn=f"{balancer}x",
            Port=9,
            Protocol="HTTP",
            DefaultActions=[fixed(404)],
        )
        return arn

    def rules(self, listener: str, groups: list[str]) -> None:
        away = {"StatusCode": "HTTP_301", "Protocol": "HTTPS", "Port": "443"}
        for priority, conditions, action in (
            (3, [path("/a", "/a/*")], forward(*groups[:2])),
            (7, [host("a.example"), path("/b")], fixed(200, "b")),
            (9, [path("/c")], {"Type": "redirect", "RedirectConfig": away}),
        ):
            made = self.client.create_rule(
                ListenerArn=listener, Priority=priority, Conditions=conditions, Actions=[action]
            )["Rules"][0]
            self.replies.append((made["Priority"], made["IsDefault"], made["Actions"][0]["Type"]))
        usual = {"ListenerArn": listener, "Conditions": [path("/d")]}
        self.refused("create_rule", Priority=7, Actions=[fixed(200)], **usual)
        self.refused("create_rule", Priority=8, Actions=[fixed(999)], **usual)
        self.refused("create_rule", Priority=8, Actions=[forward(f"{groups[0][:-3]}000")], **usual)
        long = {**usual, "Conditions": [path("/" + "x" * 128)]}
        self.refused("create_rule", Priority=8, Actions=[fixed(200)], **long)
        told = self.client.describe_rules(ListenerArn=listener)["Rules"]
        self.replies.append([rule["Priority"] for rule in told])
        moved = [{"RuleArn": told[0]["RuleArn"], "Priority": 20}]
        reply = self.client.set_rule_priorities(RulePriorities=moved)
        self.replies.append([rule["Priority"] for rule in reply["Rules"]])
        self.client.modify_rule(RuleArn=told[1]["RuleArn"], Actions=[fixed(201)])
        (changed,) = self.client.describe_rules(RuleArns=[told[1]["RuleArn"]])["Rules"]
        self.replies.append(changed["Actions"][0]["FixedResponseConfig"]["StatusCode"])
        self.client.delete_rule(RuleArn=told[2]["RuleArn"])
        self.replies.append(len(self.client.describe_rules(ListenerArn=listener)["Rules"]))

    def end(self, balancer: str, listener: str, groups: list[str]) -> None:
        self.client.register_targets(
            TargetGroupArn=groups[0], Targets=[{"Id": "10.0.1.9"}, {"Id": "10.0.1.10"}]
        )
        told = self.client.describe_target_health(TargetGroupArn=groups[0])["TargetHealthDescriptions"]
        self.replies.append([(each["Target"]["Id"], each["TargetHealth"]["State"]) for each in told])
        self.refused("delete_target_group", TargetGroupArn=groups[0])
        self.refused("describe_target_health", TargetGroupArn=f"{groups[0][:-3]}000")
        (found,) = self.client.describe_target_groups(TargetGroupArns=groups[1:2])["TargetGroups"]
        self.replies.append(len(found["LoadBalancerArns"]))
        self.client.delete_listener(ListenerArn=listener)
        self.refused("describe_listeners", ListenerArns=[listener])
        self.client.delete_load_balancer(LoadBalancerArn=balancer)
        self.refused("describe_load_balancers", LoadBalancerArns=[balancer])
        for group in groups:
            self.client.delete_target_group(TargetGroupArn=group)
        self.replies.append(self.client.describe_target_groups()["TargetGroups"])


def happy_path(client: Any, vpc: str, subnets: list[str], security_group: str) -> list[Any]:
    script = Script(client, vpc, subnets, security_group)
    balancer = script.balancers()
    groups = script.groups()
    listener = script.listeners(balancer, groups[0])
    script.rules(listener, groups)
    script.end(balancer, listener, groups)
    return script.replies


@pytest.fixture
def moto_replies() -> list[Any]:
    with mock_aws():
        session = boto3.Session(
            aws_access_key_id="key", aws_secret_access_key="secret", region_name="eu-central-1"
        )
        ec2 = session.client("ec2", config=CONFIG)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        make: Callable[..., Any] = ec2.create_subnet
        subnets = [
            make(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"eu-central-1{zone}")
            for number, zone in ((1, "a"), (2, "b"))
        ]
        group = ec2.create_security_group(GroupName="alb", Description="x", VpcId=vpc)["GroupId"]
        client = session.client("elbv2", config=CONFIG)
        return happy_path(client, vpc, [each["Subnet"]["SubnetId"] for each in subnets], group)


@pytest.fixture
async def world() -> AsyncIterator[ElbWorld]:
    async with elb_world() as running:
        yield running


async def test_both_answer_the_happy_path_alike(moto_replies: list[Any], world: ElbWorld) -> None:
    client = world.world.aws.client("elbv2")
    group = world.world.ec2.network.create_security_group(world.vpc_id, "alb").id
    ours = await asyncio.to_thread(happy_path, client, world.vpc_id, world.subnets, group)
    for step, (here, there) in enumerate(zip(ours, moto_replies, strict=True)):
        assert here == there, f"step {step}"

"""The same calls, to our EC2 and to moto's: where moto is right, both say the same.

Left out is what moto gets wrong, for which the other test_ec2 files hold the real behaviour.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.support.aws import CONFIG
from tests.support.ec2 import Ec2World, ec2_world

COMPARED = (
    *("Status", "Description", "SourceDestCheck", "SubnetId", "VpcId", "AvailabilityZone", "OwnerId"),
    *("InterfaceType", "TagSet", "Groups"),
)


class Script:
    """A sequence of calls in one subnet, and what was answered, but for ids and addresses."""

    def __init__(self, client: Any, subnet: str, instance: str) -> None:
        self.client = client
        self.subnet = subnet
        self.instance = instance
        self.replies: list[Any] = []

    def note(self, eni: str) -> None:
        (found,) = self.client.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"]
        tie = found.get("Attachment", {})
        groups = [{"named": bool(group["GroupName"])} for group in found["Groups"]]
        mine = {**found, "SubnetId": found["SubnetId"] == self.subnet, "VpcId": "", "Groups": groups}
        self.replies.append({name: mine.get(name) for name in COMPARED})
        self.replies.append([address["Primary"] for address in found["PrivateIpAddresses"]])
        self.replies.append(
            (tie.get("DeviceIndex"), tie.get("InstanceId") == self.instance, tie.get("Status"))
        )

    def refused(self, method: str, **arguments: Any) -> None:
        with pytest.raises(ClientError) as caught:
            getattr(self.client, method)(**arguments)
        self.replies.append(caught.value.response["Error"]["Code"])

    def count(self, name: str, value: str) -> None:
        reply = self.client.describe_network_interfaces(Filters=[{"Name": name, "Values": [value]}])
        self.replies.append(len(reply["NetworkInterfaces"]))

    def free(self) -> None:
        (subnet,) = self.client.describe_subnets(SubnetIds=[self.subnet])["Subnets"]
        self.replies.append(subnet["AvailableIpAddressCount"])


def happy_path(client: Any, subnet: str, instance: str) -> list[Any]:
    script = Script(client, subnet, instance)
    script.free()
    tags = [{"ResourceType": "network-interface", "Tags": [{"Key": "a", "Value": "b"}]}]
    created = client.create_network_interface(
        SubnetId=subnet, SecondaryPrivateIpAddressCount=2, Description="aws-K8S-x", TagSpecifications=tags
    )
    eni = created["NetworkInterface"]["NetworkInterfaceId"]
    script.note(eni)
    script.free()
    attached = client.attach_network_interface(NetworkInterfaceId=eni, InstanceId=instance, DeviceIndex=1)
    script.note(eni)
    for name, value in (
        ("description", "aws-K8S-*"),
        ("tag:a", "b"),
        ("tag-key", "a"),
        ("status", "in-use"),
        ("attachment.instance-id", instance),
        ("subnet-id", subnet),
    ):
        script.count(name, value)
    client.create_tags(Resources=[eni], Tags=[{"Key": "c", "Value": ""}])
    client.assign_private_ip_addresses(NetworkInterfaceId=eni, SecondaryPrivateIpAddressCount=3)
    script.note(eni)
    client.detach_network_interface(AttachmentId=attached["AttachmentId"])
    script.note(eni)
    client.delete_network_interface(NetworkInterfaceId=eni)
    script.free()
    script.refused("delete_network_interface", NetworkInterfaceId=eni)
    script.refused("describe_network_interfaces", NetworkInterfaceIds=[eni])
    script.refused("create_network_interface", SubnetId=subnet, DryRun=True)
    about = client.describe_instance_types(InstanceTypes=["m5.large"])["InstanceTypes"]
    script.replies.append(about)
    return script.replies


@pytest.fixture
def moto_replies() -> list[Any]:
    with mock_aws():
        session = boto3.Session(
            aws_access_key_id="key", aws_secret_access_key="secret", region_name="eu-central-1"
        )
        client = session.client("ec2", config=CONFIG)
        vpc = client.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = client.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="eu-central-1a")
        subnet_id = subnet["Subnet"]["SubnetId"]
        launched = client.run_instances(
            ImageId="ami-760aaa0f", InstanceType="m5.large", MinCount=1, MaxCount=1, SubnetId=subnet_id
        )
        return happy_path(client, subnet_id, launched["Instances"][0]["InstanceId"])


@pytest.fixture
async def world() -> AsyncIterator[Ec2World]:
    async with ec2_world() as running:
        yield running


async def test_both_answer_the_happy_path_alike(moto_replies: list[Any], world: Ec2World) -> None:
    client = world.aws.client("ec2")
    ours = await asyncio.to_thread(happy_path, client, world.subnet.id, world.launch().id)
    for step, (here, there) in enumerate(zip(ours, moto_replies, strict=True)):
        assert here == there, f"step {step}"

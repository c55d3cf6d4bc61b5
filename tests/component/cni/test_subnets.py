"""In which subnets interfaces for pods are made: the rules of tags, zones and clusters."""

import dataclasses
from collections.abc import AsyncIterator, Mapping

import pytest

from tests.support.cni_aws import Daemon, Node, ec2_node

pytestmark = pytest.mark.virtual_time

ROLE = "kubernetes.io/role/cni"
OURS = "cni.networking.k8s.aws/cluster/prod"
OTHERS = "cni.networking.k8s.aws/cluster/staging"


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    async with ec2_node() as running:
        yield running


@pytest.fixture
async def daemon(node: Node) -> AsyncIterator[Daemon]:
    async with node.daemon() as running:
        yield running


async def discovered(daemon: Daemon) -> list[str]:
    return [subnet.subnet_id for subnet in await daemon.subnets.discover()]


def subnet(node: Node, number: int, tags: Mapping[str, str], *, zone: str = "eu-central-1a") -> str:
    """Have another subnet in the VPC; give its id."""
    return node.ec2.network.create_subnet(node.vpc.id, f"10.0.{number}.0/24", zone=zone, tags=tags).id


def tag(node: Node, subnet_id: str, tags: Mapping[str, str]) -> None:
    """Have a subnet these tags alone."""
    subnets = node.ec2.account.subnets
    subnets[subnet_id] = dataclasses.replace(subnets[subnet_id], tags=tags)


@pytest.mark.parametrize(
    ("tags", "serves"),
    [
        ({}, True),
        ({ROLE: "1"}, True),
        ({ROLE: "0"}, False),
        ({ROLE: "0", OURS: "1"}, False),
        ({OURS: "1"}, True),
        ({OTHERS: "1"}, False),
        ({OTHERS: "1", OURS: ""}, True),
    ],
)
async def test_the_nodes_own_subnet_serves_unless_it_is_tagged_otherwise(
    node: Node, daemon: Daemon, tags: dict[str, str], serves: bool
) -> None:
    tag(node, node.subnet, tags)
    assert await discovered(daemon) == ([node.subnet] if serves else [])


@pytest.mark.parametrize(
    ("tags", "serves"),
    [
        ({}, False),
        ({ROLE: "1"}, True),
        ({ROLE: ""}, True),
        ({ROLE: "0"}, False),
        ({OURS: "1"}, False),
        ({ROLE: "1", OURS: "1"}, True),
        ({ROLE: "1", OTHERS: "1"}, False),
        ({ROLE: "1", OTHERS: "1", OURS: "1"}, True),
    ],
)
async def test_another_subnet_serves_only_when_it_is_tagged_so(
    node: Node, daemon: Daemon, tags: dict[str, str], serves: bool
) -> None:
    other = subnet(node, 1, tags)
    assert await discovered(daemon) == ([other] if serves else []) + [node.subnet]


async def test_a_subnet_of_another_zone_or_vpc_does_not_serve(node: Node, daemon: Daemon) -> None:
    subnet(node, 1, {ROLE: "1"}, zone="eu-central-1b")
    vpc = node.ec2.network.create_vpc("10.9.0.0/16")
    node.ec2.network.create_subnet(vpc.id, "10.9.0.0/24", tags={ROLE: "1"})
    assert await discovered(daemon) == [node.subnet]


async def test_the_emptiest_comes_first(node: Node, daemon: Daemon) -> None:
    fuller, emptier = (subnet(node, number, {ROLE: "1"}) for number in (1, 2))
    node.fill(fuller, leave=40)
    node.fill(emptier, leave=240)
    found = await daemon.subnets.discover()
    assert [(each.subnet_id, each.free) for each in found] == [
        (emptier, 240),
        (node.subnet, 200),
        (fuller, 40),
    ]


async def test_what_is_left_in_the_subnets_of_interfaces_is_one_call(node: Node, daemon: Daemon) -> None:
    other = subnet(node, 1, {})
    node.fill(other, leave=7)
    read = await daemon.subnets.read({node.subnet, other})
    assert {each.subnet_id: each.free for each in read} == {node.subnet: 200, other: 7}
    assert daemon.session.operations == ["describe_subnets"]


async def test_a_subnet_that_does_not_exist_is_left_out(node: Node, daemon: Daemon) -> None:
    assert [each.subnet_id for each in await daemon.subnets.read({node.subnet, "subnet-1"})] == [node.subnet]


async def test_no_subnets_are_no_call(daemon: Daemon) -> None:
    assert await daemon.subnets.read(()) == ()
    assert daemon.session.operations == []

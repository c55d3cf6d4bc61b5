"""Which instance the node is, by its metadata, and how far they are behind EC2."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from addons.cni.aws.instance_types import read_limits
from addons.cni.aws.node import NodeMetadata
from addons.cni.model.actions import AssignAddresses, AssignPrefixes
from addons.cni.model.enis import InstanceLimits
from addons.instance_types import table
from addons.runtime.errors import Invalid, Unavailable
from addons.runtime.imds import InstanceMetadata
from addons.sim.imds import Imds
from addons.sim.node_network import NodeNetwork
from tests.support.cni_aws import Daemon, Node, ec2_node

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    async with ec2_node() as running:
        yield running


@pytest.fixture
async def daemon(node: Node) -> AsyncIterator[Daemon]:
    async with node.daemon() as running:
        yield running


@pytest.fixture
def network(node: Node) -> NodeNetwork:
    return NodeNetwork(node.ec2, node.instance.id)


@pytest.fixture
async def metadata(network: NodeNetwork) -> AsyncIterator[NodeMetadata]:
    imds = Imds(network.instance(), network=network.leaves, http_tokens="required")
    async with imds, InstanceMetadata.connect(imds.url) as read:
        yield NodeMetadata(read)


async def test_the_node_is_the_instance_with_its_first_interface(node: Node, metadata: NodeMetadata) -> None:
    assert await metadata.identity() == node.identity


async def test_another_interface_does_not_change_who_the_node_is(
    node: Node, daemon: Daemon, metadata: NodeMetadata
) -> None:
    await daemon.made()
    assert await metadata.identity() == node.identity


async def test_metadata_that_lack_something_say_what(node: Node, network: NodeNetwork) -> None:
    imds = Imds(replace(network.instance(), instance_type=""), network=network.leaves)
    async with imds, InstanceMetadata.connect(imds.url) as read:
        with pytest.raises(Unavailable, match="metadata of the node: there is no instance-type"):
            await NodeMetadata(read).identity()


async def test_security_groups_and_blocks_are_those_of_now(node: Node, metadata: NodeMetadata) -> None:
    mac = node.identity.primary_mac
    other = node.ec2.network.create_security_group(node.vpc.id, "more").id
    node.ec2.interfaces.modify(node.identity.primary_eni_id, groups=(node.group, other))
    node.ec2.network.associate_cidr(node.vpc.id, "100.64.0.0/16")
    assert await metadata.security_groups(mac) == tuple(sorted((node.group, other)))
    assert await metadata.vpc_cidrs(mac) == (IPv4Network("10.0.0.0/16"), IPv4Network("100.64.0.0/16"))


async def test_the_addresses_of_every_interface_are_those_that_ec2_has(
    node: Node, daemon: Daemon, metadata: NodeMetadata
) -> None:
    await daemon.made(addresses=0, prefixes=1)
    await daemon.apply(AssignAddresses(eni_id=node.identity.primary_eni_id, count=2, because=""))
    seen = {eni.mac: eni.all_addresses() | {eni.primary_ip} for eni in await daemon.enis.observe()}
    assert await metadata.addresses() == seen
    assert [len(addresses) for addresses in seen.values()] == [3, 17]


async def test_what_is_behind_shows_until_it_is_not(
    node: Node, daemon: Daemon, network: NodeNetwork, metadata: NodeMetadata
) -> None:
    await asyncio.sleep(120)
    network.lag_seconds = 60
    before = await metadata.addresses()
    await daemon.apply(AssignPrefixes(eni_id=node.identity.primary_eni_id, count=1, because=""))
    assert await metadata.addresses() == before
    await asyncio.sleep(61)
    (addresses,) = (await metadata.addresses()).values()
    assert len(addresses) == 17
    assert all(isinstance(address, IPv4Address) for address in addresses)


async def test_a_type_that_our_table_has_is_no_call(daemon: Daemon) -> None:
    assert await read_limits(daemon.session, "m5.large") == InstanceLimits(3, 10, can_have_prefixes=True)
    assert daemon.session.operations == []


@pytest.mark.parametrize(
    ("type_", "limits"),
    [
        ("m5.large", InstanceLimits(3, 10, can_have_prefixes=True)),
        ("t2.micro", InstanceLimits(2, 2, can_have_prefixes=False)),
        ("p4d.24xlarge", InstanceLimits(15, 50, can_have_prefixes=True)),
    ],
)
async def test_a_type_that_our_table_lacks_is_asked_for(
    daemon: Daemon, no_table: None, type_: str, limits: InstanceLimits
) -> None:
    assert await read_limits(daemon.session, type_) == limits
    assert daemon.session.operations == ["describe_instance_types"]


async def test_a_type_that_there_is_not_is_said(daemon: Daemon) -> None:
    with pytest.raises(Invalid, match=r"m5\.huge"):
        await read_limits(daemon.session, "m5.huge")


@pytest.fixture
def no_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A table that has no type at all, as one that was built before them."""
    empty = tmp_path / "types.txt"
    empty.touch()
    monkeypatch.setattr(table, "PATH", empty)

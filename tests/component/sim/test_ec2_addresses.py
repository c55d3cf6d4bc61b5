"""Addresses and prefixes of the simulated EC2 through real boto3: who gets which, and when there are none."""

from collections.abc import AsyncIterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from tests.support.ec2 import Ec2World, ec2_world

FULL = (
    "InsufficientFreeAddressesInSubnet",
    "The specified subnet does not have enough free addresses to satisfy the request.",
)
TOO_MANY = ("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.")


@pytest.fixture
async def small() -> AsyncIterator[Ec2World]:
    """A subnet of 16 addresses, 11 of them for use."""
    async with ec2_world("10.0.1.0/28") as running:
        yield running


@pytest.fixture
async def world() -> AsyncIterator[Ec2World]:
    async with ec2_world("10.0.1.0/24") as running:
        yield running


async def assign_prefixes(world: Ec2World, eni: str, count: int) -> list[str]:
    reply = await world.call("assign_private_ip_addresses", NetworkInterfaceId=eni, Ipv4PrefixCount=count)
    return [each["Ipv4Prefix"] for each in reply["AssignedIpv4Prefixes"]]


async def unassign(world: Ec2World, eni: str, *addresses: str) -> None:
    arguments = {"NetworkInterfaceId": eni, "PrivateIpAddresses": list(addresses)}
    await world.call("unassign_private_ip_addresses", **arguments)


class TestAssigning:
    async def test_the_answer_is_the_new_addresses_alone(self, world: Ec2World) -> None:
        eni = await world.create(SecondaryPrivateIpAddressCount=1)
        before = await world.addresses(eni)
        new = await world.assign(eni, 3)
        assert len(new) == 3
        assert await world.addresses(eni) == before + new

    async def test_certain_addresses_are_given_when_they_are_free(self, world: Ec2World) -> None:
        eni = await world.create(PrivateIpAddress="10.0.1.50")
        arguments = {"NetworkInterfaceId": eni, "PrivateIpAddresses": ["10.0.1.60", "10.0.1.61"]}
        reply = await world.call("assign_private_ip_addresses", **arguments)
        assert [each["PrivateIpAddress"] for each in reply["AssignedPrivateIpAddresses"]] == [
            "10.0.1.60",
            "10.0.1.61",
        ]
        assert await world.addresses(eni) == ["10.0.1.50", "10.0.1.60", "10.0.1.61"]

    async def test_an_address_that_went_back_is_soon_somebody_else_s(self, world: Ec2World) -> None:
        first, second = await world.create(), await world.create()
        (address,) = await world.assign(first, 1)
        await unassign(world, first, address)
        assert await world.assign(second, 1) == [address]

    @pytest.mark.parametrize(
        ("address", "why"),
        [
            ("10.0.2.9", "does not fall within the subnet's address range"),
            ("10.0.1.0", "is in subnet's reserved address range"),
            ("10.0.1.3", "is in subnet's reserved address range"),
            ("10.0.1.255", "is in subnet's reserved address range"),
            ("10.0.1", "invalid value for parameter address"),
        ],
    )
    async def test_what_the_subnet_never_gives_away_is_refused(
        self, world: Ec2World, address: str, why: str
    ) -> None:
        eni = await world.create()
        arguments = {"NetworkInterfaceId": eni, "PrivateIpAddresses": [address]}
        code, message = await world.refusal("assign_private_ip_addresses", **arguments)
        assert code == "InvalidParameterValue"
        assert why in message

    async def test_the_address_of_another_interface_is_refused(self, world: Ec2World) -> None:
        owner, eni = await world.create(), await world.create()
        (address,) = await world.assign(owner, 1)
        arguments: dict[str, Any] = {"NetworkInterfaceId": eni, "PrivateIpAddresses": [address]}
        assert await world.refusal("assign_private_ip_addresses", **arguments) == (
            "InvalidParameterValue",
            f"[{address}] assigned, but move is not allowed.",
        )
        refused = await world.refusal(
            "create_network_interface", SubnetId=world.subnet.id, PrivateIpAddress=address
        )
        assert refused == ("InvalidIPAddress.InUse", "The specified address is already in use.")

    async def test_it_moves_when_that_is_permitted_unless_it_is_a_primary_one(self, world: Ec2World) -> None:
        owner, eni = await world.create(), await world.create()
        (address,) = await world.assign(owner, 1)
        arguments: dict[str, Any] = {"NetworkInterfaceId": eni, "AllowReassignment": True}
        await world.call("assign_private_ip_addresses", PrivateIpAddresses=[address], **arguments)
        assert address in await world.addresses(eni)
        (primary,) = await world.addresses(owner)
        code, _ = await world.refusal(
            "assign_private_ip_addresses", PrivateIpAddresses=[primary], **arguments
        )
        assert code == "InvalidParameterValue"

    async def test_two_ways_to_ask_at_once_are_refused(self, world: Ec2World) -> None:
        eni = await world.create()
        both = {"SecondaryPrivateIpAddressCount": 1, "Ipv4PrefixCount": 1}
        code, _ = await world.refusal("assign_private_ip_addresses", NetworkInterfaceId=eni, **both)
        assert code == "InvalidParameterCombination"
        code, _ = await world.refusal("assign_private_ip_addresses", NetworkInterfaceId=eni)
        assert code == "InvalidParameterCombination"


class TestUnassigning:
    async def test_addresses_go_back_into_the_subnet(self, world: Ec2World) -> None:
        eni = await world.create(SecondaryPrivateIpAddressCount=2)
        primary, first, second = await world.addresses(eni)
        free = await world.free()
        await unassign(world, eni, first)
        assert await world.addresses(eni) == [primary, second]
        assert await world.free() == free + 1

    async def test_the_primary_address_stays(self, world: Ec2World) -> None:
        eni = await world.create(SecondaryPrivateIpAddressCount=1)
        before = await world.addresses(eni)
        arguments = {"NetworkInterfaceId": eni, "PrivateIpAddresses": before}
        assert await world.refusal("unassign_private_ip_addresses", **arguments) == (
            "InvalidParameterValue",
            "The primary IP address of an interface cannot be unassigned.",
        )
        assert await world.addresses(eni) == before

    async def test_what_the_interface_does_not_have_is_refused(self, world: Ec2World) -> None:
        eni = await world.create(SecondaryPrivateIpAddressCount=1)
        before = await world.addresses(eni)
        arguments = {"NetworkInterfaceId": eni, "PrivateIpAddresses": [before[1], "10.0.1.99"]}
        assert await world.refusal("unassign_private_ip_addresses", **arguments) == (
            "InvalidParameterValue",
            f"Some of the specified addresses are not assigned to interface {eni}",
        )
        assert await world.addresses(eni) == before


class TestSubnet:
    """Five addresses of a subnet are AWS's own; all others are given away once."""

    async def test_it_has_so_many_addresses_and_no_more(self, small: Ec2World) -> None:
        assert await small.free() == 11
        eni = await small.create(SecondaryPrivateIpAddressCount=10)
        assert await small.free() == 0
        given = set(map(IPv4Address, await small.addresses(eni)))
        assert given == {IPv4Address(f"10.0.1.{number}") for number in range(4, 15)}

    async def test_asking_for_more_than_it_has_is_refused_at_once(self, small: Ec2World) -> None:
        eni = await small.create()
        arguments = {"NetworkInterfaceId": eni, "SecondaryPrivateIpAddressCount": 11}
        assert await small.refusal("assign_private_ip_addresses", **arguments) == FULL
        refused = await small.refusal(
            "create_network_interface", SubnetId=small.subnet.id, SecondaryPrivateIpAddressCount=10
        )
        assert refused == FULL
        assert await small.free() == 10

    async def test_no_address_is_given_twice(self, world: Ec2World) -> None:
        enis = [await world.create(SecondaryPrivateIpAddressCount=40) for _ in range(6)]
        given = [address for eni in enis for address in await world.addresses(eni)]
        assert len(set(given)) == len(given) == 246
        assert await world.free() == 251 - 246

    async def test_deleting_an_interface_gives_all_of_it_back(self, small: Ec2World) -> None:
        eni = await small.create(SecondaryPrivateIpAddressCount=10)
        await small.call("delete_network_interface", NetworkInterfaceId=eni)
        assert await small.free() == 11

    async def test_instances_take_addresses_too(self, small: Ec2World) -> None:
        for _ in range(11):
            small.launch()
        code, _ = await small.refusal(
            "run_instances", SubnetId=small.subnet.id, MinCount=1, MaxCount=1, InstanceType="m5.large"
        )
        assert code == "InsufficientFreeAddressesInSubnet"


class TestLimits:
    """An interface of an m5.large has 10 addresses."""

    async def test_an_attached_interface_has_no_more_addresses_than_its_type_takes(
        self, world: Ec2World
    ) -> None:
        eni = await world.create(SecondaryPrivateIpAddressCount=7)
        await world.attach(eni, world.launch("m5.large"))
        arguments: dict[str, Any] = {"NetworkInterfaceId": eni}
        refused = await world.refusal(
            "assign_private_ip_addresses", SecondaryPrivateIpAddressCount=3, **arguments
        )
        assert refused == TOO_MANY
        assert len(await world.assign(eni, 2)) == 2
        refused = await world.refusal("assign_private_ip_addresses", Ipv4PrefixCount=1, **arguments)
        assert refused == TOO_MANY

    async def test_an_interface_with_more_cannot_be_attached(self, world: Ec2World) -> None:
        eni = await world.create(SecondaryPrivateIpAddressCount=10)
        where = {"NetworkInterfaceId": eni, "InstanceId": world.launch("m5.large").id, "DeviceIndex": 1}
        assert await world.refusal("attach_network_interface", **where) == TOO_MANY


class TestPrefixes:
    """Blocks of 16 addresses, /28, as whole as the subnet has them."""

    async def test_they_are_given_counted_described_and_taken_back(self, world: Ec2World) -> None:
        eni = await world.create(Ipv4PrefixCount=1)
        described = await world.describe(eni)
        assert described["Ipv4Prefixes"] == [{"Ipv4Prefix": "10.0.1.16/28"}]
        assert len(described["PrivateIpAddresses"]) == 1
        assert await assign_prefixes(world, eni, 2) == ["10.0.1.32/28", "10.0.1.48/28"]
        assert await world.free() == 251 - 1 - 3 * 16
        arguments = {"NetworkInterfaceId": eni, "Ipv4Prefixes": ["10.0.1.16/28"]}
        await world.call("unassign_private_ip_addresses", **arguments)
        assert [each["Ipv4Prefix"] for each in (await world.describe(eni))["Ipv4Prefixes"]] == [
            "10.0.1.32/28",
            "10.0.1.48/28",
        ]
        assert await world.free() == 251 - 1 - 2 * 16

    async def test_a_certain_prefix_is_given_when_it_is_free(self, world: Ec2World) -> None:
        eni = await world.create(Ipv4Prefixes=[{"Ipv4Prefix": "10.0.1.64/28"}])
        assert [each["Ipv4Prefix"] for each in (await world.describe(eni))["Ipv4Prefixes"]] == [
            "10.0.1.64/28"
        ]
        arguments: dict[str, Any] = {"NetworkInterfaceId": eni}
        for taken in ("10.0.1.64/28", "10.0.1.0/28", "10.0.1.240/28"):
            refused = await world.refusal("assign_private_ip_addresses", Ipv4Prefixes=[taken], **arguments)
            assert refused[0] == "InvalidCidr.InUse"
        for wrong in ("10.0.1.64/27", "10.0.2.0/28", "10.0.1.65/28", "x"):
            refused = await world.refusal("assign_private_ip_addresses", Ipv4Prefixes=[wrong], **arguments)
            assert refused[0] == "InvalidParameterValue"

    async def test_a_primary_address_is_not_in_a_prefix_of_its_own_interface(self, world: Ec2World) -> None:
        arguments: dict[str, Any] = {"SubnetId": world.subnet.id, "PrivateIpAddress": "10.0.1.20"}
        prefixes = [{"Ipv4Prefix": "10.0.1.16/28"}]
        refused = await world.refusal("create_network_interface", Ipv4Prefixes=prefixes, **arguments)
        assert refused[0] == "InvalidCidr.InUse"
        eni = await world.create(Ipv4PrefixCount=1, PrivateIpAddress="10.0.1.20")
        assert (await world.describe(eni))["Ipv4Prefixes"] == [{"Ipv4Prefix": "10.0.1.32/28"}]

    async def test_single_addresses_are_never_out_of_a_prefix(self, world: Ec2World) -> None:
        eni = await world.create(Ipv4PrefixCount=2)
        blocks = [IPv4Network("10.0.1.16/28"), IPv4Network("10.0.1.32/28")]
        for address in await world.assign(eni, 40):
            assert not any(IPv4Address(address) in block for block in blocks)
        arguments = {"NetworkInterfaceId": eni, "PrivateIpAddresses": ["10.0.1.20"]}
        code, _ = await world.refusal("assign_private_ip_addresses", **arguments)
        assert code == "InvalidParameterValue"

    async def test_a_subnet_in_pieces_has_addresses_but_no_blocks(self, world: Ec2World) -> None:
        eni = await world.create()
        arguments: dict[str, Any] = {"NetworkInterfaceId": eni}
        for start in range(16, 240, 16):
            address = f"10.0.1.{start + 4}"
            await world.call("assign_private_ip_addresses", PrivateIpAddresses=[address], **arguments)
        free = await world.free()
        assert free > 200
        refused = await world.refusal("assign_private_ip_addresses", Ipv4PrefixCount=1, **arguments)
        assert refused == (
            "InsufficientCidrBlocks",
            "The specified subnet does not have enough free cidr blocks to satisfy the request.",
        )
        assert await world.free() == free
        assert len(await world.assign(eni, 1)) == 1

    async def test_a_full_subnet_says_so_in_other_words(self, small: Ec2World) -> None:
        eni = await small.create()
        arguments = {"NetworkInterfaceId": eni, "Ipv4PrefixCount": 1}
        assert await small.refusal("assign_private_ip_addresses", **arguments) == (
            "InvalidParameterValue",
            "There aren't sufficient free Ipv4 addresses or prefixes",
        )

    async def test_a_type_that_is_not_nitro_has_none(self, world: Ec2World) -> None:
        eni = await world.create()
        await world.attach(eni, world.launch("t2.micro"))
        arguments = {"NetworkInterfaceId": eni, "Ipv4PrefixCount": 1}
        code, message = await world.refusal("assign_private_ip_addresses", **arguments)
        assert (code, "t2.micro" in message) == ("OperationNotPermitted", True)


class TestIpv6:
    """There is none here, and nobody is left in the belief that there is."""

    @pytest.mark.parametrize("wish", [{"Ipv6AddressCount": 1}, {"Ipv6PrefixCount": 1}])
    async def test_asking_for_it_is_refused(self, world: Ec2World, wish: dict[str, int]) -> None:
        code, message = await world.refusal("create_network_interface", SubnetId=world.subnet.id, **wish)
        assert code == "UnsupportedOperation"
        assert next(iter(wish)) in message

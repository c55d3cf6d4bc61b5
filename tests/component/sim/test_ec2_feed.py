"""What a simulated network is told of interfaces, and what a node's metadata service tells of them."""

from collections.abc import AsyncIterator
from ipaddress import IPv4Address

import aiohttp
import pytest

from addons.sim.aws.ec2.model import Change, Interface
from addons.sim.imds import Imds
from addons.sim.node_network import NodeNetwork
from tests.support.ec2 import Ec2World, ec2_world

TTL, TOKEN = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"


@pytest.fixture
async def world() -> AsyncIterator[Ec2World]:
    async with ec2_world() as running:
        yield running


class TestFeed:
    async def test_who_begins_to_listen_is_told_what_there_is(self, world: Ec2World) -> None:
        world.launch()
        heard: list[Change] = []
        world.ec2.feed.listen(heard.append)
        assert [(change.before, change.after) for change in heard] == [(None, world.ec2.interfaces.all()[0])]

    async def test_each_change_is_told_before_the_call_is_answered(self, world: Ec2World) -> None:
        instance = world.launch()
        heard: list[Change] = []
        stop = world.ec2.feed.listen(heard.append)
        heard.clear()
        eni = await world.create()
        attachment = await world.attach(eni, instance)
        (address,) = await world.assign(eni, 1)
        plugged = [change.after.plugged_into for change in heard if change.after]
        assert plugged == ["", "", instance.id, instance.id]
        owners = [
            change.after for change in heard if change.after and change.after.owns(IPv4Address(address))
        ]
        assert [owner.id for owner in owners] == [eni]
        await world.call("detach_network_interface", AttachmentId=attachment)
        await world.call("delete_network_interface", NetworkInterfaceId=eni)
        assert heard[-1].after is None
        stop()
        count, version = len(heard), world.ec2.feed.version
        await world.create()
        assert (len(heard), world.ec2.feed.version) == (count, version + 1)

    async def test_changes_follow_one_another(self, world: Ec2World) -> None:
        heard: list[Change] = []
        world.ec2.feed.listen(heard.append)
        instance, eni = world.launch(), await world.create()
        await world.attach(eni, instance)
        await world.call("terminate_instances", InstanceIds=[instance.id])
        known: dict[str, Interface | None] = {}
        for change in heard:
            interface = change.after or change.before
            assert interface is not None
            assert change.before == known.get(interface.id)
            known[interface.id] = change.after
        assert [id_ for id_, interface in known.items() if interface] == [eni]
        assert [each.id for each in world.ec2.interfaces.all()] == [eni]

    async def test_a_link_is_there_from_attached_to_detaching(self, world: Ec2World) -> None:
        world.ec2.knobs.attach_seconds = world.ec2.knobs.detach_seconds = 5
        heard: list[str] = []
        instance, eni = world.launch(), await world.create()
        stop = world.ec2.feed.listen(
            lambda change: heard.append(change.after.plugged_into if change.after else "")
        )
        heard.clear()
        attachment = await world.attach(eni, instance)
        world.clock.pass_by(5)
        await world.describe(eni)
        await world.call("detach_network_interface", AttachmentId=attachment)
        world.clock.pass_by(5)
        await world.describe(eni)
        stop()
        assert heard == ["", instance.id, "", ""]


class TestMetadata:
    """The tree of a node's interfaces, read with a session token."""

    @pytest.fixture
    async def node(self, world: Ec2World) -> NodeNetwork:
        return NodeNetwork(world.ec2, world.launch().id)

    async def read(self, node: NodeNetwork, *paths: str) -> list[str | None]:
        """Give what is at some paths, None where there is nothing."""
        found: list[str | None] = []
        async with (
            Imds(node.instance(), network=node.leaves, http_tokens="required") as imds,
            aiohttp.ClientSession(imds.url) as http,
        ):
            async with http.put("/latest/api/token", headers={TTL: "60"}) as reply:
                headers = {TOKEN: await reply.text()}
            for path in paths:
                async with http.get(f"/latest/meta-data/{path}", headers=headers) as reply:
                    found.append(await reply.text() if reply.status == 200 else None)
        return found

    async def test_it_names_the_instance(self, world: Ec2World, node: NodeNetwork) -> None:
        (instance,) = world.ec2.account.instances.values()
        primary = world.primary(instance)
        paths = ("instance-id", "instance-type", "placement/availability-zone", "mac", "local-ipv4")
        assert await self.read(node, *paths) == [
            instance.id,
            "m5.large",
            "eu-central-1a",
            primary.mac,
            str(primary.addresses[0]),
        ]

    async def test_each_attached_interface_is_told_whole(self, world: Ec2World, node: NodeNetwork) -> None:
        (instance,) = world.ec2.account.instances.values()
        world.ec2.network.associate_cidr(world.vpc.id, "100.64.0.0/16")
        eni = await world.create(SecondaryPrivateIpAddressCount=1)
        await world.attach(eni, instance, 2)
        await world.call("assign_private_ip_addresses", NetworkInterfaceId=eni, Ipv4PrefixCount=2)
        described = await world.describe(eni)
        folder = f"network/interfaces/macs/{described['MacAddress']}"
        expected = {
            "interface-id": eni,
            "device-number": "2",
            "subnet-id": world.subnet.id,
            "vpc-id": world.vpc.id,
            "security-group-ids": described["Groups"][0]["GroupId"],
            "local-ipv4s": "\n".join(await world.addresses(eni)),
            "ipv4-prefix": "\n".join(each["Ipv4Prefix"] for each in described["Ipv4Prefixes"]),
            "subnet-ipv4-cidr-block": "10.0.1.0/24",
            "vpc-ipv4-cidr-block": "10.0.0.0/16",
            "vpc-ipv4-cidr-blocks": "10.0.0.0/16\n100.64.0.0/16",
        }
        assert await self.read(node, *(f"{folder}/{name}" for name in expected)) == list(expected.values())
        (macs,) = await self.read(node, "network/interfaces/macs/")
        assert macs is not None
        assert set(macs.split()) == {f"{world.primary(instance).mac}/", f"{described['MacAddress']}/"}

    async def test_what_an_interface_has_not_is_not_there(self, world: Ec2World, node: NodeNetwork) -> None:
        folder = f"network/interfaces/macs/{node.instance().mac}"
        assert await self.read(node, f"{folder}/ipv4-prefix", f"{folder}/network-card") == [None, None]
        several = NodeNetwork(world.ec2, world.launch("p4d.24xlarge").id)
        folder = f"network/interfaces/macs/{several.instance().mac}"
        assert await self.read(several, f"{folder}/network-card") == ["0"]

    async def test_it_lags_behind(self, world: Ec2World, node: NodeNetwork) -> None:
        (instance,) = world.ec2.account.instances.values()
        eni = await world.create()
        world.clock.pass_by(100)
        node.lag_seconds = 60
        await world.attach(eni, instance)
        mac = (await world.describe(eni))["MacAddress"]
        path = f"network/interfaces/macs/{mac}/local-ipv4s"
        assert await self.read(node, path) == [None]
        world.clock.pass_by(60)
        assert await self.read(node, path) == ["\n".join(await world.addresses(eni))]
        (address,) = await world.assign(eni, 1)
        world.clock.pass_by(59)
        (told,) = await self.read(node, path)
        assert address not in str(told)
        world.clock.pass_by(1)
        (told,) = await self.read(node, path)
        assert address in str(told)

    async def test_an_interface_that_detaches_goes_with_it(self, world: Ec2World, node: NodeNetwork) -> None:
        (instance,) = world.ec2.account.instances.values()
        eni = await world.create()
        attachment = await world.attach(eni, instance)
        mac = (await world.describe(eni))["MacAddress"]
        assert await self.read(node, f"network/interfaces/macs/{mac}/interface-id") == [eni]
        await world.call("detach_network_interface", AttachmentId=attachment)
        assert await self.read(node, f"network/interfaces/macs/{mac}/") == [None]

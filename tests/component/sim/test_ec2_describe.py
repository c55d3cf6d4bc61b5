"""What the simulated EC2 shows, through real boto3: filters, pages, and a view that lags behind."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.ec2 import Ec2World, ec2_world

CLUSTER = {"Key": "cluster.k8s.amazonaws.com/name", "Value": "prod"}


@pytest.fixture
async def world() -> AsyncIterator[Ec2World]:
    async with ec2_world() as running:
        yield running


def tagged(*tags: dict[str, str]) -> list[dict[str, Any]]:
    return [{"ResourceType": "network-interface", "Tags": list(tags)}]


class TestFilters:
    @pytest.fixture
    async def eni(self, world: Ec2World) -> str:
        """One interface beside a plain one and the primary one of an instance."""
        await world.create()
        eni = await world.create(
            Description="aws-K8S-i-1", SecondaryPrivateIpAddressCount=2, TagSpecifications=tagged(CLUSTER)
        )
        await world.attach(eni, world.launch(), 2)
        return eni

    @pytest.mark.parametrize(
        "filters",
        [
            {"attachment__device_index": "2"},
            {"attachment__status": "attached", "attachment__device_index": "2"},
            {"attachment__delete_on_termination": "false"},
            {"description": "aws-K8S-*"},
            {"description": "aws-K8S-i-?"},
            {"tag_key": "cluster.k8s.amazonaws.com/name"},
            {"tag_key": "cluster.*"},
            {"status": "in-use", "tag_key": "*"},
            {"addresses__private_ip_address": "10.0.1.7"},
            {"private_ip_address": "10.0.1.5"},
        ],
    )
    async def test_each_finds_what_it_names(self, world: Ec2World, eni: str, filters: dict[str, str]) -> None:
        assert await world.found(**filters) == [eni]

    @pytest.mark.parametrize(
        "filters",
        [
            {"attachment__status": "attaching"},
            {"description": "aws-K8S-"},
            {"description": "aws-K8S-\\*"},
            {"private_ip_address": "10.0.1.7"},
            {"status": "available", "tag_key": "*"},
            {"vpc_id": "vpc-1"},
        ],
    )
    async def test_what_does_not_fit_is_not_found(
        self, world: Ec2World, eni: str, filters: dict[str, str]
    ) -> None:
        assert await world.found(**filters) == []

    async def test_by_what_the_interface_says_of_itself(self, world: Ec2World, eni: str) -> None:
        described = await world.describe(eni)
        instance = described["Attachment"]["InstanceId"]
        ours = {"attachment__instance_id": instance, "tag_key": "cluster*"}
        assert await world.found(mac_address=described["MacAddress"]) == [eni]
        assert await world.found(attachment__attachment_id=described["Attachment"]["AttachmentId"]) == [eni]
        assert await world.found(**ours) == [eni]
        assert len(await world.found(subnet_id=world.subnet.id, vpc_id=world.vpc.id)) == 3
        assert len(await world.found(group_id=described["Groups"][0]["GroupId"])) == 3
        assert len(await world.found(availability_zone="eu-central-1a")) == 3

    async def test_by_the_value_of_a_tag(self, world: Ec2World, eni: str) -> None:
        filters = [{"Name": f"tag:{CLUSTER['Key']}", "Values": ["dev", "prod"]}]
        reply = await world.call("describe_network_interfaces", Filters=filters)
        assert [each["NetworkInterfaceId"] for each in reply["NetworkInterfaces"]] == [eni]
        filters[0]["Values"] = ["dev"]
        assert (await world.call("describe_network_interfaces", Filters=filters))["NetworkInterfaces"] == []

    async def test_one_that_is_not_there_is_refused(self, world: Ec2World) -> None:
        refused = await world.refusal(
            "describe_network_interfaces", Filters=[{"Name": "colour", "Values": ["red"]}]
        )
        assert refused == ("InvalidParameterValue", "The filter 'colour' is invalid")

    @pytest.mark.parametrize("id_", ["eni-xyz", "vpc-0123", "x"])
    async def test_an_id_of_a_wrong_form_is_refused(self, world: Ec2World, id_: str) -> None:
        code, _ = await world.refusal("describe_network_interfaces", NetworkInterfaceIds=[id_])
        assert code == "InvalidNetworkInterfaceId.Malformed"


class TestPages:
    async def test_a_listing_comes_in_pages(self, world: Ec2World) -> None:
        made = {await world.create() for _ in range(12)}
        sizes: list[int] = []
        found: set[str] = set()
        token: dict[str, str] = {}
        while True:
            reply = await world.call("describe_network_interfaces", MaxResults=5, **token)
            sizes.append(len(reply["NetworkInterfaces"]))
            found |= {each["NetworkInterfaceId"] for each in reply["NetworkInterfaces"]}
            if "NextToken" not in reply:
                break
            token = {"NextToken": reply["NextToken"]}
        assert (sizes, found) == ([5, 5, 2], made)

    @pytest.mark.parametrize("most", [4, 1001, -1])
    async def test_a_page_has_five_to_a_thousand(self, world: Ec2World, most: int) -> None:
        code, _ = await world.refusal("describe_network_interfaces", MaxResults=most)
        assert code == "InvalidParameterValue"

    async def test_who_names_ids_asks_for_no_pages(self, world: Ec2World) -> None:
        ids = [await world.create()]
        code, _ = await world.refusal("describe_network_interfaces", MaxResults=5, NetworkInterfaceIds=ids)
        assert code == "InvalidParameterCombination"

    async def test_a_token_that_nobody_gave_is_refused(self, world: Ec2World) -> None:
        code, _ = await world.refusal("describe_network_interfaces", NextToken="é")
        assert code == "InvalidNextToken"

    async def test_types_come_in_pages_of_a_hundred(self, world: Ec2World) -> None:
        reply = await world.call("describe_instance_types")
        assert (len(reply["InstanceTypes"]), "NextToken" in reply) == (100, True)


class TestLag:
    """Copies of the truth: what was done a moment ago may not be seen yet."""

    async def test_what_was_just_made_is_not_there_yet(self, world: Ec2World) -> None:
        world.ec2.knobs.describe_lag_seconds = 2
        eni = await world.create()
        refused = await world.refusal("describe_network_interfaces", NetworkInterfaceIds=[eni])
        assert refused[0] == "InvalidNetworkInterfaceID.NotFound"
        assert await world.found(subnet_id=world.subnet.id) == []
        world.clock.pass_by(2)
        assert await world.found(subnet_id=world.subnet.id) == [eni]

    async def test_what_was_just_changed_looks_as_before(self, world: Ec2World) -> None:
        eni, instance = await world.create(), world.launch()
        world.clock.pass_by(60)
        world.ec2.knobs.describe_lag_seconds = 30
        await world.attach(eni, instance)
        await world.assign(eni, 1)
        described = await world.describe(eni)
        assert (described["Status"], len(described["PrivateIpAddresses"])) == ("available", 1)
        reply = await world.call("describe_instances", InstanceIds=[instance.id])
        assert len(reply["Reservations"][0]["Instances"][0]["NetworkInterfaces"]) == 1
        world.clock.pass_by(30)
        assert len(await world.addresses(eni)) == 2

    async def test_what_was_just_deleted_is_still_shown(self, world: Ec2World) -> None:
        eni = await world.create()
        world.clock.pass_by(5)
        world.ec2.knobs.describe_lag_seconds = 3
        await world.call("delete_network_interface", NetworkInterfaceId=eni)
        assert await world.found() == [eni]
        world.clock.pass_by(3)
        assert await world.found() == []

    async def test_what_acts_is_not_late(self, world: Ec2World) -> None:
        world.ec2.knobs.describe_lag_seconds = 60
        eni = await world.create()
        await world.attach(eni, world.launch())
        assert len(await world.assign(eni, 2)) == 2


class TestNetwork:
    async def test_a_vpc_has_all_its_blocks(self, world: Ec2World) -> None:
        world.ec2.network.associate_cidr(world.vpc.id, "100.64.0.0/16")
        (vpc,) = (await world.call("describe_vpcs", VpcIds=[world.vpc.id]))["Vpcs"]
        blocks = [
            (each["CidrBlock"], each["CidrBlockState"]["State"]) for each in vpc["CidrBlockAssociationSet"]
        ]
        assert vpc["CidrBlock"] == "10.0.0.0/16"
        assert blocks == [("10.0.0.0/16", "associated"), ("100.64.0.0/16", "associated")]

    async def test_routes_name_their_targets(self, world: Ec2World) -> None:
        network = world.ec2.network
        targets = {
            "0.0.0.0/0": ("igw-1", "GatewayId"),
            "172.16.0.0/12": ("pcx-1", "VpcPeeringConnectionId"),
            "192.168.0.0/16": ("tgw-1", "TransitGatewayId"),
            "198.51.100.0/24": ("vgw-1", "GatewayId"),
            "203.0.113.0/24": ("nat-1", "NatGatewayId"),
        }
        routes = {destination: target for destination, (target, _) in targets.items()}
        table = network.create_route_table(world.vpc.id, subnets=[world.subnet.id], routes=routes)
        (described,) = await self.tables(world, "association.subnet-id", world.subnet.id)
        assert described["RouteTableId"] == table.id
        found = {route["DestinationCidrBlock"]: route for route in described["Routes"]}
        assert found.pop("10.0.0.0/16")["GatewayId"] == "local"
        assert {cidr: route[targets[cidr][1]] for cidr, route in found.items()} == routes

    async def test_a_subnet_without_a_table_uses_the_main_one(self, world: Ec2World) -> None:
        assert await self.tables(world, "association.subnet-id", world.subnet.id) == []
        (main,) = await self.tables(world, "association.main", "true")
        assert main["RouteTableId"] == world.ec2.network.main_route_table(world.vpc.id).id
        assert [each["Main"] for each in main["Associations"]] == [True]

    async def test_a_route_changes(self, world: Ec2World) -> None:
        main = world.ec2.network.main_route_table(world.vpc.id)
        for target, expected in (("igw-1", ["local", "igw-1"]), ("", ["local"])):
            world.ec2.network.set_route(main.id, "0.0.0.0/0", target)
            (described,) = await self.tables(world, "association.main", "true")
            assert [route["GatewayId"] for route in described["Routes"]] == expected

    async def tables(self, world: Ec2World, name: str, value: str) -> list[Any]:
        filters = [{"Name": name, "Values": [value]}]
        return list((await world.call("describe_route_tables", Filters=filters))["RouteTables"])

    async def test_security_groups_have_names(self, world: Ec2World) -> None:
        group = world.ec2.network.create_security_group(world.vpc.id, "pods")
        filters = [{"Name": "vpc-id", "Values": [world.vpc.id]}]
        reply = await world.call("describe_security_groups", Filters=filters)
        assert {each["GroupName"] for each in reply["SecurityGroups"]} == {"default", "pods"}
        eni = await world.create()
        await world.call("modify_network_interface_attribute", NetworkInterfaceId=eni, Groups=[group.id])
        assert (await world.describe(eni))["Groups"] == [{"GroupId": group.id, "GroupName": "pods"}]

    async def test_a_subnet_tells_its_ipv6_block(self, world: Ec2World) -> None:
        network = world.ec2.network
        vpc = network.create_vpc("10.9.0.0/16", ipv6_cidr="2001:db8::/56")
        subnet = network.create_subnet(vpc.id, "10.9.1.0/24", ipv6_cidr="2001:db8:0:1::/64")
        filters = [{"Name": "ipv6-cidr-block-association.state", "Values": ["associated"]}]
        (told,) = (await world.call("describe_subnets", Filters=filters))["Subnets"]
        (block,) = told["Ipv6CidrBlockAssociationSet"]
        assert (told["SubnetId"], block["Ipv6CidrBlock"]) == (subnet.id, "2001:db8:0:1::/64")
        assert block["Ipv6CidrBlockState"] == {"State": "associated"}
        (found,) = (await world.call("describe_vpcs", VpcIds=[vpc.id]))["Vpcs"]
        assert found["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"] == "2001:db8::/56"

    async def test_zones_are_chosen_by_filters(self, world: Ec2World) -> None:
        world.ec2.network.create_subnet(world.vpc.id, "10.0.2.0/24", zone="eu-central-1b")
        filters = [{"Name": "zone-name", "Values": ["*b"]}]
        reply = await world.call("describe_availability_zones", Filters=filters)
        assert [each["ZoneName"] for each in reply["AvailabilityZones"]] == ["eu-central-1b"]

    async def test_an_instance_is_found_by_any_of_its_addresses(self, world: Ec2World) -> None:
        instance = world.launch()
        (address,) = await world.assign(world.primary(instance).id, 1)
        for name, found in (
            ("private-ip-address", 0),
            ("network-interface.addresses.private-ip-address", 1),
        ):
            filters = [{"Name": name, "Values": [address]}]
            assert len((await world.call("describe_instances", Filters=filters))["Reservations"]) == found

    async def test_subnets_are_found_by_their_tags(self, world: Ec2World) -> None:
        tags = {"kubernetes.io/role/cni": "1"}
        subnet = world.ec2.network.create_subnet(world.vpc.id, "10.0.9.0/24", tags=tags)
        filters = [{"Name": "tag:kubernetes.io/role/cni", "Values": ["1"]}]
        reply = await world.call("describe_subnets", Filters=filters)
        assert [each["SubnetId"] for each in reply["Subnets"]] == [subnet.id]


class TestTypes:
    async def test_they_tell_their_limits(self, world: Ec2World) -> None:
        reply = await world.call("describe_instance_types", InstanceTypes=["m5.large", "p4d.24xlarge"])
        about = {each["InstanceType"]: each for each in reply["InstanceTypes"]}
        large = about["m5.large"]
        assert (large["Hypervisor"], large["BareMetal"]) == ("nitro", False)
        assert large["NetworkInfo"]["Ipv4AddressesPerInterface"] == 10
        assert large["NetworkInfo"]["MaximumNetworkInterfaces"] == 3
        cards = about["p4d.24xlarge"]["NetworkInfo"]["NetworkCards"]
        assert [card["MaximumNetworkInterfaces"] for card in cards] == [15, 15, 15, 15]

    async def test_an_unknown_one_is_refused(self, world: Ec2World) -> None:
        code, message = await world.refusal("describe_instance_types", InstanceTypes=["m5.tiny"])
        assert (code, "[m5.tiny]" in message) == ("InvalidInstanceType", True)


class TestTags:
    async def test_they_come_and_go(self, world: Ec2World) -> None:
        eni, instance = await world.create(), world.launch()
        await world.call(
            "create_tags", Resources=[eni, instance.id], Tags=[CLUSTER, {"Key": "a", "Value": ""}]
        )
        assert {tag["Key"] for tag in (await world.describe(eni))["TagSet"]} == {CLUSTER["Key"], "a"}
        await world.call("delete_tags", Resources=[eni], Tags=[{"Key": "a"}])
        assert (await world.describe(eni))["TagSet"] == [CLUSTER]
        filters = [{"Name": "resource-type", "Values": ["network-interface"]}]
        reply = await world.call("describe_tags", Filters=filters)
        assert reply["Tags"] == [{**CLUSTER, "ResourceId": eni, "ResourceType": "network-interface"}]

    async def test_a_tag_is_removed_by_its_value_when_one_is_given(self, world: Ec2World) -> None:
        eni = await world.create(TagSpecifications=tagged(CLUSTER))
        await world.call("delete_tags", Resources=[eni], Tags=[{**CLUSTER, "Value": "dev"}])
        assert (await world.describe(eni))["TagSet"] == [CLUSTER]

    async def test_what_cannot_be_a_tag_is_refused(self, world: Ec2World) -> None:
        eni = await world.create()
        many = [{"Key": str(number), "Value": ""} for number in range(51)]
        refused = await world.refusal("create_tags", Resources=[eni], Tags=many)
        assert refused[0] == "TagLimitExceeded"
        wrong = {"Resources": [eni], "Tags": [{"Key": "aws:x", "Value": ""}]}
        assert (await world.refusal("create_tags", **wrong))[0] == "InvalidParameterValue"
        missing = {"Resources": [eni, "eni-00000000000000000"], "Tags": [CLUSTER]}
        assert (await world.refusal("create_tags", **missing))[0] == "InvalidNetworkInterfaceID.NotFound"
        assert (await world.refusal("create_tags", Resources=["x-1"], Tags=[CLUSTER]))[0] == "InvalidID"
        assert (await world.describe(eni))["TagSet"] == []

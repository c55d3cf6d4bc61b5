"""What EC2 answers, as our values: what no simulator has, by examples in the form of the API."""

from ipaddress import IPv4Network
from typing import Any

import pytest

from addons.cni.aws.calls import OPERATIONS
from addons.cni.aws.described import eni_from_api, vpc_cidrs_from_api
from addons.cni.aws.vpc import _routes
from addons.cni.model.enis import Eni

SUBNET = IPv4Network("10.0.0.0/24")


def interface(**more: Any) -> Eni:
    """Read an interface at device index 1, with these fields besides."""
    item: dict[str, Any] = {
        "NetworkInterfaceId": "eni-1",
        "MacAddress": "02:00:00:00:00:0A",
        "SubnetId": "subnet-1",
        "Status": "in-use",
        "InterfaceType": "interface",
        "PrivateIpAddress": "10.0.0.4",
        "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.4", "Primary": True}],
        "Attachment": {
            "AttachmentId": "eni-attach-1",
            "DeviceIndex": 1,
            "NetworkCardIndex": 0,
            "DeleteOnTermination": True,
            "Status": "attached",
            "InstanceId": "i-1",
        },
    }
    return eni_from_api(item | more, SUBNET, manages_untagged=True)


class TestInterfaces:
    @pytest.mark.parametrize("kind", ["efa", "efa-only", "trunk", "branch", "natGateway", "lambda"])
    def test_special_types_are_none_of_our_business(self, kind: str) -> None:
        assert interface().is_managed
        assert not interface(InterfaceType=kind).is_managed

    def test_those_of_services_are_none_of_our_business(self) -> None:
        assert not interface(RequesterManaged=True).is_managed

    def test_a_mac_is_written_as_the_kernel_does(self) -> None:
        assert interface().mac == "02:00:00:00:00:0a"

    def test_a_time_that_cannot_be_read_is_none(self) -> None:
        tags = [{"Key": "node.k8s.amazonaws.com/createdAt", "Value": "yesterday"}]
        assert interface(TagSet=tags).created_at is None


class TestRoutes:
    @pytest.mark.parametrize(
        ("target", "kind"),
        [
            ({"GatewayId": "local"}, "local"),
            ({"GatewayId": "igw-1"}, "internet-gateway"),
            ({"GatewayId": "vgw-1"}, "vpn-gateway"),
            ({"GatewayId": "vpce-1"}, "endpoint"),
            ({"NatGatewayId": "nat-1"}, "nat-gateway"),
            ({"TransitGatewayId": "tgw-1"}, "transit-gateway"),
            ({"VpcPeeringConnectionId": "pcx-1"}, "peering"),
            ({"NetworkInterfaceId": "eni-1", "InstanceId": "i-1"}, "interface"),
            ({"CarrierGatewayId": "cagw-1"}, "internet-gateway"),
            ({"LocalGatewayId": "lgw-1"}, "other"),
            ({"CoreNetworkArn": "arn:aws:networkmanager::1:core-network/a"}, "other"),
        ],
    )
    def test_the_target_is_known_by_its_id(self, target: dict[str, str], kind: str) -> None:
        item = {"DestinationCidrBlock": "0.0.0.0/0", "State": "active"} | target
        (route,) = _routes({"Routes": [item]}, {})
        assert (route.target, route.target_id) == (kind, next(iter(target.values())))

    def test_one_whose_target_is_gone_is_a_blackhole(self) -> None:
        item = {"DestinationCidrBlock": "0.0.0.0/0", "State": "blackhole", "NatGatewayId": "nat-1"}
        (route,) = _routes({"Routes": [item]}, {})
        assert route.is_blackhole

    def test_one_of_a_prefix_list_without_networks_is_none(self) -> None:
        item = {"DestinationPrefixListId": "pl-1", "State": "active", "GatewayId": "vpce-1"}
        assert list(_routes({"Routes": [item]}, {"pl-1": ()})) == []


def test_a_block_that_is_being_taken_from_the_vpc_does_not_count() -> None:
    blocks = [
        {"CidrBlock": "10.0.0.0/16", "CidrBlockState": {"State": "associated"}},
        {"CidrBlock": "100.64.0.0/16", "CidrBlockState": {"State": "disassociating"}},
    ]
    item = {"CidrBlock": "10.0.0.0/16", "CidrBlockAssociationSet": blocks}
    assert vpc_cidrs_from_api(item) == (IPv4Network("10.0.0.0/16"),)


def test_the_operations_are_written_as_the_api_has_them() -> None:
    assert all(name[0].isupper() and "_" not in name for name in OPERATIONS["ec2"])

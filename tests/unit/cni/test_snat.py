"""Which networks see the pod's own address."""

from collections.abc import Sequence
from ipaddress import IPv4Network

import pytest

from addons.cni.model.routes import Route, RouteTarget
from addons.cni.plan.snat import SnatMode, exempt_networks

VPC = [IPv4Network("10.0.0.0/16")]
KINDS: dict[str, RouteTarget] = {
    "igw": "internet-gateway",
    "nat": "nat-gateway",
    "tgw": "transit-gateway",
    "pcx": "peering",
    "vgw": "vpn-gateway",
    "eni": "interface",
    "vpce": "endpoint",
    "cagw": "other",
    "local": "local",
}


def route(destination: str, target: str) -> Route:
    kind = KINDS[target.split("-")[0]]
    return Route(destination=IPv4Network(destination), target=kind, target_id=target)


def exempt(*tables: Sequence[Route], mode: SnatMode = "auto", excluded: Sequence[str] = ()) -> list[str]:
    rules = exempt_networks(mode, VPC, map(IPv4Network, excluded), tables or None)
    return [str(network) for network in rules.exempt]


LOCAL = route("10.0.0.0/16", "local")
PUBLIC = [LOCAL, route("0.0.0.0/0", "igw-1")]


class TestAuto:
    """Only what the route table sends to an internet gateway leaves with the node's address."""

    def test_a_public_subnet(self) -> None:
        assert exempt(PUBLIC) == ["10.0.0.0/16"]

    def test_behind_a_nat_gateway_nothing_is_translated_here(self) -> None:
        assert exempt([LOCAL, route("0.0.0.0/0", "nat-1")]) == ["0.0.0.0/0"]

    @pytest.mark.parametrize("gateway", ["tgw-1", "pcx-1", "vgw-1", "eni-1", "vpce-1"])
    def test_networks_behind_other_gateways_see_the_pod(self, gateway: str) -> None:
        assert exempt([*PUBLIC, route("172.16.0.0/12", gateway)]) == ["10.0.0.0/16", "172.16.0.0/12"]

    def test_a_carrier_knows_only_the_nodes_address(self) -> None:
        assert exempt([LOCAL, route("0.0.0.0/0", "cagw-1")]) == ["10.0.0.0/16"]

    def test_the_longest_match_counts(self) -> None:
        table = [
            LOCAL,
            route("0.0.0.0/0", "igw-1"),
            route("172.16.0.0/12", "tgw-1"),
            route("172.16.0.0/13", "igw-1"),
        ]
        assert exempt(table) == ["10.0.0.0/16", "172.24.0.0/13"]
        inner = route("172.16.0.0/14", "pcx-1")
        assert exempt([*table, inner]) == ["10.0.0.0/16", "172.16.0.0/14", "172.24.0.0/13"]

    def test_what_one_subnet_sends_to_the_internet_is_translated_for_all(self) -> None:
        peered = [*PUBLIC, route("172.16.0.0/12", "pcx-1")]
        half = [*PUBLIC, route("172.16.0.0/13", "pcx-1")]
        assert exempt(peered, PUBLIC) == ["10.0.0.0/16"]
        assert exempt(peered, half) == ["10.0.0.0/16", "172.16.0.0/13"]
        assert exempt(half, peered) == ["10.0.0.0/16", "172.16.0.0/13"]

    def test_the_vpc_and_what_is_excluded_see_the_pod_whatever_routes_say(self) -> None:
        table = [route("0.0.0.0/0", "igw-1"), route("10.0.0.0/8", "igw-1")]
        assert exempt(table, excluded=["192.0.2.0/24"]) == ["10.0.0.0/16", "192.0.2.0/24"]

    def test_networks_that_touch_are_one(self) -> None:
        table = [*PUBLIC, route("172.16.0.0/13", "tgw-1"), route("172.24.0.0/13", "pcx-1")]
        assert exempt(table) == ["10.0.0.0/16", "172.16.0.0/12"]

    def test_unreadable_routes_mean_always_and_that_is_said(self) -> None:
        rules = exempt_networks("auto", VPC)
        assert (rules.mode, rules.reason) == ("always", "RouteTablesUnreadable")
        assert [str(network) for network in rules.exempt] == ["10.0.0.0/16"]
        assert rules.because == "route tables cannot be read: all that leaves the VPC has the node's address"


class TestOtherModes:
    def test_always_is_all_that_leaves_the_vpc(self) -> None:
        peered = [*PUBLIC, route("172.16.0.0/12", "pcx-1")]
        assert exempt(peered, mode="always", excluded=["192.0.2.0/24"]) == ["10.0.0.0/16", "192.0.2.0/24"]

    def test_never_translates_nothing(self) -> None:
        assert exempt_networks("never", VPC).mode == "never"
        assert exempt(mode="never") == []

"""The network of the simulated EC2: what passes, what is dropped, and links that come and go."""

import json
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from addons.sim.aws.ec2.model import Change
from addons.sim.fabric.echo import Echo
from addons.sim.fabric.subnets import PRIVATE, PUBLIC, Subnet
from addons.sim.fabric.vpc import INTERNET, NAT_GATEWAY, PEERED, SERVICES, VpcFabric
from addons.sim.net import METADATA, Namespace
from tests.support.fabric import (
    PRIVATE_SUBNET,
    SUBNET,
    Site,
    configure,
    flow,
    interface,
    pings,
    seen_by,
    seen_datagram,
    site,
    with_addresses,
)
from tests.support.processes import output_of
from tests.support.until import until

ROUTER = str(SUBNET.router)


@pytest.fixture
def vpc() -> Iterator[Site]:
    with site() as made:
        yield made


def links(inside: Namespace) -> dict[str, str]:
    """The MAC of every link of a namespace."""
    shown = json.loads(output_of(*inside.command("ip", "-j", "link")))
    return {link["ifname"]: link["address"] for link in shown}


class TestInsideTheVpc:
    def test_nodes_reach_each_other_and_the_router(self, vpc: Site) -> None:
        assert pings(vpc.one.inside, "10.0.1.5")
        assert pings(vpc.one.inside, ROUTER)

    def test_jumbo_packets_pass(self, vpc: Site) -> None:
        assert pings(vpc.one.inside, "10.0.1.5", size=9001 - 20 - 1)

    def test_nodes_of_other_subnets_are_reached_over_the_router(self, vpc: Site) -> None:
        three = vpc.fabric.add_node("i-3")
        vpc.put(interface(3, "10.0.2.4", instance="i-3", subnet=PRIVATE_SUBNET))
        assert pings(three.inside, "10.0.1.4")

    async def test_a_secondary_address_is_reached_once_it_is_assigned(self, vpc: Site) -> None:
        vpc.one.inside.ip("addr add 10.0.1.30/32 dev lo")
        assert not pings(vpc.two.inside, "10.0.1.30")
        vpc.put(with_addresses(vpc.primary, "10.0.1.4", "10.0.1.30"))
        await until(lambda: pings(vpc.two.inside, "10.0.1.30"))

    def test_it_is_not_reached_any_more_once_it_is_unassigned(self, vpc: Site) -> None:
        vpc.one.inside.ip("addr add 10.0.1.30/32 dev lo")
        vpc.put(with_addresses(vpc.primary, "10.0.1.4", "10.0.1.30"))
        vpc.put(vpc.primary)
        assert not pings(vpc.two.inside, "10.0.1.30")

    def test_it_follows_to_the_interface_that_has_it_next(self, vpc: Site) -> None:
        vpc.put(with_addresses(vpc.primary, "10.0.1.4", "10.0.1.30"))
        vpc.put(vpc.primary)
        vpc.put(interface(2, "10.0.1.5", "10.0.1.30", instance="i-2"))
        vpc.two.inside.ip("addr add 10.0.1.30/32 dev lo")
        assert pings(vpc.one.inside, "10.0.1.30")

    def test_every_address_of_a_prefix_is_its_interface_s(self, vpc: Site) -> None:
        vpc.put(interface(1, "10.0.1.4", instance="i-1", prefix="10.0.1.64/28"))
        vpc.one.inside.ip("addr add 10.0.1.64/32 dev lo", "addr add 10.0.1.79/32 dev lo")
        assert pings(vpc.two.inside, "10.0.1.64")
        assert pings(vpc.two.inside, "10.0.1.79")

    def test_nobody_answers_for_an_address_by_arp_alone(self, vpc: Site) -> None:
        vpc.two.inside.ip("addr add 10.0.1.99/32 dev eth0")
        assert not pings(vpc.one.inside, "10.0.1.99")


class TestWhatIsDropped:
    def test_a_packet_from_an_address_that_the_interface_does_not_own(self, vpc: Site) -> None:
        vpc.one.inside.ip("addr add 10.0.1.99/32 dev lo")
        assert not pings(vpc.one.inside, "10.0.1.5", source="10.0.1.99")
        assert vpc.fabric.dropped()["strange_source"] >= 1

    async def test_a_packet_that_leaves_by_another_interface_than_its_address(self, vpc: Site) -> None:
        vpc.put(interface(3, "10.0.1.20", instance="i-1", index=1))
        vpc.one.inside.ip("link set eth1 up", "addr add 10.0.1.20/32 dev eth1")
        assert not pings(vpc.one.inside, "10.0.1.5", source="10.0.1.20")
        configure(vpc.one, "eth1", "10.0.1.20", table=2, router=ROUTER)
        await until(lambda: pings(vpc.one.inside, "10.0.1.5", source="10.0.1.20"))

    def test_a_packet_under_another_mac(self, vpc: Site) -> None:
        vpc.one.inside.ip("link set eth0 address 02:00:00:00:00:77")
        assert not pings(vpc.one.inside, ROUTER)

    def test_a_packet_to_an_interface_that_does_not_own_its_target(self, vpc: Site) -> None:
        vpc.two.inside.ip("addr add 10.0.1.99/32 dev lo")
        vpc.one.inside.ip("neigh add 10.0.1.99 lladdr 02:00:00:00:00:02 dev eth0")
        assert not pings(vpc.one.inside, "10.0.1.99")
        assert vpc.fabric.dropped()["strange_target"] >= 1


class TestLinks:
    def test_a_link_appears_down_under_the_mac_of_its_interface(self, vpc: Site) -> None:
        vpc.put(interface(3, "10.0.1.20", instance="i-1", index=1))
        assert links(vpc.one.inside)["eth1"] == "02:00:00:00:00:03"
        assert "state DOWN" in output_of(*vpc.one.inside.command("ip", "link", "show", "eth1"))

    def test_there_is_none_before_the_interface_is_attached_and_after_that(self, vpc: Site) -> None:
        made = vpc.put(interface(3, "10.0.1.20", instance="i-1", index=1))
        assert made.attachment
        for status in ("attaching", "detaching"):
            vpc.put(replace(made, attachment=replace(made.attachment, status=status)))
            assert "eth1" not in links(vpc.one.inside)

    def test_it_goes_with_the_interface_and_another_one_takes_its_place(self, vpc: Site) -> None:
        made = vpc.put(interface(3, "10.0.1.20", instance="i-1", index=1))
        vpc.delete(made.id)
        assert "eth1" not in links(vpc.one.inside)
        vpc.put(interface(4, "10.0.1.21", instance="i-1", index=1))
        assert links(vpc.one.inside)["eth1"] == "02:00:00:00:00:04"

    def test_links_may_have_the_names_of_other_systems(self) -> None:
        with VpcFabric([SUBNET], link_name=lambda index: f"ens{5 + index}") as fabric:
            node = fabric.add_node("i-1")
            for index in (0, 1):
                made = interface(index + 1, f"10.0.1.{index + 4}", instance="i-1", index=index)
                fabric.change(Change(None, made))
            assert set(links(node.inside)) == {"lo", "ens5", "ens6"}
            assert pings(node.inside, ROUTER)

    def test_a_node_that_comes_late_finds_what_is_attached_to_it(self, vpc: Site) -> None:
        vpc.put(interface(3, "10.0.1.20", instance="i-3"))
        assert pings(vpc.fabric.add_node("i-3").inside, "10.0.1.4")


class TestBeyond:
    async def test_the_internet_sees_the_public_address_of_the_primary_one(self, vpc: Site) -> None:
        assert await seen_by(vpc.one.inside, str(INTERNET)) == str(vpc.one.public)
        assert await seen_datagram(vpc.one.inside, str(INTERNET)) == str(vpc.one.public)

    async def test_no_other_address_leaves_by_the_internet_gateway(self, vpc: Site) -> None:
        vpc.one.inside.ip("addr add 10.0.1.30/32 dev lo")
        vpc.put(with_addresses(vpc.primary, "10.0.1.4", "10.0.1.30"))
        assert await seen_by(vpc.one.inside, str(INTERNET), source="10.0.1.30") == ""
        assert vpc.fabric.dropped()["no_public_address"] >= 1
        assert vpc.fabric.internet.seen == []

    async def test_a_peered_network_sees_an_address_as_it_is(self, vpc: Site) -> None:
        vpc.one.inside.ip("addr add 10.0.1.30/32 dev lo")
        vpc.put(with_addresses(vpc.primary, "10.0.1.4", "10.0.1.30"))
        assert await seen_by(vpc.one.inside, str(PEERED), source="10.0.1.30") == "10.0.1.30"

    async def test_a_nat_gateway_takes_every_address_and_shows_its_own(self, vpc: Site) -> None:
        vpc.one.inside.ip("addr add 10.0.1.30/32 dev lo")
        vpc.put(with_addresses(vpc.primary, "10.0.1.4", "10.0.1.30"))
        vpc.fabric.router.add_subnet(replace(SUBNET, routes=PRIVATE))
        assert await seen_by(vpc.one.inside, str(INTERNET), source="10.0.1.30") == str(NAT_GATEWAY)

    async def test_a_flow_lasts_until_its_address_is_taken_away(self, vpc: Site) -> None:
        async with flow(vpc.one.inside, str(PEERED)) as connected:
            assert connected.seen == "10.0.1.4"
            vpc.put(with_addresses(vpc.primary, "10.0.1.4", "10.0.1.30"))
            assert await connected.beat()
            vpc.put(with_addresses(vpc.primary, "10.0.1.31"))
            assert not await connected.beat()

    async def test_without_a_route_nobody_leaves(self, vpc: Site) -> None:
        vpc.fabric.router.add_subnet(replace(SUBNET, routes=PUBLIC[1:]))
        assert await seen_by(vpc.one.inside, str(INTERNET)) == ""
        assert await seen_by(vpc.one.inside, str(PEERED)) == "10.0.1.4"

    async def test_the_internet_reaches_a_node_by_its_public_address(self, vpc: Site) -> None:
        with Echo(vpc.one.inside):
            assert await seen_by(vpc.fabric.outside, str(vpc.one.public), source=str(INTERNET)) == str(
                INTERNET
            )

    async def test_a_joined_network_is_reached_and_reaches_back(self, vpc: Site) -> None:
        other = Namespace(f"{vpc.fabric.router.inside.name}-other")
        other.make()
        try:
            vpc.fabric.router.join(other, near=IPv4Address("100.65.0.1"), far=IPv4Address("100.65.0.2"))
            with Echo(other):
                assert await seen_by(vpc.one.inside, "100.65.0.2") == "10.0.1.4"
            assert pings(other, "10.0.1.4")
            vpc.fabric.router.add_subnet(Subnet("subnet-late", IPv4Network("10.0.9.0/24")))
            assert pings(other, "10.0.9.1")
        finally:
            other.remove()

    async def test_what_listens_on_the_router_is_reached_by_nodes(self, vpc: Site) -> None:
        with Echo(vpc.fabric.router.inside, str(SERVICES)):
            assert await seen_by(vpc.one.inside, str(SERVICES)) == "10.0.1.4"

    async def test_every_node_has_a_metadata_address_of_its_own(self, vpc: Site) -> None:
        with Echo(vpc.one.inside, METADATA) as of_one, Echo(vpc.two.inside, METADATA) as of_two:
            assert await seen_by(vpc.one.inside, METADATA)
            assert (len(of_one.seen), len(of_two.seen)) == (1, 0)

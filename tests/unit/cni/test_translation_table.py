"""Which connections are marked and translated, as rules in the language of nft."""

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from msgspec.structs import replace

from addons.cni.net.table import Translation, wanted_table
from addons.netlink.table import Chain

VPC, PEER = IPv4Network("10.0.0.0/16"), IPv4Network("172.31.0.0/16")
TRANSLATION = Translation(primary_link="eth0", primary_ip=IPv4Address("10.0.1.4"), exempt=(VPC,))


def chains(**other: Any) -> dict[str, Chain]:
    table = wanted_table(replace(TRANSLATION, **other))
    return {chain.name: chain for chain in table.chains} if table else {}


def rules(chain: str, **other: Any) -> list[str]:
    return [rule.text for rule in chains(**other)[chain].rules]


class TestMarks:
    def test_connections_to_a_node_port_are_marked_and_all_their_packets(self) -> None:
        assert rules("mark") == [
            'iifname "eth0" meta nfproto ipv4 fib daddr type local ct mark set ct mark | 0x00000080',
            "ct mark & 0x00000080 == 0x00000080 meta mark set meta mark | 0x00000080",
        ]

    def test_without_node_ports_only_what_is_translated(self) -> None:
        assert len(rules("mark", has_node_ports=False)) == 1

    def test_the_mark_is_the_one_that_was_set(self) -> None:
        assert "0x00000100" in rules("mark", mark=0x100)[0]

    def test_a_pod_s_connection_is_marked_where_it_is_not_exempt(self) -> None:
        assert rules("leave") == [
            "ip daddr 10.0.0.0/16 accept",
            'iifname != "eni*" accept',
            "fib daddr type local accept",
            "meta nfproto ipv4 ct mark set ct mark | 0x00000080 meta mark set meta mark | 0x00000080",
        ]


class TestTranslation:
    def test_what_is_exempt_keeps_the_pod_s_address(self) -> None:
        assert rules("translate", exempt=(VPC, PEER)) == [
            "ip daddr 10.0.0.0/16 accept",
            "ip daddr 172.31.0.0/16 accept",
            "meta nfproto ipv4 ct mark & 0x00000080 == 0x00000080 "
            'oifname != "eni*" counter snat ip to 10.0.1.4 fully-random',
        ]

    def test_networks_within_others_need_no_rule(self) -> None:
        exempt = (VPC, IPv4Network("10.0.8.0/24"), IPv4Network("10.1.0.0/16"))
        assert rules("translate", exempt=exempt)[:-1] == ["ip daddr 10.0.0.0/15 accept"]

    @pytest.mark.parametrize(
        ("ports", "end"),
        [("prng", "10.0.1.4 fully-random"), ("hashrandom", "10.0.1.4 random"), ("none", "10.0.1.4")],
    )
    def test_ports_are_chosen_as_it_was_set(self, ports: str, end: str) -> None:
        assert rules("translate", ports=ports)[-1].endswith(f"snat ip to {end}")

    def test_pods_links_are_known_by_their_prefix(self) -> None:
        assert 'oifname != "cali*"' in rules("translate", pod_links="cali")[-1]

    def test_where_nothing_is_translated_connections_to_node_ports_are_marked_alone(self) -> None:
        assert list(chains(exempt=None)) == ["mark"]

    def test_where_there_is_nothing_to_do_there_is_no_table(self) -> None:
        assert chains(exempt=None, has_node_ports=False) == {}

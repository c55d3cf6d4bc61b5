"""The table of what types of instances can hold, and how EC2's answer about others is read."""

from typing import Any

import pytest

from addons.instance_types.network import TypeNetwork, network_from_api
from addons.instance_types.table import PATH, find, line_to_network
from docs.generate_instance_types import moto_types, table

TYPES = {item["InstanceType"]: item for item in moto_types()}


class TestTable:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("t3.small", TypeNetwork("t3.small", 3, 4)),
            ("m5.large", TypeNetwork("m5.large", 3, 10)),
            ("m5.metal", TypeNetwork("m5.metal", 15, 50, "metal")),
            ("t2.micro", TypeNetwork("t2.micro", 2, 2, "xen")),
            ("p3.2xlarge", TypeNetwork("p3.2xlarge", 4, 15, "xen")),
            ("p4d.24xlarge", TypeNetwork("p4d.24xlarge", 15, 50, "nitro", 4)),
            ("i7ie.48xlarge", TypeNetwork("i7ie.48xlarge", 8, 50, "nitro", 2)),
            ("i7ie.metal-48xl", TypeNetwork("i7ie.metal-48xl", 8, 50, "metal", 2)),
            ("i8ge.48xlarge", TypeNetwork("i8ge.48xlarge", 12, 50, "nitro", 2)),
            ("i8ge.metal-48xl", TypeNetwork("i8ge.metal-48xl", 12, 50, "metal", 2)),
        ],
    )
    def test_types_are_known(self, name: str, expected: TypeNetwork) -> None:
        assert find(name) == expected

    @pytest.mark.parametrize("name", ["", "m5", "m5.larg", "z99.large", "m5.large 3"])
    def test_what_is_no_type_or_a_newer_one_is_not_found(self, name: str) -> None:
        assert find(name) is None

    def test_every_line_can_be_read_and_is_there_once(self) -> None:
        networks = [line_to_network(line) for line in PATH.read_text().splitlines()]
        assert len({network.name for network in networks}) == len(networks) > 1390

    def test_it_is_what_the_script_writes(self) -> None:
        assert PATH.read_text() == table(TYPES.values())

    def test_prefixes_need_the_newer_hypervisor_or_none(self) -> None:
        able = {
            name: network.has_prefixes
            for name in ("t2.micro", "m5.large", "m5.metal")
            if (network := find(name))
        }
        assert able == {"t2.micro": False, "m5.large": True, "m5.metal": True}


class TestAnswer:
    """DescribeInstanceTypes counts the interfaces of all cards; one node uses those of the default card."""

    def answer(self, **network: Any) -> dict[str, Any]:
        known = {"MaximumNetworkInterfaces": 60, "Ipv4AddressesPerInterface": 50}
        return {"InstanceType": "z9.large", "Hypervisor": "nitro", "NetworkInfo": known | network}

    def test_the_default_card_counts(self) -> None:
        cards = [
            {"NetworkCardIndex": 0, "MaximumNetworkInterfaces": 2},
            {"NetworkCardIndex": 1, "MaximumNetworkInterfaces": 15},
        ]
        assert network_from_api(self.answer(NetworkCards=cards)).enis == 2
        assert network_from_api(self.answer(NetworkCards=cards, DefaultNetworkCardIndex=1)).enis == 15
        assert network_from_api(self.answer(NetworkCards=cards)).cards == 2

    def test_without_cards_the_type_has_one(self) -> None:
        assert network_from_api(self.answer()) == TypeNetwork("z9.large", 60, 50, "nitro", 1)

    def test_what_says_nothing_is_refused_by_name(self) -> None:
        with pytest.raises(ValueError, match=r"type z9\.large: EC2 does not say"):
            network_from_api({"InstanceType": "z9.large"})

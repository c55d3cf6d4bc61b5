"""Names, aliases and hardware addresses of pods' links."""

from ipaddress import IPv4Address

import pytest

from addons.cni.model.assignments import PodId, SandboxKey
from addons.cni.net.wiring import Wiring, alias_of, owner_of, veth_name

KEY = SandboxKey("aws-cni", "c0ffee", "eth0")
WEB = PodId("default", "web", "uid-1")


def test_the_host_s_end_is_named_as_by_the_original() -> None:
    """printf default.web | sha1sum | cut -c-11"""
    assert veth_name("eni", WEB) == "eni68caf03a5f4"


def test_a_further_interface_of_the_pod_has_another_name() -> None:
    assert len({veth_name("eni", WEB, name) for name in ("eth0", "eth1", "net1")}) == 3


@pytest.mark.parametrize("prefix", ["e", "eni", "cali"])
def test_names_fit_into_the_kernel(prefix: str) -> None:
    assert len(veth_name(prefix, WEB)) == len(prefix) + 11 <= 15


def test_an_alias_says_whose_link_it_is() -> None:
    assert owner_of(alias_of(KEY)) == ("c0ffee", "eth0")


@pytest.mark.parametrize("alias", ["", "uplink", "aws-addons-cni", "aws-addons-cni c0ffee"])
def test_other_aliases_are_not_ours(alias: str) -> None:
    assert owner_of(alias) is None


def test_hardware_addresses_are_local_ones_of_single_hosts_and_those_of_a_pair_differ() -> None:
    wiring = Wiring(key=KEY, netns="/run/netns/x", host_if="eni1", ip=IPv4Address("10.0.1.60"))
    assert wiring.pod_mac != wiring.host_mac
    for mac in (wiring.pod_mac, wiring.host_mac):
        assert mac[0] & 0b11 == 0b10
        assert mac[2:] == wiring.ip.packed

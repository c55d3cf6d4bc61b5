"""The table of the redirect as data: which chains and rules there are, and the octets the kernel is given."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.iamproxy.net import expressions as say
from addons.iamproxy.net.attributes import Attributes, decode, encode, entries, holds, number, text
from addons.iamproxy.net.table import Chain, ControlGroups, RedirectSettings, wanted_chains, write

V4, V6 = RedirectSettings().metadata


def chains(groups: ControlGroups | None = None, **settings: object) -> dict[str, Chain]:
    made = RedirectSettings(**settings)  # type: ignore[arg-type]
    return {chain.name: chain for chain in wanted_chains(made, groups)}


def rules(chain: str, groups: ControlGroups | None = None, **settings: object) -> list[str]:
    return [rule.text for rule in chains(groups, **settings)[chain].rules]


class TestChains:
    def test_both_metadata_addresses_are_closed_for_whatever_is_forwarded(self) -> None:
        assert rules("forward") == [f"ip daddr {V4} counter drop", f"ip6 daddr {V6} counter drop"]

    def test_what_narrows_the_redirect_does_not_narrow_what_is_closed(self) -> None:
        for chain in ("forward", "antispoof", "input"):
            assert rules(chain, interfaces=("cali+",)) == rules(chain)

    def test_everybody_is_redirected_unless_it_is_said_who(self) -> None:
        assert rules("intercept") == [
            f"ip daddr {V4} tcp dport 80 counter dnat ip to 169.254.170.10:8181",
            f"ip6 daddr {V6} tcp dport 80 counter dnat ip6 to [fd6a:9b1e:47c3::10]:8181",
        ]

    def test_each_interface_is_redirected_for_both_families(self) -> None:
        found = rules("intercept", interfaces=("eni+", "!eth0"))
        assert [rule.partition(" daddr")[0] for rule in found] == [
            'iifname "eni*" ip',
            'iifname != "eth0" ip',
            'iifname "eni*" ip6',
            'iifname != "eth0" ip6',
        ]

    def test_the_redirect_comes_before_that_of_kube_proxy(self) -> None:
        assert chains()["intercept"].priority.value < -100

    def test_no_family_is_redirected_to_an_address_of_the_other(self) -> None:
        assert len(rules("intercept", listener=(ip_address("169.254.170.10"),))) == 1
        assert len(rules("forward", listener=(ip_address("169.254.170.10"),))) == 2

    def test_the_admin_port_opens_for_the_named_networks_only(self) -> None:
        found = rules("input", admin_networks=(ip_network("10.2.0.0/16"),))
        assert "ip saddr 10.2.0.0/16 tcp dport 8182 accept" in found
        assert found[-1] == "tcp dport 8182 counter reject with tcp reset"


class TestPodsInTheNetworkOfTheNode:
    GROUPS = ControlGroups((("kubepods.slice", 7),), ("kubepods.slice/pod1/c1", 9))

    def test_without_control_groups_nothing_is_said_of_them(self) -> None:
        assert rules("output") == []

    def test_our_own_group_passes_before_the_pods_are_stopped(self) -> None:
        assert rules("output", self.GROUPS) == [
            'socket cgroupv2 level 3 "kubepods.slice/pod1/c1" accept',
            f'ip daddr {V4} socket cgroupv2 level 1 "kubepods.slice" counter drop',
            f'ip6 daddr {V6} socket cgroupv2 level 1 "kubepods.slice" counter drop',
        ]


class TestText:
    def test_a_table_is_written_as_nft_lists_it(self) -> None:
        text = write(wanted_chains(RedirectSettings(), None))
        assert text.startswith("table inet aws-addons-iamproxy {\n\tchain antispoof {\n")
        assert "\t\ttype nat hook prerouting priority dstnat - 10; policy accept;\n" in text
        assert text.endswith("\t}\n}\n")


class TestExpressions:
    @pytest.mark.parametrize(
        ("pattern", "compared"),
        [("eni+", b"eni"), ("!eth0", b"eth0" + bytes(12)), ("cni0", b"cni0" + bytes(12)), ("+", b"")],
    )
    def test_an_interface_is_compared_in_full_or_by_its_beginning(
        self, pattern: str, compared: bytes
    ) -> None:
        comparison = dict(say.incoming(pattern).expressions[-1].attributes)
        assert comparison[3] == ((1, compared),)

    def test_a_network_is_compared_under_its_mask(self) -> None:
        *_, mask, comparison = say.source(ip_network("10.4.0.0/14")).expressions
        assert dict(mask.attributes)[4] == ((1, bytes([255, 252, 0, 0])),)
        assert dict(comparison.attributes)[3] == ((1, bytes([10, 4, 0, 0])),)

    def test_a_verdict_is_a_number_in_network_order(self) -> None:
        (expression,) = say.accept().expressions
        assert encode(expression.attributes)[-4:] == bytes([0, 0, 0, 1])


trees: st.SearchStrategy[Attributes] = st.recursive(
    st.binary(max_size=9),
    lambda values: st.lists(st.tuples(st.integers(1, 40), values), max_size=4, unique_by=lambda p: p[0]).map(
        tuple
    ),
    max_leaves=12,
).filter(lambda value: isinstance(value, tuple))  # type: ignore[assignment]


class TestAttributes:
    @given(trees)
    def test_what_is_encoded_is_found_again(self, tree: Attributes) -> None:
        assert holds(tree, encode(tree))
        assert list(decode(encode(tree))) == [number for number, _ in tree]

    @given(trees, st.integers(41, 60), st.binary(max_size=5))
    def test_attributes_that_the_kernel_adds_do_not_disturb(
        self, tree: Attributes, number: int, value: bytes
    ) -> None:
        assert holds(tree, encode(((number, value), *tree)))
        assert not holds(((number, value), *tree), encode(tree))

    def test_another_value_is_another(self) -> None:
        nested: Attributes = ((3, ((1, b"x"),)),)
        assert not holds(nested, encode(((3, ((1, b"y"),)),)))

    @given(st.binary(max_size=64))
    def test_whatever_arrives_is_read_without_failing(self, octets: bytes) -> None:
        assert all(isinstance(value, bytes) for _, value in entries(octets))

    def test_names_end_with_zero_and_numbers_are_in_network_order(self) -> None:
        assert text("eth0") == b"eth0\0"
        assert (number(1), number(-110)) == (b"\0\0\0\x01", b"\xff\xff\xff\x92")

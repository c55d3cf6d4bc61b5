"""The table of the redirect as data: which chains and rules there are."""

from ipaddress import ip_address, ip_network

from addons.iamproxy.net.table import ControlGroups, RedirectSettings, wanted_table
from addons.netlink.table import Chain, write

V4, V6 = RedirectSettings().metadata


def chains(groups: ControlGroups | None = None, **settings: object) -> dict[str, Chain]:
    made = RedirectSettings(**settings)  # type: ignore[arg-type]
    return {chain.name: chain for chain in wanted_table(made, groups).chains}


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
        text = write(wanted_table(RedirectSettings(), None))
        assert text.startswith("table inet aws-addons-iamproxy {\n\tchain antispoof {\n")
        assert "\t\ttype nat hook prerouting priority dstnat - 10; policy accept;\n" in text
        assert text.endswith("\t}\n}\n")

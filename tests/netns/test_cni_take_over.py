"""A node is taken over from the original: what it left in the packet filter goes, what is others' stays."""

import shutil
from collections.abc import Iterator

import pytest

from addons.cni.net.snat import Snat
from addons.runtime.errors import Denied, Unavailable
from addons.sim.net import Namespace
from tests.support.capabilities import CAP_NET_RAW, without
from tests.support.cni_net import lone_namespace
from tests.support.processes import output_of

FLAVOURS = ["iptables-nft", "iptables-legacy"]
OF_THE_ORIGINAL = """
-t nat -N AWS-SNAT-CHAIN-0
-t nat -A POSTROUTING -m comment --comment "AWS SNAT CHAIN" -j AWS-SNAT-CHAIN-0
-t nat -A AWS-SNAT-CHAIN-0 -d 10.0.0.0/16 -m comment --comment "AWS SNAT CHAIN" -j RETURN
-t nat -A AWS-SNAT-CHAIN-0 ! -o vlan+ -m comment --comment "AWS, SNAT" -j SNAT --to-source 10.0.1.4
-t nat -N AWS-CONNMARK-CHAIN-0
-t nat -A PREROUTING -i eni+ -m comment --comment "AWS, outbound connections" -j AWS-CONNMARK-CHAIN-0
-t nat -A AWS-CONNMARK-CHAIN-0 -m comment --comment "AWS, CONNMARK" -j CONNMARK --set-xmark 0x80/0x80
-t nat -A PREROUTING -m comment --comment "AWS, CONNMARK" -j CONNMARK --restore-mark --mask 0x80
-t mangle -A PREROUTING -i eth0 -m comment --comment "AWS, primary ENI" -j CONNMARK --set-xmark 0x80/0x80
-t mangle -A PREROUTING -i eni+ -m comment --comment "AWS, primary ENI" -j CONNMARK --restore-mark --mask 0x80
""".strip().splitlines()
OF_OTHERS = """
-t nat -N KUBE-SERVICES
-t nat -A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-t nat -A POSTROUTING -s 172.17.0.0/16 -j MASQUERADE
-t mangle -A PREROUTING -m comment --comment "about AWS" -j ACCEPT
""".strip().splitlines()


@pytest.fixture
def node() -> Iterator[Namespace]:
    with lone_namespace("node") as made:
        yield made


def say(node: Namespace, flavour: str, lines: list[str]) -> None:
    for line in lines:
        output_of(*node.command("sh", "-c", f"{flavour} {line}"))


def listed(node: Namespace, flavour: str) -> list[str]:
    """Rules and chains of the tables that the original uses, but for those that are there anyway."""
    lines = [
        line
        for table in ("nat", "mangle")
        for line in output_of(*node.command(flavour, "-t", table, "-S")).splitlines()
    ]
    return [line for line in lines if not line.startswith("-P")]


def remove(node: Namespace) -> tuple[str, ...]:
    def call() -> tuple[str, ...]:
        snat = Snat()
        try:
            return snat.remove_original()
        finally:
            snat.close()

    return node.call(call)


@pytest.mark.parametrize("flavour", FLAVOURS)
class TestIptables:
    def test_chains_and_rules_of_the_original_go_and_those_of_others_stay(
        self, node: Namespace, flavour: str
    ) -> None:
        say(node, flavour, OF_OTHERS)
        before = listed(node, flavour)
        say(node, flavour, OF_THE_ORIGINAL)
        told = remove(node)
        assert listed(node, flavour) == before
        assert "chain AWS-SNAT-CHAIN-0 of table nat" in told
        assert told.count("a rule in chain PREROUTING of table mangle") == 2
        assert remove(node) == ()

    def test_where_it_never_was_nothing_changes(self, node: Namespace, flavour: str) -> None:
        say(node, flavour, OF_OTHERS)
        before = listed(node, flavour)
        assert remove(node) == ()
        assert listed(node, flavour) == before


def test_its_table_of_nftables_goes(node: Namespace) -> None:
    output_of(*node.command("nft", "add table ip aws-cni; add table ip aws-other"))
    assert remove(node) == ("table aws-cni",)
    assert output_of(*node.command("nft", "list", "tables")).split() == ["table", "ip", "aws-other"]


def test_without_the_old_program_its_rules_are_told(node: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    say(node, "iptables-legacy", OF_OTHERS)
    assert remove(node) == ()
    say(node, "iptables-legacy", OF_THE_ORIGINAL)
    with pytest.raises(Unavailable, match="table mangle of iptables-legacy: has rules of the original"):
        remove(node)


def test_without_the_right_to_read_them_that_is_told(node: Namespace) -> None:
    say(node, "iptables-legacy", OF_OTHERS)

    def call() -> None:
        snat = Snat()
        try:
            with without(CAP_NET_RAW):
                snat.remove_original()
        finally:
            snat.close()

    with pytest.raises(Denied, match="needs CAP_NET_RAW"):
        node.call(call)

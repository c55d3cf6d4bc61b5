"""Messages that are packed by hand are those that pyroute2 packs, octet by octet."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from pyroute2 import IPBatch
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ndtmsg import ndtmsg
from pyroute2.netlink.rtnl.nsidmsg import nsidmsg

from addons.netlink import route
from addons.netlink.messages import Message, encode_message

POD = IPv4Address("10.0.1.60")
GATEWAY = IPv4Address("169.254.1.1")
HOST_MAC, POD_MAC = bytes.fromhex("ce000a00013c"), bytes.fromhex("ca000a00013c")
NO_NETWORK = IPv4Network("0.0.0.0/0")
HEADER = 16
Batch = Callable[[Any], Any]


def packed(message: Message) -> bytes:
    """The message without what differs from one to the next: its number, and who sends it."""
    return encode_message(1, message)[:8] + message.payload


def by_pyroute2(ask: Batch) -> bytes:
    with IPBatch() as batch:
        ask(batch)
    octets = bytes(batch.batch)
    return octets[:8] + octets[HEADER:]


def by_its_classes(kind: Any, values: dict[str, Any]) -> bytes:
    """What an encoder of pyroute2 makes of values; its header of netlink is left out."""
    message = kind()
    message.setvalue(values)
    message.encode()
    return bytes(message.data)[HEADER:]


CASES: list[tuple[Message, Batch]] = [
    (
        route.new_pair("eni123", "eth0", namespace=7, mtu=9001, macs=(HOST_MAC, POD_MAC)),
        lambda ip: ip.link(
            "add",
            kind="veth",
            ifname="eni123",
            address="ce:00:0a:00:01:3c",
            mtu=9001,
            num_tx_queues=1,
            num_rx_queues=1,
            state="up",
            peer={
                "ifname": "eth0",
                "address": "ca:00:0a:00:01:3c",
                "mtu": 9001,
                "num_tx_queues": 1,
                "num_rx_queues": 1,
                "net_ns_fd": 7,
            },
        ),
    ),
    (
        route.set_alias(5, "aws-addons-cni abc eth0"),
        lambda ip: ip.link("set", index=5, ifalias="aws-addons-cni abc eth0"),
    ),
    (route.set_group(5, 83), lambda ip: ip.link("set", index=5, group=83)),
    (route.delete_group(83), lambda ip: ip.link("del", group=83)),
    (route.set_mtu(5, 9001), lambda ip: ip.link("set", index=5, mtu=9001)),
    (route.set_up(5), lambda ip: ip.link("set", index=5, state="up")),
    (route.delete_link(5), lambda ip: ip.link("del", index=5)),
    (route.new_address(5, POD), lambda ip: ip.addr("replace", index=5, address=str(POD), prefixlen=32)),
    (
        route.new_route(IPv4Network(POD), 5, protocol=83, table=200),
        lambda ip: ip.route("replace", dst=f"{POD}/32", oif=5, scope=253, proto=83, table=200),
    ),
    (
        route.new_route(NO_NETWORK, 5, protocol=83, table=254, gateway=GATEWAY),
        lambda ip: ip.route("replace", gateway=str(GATEWAY), oif=5, proto=83, table=254),
    ),
    (
        route.new_neighbour(5, GATEWAY, HOST_MAC),
        lambda ip: ip.neigh("replace", dst=str(GATEWAY), lladdr="ce:00:0a:00:01:3c", ifindex=5, state=0x80),
    ),
    (
        route.new_proxy(5, GATEWAY),
        lambda ip: ip.neigh("replace", dst=str(GATEWAY), ifindex=5, state=0x80, flags=8),
    ),
    (
        route.rule_from(POD, priority=1536, table=2, protocol=83),
        lambda ip: ip.rule("add", priority=1536, src=str(POD), src_len=32, table=2, protocol=83),
    ),
    (
        route.rule_from(POD, priority=1536, table=10_102, protocol=83),
        lambda ip: ip.rule("add", priority=1536, src=str(POD), src_len=32, table=10_102, protocol=83),
    ),
    (
        route.rule_to(POD, priority=512, table=254, protocol=83),
        lambda ip: ip.rule("add", priority=512, dst=str(POD), dst_len=32, table=254, protocol=83),
    ),
    (
        route.without(route.rule_from(POD, priority=1536, table=2, protocol=83)),
        lambda ip: ip.rule("del", priority=1536, src=str(POD), src_len=32, table=2, protocol=83),
    ),
]


@pytest.mark.parametrize(("message", "ask"), CASES, ids=[message.subject for message, _ in CASES])
def test_each_message_is_the_one_of_pyroute2(message: Message, ask: Batch) -> None:
    assert packed(message).hex(" ", 4) == by_pyroute2(ask).hex(" ", 4)


def test_a_question_for_a_route_is_the_one_of_pyroute2_but_wants_no_acknowledgement() -> None:
    asked = by_pyroute2(lambda ip: ip.route("get", dst=str(POD), flags=0x2000))
    assert packed(route.match(POD))[8:].hex(" ", 4) == asked[8:].hex(" ", 4)


def test_a_question_for_a_namespace_is_the_one_of_pyroute2() -> None:
    asked = by_its_classes(nsidmsg, {"attrs": [("NETNSA_FD", 7)]})
    assert route.get_namespace_number(7).payload.hex(" ", 4) == asked.hex(" ", 4)
    answer = by_its_classes(nsidmsg, {"attrs": [("NETNSA_NSID", 5)]})
    assert route.read_namespace_number(answer) == 5


def test_the_delay_of_answers_is_set_as_by_pyroute2() -> None:
    values = {
        "family": 2,
        "attrs": [
            ("NDTA_NAME", "arp_cache"),
            ("NDTA_PARMS", {"attrs": [("NDTPA_IFINDEX", 5), ("NDTPA_PROXY_DELAY", 0)]}),
        ],
    }
    assert route.answer_at_once(5).payload.hex(" ", 4) == by_its_classes(ndtmsg, values).hex(" ", 4)


def test_a_link_is_read_as_it_was_written() -> None:
    attributes = {
        "index": 5,
        "flags": 0x41,
        "attrs": [
            ("IFLA_IFNAME", "eni123"),
            ("IFLA_IFALIAS", "abc"),
            ("IFLA_ADDRESS", "ce:00:0a:00:01:3c"),
            ("IFLA_MTU", 9001),
            ("IFLA_LINK", 2),
            ("IFLA_GROUP", 83),
            ("IFLA_CARRIER_DOWN_COUNT", 3),
            ("IFLA_LINK_NETNSID", 4),
        ],
    }
    link = route.Link(
        5, "eni123", "abc", HOST_MAC, 9001, True, True, peer_index=2, group=83, downs=3, peer_namespace=4
    )
    assert route.read_link(by_its_classes(ifinfmsg, attributes)) == link


@pytest.mark.parametrize(
    ("rule", "read"),
    [
        ({"priority": 512, "table": 200}, (512, False)),
        ({"priority": 1536, "src": str(POD), "src_len": 32, "table": 2}, (1536, True)),
        ({"priority": 512, "dst": str(POD), "dst_len": 32, "table": 254}, (512, True)),
        ({"priority": 1536, "src": "10.0.1.96", "src_len": 28, "table": 2}, (1536, False)),
    ],
)
def test_a_rule_is_read_as_it_was_written(rule: dict[str, Any], read: tuple[int, bool]) -> None:
    assert route.read_rule(by_pyroute2(lambda ip: ip.rule("add", **rule))[8:]) == read

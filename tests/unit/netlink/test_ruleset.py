"""A table as messages, and how it is compared with what the kernel holds once they are sent."""

import struct
from collections.abc import Iterable

import pytest

from addons.netlink.attributes import encode
from addons.netlink.expressions import accept, counter, drop, tcp_dport
from addons.netlink.messages import Message, decode_answers, encode_message
from addons.netlink.ruleset import Observed, differences, installation, mentions, removal
from addons.netlink.table import Chain, Priority, Table, rule

FILTER = Priority("filter", 0)
INPUT = Chain("input", "filter", "input", FILTER, (rule(tcp_dport(80), accept()), rule(counter(), drop())))
OUTPUT = Chain("output", "filter", "output", FILTER, ())
TABLE = Table("mine", (INPUT, OUTPUT))
NEW_TABLE, NEW_CHAIN, NEW_RULE = 0xA00, 0xA03, 0xA06


def payloads(messages: Iterable[Message], kind: int) -> list[bytes]:
    return [message.payload for message in messages if message.type == kind]


def observed(table: Table) -> Observed:
    """What the kernel holds once the table is installed."""
    messages = installation(table)
    tables = payloads(messages, NEW_TABLE)[-1:]
    return Observed(tables, payloads(messages, NEW_CHAIN), payloads(messages, NEW_RULE))


class TestInstallation:
    def test_it_is_one_transaction_that_replaces_the_table(self) -> None:
        kinds = [message.type & 0xFF for message in installation(TABLE)]
        assert kinds == [0x10, 0, 2, 0, 3, 6, 6, 3, 0x11]

    def test_a_refusal_names_what_was_refused(self) -> None:
        subjects = [message.subject for message in installation(TABLE)]
        assert "rule 'tcp dport 80 accept'" in subjects
        assert "chain output" in subjects

    def test_a_table_is_removed_by_its_name(self) -> None:
        assert [message.subject for message in removal("mine")] == ["batch", "table mine", "batch"]


class TestDifferences:
    def test_what_was_installed_is_as_wanted(self) -> None:
        assert differences(TABLE, observed(TABLE)) == []

    def test_a_table_of_another_name_does_not_count(self) -> None:
        assert differences(TABLE, observed(TABLE._replace(name="yours"))) == ["the table is not there"]

    def test_a_dormant_table_is_told(self) -> None:
        dormant = bytes(4) + encode(((1, b"mine\0"), (2, struct.pack(">I", 1))))
        assert differences(TABLE, observed(TABLE)._replace(tables=[dormant])) == ["the table is dormant"]

    @pytest.mark.parametrize(
        ("chains", "told"),
        [
            ((INPUT,), ["chain output is not there"]),
            ((INPUT, OUTPUT, OUTPUT._replace(name="more")), ["chain more is not ours"]),
            ((INPUT, OUTPUT._replace(hook="forward")), ["chain output is another"]),
            ((INPUT, OUTPUT._replace(priority=Priority("raw", -300))), ["chain output is another"]),
            ((INPUT._replace(rules=INPUT.rules[:1]), OUTPUT), ["chain input has 1 rules, not 2"]),
            (
                (INPUT._replace(rules=(rule(tcp_dport(81), accept()), INPUT.rules[1])), OUTPUT),
                ["chain input lacks 'tcp dport 80 accept'"],
            ),
        ],
    )
    def test_what_differs_is_named(self, chains: tuple[Chain, ...], told: list[str]) -> None:
        assert differences(TABLE, observed(TABLE._replace(chains=chains))) == told

    def test_octets_are_found_in_the_rules_of_one_chain_of_one_table(self) -> None:
        rules, port = observed(TABLE).rules, struct.pack(">H", 80)
        assert mentions(rules, "mine", "input", port)
        assert not mentions(rules, "mine", "output", port)
        assert not mentions(rules, "yours", "input", port)


class TestMessages:
    def test_several_answers_of_a_datagram_are_told_apart(self) -> None:
        requests = (Message(3, 0, b"", "a"), Message(7, 0x10, b"1234", "b"))
        datagram = b"".join(encode_message(number, each) for number, each in enumerate(requests, 1))
        done, element = decode_answers(datagram)
        assert (done.number, done.is_last, done.error) == (1, True, 0)
        assert (element.number, element.payload, element.is_interrupted) == (2, b"1234", True)

    def test_a_refusal_carries_its_errno_and_an_acknowledgement_none(self) -> None:
        refused, done = (Message(2, 0, struct.pack("=i", code), "a") for code in (-13, 0))
        (first,), (second,) = (decode_answers(encode_message(1, each)) for each in (refused, done))
        assert (first.error, second.error) == (13, 0)

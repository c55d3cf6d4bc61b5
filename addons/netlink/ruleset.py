"""Tables of nftables as netlink messages: what installs and removes one, and how it is compared. Pure."""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from addons.netlink.attributes import Attributes, decode, encode, entries, holds, number, text
from addons.netlink.messages import ACKNOWLEDGE, APPEND, CREATE, DUMP, Message
from addons.netlink.table import Chain, Rule, Table

IPV4, INET = 2, 1
"""Families of tables; ours are of `INET`, those of iptables of `IPV4`."""

_SUBSYSTEM = 10
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEW_TABLE, _GET_TABLE, _DELETE_TABLE, _NEW_CHAIN, _GET_CHAIN, _DELETE_CHAIN = 0, 1, 2, 3, 4, 5
_NEW_RULE, _GET_RULE, _DELETE_RULE = 6, 7, 8
_HOOKS = {"prerouting": 0, "input": 1, "forward": 2, "output": 3, "postrouting": 4}
_ACCEPT = 1
_FLAGS = {_NEW_TABLE: CREATE, _NEW_CHAIN: CREATE, _NEW_RULE: CREATE | APPEND}
_GENERAL = struct.Struct(">BBH")  # family, version, resource


class Observed(NamedTuple):
    """The payloads of the kernel's answers to `LISTS`: each table, chain and rule of the family."""

    tables: list[bytes]
    chains: list[bytes]
    rules: list[bytes]


class Lists(NamedTuple):
    """A request for each kind of object."""

    tables: Message
    chains: Message
    rules: Message


def installation(table: Table) -> list[Message]:
    """Give the transaction that puts exactly this table in the place of the one of its name."""
    subject = f"table {table.name}"
    messages = [
        _message(_NEW_TABLE, _named(table.name), subject),
        _message(_DELETE_TABLE, _named(table.name), subject),
        _message(_NEW_TABLE, _named(table.name), subject),
    ]
    for chain in table.chains:
        messages.append(_message(_NEW_CHAIN, _chain(table, chain), f"chain {chain.name}"))
        messages += [
            _message(_NEW_RULE, _rule(table, chain, rule), f"rule {rule.text!r}") for rule in chain.rules
        ]
    return _batch(messages)


def removal(name: str, family: int = INET) -> list[Message]:
    """Give the transaction that removes the table of this name."""
    return _batch([_message(_DELETE_TABLE, _named(name), f"table {name}", family)])


class Found(NamedTuple):
    """A rule as the kernel has it, with the names of its table and chain, and its number."""

    table: str
    chain: str
    handle: bytes
    octets: bytes


def found_rules(payloads: Iterable[bytes]) -> Iterator[Found]:
    """Read the kernel's answers to `Lists.rules`."""
    for payload in payloads:
        rule = decode(_attributes(payload))
        yield Found(_name(rule[1]), _name(rule[2]), rule[3], payload)


def found_chains(payloads: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Read the kernel's answers to `Lists.chains`: names of the table and the chain."""
    for payload in payloads:
        chain = decode(_attributes(payload))
        yield _name(chain[1]), _name(chain[3])


def partial_removal(family: int, rules: Iterable[Found], chains: Iterable[tuple[str, str]]) -> list[Message]:
    """Give the transaction that removes single rules, and then chains with all that is in them."""
    messages = [
        _message(
            _DELETE_RULE,
            ((1, text(rule.table)), (2, text(rule.chain)), (3, rule.handle)),
            f"a rule of chain {rule.chain}",
            family,
        )
        for rule in rules
    ]
    messages += [
        _message(_DELETE_CHAIN, ((1, text(table)), (3, text(chain))), f"chain {chain}", family)
        for table, chain in chains
    ]
    return _batch(messages)


def lists(family: int) -> Lists:
    """Give the requests for all tables, chains and rules of a family."""
    return Lists(
        _list(_GET_TABLE, "tables", family),
        _list(_GET_CHAIN, "chains", family),
        _list(_GET_RULE, "rules", family),
    )


def differences(table: Table, observed: Observed) -> list[str]:
    """Say what is not as wanted; empty when the kernel holds exactly these chains and rules."""
    found_tables = [decode(_attributes(payload)) for payload in observed.tables]
    flags = [found.get(2, bytes(4)) for found in found_tables if found.get(1) == text(table.name)]
    if flags != [bytes(4)]:
        return ["the table is dormant" if flags else "the table is not there"]
    chains = _chains_by_name(observed.chains, table.name)
    rules = _rules_by_chain(observed.rules, table.name)
    found = []
    for chain in table.chains:
        other = chains.pop(chain.name, None)
        if other is None or not holds(_chain(table, chain), other):
            found.append(f"chain {chain.name} is {'not there' if other is None else 'another'}")
        found += _rule_differences(chain, rules.pop(chain.name, []))
    return found + [f"chain {name} is not ours" for name in sorted(chains)]


def mentions(rules: Iterable[bytes], name: str, chain: str, octets: bytes) -> bool:
    """Whether one of the observed rules, of a chain of the table of this name, has these octets in it."""
    return any(octets in rule for rule in _rules_by_chain(rules, name).get(chain, []))


def _rule_differences(chain: Chain, observed: list[bytes]) -> Iterator[str]:
    if len(observed) != len(chain.rules):
        yield f"chain {chain.name} has {len(observed)} rules, not {len(chain.rules)}"
        return
    for rule, octets in zip(chain.rules, observed, strict=True):
        if not _is_same(rule, octets):
            yield f"chain {chain.name} lacks {rule.text!r}"


def _is_same(rule: Rule, octets: bytes) -> bool:
    observed = [decode(element) for _, element in entries(octets)]
    return len(observed) == len(rule.expressions) and all(
        found.get(1) == text(wanted.name) and holds(wanted.attributes, found.get(2, b""))
        for wanted, found in zip(rule.expressions, observed, strict=True)
    )


def _attributes(payload: bytes) -> bytes:
    return payload[_GENERAL.size :]


def _chains_by_name(chains: Iterable[bytes], table: str) -> dict[str, bytes]:
    found = ((decode(octets), octets) for octets in map(_attributes, chains))
    return {_name(chain[3]): octets for chain, octets in found if chain[1] == text(table)}


def _rules_by_chain(rules: Iterable[bytes], table: str) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for rule in map(decode, map(_attributes, rules)):
        if rule[1] == text(table):
            found.setdefault(_name(rule[2]), []).append(rule.get(4, b""))
    return found


def _name(octets: bytes) -> str:
    return octets.rstrip(b"\0").decode()


def _named(name: str) -> Attributes:
    return ((1, text(name)),)


def _chain(table: Table, chain: Chain) -> Attributes:
    hook = ((1, number(_HOOKS[chain.hook])), (2, number(chain.priority.value)))
    names = ((1, text(table.name)), (3, text(chain.name)))
    return (*names, (4, hook), (5, number(_ACCEPT)), (7, text(chain.type)))


def _rule(table: Table, chain: Chain, rule: Rule) -> Attributes:
    expressions = tuple((1, ((1, text(name)), (2, attributes))) for name, attributes in rule.expressions)
    return ((1, text(table.name)), (2, text(chain.name)), (4, expressions))


def _message(kind: int, attributes: Attributes, subject: str, family: int = INET) -> Message:
    flags = ACKNOWLEDGE | _FLAGS.get(kind, 0)
    payload = _GENERAL.pack(family, 0, 0) + encode(attributes)
    return Message(_SUBSYSTEM << 8 | kind, flags, payload, subject)


def _list(kind: int, subject: str, family: int) -> Message:
    return Message(_SUBSYSTEM << 8 | kind, DUMP, _GENERAL.pack(family, 0, 0), subject)


LISTS = lists(INET)
"""The requests whose answers make an `Observed`."""


def _batch(messages: list[Message]) -> list[Message]:
    """All or nothing: the kernel takes the messages between begin and end as one transaction."""
    edge = _GENERAL.pack(0, 0, _SUBSYSTEM)
    return [Message(_BATCH_BEGIN, 0, edge, "batch"), *messages, Message(_BATCH_END, 0, edge, "batch")]

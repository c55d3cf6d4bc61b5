"""Our table in the kernel: put there in one transaction, read back, compared, removed."""

import struct
from collections.abc import Iterable, Iterator

from addons.iamproxy.net.attributes import Attributes, decode, encode, entries, holds, number, text
from addons.iamproxy.net.netlink import ACKNOWLEDGE, APPEND, CREATE, DUMP, Message, Netlink
from addons.iamproxy.net.table import TABLE, Chain, Rule
from addons.runtime.errors import NotFound

GROUP = 7
"""The netlink group that hears of every change of nftables (NFNLGRP_NFTABLES)."""

_SUBSYSTEM, _INET = 10, 1
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEW_TABLE, _GET_TABLE, _DELETE_TABLE, _NEW_CHAIN, _GET_CHAIN, _NEW_RULE, _GET_RULE = 0, 1, 2, 3, 4, 6, 7
_HOOKS = {"prerouting": 0, "input": 1, "forward": 2, "output": 3}
_ACCEPT = 1
_GENERAL = struct.Struct(">BBH")  # family, version, resource


def install(netlink: Netlink, chains: Iterable[Chain]) -> None:
    """Put exactly these chains in the place of whatever the table holds: no packet meets half of them."""
    messages = [
        _message(_NEW_TABLE, _named_table(), "our table"),
        _message(_DELETE_TABLE, _named_table(), "our table"),
        _message(_NEW_TABLE, _named_table(), "our table"),
    ]
    for chain in chains:
        messages.append(_message(_NEW_CHAIN, _chain(chain), f"chain {chain.name}"))
        messages += [_message(_NEW_RULE, _rule(chain, rule), f"rule {rule.text!r}") for rule in chain.rules]
    netlink.send(_batch(messages))


def uninstall(netlink: Netlink) -> None:
    """Remove the table; nothing to do when it is gone."""
    try:
        netlink.send(_batch([_message(_DELETE_TABLE, _named_table(), "our table")]))
    except NotFound:
        return


def differences(netlink: Netlink, chains: Iterable[Chain]) -> list[str]:
    """Say what is not as wanted; empty when the kernel holds exactly these chains and rules."""
    tables = [decode(octets) for octets in _list(netlink, _GET_TABLE, "tables")]
    flags = [table.get(2, bytes(4)) for table in tables if table.get(1) == text(TABLE)]
    if flags != [bytes(4)]:
        return ["the table is asleep" if flags else "the table is not there"]
    observed_chains = _by_name(octets for octets in _list(netlink, _GET_CHAIN, "chains"))
    observed_rules = _rules_by_chain(_list(netlink, _GET_RULE, "rules"))
    found = []
    for chain in chains:
        observed = observed_chains.pop(chain.name, None)
        if observed is None or not holds(_chain(chain), observed):
            found.append(f"chain {chain.name} is {'not there' if observed is None else 'another'}")
        found += _rule_differences(chain, observed_rules.pop(chain.name, []))
    return found + [f"chain {name} is not ours" for name in sorted(observed_chains)]


def mentions(netlink: Netlink, chain: str, octets: bytes) -> bool:
    """Whether a rule of one of our chains, as the kernel holds it, has these octets in it."""
    rules = _rules_by_chain(_list(netlink, _GET_RULE, "rules"))
    return any(octets in rule for rule in rules.get(chain, []))


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


def _list(netlink: Netlink, kind: int, subject: str) -> list[bytes]:
    """Give the attributes of every table, chain or rule of the family."""
    payload = _GENERAL.pack(_INET, 0, 0)
    found = netlink.dump(Message(_SUBSYSTEM << 8 | kind, DUMP, payload, subject))
    return [octets[_GENERAL.size :] for octets in found]


def _by_name(chains: Iterable[bytes]) -> dict[str, bytes]:
    ours = ((decode(octets), octets) for octets in chains)
    return {_read(chain[3]): octets for chain, octets in ours if chain[1] == text(TABLE)}


def _rules_by_chain(rules: Iterable[bytes]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for rule in map(decode, rules):
        if rule[1] == text(TABLE):
            found.setdefault(_read(rule[2]), []).append(rule.get(4, b""))
    return found


def _read(octets: bytes) -> str:
    return octets.rstrip(b"\0").decode()


def _named_table() -> Attributes:
    return ((1, text(TABLE)),)


def _chain(chain: Chain) -> Attributes:
    hook = ((1, number(_HOOKS[chain.hook])), (2, number(chain.priority.value)))
    return ((1, text(TABLE)), (3, text(chain.name)), (4, hook), (5, number(_ACCEPT)), (7, text(chain.type)))


def _rule(chain: Chain, rule: Rule) -> Attributes:
    expressions = tuple((1, ((1, text(name)), (2, attributes))) for name, attributes in rule.expressions)
    return ((1, text(TABLE)), (2, text(chain.name)), (4, expressions))


def _message(kind: int, attributes: Attributes, subject: str) -> Message:
    flags = ACKNOWLEDGE | (0 if kind == _DELETE_TABLE else CREATE | APPEND if kind == _NEW_RULE else CREATE)
    payload = _GENERAL.pack(_INET, 0, 0) + encode(attributes)
    return Message(_SUBSYSTEM << 8 | kind, flags, payload, subject)


def _batch(messages: list[Message]) -> list[Message]:
    """All or nothing: the kernel takes the messages between begin and end as one transaction."""
    edge = _GENERAL.pack(0, 0, _SUBSYSTEM)
    return [Message(_BATCH_BEGIN, 0, edge, "batch"), *messages, Message(_BATCH_END, 0, edge, "batch")]

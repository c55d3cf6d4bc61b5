"""Remove what amazon-vpc-cni-k8s left in the packet filter of a node that is taken over.

Its chains would go on to translate what is exempt by now. They are found by their names, its rules in the
chains of others by their comments.
"""

from collections.abc import Iterator

from addons.cni.net import legacy
from addons.netlink import ruleset
from addons.netlink.ruleset import IPV4, Found
from addons.netlink.sockets import NetlinkSocket
from addons.runtime.errors import NotFound

_TABLE = "aws-cni"
_TABLES_OF_IPTABLES = ("nat", "mangle")
_CHAINS = ("AWS-SNAT-CHAIN-", "AWS-CONNMARK-CHAIN-")
_COMMENTS = (
    "AWS SNAT CHAIN",
    "AWS, SNAT",
    "AWS, CONNMARK",
    "AWS, primary ENI",
    "AWS, outbound connections",
)


def remove_leftovers(netfilter: NetlinkSocket) -> tuple[str, ...]:
    """Remove the original's chains and rules, and its table of nftables; say what there was.

    Nothing of others is touched. Raises `OutsideError`; `Unavailable`: there are rules of the old flavour of
    iptables, and no program here that removes them.
    """
    asked = ruleset.lists(IPV4)
    rules = [each for each in ruleset.found_rules(netfilter.dump(asked.rules)) if _is_of_original(each)]
    chains = [
        (table, chain)
        for table, chain in ruleset.found_chains(netfilter.dump(asked.chains))
        if table in _TABLES_OF_IPTABLES and chain.startswith(_CHAINS)
    ]
    if rules or chains:
        netfilter.send(ruleset.partial_removal(IPV4, rules, chains))
    words = [f"chain {chain} of table {table}" for table, chain in chains]
    words += [f"a rule in chain {each.chain} of table {each.table}" for each in rules]
    return (*words, *_remove_table(netfilter), *_remove_legacy())


def _is_of_original(rule: Found) -> bool:
    """Whether it is one of the original's in a chain of others; its own chains go as a whole."""
    if rule.table not in _TABLES_OF_IPTABLES or rule.chain.startswith(_CHAINS):
        return False
    return any(word.encode() in rule.octets for word in (*_CHAINS, *_COMMENTS))


def _remove_table(netfilter: NetlinkSocket) -> Iterator[str]:
    try:
        netfilter.send(ruleset.removal(_TABLE, IPV4))
    except NotFound:
        return
    yield f"table {_TABLE}"


def _remove_legacy() -> Iterator[str]:
    for table in legacy.tables_with((*_CHAINS, *_COMMENTS), _TABLES_OF_IPTABLES):
        yield from legacy.remove(table, _COMMENTS, _CHAINS)

"""Remove what amazon-vpc-cni-k8s left in the packet filter of a node that is taken over.

Its chains would go on to translate what is exempt by now. They are found by their names, its rules in the
chains of others by their comments.
"""

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from addons.netlink import ruleset
from addons.netlink.ruleset import IPV4, Found
from addons.netlink.sockets import NetlinkSocket
from addons.runtime.errors import NotFound, Unavailable

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
_LEGACY_TABLES = Path("/proc/thread-self/net/ip_tables_names")
"""Tables of iptables in its old flavour, which the kernel keeps apart from nftables."""


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
    if not _LEGACY_TABLES.exists():
        return
    present = set(_LEGACY_TABLES.read_text().split()).intersection(_TABLES_OF_IPTABLES)
    program = shutil.which("iptables-legacy")
    if present and not program:
        names = " and ".join(sorted(present))
        raise Unavailable(
            f"tables {names} of iptables-legacy: cannot be read without that program; "
            "see on the node whether they have chains AWS-SNAT-CHAIN-0 or AWS-CONNMARK-CHAIN-0"
        )
    for table in sorted(present):
        yield from _remove_from(program or "", table)


def _remove_from(program: str, table: str) -> Iterator[str]:
    listed = _run(program, "-t", table, "-S").splitlines()
    ours = [line for line in listed if any(word in line for word in (*_CHAINS, *_COMMENTS))]
    chains = [line.split()[1] for line in ours if line.startswith("-N ")]
    for line in ours:
        if line.startswith("-A ") and not line.split()[1].startswith(_CHAINS):
            _run(program, "-t", table, "-D", *shlex.split(line)[1:])
            yield f"a rule in chain {line.split()[1]} of table {table}"
    for action in ("-F", "-X"):
        for chain in chains:
            _run(program, "-t", table, action, chain)
    yield from (f"chain {chain} of table {table}" for chain in chains)


def _run(program: str, *arguments: str) -> str:
    done = subprocess.run([program, "-w", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"{program} {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout

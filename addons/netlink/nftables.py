"""A table of nftables in the kernel: installed in one transaction, read back, compared, removed."""

from addons.netlink import ruleset
from addons.netlink.ruleset import Observed
from addons.netlink.sockets import NetlinkSocket
from addons.netlink.table import Table
from addons.runtime.errors import NotFound

GROUP = 7
"""The multicast group that is notified of every change of nftables (NFNLGRP_NFTABLES)."""


def install(netlink: NetlinkSocket, table: Table) -> None:
    """Put exactly this table in the place of the one of its name: no packet meets half of it."""
    netlink.send(ruleset.installation(table))


def uninstall(netlink: NetlinkSocket, name: str) -> None:
    """Remove the table of this name; nothing to do when it is gone."""
    try:
        netlink.send(ruleset.removal(name))
    except NotFound:
        return


def differences(netlink: NetlinkSocket, table: Table) -> list[str]:
    """Say what is not as wanted; empty when the kernel holds exactly this table."""
    observed = Observed(*(netlink.dump(request) for request in ruleset.LISTS))
    return ruleset.differences(table, observed)


def mentions(netlink: NetlinkSocket, name: str, chain: str, octets: bytes) -> bool:
    """Whether a rule of a chain of the table of this name, as the kernel holds it, has these octets in it."""
    return ruleset.mentions(netlink.dump(ruleset.LISTS.rules), name, chain, octets)

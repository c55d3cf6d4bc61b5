"""Keep the table that translates addresses in place: replaced at once, and verified."""

from addons.cni.net.original import remove_leftovers
from addons.cni.net.table import TABLE, Translation, wanted_table
from addons.netlink import nftables
from addons.netlink.sockets import NETFILTER, NetlinkSocket
from addons.netlink.table import write


class Snat:
    """The table in the network namespace in which this is made; it outlives the daemon."""

    def __init__(self) -> None:
        self._netfilter = NetlinkSocket(NETFILTER)

    def close(self) -> None:
        """Give the socket back; the table stays."""
        self._netfilter.close()

    def differences(self, translation: Translation) -> tuple[str, ...]:
        """Say what is not as wanted; empty when the kernel has exactly this table."""
        table = wanted_table(translation)
        if table is None:
            return ()
        return tuple(nftables.differences(self._netfilter, table))

    def ensure(self, translation: Translation) -> tuple[str, ...]:
        """Have exactly this table, where it is not so; say what was amiss. No packet meets half of it."""
        table = wanted_table(translation)
        if table is None:
            nftables.uninstall(self._netfilter, TABLE)
            return ()
        amiss = tuple(nftables.differences(self._netfilter, table))
        if amiss:
            nftables.install(self._netfilter, table)
        return amiss

    def remove_original(self) -> tuple[str, ...]:
        """Remove what the original left in the packet filter; see `original.remove_leftovers`."""
        return remove_leftovers(self._netfilter)

    def remove(self) -> None:
        """Take the table away."""
        nftables.uninstall(self._netfilter, TABLE)


def written(translation: Translation) -> str:
    """Give the wanted table in the language of `nft`, for people; "" when there is none."""
    table = wanted_table(translation)
    return write(table) if table else ""

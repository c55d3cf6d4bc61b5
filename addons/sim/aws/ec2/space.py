"""The addresses of a subnet: who has which is known elsewhere, here is what is left."""

from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network
from itertools import islice

from addons.sim.aws.ec2.errors import Ec2Error, invalid, no_free_address, no_free_prefix

PREFIX_SIZE = 16
_PREFIX_LENGTH = 28
_RESERVED_AT_START, _RESERVED_AT_END = 4, 1


class Space:
    """What a subnet has given away. The first four addresses and the last one are AWS's own.

    The lowest free address is given first, so one that was given back is soon somebody else's.
    """

    def __init__(self, cidr: IPv4Network) -> None:
        self.cidr = cidr
        self._first = int(cidr.network_address)
        self._usable = range(
            self._first + _RESERVED_AT_START, self._first + cidr.num_addresses - _RESERVED_AT_END
        )
        self._taken: set[int] = set()

    @property
    def free(self) -> int:
        """How many addresses are left: AvailableIpAddressCount."""
        return len(self._usable) - len(self._taken)

    def find_addresses(self, count: int, *, but: Collection[IPv4Address] = ()) -> list[IPv4Address]:
        """Give the lowest free addresses. Raises InsufficientFreeAddressesInSubnet."""
        others = self._taken | set(map(int, but))
        found = list(islice((number for number in self._usable if number not in others), count))
        if len(found) < count:
            raise no_free_address()
        return list(map(IPv4Address, found))

    def find_prefixes(self, count: int, *, but: Collection[IPv4Address] = ()) -> list[IPv4Network]:
        """Give the lowest free blocks of 16. Raises InsufficientCidrBlocks, or that it is full."""
        starts = range(self._first, self._first + self.cidr.num_addresses, PREFIX_SIZE)
        blocks = (IPv4Network((start, _PREFIX_LENGTH)) for start in starts if self._is_free_block(start))
        found = list(islice((block for block in blocks if not any(map(block.__contains__, but))), count))
        if len(found) < count:
            raise no_free_prefix(is_full=self.free < count * PREFIX_SIZE)
        return found

    def check_address(self, address: IPv4Address) -> None:
        """Refuse an address that this subnet never gives away."""
        if address not in self.cidr:
            raise invalid(f"Address {address} does not fall within the subnet's address range")
        if int(address) not in self._usable:
            raise invalid(f"Address {address} is in subnet's reserved address range")

    def check_prefix(self, prefix: IPv4Network, *, but: Collection[IPv4Address] = ()) -> None:
        """Refuse a block that this subnet cannot give away now, or that has one of some addresses in it."""
        if prefix.prefixlen != _PREFIX_LENGTH or not prefix.subnet_of(self.cidr):
            raise invalid(f"The prefix {prefix} is not a /28 block of the subnet {self.cidr}")
        if not self._is_free_block(int(prefix.network_address)) or any(map(prefix.__contains__, but)):
            raise Ec2Error("InvalidCidr.InUse", f"The prefix {prefix} is in use or reserved")

    def is_free(self, address: IPv4Address) -> bool:
        """Say whether nobody has an address, alone or in a prefix."""
        return self._is_free(int(address))

    def take(self, addresses: Iterable[IPv4Address], prefixes: Iterable[IPv4Network] = ()) -> None:
        """Note that these are given away."""
        self._taken |= _numbers(addresses, prefixes)

    def give_back(self, addresses: Iterable[IPv4Address], prefixes: Iterable[IPv4Network] = ()) -> None:
        """Note that these are free again."""
        self._taken -= _numbers(addresses, prefixes)

    def _is_free(self, number: int) -> bool:
        return number not in self._taken

    def _is_free_block(self, start: int) -> bool:
        block = range(start, start + PREFIX_SIZE)
        return block[0] in self._usable and block[-1] in self._usable and self._taken.isdisjoint(block)


def _numbers(addresses: Iterable[IPv4Address], prefixes: Iterable[IPv4Network]) -> set[int]:
    return {int(address) for address in addresses} | {
        int(address) for prefix in prefixes for address in prefix
    }

"""What decides how many addresses a node holds: who has them, who needs one, and what is wished for."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network

from msgspec import Struct


class Addresses(Struct, frozen=True, kw_only=True):
    """Who has the node's addresses. Those that are in none of these are free.

    `cooling` rest until a time; what rested long enough is free, whether it is still listed or not.
    `quarantined` are those about which EC2 and the node disagree. `free_since` is when an address became
    free; one that is not listed became so just now.
    """

    assigned: frozenset[IPv4Address] = frozenset()
    cooling: Mapping[IPv4Address, datetime] = {}
    quarantined: frozenset[IPv4Address] = frozenset()
    free_since: Mapping[IPv4Address, datetime] = {}

    def resting(self, now: datetime) -> frozenset[IPv4Address]:
        """The addresses that cool down at `now`."""
        return frozenset(ip for ip, until in self.cooling.items() if until > now)

    def unavailable(self, now: datetime) -> frozenset[IPv4Address]:
        """The addresses that the next pod cannot have."""
        return self.assigned | self.quarantined | self.resting(now)


class Demand(Struct, frozen=True, kw_only=True):
    """What the pods on a node need, counted in addresses.

    `waiting` pods are bound to the node, or already ask, and have no address. `unrequested` is how many
    addresses pods have, or wait for, beyond what they requested as a resource; `requested` is what all pods
    on the node requested, as the scheduler sums it. `host_network` pods need no address, but count as pods.
    """

    waiting: int = 0
    requested: int = 0
    unrequested: int = 0
    host_network: int = 0


class Arrivals(Struct, frozen=True):
    """How fast pods have been coming: moving averages per second, and when it was that.

    `lately` is that of the last seconds, by which a burst is known while it begins.
    """

    per_second: float = 0.0
    at: datetime | None = None
    lately: float = 0.0


class Placement(Struct, frozen=True, kw_only=True):
    """Where interfaces for pods are made, and whether the first interface serves pods.

    `subnet_ids` is empty where none can be made for now: `problem` says why.
    """

    subnet_ids: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    primary_serves: bool = True
    is_custom: bool = False
    reason: str = ""
    problem: str = ""


class Policy(Struct, frozen=True, kw_only=True):
    """How many addresses are wished for. With any of the four targets the original's arithmetic counts."""

    headroom: int = 8
    subnet_reserve: str = "5%"
    idle_release: timedelta = timedelta(seconds=60)
    warm_eni: int | None = None
    warm_ip: int | None = None
    minimum_ip: int | None = None
    warm_prefix: int | None = None
    has_prefixes: bool = False
    max_eni: int | None = None
    manages_cordoned: bool = False

    @property
    def is_demand_driven(self) -> bool:
        """Whether pods decide, and none of the original's targets."""
        targets = (self.warm_eni, self.warm_ip, self.minimum_ip, self.warm_prefix)
        return all(target is None for target in targets)

    @property
    def has_ip_targets(self) -> bool:
        """Whether targets count addresses, and not interfaces or prefixes."""
        return self.warm_ip is not None or self.minimum_ip is not None

    def reserve(self, cidr: IPv4Network) -> int:
        """How many addresses of a subnet are left to pods that wait; a percentage is 16 at least."""
        if not self.subnet_reserve.endswith("%"):
            return int(self.subnet_reserve)
        return max(16, int(cidr.num_addresses * float(self.subnet_reserve[:-1]) / 100))

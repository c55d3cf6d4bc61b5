"""The addresses that pods may have now, and those who wait for one, in the order in which they came."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from ipaddress import IPv4Address

from msgspec import Struct

from addons.cni import names
from addons.cni.model.enis import Eni
from addons.cni.model.pool import Addresses
from addons.cni.plan.assign import free_since, pick_address
from addons.cni.store.allocations import Allocations
from addons.runtime.clock import utc_now
from addons.runtime.outcomes import Skip

STARTING = Skip("pool", None, names.NOT_READY, "the node's network interfaces are not known yet")


class Taken(Struct, frozen=True):
    """An address that one sandbox may have, and its interface."""

    ip: IPv4Address
    eni_id: str


class AddressPool:
    """Hands out the addresses of interfaces that were observed; `changed` is set when it may have to grow.

    An address that was taken is nobody else's until it is given back. Addresses that are being released in
    EC2 are withheld meanwhile.
    """

    def __init__(
        self,
        allocations: Allocations,
        *,
        cooldown: timedelta = timedelta(),
        minimum_cooldown: timedelta | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._allocations, self._now = allocations, now
        self._cooldown, self._minimum_cooldown = cooldown, minimum_cooldown
        self._free_since: dict[IPv4Address, datetime] = {}
        self._taken: set[IPv4Address] = set()
        self._withheld: set[IPv4Address] = set()
        self._waiting: deque[asyncio.Future[Taken]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._can_grow = True
        self.enis: tuple[Eni, ...] = ()
        """The interfaces whose addresses pods may have."""
        self.why: Skip | None = STARTING
        """Why there is no address for the next pod."""
        self.changed = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(not each.done() for each in self._waiting)

    @property
    def being_assigned(self) -> int:
        """How many have been taken for sandboxes that the journal does not know yet."""
        return len(self._taken - self._allocations.by_ip.keys())

    @property
    def in_use(self) -> frozenset[IPv4Address]:
        """The addresses that must not be given up: those of pods, and those that are being assigned."""
        return frozenset((*self._allocations.by_ip, *self._taken))

    @property
    def addresses(self) -> Addresses:
        """Who has which address; what is withheld counts as quarantined."""
        return Addresses(
            assigned=self.in_use,
            cooling=self._allocations.cooling,
            quarantined=frozenset((*self._withheld, *self._allocations.quarantined)),
            free_since=self._free_since,
        )

    def enis_changed(self, enis: Iterable[Eni]) -> None:
        """Hand out the addresses of these from now on, first to those who wait."""
        self.enis = tuple(enis)
        self._note_free()
        self._serve()

    def explain(self, why: Skip | None, *, can_grow: bool) -> None:
        """Say why there is no address; where nothing can grow, those that rested the minimum may be had."""
        self.why, self._can_grow = why, can_grow
        self._serve()

    def ask(self) -> asyncio.Future[Taken]:
        """Give an address as soon as there is one, in the order of asking; to cancel is to ask no more."""
        asked: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._waiting.append(asked)
        self._serve()
        return asked

    def give_back(self, ip: IPv4Address) -> None:
        """Take back an address that was taken: whether a sandbox has it is in the journal from now on."""
        self._taken.discard(ip)
        self._serve()

    def released(self) -> None:
        """Note that a sandbox has given back its address, which rests from now on."""
        self._note_free()
        self._serve()

    def withhold(self, ips: Collection[IPv4Address]) -> frozenset[IPv4Address]:
        """Hand out none of these, as they are being given up; those of them that are free, and so may be."""
        free = frozenset(ips) - self.in_use
        self._withheld |= free
        return free

    def restore(self, ips: Collection[IPv4Address]) -> None:
        """Hand out these again, where the node still has them."""
        self._withheld -= frozenset(ips)
        self._serve()

    def _serve(self) -> None:
        """Give addresses to those who wait, the first first."""
        self.changed.set()
        while self._waiting:
            if self._waiting[0].done():
                self._waiting.popleft()
            elif taken := self._take():
                self._waiting.popleft().set_result(taken)
            else:
                break
        self._look_again()

    def _take(self) -> Taken | None:
        minimum = None if self._can_grow else self._minimum_cooldown
        found = pick_address(
            self.enis, self.addresses, self._now(), cooldown=self._cooldown, minimum_cooldown=minimum
        )
        if found is None:
            return None
        self._taken.add(found[0])
        return Taken(*found)

    def _note_free(self) -> None:
        """Note since when addresses are free."""
        self._free_since = free_since(self.enis, self.addresses, self._now())

    def _look_again(self) -> None:
        """Look again when the next address has rested, if anybody waits."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if not self._waiting:
            return
        now = self._now()
        early = timedelta()
        if self._minimum_cooldown is not None and not self._can_grow:
            early = self._cooldown - self._minimum_cooldown
        times = [until - early for until in self._allocations.cooling.values() if until - early > now]
        if times:
            seconds = (min(times) - now).total_seconds()
            self._timer = asyncio.get_running_loop().call_later(seconds, self._serve)

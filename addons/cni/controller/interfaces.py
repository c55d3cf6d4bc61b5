"""The node's network interfaces as EC2 has them, kept up to date by what is done to them."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from msgspec.structs import replace

from addons.cni.model.actions import (
    Action,
    AssignAddresses,
    AssignPrefixes,
    CreateEni,
    DeleteEni,
    ReleaseAddresses,
    ReleasePrefixes,
    SetSecurityGroups,
)
from addons.cni.model.enis import Eni
from addons.cni.model.outcomes import Applied
from addons.runtime.clock import utc_now

_TRIES = 3


class Interfaces:
    """All interfaces of the instance, those that are none of our business among them.

    `observe` asks EC2 for them. `is_known` is false until it has answered once.
    """

    def __init__(
        self, observe: Callable[[], Awaitable[tuple[Eni, ...]]], *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._observe = observe
        self._now = now
        self._known: dict[str, Eni] = {}
        self._changes = 0
        self.observed_at: datetime | None = None
        self.is_doubtful = True
        """Whether EC2 may have something else than is known here."""

    @property
    def is_known(self) -> bool:
        """Whether EC2 has answered once."""
        return self.observed_at is not None

    def all(self) -> tuple[Eni, ...]:
        """Every interface, in the order of device indexes."""
        return tuple(sorted(self._known.values(), key=lambda eni: (eni.network_card, eni.device_index)))

    def get(self, eni_id: str) -> Eni | None:
        """One of them."""
        return self._known.get(eni_id)

    async def observe(self) -> None:
        """Ask EC2. What changed while it answered is asked for again. Raises OutsideError."""
        for _ in range(_TRIES):
            before = self._changes
            found = await self._observe()
            if before == self._changes:
                break
        self._known = {eni.eni_id: eni for eni in found}
        self.observed_at, self.is_doubtful = self._now(), before != self._changes

    def applied(self, applied: Applied) -> None:
        """Take in what came of an action; where that is not certain, EC2 is to be asked."""
        self._changes += 1
        if applied.error:
            self.is_doubtful = self.is_doubtful or applied.must_observe
        else:
            self._take_in(applied.action, applied)

    def _take_in(self, action: Action, applied: Applied) -> None:
        if isinstance(action, CreateEni):
            if applied.eni:
                self._known[applied.eni.eni_id] = applied.eni
            return
        if isinstance(action, DeleteEni):
            self._known.pop(action.eni_id, None)
            return
        eni = self._known.get(action.eni_id)
        if eni is None:
            return
        match action:
            case AssignAddresses() | AssignPrefixes():
                eni = replace(
                    eni, addresses=eni.addresses | applied.addresses, prefixes=eni.prefixes | applied.prefixes
                )
            case ReleaseAddresses(ips=ips):
                eni = replace(eni, addresses=eni.addresses - frozenset(ips))
            case ReleasePrefixes(prefixes=prefixes):
                eni = replace(eni, prefixes=eni.prefixes - frozenset(prefixes))
            case SetSecurityGroups(groups=groups):
                eni = replace(eni, security_groups=groups)
            case _:
                self.is_doubtful = True
        self._known[eni.eni_id] = eni

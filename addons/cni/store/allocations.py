"""Who holds which address, which addresses rest, which containers were deleted: by the facts so far. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from ipaddress import IPv4Address

from addons.cni.model.assignments import Assignment, SandboxKey
from addons.cni.store.records import (
    Assigned,
    Cleared,
    Damaged,
    Ended,
    Quarantined,
    Record,
    Recovered,
    Released,
    Rested,
)

_REMEMBERED_FREE = timedelta(days=1)


class Allocations:
    """The sum of all records. Only the journal applies them, once they are written."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self.by_key: dict[SandboxKey, Assignment] = {}
        self.by_ip: dict[IPv4Address, Assignment] = {}
        self.cooling: dict[IPv4Address, datetime] = {}
        """Until when addresses rest; a time that has passed says since when the address is free."""
        self.ended: dict[str, datetime] = {}
        """Containers that were deleted without holding an address -> until when that is remembered."""
        self.quarantined: dict[IPv4Address, str] = {}
        """Addresses that are not to be handed out -> why."""
        self.is_recovered = False
        """Whether all was learnt that pods had before there was a journal."""
        self.damage: tuple[str, ...] = ()
        """What was lost since, in words."""
        for record in records:
            self.apply(record)

    def apply(self, record: Record) -> None:
        """Take in the next fact. One that is known already changes nothing."""
        match record:
            case Assigned(assignment):
                self._assign(assignment)
            case Released(key, ip, until):
                self._release(key, ip, until)
            case Rested(ip, until):
                self.cooling[ip] = until
            case Ended(container_id, until):
                self.ended[container_id] = until
            case Quarantined(ip, because):
                self.quarantined[ip] = because
            case Cleared(ip):
                self.quarantined.pop(ip, None)
            case Damaged(words):
                self.damage = words
            case Recovered():
                self.is_recovered, self.damage = True, ()

    def records(self, now: datetime) -> Iterator[Record]:
        """Say the same anew with the fewest records; what is over is left out."""
        if self.is_recovered:
            yield Recovered()
        if self.damage:
            yield Damaged(self.damage)
        yield from map(Assigned, self.by_key.values())
        yield from (Rested(ip, until) for ip, until in self.cooling.items() if until > now)
        yield from (Ended(container, until) for container, until in self.ended.items() if until > now)
        yield from (Quarantined(ip, because) for ip, because in self.quarantined.items())

    def forget_over(self, now: datetime) -> None:
        """Forget deletions that need not be remembered, and since when addresses are free, after a day."""
        for container_id in [each for each, until in self.ended.items() if until <= now]:
            del self.ended[container_id]
        for ip in [each for each, until in self.cooling.items() if until <= now - _REMEMBERED_FREE]:
            del self.cooling[ip]

    def of_container(self, container_id: str) -> tuple[Assignment, ...]:
        """All that a container holds, by whatever network and name."""
        return tuple(each for each in self.by_key.values() if each.key.container_id == container_id)

    def of_link(self, host_if: str) -> tuple[Assignment, ...]:
        """All whose host's end has this name."""
        return tuple(each for each in self.by_key.values() if each.host_if == host_if)

    def _assign(self, assignment: Assignment) -> None:
        """The last word counts: neither a sandbox nor an address is ever found twice."""
        if old := self.by_key.pop(assignment.key, None):
            self.by_ip.pop(old.ip, None)
        if other := self.by_ip.pop(assignment.ip, None):
            self.by_key.pop(other.key, None)
        self.by_key[assignment.key] = self.by_ip[assignment.ip] = assignment
        self.cooling.pop(assignment.ip, None)

    def _release(self, key: SandboxKey, ip: IPv4Address, until: datetime | None) -> None:
        held = self.by_key.get(key)
        if held is None or held.ip != ip:
            return
        del self.by_key[key], self.by_ip[ip]
        if until:
            self.cooling[ip] = until

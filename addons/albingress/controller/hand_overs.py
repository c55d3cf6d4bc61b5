"""Who is served by which load balancer since when: the old one goes on until the new one has taken over."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from addons.albingress.controller.groups import Groups
from addons.albingress.model.groups import GroupId
from addons.albingress.model.objects import Ingress
from addons.runtime.objects import key


class _Served(Struct, frozen=True):
    group: GroupId
    since: datetime


class HandOvers:
    """Remembers since when an Ingress tells the host name of a load balancer. For `drain` after that clients
    may still come to the one before.

    `wake` is called with the groups that an Ingress leaves when another one has taken it over.
    """

    def __init__(
        self,
        groups: Groups,
        *,
        drain: timedelta,
        now: Callable[[], datetime],
        wake: Callable[[GroupId], None],
    ) -> None:
        self._groups = groups
        self._drain = drain
        self._now = now
        self._wake = wake
        self._served: dict[str, _Served] = {}
        self._published: dict[GroupId, tuple[str, datetime]] = {}

    def serves(
        self, group: GroupId, hostname: str, ingresses: Iterable[Ingress], *, is_all: bool, replaces: bool
    ) -> None:
        """These Ingresses, or all of a group, tell the host name of its load balancer now.

        Where it `replaces` another one that waits for that, the group is woken as well.
        """
        for ingress in ingresses:
            known = self._served.get(ingress.metadata.uid)
            if known is None or known.group != group:
                self._served[ingress.metadata.uid] = _Served(group, self._now())
                place = self._groups.place(key(ingress))
                for left in place.left if place else ():
                    self._wake(left)
        if is_all and self._published.get(group, ("",))[0] != hostname:
            self._published[group] = (hostname, self._now())
            if replaces:
                self._wake(group)

    def published(self, group: GroupId) -> str:
        """The host name that all members of a group tell; empty where that is not known."""
        return self._published[group][0] if group in self._published else ""

    def switched(self, group: GroupId) -> Mapping[str, datetime]:
        """The same as a plan needs it: host name -> since when."""
        return dict([self._published[group]]) if group in self._published else {}

    def is_retained(self, ingress: Ingress, group: GroupId) -> bool:
        """Whether a group that an Ingress leaves has to go on: another has not taken it over yet."""
        place = self._groups.place(key(ingress))
        if place is None or place.member is None or ingress.metadata.deletion_timestamp:
            return False
        return self._until(ingress) is None or self._until(ingress) > self._now()  # type: ignore[operator]

    def is_ours_no_more(self, ingress: Ingress) -> bool:
        """Whether an Ingress that is not deleted went to another controller: no group of ours has it."""
        place = self._groups.place(key(ingress))
        return place is not None and place.member is None and not ingress.metadata.deletion_timestamp

    def next_try(self, ingresses: Iterable[Ingress]) -> float | None:
        """Seconds until one of these need not be served by the load balancer that it left any more."""
        ends = [until for until in map(self._until, ingresses) if until]
        return min(((end - self._now()).total_seconds() for end in ends if end > self._now()), default=None)

    def _until(self, ingress: Ingress) -> datetime | None:
        """When the load balancer that an Ingress left need not go on; None while no other serves it."""
        served, place = self._served.get(ingress.metadata.uid), self._groups.place(key(ingress))
        if served is None or place is None or place.member is None or served.group != place.member.group:
            return None
        return served.since + self._drain

    def forget(self, group: GroupId) -> None:
        """A group is gone."""
        self._published.pop(group, None)
        for uid in [uid for uid, served in self._served.items() if served.group == group]:
            del self._served[uid]

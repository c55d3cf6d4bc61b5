"""How many records of each zone went lately, and which deletes a person has approved."""

from collections import deque
from collections.abc import Callable, Collection, Container, Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from addons.dns import names as reasons
from addons.dns.model.actions import ChangeGroup, Plan
from addons.dns.model.records import ZoneRecords
from addons.dns.model.registry import Registry
from addons.dns.plan.guard import DeleteLimits, approval_hash, count_data, deletes_of, guard
from addons.runtime.outcomes import Outcome

_WINDOW = timedelta(minutes=10)


class HeldDeletes(Struct, frozen=True):
    """The deletes of one zone that the budget holds; `approval` is the hash that lets exactly these go."""

    approval: str
    names: tuple[str, ...]


class DeleteBudget:
    """Guards the plans of all zones, knowing what went within the last ten minutes.

    Deletes that a person has approved do not count, nor those of names that come and go with pods: restarts
    of many pods are no mass deletion.
    """

    def __init__(
        self, *, percent: int, approved: Collection[str], registry: Registry, now: Callable[[], datetime]
    ) -> None:
        self._percent = percent
        self._approved = frozenset(approved)
        self._registry = registry
        self._now = now
        self._spent: dict[str, deque[tuple[datetime, int]]] = {}
        self._released: dict[str, set[str]] = {}
        self._counted: dict[str, set[str]] = {}
        self.held: dict[str, HeldDeletes] = {}

    def guard(
        self, zone_id: str, plan: Plan, observed: ZoneRecords, held: str, pod_bound: Container[str]
    ) -> Plan:
        """The plan without the deletes that may not happen now; see `plan.guard`.

        `pod_bound` are the objects whose names come and go with pods, as ownership texts name them.
        """
        deletes = [group for group in deletes_of(plan) if group.resource not in pod_bound]
        self._release(zone_id, deletes)
        released: Collection[str] = self._released.get(zone_id, ())
        counted = [group for group in deletes if not released or approval_hash([group]) not in released]
        keys = self._counted[zone_id] = {group.key for group in counted}
        guarded = guard(
            plan,
            observed,
            registry=self._registry,
            limits=DeleteLimits(percent=self._percent, spent=self._lately(zone_id)),
            held=held,
            uncounted={group.key for group in deletes_of(plan)} - keys,
        )
        self.held.pop(zone_id, None)
        if any(skip.reason == reasons.DELETE_BUDGET for skip in guarded.skips):
            names = tuple(group.name for group in counted)
            self.held[zone_id] = HeldDeletes(approval_hash(counted), names)
        return guarded

    def spend(self, zone_id: str, outcomes: Iterable[Outcome[ChangeGroup]]) -> None:
        """Count what was deleted of the plan that was guarded last, and forget the approval of what is gone.

        What did not count then does not count now: a Service may have gone between the plan and the answer.
        """
        gone = [outcome.action for outcome in outcomes if outcome.ok and outcome.action.verb == "delete"]
        if counted := [group for group in gone if group.key in self._counted.get(zone_id, ())]:
            spent = self._spent.setdefault(zone_id, deque())
            spent.append((self._now(), count_data(counted, self._registry)))
        if released := self._released.get(zone_id):
            released.difference_update(approval_hash([group]) for group in gone)

    def _release(self, zone_id: str, deletes: list[ChangeGroup]) -> None:
        """Let every one of the deletes go that were approved together, even if not all go at once."""
        if deletes and self._approved and approval_hash(deletes) in self._approved:
            self._released.setdefault(zone_id, set()).update(approval_hash([group]) for group in deletes)

    def _lately(self, zone_id: str) -> int:
        spent = self._spent.get(zone_id, deque())
        while spent and spent[0][0] <= self._now() - _WINDOW:
            spent.popleft()
        return sum(count for _, count in spent)

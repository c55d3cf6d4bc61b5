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
from addons.dns.plan.left_out import hold_left_out
from addons.runtime.outcomes import Outcome

_WINDOW = timedelta(minutes=10)


class HeldDeletes(Struct, frozen=True):
    """Deletes of one zone that are held; `approval` is the hash that lets exactly these go."""

    approval: str
    names: tuple[str, ...]


class Approvals:
    """Which deletes a person has approved, by the hash of those that were held together.

    What is approved may go one by one; it is forgotten once it is gone.
    """

    def __init__(self, approved: Collection[str]) -> None:
        self._approved = frozenset(approved)
        self._released: dict[str, set[str]] = {}

    def released(self, zone_id: str, deletes: Collection[ChangeGroup]) -> frozenset[str]:
        """The keys of those of the deletes that may go, because all of them are approved, or were."""
        if deletes and self._approved and approval_hash(deletes) in self._approved:
            self._released.setdefault(zone_id, set()).update(approval_hash([group]) for group in deletes)
        released = self._released.get(zone_id)
        return frozenset(group.key for group in deletes if released and approval_hash([group]) in released)

    def forget(self, zone_id: str, gone: Iterable[ChangeGroup]) -> None:
        """These deletes have been carried out."""
        if released := self._released.get(zone_id):
            released.difference_update(approval_hash([group]) for group in gone)


class DeleteBudget:
    """Guards the plans of all zones, knowing what went within the last ten minutes.

    Deletes that a person has approved do not count, nor those of names that come and go with pods: restarts
    of many pods are no mass deletion.
    """

    def __init__(
        self, *, percent: int, approved: Collection[str], registry: Registry, now: Callable[[], datetime]
    ) -> None:
        self._percent = percent
        self._approvals = Approvals(approved)
        self._registry = registry
        self._now = now
        self._spent: dict[str, deque[tuple[datetime, int]]] = {}
        self._counted: dict[str, set[str]] = {}
        self.held: dict[str, HeldDeletes] = {}
        self.left_out: dict[str, HeldDeletes] = {}

    def guard(
        self, zone_id: str, plan: Plan, observed: ZoneRecords, held: str, pod_bound: Container[str]
    ) -> Plan:
        """The plan without the deletes that may not happen now; see `plan.guard` and `plan.left_out`.

        `pod_bound` are the objects whose names come and go with pods, as ownership texts name them.
        """
        plan = self._without_left_out(zone_id, plan) if not held else plan
        deletes = [
            group for group in deletes_of(plan) if not (group.resource in pod_bound or group.left_out_by)
        ]
        released = self._approvals.released(zone_id, deletes)
        counted = [group for group in deletes if group.key not in released]
        keys = self._counted[zone_id] = {group.key for group in counted}
        guarded = guard(
            plan,
            observed,
            registry=self._registry,
            limits=DeleteLimits(percent=self._percent, spent=self._lately(zone_id)),
            held=held,
            uncounted={group.key for group in deletes_of(plan)} - keys,
        )
        is_held = any(skip.reason == reasons.DELETE_BUDGET for skip in guarded.skips)
        _note(self.held, zone_id, counted if is_held else ())
        return guarded

    def spend(self, zone_id: str, outcomes: Iterable[Outcome[ChangeGroup]]) -> None:
        """Count what was deleted of the plan that was guarded last, and forget the approval of what is gone.

        What did not count then does not count now: a Service may have gone between the plan and the answer.
        """
        gone = [outcome.action for outcome in outcomes if outcome.ok and outcome.action.verb == "delete"]
        if counted := [group for group in gone if group.key in self._counted.get(zone_id, ())]:
            spent = self._spent.setdefault(zone_id, deque())
            spent.append((self._now(), count_data(counted, self._registry)))
        self._approvals.forget(zone_id, gone)

    def _without_left_out(self, zone_id: str, plan: Plan) -> Plan:
        """The plan without deletes for which a setting is to blame, unless a person has approved them."""
        left_out = [group for group in plan.groups if group.left_out_by]
        released = self._approvals.released(zone_id, left_out)
        _note(self.left_out, zone_id, [group for group in left_out if group.key not in released])
        return hold_left_out(plan, released) if left_out else plan

    def _lately(self, zone_id: str) -> int:
        spent = self._spent.get(zone_id, deque())
        while spent and spent[0][0] <= self._now() - _WINDOW:
            spent.popleft()
        return sum(count for _, count in spent)


def _note(held: dict[str, HeldDeletes], zone_id: str, groups: Collection[ChangeGroup]) -> None:
    held.pop(zone_id, None)
    if groups:
        held[zone_id] = HeldDeletes(approval_hash(groups), tuple(group.name for group in groups))

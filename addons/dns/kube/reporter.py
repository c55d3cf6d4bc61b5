"""What is told about decisions: a line in the log, an entry on the status page, an Event on the object."""

import logging
from collections.abc import Container, Iterable
from typing import Literal

from addons.dns import names
from addons.dns.model.actions import ChangeGroup, NameTaken, Plan
from addons.runtime.decisions import Decisions
from addons.runtime.errors import OutsideError
from addons.runtime.events import EventRecorder
from addons.runtime.outcomes import ObjectRef, Outcome, Problem, Skip
from addons.runtime.permit import CACHES_STALE, HALTED, LEASE_ENDING, STOPPING

log = logging.getLogger(__name__)

_QUIET = frozenset(
    {
        names.RECORD_KEPT,
        names.BLOCKED,
        names.NO_TARGETS,
        names.DELETES_HELD,
        names.DELETE_BUDGET,
        names.POD_RECORD_HELD,
        LEASE_ENDING,
        STOPPING,
        CACHES_STALE,
        HALTED,
    }
)
"""Reasons without an Event: they pass by themselves, or are no concern of the object."""

_COUNTED = frozenset({LEASE_ENDING, STOPPING, CACHES_STALE, HALTED})
"""Reasons that meet every change that is left: `apply_each` logs how many these are."""

Object = tuple[str, str, str]
EventType = Literal["Normal", "Warning"]


class Reporter:
    """Tells everything once: what has been said already is not said again until it changes or ends.

    Without `recorder` no Events are made.
    """

    def __init__(self, *, decisions: Decisions, recorder: EventRecorder | None) -> None:
        self._decisions = decisions
        self._recorder = recorder
        self._skips: dict[str, list[Skip]] = {}
        self._problems: dict[Object, tuple[Problem, ...]] = {}
        self._withheld: dict[str, str] = {}

    def report_problems(self, owner: Object, problems: tuple[Problem, ...]) -> None:
        """Tell the faults of one object that were not there before."""
        known = self._problems.pop(owner, ())
        if problems:
            self._problems[owner] = problems
        for problem in problems:
            if problem not in known:
                key = str(problem.ref)
                self._tell(Skip(key, problem.ref, problem.reason, problem.message))

    def report(self, plan: Plan, outcomes: Iterable[Outcome[ChangeGroup]], planned: Container[str]) -> None:
        """Tell what was done and what was not; `planned` has the keys that the plan was about."""
        current: dict[str, list[Skip]] = {}
        for skip in plan.skips:
            current.setdefault(skip.key, []).append(skip)
        for key in [key for key in self._skips if _name_of(key) in planned and key not in current]:
            del self._skips[key]
        for key, skips in current.items():
            known = {_identity(skip) for skip in self._skips.get(key, ())}
            self._skips[key] = skips
            for skip in skips:
                if _identity(skip) not in known:
                    self._tell(skip)
        for outcome in outcomes:
            self._tell_outcome(outcome)

    def report_zone_error(self, zone: str, message: str) -> None:
        """Tell that a whole zone cannot be worked on."""
        log.warning("%s: %s", zone, message)
        self._decisions.record(key=zone, ref=None, action="skip", reason=names.ZONE_ERROR, message=message)

    def report_withheld(self, zone: str, refusal: OutsideError | None) -> None:
        """Tell once why nothing in a zone may be changed at the moment, until something may again."""
        if refusal is None:
            self._withheld.pop(zone, None)
        elif self._withheld.get(zone) != refusal.code:
            self._withheld[zone] = refusal.code
            log.warning("%s: %s", zone, refusal.message)
            self._tell(Skip(zone, None, refusal.code, refusal.message))

    def report_drift(self, groups: Iterable[ChangeGroup]) -> None:
        """Tell which records somebody else has changed; they are about to be put right."""
        for group in groups:
            message = f"{group.name} was changed by somebody else"
            log.warning("%s", message)
            self._decisions.record(
                key=group.key, ref=group.ref, action=group.verb, reason=names.DRIFT, message=message
            )

    def problems(self) -> list[Problem]:
        """The faults that exist now, for the status page."""
        return sorted(problem for found in self._problems.values() for problem in found)

    def conflicts(self) -> list[NameTaken]:
        """The names that somebody else holds now, for the status page; in no order."""
        return [skip for skips in self._skips.values() for skip in skips if isinstance(skip, NameTaken)]

    def _tell(self, skip: Skip) -> None:
        if skip.reason not in _COUNTED:
            log.info("%s: %s (%s)", skip.key, skip.message, skip.reason)
        self._decisions.record(
            key=skip.key,
            ref=skip.ref,
            action="skip",
            reason=skip.reason,
            message=skip.message,
            retry_at=skip.retry_at,
        )
        if skip.ref and skip.reason not in _QUIET:
            self._event(skip.ref, "Warning", skip.reason, "Skip", skip.message)

    def _tell_outcome(self, outcome: Outcome[ChangeGroup]) -> None:
        group, error = outcome.action, outcome.error
        if error:
            reason, message = names.RECORD_ERROR, f"cannot {group.verb} {group.name}: {error.message}"
        elif group.verb == "delete":
            reason, message = names.RECORD_DELETED, f"{group.name} deleted: {group.because}"
        else:
            reason, message = names.RECORD_READY, f"{group.verb}d {describe(group)}"
        log.log(logging.WARNING if error else logging.INFO, "%s", message)
        self._decisions.record(
            key=group.key, ref=group.ref, action=group.verb, reason=reason, message=message
        )
        if group.ref:
            self._event(group.ref, "Warning" if error else "Normal", reason, group.verb.title(), message)

    def _event(self, ref: ObjectRef, kind: EventType, reason: str, action: str, message: str) -> None:
        if self._recorder:
            self._recorder.event(ref, type=kind, reason=reason, action=action, message=message)


def _identity(skip: Skip) -> tuple[str, ...]:
    """What makes a decision worth telling again: its reason, and the hash by which deletes are approved."""
    said = skip.message if skip.reason == names.DELETE_BUDGET else ""
    return str(skip.ref), skip.reason, said


def _name_of(key: str) -> str:
    """The key without the set identifier."""
    return key.partition("#")[0]


def describe(group: ChangeGroup) -> str:
    """The data records a group creates, in words."""
    created = (change.record for change in group.changes if change.action == "CREATE")
    return "; ".join(str(record) for record in created if record.type != "TXT") or f"owner of {group.name}"

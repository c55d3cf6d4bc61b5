"""How decisions are told: as Reports, for the log, the status page, and as Events on the objects."""

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from addons.albingress import names
from addons.albingress.model.actions import AwsAction
from addons.albingress.model.groups import GroupId
from addons.runtime.errors import Exhausted, Invalid, OutsideError, Throttled, Withheld
from addons.runtime.outcomes import ObjectRef, Outcome, Problem, Skip
from addons.runtime.permit import CACHES_STALE, HALTED, LEASE_ENDING, STOPPING
from addons.runtime.reporter import Report

EventType = Literal["Warning", "Normal", ""]

_EVENTS_OF_SKIPS: Final[dict[str, EventType]] = {
    names.ATTRIBUTE_KEPT: "Normal",
    names.QUOTA_EXCEEDED: "Warning",
    names.DELETION_PROTECTED: "Warning",
    names.MASS_DELETE: "Warning",
    names.REFUSED_BY_AWS: "Warning",
}
"""What is told of decisions not to act; others pass by themselves, or a Problem tells their cause."""

_NO_FAULTS: Final = frozenset({names.ATTRIBUTE_KEPT, names.RULE_SHADOWED})
"""Reasons of problems that may be meant."""

_WITHOUT_LOG = frozenset({LEASE_ENDING, STOPPING, CACHES_STALE, HALTED})
"""Reasons that meet every action that is left at once."""


def problem_report(group: GroupId, problem: Problem) -> Report:
    """A fault in an object, which costs that object alone."""
    return Report(
        key=str(group),
        ref=problem.ref,
        action="skip",
        reason=problem.reason,
        message=problem.message,
        event="Normal" if problem.reason in _NO_FAULTS else "Warning",
    )


def recovered_report(group: GroupId, ref: ObjectRef, reasons: Iterable[str]) -> Report:
    """An object has none of the faults any more that it had."""
    was = ", ".join(sorted(set(reasons)))
    return Report(
        key=str(group),
        ref=ref,
        action="tell",
        reason=names.RECOVERED,
        message=f"no problem any more; it was {was}",
        event="Normal",
    )


def skip_report(group: GroupId, skip: Skip) -> Report:
    """A decision not to act; the time of the next try is no news."""
    return Report(
        key=str(group),
        ref=skip.ref,
        action="skip",
        reason=skip.reason,
        message=f"{skip.key}: {skip.message}",
        retry_at=skip.retry_at,
        log="" if skip.reason in _WITHOUT_LOG else "info",
        event=_EVENTS_OF_SKIPS.get(skip.reason, ""),
        identity=f"{skip.ref} {skip.key} {skip.reason}",
    )


def done_report(group: GroupId, action: AwsAction) -> Report:
    """What was done in AWS."""
    return Report(
        key=str(group),
        ref=action.ref,
        action=verb_of(action),
        reason=names.APPLIED,
        message=f"{in_words(action)}: {action.because}",
        is_change=True,
    )


def failed_report(
    group: GroupId, outcome: Outcome[AwsAction], concerned: Iterable[ObjectRef]
) -> Iterator[Report]:
    """What could not be done in AWS, told to all whom it concerns."""
    action, error = outcome.action, outcome.error
    assert error is not None
    for ref in tuple(concerned) or (None,):
        yield Report(
            key=str(group),
            ref=ref,
            action=verb_of(action),
            reason=reason_of(error),
            message=f"cannot {in_words(action)}: {error.message}",
            log="warning",
            event=_event_of(error),
            identity=f"{ref} {action.key} {error.reason}",
        )


def waiting_reports(
    group: GroupId, what: str, error: OutsideError, members: Iterable[ObjectRef]
) -> Iterator[Report]:
    """The members of a group that wait for AWS or Kubernetes, each told once."""
    for ref in members:
        yield Report(
            key=str(group),
            ref=ref,
            action="wait",
            reason=names.ACTION_FAILED,
            message=f"waits: {what}: {error.message}",
            log="",
            event=_event_of(error),
            identity=f"{ref} {error.reason}",
        )


def held_reports(group: GroupId, refusal: Withheld, members: Iterable[ObjectRef]) -> Iterator[Report]:
    """The members of a group of which nothing may be changed now; no Event where that passes by itself."""
    for ref in members:
        yield Report(
            key=str(group),
            ref=ref,
            action="wait",
            reason=refusal.code,
            message=refusal.message,
            event="Warning" if refusal.code == names.OTHER_CONTROLLER else "",
            identity=f"{ref} {refusal.code}",
        )


def reconciled_report(group: GroupId, ref: ObjectRef, hostname: str) -> Report:
    """What an Ingress asks for has changed in AWS, and is there now."""
    where = f"served by {hostname}" if hostname else "removed from AWS"
    return Report(
        key=str(group),
        ref=ref,
        action="tell",
        reason=names.RECONCILED,
        message=f"{where}, as the group {group} asks",
        log="",
        event="Normal",
    )


def drift_report(group: GroupId, what: str) -> Report:
    """Somebody else has changed what is ours, and it is about to be put right."""
    return Report(key=str(group), ref=None, action="tell", reason=names.DRIFT, message=what, log="warning")


def reason_of(error: OutsideError) -> str:
    """The code that an error is told by."""
    if isinstance(error, Exhausted):
        return names.QUOTA_EXCEEDED
    return names.REFUSED_BY_AWS if isinstance(error, Invalid) else names.ACTION_FAILED


def _event_of(error: OutsideError) -> EventType:
    """No Event where we only asked too often, or were not permitted to act any more: it passes."""
    return "" if isinstance(error, Throttled | Withheld) else "Warning"


def verb_of(action: AwsAction) -> str:
    """What an action does, as one word: the first of its name."""
    return action.words.partition(" ")[0]


def in_words(action: AwsAction) -> str:
    """An action and what it is about: "create listener k8s-shop-2019ed2787:80"."""
    return f"{action.words} {action.key.partition('/')[2] or action.key}"

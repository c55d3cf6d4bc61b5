"""How decisions are told: as Reports, for the log, the status page, and as Events on the objects."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Literal

from addons.dns import names
from addons.dns.kube.changes import describe
from addons.dns.model.actions import ChangeGroup, NameTaken
from addons.dns.model.objects import ObjectKey
from addons.dns.model.records import Zone
from addons.runtime.errors import OutsideError, Throttled
from addons.runtime.outcomes import ObjectRef, Outcome, Problem, Skip
from addons.runtime.permit import CACHES_STALE, HALTED, LEASE_ENDING, STOPPING
from addons.runtime.reporter import Report

HOSTED_ZONES = "hosted zones"
"""The key of what is about all zones together."""

_LISTED = 20
"""So many zones are named in a message; `/api/state` has more."""

_COUNTED = frozenset({LEASE_ENDING, STOPPING, CACHES_STALE, HALTED})
"""Reasons that meet every change that is left: `apply_each` logs how many these are."""

_WITHOUT_EVENT = _COUNTED | {
    names.RECORD_KEPT,
    names.BLOCKED,
    names.NO_TARGETS,
    names.DELETES_HELD,
    names.FILTERED_OUT,
    names.DELETE_BUDGET,
    names.POD_RECORD_HELD,
}
"""Reasons that pass by themselves, or are no concern of the object."""


class SkipReport(Report, frozen=True, kw_only=True):
    """Tells a decision not to act; `holder` says whose the name is, where it is somebody else's."""

    holder: str = ""


def skip_report(skip: Skip) -> SkipReport:
    """A decision not to act. It is news with another reason, or another hash to approve deletes by."""
    said = skip.message if skip.reason in (names.DELETE_BUDGET, names.FILTERED_OUT) else ""
    return SkipReport(
        key=skip.key,
        ref=skip.ref,
        action="skip",
        reason=skip.reason,
        message=skip.message,
        retry_at=skip.retry_at,
        log="" if skip.reason in _COUNTED else "info",
        event="" if skip.reason in _WITHOUT_EVENT else "Warning",
        identity=f"{skip.ref} {skip.reason} {said}",
        holder=skip.holder if isinstance(skip, NameTaken) else "",
    )


def problem_report(owner: ObjectKey, problem: Problem) -> Report:
    """A fault found while `owner` was read: mostly in it, or in a pod behind it."""
    return Report(
        key=str(ObjectRef(*owner)),
        ref=problem.ref,
        action="skip",
        reason=problem.reason,
        message=problem.message,
        event="Warning",
    )


def outcome_report(outcome: Outcome[ChangeGroup]) -> Report:
    """What was done to a name, or why that failed."""
    group, error = outcome.action, outcome.error
    if error:
        reason, message = names.RECORD_ERROR, f"cannot {group.verb} {group.name}: {error.message}"
    else:
        reason = names.RECORD_DELETED if group.verb == "delete" else names.RECORD_READY
        message = f"{describe(group.name, group.changes)}: {group.because}"
    return Report(
        key=group.key,
        ref=group.ref,
        action=group.verb,
        reason=reason,
        message=message,
        log="warning" if error else "info",
        event="Warning" if error else "Normal",
        is_change=not error,
    )


def drift_report(group: ChangeGroup) -> Report:
    """A record that somebody else has changed, and that is about to be put right."""
    message = f"{group.name} was changed by somebody else"
    return Report(
        key=group.key, ref=group.ref, action=group.verb, reason=names.DRIFT, message=message, log="warning"
    )


def zone_report(zone: str, message: str) -> Report:
    """A zone, or a list of zones, that cannot be worked on; the loop logs the failed pass."""
    return Report(key=zone, ref=None, action="skip", reason=names.ZONE_ERROR, message=message, log="")


def zone_filter_reports(
    zones: Collection[str], left_out: Mapping[Zone, str], missing: Collection[str]
) -> Iterator[Report]:
    """That the settings leave no zone and which ones there are, and ids in them that no zone has."""
    if not zones:
        listed = sorted(f"{zone} left out by {setting}" for zone, setting in left_out.items())
        more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
        there = f"there are {', '.join(listed[:_LISTED])}{more}" if listed else "the account has none"
        yield _filter_report(HOSTED_ZONES, names.NO_HOSTED_ZONE, f"no hosted zone to work on: {there}")
    for setting in missing:
        yield _filter_report(
            setting, names.UNKNOWN_ZONE_ID, f"no hosted zone that is listed has the id of {setting}"
        )


def _filter_report(key: str, reason: str, message: str) -> Report:
    return Report(key=key, ref=None, action="skip", reason=reason, message=message, log="warning")


def waiting_reports(
    key: str, what: str, error: OutsideError, objects: Iterable[ObjectRef | None]
) -> list[Report]:
    """The objects whose names wait for AWS, each told once; no Event where we only asked too often."""
    event: Literal["Warning", ""] = "" if isinstance(error, Throttled) else "Warning"
    return [
        Report(
            key=key,
            ref=ref,
            action="skip",
            reason=names.ZONE_ERROR,
            message=f"waits: {what} cannot be read or changed: {error.message}",
            log="",
            event=event,
            identity=f"{ref} {event}",
        )
        for ref in sorted({ref for ref in objects if ref})
    ]


def withheld_report(zone: str, refusal: OutsideError) -> Report:
    """Why nothing in a zone may be changed at the moment; news only with another code."""
    return Report(
        key=zone,
        ref=None,
        action="skip",
        reason=refusal.code,
        message=refusal.message,
        log="warning",
        identity=refusal.code,
    )

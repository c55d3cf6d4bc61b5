"""How what becomes of targets is told: in the log, on the page, as Events on whose wish it is."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

from addons.albingress import names
from addons.albingress.model.groups import Owner
from addons.albingress.model.targets import (
    Binding,
    RegisterTargets,
    Target,
    TargetAction,
    TargetPlan,
)
from addons.runtime.errors import OutsideError, Throttled, Withheld
from addons.runtime.objects import Key
from addons.runtime.outcomes import ObjectRef, Problem
from addons.runtime.reporter import Report

_LISTED: Final = 5
"""So many targets are named in a message."""


def in_words(targets: Iterable[Target]) -> str:
    """Targets by address and port, the first of them by name."""
    named = [f"{target.id}:{target.port}" for target in sorted(targets)]
    more = f" and {len(named) - _LISTED} more" if len(named) > _LISTED else ""
    return f"{', '.join(named[:_LISTED])}{more}"


def done_report(action: TargetAction) -> Report:
    """Targets came or went."""
    is_new = isinstance(action, RegisterTargets)
    verb = "registered" if is_new else "deregistered"
    return Report(
        key=action.key,
        ref=action.ref,
        action="register" if is_new else "deregister",
        reason=names.TARGETS_REGISTERED if is_new else names.TARGETS_DEREGISTERED,
        message=f"{len(action.targets)} targets {verb}: {in_words(action.targets)}: {action.because}",
        is_change=True,
    )


def state_reports(
    group: str, plan: TargetPlan, bindings: Iterable[Binding], unknown: Mapping[Key, str], limit: int
) -> Iterator[Report]:
    """What holds of a group's targets: kept ones, ones too many, and users' bindings that are not known."""
    filling = tuple(bindings)
    owner = filling[0].owner
    if plan.kept:
        yield kept_report(group, owner, plan.kept, plan.why_kept)
    if plan.left_out:
        yield left_out_report(group, owner, plan.left_out, limit)
    for each in filling:
        if each.is_users and each.key in unknown:
            yield unknown_report(each, unknown[each.key])


def kept_report(group: str, owner: Owner, targets: Iterable[Target], why: str) -> Report:
    """Targets that are not asked for now, and stay all the same."""
    message = f"kept {in_words(targets)}: {why}"
    return _skip(group, owner.ref, names.TARGETS_KEPT, message, identity=why)


def unknown_report(binding: Binding, why: str) -> Report:
    """A user's binding of which nobody can say what it asks for; an Ingress is told of by its group."""
    ref = binding.owner.ref
    return _skip(binding.group, ref, names.BROKEN_BINDING, f"nothing is changed: {why}", event="Warning")


def left_out_report(group: str, owner: Owner, targets: Iterable[Target], limit: int) -> Report:
    """More targets than the settings permit."""
    message = f"left out {in_words(targets)}: --max-targets-per-target-group is {limit}"
    return _skip(group, owner.ref, names.QUOTA_EXCEEDED, message, event="Warning", identity=str(limit))


def refused_reports(group: str, owner: Owner, refused: Mapping[Target, str]) -> Iterator[Report]:
    """Targets that AWS does not take."""
    for target, why in sorted(refused.items()):
        message = f"target {target.id}:{target.port} is refused: {why}"
        yield _skip(group, owner.ref, names.REFUSED_BY_AWS, message, event="Warning")


def failed_report(group: str, owner: Owner | None, error: OutsideError, *, lasts: bool = False) -> Report:
    """What AWS did not do; no Event where we were stopped, or only asked too often, unless that `lasts`."""
    passes = isinstance(error, Throttled | Withheld) and not lasts
    return Report(
        key=group,
        ref=owner.ref if owner else None,
        action="wait",
        reason=names.ACTION_FAILED,
        message=f"targets wait: {error.message}",
        log="",
        event="" if passes else "Warning",
        identity=f"{error.reason} {lasts}",
    )


def drift_report(group: str, gone: Iterable[Target], extra: Iterable[Target]) -> Report:
    """Somebody else changed the targets, and it is about to be put right."""
    parts = (("deregistered", tuple(gone)), ("registered", tuple(extra)))
    said = ", ".join(f"{verb} {in_words(targets)}" for verb, targets in parts if targets)
    message = f"somebody else {said}"
    return Report(key=group, ref=None, action="tell", reason=names.DRIFT, message=message, log="warning")


def _skip(
    group: str,
    ref: ObjectRef,
    reason: str,
    message: str,
    *,
    event: Literal["Warning", ""] = "",
    identity: str | None = None,
) -> Report:
    return Report(
        key=group,
        ref=ref,
        action="skip",
        reason=reason,
        message=message,
        event=event,
        identity=identity and f"{ref} {reason} {identity}",
    )


def problem_report(problem: Problem) -> Report:
    """A fault in a user's binding, which costs that binding alone: its targets stay."""
    ref = problem.ref
    return Report(
        key=f"{ref.namespace}/{ref.name}",
        ref=ref,
        action="skip",
        reason=problem.reason,
        message=problem.message,
        event="Warning",
    )

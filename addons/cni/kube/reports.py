"""What is told of the pool and of pods: in the log, on the status page, and as Events."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network

from addons.cni import names
from addons.cni.model.actions import (
    Action,
    AssignAddresses,
    AssignPrefixes,
    CreateEni,
    DeleteEni,
    Plan,
    ReleaseAddresses,
    ReleasePrefixes,
    RepairEni,
    SetSecurityGroups,
)
from addons.cni.model.assignments import Assignment, PodId
from addons.cni.model.outcomes import Applied
from addons.runtime.errors import Withheld
from addons.runtime.outcomes import ObjectRef, PlanLine, Skip
from addons.runtime.reporter import Report

_REASONS: dict[type[Action], str] = {
    AssignAddresses: names.ADDRESSES_ASSIGNED,
    AssignPrefixes: names.ADDRESSES_ASSIGNED,
    ReleaseAddresses: names.ADDRESSES_RELEASED,
    ReleasePrefixes: names.ADDRESSES_RELEASED,
    CreateEni: names.ENI_CREATED,
    RepairEni: names.ENI_REPAIRED,
    SetSecurityGroups: names.ENI_REPAIRED,
    DeleteEni: names.ENI_DELETED,
}


def of_applied(applied: Applied) -> Report:
    """What became of an action."""
    action = applied.action
    if applied.error:
        return Report(
            key=action.key,
            ref=None,
            action=verb_of(action),
            reason=applied.error.reason,
            message=f"could not {in_words(action)}: {applied.error.message}",
            log="info" if isinstance(applied.error, Withheld) else "warning",
        )
    return Report(
        key=action.key,
        ref=None,
        action=verb_of(action),
        reason=_REASONS[type(action)],
        message=f"{done_in_words(applied)}: {action.because}",
        is_change=True,
    )


def of_plan(plan: Plan, *, is_needed: bool) -> Iterator[Report]:
    """What is not done for now, and why there is no address; that is news only if a pod needs one."""
    for skip in plan.skips:
        yield _of_skip(skip, log_as="")
    if plan.why_waiting and is_needed:
        yield _of_skip(plan.why_waiting, log_as="warning")


def _of_skip(skip: Skip, *, log_as: str) -> Report:
    return Report(
        key=skip.key,
        ref=skip.ref,
        action="wait" if log_as else "skip",
        reason=skip.reason,
        message=skip.message,
        retry_at=skip.retry_at,
        log="warning" if log_as else "",
        identity=skip.reason,
    )


def of_waiting(pod: PodId, why: Skip | None, seconds: float) -> Report:
    """A pod waits for an address."""
    words = why.message if why else "an address is being asked for"
    return Report(
        key=str(pod),
        ref=pod.ref,
        action="wait",
        reason=why.reason if why else names.GROWING,
        message=f"no address for {seconds:.0f} s: {words}",
        retry_at=why.retry_at if why else None,
        log="info",
        event="Warning",
        identity=why.reason if why else "",
    )


def of_refused(pod: PodId, reason: str, message: str) -> Report:
    """A pod was refused; the runtime asks again."""
    return Report(
        key=str(pod), ref=pod.ref, action="refuse", reason=reason, message=message, log="", event="Warning"
    )


def of_lost(held: Assignment, what: str) -> Report:
    """A pod has an address that the node has not any more."""
    message = f"{held.ip} was taken from the node: {what}; the pod cannot be reached, delete it"
    return Report(
        key=str(held.key),
        ref=held.pod.ref,
        action="find",
        reason=names.ADDRESS_LOST,
        message=message,
        log="warning",
        event="Warning",
    )


def of_leak(key: str, message: str) -> Report:
    """Something that was left behind is cleaned up."""
    return Report(
        key=key, ref=None, action="clean", reason=names.ADDRESS_LEAKED, message=message, is_change=True
    )


def of_node(node: str, reason: str, message: str, *, uid: str = "") -> Report:
    """Something about the node itself."""
    ref = ObjectRef("Node", "", node, uid)
    return Report(
        key="node", ref=ref, action="tell", reason=reason, message=message, log="warning", event="Warning"
    )


def verb_of(action: Action) -> str:
    """What an action does, as one word."""
    match action:
        case AssignAddresses() | AssignPrefixes():
            return "assign"
        case ReleaseAddresses() | ReleasePrefixes():
            return "release"
        case CreateEni():
            return "create"
        case DeleteEni():
            return "delete"
    return "repair"


_DONE = {
    "assign": "assigned",
    "release": "released",
    "make": "made",
    "set": "set",
    "finish": "finished",
    "delete": "deleted",
}


def in_words(action: Action) -> str:
    """What an action is to do."""
    return " ".join(_words(action, None))


def done_in_words(applied: Applied) -> str:
    """What an action has done, with what it brought."""
    verb, *what = _words(applied.action, applied)
    return " ".join((_DONE[verb], *what))


def _words(action: Action, applied: Applied | None) -> tuple[str, ...]:
    """The verb, and what it is about."""
    match action:
        case AssignAddresses(count=count):
            return "assign", _listed(applied.addresses) if applied else f"{count} addresses"
        case AssignPrefixes(count=count):
            return "assign", _listed(applied.prefixes) if applied else f"{count} prefixes"
        case ReleaseAddresses(ips=ips):
            return "release", _listed(ips)
        case ReleasePrefixes(prefixes=prefixes):
            return "release", _listed(prefixes)
        case CreateEni():
            which = applied.eni.eni_id if applied and applied.eni else "an interface"
            return "make", f"{which} with {action.prefixes or action.addresses} {_kind(action)}"
        case SetSecurityGroups(groups=groups):
            return "set", f"security groups {', '.join(groups)}"
        case RepairEni():
            return "finish", "what was begun"
        case DeleteEni():
            return "delete", "it"


def _listed(what: Iterable[IPv4Address] | Iterable[IPv4Network]) -> str:
    return ", ".join(map(str, sorted(what)))


def _kind(action: CreateEni) -> str:
    return "prefixes" if action.prefixes else "addresses"


def preview(plan: Plan) -> Iterator[PlanLine]:
    """What a dry run prints."""
    for action in plan.actions:
        yield PlanLine(action.key, verb_of(action), "", f"{in_words(action)}: {action.because}")
    for skip in (*plan.skips, *((plan.why_waiting,) if plan.why_waiting else ())):
        yield PlanLine(skip.key, "skip", "", skip.message, {"reason": skip.reason})

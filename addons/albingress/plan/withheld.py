"""What of a plan is not to be done now, with all that needs it."""

from collections.abc import Iterable
from datetime import timedelta

from addons.albingress import names
from addons.albingress.model.actions import AwsAction, Plan, RemoveListenerCertificates, RevokeIngress
from addons.albingress.plan.view import View
from addons.runtime.outcomes import Skip

_TAKE_AWAY = (RevokeIngress, RemoveListenerCertificates)


def without_withheld(actions: Iterable[AwsAction], skips: Iterable[Skip], view: View) -> Plan:
    """Leave out what failed a moment ago and rests, and what takes something away while caches are old."""
    told = list(skips)
    left: dict[str, None] = {}
    kept: list[AwsAction] = []
    for action in actions:
        skip = _why_not(action, view) or _waits_for(action, left)
        if skip is None:
            kept.append(action)
        else:
            left[action.key] = None
            told.append(skip)
    return Plan(tuple(kept), tuple(told))


def _why_not(action: AwsAction, view: View) -> Skip | None:
    if rest := view.blocked.get(action.key):
        until = view.now + timedelta(seconds=rest.seconds)
        return Skip(action.key, action.ref, names.BLOCKED, rest.message, until)
    if not view.is_fresh and (action.is_destructive or isinstance(action, _TAKE_AWAY)):
        message = "nothing is taken away while the caches of Kubernetes objects are out of date"
        return Skip(action.key, action.ref, names.DELETE_HELD, message)
    return None


def _waits_for(action: AwsAction, left: Iterable[str]) -> Skip | None:
    needed = next((key for key in action.needs if key in left), "")
    return Skip(action.key, action.ref, names.WAITING, f"waits for {needed}") if needed else None

"""What of a plan is not to be done now, with all that needs it."""

from collections.abc import Mapping
from datetime import timedelta

from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.actions import AwsAction, Plan, RemoveListenerCertificates, RevokeIngress
from addons.albingress.plan.digest import said_by
from addons.albingress.plan.view import View
from addons.runtime.outcomes import Skip

_TAKE_AWAY = (RevokeIngress, RemoveListenerCertificates)


def without_withheld(plan: Plan, view: View) -> Plan:
    """Leave out what failed a moment ago and rests, and what takes something away while caches are old."""
    return withhold(plan, {each.key: skip for each in plan.actions if (skip := _why_not(each, view))})


def withhold(plan: Plan, held: Mapping[str, Skip]) -> Plan:
    """Take actions out by their keys, and all that need them.

    What would take something away is `DeleteHeld` where it waits, so that who leaves is not let go.
    """
    causes: dict[str, Skip] = {}
    skips: list[Skip] = []
    kept: list[AwsAction] = []
    for action in plan.actions:
        own = held.get(action.key)
        if cause := own or next((causes[key] for key in action.needs if key in causes), None):
            causes[action.key] = cause
            skips.append(own or _waiting(action, cause))
        else:
            kept.append(action)
    return replace(plan, actions=tuple(kept), skips=(*plan.skips, *skips)) if skips else plan


def _waiting(action: AwsAction, cause: Skip) -> Skip:
    reason = names.DELETE_HELD if action.is_destructive else names.WAITING
    return Skip(action.key, action.ref, reason, f"waits for {cause.key}: {cause.message}", cause.retry_at)


def _why_not(action: AwsAction, view: View) -> Skip | None:
    if (rest := view.blocked.get(action.key)) and view.failed.get(action.key) in (None, said_by(action)):
        until = view.now + timedelta(seconds=rest.seconds)
        reason = names.DELETE_HELD if action.is_destructive else names.BLOCKED
        return Skip(action.key, action.ref, reason, rest.message, until)
    if not view.is_fresh and (action.is_destructive or isinstance(action, _TAKE_AWAY)):
        message = "nothing is taken away while the caches of Kubernetes objects are out of date"
        return Skip(action.key, action.ref, names.DELETE_HELD, message)
    return None

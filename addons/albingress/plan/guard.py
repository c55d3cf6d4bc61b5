"""The caps on a plan: nothing goes that was not wanted for a while, nor much at once.

What needs something that is held is held too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace as changed
from datetime import datetime, timedelta

from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.actions import (
    AwsAction,
    CreateRule,
    DeleteListener,
    DeleteLoadBalancer,
    DeleteRule,
    Plan,
)
from addons.albingress.model.rules import RuleContent
from addons.albingress.plan.view import View
from addons.albingress.plan.withheld import withhold
from addons.runtime.outcomes import Skip

_ALL = "deletions"
"""The key of what is told to each Ingress that leaves."""

_FOR_PEOPLE = (names.MASS_DELETE, names.DELETION_PROTECTED)
"""Reasons that do not pass by themselves."""

_LEAST = 10
"""So many things may always go within a while."""

_WHILE = timedelta(minutes=1)
"""When it is looked again whether what went lately counts no more."""


def remember_deletes(plan: Plan, view: View) -> Mapping[str, datetime]:
    """What `View.wanted_deletes` is from now on: since when passes in a row have wanted each deletion.

    A pass on caches that are out of date wants nothing, and passes begin anew after it. What rests as it
    failed is still wanted.
    """
    if not view.is_fresh:
        return {}
    wanted = {each.key: view.wanted_deletes.get(each.key, view.now) for each in _deletes(plan)}
    resting = {skip.key for skip in plan.skips} & view.wanted_deletes.keys()
    return {key: view.wanted_deletes[key] for key in sorted(resting)} | wanted


def guard(plan: Plan, view: View) -> Plan:
    """Take out of `plan` what may not go now, and all that needs it, each with its reason.

    The rule of a wish for which the same plan makes another one goes at once. Expects `remember_deletes` of
    this plan in the view.
    """
    moved = _moved(plan)
    held = {
        each.key: skip for each in _deletes(plan) if each.key not in moved and (skip := _unsure(each, view))
    }
    found = withhold(withhold(plan, held), _masses(plan, view))
    return replace(found, skips=(*found.skips, *_told_to_leaving(found, view)))


def counted_deletes(plan: Plan, view: View) -> Mapping[str, int]:
    """The keys of deletions that count as a mass, with how many things go by each.

    Not what goes with Ingresses that are deleted, as somebody wants that; nor a rule whose wish gets another
    one, nor what serves nobody before the plan.
    """
    deletes, moved = _deletes(plan), _moved(plan)
    keys = {each.key for each in deletes}
    return {
        each.key: _size(each)
        for each in deletes
        if each.key not in moved
        and not _is_meant(each, view)
        and (_serves(each) or keys.intersection(each.needs))
    }


def _is_meant(action: AwsAction, view: View) -> bool:
    """Whether it is for an Ingress that is deleted, or, if it is for nobody, all who leave are."""
    refs = (action.ref,) if action.ref else view.leaving
    return bool(refs) and view.deleting >= {f"{each.namespace}/{each.name}" for each in refs}


def _deletes(plan: Plan) -> list[AwsAction]:
    return [each for each in plan.actions if each.is_destructive]


def _serves(action: AwsAction) -> bool:
    """True for what answers requests; the others are used by these, or by nothing."""
    return isinstance(action, DeleteRule | DeleteListener | DeleteLoadBalancer)


def _size(action: AwsAction) -> int:
    return 1 + action.contents if isinstance(action, DeleteListener | DeleteLoadBalancer) else 1


def _moved(plan: Plan) -> frozenset[str]:
    """Deletions of rules in whose place the plan makes others: of the same wish, or with the same match."""
    made: set[tuple[str, object]] = set()
    for each in plan.actions:
        if isinstance(each, CreateRule):
            made |= {(each.listener, each.rule.key.digest), (each.listener, _match(each.rule.content))}
    return frozenset(
        each.key
        for each in plan.actions
        if isinstance(each, DeleteRule)
        and not made.isdisjoint(
            {
                (each.listener, dict(each.existing.tags).get(names.TAG_RULE)),
                (each.listener, _match(each.existing.content)),
            }
        )
    )


def _match(content: RuleContent | None) -> object:
    return content.conditions if content else None


def _unsure(action: AwsAction, view: View) -> Skip | None:
    """Why a deletion is not certain enough yet."""
    seconds = view.policy.two_pass.total_seconds()
    since = view.wanted_deletes.get(action.key)
    sure_at = (since or view.now) + view.policy.two_pass
    if since and sure_at <= view.now:
        return None
    message = f"stays for now: {action.because}; it goes if that is still so in {seconds:g} s"
    return Skip(action.key, action.ref, names.DELETE_HELD, message, sure_at)


def _masses(plan: Plan, view: View) -> dict[str, Skip]:
    """Hold all deletions that count where they are too many, with those of the last minutes."""
    counted = counted_deletes(plan, view)
    doomed, policy = sum(counted.values()), view.policy
    most = max(_LEAST, (view.known + view.deleted_lately) * policy.mass_delete // 100)
    if policy.allow_mass_delete or not doomed or doomed + view.deleted_lately <= most:
        return {}
    lately = f" after {view.deleted_lately} lately" if view.deleted_lately else ""
    message = (
        f"stays: {doomed} of {view.known} things in AWS would be deleted at once{lately}, at most "
        f"{max(0, most - view.deleted_lately)} may be; see whether Ingresses or a setting got lost; "
        "if it is meant, --allow-mass-delete lets them go"
    )
    until = view.now + _WHILE if doomed <= most else None
    return {
        each.key: Skip(each.key, each.ref, names.MASS_DELETE, message, until)
        for each in plan.actions
        if each.key in counted
    }


def _told_to_leaving(plan: Plan, view: View) -> Iterator[Skip]:
    """Why nothing more is done for Ingresses that leave, where that is told to nobody."""
    told = {skip.reason: skip for skip in reversed(plan.skips) if skip.ref is None}
    for reason in _FOR_PEOPLE:
        if reason in told:
            yield from (changed(told[reason], key=_ALL, ref=ref) for ref in view.leaving)

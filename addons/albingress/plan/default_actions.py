"""What a listener answers where no rule matches: what is asked for, or less where that is not ready."""

from collections.abc import Mapping

from msgspec import Struct

from addons.albingress import names
from addons.albingress.model.elb import Listener
from addons.albingress.model.rules import Action, target_groups_of
from addons.albingress.model.stack import DesiredListener
from addons.albingress.plan.rule_tags import has_secret, is_secret_changed
from addons.albingress.plan.settle import PLACEHOLDER, swapped
from addons.albingress.plan.usage import ingress_of
from addons.albingress.plan.view import View
from addons.runtime.outcomes import Skip


class DefaultPlan(Struct, frozen=True):
    """The default actions as they can be now. `key` names the action that brings them about, empty where
    nothing changes; `needs` those that it needs."""

    actions: tuple[Action, ...]
    key: str = ""
    needs: tuple[str, ...] = ()
    is_secret_known: bool = False
    skips: tuple[Skip, ...] = ()


def plan_default(
    listener: str,
    wish: DesiredListener,
    there: Listener | None,
    makers: Mapping[str, str],
    view: View,
    *,
    resources: Mapping[str, str] | None = None,
) -> DefaultPlan:
    """Decide on the default actions of a listener, which may not be there yet.

    Where the target groups cannot be made, a new listener answers 503 and one that is there goes on: its
    rules do not wait. `resources`: by target group, its resource tag.
    """
    key, ref, asked = f"default/{listener}", wish.owner.ref, wish.default_actions
    needs = tuple(makers[group] for group in target_groups_of(asked) if group in makers)
    if resting := next((each for each in needs if each in view.blocked), ""):
        told = Skip(key, ref, names.WAITING, f"default action of {listener} waits for {resting}")
        return DefaultPlan((PLACEHOLDER,) if there is None else there.default_actions, skips=(told,))
    if there is None:
        return DefaultPlan(asked, key, needs)
    if _is_retained(there, view, resources or {}):
        return DefaultPlan(there.default_actions)
    swap = swapped(there.default_actions, asked, view)
    skips: tuple[Skip, ...] = ()
    if swap.waits_for:
        message = f"default action of {listener} waits until target group {swap.waits_for} is healthy"
        skips = (Skip(key, ref, names.WAITING, message, swap.until),)
    is_changed = not swap.waits_for and _has_new_secret(wish, there, view)
    if swap.actions == there.default_actions and not is_changed:
        return DefaultPlan(there.default_actions, skips=skips)
    is_known = has_secret(there.default_actions) and not is_changed
    needs = tuple(makers[group] for group in target_groups_of(swap.actions) if group in makers)
    return DefaultPlan(swap.actions, key, needs, is_known, skips)


def _is_retained(there: Listener, view: View, resources: Mapping[str, str]) -> bool:
    """Whether an Ingress is served by the default actions that is not served elsewhere yet."""
    groups = target_groups_of(there.default_actions)
    return any(ingress_of(resources.get(group, ""), view.retained) for group in groups)


def _has_new_secret(wish: DesiredListener, there: Listener, view: View) -> bool:
    return has_secret(wish.default_actions) and is_secret_changed(
        there.arn, there.tags, wish.default_secret_digest, view.secrets
    )

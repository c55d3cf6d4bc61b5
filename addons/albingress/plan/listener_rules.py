"""The rules of one listener, among them those of Ingresses that move elsewhere."""

from msgspec.structs import replace

from addons.albingress.model.elb import Rule
from addons.albingress.model.rules import target_groups_of
from addons.albingress.model.stack import DesiredListener
from addons.albingress.plan.ground import Ground
from addons.albingress.plan.matching import Matched, Ownership, match_rules
from addons.albingress.plan.rule_actions import Site
from addons.albingress.plan.rules import RulePlan, plan_rules
from addons.albingress.plan.settle import settle
from addons.albingress.plan.usage import ingress_of


def plan_listener_rules(
    wish: DesiredListener,
    there: tuple[Rule, ...],
    ground: Ground,
    room: int,
    *,
    needs: tuple[str, ...] = (),
    default_key: str = "",
) -> RulePlan:
    """Plan the rules that a listener has; new ones need `needs`. `default_key`, `room`: see `plan_rules`."""
    name, view = ground.listener(wish.port), ground.view
    matched = _without_retained(match_rules(wish.rules, there, ground.owned), ground)
    settled = settle(name, matched, view)
    site = Site(name, wish.port, wish.tags, needs, ground.makers, default_key, ground.owned.resources)
    plan = plan_rules(site, settled.matched, view, room)
    return replace(plan, skips=(*settled.skips, *plan.skips))


def _without_retained(matched: Matched, ground: Ground) -> Matched:
    """Rules of an Ingress that is not served elsewhere yet stay where they are, like those of others."""
    retained = ground.view.retained
    if not retained:
        return matched
    kept = tuple(rule for rule in matched.doomed if _may_be_of(rule, retained, ground.owned))
    arns = {rule.arn for rule in kept}
    doomed = tuple(rule for rule in matched.doomed if rule.arn not in arns)
    return Matched(matched.pairs, doomed, (*matched.foreign, *kept))


def _may_be_of(rule: Rule, ingresses: frozenset[str], owned: Ownership) -> bool:
    """Whether a rule is one of an Ingress, or nobody knows whose: it leads to no target group of ours."""
    groups = target_groups_of(rule.content.actions)
    resources = [found for group in groups if (found := owned.resources.get(group))]
    return not resources or any(ingress_of(each, ingresses) for each in resources)

"""What happens to the rules of listeners."""

from dataclasses import replace
from typing import Any

from addons.sim.aws.elbv2.account import Account, in_order
from addons.sim.aws.elbv2.actions import read_actions
from addons.sim.aws.elbv2.conditions import read_conditions
from addons.sim.aws.elbv2.errors import ElbError, invalid, not_found
from addons.sim.aws.elbv2.model import Rule
from addons.sim.aws.elbv2.operations.shapes import rule_shape
from addons.sim.aws.elbv2.paging import only_one, page
from addons.sim.aws.elbv2.state import Elbv2
from addons.sim.aws.elbv2.tagging import read_tags
from addons.sim.aws.elbv2.transforms import read_transforms

Call = dict[str, Any]
HIGHEST_PRIORITY = 50000


def create_rule(elb: Elbv2, call: Call) -> Call:
    """Make a rule at a priority that is free."""
    account = elb.account
    listener = account.listener(call["ListenerArn"])
    priority = _check_priority(call["Priority"])
    conditions = read_conditions(account, call["Conditions"])
    actions, secret = read_actions(account, listener, call["Actions"])
    transforms = read_transforms(call.get("Transforms", ()))
    tags = read_tags(call.get("Tags", ()))
    if priority in {rule.priority for rule in account.rules_of(listener.arn)}:
        raise ElbError("PriorityInUse", f"Priority '{priority}' is currently in use")
    what = f"rules on load balancer '{listener.load_balancer_arn}'"
    account.check_quota(
        "rules-per-application-load-balancer", _count(account, listener.arn) + 1, "TooManyRules", what
    )
    arn = account.new_arn(f"listener-rule/{listener.arn.partition(':listener/')[2]}")
    rule = Rule(arn, listener.arn, priority, conditions, actions, transforms, secret, tags)
    account.rules.put(arn, rule)
    return {"Rules": [rule_shape(rule)]}


def _check_priority(priority: int) -> int:
    if not 1 <= priority <= HIGHEST_PRIORITY:
        raise invalid(f"Rule priority '{priority}' must be between 1 and {HIGHEST_PRIORITY}")
    return priority


def _count(account: Account, listener_arn: str) -> int:
    """Count the rules of the load balancer that a listener belongs to, without the default ones."""
    balancer = account.listener(listener_arn).load_balancer_arn
    arns = {each.arn for each in account.listeners_of(balancer)}
    return sum(rule.listener_arn in arns and not rule.is_default for rule in account.rules.values())


def modify_rule(elb: Elbv2, call: Call) -> Call:
    """Replace the conditions, the actions or the transforms of a rule."""
    account = elb.account
    rule = account.rule(call["RuleArn"])
    if rule.is_default:
        raise ElbError("OperationNotPermitted", f"Default rule '{rule.arn}' cannot be modified")
    if call.get("ResetTransforms") and call.get("Transforms"):
        raise invalid("'Transforms' and 'ResetTransforms' cannot be specified together")
    if "Conditions" in call:
        rule = replace(rule, conditions=read_conditions(account, call["Conditions"]))
    if "Actions" in call:
        listener = account.listener(rule.listener_arn)
        actions, secret = read_actions(account, listener, call["Actions"], secret=rule.secret)
        rule = replace(rule, actions=actions, secret=secret)
    if "Transforms" in call or call.get("ResetTransforms"):
        rule = replace(rule, transforms=read_transforms(call.get("Transforms", ())))
    account.rules.put(rule.arn, rule)
    return {"Rules": [rule_shape(rule)]}


def delete_rule(elb: Elbv2, call: Call) -> Call:
    """Delete a rule."""
    rule = elb.account.rule(call["RuleArn"])
    if rule.is_default:
        raise ElbError("OperationNotPermitted", f"Default rule '{rule.arn}' cannot be deleted")
    elb.account.rules.remove(rule.arn)
    return {}


def set_rule_priorities(elb: Elbv2, call: Call) -> Call:
    """Move all of some rules, or none of them; they may take each other's places."""
    account = elb.account
    given = [(each["RuleArn"], _check_priority(each["Priority"])) for each in call["RulePriorities"]]
    wanted = dict(given)
    if len(wanted) < len(given):
        raise invalid("A rule cannot be given two priorities")
    moved = [account.rule(arn) for arn in wanted]
    if len({rule.listener_arn for rule in moved}) > 1:
        raise invalid("Rules must belong to the same listener")
    for rule in moved:
        if rule.is_default:
            raise ElbError("OperationNotPermitted", f"Default rule '{rule.arn}' cannot be moved")
    staying = [rule for rule in account.rules_of(moved[0].listener_arn) if rule.arn not in wanted]
    taken = [*(rule.priority for rule in staying), *wanted.values()]
    for priority in wanted.values():
        if taken.count(priority) > 1:
            raise ElbError("PriorityInUse", f"Priority '{priority}' is currently in use")
    after = [replace(rule, priority=wanted[rule.arn]) for rule in moved]
    for rule in after:
        account.rules.put(rule.arn, rule)
    return {"Rules": [rule_shape(rule) for rule in after]}


def describe_rules(elb: Elbv2, call: Call) -> Call:
    """Show rules by priority, the default one last: those of a listener, or certain ones."""
    only_one(call, "ListenerArn", "RuleArns")
    lag = elb.knobs.describe_lag_seconds
    there = elb.account.rules.before(lag)
    if arns := call.get("RuleArns"):
        if not set(arns) <= set(there):
            raise not_found("Rule")
        found = [there[arn] for arn in arns]
    else:
        if not (listener := call.get("ListenerArn")):
            raise invalid("You must specify either listener ARN or rule ARNs")
        if listener not in elb.account.listeners.before(lag):
            raise not_found("Listener")
        found = in_order([rule for rule in there.values() if rule.listener_arn == listener])
    shown, following = page(found, call, lambda rule: rule.arn, usual=elb.knobs.page_size)
    return {"Rules": list(map(rule_shape, shown)), "NextMarker": following}

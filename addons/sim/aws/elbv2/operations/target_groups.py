"""What happens to target groups, but for their targets."""

import re
from dataclasses import replace
from typing import Any

from addons.sim.aws.elbv2 import attributes
from addons.sim.aws.elbv2.errors import ElbError, invalid, not_found
from addons.sim.aws.elbv2.model import TargetGroup
from addons.sim.aws.elbv2.operations.shapes import target_group_shape
from addons.sim.aws.elbv2.paging import only_one, page
from addons.sim.aws.elbv2.settings import read_changes, read_new
from addons.sim.aws.elbv2.state import Elbv2
from addons.sim.aws.elbv2.tagging import read_tags

Call = dict[str, Any]


def create_target_group(elb: Elbv2, call: Call) -> Call:
    """Make a target group; the same again is the one that is there."""
    account, name = elb.account, call["Name"]
    if len(name) > 32:
        raise invalid(f"Target group name '{name}' cannot be longer than '32' characters")
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", name):
        raise invalid(f"Target group name '{name}' is not valid: letters, digits and inner hyphens only")
    settings, tags = read_new(call), read_tags(call.get("Tags", ()))
    if settings["VpcId"] not in account.ec2.account.vpcs:
        raise invalid(f"The VPC ID '{settings['VpcId']}' is not found")
    for other in account.target_groups.values():
        if other.name == name:
            if (other.settings, other.tags) != (settings, tags):
                raise ElbError(
                    "DuplicateTargetGroupName",
                    f"A target group with the same name '{name}' exists, but with different settings",
                )
            return {"TargetGroups": [target_group_shape(other, account.uses())]}
    count = len(account.target_groups.values()) + 1
    account.check_quota("target-groups", count, "TooManyTargetGroups", "target groups")
    arn = account.new_arn(f"targetgroup/{name}")
    group = TargetGroup(arn, name, settings, dict(attributes.TARGET_GROUP), tags=tags)
    account.target_groups.put(arn, group)
    return {"TargetGroups": [target_group_shape(group, {})]}


def modify_target_group(elb: Elbv2, call: Call) -> Call:
    """Change the health check."""
    group = elb.account.target_group(call["TargetGroupArn"])
    group = replace(group, settings=read_changes(dict(group.settings), call))
    elb.account.target_groups.put(group.arn, group)
    return {"TargetGroups": [target_group_shape(group, elb.account.uses())]}


def delete_target_group(elb: Elbv2, call: Call) -> Call:
    """Delete a target group that no rule uses; one that is not there is none the less."""
    account, arn = elb.account, call["TargetGroupArn"]
    if account.target_groups.get(arn) is None:
        return {}
    if arn in account.uses():
        raise ElbError("ResourceInUse", f"Target group '{arn}' is currently in use by a listener or a rule")
    account.target_groups.remove(arn)
    return {}


def describe_target_groups(elb: Elbv2, call: Call) -> Call:
    """Show target groups: all, those of a load balancer, or certain ones."""
    only_one(call, "LoadBalancerArn", "TargetGroupArns", "Names")
    account, lag = elb.account, elb.knobs.describe_lag_seconds
    there, uses = account.target_groups.before(lag), account.uses(lag_seconds=lag)
    found = list(there.values())
    if arns := call.get("TargetGroupArns"):
        if not set(arns) <= set(there):
            raise not_found("TargetGroup")
        found = [there[arn] for arn in arns]
    elif names := call.get("Names"):
        by_name = {each.name: each for each in found}
        if not set(names) <= set(by_name):
            raise not_found("TargetGroup")
        found = [by_name[name] for name in names]
    elif balancer := call.get("LoadBalancerArn"):
        if balancer not in account.load_balancers.before(lag):
            raise not_found("LoadBalancer")
        found = [each for each in found if balancer in uses.get(each.arn, ())]
    shown, following = page(found, call, lambda each: each.arn, usual=elb.knobs.page_size)
    return {"TargetGroups": [target_group_shape(each, uses) for each in shown], "NextMarker": following}


def describe_target_group_attributes(elb: Elbv2, call: Call) -> Call:
    """Show all attributes, those too that nobody has set."""
    there = elb.account.target_groups.before(elb.knobs.describe_lag_seconds)
    if (group := there.get(call["TargetGroupArn"])) is None:
        raise not_found("TargetGroup")
    return {"Attributes": attributes.items(group.attributes)}


def modify_target_group_attributes(elb: Elbv2, call: Call) -> Call:
    """Set some attributes."""
    group = elb.account.target_group(call["TargetGroupArn"])
    after = attributes.changed(attributes.TARGET_GROUP, group.attributes, call["Attributes"])
    elb.account.target_groups.put(group.arn, replace(group, attributes=after))
    return {"Attributes": attributes.items(after)}

"""Security groups: made, deleted, opened and closed by rules of what may come in."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import ip_network
from typing import Any, NamedTuple

from addons.sim.aws.ec2.account import Account
from addons.sim.aws.ec2.errors import Ec2Error, invalid, missing, not_found
from addons.sim.aws.ec2.filters import Values, narrow, page
from addons.sim.aws.ec2.model import GroupRule, SecurityGroup
from addons.sim.aws.ec2.operations import shapes
from addons.sim.aws.ec2.operations.interfaces import read_tags
from addons.sim.aws.ec2.state import Ec2

Call = dict[str, Any]

RULES_TAKE = "GroupId IpPermissions IpProtocol FromPort ToPort CidrIp TagSpecifications"
_PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}


def create_security_group(ec2: Ec2, call: Call) -> Call:
    """Make a group; its name is unique in its VPC."""
    account, name = ec2.account, call["GroupName"]
    if "VpcId" not in call:
        raise missing("VpcId")
    vpc = account.vpc(call["VpcId"])
    if name.startswith("sg-"):
        raise invalid(
            f"Value ({name}) for parameter groupName is invalid. Group names may not be in the format sg-*"
        )
    if any(group.vpc_id == vpc.id and group.name == name for group in account.security_groups.values()):
        raise Ec2Error(
            "InvalidGroup.Duplicate", f"The security group '{name}' already exists for VPC '{vpc.id}'"
        )
    tags = read_tags(call, "security-group")
    group = ec2.network.create_security_group(vpc.id, name, call["Description"])
    account.security_groups[group.id] = replace(group, tags=tags)
    return {"GroupId": group.id, "Tags": shapes.tag_items(tags)}


def delete_security_group(ec2: Ec2, call: Call) -> Call:
    """Delete a group that no interface, load balancer or other group's rule names."""
    account = ec2.account
    group = _group(account, call)
    others = [other for other in account.security_groups.values() if other.id != group.id]
    is_used = (
        any(group.id in eni.groups for eni in account.interfaces.values())
        or any(rule.source == group.id for other in others for rule in other.rules)
        or any(holds(group.id) for holds in account.in_use_elsewhere)
    )
    if is_used:
        raise Ec2Error("DependencyViolation", f"resource {group.id} has a dependent object")
    if group.name == "default":
        raise Ec2Error("CannotDelete", "the specified group: name: default cannot be deleted by a user")
    del account.security_groups[group.id]
    return {"GroupId": group.id}


def authorize_ingress(ec2: Ec2, call: Call) -> Call:
    """Add all of some rules, or none of them."""
    account = ec2.account
    group = _group(account, call)
    asked = list(_read_rules(account, call))
    there = {rule.key for rule in group.rules}
    if len({rule.key for rule in asked}) < len(asked):
        raise invalid("The same permission must not appear multiple times")
    for rule in asked:
        if rule.key in there:
            raise Ec2Error(
                "InvalidPermission.Duplicate",
                f'the specified rule "peer: {rule.source}, {rule.protocol}, from port: {rule.from_port}, '
                f'to port: {rule.to_port}, ALLOW" already exists',
            )
    if _weight(account, (*group.rules, *asked)) > account.most_rules:
        raise Ec2Error(
            "RulesPerSecurityGroupLimitExceeded",
            "The maximum number of rules per security group has been reached.",
        )
    made = [replace(rule, id=account.new_id("sgr")) for rule in asked]
    account.security_groups[group.id] = replace(group, rules=(*group.rules, *made))
    return {"Return": True, "SecurityGroupRules": [shapes.group_rule_shape(group, rule) for rule in made]}


def _weight(account: Account, rules: Iterable[GroupRule]) -> int:
    """Count rules as the quota does: for each family apart, those for groups and prefix lists in both."""
    given = [(rule.source, account.prefix_lists.get(rule.source, 1)) for rule in rules]
    return max(
        sum(weight for source, weight in given if ":" not in source),
        sum(weight for source, weight in given if "." not in source),
    )


def revoke_ingress(ec2: Ec2, call: Call) -> Call:
    """Remove rules by what they permit, or by id; all of them must be there."""
    account = ec2.account
    group = _group(account, call)
    if ids := call.get("SecurityGroupRuleIds"):
        if absent := sorted(set(ids) - {rule.id for rule in group.rules}):
            raise Ec2Error(
                "InvalidSecurityGroupRuleId.NotFound",
                f"The security group rule ID '{absent[0]}' does not exist",
            )
        gone = {rule.key for rule in group.rules if rule.id in ids}
    else:
        gone = {rule.key for rule in _read_rules(account, call)}
        if not gone <= {rule.key for rule in group.rules}:
            raise Ec2Error(
                "InvalidPermission.NotFound", "The specified rule does not exist in this security group."
            )
    kept = tuple(rule for rule in group.rules if rule.key not in gone)
    account.security_groups[group.id] = replace(group, rules=kept)
    return {"Return": True}


def describe_again(ec2: Ec2, call: Call) -> Call:
    """Give rules that are there other descriptions; all of them must be there."""
    account = ec2.account
    group = _group(account, call)
    texts = {rule.key: rule.description for rule in _read_rules(account, call)}
    if not set(texts) <= {rule.key for rule in group.rules}:
        raise Ec2Error(
            "InvalidPermission.NotFound", "The specified rule does not exist in this security group."
        )
    after = [replace(rule, description=texts.get(rule.key, rule.description)) for rule in group.rules]
    account.security_groups[group.id] = replace(group, rules=tuple(after))
    return {"Return": True}


class _Placed(NamedTuple):
    group: SecurityGroup
    rule: GroupRule


_RULE: Mapping[str, Values[_Placed]] = {
    "group-id": lambda placed: [placed.group.id],
    "security-group-rule-id": lambda placed: [placed.rule.id],
}


def describe_security_group_rules(ec2: Ec2, call: Call) -> Call:
    """Show rules, one by one."""
    ids = call.get("SecurityGroupRuleIds", ())
    groups = ec2.account.security_groups.values()
    there = [_Placed(group, rule) for group in groups for rule in group.rules]
    found = narrow([each for each in there if not ids or each.rule.id in ids], call.get("Filters", ()), _RULE)
    shown, following = page(found, call, lambda placed: placed.rule.id, ids=ids)
    items = [shapes.group_rule_shape(placed.group, placed.rule) for placed in shown]
    return {"SecurityGroupRules": items, "NextToken": following}


def _group(account: Account, call: Call) -> SecurityGroup:
    if "GroupId" not in call:
        raise missing("GroupId")
    if (group := account.security_groups.get(call["GroupId"])) is None:
        raise not_found("sg", call["GroupId"])
    return group


def _read_rules(account: Account, call: Call) -> Iterable[GroupRule]:
    permissions = list(call.get("IpPermissions", ()))
    if "CidrIp" in call:
        ports = {name: call[name] for name in ("FromPort", "ToPort") if name in call}
        source = {"IpRanges": [{"CidrIp": call["CidrIp"]}]}
        permissions.append({"IpProtocol": call.get("IpProtocol", "-1"), **ports, **source})
    if not permissions:
        raise missing("IpPermissions")
    for permission in permissions:
        yield from _read_permission(account, permission)


def _read_permission(account: Account, permission: Call) -> Iterable[GroupRule]:
    if "IpProtocol" not in permission:
        raise missing("IpPermissions.IpProtocol")
    asked = str(permission["IpProtocol"])
    protocol = _PROTOCOLS.get(asked, asked)
    first, last = permission.get("FromPort", -1), permission.get("ToPort", -1)
    if protocol == "-1":
        first = last = -1
    elif protocol in ("tcp", "udp") and not 0 <= first <= last <= 65535:
        raise invalid(f"Invalid value for portRange. Must specify both from and to ports with {protocol}.")
    for kind, name in (
        ("IpRanges", "CidrIp"),
        ("Ipv6Ranges", "CidrIpv6"),
        ("PrefixListIds", "PrefixListId"),
        ("UserIdGroupPairs", "GroupId"),
    ):
        for item in permission.get(kind, ()):
            source = _check_source(account, kind, item.get(name, ""))
            yield GroupRule("", protocol, first, last, source, item.get("Description", ""))


def _check_source(account: Account, kind: str, source: str) -> str:
    if kind == "UserIdGroupPairs":
        if source not in account.security_groups:
            raise not_found("sg", source)
        return source
    if kind == "PrefixListIds":
        if source not in account.prefix_lists:
            raise Ec2Error("InvalidPrefixListID.NotFound", f"The prefix list ID '{source}' does not exist")
        return source
    try:
        return str(ip_network(source, strict=False))
    except ValueError:
        raise invalid(f"CIDR block {source} is malformed") from None

"""Targets: registered, draining, gone, and what is told of their health."""

from dataclasses import replace
from functools import partial
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address
from typing import Any

from addons.sim.aws.elbv2.account import Account
from addons.sim.aws.elbv2.errors import ElbError, invalid, not_found
from addons.sim.aws.elbv2.model import Target, TargetGroup, TargetKey
from addons.sim.aws.elbv2.state import Elbv2

Call = dict[str, Any]
_OUTSIDE = tuple(map(IPv4Network, ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16")))
_WORDS = {
    "Elb.RegistrationInProgress": "Target registration is in progress",
    "Target.DeregistrationInProgress": "Target deregistration is in progress",
    "Target.NotInUse": "Target group is not configured to receive traffic from the load balancer",
    "Target.NotRegistered": "Target is not registered to the target group",
}


def register_targets(elb: Elbv2, call: Call) -> Call:
    """Register all of some targets, or none of them; one that drains serves again."""
    account = elb.account
    group = account.target_group(call["TargetGroupArn"])
    new = {target.key: target for target in (_read(account, group, item) for item in call["Targets"])}
    changed = {key: each for key, each in new.items() if _is_new(group, key)}
    targets = {**group.targets, **changed}
    _check_number(account, group, targets)
    account.target_groups.put(group.arn, replace(group, targets=targets))
    for key in changed:
        if not account.is_probed:
            heal = partial(elb.set_health, group.arn, key, "healthy")
            account.agenda.after(account.knobs.register_seconds, heal)
    return {}


def _is_new(group: TargetGroup, key: TargetKey) -> bool:
    there = group.targets.get(key)
    return there is None or there.state == "draining"


def _check_number(account: Account, group: TargetGroup, targets: dict[TargetKey, Target]) -> None:
    most = account.quotas["targets-per-target-group"]
    if len(targets) > most:
        raise ElbError("TooManyTargets", f"Target group '{group.arn}' cannot have more than {most} targets")
    uses = account.uses()
    for balancer in uses.get(group.arn, ()):
        others = sum(
            len(account.target_group(arn).targets)
            for arn, users in uses.items()
            if balancer in users and arn != group.arn
        )
        what = f"targets on load balancer '{balancer}'"
        account.check_quota(
            "targets-per-application-load-balancer", others + len(targets), "TooManyTargets", what
        )


def _read(account: Account, group: TargetGroup, item: Call) -> Target:
    id_, port = item.get("Id", ""), int(item["Port"] if "Port" in item else group.settings["Port"])
    if not 1 <= port <= 65535:
        raise invalid(f"Target port '{port}' must be between 1 and 65535")
    zone = _zone_of_instance(account, group, id_) if group.kind == "instance" else ""
    if group.kind == "ip":
        zone = _zone_of_address(account, group, id_, item.get("AvailabilityZone", ""))
    return Target(id_, port, zone, "initial", "Elb.RegistrationInProgress")


def _zone_of_instance(account: Account, group: TargetGroup, id_: str) -> str:
    instance = account.ec2.account.instances.get(id_)
    if instance is None:
        raise ElbError("InvalidTarget", f"The following targets do not exist: '{id_}'")
    if instance.vpc_id != group.settings["VpcId"]:
        message = f"The following targets are not in the target group VPC '{instance.vpc_id}': '{id_}'"
        raise ElbError("InvalidTarget", message)
    if instance.state != "running":
        raise ElbError(
            "InvalidTarget",
            f"The following targets are not in a running state and cannot be registered: '{id_}'",
        )
    return instance.zone


def _zone_of_address(account: Account, group: TargetGroup, text: str, zone: str) -> str:
    """Give the zone of an address. One outside the VPC must be private, and belong to `all` zones."""
    if group.settings["IpAddressType"] == "ipv6":
        try:
            return zone or str(IPv6Address(text) and "all")
        except AddressValueError:
            raise invalid(f"The IP address '{text}' is not a valid IPv6 address") from None
    try:
        address = IPv4Address(text)
    except AddressValueError:
        raise invalid(f"The IP address '{text}' is not a valid IPv4 address") from None
    vpc_id = group.settings["VpcId"]
    ec2 = account.ec2.account
    if any(address in cidr for cidr in ec2.vpc(vpc_id).cidrs):
        subnets = (subnet for subnet in ec2.subnets.values() if subnet.vpc_id == vpc_id)
        own = next((subnet.zone for subnet in subnets if address in subnet.cidr), "")
        return zone or own or "all"
    if not any(address in block for block in _OUTSIDE):
        message = f"The IP address '{text}' is neither in the VPC nor in a private range (RFC 1918, RFC 6598)"
        raise ElbError("InvalidTarget", message)
    if zone != "all":
        raise invalid(
            f"The Availability Zone of '{text}' must be 'all', since the address is outside the VPC"
        )
    return zone


def deregister_targets(elb: Elbv2, call: Call) -> Call:
    """Let targets finish their requests, and then be gone; those that are not there are none the less.

    Without a port, every port of a target is meant.
    """
    account = elb.account
    group = account.target_group(call["TargetGroupArn"])
    given = {(item["Id"], item.get("Port")) for item in call["Targets"]}
    gone = [key for key in group.targets if key in given or (key[0], None) in given]
    seconds = account.knobs.draining_seconds
    if seconds is None:
        seconds = float(group.attributes["deregistration_delay.timeout_seconds"])
    if group.arn not in account.uses():
        seconds = 0
    ends = {
        key: replace(
            group.targets[key], state="draining", reason="Target.DeregistrationInProgress", description=""
        )
        for key in gone
        if group.targets[key].state != "draining"
    }
    account.target_groups.put(group.arn, replace(group, targets={**group.targets, **ends}))
    for key, target in ends.items():
        account.agenda.after(seconds, partial(_end_draining, account, group.arn, key, target))
    return {}


def _end_draining(account: Account, arn: str, key: TargetKey, target: Target) -> None:
    group = account.target_groups.get(arn)
    if group and group.targets.get(key) is target:
        targets = {other: each for other, each in group.targets.items() if other != key}
        account.target_groups.put(arn, replace(group, targets=targets))
        for tell in account.gone:
            tell(arn, key)


def describe_target_health(elb: Elbv2, call: Call) -> Call:
    """Show the states of targets: all of a group, or certain ones."""
    account, lag = elb.account, elb.knobs.describe_lag_seconds
    group = account.target_groups.before(lag).get(call["TargetGroupArn"])
    if group is None:
        raise not_found("TargetGroup")
    is_used = group.arn in account.uses(lag_seconds=lag)
    found = list(group.targets.values())
    if wanted := call.get("Targets"):
        keys = [(item["Id"], item.get("Port", group.settings["Port"])) for item in wanted]
        found = [group.targets.get(key, Target(*key, "", "initial", "Target.NotRegistered")) for key in keys]
    return {"TargetHealthDescriptions": [_shape(group, target, is_used=is_used) for target in found]}


def _shape(group: TargetGroup, target: Target, *, is_used: bool) -> Call:
    state: str = target.state
    reason = target.reason
    if reason == "Target.NotRegistered":
        state = "unused"
    elif not is_used:
        state, reason = "unused", "Target.NotInUse"
    health = {"State": state}
    if reason:
        health |= {"Reason": reason, "Description": target.description or _WORDS.get(reason, reason)}
    port = str(target.port)
    if group.settings["HealthCheckPort"] != "traffic-port":
        port = group.settings["HealthCheckPort"]
    zone = {"AvailabilityZone": target.zone} if target.zone and group.kind == "ip" else {}
    return {
        "Target": {"Id": target.id, "Port": target.port, **zone},
        "HealthCheckPort": port,
        "TargetHealth": health,
    }

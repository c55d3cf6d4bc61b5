"""What happens to load balancers."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from addons.sim.aws.ec2.account import REGION
from addons.sim.aws.ec2.model import Subnet
from addons.sim.aws.elbv2 import attributes
from addons.sim.aws.elbv2.account import Account
from addons.sim.aws.elbv2.errors import ElbError, invalid, not_found, unsettled
from addons.sim.aws.elbv2.model import LoadBalancer
from addons.sim.aws.elbv2.operations.listeners import drop_listener
from addons.sim.aws.elbv2.operations.shapes import load_balancer_shape
from addons.sim.aws.elbv2.paging import only_one, page
from addons.sim.aws.elbv2.state import Elbv2
from addons.sim.aws.elbv2.tagging import read_tags

Call = dict[str, Any]
_IP_TYPES = ("ipv4", "dualstack", "dualstack-without-public-ipv4")
_FEWEST_FREE = 8
_MOST_ASKED = 20


def create_load_balancer(elb: Elbv2, call: Call) -> Call:
    """Make a load balancer with an interface in each subnet; the same again is the one that is there."""
    account, name = elb.account, call["Name"]
    _check_name(name)
    if call.get("Type", "application") != "application":
        raise invalid(f"Load balancer type '{call['Type']}' is not simulated")
    scheme, ip_type = call.get("Scheme", "internet-facing"), call.get("IpAddressType", "ipv4")
    if scheme not in ("internet-facing", "internal"):
        raise invalid(f"Load balancer scheme '{scheme}' must be one of 'internet-facing' and 'internal'")
    subnets = _read_subnets(account, call)
    groups = _check_groups(account, call.get("SecurityGroups", ()), subnets[0].vpc_id)
    _check_ip_type(ip_type, scheme, subnets)
    tags = read_tags(call.get("Tags", ()))
    if there := _named(account, name):
        wanted = (scheme, {subnet.id for subnet in subnets}, ip_type)
        if (there.scheme, set(there.subnets), there.ip_address_type) != wanted or there.tags != tags:
            raise ElbError(
                "DuplicateLoadBalancerName",
                f"A load balancer with the same name '{name}' exists, but with different settings",
            )
        return {"LoadBalancers": [load_balancer_shape(account, there)]}
    count = len(account.load_balancers.values()) + 1
    account.check_quota("application-load-balancers", count, "TooManyLoadBalancers", "load balancers")
    balancer = _build(account, name, scheme, ip_type, subnets, groups)
    account.load_balancers.put(balancer.arn, replace(balancer, tags=tags))
    account.agenda.after(account.knobs.provision_seconds, lambda: _activate(account, balancer.arn))
    shape = load_balancer_shape(account, account.load_balancer(balancer.arn))
    return {"LoadBalancers": [shape | {"State": {"Code": "provisioning"}}]}


def _check_name(name: str) -> None:
    if len(name) > 32:
        raise invalid(f"Load balancer name '{name}' cannot be longer than '32' characters")
    if not re.fullmatch(r"[A-Za-z0-9-]+", name) or name.startswith(("-", "internal-")) or name.endswith("-"):
        raise invalid(f"Load balancer name '{name}' is not valid: letters, digits and inner hyphens only")


def _named(account: Account, name: str) -> LoadBalancer | None:
    return next((each for each in account.load_balancers.values() if each.name == name), None)


def _build(
    account: Account,
    name: str,
    scheme: str,
    ip_type: str,
    subnets: Sequence[Subnet],
    groups: tuple[str, ...],
) -> LoadBalancer:
    arn = account.new_arn(f"loadbalancer/app/{name}")
    number = int(arn[-16:], 16) % 10**10
    prefix = "internal-" if scheme == "internal" else ""
    interfaces = tuple(_plug(account, arn, subnet.id, groups) for subnet in subnets)
    return LoadBalancer(
        arn=arn,
        name=name,
        dns_name=f"{prefix}{name}-{number}.{REGION}.elb.amazonaws.com",
        scheme=scheme,
        ip_address_type=ip_type,
        vpc_id=subnets[0].vpc_id,
        subnets=tuple(subnet.id for subnet in subnets),
        security_groups=groups,
        created_at=account.agenda.time(),
        state="provisioning",
        interfaces=interfaces,
        attributes=dict(attributes.LOAD_BALANCER),
    )


def _plug(account: Account, arn: str, subnet_id: str, groups: tuple[str, ...]) -> str:
    path = arn.partition(":loadbalancer/")[2]
    made = account.ec2.interfaces.create(
        subnet_id, groups=groups, description=f"ELB {path}", requester="amazon-elb"
    )
    return made.id


def _unplug(account: Account, interfaces: Iterable[str]) -> None:
    """Let interfaces be gone after a while; until then their security groups are in use."""
    for id_ in interfaces:
        release = partial(account.ec2.interfaces.release, id_)
        account.agenda.after(account.knobs.release_seconds, release)


def _activate(account: Account, arn: str) -> None:
    if balancer := account.load_balancers.get(arn):
        account.load_balancers.put(arn, replace(balancer, state="active"))


def _read_subnets(account: Account, call: Call, *, kept: Sequence[str] = ()) -> list[Subnet]:
    only_one(call, "Subnets", "SubnetMappings")
    mapped = [each.get("SubnetId", "") for each in call.get("SubnetMappings", ())]
    ids = call.get("Subnets") or mapped
    known = account.ec2.account.subnets
    if absent := [id_ for id_ in ids if id_ not in known]:
        raise ElbError("SubnetNotFound", f"The subnet ID '{absent[0]}' does not exist")
    subnets = [known[id_] for id_ in dict.fromkeys(ids)]
    zones = [subnet.zone for subnet in subnets]
    if len(set(zones)) < len(zones):
        raise unsettled(
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone"
        )
    if len(zones) < 2:
        raise invalid("At least two subnets in two different Availability Zones must be specified")
    if len({subnet.vpc_id for subnet in subnets}) > 1:
        raise unsettled("All subnets must belong to the same VPC")
    for subnet in subnets:
        if subnet.id not in kept and account.ec2.account.spaces[subnet.id].free < _FEWEST_FREE:
            raise ElbError(
                "InvalidSubnet", f"Not enough IP space available in {subnet.id}. ELB requires at least 8 IPs."
            )
    return subnets


def _check_groups(account: Account, ids: Sequence[str], vpc_id: str) -> tuple[str, ...]:
    known = account.ec2.account.security_groups
    for id_ in ids:
        if id_ not in known or known[id_].vpc_id != vpc_id:
            raise ElbError("InvalidSecurityGroup", f"One or more security groups are invalid: {id_}")
    if len(ids) > 5:
        raise unsettled("A load balancer cannot have more than 5 security groups")
    default = (each.id for each in known.values() if each.vpc_id == vpc_id and each.name == "default")
    return tuple(dict.fromkeys(ids)) or (next(default),)


def _check_ip_type(ip_type: str, scheme: str, subnets: Sequence[Subnet]) -> None:
    if ip_type not in _IP_TYPES:
        raise invalid(f"IP address type '{ip_type}' must be one of '[{', '.join(_IP_TYPES)}]'")
    if ip_type == "dualstack-without-public-ipv4" and scheme == "internal":
        raise unsettled("An internal load balancer cannot have the type 'dualstack-without-public-ipv4'")
    if ip_type != "ipv4" and not all(subnet.ipv6_cidr for subnet in subnets):
        raise invalid("You must specify subnets with an associated IPv6 CIDR block.")


def delete_load_balancer(elb: Elbv2, call: Call) -> Call:
    """Delete a load balancer with its listeners and interfaces; one that is not there is none the less."""
    account = elb.account
    if (balancer := account.load_balancers.get(call["LoadBalancerArn"])) is None:
        return {}
    if balancer.attributes["deletion_protection.enabled"] == "true":
        raise ElbError(
            "OperationNotPermitted",
            f"Load balancer '{balancer.arn}' cannot be deleted because deletion protection is enabled",
        )
    for listener in account.listeners_of(balancer.arn):
        drop_listener(account, listener.arn)
    account.load_balancers.remove(balancer.arn)
    _unplug(account, balancer.interfaces)
    return {}


def describe_load_balancers(elb: Elbv2, call: Call) -> Call:
    """Show load balancers."""
    only_one(call, "LoadBalancerArns", "Names")
    if len(call.get("LoadBalancerArns") or call.get("Names") or ()) > _MOST_ASKED:
        raise invalid(f"Cannot describe more than {_MOST_ASKED} load balancers by ARN or name in one call")
    there = elb.account.load_balancers.before(elb.knobs.describe_lag_seconds)
    found = list(there.values())
    if arns := call.get("LoadBalancerArns"):
        if not set(arns) <= set(there):
            raise not_found("LoadBalancer")
        found = [there[arn] for arn in arns]
    elif names := call.get("Names"):
        by_name = {each.name: each for each in found}
        if absent := [name for name in names if name not in by_name]:
            raise ElbError("LoadBalancerNotFound", f"Load balancers '[{', '.join(absent)}]' not found")
        found = [by_name[name] for name in names]
    shown, following = page(found, call, lambda each: each.arn, usual=elb.knobs.page_size)
    return {
        "LoadBalancers": [load_balancer_shape(elb.account, each) for each in shown],
        "NextMarker": following,
    }


def describe_load_balancer_attributes(elb: Elbv2, call: Call) -> Call:
    """Show all attributes, those too that nobody has set."""
    there = elb.account.load_balancers.before(elb.knobs.describe_lag_seconds)
    if (balancer := there.get(call["LoadBalancerArn"])) is None:
        raise not_found("LoadBalancer")
    return {"Attributes": attributes.items(balancer.attributes)}


def modify_load_balancer_attributes(elb: Elbv2, call: Call) -> Call:
    """Set some attributes."""
    balancer = elb.account.load_balancer(call["LoadBalancerArn"])
    after = attributes.changed(attributes.LOAD_BALANCER, balancer.attributes, call["Attributes"])
    elb.account.load_balancers.put(balancer.arn, replace(balancer, attributes=after))
    return {"Attributes": attributes.items(after)}


def set_subnets(elb: Elbv2, call: Call) -> Call:
    """Let a load balancer be in these subnets, and no others."""
    account = elb.account
    balancer = account.load_balancer(call["LoadBalancerArn"])
    subnets = _read_subnets(account, call, kept=balancer.subnets)
    if {subnet.vpc_id for subnet in subnets} != {balancer.vpc_id}:
        raise unsettled("The subnets must be in the VPC of the load balancer")
    plugged = dict(zip(balancer.subnets, balancer.interfaces, strict=True))
    kept = {subnet.id: plugged.pop(subnet.id, "") for subnet in subnets}
    groups = balancer.security_groups
    interfaces = {id_: eni or _plug(account, balancer.arn, id_, groups) for id_, eni in kept.items()}
    _unplug(account, plugged.values())
    changed = replace(balancer, subnets=tuple(interfaces), interfaces=tuple(interfaces.values()))
    if "IpAddressType" in call:
        _check_ip_type(call["IpAddressType"], balancer.scheme, subnets)
        changed = replace(changed, ip_address_type=call["IpAddressType"])
    account.load_balancers.put(balancer.arn, changed)
    zones = load_balancer_shape(account, changed)["AvailabilityZones"]
    return {"AvailabilityZones": zones, "IpAddressType": changed.ip_address_type}


def set_security_groups(elb: Elbv2, call: Call) -> Call:
    """Let a load balancer have these groups, and no others."""
    account = elb.account
    balancer = account.load_balancer(call["LoadBalancerArn"])
    groups = _check_groups(account, call["SecurityGroups"], balancer.vpc_id)
    for eni in balancer.interfaces:
        account.ec2.interfaces.modify(eni, groups=groups)
    account.load_balancers.put(balancer.arn, replace(balancer, security_groups=groups))
    return {"SecurityGroupIds": list(groups)}


def set_ip_address_type(elb: Elbv2, call: Call) -> Call:
    """Let a load balancer have addresses of one family or both."""
    balancer = elb.account.load_balancer(call["LoadBalancerArn"])
    subnets = [elb.account.ec2.account.subnets[id_] for id_ in balancer.subnets]
    _check_ip_type(call["IpAddressType"], balancer.scheme, subnets)
    changed = replace(balancer, ip_address_type=call["IpAddressType"])
    elb.account.load_balancers.put(balancer.arn, changed)
    return {"IpAddressType": changed.ip_address_type}

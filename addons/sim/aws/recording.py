"""An account's network and load balancers as plain values, and back: what tests of a take-over begin with."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any, TypeVar

import msgspec

from addons.sim.aws.acm.state import Acm, Certificate
from addons.sim.aws.ec2.account import Account as Ec2Account
from addons.sim.aws.ec2.model import Instance, Interface, RouteTable, SecurityGroup, Subnet, Vpc
from addons.sim.aws.ec2.space import Space
from addons.sim.aws.elbv2 import attributes
from addons.sim.aws.elbv2.account import Account as ElbAccount
from addons.sim.aws.elbv2.model import Listener, LoadBalancer, Rule, Target, TargetGroup
from addons.sim.aws.server import AwsEndpoint
from addons.sim.aws.waf.state import WebAcl

T = TypeVar("T")
A = TypeVar("A", LoadBalancer, Listener, TargetGroup)
Recording = Mapping[str, Any]
_TEXTS = (IPv4Address, IPv4Network, IPv6Network)


def record(endpoint: AwsEndpoint) -> dict[str, Any]:
    """Give what there is of EC2, ELBv2, ACM and WAFv2, as JSON can hold it, while nothing goes on in it."""
    return {
        "ec2": _record_ec2(endpoint.ec2.account),
        "elbv2": _record_elbv2(endpoint.elbv2.account),
        "acm": {"certificates": _plain(endpoint.acm.certificates.values())},
        "waf": {
            "acls": _plain(endpoint.waf.acls.values()),
            "protected": dict(endpoint.waf.protected),
        },
        "numbers": {
            "ec2": endpoint.ec2.account.used_numbers,
            "elbv2": endpoint.elbv2.account.used_numbers,
            "acm": endpoint.acm.used_numbers,
            "waf": endpoint.waf.used_numbers,
        },
    }


def put_back(endpoint: AwsEndpoint, recording: Recording) -> None:
    """Let an endpoint in which nothing was made have what was recorded; what is made later has other ids."""
    _put_back_ec2(endpoint.ec2.account, recording["ec2"])
    _put_back_elbv2(endpoint.elbv2.account, recording["elbv2"])
    _put_back_acm(endpoint.acm, recording["acm"])
    endpoint.waf.acls |= {each.arn: each for each in _values(recording["waf"]["acls"], WebAcl)}
    endpoint.waf.protected |= recording["waf"]["protected"]
    numbers = recording["numbers"]
    endpoint.ec2.account.used_numbers = numbers["ec2"]
    endpoint.elbv2.account.used_numbers = numbers["elbv2"]
    endpoint.acm.used_numbers = numbers["acm"]
    endpoint.waf.used_numbers = numbers["waf"]


def _record_ec2(account: Ec2Account) -> dict[str, Any]:
    return {
        "vpcs": _plain(account.vpcs.values()),
        "subnets": _plain(account.subnets.values()),
        "route_tables": _plain(account.route_tables.values()),
        "security_groups": _plain(account.security_groups.values()),
        "prefix_lists": dict(account.prefix_lists),
        "interfaces": _plain(account.interfaces.values()),
        "instances": [_short(item) for item in _plain(account.instances.values())],
    }


def _short(instance: Recording) -> Recording:
    """An instance that is not spot does not say so: recordings are older than the question."""
    return {name: value for name, value in instance.items() if name != "is_spot" or value}


def _put_back_ec2(account: Ec2Account, recorded: Recording) -> None:
    account.vpcs |= {each.id: each for each in _values(recorded["vpcs"], Vpc)}
    account.subnets |= {each.id: each for each in _values(recorded["subnets"], Subnet)}
    account.spaces |= {each.id: Space(each.cidr) for each in account.subnets.values()}
    account.route_tables |= {each.id: each for each in _values(recorded["route_tables"], RouteTable)}
    account.security_groups |= {each.id: each for each in _values(recorded["security_groups"], SecurityGroup)}
    account.prefix_lists |= recorded["prefix_lists"]
    for instance in _values(recorded["instances"], Instance):
        account.instances.put(instance.id, instance)
    for eni in _values(recorded["interfaces"], Interface):
        account.spaces[eni.subnet_id].take(eni.addresses, eni.prefixes)
        account.put(eni)


def _set(thing: A, usual: Mapping[str, str]) -> A:
    """Give a thing with those attributes alone that are not as they are at first."""
    kept = {key: value for key, value in thing.attributes.items() if usual.get(key) != value}
    return replace(thing, attributes=kept)


def _filled(thing: A, usual: Mapping[str, str]) -> A:
    return replace(thing, attributes={**usual, **thing.attributes})


def _record_elbv2(account: ElbAccount) -> dict[str, Any]:
    groups = account.target_groups.values()
    return {
        "load_balancers": _plain(
            _set(each, attributes.LOAD_BALANCER) for each in account.load_balancers.values()
        ),
        "listeners": _plain(_set(each, attributes.LISTENER) for each in account.listeners.values()),
        "rules": _plain(account.rules.values()),
        "target_groups": [
            _plain([replace(_set(group, attributes.TARGET_GROUP), targets={})])[0]
            | {"targets": _plain(group.targets.values())}
            for group in groups
        ],
        "trust_stores": sorted(account.trust_stores),
    }


def _put_back_elbv2(account: ElbAccount, recorded: Recording) -> None:
    for balancer in _values(recorded["load_balancers"], LoadBalancer):
        account.load_balancers.put(balancer.arn, _filled(balancer, attributes.LOAD_BALANCER))
    for listener in _values(recorded["listeners"], Listener):
        account.listeners.put(listener.arn, _filled(listener, attributes.LISTENER))
    for rule in _values(recorded["rules"], Rule):
        account.rules.put(rule.arn, rule)
    for item in recorded["target_groups"]:
        (group,) = _values([{**item, "targets": {}}], TargetGroup)
        group = _filled(group, attributes.TARGET_GROUP)
        targets = {target.key: target for target in _values(item["targets"], Target)}
        account.target_groups.put(group.arn, replace(group, targets=targets))
    account.trust_stores |= set(recorded["trust_stores"])


def _put_back_acm(acm: Acm, recorded: Recording) -> None:
    acm.certificates |= {each.arn: each for each in _values(recorded["certificates"], Certificate)}


def _plain(things: Iterable[object]) -> list[Any]:
    found: list[Any] = msgspec.json.decode(msgspec.json.encode(list(things), enc_hook=_text))
    return found


def _values(items: object, kind: type[T]) -> list[T]:
    return msgspec.convert(items, list[kind], dec_hook=_value)  # type: ignore[valid-type]


def _text(value: object) -> str:
    if isinstance(value, _TEXTS):
        return str(value)
    raise NotImplementedError(f"a recording cannot hold {value!r}")


def _value(kind: type, text: Any) -> Any:
    return kind(text)

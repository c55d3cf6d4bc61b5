"""What the original made of recorded Ingresses, as the values that wishes are read from and compared with."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.aws.translate.balancers import target_group_from_api
from addons.albingress.aws.translate.rules import rule_from_api
from addons.albingress.config import Config
from addons.albingress.desired.classes import ClassObjects
from addons.albingress.desired.groups import in_order, membership
from addons.albingress.desired.inputs import GroupInputs, Member, Resolved
from addons.albingress.model.elb import (
    Listener,
    LoadBalancer,
    ObservedStack,
    Rule,
    SecurityGroup,
    TargetGroup,
)
from addons.albingress.model.network import Certificate, Subnet, Vpc
from addons.albingress.model.objects import (
    Ingress,
    IngressClass,
    IngressClassParams,
    Namespace,
    Secret,
    Service,
)
from addons.albingress.model.stack import Pairs, Permission
from addons.runtime.decoding import decode
from addons.runtime.objects import KubeObject, key

FOLDER = Path(__file__).parent / "original_albs"
RECORDED = ("group", "internal", "one", "wide")
"""The recordings with Ingresses; each has one group."""


def recorded(name: str) -> dict[str, Any]:
    """A recording: Kubernetes objects, and the account as the original left it."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return found


def inputs_of(recording: Mapping[str, Any], *, taken_over: bool) -> GroupInputs:
    """The recorded group; `taken_over` with what the original made, else as if there were nothing yet."""
    config = Config(cluster_name=recording["cluster"])
    by_kind = {kind: list(_decoded(recording, kind)) for kind in _KINDS}
    objects = ClassObjects(
        classes={one.metadata.name: one for one in by_kind[IngressClass]},
        params={one.metadata.name: one for one in by_kind[IngressClassParams]},
        namespaces={one.metadata.name: one for one in by_kind[Namespace]},
    )
    found = [membership(one, objects, config) for one in by_kind[Ingress]]
    members = [one for one in found if isinstance(one, Member)]
    incumbent = stack_of(recording, members[0]) if taken_over else None
    return GroupInputs(
        group=members[0].group,
        config=config,
        members=in_order(members, incumbent),
        services={key(one): one for one in by_kind[Service]},
        secrets={key(one): one for one in by_kind[Secret]},
        resolved=_resolved(recording["account"]),
        incumbent=incumbent,
    )


def stack_of(recording: Mapping[str, Any], member: Member) -> ObservedStack:
    """What the account has of the group."""
    account = recording["account"]
    groups = [_security_group(one) for one in account["ec2"]["security_groups"]]
    return ObservedStack(
        group=member.group,
        load_balancers=tuple(_load_balancer(one, account) for one in account["elbv2"]["load_balancers"]),
        target_groups=tuple(_target_group(one) for one in account["elbv2"]["target_groups"]),
        security_groups=tuple(one for one in groups if names.TAG_STACK in dict(one.tags)),
        backend_group=next((one for one in groups if names.TAG_BACKEND_GROUP in dict(one.tags)), None),
    )


_KINDS: tuple[type[Any], ...] = (Ingress, IngressClass, IngressClassParams, Namespace, Secret, Service)


def _decoded(recording: Mapping[str, Any], type_: type[KubeObject]) -> Iterable[Any]:
    for one in recording["objects"]:
        if one["kind"] == type_.resource.kind:
            yield decode(json.dumps(one).encode(), type_)


def _pairs(values: Mapping[str, str]) -> Pairs:
    return tuple(sorted(values.items()))


def _resolved(account: Mapping[str, Any]) -> Resolved:
    ec2 = account["ec2"]
    groups = {one["tags"]["Name"]: (one["id"],) for one in ec2["security_groups"] if "Name" in one["tags"]}
    return Resolved(
        vpc=Vpc(id=ec2["vpcs"][0]["id"]),
        subnets=tuple(_subnet(one) for one in ec2["subnets"]),
        certificates=tuple(
            Certificate(arn=one["arn"], hosts=tuple(one["names"])) for one in account["acm"]["certificates"]
        ),
        security_groups=groups,
    )


def _subnet(one: Mapping[str, Any]) -> Subnet:
    return Subnet(
        id=one["id"],
        zone=one["zone"],
        free_addresses=200,
        has_ipv6=bool(one["ipv6_cidr"]),
        tags=_pairs(one["tags"]),
    )


def _security_group(one: Mapping[str, Any]) -> SecurityGroup:
    permissions = (_permission(rule) for rule in one["rules"])
    return SecurityGroup(
        id=one["id"], name=one["name"], permissions=tuple(sorted(permissions)), tags=_pairs(one["tags"])
    )


def _permission(rule: Mapping[str, Any]) -> Permission:
    source = rule["source"]
    kind = {"pl": "prefix_list", "sg": "security_group"}.get(source[:2], "cidr")
    return Permission(rule["from_port"], rule["to_port"], **{kind: source})


def _load_balancer(one: Mapping[str, Any], account: Mapping[str, Any]) -> LoadBalancer:
    listeners = (each for each in account["elbv2"]["listeners"] if each["load_balancer_arn"] == one["arn"])
    return LoadBalancer(
        arn=one["arn"],
        name=one["name"],
        dns_name=one["dns_name"],
        scheme=one["scheme"],
        ip_address_type=one["ip_address_type"],
        subnets=tuple(one["subnets"]),
        security_groups=tuple(one["security_groups"]),
        listeners=tuple(_listener(each, account) for each in listeners),
        attributes=_pairs(one["attributes"]),
        tags=_pairs(one["tags"]),
    )


def _listener(one: Mapping[str, Any], account: Mapping[str, Any]) -> Listener:
    called = {each["arn"]: each["name"] for each in account["elbv2"]["target_groups"]}
    items = [each for each in account["elbv2"]["rules"] if each["listener_arn"] == one["arn"]]
    rules = [_rule(each, called) for each in sorted(items, key=lambda each: each["priority"])]
    return Listener(
        arn=one["arn"],
        port=one["port"],
        protocol=one["protocol"],
        default_actions=rules[0].content.actions,
        rules=tuple(rules[1:]),
        certificates=tuple(dict.fromkeys(one["certificates"])),
        ssl_policy=one["ssl_policy"],
        attributes=_pairs(one["attributes"]),
        tags=_pairs(one["tags"]),
    )


def _rule(one: Mapping[str, Any], called: Mapping[str, str]) -> Rule:
    """A rule as it is read; the default one has the priority 0 here."""
    item = {
        "RuleArn": one["arn"],
        "Priority": str(one["priority"]),
        "Conditions": one["conditions"],
        "Actions": one["actions"],
        "Transforms": one["transforms"],
    }
    return rule_from_api(item, lambda arn: called.get(arn, arn), _pairs(one["tags"]))


def _target_group(one: Mapping[str, Any]) -> TargetGroup:
    item = {"TargetGroupArn": one["arn"], "TargetGroupName": one["name"], **one["settings"]}
    return replace(target_group_from_api(item, _pairs(one["tags"])), attributes=_pairs(one["attributes"]))

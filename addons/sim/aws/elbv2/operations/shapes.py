"""How records look in answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from addons.sim.aws.elbv2 import actions, conditions
from addons.sim.aws.elbv2.account import Account
from addons.sim.aws.elbv2.model import Item, Listener, LoadBalancer, Rule, TargetGroup

Shape = dict[str, Any]
ZONE_ID = "Z215JYRZR1TBD5"
"""The hosted zone of the names of load balancers in eu-central-1."""


def load_balancer_shape(account: Account, balancer: LoadBalancer) -> Shape:
    """Give a LoadBalancer."""
    subnets = account.ec2.account.subnets
    zones = [
        {"ZoneName": subnets[id_].zone, "SubnetId": id_, "LoadBalancerAddresses": []}
        for id_ in balancer.subnets
    ]
    return {
        "LoadBalancerArn": balancer.arn,
        "DNSName": balancer.dns_name,
        "CanonicalHostedZoneId": ZONE_ID,
        "CreatedTime": balancer.created_at,
        "LoadBalancerName": balancer.name,
        "Scheme": balancer.scheme,
        "VpcId": balancer.vpc_id,
        "State": {"Code": balancer.state},
        "Type": "application",
        "AvailabilityZones": zones,
        "SecurityGroups": list(balancer.security_groups),
        "IpAddressType": balancer.ip_address_type,
    }


def listener_shape(listener: Listener, default_actions: Sequence[Item]) -> Shape:
    """Give a Listener; of its certificates only the default one is in it."""
    secure: Shape = {}
    if listener.protocol == "HTTPS":
        secure = {
            "SslPolicy": listener.ssl_policy,
            "Certificates": [{"CertificateArn": arn} for arn in listener.certificates[:1]],
            "MutualAuthentication": listener.mutual_authentication or {"Mode": "off"},
        }
    return {
        "ListenerArn": listener.arn,
        "LoadBalancerArn": listener.load_balancer_arn,
        "Port": listener.port,
        "Protocol": listener.protocol,
        "DefaultActions": [actions.shape(action) for action in default_actions],
        **secure,
    }


def rule_shape(rule: Rule) -> Shape:
    """Give a Rule."""
    return {
        "RuleArn": rule.arn,
        "Priority": "default" if rule.is_default else str(rule.priority),
        "Conditions": [conditions.shape(condition) for condition in rule.conditions],
        "Actions": [actions.shape(action) for action in rule.actions],
        "IsDefault": rule.is_default,
        "Transforms": list(rule.transforms) or None,
    }


def target_group_shape(group: TargetGroup, uses: Mapping[str, list[str]]) -> Shape:
    """Give a TargetGroup with the load balancers that use it."""
    return {
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "LoadBalancerArns": uses.get(group.arn, []),
        **group.settings,
    }

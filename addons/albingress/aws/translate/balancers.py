"""Load balancers, target groups, targets, tags and attributes."""

from collections.abc import Iterable, Mapping
from typing import Any

from addons.albingress.aws.translate.conditions import Item
from addons.albingress.model.elb import LoadBalancer, TargetGroup
from addons.albingress.model.stack import DesiredTargetGroup, HealthCheck, Pairs
from addons.albingress.model.targets import Target, TargetHealth


def load_balancer_from_api(item: Item, tags: Pairs = ()) -> LoadBalancer:
    """Read a load balancer, without its listeners and attributes."""
    return LoadBalancer(
        arn=item["LoadBalancerArn"],
        name=item["LoadBalancerName"],
        dns_name=item["DNSName"],
        scheme=item.get("Scheme", ""),
        ip_address_type=item.get("IpAddressType", "ipv4"),
        subnets=tuple(sorted(zone["SubnetId"] for zone in item.get("AvailabilityZones") or ())),
        security_groups=tuple(item.get("SecurityGroups") or ()),
        state=(item.get("State") or {}).get("Code", "active"),
        hosted_zone_id=item.get("CanonicalHostedZoneId", ""),
        tags=tags,
    )


def target_group_from_api(item: Item, tags: Pairs = ()) -> TargetGroup:
    """Read a target group, without its attributes."""
    return TargetGroup(
        arn=item["TargetGroupArn"],
        name=item["TargetGroupName"],
        protocol=item.get("Protocol", ""),
        version=item.get("ProtocolVersion") or "HTTP1",
        port=item.get("Port", 0),
        target_type=item.get("TargetType", "instance"),
        ip_address_type=item.get("IpAddressType") or "ipv4",
        health=_health_check(item),
        load_balancers=tuple(item.get("LoadBalancerArns") or ()),
        tags=tags,
    )


def _health_check(item: Item) -> HealthCheck:
    matcher = item.get("Matcher") or {}
    return HealthCheck(
        protocol=item.get("HealthCheckProtocol", ""),
        path=item.get("HealthCheckPath", ""),
        matcher=matcher.get("HttpCode") or matcher.get("GrpcCode") or "",
        port=item.get("HealthCheckPort", "traffic-port"),
        interval=item.get("HealthCheckIntervalSeconds", 0),
        timeout=item.get("HealthCheckTimeoutSeconds", 0),
        healthy=item.get("HealthyThresholdCount", 0),
        unhealthy=item.get("UnhealthyThresholdCount", 0),
    )


def target_group_to_api(group: DesiredTargetGroup, vpc_id: str) -> dict[str, Any]:
    """Give a target group as CreateTargetGroup takes it, but for its tags."""
    return {
        "Name": group.name,
        "Protocol": group.protocol,
        "ProtocolVersion": group.version,
        "Port": group.port,
        "VpcId": vpc_id,
        "TargetType": group.target_type,
        "IpAddressType": group.ip_address_type,
        **health_check_to_api(group),
    }


def health_check_to_api(group: DesiredTargetGroup) -> dict[str, Any]:
    """Give the health check of a target group as ModifyTargetGroup takes it."""
    health = group.health
    return {
        "HealthCheckEnabled": True,
        "HealthCheckProtocol": health.protocol,
        "HealthCheckPath": health.path,
        "HealthCheckPort": health.port,
        "HealthCheckIntervalSeconds": health.interval,
        "HealthCheckTimeoutSeconds": health.timeout,
        "HealthyThresholdCount": health.healthy,
        "UnhealthyThresholdCount": health.unhealthy,
        "Matcher": {"GrpcCode" if group.version == "GRPC" else "HttpCode": health.matcher},
    }


def target_health_from_api(item: Item) -> TargetHealth:
    """Read how a target is found."""
    target, health = item["Target"], item.get("TargetHealth") or {}
    zone = target.get("AvailabilityZone")
    return TargetHealth(
        Target(target["Id"], target["Port"], "all" if zone == "all" else ""),
        health.get("State", ""),
        health.get("Reason", ""),
        health.get("Description", ""),
    )


def target_to_api(target: Target) -> dict[str, Any]:
    """Give a target as RegisterTargets takes it."""
    zone = {"AvailabilityZone": target.zone} if target.zone else {}
    return {"Id": target.id, "Port": target.port, **zone}


def pairs_from_api(items: Iterable[Item] | None) -> Pairs:
    """Read tags or attributes, sorted by key."""
    return tuple(sorted((each["Key"], each.get("Value") or "") for each in items or ()))


def pairs_to_api(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Give tags or attributes as a call takes them."""
    return [{"Key": key, "Value": value} for key, value in pairs]


def changed(pairs: Pairs, new: Mapping[str, str]) -> Pairs:
    """Pairs with some values set."""
    return tuple(sorted((dict(pairs) | dict(new)).items()))

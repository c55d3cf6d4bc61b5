"""How a target group asks for health, and what kind of targets it has: read and checked."""

import re
from typing import Any

from addons.sim.aws.elbv2.errors import invalid

Settings = dict[str, Any]

_HEALTH = (
    "HealthCheckProtocol",
    "HealthCheckPort",
    "HealthCheckEnabled",
    "HealthCheckPath",
    "HealthCheckIntervalSeconds",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "UnhealthyThresholdCount",
    "Matcher",
)
_RANGES = {
    "HealthCheckIntervalSeconds": (5, 300),
    "HealthCheckTimeoutSeconds": (2, 120),
    "HealthyThresholdCount": (2, 10),
    "UnhealthyThresholdCount": (2, 10),
}
_CODES = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*", re.ASCII)


def read_new(call: Settings) -> Settings:
    """Give the settings of a new target group, with what AWS fills in. Raises ValidationError."""
    kind = call.get("TargetType", "instance")
    if kind not in ("instance", "ip"):
        raise invalid(f"Target type '{kind}' must be one of 'instance, ip'")
    for name in ("Protocol", "Port", "VpcId"):
        if name not in call:
            raise invalid(f"A {name.removesuffix('Id').lower()} must be specified")
    protocol, version = call["Protocol"], call.get("ProtocolVersion", "HTTP1")
    if protocol not in ("HTTP", "HTTPS"):
        raise invalid(f"Target group protocol '{protocol}' must be one of 'HTTP, HTTPS'")
    if version not in ("HTTP1", "HTTP2", "GRPC"):
        raise invalid(f"Protocol version '{version}' must be one of 'HTTP1, HTTP2, GRPC'")
    if not 1 <= call["Port"] <= 65535:
        raise invalid(f"Target group port '{call['Port']}' must be between 1 and 65535")
    family = call.get("IpAddressType", "ipv4")
    if family not in ("ipv4", "ipv6"):
        raise invalid(f"IP address type '{family}' must be one of 'ipv4, ipv6'")
    fixed = {
        "Protocol": protocol,
        "Port": call["Port"],
        "VpcId": call["VpcId"],
        "TargetType": kind,
        "ProtocolVersion": version,
        "IpAddressType": family,
    }
    return read_changes(fixed | _first_health(version), call)


def _first_health(version: str) -> Settings:
    is_grpc = version == "GRPC"
    return {
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": "traffic-port",
        "HealthCheckEnabled": True,
        "HealthCheckPath": "/AWS.ALB/healthcheck" if is_grpc else "/",
        "HealthCheckIntervalSeconds": 30,
        "HealthCheckTimeoutSeconds": 5,
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 2,
        "Matcher": {"GrpcCode": "12"} if is_grpc else {"HttpCode": "200"},
    }


def read_changes(present: Settings, call: Settings) -> Settings:
    """Give settings after a change of the health check. Raises ValidationError."""
    after = present | {name: call[name] for name in _HEALTH if name in call}
    for name, (low, high) in _RANGES.items():
        if not low <= after[name] <= high:
            raise invalid(f"{name} '{after[name]}' must be between {low} and {high}")
    if after["HealthCheckTimeoutSeconds"] >= after["HealthCheckIntervalSeconds"]:
        raise invalid("Health check timeout must be smaller than the interval")
    if after["HealthCheckProtocol"] not in ("HTTP", "HTTPS"):
        raise invalid(f"Health check protocol '{after['HealthCheckProtocol']}' must be one of 'HTTP, HTTPS'")
    _check_port(after["HealthCheckPort"])
    path = after["HealthCheckPath"]
    if not path.startswith("/") or len(path) > 1024:
        raise invalid(f"Health check path '{path}' must start with '/' and have 1024 characters at most")
    if not after["HealthCheckEnabled"]:
        raise invalid("Health checks must be enabled for target groups with target type 'ip' or 'instance'")
    _check_matcher(after)
    return after


def _check_port(port: str) -> None:
    is_number = port.isascii() and port.isdigit() and 1 <= int(port) <= 65535
    if port != "traffic-port" and not is_number:
        raise invalid(f"Health check port '{port}' must be 'traffic-port' or in the range 1 to 65535")


def _check_matcher(settings: Settings) -> None:
    is_grpc = settings["ProtocolVersion"] == "GRPC"
    name, low, high = ("GrpcCode", 0, 99) if is_grpc else ("HttpCode", 200, 499)
    if set(settings["Matcher"]) != {name}:
        raise invalid(f"A matcher for the version {settings['ProtocolVersion']} must have '{name}' only")
    codes = settings["Matcher"][name]
    numbers = [int(text) for text in re.findall(r"\d+", codes)]
    if not _CODES.fullmatch(codes) or not all(low <= number <= high for number in numbers):
        raise invalid(f"Health check matcher '{codes}' must have values between {low} and {high}")

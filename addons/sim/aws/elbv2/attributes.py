"""The attributes that load balancers, listeners and target groups have, with what they are at first."""

from collections.abc import Iterable, Mapping
from typing import Any

from addons.sim.aws.elbv2.errors import invalid, unsettled

LOAD_BALANCER = {
    "access_logs.s3.bucket": "",
    "access_logs.s3.enabled": "false",
    "access_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.prefix": "",
    "deletion_protection.enabled": "false",
    "health_check_logs.s3.bucket": "",
    "health_check_logs.s3.enabled": "false",
    "health_check_logs.s3.prefix": "",
    "idle_timeout.timeout_seconds": "60",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}
TARGET_GROUP = {
    "deregistration_delay.timeout_seconds": "300",
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "load_balancing.algorithm.type": "round_robin",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "slow_start.duration_seconds": "0",
    "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400",
    "stickiness.enabled": "false",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.type": "lb_cookie",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}
_MTLS = ("serial-number", "issuer", "subject", "validity", "leaf")
_TLS = ("tls-version", "tls-cipher-suite")
_RESPONSE = {
    "access_control_allow_origin": "Access-Control-Allow-Origin",
    "access_control_allow_methods": "Access-Control-Allow-Methods",
    "access_control_allow_headers": "Access-Control-Allow-Headers",
    "access_control_allow_credentials": "Access-Control-Allow-Credentials",
    "access_control_expose_headers": "Access-Control-Expose-Headers",
    "access_control_max_age": "Access-Control-Max-Age",
    "content_security_policy": "Content-Security-Policy",
    "strict_transport_security": "Strict-Transport-Security",
    "x_content_type_options": "X-Content-Type-Options",
    "x_frame_options": "X-Frame-Options",
}
RESPONSE_HEADERS = {
    f"routing.http.response.{name}.header_value": header for name, header in _RESPONSE.items()
}
"""The listener attributes that add a header to responses, and that header."""

LISTENER = {
    **{f"routing.http.request.x_amzn_{name.replace('-', '_')}.header_name": "" for name in _TLS},
    **{
        f"routing.http.request.x_amzn_mtls_clientcert_{name.replace('-', '_')}.header_name": ""
        for name in _MTLS
    },
    **dict.fromkeys(RESPONSE_HEADERS, ""),
    "routing.http.response.server.enabled": "true",
}
_RANGES = {
    "client_keep_alive.seconds": (60, 604800),
    "idle_timeout.timeout_seconds": (1, 4000),
    "deregistration_delay.timeout_seconds": (0, 3600),
    "stickiness.app_cookie.duration_seconds": (1, 604800),
    "stickiness.lb_cookie.duration_seconds": (1, 604800),
}


def changed(
    known: Mapping[str, str], present: Mapping[str, str], items: Iterable[Mapping[str, Any]]
) -> dict[str, str]:
    """Give the attributes after a change of some. Raises ValidationError and InvalidConfigurationRequest."""
    wanted = {str(item.get("Key", "")): str(item.get("Value", "")) for item in items}
    for key, value in wanted.items():
        if key not in known:
            raise invalid(f"Attribute key '{key}' not recognized")
        _check(key, value, known[key])
    for kind in ("access_logs", "connection_logs", "health_check_logs"):
        after = {**present, **wanted}
        if after.get(f"{kind}.s3.enabled") == "true" and not after.get(f"{kind}.s3.bucket"):
            raise unsettled(f"The value of '{kind}.s3.bucket' cannot be empty")
    return {**present, **wanted}


def _check(key: str, value: str, first: str) -> None:
    if first in ("true", "false") and value not in ("true", "false"):
        raise invalid(f"The value of '{key}' must be 'true' or 'false', not '{value}'")
    if key == "slow_start.duration_seconds" and value == "0":
        return
    low, high = _RANGES.get(key, (30, 900) if key.startswith("slow_start") else (0, -1))
    if high >= 0 and not (value.isascii() and value.isdigit() and low <= int(value) <= high):
        raise invalid(f"'{key}' value '{value}' must be between {low} and {high}")


def items(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    """Give attributes as answers have them."""
    return [{"Key": key, "Value": value} for key, value in attributes.items()]

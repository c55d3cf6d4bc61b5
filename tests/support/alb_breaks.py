"""Ways in which an Ingress is wrong: at least one for each row of the defect matrix.

The Ingress has the name `bad`, the group `shop` and, but for some, the path `/bad` to the Service `bad`.
"""

from collections.abc import Callable
from typing import Any

from tests.support.alb_world import ingress

Object = dict[str, Any]

BREAKS: dict[str, Callable[[], Object]] = {
    "missing service": lambda: ingress("bad", "/bad=gone"),
    "missing port": lambda: ingress("bad", "/bad=bad:9999"),
    "missing named port": lambda: ingress("bad", "/bad=bad:nope"),
    "cluster ip and instance": lambda: ingress("bad", target_type="instance"),
    "backend protocol": lambda: ingress("bad", backend_protocol="GOPHER"),
    "health check": lambda: ingress("bad", healthcheck_interval_seconds="often"),
    "missing action": lambda: ingress("bad", "/bad=x:use-annotation"),
    "action is no json": lambda: ingress("bad", "/bad=x:use-annotation", actions__x="{"),
    "action redirects nowhere": lambda: ingress(
        "bad", "/bad=x:use-annotation", actions__x='{"type": "redirect", "redirectConfig": {}}'
    ),
    "condition is no json": lambda: ingress("bad", conditions__bad="["),
    "listen ports": lambda: ingress("bad", listen_ports='[{"HTTP": 99999}]'),
    "group order": lambda: ingress("bad", group__order="first"),
    "scheme": lambda: ingress("bad", scheme="public"),
    "conflicting scheme": lambda: ingress("bad", scheme="internet-facing"),
    "subnets": lambda: ingress("bad", subnets="nowhere, nothere"),
    "security groups": lambda: ingress("bad", security_groups="unknown"),
    "inbound cidrs": lambda: ingress("bad", inbound_cidrs="10.0.0.0/99"),
    "tags": lambda: ingress("bad", tags="no equals"),
    "load balancer attributes": lambda: ingress("bad", load_balancer_attributes="idle"),
    "class is gone": lambda: ingress("bad", in_class="gone"),
    "certificate": lambda: ingress(
        "bad",
        listen_ports='[{"HTTP": 80}, {"HTTPS": 443}]',
        certificate_arn="arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-4000-8000-000000000000",
    ),
    "no certificate for the host": lambda: ingress(
        "bad", host="bad.example.com", listen_ports='[{"HTTP": 80}, {"HTTPS": 443}]'
    ),
    "login without a secret": lambda: ingress(
        "bad",
        auth_type="oidc",
        auth_idp_oidc='{"issuer": "https://x", "authorizationEndpoint": "https://x/a", '
        '"tokenEndpoint": "https://x/t", "userInfoEndpoint": "https://x/u", "secretName": "gone"}',
    ),
    "ssl redirect to nowhere": lambda: ingress("bad", ssl_redirect="8443"),
    "weighted forward, nobody there": lambda: ingress(
        "bad",
        "/bad=x:use-annotation",
        actions__x='{"type": "forward", "forwardConfig": {"targetGroups": ['
        '{"serviceName": "gone", "servicePort": 80, "weight": 1}, '
        '{"serviceName": "bad", "servicePort": 9999, "weight": 1}]}}',
    ),
    "empty condition": lambda: ingress(
        "bad", conditions__bad='[{"field": "host-header", "hostHeaderConfig": {"values": []}}]'
    ),
    "path too long": lambda: ingress("bad", f"/bad{'x' * 140}=bad"),
    "target group attributes": lambda: ingress(
        "bad", target_group_attributes="deregistration_delay.timeout_seconds=lots"
    ),
    "success codes": lambda: ingress("bad", success_codes="fine"),
    "load balancer name": lambda: ingress("bad", load_balancer_name="x" * 40),
    "address type": lambda: ingress("bad", ip_address_type="ipv5"),
    "web acl": lambda: ingress("bad", wafv2_acl_arn="nonsense"),
    "login is no json": lambda: ingress("bad", auth_type="oidc", auth_idp_oidc="{"),
    "kind of login": lambda: ingress("bad", auth_type="magic"),
    "group name": lambda: ingress("bad", group="No Name"),
}

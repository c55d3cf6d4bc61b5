"""Every annotation and every field of a class has its effect: as with the original, value by value."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from addons.albingress.desired import annotations, class_params
from addons.albingress.desired.classes import NotOurs
from addons.albingress.desired.groups import membership
from addons.albingress.model.rules import (
    AuthenticateCognito,
    AuthenticateOidc,
    FixedResponse,
    JwtValidation,
    Transform,
)
from addons.albingress.model.stack import (
    HealthCheck,
    Permission,
    Stack,
)
from tests.support import alb_groups
from tests.support.alb_rules import OIDC, member, path, rule, secret, service, stack_of

ARN, OTHER_ARN = "arn:aws:acm:eu-west-1:1:certificate/a", "arn:aws:acm:eu-west-1:1:certificate/b"
ACL = "arn:aws:wafv2:eu-west-1:1:regional/webacl/guard/1"
TRUST = "arn:aws:elasticloadbalancing:eu-west-1:1:truststore/clients/1"
HTTPS = {"listen-ports": [{"HTTPS": 443}], "certificate-arn": ARN}
POOL = {
    "userPoolARN": "arn:aws:cognito-idp:eu-west-1:1:userpool/p",
    "userPoolClientID": "c",
    "userPoolDomain": "d",
}
LOGIN = HTTPS | {"auth-type": "oidc", "auth-idp-oidc": OIDC}

Effect = tuple[Mapping[str, Any], Callable[[Any], Any], Any]


def balancer(stack: Stack) -> Any:
    return stack.load_balancer


def listener(stack: Stack) -> Any:
    return stack.listeners[0]


def first_rule(stack: Stack) -> Any:
    return listener(stack).rules[0].content


def group(stack: Stack) -> Any:
    return stack.target_groups[0]


def health(stack: Stack) -> Any:
    return group(stack).health


def action(stack: Stack) -> Any:
    return first_rule(stack).actions[0]


def condition(field: str) -> Callable[[Any], Any]:
    return lambda stack: next(each for each in first_rule(stack).conditions if each.field == field)


def sources(stack: Stack) -> list[tuple[int, str]]:
    assert stack.security_group is not None
    return [(each.port, each.cidr or each.prefix_list) for each in stack.security_group.permissions]


def tags(thing: Any) -> Callable[[Any], Any]:
    return lambda stack: dict(thing(stack).tags).get("team")


ANNOTATIONS: dict[str, Effect] = {
    "group.name": (
        {"group.name": "shop"},
        lambda _: alb_groups.member("a", {"group.name": "shop"}).group.name,
        "shop",
    ),
    "group.order": ({}, lambda _: alb_groups.member("a", {"group.order": "-7"}).order, -7),
    "load-balancer-name": ({"load-balancer-name": "front"}, lambda stack: balancer(stack).name, "front"),
    "scheme": ({"scheme": "internet-facing"}, lambda stack: balancer(stack).scheme, "internet-facing"),
    "ip-address-type": ({"ip-address-type": "ipv4"}, lambda stack: balancer(stack).ip_address_type, "ipv4"),
    "subnets": (
        {"subnets": "subnet-b,subnet-a"},
        lambda stack: balancer(stack).subnets,
        ("subnet-a", "subnet-b"),
    ),
    "security-groups": (
        {"security-groups": "mine"},
        lambda stack: balancer(stack).security_groups,
        ("sg-1",),
    ),
    "manage-backend-security-group-rules": (
        {"security-groups": "mine", "manage-backend-security-group-rules": "true"},
        lambda stack: balancer(stack).uses_backend_group,
        True,
    ),
    "inbound-cidrs": (
        {"inbound-cidrs": "10.0.0.1/8, 11.0.0.0/8"},
        sources,
        [(80, "10.0.0.0/8"), (80, "11.0.0.0/8")],
    ),
    "security-group-prefix-lists": ({"security-group-prefix-lists": "pl-1"}, sources, [(80, "pl-1")]),
    "load-balancer-attributes": (
        {"load-balancer-attributes": "idle_timeout.timeout_seconds=30,access_logs.s3.enabled=true"},
        lambda stack: balancer(stack).attributes,
        (("access_logs.s3.enabled", "true"), ("idle_timeout.timeout_seconds", "30")),
    ),
    "listener-attributes": (
        {"listener-attributes.HTTP-80": "routing.http.response.server.enabled=false"},
        lambda stack: listener(stack).attributes,
        (("routing.http.response.server.enabled", "false"),),
    ),
    "tags": (
        {"tags": "team=shop"},
        lambda stack: [
            tags(thing)(stack) for thing in (balancer, listener, group, lambda one: one.security_group)
        ],
        ["shop"] * 4,
    ),
    "listen-ports": (
        {"listen-ports": [{"HTTP": 81}, {"HTTP": 80}]},
        lambda stack: [each.port for each in stack.listeners],
        [80, 81],
    ),
    "ssl-redirect": (
        HTTPS | {"listen-ports": [{"HTTP": 80}, {"HTTPS": 443}], "ssl-redirect": "443"},
        lambda stack: [(each.status, each.protocol, each.port) for each in listener(stack).default_actions],
        [("HTTP_301", "HTTPS", "443")],
    ),
    "certificate-arn": (
        {"certificate-arn": f"{ARN}, {OTHER_ARN}"},
        lambda stack: (listener(stack).port, listener(stack).certificates),
        (443, (ARN, OTHER_ARN)),
    ),
    "ssl-policy": (HTTPS | {"ssl-policy": "P"}, lambda stack: listener(stack).ssl_policy, "P"),
    "mutual-authentication": (
        HTTPS | {"mutual-authentication": [{"port": 443, "mode": "verify", "trustStore": TRUST}]},
        lambda stack: listener(stack).mutual_authentication,
        (("IgnoreClientCertificateExpiry", "false"), ("Mode", "verify"), ("TrustStoreArn", TRUST)),
    ),
    "wafv2-acl-arn": ({"wafv2-acl-arn": ACL}, lambda stack: balancer(stack).waf_acl, ACL),
    "target-type": (
        {"target-type": "ip"},
        lambda stack: (group(stack).target_type, group(stack).port),
        ("ip", 8080),
    ),
    "target-node-labels": ({"target-node-labels": "a=b"}, lambda stack: group(stack).node_selector, "a=b"),
    "backend-protocol": ({"backend-protocol": "HTTPS"}, lambda stack: group(stack).protocol, "HTTPS"),
    "backend-protocol-version": (
        HTTPS | {"backend-protocol-version": "HTTP2"},
        lambda stack: group(stack).version,
        "HTTP2",
    ),
    "target-group-attributes": (
        {"target-group-attributes": "stickiness.enabled=true"},
        lambda stack: group(stack).attributes,
        (("stickiness.enabled", "true"),),
    ),
    "healthcheck-port": ({"healthcheck-port": "9000"}, lambda stack: health(stack).port, "9000"),
    "healthcheck-protocol": (
        {"healthcheck-protocol": "HTTPS"},
        lambda stack: health(stack).protocol,
        "HTTPS",
    ),
    "healthcheck-path": ({"healthcheck-path": "/ok"}, lambda stack: health(stack).path, "/ok"),
    "healthcheck-interval-seconds": (
        {"healthcheck-interval-seconds": "30"},
        lambda stack: health(stack).interval,
        30,
    ),
    "healthcheck-timeout-seconds": (
        {"healthcheck-timeout-seconds": "6"},
        lambda stack: health(stack).timeout,
        6,
    ),
    "healthy-threshold-count": ({"healthy-threshold-count": "3"}, lambda stack: health(stack).healthy, 3),
    "unhealthy-threshold-count": (
        {"unhealthy-threshold-count": "4"},
        lambda stack: health(stack).unhealthy,
        4,
    ),
    "success-codes": ({"success-codes": "200,300-399"}, lambda stack: health(stack).matcher, "200,300-399"),
    "auth-type": (LOGIN, lambda stack: type(action(stack)), AuthenticateOidc),
    "auth-idp-oidc": (LOGIN, lambda stack: action(stack).issuer, OIDC["issuer"]),
    "auth-idp-cognito": (
        HTTPS | {"auth-type": "cognito", "auth-idp-cognito": POOL},
        action,
        AuthenticateCognito(POOL["userPoolARN"], "c", "d"),
    ),
    "auth-on-unauthenticated-request": (
        LOGIN | {"auth-on-unauthenticated-request": "deny"},
        lambda stack: action(stack).on_unauthenticated,
        "deny",
    ),
    "auth-scope": (LOGIN | {"auth-scope": "openid email"}, lambda stack: action(stack).scope, "openid email"),
    "auth-session-cookie": (
        LOGIN | {"auth-session-cookie": "mine"},
        lambda stack: action(stack).session_cookie,
        "mine",
    ),
    "auth-session-timeout": (
        LOGIN | {"auth-session-timeout": "60"},
        lambda stack: action(stack).session_timeout,
        60,
    ),
    "jwt-validation": (
        HTTPS | {"jwt-validation": {"jwksEndpoint": "https://i/keys", "issuer": "https://i"}},
        action,
        JwtValidation("https://i/keys", "https://i"),
    ),
    "use-regex-path-match": (
        {"use-regex-path-match": "true"},
        lambda stack: condition("path-pattern")(stack).regex,
        ("x",),
    ),
    "actions": (
        {"actions.act": {"type": "fixed-response", "fixedResponseConfig": {"statusCode": "200"}}},
        lambda stack: [each.content.actions for each in listener(stack).rules if each.content][-1],
        (FixedResponse("200"),),
    ),
    "conditions": (
        {
            "conditions.web": [
                {"field": "http-request-method", "httpRequestMethodConfig": {"values": ["GET"]}}
            ]
        },
        lambda stack: condition("http-request-method")(stack).values,
        ("GET",),
    ),
    "transforms": (
        {
            "transforms.web": [
                {"type": "url-rewrite", "urlRewriteConfig": {"rewrites": [{"regex": "^/x", "replace": "/"}]}}
            ]
        },
        lambda stack: first_rule(stack).transforms,
        (Transform("url-rewrite", "^/x", "/"),),
    ),
}

CLASS_FIELDS: dict[str, tuple[Mapping[str, Any], Any, Callable[[Any], Any], Any]] = {
    "loadBalancerName": ({}, "front", lambda stack: balancer(stack).name, "front"),
    "scheme": (
        {"scheme": "internal"},
        "internet-facing",
        lambda stack: balancer(stack).scheme,
        "internet-facing",
    ),
    "ipAddressType": (
        {"ip-address-type": "dualstack"},
        "ipv4",
        lambda stack: balancer(stack).ip_address_type,
        "ipv4",
    ),
    "subnets": (
        {"subnets": "subnet-x"},
        {"ids": ["subnet-a", "subnet-b"]},
        lambda stack: balancer(stack).subnets,
        ("subnet-a", "subnet-b"),
    ),
    "inboundCIDRs": ({"inbound-cidrs": "10.0.0.0/8"}, ["11.0.0.0/8"], sources, [(80, "11.0.0.0/8")]),
    "prefixListsIDs": ({"security-group-prefix-lists": "pl-1"}, ["pl-2"], sources, [(80, "pl-2")]),
    "certificateArn": (
        {"certificate-arn": ARN},
        [OTHER_ARN],
        lambda stack: listener(stack).certificates,
        (OTHER_ARN,),
    ),
    "sslPolicy": (HTTPS | {"ssl-policy": "P"}, "Q", lambda stack: listener(stack).ssl_policy, "Q"),
    "sslRedirectPort": (
        HTTPS | {"listen-ports": [{"HTTP": 80}, {"HTTPS": 443}, {"HTTPS": 444}], "ssl-redirect": "444"},
        "443",
        lambda stack: [each.port for each in listener(stack).default_actions],
        ["443"],
    ),
    "tags": ({"tags": "team=a"}, [{"key": "team", "value": "b"}], tags(balancer), "b"),
    "targetType": ({"target-type": "instance"}, "ip", lambda stack: group(stack).target_type, "ip"),
    "loadBalancerAttributes": (
        {"load-balancer-attributes": "idle_timeout.timeout_seconds=30"},
        [{"key": "idle_timeout.timeout_seconds", "value": "31"}],
        lambda stack: balancer(stack).attributes,
        (("idle_timeout.timeout_seconds", "31"),),
    ),
    "listeners": (
        {"listener-attributes.HTTP-80": "k=1"},
        [{"protocol": "HTTP", "port": 80, "listenerAttributes": [{"key": "k", "value": "2"}]}],
        lambda stack: listener(stack).attributes,
        (("k", "2"),),
    ),
    "wafv2AclArn": ({"wafv2-acl-arn": "none"}, ACL, lambda stack: balancer(stack).waf_acl, ACL),
}
"""What an annotation says, what the class says, and what counts."""

OF_MEMBERSHIP = {"group", "namespaceSelector"}
"""Fields that decide which group an Ingress is of, or whether it is ours."""


def built(said: Mapping[str, Any], params: Any = None) -> Stack:
    one = member(
        "a",
        rule(
            "a.org",
            path("/x", kind="ImplementationSpecific"),
            path("/act", "act", "use-annotation", kind="ImplementationSpecific"),
        )
        if "actions.act" in said
        else rule("a.org", path("/x", kind="ImplementationSpecific")),
        said=said,
        params=params,
    )
    stack, problems = stack_of(
        one,
        services=[service()],
        secrets=[secret()],
        answers={"security_groups": {"mine": ("sg-1",)}},
    )
    assert problems == ()
    return stack


def test_no_annotation_is_left_out() -> None:
    assert set(ANNOTATIONS) == {setting.key for setting in annotations.SETTINGS}


@pytest.mark.parametrize("key", ANNOTATIONS)
def test_an_annotation_has_its_effect(key: str) -> None:
    said, look, expected = ANNOTATIONS[key]
    assert look(built({name: text for name, text in said.items() if name != "group.name"})) == expected


def test_no_field_of_a_class_is_left_out() -> None:
    fields = {one.name for one in vars(class_params).values() if isinstance(one, class_params.Field)}
    assert set(CLASS_FIELDS) | OF_MEMBERSHIP == fields


@pytest.mark.parametrize("name", CLASS_FIELDS)
def test_a_field_of_a_class_wins_over_the_annotation(name: str) -> None:
    said, written, look, expected = CLASS_FIELDS[name]
    assert look(built(said, {name: written})) == expected


def test_the_group_of_a_class_wins_over_the_annotation() -> None:
    found = alb_groups.member("a", {"group.name": "mine"}, params={"group": {"name": "theirs"}})
    assert found.group.name == "theirs"


def test_a_class_is_for_the_namespaces_that_it_selects() -> None:
    params = alb_groups.class_params({"namespaceSelector": {"matchLabels": {"team": "shop"}}})
    classes = alb_groups.ingress_class(params="public")
    inside = alb_groups.objects(classes, params, labels={"team": "shop"})
    outside = alb_groups.objects(classes, params, labels={"team": "other"})
    one = alb_groups.ingress("a")
    assert not isinstance(membership(one, inside, alb_groups.config()), NotOurs)
    assert "does not select namespace/shop" in str(membership(one, outside, alb_groups.config()))


def test_default_values_are_those_of_the_original() -> None:
    stack = built({})
    assert (balancer(stack).scheme, balancer(stack).ip_address_type) == ("internal", "ipv4")
    assert (balancer(stack).attributes, balancer(stack).waf_acl) == ((), "")
    assert (listener(stack).port, listener(stack).protocol) == (80, "HTTP")
    assert listener(stack).default_actions == (FixedResponse("404", "text/plain"),)
    assert stack.security_group is not None
    assert stack.security_group.permissions == (Permission(80, 80, cidr="0.0.0.0/0"),)
    assert (group(stack).target_type, group(stack).protocol, group(stack).version) == (
        "instance",
        "HTTP",
        "HTTP1",
    )
    assert health(stack) == HealthCheck(protocol="HTTP", path="/", matcher="200")
    assert listener(built(HTTPS)).ssl_policy == "ELBSecurityPolicy-2016-08"

"""The situations that are recorded: each makes what is there before the original looks."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.clients.original_albs.stage import Object, Stage, act, rule, to
from tests.support.aws import World
from tests.support.elbv2 import forward

Situation = Callable[[Stage], Awaitable[None]]


def namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def ingress_class(parameters: str = "") -> Object:
    spec: Object = {"controller": "ingress.k8s.aws/alb"}
    if parameters:
        group = {"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": parameters}
        spec["parameters"] = group
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": "alb"},
        "spec": spec,
    }


async def one(stage: Stage) -> None:
    """One public Ingress with addresses of pods as targets."""
    await stage.apply(namespace("web"), ingress_class())
    await stage.service("web", "app")
    annotations = {"scheme": "internet-facing", "target-type": "ip"}
    await stage.ingress("web", "app", annotations, rule("app.example.com", to("app")))


async def group(stage: Stage) -> None:
    """Three Ingresses on one load balancer: HTTPS with a redirect, a login, weights, actions, instances."""
    await stage.apply(namespace("shop"), ingress_class())
    wildcard = stage.aws.acm.issue("*.shop.example.com", "shop.example.com").arn
    stage.aws.acm.issue("api.example.com")
    for name in ("front", "blue", "green"):
        await stage.service("shop", name)
    await stage.service("shop", "api", type_="NodePort")
    secret = {"clientID": "me", "clientSecret": "very secret"}
    about = {"metadata": {"namespace": "shop", "name": "login"}, "stringData": secret}
    await stage.apply({"apiVersion": "v1", "kind": "Secret", **about})
    common = {"group.name": "shop", "scheme": "internet-facing"}
    await _front(stage, common, wildcard)
    await _api(stage, common)
    await _extra(stage, common)


async def _front(stage: Stage, common: dict[str, str], certificate: str) -> None:
    annotations = {
        **common,
        "group.order": "-1",
        "target-type": "ip",
        "listen-ports": '[{"HTTP": 80}, {"HTTPS": 443}]',
        "ssl-redirect": "443",
        "ssl-policy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
        "certificate-arn": certificate,
        "tags": "team=shop,cost=12",
        "load-balancer-attributes": "idle_timeout.timeout_seconds=120,routing.http2.enabled=false",
        "target-group-attributes": "deregistration_delay.timeout_seconds=30,stickiness.enabled=true",
        "healthcheck-path": "/healthz",
        "healthcheck-interval-seconds": "10",
        "healthy-threshold-count": "3",
        "success-codes": "200-299",
        "inbound-cidrs": "198.51.100.0/24,203.0.113.0/24",
    }
    paths = to("front"), to("front", path="/exact", kind="Exact")
    await stage.ingress("shop", "front", annotations, rule("www.shop.example.com", *paths))


async def _api(stage: Stage, common: dict[str, str]) -> None:
    oidc = {
        "issuer": "https://idp.example.com",
        "authorizationEndpoint": "https://idp.example.com/authorize",
        "tokenEndpoint": "https://idp.example.com/token",
        "userInfoEndpoint": "https://idp.example.com/userinfo",
        "secretName": "login",
    }
    annotations = {
        **common,
        "group.order": "5",
        "listen-ports": '[{"HTTPS": 443}]',
        "auth-type": "oidc",
        "auth-idp-oidc": json.dumps(oidc),
        "auth-scope": "openid email",
        "auth-on-unauthenticated-request": "deny",
        "healthcheck-port": "traffic-port",
        "unhealthy-threshold-count": "5",
    }
    paths = to("api", path="/v1"), to("api", path="/v1/long/er")
    await stage.ingress("shop", "api", annotations, rule("api.example.com", *paths))


async def _extra(stage: Stage, common: dict[str, str]) -> None:
    weighted = {
        "type": "forward",
        "forwardConfig": {
            "targetGroups": [
                {"serviceName": "blue", "servicePort": 80, "weight": 80},
                {"serviceName": "green", "servicePort": "http", "weight": 20},
            ],
            "targetGroupStickinessConfig": {"enabled": True, "durationSeconds": 200},
        },
    }
    away = {"type": "redirect", "redirectConfig": {"host": "old.example.com", "statusCode": "HTTP_302"}}
    teapot = {"contentType": "text/plain", "statusCode": "418", "messageBody": "short and stout"}
    conditions: list[Any] = [
        {"field": "http-header", "httpHeaderConfig": {"httpHeaderName": "X-Old", "values": ["yes"]}},
        {"field": "source-ip", "sourceIpConfig": {"values": ["192.0.2.0/24"]}},
        {"field": "query-string", "queryStringConfig": {"values": [{"key": "v", "value": "1"}]}},
    ]
    annotations = {
        **common,
        "target-type": "ip",
        "listen-ports": '[{"HTTPS": 443}]',
        "certificate-arn": next(iter(stage.aws.acm.certificates)),
        "actions.weighted": json.dumps(weighted),
        "actions.away": json.dumps(away),
        "actions.teapot": json.dumps({"type": "fixed-response", "fixedResponseConfig": teapot}),
        "conditions.away": json.dumps(conditions),
    }
    paths = act("away", "/old", "Exact"), act("weighted", "/"), act("teapot", "/teapot", "Exact")
    await stage.ingress("shop", "extra", annotations, rule("shop.example.com", *paths))


async def internal(stage: Stage) -> None:
    """An internal one with security groups and subnets of the user's, a name, and a default backend only."""
    await stage.apply(namespace("back"), ingress_class())
    await stage.service("back", "office", {"name": "web", "port": 8000, "targetPort": 8080}, type_="NodePort")
    stage.group("mine")
    annotations = {
        "scheme": "internal",
        "load-balancer-name": "office",
        "security-groups": "mine",
        "manage-backend-security-group-rules": "true",
        "subnets": ",".join(stage.private),
        "listen-ports": '[{"HTTP": 8080}]',
        "target-type": "instance",
        "target-node-labels": "kubernetes.io/os=linux",
        "healthcheck-path": "/ok",
        "tags": "Name=office",
        "load-balancer-attributes": "deletion_protection.enabled=true",
    }
    backend = {"service": {"name": "office", "port": {"name": "web"}}}
    await stage.ingress("back", "office", annotations, defaultBackend=backend)


async def binding(stage: Stage) -> None:
    """A target group of the user's behind a load balancer of the user's, filled by a TargetGroupBinding."""
    await stage.apply(namespace("own"), ingress_class())
    await stage.service("own", "app")
    frontend = stage.group("frontend")
    aws = World(stage.aws)
    usual = {"Protocol": "HTTP", "Port": 8080, "VpcId": stage.vpc.id, "TargetType": "ip"}
    made = await aws.call("elbv2", "create_target_group", Name="own-app", **usual)
    arn = made["TargetGroups"][0]["TargetGroupArn"]
    wanted = {"Name": "own", "Subnets": stage.public, "SecurityGroups": [frontend]}
    balancer = (await aws.call("elbv2", "create_load_balancer", **wanted))["LoadBalancers"][0]
    listen = {"Port": 80, "Protocol": "HTTP", "DefaultActions": [forward(arn)]}
    await aws.call("elbv2", "create_listener", LoadBalancerArn=balancer["LoadBalancerArn"], **listen)
    aws.close()
    source = [{"securityGroup": {"groupID": frontend}}, {"ipBlock": {"cidr": "10.0.0.0/24"}}]
    spec = {
        "targetGroupARN": arn,
        "targetType": "ip",
        "serviceRef": {"name": "app", "port": 80},
        "networking": {"ingress": [{"from": source, "ports": [{"protocol": "TCP", "port": 8080}]}]},
    }
    about = {"namespace": "own", "name": "app"}
    api = "elbv2.k8s.aws/v1beta1"
    await stage.apply({"apiVersion": api, "kind": "TargetGroupBinding", "metadata": about, "spec": spec})


async def wide(stage: Stage) -> None:
    """What is rarer: class parameters, IPv6, prefix lists, rewrites, patterns, gRPC, tokens, a web ACL."""
    await stage.apply(namespace("wide"), ingress_class("wide"))
    spec = {
        "scheme": "internet-facing",
        "group": {"name": "wide"},
        "ipAddressType": "dualstack",
        "tags": [{"key": "owner", "value": "platform"}],
        "loadBalancerAttributes": [{"key": "idle_timeout.timeout_seconds", "value": "90"}],
        "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06",
    }
    about = {"metadata": {"name": "wide"}, "spec": spec}
    await stage.apply({"apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "IngressClassParams", **about})
    stage.aws.acm.issue("*.wide.example.com")
    grpc = {
        "alb.ingress.kubernetes.io/backend-protocol-version": "GRPC",
        "alb.ingress.kubernetes.io/success-codes": "0-5",
    }
    await stage.service(
        "wide", "calls", {"name": "grpc", "port": 50051, "targetPort": "grpc"}, annotations=grpc
    )
    await stage.service("wide", "pages", {"name": "web", "port": 80, "targetPort": "web"})
    await stage.service("wide", "tokens")
    await _wide_pages(stage)
    config = {"issuer": "https://idp.example.com", "jwksEndpoint": "https://idp.example.com/keys"}
    annotations = {
        "target-type": "ip",
        "listen-ports": '[{"HTTPS": 443}]',
        "jwt-validation": json.dumps(config),
    }
    paths = to("tokens", path="/token*", kind="ImplementationSpecific")
    await stage.ingress("wide", "tokens", annotations, rule("api.wide.example.com", paths))


async def _wide_pages(stage: Stage) -> None:
    rewrites = [{"regex": "^/api/(.+)$", "replace": "/$1"}]
    transforms = [{"type": "url-rewrite", "urlRewriteConfig": {"rewrites": rewrites}}]
    annotations = {
        "target-type": "ip",
        "listen-ports": '[{"HTTP": 80}, {"HTTP": 8080}, {"HTTPS": 443}]',
        "security-group-prefix-lists": stage.aws.ec2.network.create_prefix_list(),
        "inbound-cidrs": "0.0.0.0/0,::/0",
        "use-regex-path-match": "true",
        "transforms.pages": json.dumps(transforms),
        "listener-attributes.HTTP-80": "routing.http.response.server.enabled=false",
        "wafv2-acl-arn": stage.aws.waf.create("guard").arn,
        "shield-advanced-protection": "false",
    }
    paths = (
        to("pages", "web", "/^/api/v[0-9]+", "ImplementationSpecific"),
        to("pages", "web", "/plain"),
    )
    await stage.ingress("wide", "pages", annotations, rule("*.wide.example.com", *paths))
    grpc = {"target-type": "ip", "listen-ports": '[{"HTTPS": 443}]', "group.order": "2"}
    await stage.ingress("wide", "calls", grpc, rule("grpc.wide.example.com", to("calls", "grpc")))


SITUATIONS: dict[str, Situation] = {
    "one": one,
    "group": group,
    "internal": internal,
    "binding": binding,
    "wide": wide,
}

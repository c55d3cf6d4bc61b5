"""A world for the controller of albingress: an emulated API server, a simulated AWS, daemons between them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from addons.albingress.config import ENV_PREFIXES, Config
from addons.albingress.controller.build import build_controller, connected
from addons.albingress.controller.controller import Controller
from addons.runtime.plan_output import PrintPlan
from addons.runtime.settings import load
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi

Object = dict[str, Any]
PREFIX = "alb.ingress.kubernetes.io/"
NETWORKING, DISCOVERY = "networking.k8s.io/v1", "discovery.k8s.io/v1"


def ingress(name: str, *paths: str, host: str = "", group: str = "shop", **annotations: str) -> Object:
    """An Ingress of a group; a path is `/path=service:port`, by itself it leads to the Service of its name."""
    said = {"target-type": "ip", **({"group.name": group} if group else {}), **_dashed(annotations)}
    written = [_path(text, name) for text in paths or (f"/{name}",)]
    rule: Object = {"http": {"paths": written}} | ({"host": host} if host else {})
    return {
        "metadata": {"name": name, "annotations": {PREFIX + key: text for key, text in said.items()}},
        "spec": {"ingressClassName": "alb", "rules": [rule]},
    }


def _dashed(annotations: Mapping[str, str]) -> dict[str, str]:
    return {key.replace("__", ".").replace("_", "-"): text for key, text in annotations.items()}


def _path(text: str, name: str) -> Object:
    path, _, backend = text.partition("=")
    service, _, port = (backend or name).partition(":")
    named: Object = {"name": port} if port and not port.isdecimal() else {"number": int(port or 80)}
    return {"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": named}}}


def service(name: str, **spec: Any) -> Object:
    """A Service with port 80, to 8080 of its pods."""
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    return {"metadata": {"name": name}, "spec": {"ports": ports, "selector": {"app": name}, **spec}}


def endpoints(name: str, *addresses: str, port: int = 8080) -> Object:
    """A slice of addresses without pods behind a Service."""
    return {
        "metadata": {"name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port}],
        "endpoints": [{"addresses": [each], "conditions": {"ready": True}} for each in addresses],
    }


def ingress_class(name: str = "alb", *, default: bool = False, params: str = "") -> Object:
    """An IngressClass of ours."""
    spec: Object = {"controller": "ingress.k8s.aws/alb"}
    if params:
        spec["parameters"] = {"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": params}
    marks = {"ingressclass.kubernetes.io/is-default-class": "true"} if default else {}
    return {"metadata": {"name": name, "annotations": marks}, "spec": spec}


class World:
    """An API server and an AWS with a VPC of two zones, and daemons that work between them."""

    def __init__(self, api: KubeApi, aws: AwsEndpoint, folder: Path) -> None:
        self.api, self.aws, self.folder = api, aws, folder
        vpc = aws.ec2.network.create_vpc("10.0.0.0/16")
        self.vpc_id = vpc.id
        tags = {"kubernetes.io/role/internal-elb": "1", "kubernetes.io/role/elb": "1"}
        self.subnets = [
            aws.ec2.network.create_subnet(vpc.id, f"10.0.{number}.0/24", zone=f"eu-central-1{zone}").id
            for number, zone in enumerate("ab")
        ]
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(api.kubeconfig())
        self.create(ingress_class(), kind="ingressclasses")

"""A VPC, nodes and pods, in the simulated AWS and in Kubernetes at once: where a situation takes place."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from addons.sim.aws.ec2.interfaces import Wish
from addons.sim.aws.ec2.model import Instance
from addons.sim.aws.server import AwsEndpoint
from tests.support.kubectl import Kubectl

Object = dict[str, Any]
CLUSTER = "demo"
_ZONES = ("eu-central-1a", "eu-central-1b")
_CLUSTER_TAG = {f"kubernetes.io/cluster/{CLUSTER}": "owned"}


@dataclass
class Node:
    """An instance that is a node."""

    name: str
    instance: Instance
    interface: str
    address: str


@dataclass
class Stage:
    """One VPC of two zones with a public and a private subnet in each, and a node in each private one."""

    aws: AwsEndpoint
    kubectl: Kubectl
    nodes: list[Node] = field(default_factory=list)
    _turn: int = 0

    async def build(self) -> None:
        """Make the network and the nodes."""
        network = self.aws.ec2.network
        self.vpc = network.create_vpc("10.0.0.0/16", ipv6_cidr="2001:db8::/56")
        self.public = [self._subnet(number, "elb") for number in range(2)]
        self.private = [self._subnet(number, "internal-elb") for number in range(2)]
        network.create_route_table(self.vpc.id, subnets=self.public, routes={"0.0.0.0/0": "igw-1"})
        self.node_group = self.group("nodes", _CLUSTER_TAG)
        for subnet in self.private:
            await self._join(subnet)

    def _subnet(self, number: int, role: str) -> str:
        third = number if role == "elb" else 10 + number
        made = self.aws.ec2.network.create_subnet(
            self.vpc.id,
            f"10.0.{third}.0/24",
            zone=_ZONES[number],
            tags={f"kubernetes.io/role/{role}": "1", "Name": f"{role}-{number}"},
            ipv6_cidr=f"2001:db8:0:{third:x}::/64",
        )
        return made.id

    def group(self, name: str, tags: dict[str, str] | None = None) -> str:
        """Make a security group of somebody else's."""
        groups = self.aws.ec2.account.security_groups
        made = self.aws.ec2.network.create_security_group(self.vpc.id, name)
        groups[made.id] = replace(made, tags={"Name": name, **(tags or {})})
        return made.id

    async def _join(self, subnet: str) -> None:
        instance = self.aws.ec2.instances.launch(
            "m5.large", subnet, groups=(self.node_group,), tags=_CLUSTER_TAG
        )
        (eni,) = self.aws.ec2.account.interfaces_of(instance.id)
        address = str(eni.addresses[0])
        name = f"ip-{address.replace('.', '-')}.eu-central-1.compute.internal"
        self.nodes.append(Node(name, instance, eni.id, address))
        provider = f"aws:///{instance.zone}/{instance.id}"
        zone = {"topology.kubernetes.io/zone": instance.zone, "kubernetes.io/os": "linux"}
        node = {"metadata": {"name": name, "labels": zone}, "spec": {"providerID": provider}}
        await self.apply({"apiVersion": "v1", "kind": "Node", **node})
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready"}
        addresses = [{"type": "InternalIP", "address": address}]
        await self._set_status("node", name, {"conditions": [ready], "addresses": addresses})
        await self.beat()

    async def beat(self) -> None:
        """Say for the nodes that they live."""
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        for node in self.nodes:
            spec = {"holderIdentity": node.name, "leaseDurationSeconds": 40, "renewTime": now}
            about = {"name": node.name, "namespace": "kube-node-lease"}
            lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": about, "spec": spec}
            await self.apply(lease)

    async def apply(self, *objects: Object) -> None:
        """Give objects to the API server."""
        items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        await self.kubectl.ok("apply", "--server-side", "-f", "-", stdin=items)

    async def _set_status(self, kind: str, name: str, status: Object, namespace: str = "default") -> None:
        patch = json.dumps({"status": status})
        where = ("-n", namespace, kind, name)
        await self.kubectl.ok("patch", *where, "--subresource", "status", "--type", "merge", "-p", patch)

    async def service(
        self,
        namespace: str,
        name: str,
        *ports: Object,
        pods: int = 2,
        type_: str = "ClusterIP",
        annotations: dict[str, str] | None = None,
    ) -> None:
        """Make a Service and its pods, on the nodes in turn; without ports: 80, which leads to 8080."""
        wanted = list(ports) or [{"name": "http", "port": 80, "targetPort": 8080}]
        about = {"namespace": namespace, "name": name}
        spec = {"type": type_, "selector": {"app": name}, "ports": wanted}
        metadata = {**about, "annotations": annotations or {}}
        await self.apply({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
        await asyncio.gather(*(self._pod(namespace, name, number, wanted) for number in range(pods)))

    async def _pod(self, namespace: str, app: str, number: int, ports: list[Object]) -> None:
        node = self.nodes[self._turn % len(self.nodes)]
        self._turn += 1
        eni = self.aws.ec2.account.interface(node.interface)
        (address,), _ = self.aws.ec2.interfaces.assign(eni.id, Wish(count=1))
        named = [
            {"name": port["targetPort"], "containerPort": 8080 + place}
            for place, port in enumerate(ports)
            if isinstance(port["targetPort"], str)
        ]
        container = {"name": "main", "image": "example.org/app:1", "ports": named}
        about = {"namespace": namespace, "name": f"{app}-{number}", "labels": {"app": app}}
        spec = {"nodeName": node.name, "containers": [container]}
        await self.apply({"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": spec})
        conditions = [{"type": kind, "status": "True"} for kind in ("Ready", "ContainersReady")]
        running = {"phase": "Running", "podIP": str(address), "podIPs": [{"ip": str(address)}]}
        status = {**running, "hostIP": node.address, "conditions": conditions}
        await self._set_status("pod", f"{app}-{number}", status, namespace)

    async def ingress(
        self, namespace: str, name: str, annotations: dict[str, str], *rules: Object, **spec: Any
    ) -> None:
        """Make an Ingress of the class `alb`; annotations without their prefix."""
        named = {f"alb.ingress.kubernetes.io/{key}": value for key, value in annotations.items()}
        about = {"namespace": namespace, "name": name, "annotations": named}
        wanted = {"ingressClassName": "alb", **({"rules": list(rules)} if rules else {}), **spec}
        await self.apply(
            {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": about, "spec": wanted}
        )


def rule(host: str, *paths: Object) -> Object:
    """Give a rule for a host, "" for any."""
    return {**({"host": host} if host else {}), "http": {"paths": list(paths)}}


def to(service: str, port: int | str = 80, path: str = "/", kind: str = "Prefix") -> Object:
    """Give a path that leads to a port of a Service."""
    number = {"name": port} if isinstance(port, str) else {"number": port}
    backend = {"service": {"name": service, "port": number}}
    return {"path": path, "pathType": kind, "backend": backend}


def act(action: str, path: str = "/", kind: str = "Prefix") -> Object:
    """Give a path that leads to an action of an annotation."""
    return to(action, "use-annotation", path, kind)

"""The target path of albingress between an emulated API server and a simulated AWS, without group work."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from addons.albingress.aws.calls import OPERATIONS
from addons.albingress.aws.endpoint_groups import EndpointGroups
from addons.albingress.aws.interfaces import Interfaces
from addons.albingress.aws.network import Network
from addons.albingress.aws.targets import Targets
from addons.albingress.aws.users_groups import UsersGroups
from addons.albingress.config import ENV_PREFIXES, Config
from addons.albingress.controller.target_path import TargetPath
from addons.albingress.kube.endpoints import Endpoints
from addons.albingress.kube.pods import trim
from addons.albingress.model.bindings import TargetGroupBinding
from addons.albingress.model.objects import (
    ENDPOINT_SLICES,
    NODES,
    SERVICES,
    TARGET_GROUP_BINDINGS,
    EndpointSlice,
    Node,
    Pod,
    Service,
)
from addons.albingress.model.stack import ServicePort
from addons.albingress.model.targets import Access, Binding
from addons.albingress.names import READINESS_GATE, SERVICE_NAME_LABEL
from addons.runtime.bucket import Rate
from addons.runtime.daemon import Parts, connect
from addons.runtime.objects import PODS
from addons.runtime.permit import Permit
from addons.runtime.settings import load
from addons.runtime.store import Change
from addons.runtime.watches import Cache, Watches
from addons.sim.aws.elbv2.account import Account
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from tests.support.alb_objects import OWNER
from tests.support.virtual import VirtualLoop, virtual_now

Object = dict[str, Any]
DISCOVERY, PARAMS = "discovery.k8s.io/v1", "elbv2.k8s.aws/v1beta1"
FAST = {service: Rate(per_second=10_000, burst=10_000) for service in ("elbv2", "ec2")}
DEFINITION = {
    "metadata": {"name": "targetgroupbindings.elbv2.k8s.aws"},
    "spec": {
        "group": "elbv2.k8s.aws",
        "scope": "Namespaced",
        "names": {"plural": "targetgroupbindings", "kind": "TargetGroupBinding"},
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}


def service(name: str = "web", **spec: Any) -> Object:
    """A Service with port 80, to 8080 of its pods."""
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    return {"metadata": {"name": name}, "spec": {"ports": ports, "selector": {"app": name}, **spec}}


def endpoint(address: str, pod: str = "", **conditions: bool) -> Object:
    """An endpoint that is ready where nothing else is said."""
    reference = {"targetRef": {"kind": "Pod", "name": pod}} if pod else {}
    return {"addresses": [address], "conditions": {"ready": True, **conditions}, **reference}


def slice_of(*endpoints: str | Object, of: str = "web", port: int = 8080, name: str = "a") -> Object:
    """An EndpointSlice of a Service."""
    return {
        "metadata": {"name": f"{of}-{name}", "labels": {SERVICE_NAME_LABEL: of}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": port}],
        "endpoints": [endpoint(each) if isinstance(each, str) else each for each in endpoints],
    }


def pod(name: str, address: str, *gates: str, node: str = "n1", containers_ready: bool = True) -> Object:
    """A running pod, whose readiness waits for target groups by name."""
    ready = {"type": "ContainersReady", "status": "True" if containers_ready else "False"}
    return {
        "metadata": {"name": name},
        "spec": {
            "nodeName": node,
            "containers": [{"name": "main", "image": "x"}],
            "readinessGates": [{"conditionType": f"{READINESS_GATE}{gate}"} for gate in gates],
        },
        "status": {"podIP": address, "podIPs": [{"ip": address}], "conditions": [ready]},
    }


def node(name: str, instance: str, ready: str = "True") -> Object:
    """A node that is an instance."""
    return {
        "metadata": {"name": name},
        "spec": {"providerID": f"aws:///eu-central-1a/{instance}"},
        "status": {"conditions": [{"type": "Ready", "status": ready}]},
    }


def binding(name: str = "web", *, access: tuple[Access, ...] = (), **more: Any) -> Binding:
    """The Service of a name fills the target group of that name."""
    return Binding(
        namespace="default",
        name=name,
        group=name,
        backend=ServicePort("default", more.pop("service", name), "80"),
        target_type=more.pop("target_type", "ip"),
        owner=OWNER,
        access=access,
        **more,
    )


class Site:
    """The target path towards an API server, whose kubeconfig is in `folder`, and an AWS at `url`."""

    def __init__(self, url: str, vpc_id: str, folder: Path) -> None:
        self.url, self.vpc_id, self.folder = url, vpc_id, folder
        self.subnets: list[str] = []
        self.arns: dict[str, str] = {}

    @asynccontextmanager
    async def path(
        self,
        *flags: str,
        rates: Mapping[str, Rate] = FAST,
        operations: Mapping[str, Collection[str]] = OPERATIONS,
        stopping: asyncio.Event | None = None,
    ) -> AsyncIterator[TargetPath]:
        """The target path at work, with its caches filled."""
        argv = ["--cluster-name=prod", f"--aws-vpc-id={self.vpc_id}", "--aws-region=eu-central-1"]
        argv += [f"--kubeconfig={self.folder / 'kubeconfig'}", f"--aws-endpoint-url={self.url}"]
        config = load(Config, [*argv, "--no-leader-elect", *flags], {}, env_prefixes=ENV_PREFIXES)
        connected = connect("albingress", config, rates=rates, instance="test", operations=operations)
        async with connected as parts:
            self.parts = parts
            watches = Watches(parts.kube)
            made = self._made(config, parts, watches)
            over, stop = asyncio.Event(), stopping or asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(watches.run(over))
                group.create_task(parts.events.run(over))
                await watches.wait_settled()
                running = group.create_task(made.run(Permit(stop, stale=watches.stale)))
                yield made
                stop.set()
                await running
                over.set()

    def _made(self, config: Config, parts: Parts, watches: Watches) -> TargetPath:
        heard = list[TargetPath]()

        def changed(change: Change[Any]) -> None:
            obj: Any = change.new or change.old
            for each in heard:
                each.touched((obj.resource, obj.metadata.namespace, obj.metadata.name))

        services = watches.add(SERVICES, Service, on_change=changed)
        slices = watches.add(
            ENDPOINT_SLICES,
            EndpointSlice,
            on_change=changed,
            indexers={"service": _service_of, "pod": _pods_of},
        )
        pods = watches.add(PODS, Pod, on_change=changed, transform=trim)
        nodes = watches.add(NODES, Node, on_change=changed)
        users: Cache[TargetGroupBinding] = watches.add(
            TARGET_GROUP_BINDINGS, TargetGroupBinding, on_change=changed
        )
        network = Network(parts.aws, vpc_id=self.vpc_id)
        is_virtual = isinstance(asyncio.get_running_loop(), VirtualLoop)
        made = TargetPath(
            config,
            kube=parts.kube,
            endpoints=Endpoints(services=services, slices=slices, pods=pods, nodes=nodes),
            user_bindings=users,
            targets=Targets(parts.aws, lambda group: self.arns.get(group, group)),
            interfaces=Interfaces(parts.aws, network, cluster="prod"),
            endpoint_groups=EndpointGroups(parts.aws, network),
            users_groups=UsersGroups(parts.aws),
            network=network,
            reporter=parts.reporter,
            **({"now": virtual_now} if is_virtual else {}),
        )
        heard.append(made)
        return made

    async def group(self, name: str = "web", *, target_type: str = "ip") -> str:
        """Make a target group; give its ARN."""
        reply = await self.call(
            "create_target_group",
            Name=name,
            Protocol="HTTP",
            Port=80,
            VpcId=self.vpc_id,
            TargetType=target_type,
        )
        self.arns[name] = reply["TargetGroups"][0]["TargetGroupArn"]
        return self.arns[name]

    async def used_group(self, name: str = "web") -> str:
        """Make a target group that a load balancer sends requests to; give its ARN."""
        arn = await self.group(name)
        reply = await self.call("create_load_balancer", Name=name, Subnets=self.subnets)
        await self.call(
            "create_listener",
            LoadBalancerArn=reply["LoadBalancers"][0]["LoadBalancerArn"],
            Port=80,
            Protocol="HTTP",
            DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
        )
        return arn

    async def by_hand(self, operation: str, *targets: str, group: str = "web") -> None:
        """Register or deregister targets as somebody else."""
        listed = [{"Id": each.partition(":")[0], "Port": int(each.partition(":")[2])} for each in targets]
        await self.call(operation, TargetGroupArn=self.arns[group], Targets=listed)

    async def call(self, operation: str, service: str = "elbv2", **arguments: Any) -> Any:
        """Call AWS beside the daemon."""
        return await self.parts.aws.call(service, operation, permit=Permit(asyncio.Event()), **arguments)


class TargetWorld(Site):
    """An API server, and an AWS with a VPC; target groups are made with `group`."""

    def __init__(self, api: KubeApi, aws: AwsEndpoint, folder: Path) -> None:
        super().__init__(aws.url, aws.ec2.network.create_vpc("10.0.0.0/16").id, folder)
        self.api, self.aws = api, aws
        self.elb: Account = aws.elbv2.account
        subnet = aws.ec2.network.create_subnet(self.vpc_id, "10.0.1.0/24", zone="eu-central-1a")
        other = aws.ec2.network.create_subnet(self.vpc_id, "10.0.2.0/24", zone="eu-central-1b")
        self.subnet_id, self.subnets = subnet.id, [subnet.id, other.id]
        (folder / "kubeconfig").write_text(api.kubeconfig())

    def create(self, *objects: Object, kind: str = "services", version: str = "v1") -> None:
        """Make objects."""
        for obj in objects:
            self.api.store.create(version, kind, obj)

    def slices(self, *objects: Object) -> None:
        """Make or change EndpointSlices."""
        there = {each["metadata"]["name"]: each for each in self._slices()}
        for obj in objects:
            if old := there.get(obj["metadata"]["name"]):
                version = {"resourceVersion": old["metadata"]["resourceVersion"]}
                changed = {**obj, "metadata": {**obj["metadata"], **version}}
                self.api.store.update(DISCOVERY, "endpointslices", changed)
            else:
                self.api.store.create(DISCOVERY, "endpointslices", obj)

    def _slices(self) -> list[Object]:
        return list(self.api.store.list(DISCOVERY, "endpointslices"))

    def registered(self, group: str = "web") -> list[str]:
        """The targets that AWS sends requests to: `id:port`."""
        targets = self.elb.target_group(self.arns[group]).targets.values()
        return sorted(f"{each.id}:{each.port}" for each in targets if each.state != "draining")

    def calls(self, *operations: str) -> list[str]:
        """The operations that were called, or how often these were."""
        made = [call.operation for call in self.aws.calls]
        return [each for each in made if not operations or each in operations]

    def condition(self, name: str, gate: str = "web") -> tuple[str, str]:
        """Status and reason of a pod's readiness gate."""
        found = self.api.store.get("v1", "pods", "default", name)["status"].get("conditions", [])
        for each in found:
            if each["type"] == f"{READINESS_GATE}{gate}":
                return each["status"], each.get("reason", "")
        return "", ""

    def events(self) -> list[tuple[str, str]]:
        """Type and reason of all Events."""
        found = self.api.store.list("events.k8s.io/v1", "events")
        return [(each["type"], each["reason"]) for each in found]

    def reasons(self) -> list[str]:
        """The reasons of all that was told."""
        return [decision.reason for decision in self.parts.decisions.newest()]


def _service_of(piece: EndpointSlice) -> Iterable[str]:
    name = piece.metadata.labels.get(SERVICE_NAME_LABEL)
    return [f"{piece.metadata.namespace}/{name}"] if name else []


def _pods_of(piece: EndpointSlice) -> Iterable[str]:
    for each in piece.endpoints:
        if each.target_ref and each.target_ref.kind == "Pod":
            yield f"{piece.metadata.namespace}/{each.target_ref.name}"

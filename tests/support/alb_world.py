"""A world for the controller of albingress: an emulated API server, a simulated AWS, daemons between them."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from addons.albingress.aws.calls import OPERATIONS
from addons.albingress.config import ENV_PREFIXES, Config
from addons.albingress.controller.build import build_controller
from addons.albingress.controller.controller import Controller
from addons.runtime.bucket import Rate
from addons.runtime.clock import utc_now
from addons.runtime.daemon import Parts, connect
from addons.runtime.plan_output import PrintPlan
from addons.runtime.settings import load
from addons.sim.aws.elbv2.account import Account
from addons.sim.aws.elbv2.model import Rule
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from tests.support.alb_aws import FAST
from tests.support.alb_lives import Life
from tests.support.alb_targets import DISCOVERY, service, slice_of
from tests.support.until import until
from tests.support.virtual import START, VirtualLoop, virtual_now

Object = dict[str, Any]
PREFIX = "alb.ingress.kubernetes.io/"
NETWORKING = "networking.k8s.io/v1"
_READING = ("Describe", "Get", "List")


def ingress(
    name: str,
    *paths: str,
    host: str = "",
    group: str = "shop",
    in_class: str = "alb",
    namespace: str = "default",
    **annotations: str,
) -> Object:
    """An Ingress of a group; a path is `/path=service:port`, by itself it leads to the Service of its name.

    In the names of annotations `__` stands for a dot, and `_` for a dash.
    """
    said = {"target-type": "ip", **({"group.name": group} if group else {})}
    said |= {key.replace("__", ".").replace("_", "-"): text for key, text in annotations.items()}
    written = [_path(text, name) for text in paths or (f"/{name}",)]
    rule: Object = {"http": {"paths": written}} | ({"host": host} if host else {})
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {PREFIX + key: text for key, text in said.items()},
        },
        "spec": {"ingressClassName": in_class, "rules": [rule]},
    }


def _path(text: str, name: str) -> Object:
    path, _, backend = text.partition("=")
    service_name, _, port = (backend or name).partition(":")
    named: Object = {"number": int(port or 80)} if (port or "80").isdecimal() else {"name": port}
    backend_of: Object = {"service": {"name": service_name, "port": named}}
    return {"path": path, "pathType": "Prefix", "backend": backend_of}


def ingress_class(
    name: str = "alb", *, controller: str = "ingress.k8s.aws/alb", default: bool = False, params: str = ""
) -> Object:
    """An IngressClass."""
    spec: Object = {"controller": controller}
    if params:
        spec["parameters"] = {"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": params}
    marks = {"ingressclass.kubernetes.io/is-default-class": "true"} if default else {}
    return {"metadata": {"name": name, "annotations": marks}, "spec": spec}


@cache
def definitions() -> tuple[Object, ...]:
    """The custom resources of the chart."""
    folder = Path(__file__).resolve().parents[2] / "charts/albingress/crds"
    return tuple(yaml.safe_load(file.read_text()) for file in sorted(folder.iterdir()))


class World:
    """An API server and an AWS with a VPC of two zones, and daemons that work between them."""

    cluster = "prod"

    def __init__(self, api: KubeApi, aws: AwsEndpoint, folder: Path) -> None:
        self.api, self.aws, self.folder = api, aws, folder
        self.elb: Account = aws.elbv2.account
        loop = asyncio.get_running_loop()
        if isinstance(loop, VirtualLoop):
            aws.ec2.agenda.now = lambda: START + timedelta(seconds=loop.time())
        self.vpc_id, self.subnets = self.make_network()
        self.own_groups = frozenset(aws.ec2.account.security_groups)
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(api.kubeconfig())
        for each in definitions():
            self.create(each, kind="customresourcedefinitions", version="apiextensions.k8s.io/v1")
        self.make_objects()

    def make_network(self) -> tuple[str, list[str]]:
        """Make a VPC with two subnets; give their ids."""
        network = self.aws.ec2.network
        vpc_id = network.create_vpc("10.0.0.0/16").id
        roles = {"kubernetes.io/role/internal-elb": "1", "kubernetes.io/role/elb": "1"}
        subnets = [
            network.create_subnet(vpc_id, f"10.0.{number}.0/24", zone=f"eu-central-1{zone}", tags=roles).id
            for number, zone in enumerate("ab")
        ]
        return vpc_id, subnets

    def make_objects(self) -> None:
        """Make what there is in Kubernetes at first: the class alb."""
        self.create(ingress_class(), kind="ingressclasses", version=NETWORKING)

    def create(self, *objects: Object, kind: str = "services", version: str = "v1") -> None:
        """Make objects."""
        for obj in objects:
            self.api.store.create(version, kind, obj)

    def serve(self, *names: str) -> None:
        """Make Services, each with an endpoint."""
        for number, name in enumerate(names, 1):
            self.create(service(name))
            self.create(
                slice_of(f"192.168.0.{number + 10}", of=name), kind="endpointslices", version=DISCOVERY
            )

    def endpoints(self, name: str, *addresses: str) -> None:
        """Have a Service these endpoints and no others."""
        made = slice_of(*addresses, of=name)
        of_service = [
            each
            for each in self.api.store.list(DISCOVERY, "endpointslices")
            if each["metadata"]["labels"]["kubernetes.io/service-name"] == name
        ]
        for each in of_service:
            new = {**each, "endpoints": made["endpoints"]}
            self.api.store.update(DISCOVERY, "endpointslices", new)

    def ingresses(self, *objects: Object) -> None:
        """Make Ingresses, or change them."""
        for obj in objects:
            name, namespace = obj["metadata"]["name"], obj["metadata"].get("namespace", "default")
            old = next((each for each in self._ingresses() if _is(each, namespace, name)), None)
            if old is None:
                self.api.store.create(NETWORKING, "ingresses", obj)
            else:
                meta = {**old["metadata"], "annotations": obj["metadata"]["annotations"]}
                self.api.store.update(NETWORKING, "ingresses", {**old, "metadata": meta, "spec": obj["spec"]})

    def _ingresses(self) -> list[Object]:
        return list(self.api.store.list(NETWORKING, "ingresses"))

    def ingress(self, name: str, namespace: str = "default") -> Object | None:
        """An Ingress as it is now."""
        return next((each for each in self._ingresses() if _is(each, namespace, name)), None)

    def delete(self, *names: str, kind: str = "ingresses", version: str = NETWORKING) -> None:
        """Delete objects of the namespace default."""
        for name in names:
            self.api.store.delete(version, kind, "default", name)

    def hostname(self, name: str) -> str:
        """What the status of an Ingress tells."""
        found = self.ingress(name) or {}
        told = found.get("status", {}).get("loadBalancer", {}).get("ingress") or [{}]
        return str(told[0].get("hostname", ""))

    def finalizers(self, name: str) -> list[str]:
        """The finalizers of an Ingress."""
        found = self.ingress(name)
        return list(found["metadata"].get("finalizers", [])) if found else []

    def rules(self, port: int = 80) -> dict[str, str]:
        """Hosts and paths of the rules of a port, in the order of their priorities -> where they lead.

        A target group is shown by the Service in its resource tag, a fixed answer by its code.
        """
        listeners = {each.arn for each in self.elb.listeners.values() if each.port == port}
        rules = [
            each for each in self.elb.rules.values() if each.listener_arn in listeners and not each.is_default
        ]
        return {_match(rule): self.leads(rule) for rule in sorted(rules, key=lambda each: each.priority)}

    def leads(self, rule: Rule) -> str:
        """Where a rule leads."""
        return " then ".join(self._action(action) for action in rule.actions)

    def _action(self, action: Mapping[str, Any]) -> str:
        if action["Type"] == "forward":
            groups = action.get("ForwardConfig", {}).get("TargetGroups") or [action]
            return "+".join(self._service(str(each["TargetGroupArn"])) for each in groups)
        if action["Type"] == "fixed-response":
            return str(action["FixedResponseConfig"]["StatusCode"])
        return str(action["Type"])

    def _service(self, arn: str) -> str:
        resource = self.elb.target_group(arn).tags.get("ingress.k8s.aws/resource", arn)
        return resource.rpartition("/")[2].partition("-")[2]

    def targets(self, name: str) -> list[str]:
        """The targets of the target groups of a Service: `id:port`."""
        return sorted(
            f"{each.id}:{each.port}"
            for group in self.elb.target_groups.values()
            if self._service(group.arn).partition(":")[0] == name
            for each in group.targets.values()
            if each.state != "draining"
        )

    def things(self) -> list[str]:
        """What there is in AWS beyond the VPC itself, as short names."""
        groups = self.aws.ec2.account.security_groups.values()
        return sorted(
            [
                *(f"load balancer {each.name}" for each in self.elb.load_balancers.values()),
                *(f"listener {each.port}" for each in self.elb.listeners.values()),
                *(f"rule {each.priority}" for each in self.elb.rules.values() if not each.is_default),
                *(f"target group {self._service(each.arn)}" for each in self.elb.target_groups.values()),
                *(f"security group {each.name}" for each in groups if each.id not in self.own_groups),
            ]
        )

    def calls(self, *operations: str) -> list[str]:
        """The operations that were called, or how often these were."""
        made = [call.operation for call in self.aws.calls]
        return [each for each in made if not operations or each in operations]

    def changes(self) -> list[str]:
        """The operations that changed anything, or tried to."""
        return [name for name in self.calls() if not name.startswith(_READING)]

    def events(self, name: str, type_: str = "") -> list[str]:
        """The reasons of the Events on an Ingress, or of those of one type."""
        found = self.api.store.list("events.k8s.io/v1", "events")
        return [
            each["reason"]
            for each in found
            if each["regarding"]["name"] == name and type_ in ("", each["type"])
        ]

    def notes(self, name: str) -> list[str]:
        """What the Warnings on an Ingress say."""
        found = self.api.store.list("events.k8s.io/v1", "events")
        return [
            each["note"] for each in found if each["regarding"]["name"] == name and each["type"] == "Warning"
        ]

    @asynccontextmanager
    async def controller(
        self,
        *flags: str,
        print_plan: PrintPlan | None = None,
        replica: str = "",
        rates: Mapping[str, Rate] = FAST,
        life: Life | None = None,
    ) -> AsyncIterator[Controller]:
        """A controller with its caches running; it does not reconcile by itself yet.

        A `replica` does so only while it holds the Lease. Where there is a `life`, that says when it ends.
        """
        argv = [f"--cluster-name={self.cluster}", f"--aws-vpc-id={self.vpc_id}", "--aws-region=eu-central-1"]
        argv += [f"--kubeconfig={self.kubeconfig}", f"--aws-endpoint-url={self.aws.url}"]
        argv += ["--leader-elect" if replica else "--no-leader-elect", *flags]
        config = load(Config, argv, {}, env_prefixes=ENV_PREFIXES)
        connecting = connect(
            "albingress", config, rates=rates, instance=replica or "test", operations=OPERATIONS
        )
        now = virtual_now if isinstance(asyncio.get_running_loop(), VirtualLoop) else utc_now
        async with connecting as real, life.led_by(real, self) if life else nullcontext(real) as parts:
            self.parts: Parts = parts
            made = build_controller(config, replace(parts, print_plan=print_plan), now=now)
            self.last_pass = made.last_pass
            stopping = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(made.watch(stopping))
                group.create_task(parts.events.run(stopping))
                yield made
                stopping.set()

    @asynccontextmanager
    async def running(self, *flags: str, replica: str = "", **more: Any) -> AsyncIterator[Controller]:
        """A controller that reconciles; a `replica` while it leads."""
        async with self.controller(*flags, replica=replica, **more) as made:
            stopping, leader = asyncio.Event(), self.parts.leader
            task = asyncio.ensure_future((leader.lead(made.run) if leader else made.run)(stopping))
            try:
                yield made
            finally:
                stopping.set()
                await task

    async def once(self, *flags: str) -> dict[str, str]:
        """A single pass; what failed."""
        async with self.controller("--once", *flags) as made:
            return dict(await made.run_once(asyncio.Event()))

    async def settles(self, seconds: float = 3.0) -> None:
        """Return when AWS was left alone for a while."""
        loop = asyncio.get_running_loop()
        count, since = len(self.changes()), loop.time()
        while loop.time() < since + seconds:
            await asyncio.sleep(0.1)
            if len(self.changes()) != count:
                count, since = len(self.changes()), loop.time()

    async def is_served(self, *names: str) -> None:
        """Return when all of these tell a host name, and their rules lead to them."""
        await until(lambda: all(self.hostname(name) for name in names))


def _is(obj: Object, namespace: str, name: str) -> bool:
    return (obj["metadata"].get("namespace"), obj["metadata"]["name"]) == (namespace, name)


def _match(rule: Rule) -> str:
    return " ".join(_values(rule.conditions))


def _values(conditions: tuple[Mapping[str, Any], ...]) -> Iterator[str]:
    for each in sorted(conditions, key=lambda condition: str(condition["Field"])):
        found = next((value for key, value in each.items() if key.endswith("Config")), each)
        yield "|".join(map(str, found.get("Values", [])))

"""A world for the controller of dns: an emulated API server, a simulated Route 53, daemons between them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from addons.dns.aws.route53 import Route53
from addons.dns.config import Config
from addons.dns.controller.zones import Controller
from addons.dns.desired.scope import scope_of
from addons.dns.kube.reporter import Reporter
from addons.dns.model.actions import Plan
from addons.dns.model.ownership import registry_of
from addons.dns.model.zones import domains_of, roles_of, zone_filter_of
from addons.runtime.aws import AwsSession
from addons.runtime.bucket import Rate
from addons.runtime.clock import utc_now
from addons.runtime.decisions import Decisions
from addons.runtime.events import EventRecorder
from addons.runtime.kube import KubeClient
from addons.runtime.leader import Leader
from addons.runtime.ledger import Ledger
from addons.runtime.settings import load
from addons.sim.aws.route53.model import RecordSet
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi

PREFIX = "external-dns.alpha.kubernetes.io/"
CHANGE = "ChangeResourceRecordSets"
TEXT = '"heritage=external-dns,external-dns/owner=me,external-dns/resource=service/default/{}"'

Object = dict[str, Any]


def service(name: str, *addresses: str, hostname: str = "", **annotations: str) -> Object:
    said = {"hostname": hostname or f"{name}.example.com", **annotations}
    return {
        "metadata": {"name": name, "annotations": {PREFIX + key: value for key, value in said.items()}},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
        "status": {"loadBalancer": {"ingress": [{"ip": address} for address in addresses]}},
    }


class World:
    """An API server and a Route 53 with the zone example.com, and daemons that work between them."""

    def __init__(self, api: KubeApi, aws: AwsEndpoint, kubeconfig: Path) -> None:
        self.api = api
        self.aws = aws
        self.zone_id = aws.route53.create_zone("example.com")
        self.kubeconfig = kubeconfig
        kubeconfig.write_text(api.kubeconfig())

    @asynccontextmanager
    async def controller(
        self,
        *flags: str,
        preview: Callable[[Plan], None] | None = None,
        now: Callable[[], datetime] = utc_now,
        replica: str = "",
    ) -> AsyncIterator[Controller]:
        """A controller with its caches running; it does not reconcile by itself yet.

        A `replica` does so only while it holds the Lease.
        """
        argv = ["--txt-owner-id=me", "--policy=sync", "--min-event-sync-interval=20ms", *flags]
        config = load(Config, argv, {}, env_prefixes=("ADDONS_DNS_",))
        domains = domains_of(config)
        async with (
            KubeClient.connect(str(self.kubeconfig)) as kube,
            AwsSession(
                region="eu-central-1",
                endpoint_url=self.aws.url,
                rates={"route53": Rate(per_second=1000, burst=1000)},
            ) as session,
        ):
            recorder = EventRecorder(kube, component="aws-addons-dns", instance="test")
            self.decisions = Decisions()
            made = Controller(
                config,
                kube=kube,
                route53=Route53(
                    session,
                    zone_filter=zone_filter_of(config, domains),
                    registry=registry_of(config),
                    audit_seconds=config.audit_interval.total_seconds(),
                    roles=roles_of(config),
                    tags_seconds=config.aws_zones_cache_duration.total_seconds(),
                ),
                registry=registry_of(config),
                scope=scope_of(config, domains),
                reporter=Reporter(decisions=self.decisions, recorder=recorder),
                leader=Leader(kube, namespace="default", name="dns", identity=replica) if replica else None,
                preview=preview,
                now=now,
                ledger=Ledger() if config.once else Ledger(first=0.1),
                zone_ledger=Ledger() if config.once else Ledger(first=0.1),
            )
            stopping = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(made.watches.run(stopping))
                group.create_task(recorder.run(stopping))
                yield made
                stopping.set()

    @asynccontextmanager
    async def running(
        self, *flags: str, replica: str = "", now: Callable[[], datetime] = utc_now
    ) -> AsyncIterator[Controller]:
        """A controller that reconciles; a `replica` while it leads."""
        async with self.controller(*flags, replica=replica, now=now) as made:
            stopping, leader = asyncio.Event(), made._leader
            task = asyncio.ensure_future((leader.lead(made.run) if leader else made.run)(stopping))
            yield made
            stopping.set()
            await task

    async def once(self, *flags: str) -> dict[str, str]:
        """A single pass, in which nothing is tried twice; what failed."""
        async with self.controller("--once", *flags) as made:
            return dict(await made.run_once(asyncio.Event()))

    def create(self, *objects: Object, kind: str = "services", version: str = "v1") -> None:
        for obj in objects:
            self.api.store.create(version, kind, obj)

    def update(self, obj: Object) -> None:
        self.api.store.update("v1", "services", obj)

    def delete(self, name: str) -> None:
        self.api.store.delete("v1", "services", "default", name)

    def foreign(self, name: str, value: str, action: str = "CREATE") -> None:
        record = RecordSet(f"{name}.example.com", "A", ttl=300, values=(value,))
        self.aws.route53.change(self.zone_id, [(action, record)])  # type: ignore[list-item]

    def records(self, kind: str = "A") -> Mapping[str, tuple[str, ...]]:
        """The values of the records of one type, by name within the zone."""
        found = self.aws.route53.record_sets(self.zone_id)
        return {item.name.removesuffix(".example.com."): item.values for item in found if item.type == kind}

    def calls(self, operation: str) -> int:
        return sum(call.operation == operation for call in self.aws.calls)

    def events(self, name: str) -> list[tuple[str, str]]:
        """Type and reason of the Events on a Service."""
        found = self.api.store.list("events.k8s.io/v1", "events")
        return [(event["type"], event["reason"]) for event in found if event["regarding"]["name"] == name]

    def reasons(self) -> list[str]:
        """The reasons of all decisions, oldest first."""
        return [decision.reason for decision in reversed(self.decisions.newest())]


async def until(condition: Callable[[], object]) -> None:
    """Wait until it holds; the test's own time-out is the limit."""
    while not condition():
        await asyncio.sleep(0.01)

"""A world for the controller of dns: an emulated API server, a simulated Route 53, daemons between them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from addons.dns.config import Config
from addons.dns.controller.build import build_controller
from addons.dns.controller.zones import Controller
from addons.runtime.bucket import Rate
from addons.runtime.clock import utc_now
from addons.runtime.daemon import connect
from addons.runtime.ledger import Ledger
from addons.runtime.plan_output import PrintPlan
from addons.runtime.settings import load
from addons.sim.aws.route53.model import RecordSet
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi

PREFIX = "external-dns.alpha.kubernetes.io/"
CHANGE = "ChangeResourceRecordSets"
RATES = {"route53": Rate(per_second=1000, burst=1000)}
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
        print_plan: PrintPlan | None = None,
        now: Callable[[], datetime] = utc_now,
        replica: str = "",
    ) -> AsyncIterator[Controller]:
        """A controller with its caches running; it does not reconcile by itself yet.

        A `replica` does so only while it holds the Lease.
        """
        argv = ["--txt-owner-id=me", "--policy=sync", "--min-event-sync-interval=20ms", *flags]
        argv += [f"--kubeconfig={self.kubeconfig}", f"--aws-endpoint-url={self.aws.url}"]
        argv += ["--aws-region=eu-central-1", "--leader-elect-name=dns"]
        argv += ["--leader-elect" if replica else "--no-leader-elect"]
        config = load(Config, argv, {}, env_prefixes=("ADDONS_DNS_",))
        async with connect("dns", config, rates=RATES, instance=replica or "test") as parts:
            self.parts, self.decisions = parts, parts.decisions
            ledgers: dict[str, Any] = (
                {}
                if config.once
                else {"name_ledger": Ledger(first=0.1), "zone_ledger": Ledger(first=0.1, longest=25.0)}
            )
            made = build_controller(config, replace(parts, print_plan=print_plan), now=now, **ledgers)
            stopping = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(made.watch(stopping))
                group.create_task(parts.events.run(stopping))
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

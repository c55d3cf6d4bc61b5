"""The real controller between an emulated API server and a simulated Route 53."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from addons.dns.aws.route53 import Route53
from addons.dns.config import Config
from addons.dns.controller.zones import Controller
from addons.dns.desired.scope import scope_of
from addons.dns.kube.reporter import Reporter
from addons.dns.model.actions import Plan
from addons.dns.model.ownership import registry_of
from addons.dns.model.zones import domains_of, zone_filter_of
from addons.runtime.aws import AwsSession
from addons.runtime.bucket import Rate
from addons.runtime.decisions import Decisions
from addons.runtime.events import Recorder
from addons.runtime.kube import KubeClient
from addons.runtime.outcomes import Ledger
from addons.runtime.settings import load
from addons.sim.aws.route53.model import RecordSet, Vpc
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.faults import Fault
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
        self, *flags: str, preview: Callable[[Plan], None] | None = None
    ) -> AsyncIterator[Controller]:
        """A controller with its caches running; it does not reconcile by itself yet."""
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
            recorder = Recorder(kube, component="aws-addons-dns", instance="test")
            self.decisions = Decisions()
            made = Controller(
                config,
                kube=kube,
                route53=Route53(
                    session,
                    zone_filter=zone_filter_of(config, domains),
                    registry=registry_of(config),
                    audit_seconds=config.audit_interval.total_seconds(),
                ),
                registry=registry_of(config),
                scope=scope_of(config, domains),
                reporter=Reporter(decisions=self.decisions, recorder=recorder),
                preview=preview,
                ledger=Ledger(first=timedelta(milliseconds=100)),
            )
            stopping = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(made.watches.run(stopping))
                group.create_task(recorder.run(stopping))
                yield made
                stopping.set()

    @asynccontextmanager
    async def running(self, *flags: str) -> AsyncIterator[Controller]:
        """A controller that reconciles."""
        async with self.controller(*flags) as made:
            stopping = asyncio.Event()
            task = asyncio.create_task(made.run(stopping))
            yield made
            stopping.set()
            await task

    async def once(self, *flags: str) -> dict[str, str]:
        """A single pass; what failed."""
        async with self.controller(*flags) as made:
            return dict(await made.run_once())

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


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    async with KubeApi() as api, AwsEndpoint() as aws:
        yield World(api, aws, tmp_path / "kubeconfig")


class TestFollowing:
    """What objects ask for is what the zone holds, a moment later."""

    async def test_a_service_comes_changes_and_goes(self, world: World) -> None:
        async with world.running():
            world.create(service("www", "192.0.2.1"))
            await until(lambda: world.records() == {"www": ("192.0.2.1",)})
            assert world.records("TXT") == {"a-www": (TEXT.format("www"),)}
            world.update(service("www", "192.0.2.2"))
            await until(lambda: world.records() == {"www": ("192.0.2.2",)})
            world.delete("www")
            await until(lambda: world.records() == {})
            assert world.records("TXT") == {}
            await until(lambda: ("Normal", "RecordReady") in world.events("www"))

    async def test_an_ingress_too(self, world: World) -> None:
        ingress = {
            "metadata": {"name": "shop"},
            "spec": {"rules": [{"host": "shop.example.com"}]},
            "status": {"loadBalancer": {"ingress": [{"hostname": "lb.example.net"}]}},
        }
        async with world.running():
            world.create(ingress, kind="ingresses", version="networking.k8s.io/v1")
            await until(lambda: world.records("CNAME") == {"shop": ("lb.example.net",)})

    async def test_pods_behind_a_headless_service(self, world: World) -> None:
        headless = service("db")
        headless["spec"] = {"clusterIP": "None", "ports": [{"port": 80}]}
        pods = {
            "metadata": {"name": "db-1", "labels": {"kubernetes.io/service-name": "db"}},
            "addressType": "IPv4",
            "endpoints": [
                {"addresses": ["10.0.0.1"], "hostname": "db-0"},
                {"addresses": ["10.0.0.2"], "conditions": {"ready": False}},
            ],
        }
        async with world.running():
            world.create(headless)
            world.create(pods, kind="endpointslices", version="discovery.k8s.io/v1")
            await until(lambda: world.records() == {"db": ("10.0.0.1",), "db-0.db": ("10.0.0.1",)})

    async def test_nodes_behind_a_node_port(self, world: World) -> None:
        exposed = service("np")
        exposed["spec"] = {"type": "NodePort", "ports": [{"port": 80}]}
        node = {
            "metadata": {"name": "one"},
            "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.1"}]},
        }
        async with world.running():
            world.create(exposed)
            world.create(node, kind="nodes")
            await until(lambda: world.records() == {"np": ("10.0.0.1",)})

    async def test_public_and_private_zones_of_one_name_both_hold_it(self, world: World) -> None:
        private = world.aws.route53.create_zone("example.com", vpcs=[Vpc("eu-central-1", "vpc-1")])
        world.create(service("www", "192.0.2.1"))
        assert await world.once() == {}
        for zone_id in (world.zone_id, private):
            assert [item.type for item in world.aws.route53.record_sets(zone_id)].count("A") == 1


class TestEconomy:
    """Nothing changes: nothing is asked. One thing changes: one call."""

    async def test_a_pass_without_change_calls_nothing(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"))
        async with world.controller() as controller:
            await controller.run_once()
            world.aws.calls.clear()
            zone_id = world.zone_id
            await controller.reconcile(zone_id)
            assert world.aws.calls == []

    async def test_one_changed_service_costs_one_call(self, world: World) -> None:
        world.create(*(service(f"s{number}", "192.0.2.1") for number in range(20)))
        async with world.running():
            await until(lambda: len(world.records()) == 20)
            world.aws.calls.clear()
            world.update(service("s7", "192.0.2.2"))
            await until(lambda: world.records()["s7"] == ("192.0.2.2",))
            assert [call.operation for call in world.aws.calls] == [CHANGE]

    async def test_a_change_that_no_record_shows_costs_none(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"))
        async with world.running() as controller:
            await until(world.records)
            world.aws.calls.clear()
            world.update(service("www", "192.0.2.1", unrelated="x"))
            await until(lambda: PREFIX + "unrelated" in _annotations(controller, "www"))
            await controller.reconcile(world.zone_id)
            assert world.aws.calls == []


def _annotations(controller: Controller, name: str) -> Mapping[str, str]:
    found = controller.watches.service("default", name)
    return found.metadata.annotations if found else {}


class TestFaultyObjects:
    """A fault costs the object it is in, and its owner is told."""

    async def test_a_malformed_annotation_is_an_event(self, world: World) -> None:
        async with world.running():
            world.create(service("bad", "192.0.2.1", hostname="a..b"), service("good", "192.0.2.2"))
            await until(lambda: world.records() == {"good": ("192.0.2.2",)})
            await until(lambda: world.events("bad") == [("Warning", "InvalidHostname")])

    async def test_of_two_that_want_one_name_the_loser_is_told(self, world: World) -> None:
        world.create(service("first", "192.0.2.1", hostname="www.example.com"))
        async with world.running():
            await until(lambda: world.records() == {"www": ("192.0.2.1",)})
            world.create(service("second", "192.0.2.2", hostname="www.example.com"))
            await until(lambda: world.events("second") == [("Warning", "ClaimConflict")])
            assert world.records() == {"www": ("192.0.2.1",)}
            world.delete("first")
            await until(lambda: world.records() == {"www": ("192.0.2.2",)})

    async def test_a_name_without_a_zone_is_told(self, world: World) -> None:
        async with world.running():
            world.create(service("lost", "192.0.2.1", hostname="www.example.org"))
            await until(lambda: world.events("lost") == [("Warning", "NoZone")])

    async def test_losing_every_address_deletes_nothing(self, world: World) -> None:
        world.create(*(service(f"s{number}", "192.0.2.1") for number in range(5)))
        async with world.running():
            await until(lambda: len(world.records()) == 5)
            for number in range(5):
                world.update(service(f"s{number}"))
            await until(lambda: world.reasons().count("NoTargets") == 5)
            assert len(world.records()) == 5


class TestOthers:
    """What is not ours stays, whatever its shape."""

    async def test_a_foreign_record_is_never_touched_and_its_suitor_told_once(self, world: World) -> None:
        world.foreign("www", "198.51.100.1")
        world.create(service("www", "192.0.2.1"))
        async with world.running("--interval=50ms") as controller:
            await until(lambda: world.events("www") == [("Warning", "OwnerConflict")])
            world.delete("www")
            await until(lambda: controller.watches.service("default", "www") is None)
            await controller.reconcile(world.zone_id)
            assert world.records() == {"www": ("198.51.100.1",)}
            assert world.reasons().count("OwnerConflict") == 1

    async def test_drift_is_found_and_put_right(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"), service("api", "192.0.2.1"))
        async with world.running("--interval=50ms", "--audit-interval=300ms"):
            await until(lambda: len(world.records()) == 2)
            world.foreign("www", "198.51.100.1", action="UPSERT")
            await until(lambda: world.records()["www"] == ("192.0.2.1",))
            await until(lambda: "DriftFound" in world.reasons())

    async def test_two_daemons_with_different_owners_do_not_fight(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"))
        assert await world.once() == {}
        changes = world.calls(CHANGE)
        assert await world.once("--txt-owner-id=you") == {}
        assert world.calls(CHANGE) == changes
        assert "OwnerConflict" in world.reasons()


class TestFailures:
    """What fails is tried again; what it need not stop goes on."""

    async def test_throttling_is_survived(self, world: World) -> None:
        world.aws.faults.add(operation=CHANGE, times=5, code="Throttling", message="Rate exceeded")
        world.create(service("www", "192.0.2.1"))
        async with world.running() as controller:
            await until(lambda: controller.failures)
            assert controller.failures[world.zone_id].endswith("Rate exceeded (Throttling)")
            await until(world.records)
            assert controller.failures == {}

    async def test_a_zone_that_is_denied_does_not_stop_the_other(self, world: World) -> None:
        other = world.aws.route53.create_zone("example.org")
        world.create(service("a", "192.0.2.1"), service("b", "192.0.2.1", hostname="b.example.org"))
        world.aws.faults.add(
            operation="ListResourceRecordSets", code="AccessDenied", message="no", status=403
        )
        failures = await world.once()
        assert len(failures) == 1
        held = {zone: len(world.aws.route53.record_sets(zone)) for zone in (world.zone_id, other)}
        assert sorted(held.values()) == [2, 4]

    async def test_a_single_pass_names_what_failed(self, world: World) -> None:
        world.aws.faults.add(operation=CHANGE, code="InvalidChangeBatch", message="nothing of use", times=3)
        world.create(service("a", "192.0.2.1"), service("b", "192.0.2.1"))
        failures = await world.once()
        assert sorted(failures) == [f"{world.zone_id}/a.example.com", f"{world.zone_id}/b.example.com"]

    async def test_nothing_is_deleted_while_a_source_is_out_of_reach(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"))
        assert await world.once() == {}
        world.api.faults.add(Fault(resource="ingresses", status=500))
        world.delete("www")
        async with world.running() as controller:
            await until(lambda: controller.watches.service("default", "www") is None)
            await until(lambda: "ingresses not read yet" in controller.watches.not_ready())
            assert world.records() == {"www": ("192.0.2.1",)}

    async def test_the_delete_budget_holds_a_mass_deletion(self, world: World) -> None:
        world.create(*(service(f"s{number}", "192.0.2.1") for number in range(20)))
        assert await world.once() == {}
        for number in range(15):
            world.delete(f"s{number}")
        assert await world.once() == {}
        assert len(world.records()) == 20
        assert "DeleteBudget" in world.reasons()


class TestDryRun:
    """A plan is shown, and only read calls are made."""

    async def test_the_plan_is_handed_over_and_nothing_changes(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"))
        plans: list[Plan] = []
        async with world.controller(preview=plans.append) as controller:
            assert await controller.run_once() == {}
        assert [group.name for plan in plans for group in plan.groups] == ["www.example.com"]
        assert world.calls(CHANGE) == 0


async def test_the_state_tells_zones_and_problems(world: World) -> None:
    world.create(service("www", "192.0.2.1"), service("bad", "192.0.2.1", ttl="soon"))
    async with world.controller() as controller:
        await controller.run_once()
        state = controller.state()
    assert state["zones"] == [
        {"id": world.zone_id, "name": "example.com", "private": False, "records": 6, "names": 2}
    ]
    assert [problem["object"] for problem in state["problems"]] == ["service/default/bad"]  # type: ignore[attr-defined]

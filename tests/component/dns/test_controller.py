"""The real controller between an emulated API server and a simulated Route 53."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from addons.dns.aws.route53 import Outcomes
from addons.dns.controller import sources
from addons.dns.controller.zones import Controller
from addons.dns.desired.source_service import service_endpoints
from addons.dns.model.actions import Batch
from addons.dns.model.endpoint import Desired
from addons.dns.model.objects import Service
from addons.dns.model.records import Zone
from addons.runtime.outcomes import PlanLine
from addons.runtime.permit import Permit
from addons.sim.aws.route53.model import Vpc
from addons.sim.kubeapi.faults import Fault
from tests.support.dns_world import CHANGE, PREFIX, TEXT, World, service
from tests.support.permits import NEVER, PERMIT
from tests.support.until import until

pytestmark = pytest.mark.virtual_time


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
            await controller.run_once(NEVER)
            world.aws.calls.clear()
            zone_id = world.zone_id
            await controller.reconcile(zone_id, PERMIT)
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
            await controller.reconcile(world.zone_id, PERMIT)
            assert world.aws.calls == []


def _annotations(controller: Controller, name: str) -> Mapping[str, str]:
    found = controller.watches.services.get("default", name)
    return found.metadata.annotations if found else {}


class TestFaultyObjects:
    """A fault costs the object it is in, and its owner is told."""

    async def test_a_malformed_annotation_is_an_event(self, world: World) -> None:
        async with world.running():
            world.create(service("bad", "192.0.2.1", hostname="a..b"), service("good", "192.0.2.2"))
            await until(lambda: world.records() == {"good": ("192.0.2.2",)})
            await until(lambda: world.events("bad") == [("Warning", "InvalidHostname")])

    async def test_a_crash_over_one_object_costs_no_other_and_its_record_stays(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crash(obj: Service, *rest: Any) -> Desired:
            if obj.status.load_balancer.ingress[0].ip == "192.0.2.2":
                raise ZeroDivisionError("an error of ours")
            return service_endpoints(obj, *rest)

        monkeypatch.setattr(sources, "service_endpoints", crash)
        world.create(service("hit", "192.0.2.1"))
        async with world.running():
            await until(lambda: "hit" in world.records())
            world.update(service("hit", "192.0.2.2"))
            world.create(service("next", "192.0.2.3"))
            await until(lambda: "next" in world.records())
            await until(lambda: ("Warning", "UnreadableObject") in world.events("hit"))
        assert world.records() == {"hit": ("192.0.2.1",), "next": ("192.0.2.3",)}

    async def test_of_two_that_want_one_name_the_loser_is_told(self, world: World) -> None:
        world.create(service("first", "192.0.2.1", hostname="www.example.com"))
        async with world.running():
            await until(lambda: world.records() == {"www": ("192.0.2.1",)})
            world.create(service("second", hostname="www.example.com", target="elsewhere.example.net"))
            await until(lambda: world.events("second") == [("Warning", "ClaimConflict")])
            assert world.records() == {"www": ("192.0.2.1",)}
            world.delete("first")
            await until(lambda: world.records("CNAME") == {"www": ("elsewhere.example.net",)})

    async def test_two_with_addresses_share_a_name(self, world: World) -> None:
        world.create(service("first", "192.0.2.1", hostname="www.example.com"))
        async with world.running():
            world.create(service("second", "192.0.2.2", hostname="www.example.com"))
            await until(lambda: world.records() == {"www": ("192.0.2.1", "192.0.2.2")})
            world.delete("first")
            await until(lambda: world.records() == {"www": ("192.0.2.2",)})
            assert world.records("TXT") == {"a-www": (TEXT.format("second"),)}

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
            await until(lambda: controller.watches.services.get("default", "www") is None)
            await controller.reconcile(world.zone_id, PERMIT)
            assert world.records() == {"www": ("198.51.100.1",)}
            assert world.reasons().count("OwnerConflict") == 1

    async def test_what_a_domain_filter_leaves_out_stays_even_where_a_text_of_ours_is(
        self, world: World
    ) -> None:
        world.create(service("a-www", "192.0.2.1"))
        await world.once()
        world.delete("a-www")
        world.create(service("www", "192.0.2.2"))
        domains = r"--regex-domain-filter=^(www\.)?example\.com$"
        async with world.controller("--interval=0s", domains) as controller:
            await controller.run_once(NEVER)
            await controller.reconcile(world.zone_id, PERMIT)
            assert world.records() == {"a-www": ("192.0.2.1",), "www": ("192.0.2.2",)}
            assert {"a-a-www", "a-www"} == set(world.records("TXT"))

    async def test_drift_is_found_and_put_right(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"), service("api", "192.0.2.1"))
        async with world.running("--interval=50ms", "--audit-interval=300ms"):
            await until(lambda: len(world.records()) == 2)
            world.foreign("www", "198.51.100.1", action="UPSERT")
            await until(lambda: world.records()["www"] == ("192.0.2.1",))
            await until(lambda: "DriftFound" in world.reasons())

    @pytest.mark.parametrize(
        ("routing", "strange"),
        [
            ({"aws-weight": "10", "set-identifier": "v1"}, {}),
            (
                {"aws-region": "eu-west-1", "set-identifier": "v1"},
                {"aws-region": "eu-west-1", "set-identifier": "a"},
            ),
            (
                {"aws-failover": "PRIMARY", "set-identifier": "v1"},
                {"aws-failover": "PRIMARY", "set-identifier": "a"},
            ),
        ],
    )
    async def test_a_stranger_whose_routing_does_not_go_beside_waits_and_harms_nobody(
        self, world: World, routing: dict[str, str], strange: dict[str, str]
    ) -> None:
        world.create({"metadata": {"name": "elsewhere"}}, kind="namespaces")
        world.create(service("v1", "192.0.2.1", hostname="w.example.com", **routing))
        async with world.running("--interval=1s"):
            await until(lambda: world.records() == {"w": ("192.0.2.1",)})
            stranger = service("v3", "192.0.2.9", hostname="w.example.com", **strange)
            stranger["metadata"]["namespace"] = "elsewhere"
            world.create(stranger)
            await until(lambda: world.events("v3") == [("Warning", "MixedRouting")])
            world.update(service("v1", "192.0.2.2", hostname="w.example.com", **routing))
            await until(lambda: world.records() == {"w": ("192.0.2.2",)})
            assert {reason for _, reason in world.events("v1")} == {"RecordReady"}
            world.delete("v1")
            await until(lambda: world.records() == {"w": ("192.0.2.9",)})

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
            await until(lambda: world.records() and not controller.failures)

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
            await until(lambda: controller.watches.services.get("default", "www") is None)
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


class TestCrash:
    """A pass that crashes is made again as a whole."""

    async def test_what_it_was_about_is_not_forgotten(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"))
        printed: list[int] = []

        def print_plan(lines: Iterable[PlanLine]) -> None:
            printed.append(len(list(lines)))
            raise RuntimeError("out of order")

        async with world.controller(print_plan=print_plan) as controller:
            await controller.run_once(NEVER)
            for _ in range(2):
                with pytest.raises(RuntimeError, match="out of order"):
                    await controller.reconcile(world.zone_id, PERMIT)
            assert controller.failures == {world.zone_id: "RuntimeError('out of order')"}
        assert printed == [1, 1, 1]

    async def test_what_was_done_before_a_zone_left_the_listing_is_known(self, world: World) -> None:
        world.create(*(service(f"s{number}", "192.0.2.1") for number in range(6)))
        async with world.controller("--aws-batch-change-size=2") as controller:
            route53 = controller._route53
            apply = route53.apply

            async def leave_the_listing(batch: Batch, *, zone: Zone, permit: Permit) -> Outcomes:
                outcomes = await apply(batch, zone=zone, permit=permit)
                route53._zones = {}
                return outcomes

            route53.apply = leave_the_listing  # type: ignore[method-assign]
            assert dict(await controller.run_once(NEVER)) == {}
        assert len(world.records()) == 6


class TestDryRun:
    """A plan is shown, and only read calls are made."""

    async def test_the_plan_is_handed_over_and_nothing_changes(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"))
        lines: list[PlanLine] = []
        async with world.controller(print_plan=lines.extend) as controller:
            assert await controller.run_once(NEVER) == {}
        assert [(line.action, line.key) for line in lines] == [("create", f"{world.zone_id}/www.example.com")]
        assert world.calls(CHANGE) == 0


async def test_the_state_lists_conflicts_with_who_holds_the_name(world: World) -> None:
    world.foreign("nobodys", "198.51.100.1")
    world.create(service("theirs", "192.0.2.1"))
    assert await world.once("--txt-owner-id=you") == {}
    world.create(service("nobodys", "192.0.2.1"), service("first", "192.0.2.1", hostname="www.example.com"))
    async with world.controller("--interval=0s") as controller:
        await controller.run_once(NEVER)
        second = service("second", hostname="www.example.com", target="elsewhere.example.net")
        world.create(second)
        await until(lambda: controller.watches.services.get("default", "second"))
        await controller.reconcile(world.zone_id, PERMIT)
        assert _conflicts(controller) == {
            "nobodys.example.com": ("service/default/nobodys", "nobody", "OwnerConflict"),
            "theirs.example.com": ("service/default/theirs", "you", "OwnerConflict"),
            "www.example.com": ("service/default/second", "service/default/first", "ClaimConflict"),
        }
        world.delete("second")
        world.foreign("nobodys", "198.51.100.1", action="DELETE")
        await until(lambda: controller.watches.services.get("default", "second") is None)
        await controller.reconcile("", PERMIT)
        await controller.reconcile(world.zone_id, PERMIT)
        assert list(_conflicts(controller)) == ["theirs.example.com"]


def _conflicts(controller: Controller) -> dict[str, tuple[str, str, str]]:
    found: Any = controller.state()["conflicts"]
    return {item["name"]: (item["object"], item["heldBy"], item["reason"]) for item in found}


async def test_names_outside_the_domain_filter_are_counted_and_told_of_an_object_on_demand(
    world: World,
) -> None:
    world.create(
        service("www", "192.0.2.1", hostname="www.example.com, www.example.org, www.example.net"),
        service("api", "192.0.2.1", hostname="api.example.com"),
    )
    async with world.controller("--domain-filter=example.com") as controller:
        await controller.run_once(NEVER)
        assert controller.state()["outsideDomainFilter"] == [
            {"source": "service", "names": 2, "example": "service/default/www"}
        ]
        told = list(controller.decisions_on("service/default/www"))
        assert [(one.key, one.object, one.reason) for one in told] == [
            (f"{world.zone_id}/www.example.com", "service/default/www", "RecordReady"),
            ("www.example.net", "service/default/www", "OutsideDomainFilter"),
            ("www.example.org", "service/default/www", "OutsideDomainFilter"),
        ]
        for about in ("service/default/api", "service/default/gone", "node/www", "nonsense"):
            assert "OutsideDomainFilter" not in [one.reason for one in controller.decisions_on(about)]
        world.delete("www")
        await until(lambda: controller.state()["outsideDomainFilter"] == [])


async def test_the_state_tells_zones_and_problems(world: World) -> None:
    world.create(service("www", "192.0.2.1"), service("bad", "192.0.2.1", ttl="soon"))
    async with world.controller() as controller:
        await controller.run_once(NEVER)
        state: Any = controller.state()
    assert datetime.fromisoformat(state["zones"][0].pop("nextPass")) > datetime.now(UTC)
    assert state["zones"] == [
        {
            "id": world.zone_id,
            "name": "example.com",
            "private": False,
            "records": 6,
            "names": 2,
            "wanted": {"A": 2},
            "existing": {"A": 2},
            "missing": {},
            "owned": 2,
        }
    ]
    assert [problem["object"] for problem in state["problems"]] == ["service/default/bad"]

"""Nothing is lost by mistake: holds, the delete budget, approvals, flapping, suspension; each is told."""

import gzip
import json
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from prometheus_client import REGISTRY

from addons.dns.controller.zones import Controller
from addons.dns.model.objects import Service
from addons.runtime.clock import utc_now
from addons.runtime.loop import Result
from addons.runtime.permit import Permit
from addons.runtime.watches import Cache
from addons.sim.aws.route53.model import RecordSet
from addons.sim.kubeapi.faults import Fault
from tests.support.dns_world import CHANGE, TEXT, World, service
from tests.support.permits import NEVER, PERMIT
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

LIST = "ListHostedZones"

EVERY_TIME = ("--interval=0s", "--audit-interval=0s")
"""Look at everything, and read the zone afresh, in every pass."""


class Clock:
    """A wall clock that a test moves."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **length: float) -> None:
        self.now += timedelta(**length)


@pytest.fixture
def clock() -> Clock:
    return Clock()


class TestEmptyTargets:
    """An object that lost its targets keeps its records for a while."""

    async def test_records_outlive_their_targets_for_the_hold_and_no_longer(
        self, world: World, clock: Clock
    ) -> None:
        world.create(service("www", "192.0.2.1"))
        async with world.controller("--interval=0s", now=clock) as controller:
            await controller.run_once(NEVER)
            world.update(service("www"))
            await until(lambda: _addresses(controller.watches.services.get("default", "www")) == 0)
            await controller.reconcile(world.zone_id, PERMIT)
            clock.pass_by(minutes=14)
            await controller.reconcile(world.zone_id, PERMIT)
            assert world.records() == {"www": ("192.0.2.1",)}
            clock.pass_by(minutes=2)
            await controller.reconcile(world.zone_id, PERMIT)
            assert world.records() == {}
        assert "NoTargets" in world.reasons()

    async def test_targets_that_return_end_the_hold(self, world: World, clock: Clock) -> None:
        world.create(service("www", "192.0.2.1"))
        async with world.controller("--interval=0s", now=clock) as controller:
            await controller.run_once(NEVER)
            for address in ("", "192.0.2.2", ""):
                world.update(service("www", *filter(None, (address,))))
                await until(partial(_has, controller, 1 if address else 0))
                await controller.reconcile(world.zone_id, PERMIT)
                clock.pass_by(minutes=10)
            await controller.reconcile(world.zone_id, PERMIT)
            assert world.records() == {"www": ("192.0.2.2",)}

    async def test_wiping_every_load_balancer_deletes_nothing_and_later_the_budget_holds(
        self, world: World, clock: Clock
    ) -> None:
        world.create(*(service(f"s{number}", "192.0.2.1") for number in range(30)))
        async with world.controller("--interval=0s", now=clock) as controller:
            await controller.run_once(NEVER)
            for number in range(30):
                world.update(service(f"s{number}"))
            store = controller.watches.services
            await until(lambda: not any(_addresses(found) for found in store.all()))
            await controller.reconcile(world.zone_id, PERMIT)
            assert len(world.records()) == 30
            clock.pass_by(minutes=16)
            await controller.reconcile(world.zone_id, PERMIT)
            assert len(world.records()) == 30
        assert "DeleteBudget" in world.reasons()


def _addresses(found: Service | None) -> int:
    return len(found.status.load_balancer.ingress) if found else -1


def _has(controller: Controller, count: int) -> bool:
    return _addresses(controller.watches.services.get("default", "www")) == count


class TestDeleteBudget:
    """Many small waves count like one large one; a person may let exactly these deletes go."""

    async def test_waves_do_not_add_up_past_the_budget_within_ten_minutes(
        self, world: World, clock: Clock
    ) -> None:
        world.create(*(service(f"s{number}", "192.0.2.1") for number in range(20)))
        async with world.controller("--interval=0s", now=clock) as controller:
            await controller.run_once(NEVER)
            for wave in range(5):
                await _delete(world, controller.watches.services, range(wave * 4, wave * 4 + 4))
                await controller.reconcile(world.zone_id, PERMIT)
                clock.pass_by(minutes=1)
            assert len(world.records()) == 12
            clock.pass_by(minutes=10)
            await _delete(world, controller.watches.services, ())
            await controller.reconcile(world.zone_id, PERMIT)
            assert len(world.records()) == 12
        assert any("after 8 lately, at most 2 may be" in found.message for found in world.decisions.newest())

    async def test_what_fits_again_after_ten_minutes_goes_by_itself(self, world: World, clock: Clock) -> None:
        world.create(*(service(f"s{number}", "192.0.2.1") for number in range(20)))
        async with world.controller("--interval=0s", now=clock) as controller:
            await controller.run_once(NEVER)
            for wave in (range(8), range(8, 12)):
                await _delete(world, controller.watches.services, wave)
                await controller.reconcile(world.zone_id, PERMIT)
            assert len(world.records()) == 12
            clock.pass_by(minutes=11)
            await controller.reconcile(world.zone_id, PERMIT)
            assert len(world.records()) == 8

    async def test_the_hash_is_told_and_lets_exactly_these_deletes_go(self, world: World) -> None:
        world.create(*(service(f"s{number}", "192.0.2.1") for number in range(20)))
        await world.once()
        for number in range(15):
            world.delete(f"s{number}")
        async with world.controller() as controller:
            await controller.run_once(NEVER)
            held = _held(controller)
        approval = held["approval"]
        assert held["count"] == 15
        assert f"--approve-plan={approval} lets them go" in _message(world, "DeleteBudget")
        world.delete("s15")
        await world.once(f"--approve-plan={approval}")
        assert len(world.records()) == 20
        world.create(service("s15", "192.0.2.1"))
        await world.once(f"--approve-plan={approval}", "--aws-batch-change-size=4")
        assert len(world.records()) == 5

    async def test_approved_deletes_that_fail_at_first_stay_approved(self, world: World) -> None:
        world.create(*(service(f"s{number}", "192.0.2.1") for number in range(20)))
        await world.once()
        for number in range(15):
            world.delete(f"s{number}")
        async with world.controller() as controller:
            await controller.run_once(NEVER)
            held = _held(controller)
        flags = (f"--approve-plan={held['approval']}", "--aws-batch-change-size=4")
        async with world.running(*flags, "--interval=50ms"):
            await until(lambda: len(world.records()) < 20)
            world.aws.faults.add(operation=CHANGE, times=1, code="Throttling", message="Rate exceeded")
            await until(lambda: len(world.records()) == 5)


def _held(controller: Controller) -> Any:
    """The deletes that are held in the only zone, as the state shows them."""
    state: Any = controller.state()
    return state["zones"][0]["heldDeletes"]


async def _delete(world: World, services: Cache[Service], numbers: Iterable[int]) -> None:
    """Delete Services, and wait until the cache knows."""
    for number in numbers:
        world.delete(f"s{number}")
        await until(partial(_is_gone, services, f"s{number}"))


def _is_gone(services: Cache[Service], name: str) -> bool:
    return services.get("default", name) is None


def _message(world: World, reason: str) -> str:
    return next(found.message for found in world.decisions.newest() if found.reason == reason)


class TestFlapping:
    """What somebody else undoes again and again is left alone for a while, and told."""

    async def test_the_sixth_repair_within_ten_minutes_is_the_last(self, world: World, clock: Clock) -> None:
        world.create(service("www", "192.0.2.1"))
        async with world.controller(*EVERY_TIME, now=clock) as controller:
            await controller.run_once(NEVER)
            for _ in range(8):
                world.foreign("www", "198.51.100.1", action="UPSERT")
                await controller.reconcile(world.zone_id, PERMIT)
                clock.pass_by(seconds=30)
            assert world.records() == {"www": ("198.51.100.1",)}
            await until(lambda: ("Warning", "Flapping") in world.events("www"))
            clock.pass_by(minutes=10)
            await controller.reconcile(world.zone_id, PERMIT)
            assert world.records() == {"www": ("192.0.2.1",)}

    async def test_ever_new_addresses_are_no_flapping(self, world: World, clock: Clock) -> None:
        world.create(service("www", "192.0.2.1"))
        async with world.controller(*EVERY_TIME, now=clock) as controller:
            await controller.run_once(NEVER)
            for number in range(10, 30):
                world.foreign("www", f"198.51.100.{number}", action="UPSERT")
                world.update(service("www", f"192.0.2.{number}"))
                await until(partial(_shows, controller, f"192.0.2.{number}"))
                await controller.reconcile(world.zone_id, PERMIT)
            assert world.records() == {"www": ("192.0.2.29",)}


def _shows(controller: Controller, address: str) -> bool:
    found = controller.watches.services.get("default", "www")
    return found is not None and found.status.load_balancer.ingress[0].ip == address


class TestSuspension:
    """A zone that may not be changed is left alone for a growing while; the others go on."""

    async def test_a_denied_zone_rests_is_told_and_comes_back(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"))
        world.aws.faults.add(operation=CHANGE, code="AccessDenied", message="no", status=403, times=None)
        failed = _passes("failed")
        async with world.running() as controller:
            await until(lambda: _passes("failed") >= failed + 3)
            assert world.calls(CHANGE) <= _passes("failed") - failed + 1
            assert controller.failures[world.zone_id].endswith("no (AccessDenied)")
            assert _message(world, "ZoneError").endswith("no (AccessDenied)")
            world.aws.faults.clear()
            await until(lambda: world.records() == {"www": ("192.0.2.1",)} and not controller.failures)

    async def test_an_account_that_may_not_list_zones_fails_every_pass(self, world: World) -> None:
        world.aws.faults.add(operation=LIST, code="AccessDenied", message="no", status=403, times=None)
        failed = _passes("failed")
        async with world.running() as controller:
            await until(lambda: _passes("failed") >= failed + 3)
            assert controller.failures["hosted zones"].endswith("no (AccessDenied)")


def _passes(outcome: str) -> float:
    return REGISTRY.get_sample_value("addons_reconcile_total", {"loop": "dns", "outcome": outcome}) or 0.0


class TestPermission:
    """Without permission nothing is read, planned or changed, which is said once; with it, work goes on."""

    @pytest.mark.parametrize(
        ("permit", "code", "message"),
        [
            (
                Permit(NEVER, lease_left=lambda: 4.0),
                "LeaseEnding",
                "not begun: the lease lasts for 4.0 s only",
            ),
            (
                Permit(NEVER, stale=lambda: "services not heard of for 181 s"),
                "CachesStale",
                "not begun on what may be out of date: services not heard of for 181 s",
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_a_replica_that_may_not_act_is_idle_and_says_why(
        self, world: World, permit: Permit, code: str, message: str
    ) -> None:
        world.create(service("www", "192.0.2.1"))
        async with world.controller(*EVERY_TIME) as controller:
            await controller.run_once(NEVER)
            world.delete("www")
            world.create(service("new", "192.0.2.2"))
            await until(lambda: controller.watches.services.get("default", "new"))
            world.aws.calls.clear()
            for _ in range(5):
                assert await controller.reconcile(world.zone_id, permit) == Result(again_in=2)
            assert world.aws.calls == []
            assert world.reasons().count(code) == 1
            assert _message(world, code) == message
            await controller.reconcile(world.zone_id, PERMIT)
            assert world.records() == {"new": ("192.0.2.2",)}
            await controller.reconcile(world.zone_id, permit)
            assert _count(world, code) == 2, "it is told again when it comes again"

    async def test_permission_that_ends_between_two_batches_leaves_the_rest(self, world: World) -> None:
        world.create(*(service(f"s{number}", "192.0.2.1") for number in range(10)))
        flags = ("--aws-batch-change-size=2", "--aws-batch-change-interval=0s")
        async with world.controller(*flags) as controller:
            world.create(service("one", "192.0.2.1"))
            lease = Permit(NEVER, lease_left=lambda: 4.0 if world.calls(CHANGE) >= 3 else 60.0)
            await controller.reconcile("", PERMIT)
            await until(lambda: controller.watches.is_settled)
            await controller.reconcile("", PERMIT)
            await controller.reconcile(world.zone_id, lease)
            assert world.calls(CHANGE) == len(world.records()) == 3
            left = [found for found in world.decisions.newest() if found.reason == "LeaseEnding"]
            assert len(left) == 11 - 3
            assert all(found.object.startswith("service/default/") and found.retry_at for found in left)
            await until(lambda: len(world.records()) == 3)
            await controller.run_once(NEVER)
            assert len(world.records()) == 11


def _count(world: World, reason: str) -> int:
    return sum(found.count for found in world.decisions.newest() if found.reason == reason)


class TestUnreachableApi:
    """A single pass gives up when the API server tells nothing."""

    async def test_a_single_pass_ends_with_the_reason_for_each_source(self, world: World) -> None:
        world.api.faults.add(Fault(resource="ingresses", status=500))
        failures = await world.once("--cache-sync-timeout=300ms")
        assert list(failures) == ["ingresses"]
        assert "not read yet: watch ingresses" in failures["ingresses"]
        assert world.aws.calls == []


class TestTwoOwners:
    """Two daemons with different owners on one zone never undo each other's work."""

    async def test_no_record_flips_however_long_both_run(self, world: World) -> None:
        world.create(*(service(f"s{number}", "192.0.2.1") for number in range(5)))
        async with (
            world.controller(*EVERY_TIME) as mine,
            world.controller(*EVERY_TIME, "--txt-owner-id=you") as yours,
        ):
            await mine.run_once(NEVER)
            await yours.run_once(NEVER)
            before, changes = world.aws.route53.record_sets(world.zone_id), world.calls(CHANGE)
            for _ in range(10):
                await mine.reconcile(world.zone_id, PERMIT)
                await yours.reconcile(world.zone_id, PERMIT)
            assert world.calls(CHANGE) == changes
            assert world.aws.route53.record_sets(world.zone_id) == before
            for number in range(5):
                world.delete(f"s{number}")
            for controller in (yours, mine):
                await until(partial(_is_empty, controller.watches.services))
            await yours.reconcile(world.zone_id, PERMIT)
            assert len(world.records()) == 5
            await mine.reconcile(world.zone_id, PERMIT)
            assert world.records() == {}


def _is_empty(services: Cache[Service]) -> bool:
    return not list(services.all())


class TestTakingOver:
    """`--migrate-from-txt-owner` and `--adopt-unowned`, from flag to record."""

    async def test_records_of_a_former_owner_change_hands_once(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"), service("other", "192.0.2.1"))
        assert await world.once("--txt-owner-id=old") == {}
        world.delete("other")
        changes = world.calls(CHANGE)
        assert await world.once("--migrate-from-txt-owner=old") == {}
        assert await world.once("--migrate-from-txt-owner=old") == {}
        assert world.calls(CHANGE) == changes + 1
        texts = world.records("TXT")
        assert "owner=me," in texts["a-www"][0]
        assert "owner=old," in texts["a-other"][0]
        assert sorted(world.records()) == ["other", "www"]

    async def test_a_record_of_nobody_is_adopted_when_it_is_what_is_wanted(self, world: World) -> None:
        world.foreign("www", "192.0.2.1")
        world.foreign("api", "198.51.100.1")
        world.create(service("www", "192.0.2.1"), service("api", "192.0.2.1"))
        assert await world.once("--adopt-unowned") == {}
        assert list(world.records("TXT")) == ["a-www"]
        assert world.reasons().count("OwnerConflict") == 1

    async def test_texts_are_encrypted_on_request(self, world: World) -> None:
        world.create(service("www", "192.0.2.1"))
        flags = ("--txt-encrypt-enabled", "--txt-encrypt-aes-key=" + "k" * 32)
        assert await world.once(*flags) == {}
        assert "heritage" not in world.records("TXT")["a-www"][0]
        world.delete("www")
        assert await world.once(*flags) == {}
        assert world.records("TXT") == {}

    async def test_a_text_is_deleted_by_the_value_that_it_holds(self, world: World) -> None:
        """Other programs compress and encrypt the same text to other bytes: made anew, none would match."""
        key, nonce = b"k" * 32, b"by chance..."
        packed = gzip.compress(json.loads(TEXT.format("www")).encode(), compresslevel=1, mtime=7)
        value = f'"{b64encode(nonce + AESGCM(key).encrypt(nonce, packed, None)).decode()}"'
        held = RecordSet("a-www.example.com", "TXT", ttl=60, values=(value,))
        world.foreign("www", "192.0.2.1")
        world.aws.route53.change(world.zone_id, [("CREATE", held)])
        flags = ("--txt-encrypt-enabled", f"--txt-encrypt-aes-key={key.decode()}")
        world.create(service("www", "192.0.2.1"))
        assert await world.once(*flags) == {}
        assert world.records("TXT") == {"a-www": (value,)}
        world.delete("www")
        assert await world.once(*flags) == {}
        assert world.records() == world.records("TXT") == {}


class TestUnusualNames:
    """Names whose ownership text has no usual place are owned and deleted again; a bad one costs itself."""

    @pytest.mark.parametrize(
        "name", ["example.com", "x" * 63 + ".example.com", "*.example.com", "A.example.COM"]
    )
    async def test_come_and_go_with_their_text(self, world: World, name: str) -> None:
        world.create(service("www", "192.0.2.1", hostname=name))
        assert await world.once() == {}
        assert len(world.records()) == len(world.records("TXT")) == 1
        world.delete("www")
        assert await world.once() == {}
        assert world.records() == world.records("TXT") == {}

    async def test_one_name_that_route_53_refuses_does_not_fail_its_zone(self, world: World) -> None:
        async with world.controller("--interval=0s") as controller:
            await controller.run_once(NEVER)
            world.foreign("s3", "198.51.100.1")
            world.create(*(service(f"s{number}", "192.0.2.1") for number in range(8)))
            await until(lambda: len(list(controller.watches.services.all())) == 8)
            await controller.reconcile(world.zone_id, PERMIT)
        assert len(world.records()) == 8
        assert world.records()["s3"] == ("198.51.100.1",)
        assert len(world.records("TXT")) == 7

    async def test_a_removed_ttl_restores_the_default(self, world: World) -> None:
        world.create(service("www", "192.0.2.1", ttl="60"))
        await world.once()
        assert _ttl(world) == 60
        world.update(service("www", "192.0.2.1"))
        await world.once()
        assert _ttl(world) == 300


def _ttl(world: World) -> int | None:
    return next(found.ttl for found in world.aws.route53.record_sets(world.zone_id) if found.type == "A")


async def test_pods_that_restart_are_no_mass_deletion(world: World) -> None:
    """Names of the pods behind a headless Service come and go; the Service itself is still there."""
    headless = service("db")
    headless["spec"] = {"clusterIP": "None", "ports": [{"port": 80}]}
    pods = {
        "metadata": {"name": "db-1", "labels": {"kubernetes.io/service-name": "db"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [f"10.0.0.{n}"], "hostname": f"db-{n}"} for n in range(1, 21)],
    }
    world.create(headless)
    world.create(pods, kind="endpointslices", version="discovery.k8s.io/v1")
    async with world.running("--pod-record-hold=0s"):
        await until(lambda: len(world.records()) == 21)
        stored = world.api.store.get("discovery.k8s.io/v1", "endpointslices", "default", "db-1")
        kept = {**stored, "endpoints": stored["endpoints"][:1]}
        world.api.store.update("discovery.k8s.io/v1", "endpointslices", kept)
        await until(lambda: len(world.records()) == 2)
        world.delete("db")
        await until(lambda: world.records() == {})

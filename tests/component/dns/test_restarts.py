"""Killed between any two calls, started again: the zone converges, and nothing of others has changed."""

from collections.abc import Sequence

import pytest

from addons.dns.controller.zones import Controller
from addons.dns.model.actions import Batch
from addons.dns.model.records import Zone
from addons.runtime.permit import Permit
from addons.sim.aws.route53.model import RecordSet
from tests.support.dns_world import CHANGE, World, service
from tests.support.drawn import Draw
from tests.support.permits import NEVER, PERMIT

pytestmark = pytest.mark.virtual_time

NAMES = 100
BATCHES = 50
FLAGS = ("--aws-batch-change-size=4",)
"""Two names, each a record with its text, in one call."""


class Killed(BaseException):
    """The process is no more."""


def _kill_after(controller: Controller, calls: int) -> None:
    """Let the controller make so many calls and die before the next."""
    route53 = controller._route53
    apply = route53.apply
    made = 0

    async def dying_apply(batch: Batch, *, zone: Zone, permit: Permit) -> object:
        nonlocal made
        if made == calls:
            raise Killed
        made += 1
        return await apply(batch, zone=zone, permit=permit)

    route53.apply = dying_apply  # type: ignore[assignment, method-assign]


def _foreign(world: World) -> list[RecordSet]:
    return [
        found
        for found in world.aws.route53.record_sets(world.zone_id)
        if found.type in ("NS", "SOA", "MX") or found.name.startswith("foreign")
    ]


def _reset(world: World, initial: Sequence[RecordSet]) -> None:
    """Put the zone back to what it was, in batches that Route 53 takes."""
    now = world.aws.route53.record_sets(world.zone_id)
    changes = [("DELETE", found) for found in now if found not in initial]
    changes += [("CREATE", found) for found in initial if found not in now]
    if changes:
        world.aws.route53.change(world.zone_id, changes)  # type: ignore[arg-type]


async def test_dying_at_any_boundary_of_fifty_calls_loses_and_spoils_nothing(
    world: World, draw: Draw
) -> None:
    """Creates, updates and deletes are mixed; strangers' records stand between them."""
    for number in range(10):
        world.foreign(f"foreign{number}", "198.51.100.1")
    world.create(*(service(f"gone{number}", "192.0.2.9") for number in range(10)))
    world.create(*(service(f"s{number}", "192.0.2.1") for number in range(0, NAMES - 10, 3)))
    await world.once()
    initial = world.aws.route53.record_sets(world.zone_id)
    foreign = _foreign(world)
    for number in range(10):
        world.delete(f"gone{number}")
    for number in range(NAMES - 10):
        wanted = service(f"s{number}", "192.0.2.2")
        (world.create if number % 3 else world.update)(wanted)
    expected = {f"s{number}": ("192.0.2.2",) for number in range(NAMES - 10)}
    expected |= {f"foreign{number}": ("198.51.100.1",) for number in range(10)}
    world.aws.calls.clear()
    for boundary in draw.some(range(BATCHES), 5):
        _reset(world, initial)
        with pytest.raises(BaseExceptionGroup) as died:
            await _run_and_die(world, boundary)
        assert died.group_contains(Killed)
        assert _foreign(world) == foreign
        assert await world.once(*FLAGS) == {}
        assert world.records() == expected, boundary
        assert len(world.records("TXT")) == NAMES - 10
        assert _foreign(world) == foreign


async def _run_and_die(world: World, boundary: int) -> None:
    async with world.controller(*FLAGS) as controller:
        _kill_after(controller, boundary)
        await controller.run_once(NEVER)


async def test_ten_idle_minutes_at_ten_thousand_names_cost_one_probe(world: World) -> None:
    """Ten full passes, as one a minute makes, and one look at the number of records in every zone."""
    for number in range(100):
        hostnames = ",".join(f"h{number}-{host}.example.com" for host in range(100))
        world.create(service(f"s{number}", "192.0.2.1", hostname=hostnames))
    async with world.controller("--interval=0s") as controller:
        assert await controller.run_once(NEVER) == {}
        assert len(world.records()) == 10_000
        world.aws.calls.clear()
        for _ in range(10):
            await controller.reconcile(world.zone_id, PERMIT)
        await controller.reconcile("", PERMIT)
        assert [call.operation for call in world.aws.calls] == ["ListHostedZones"]
        assert world.calls(CHANGE) == 0

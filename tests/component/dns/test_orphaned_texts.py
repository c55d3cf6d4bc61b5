"""Somebody deletes a record and leaves its ownership text, between a controller and a simulated Route 53."""

import asyncio

import pytest

from addons.sim.aws.route53.model import RecordSet
from tests.support.dns_world import TEXT, World, service
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

AUDITED = ("--interval=1s", "--audit-interval=2s")


def delete_record(world: World, name: str) -> None:
    (address,) = world.records()[name]
    world.foreign(name, address, action="DELETE")


async def test_while_the_object_asks_for_it_the_record_is_made_anew(world: World) -> None:
    world.create(service("www", "192.0.2.1"))
    async with world.running(*AUDITED):
        await until(lambda: world.records() == {"www": ("192.0.2.1",)})
        delete_record(world, "www")
        await until(lambda: world.records() == {"www": ("192.0.2.1",)})
        assert world.records("TXT") == {"a-www": (TEXT.format("www"),)}
        assert "DriftFound" in world.reasons()
        world.delete("www")
        await until(lambda: world.records() == world.records("TXT") == {})


async def test_a_text_that_nobody_asks_for_goes_and_what_a_person_makes_then_stays(world: World) -> None:
    world.create(service("www", "192.0.2.1"))
    assert await world.once() == {}
    delete_record(world, "www")
    world.delete("www")
    assert await world.once() == {}
    assert world.records("TXT") == {}
    (told,) = (one.message for one in world.decisions.newest())
    assert told.startswith("deleted TXT a-www.example.com")
    assert told.endswith(": the record whose owner it says is gone")
    world.foreign("www", "192.0.2.9")
    assert await world.once() == {}
    assert world.records() == {"www": ("192.0.2.9",)}


@pytest.mark.parametrize("policy", ["upsert-only", "create-only"])
async def test_a_text_that_may_not_be_removed_is_told_and_claims_nothing(world: World, policy: str) -> None:
    world.create(service("www", "192.0.2.1"))
    assert await world.once() == {}
    delete_record(world, "www")
    world.delete("www")
    async with world.running(*AUDITED, f"--policy={policy}"):
        await until(lambda: "OrphanedText" in world.reasons())
        world.foreign("www", "192.0.2.9")
        await asyncio.sleep(5)
        world.create(service("www", "192.0.2.1"))
        await until(lambda: ("Warning", "OwnerConflict") in world.events("www"))
        assert world.records() == {"www": ("192.0.2.9",)}
        assert world.records("TXT") == {"a-www": (TEXT.format("www"),)}


async def test_with_another_prefix_no_text_is_removed(world: World) -> None:
    world.create(*(service(f"s{number}", "192.0.2.1") for number in range(3)))
    assert await world.once() == {}
    before = world.records("TXT")
    world.delete("s0")
    assert await world.once("--txt-suffix=-owner") == {}
    assert (world.records("TXT"), len(world.records())) == (before, 3)


async def test_a_text_whose_object_has_another_name_by_now_goes(world: World) -> None:
    world.create(service("www", "192.0.2.1"))
    async with world.running(*AUDITED):
        await until(lambda: world.records() == {"www": ("192.0.2.1",)})
        delete_record(world, "www")
        world.update(service("www", "192.0.2.1", hostname="api.example.com"))
        await until(lambda: world.records() == {"api": ("192.0.2.1",)})
        await until(lambda: world.records("TXT") == {"a-api": (TEXT.format("www"),)})


async def test_a_hand_made_text_of_ours_is_no_claim_on_a_later_record(world: World) -> None:
    text = RecordSet("a-www.example.com", "TXT", ttl=300, values=(TEXT.format("gone"),))
    world.aws.route53.change(world.zone_id, [("CREATE", text)])
    async with world.running(*AUDITED):
        await until(lambda: world.records("TXT") == {})
        world.foreign("www", "192.0.2.9")
        await asyncio.sleep(5)
        assert world.records() == {"www": ("192.0.2.9",)}

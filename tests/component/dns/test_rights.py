"""A right that is missing is told on every object that waits for it; work goes on soon after it is given."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from addons.dns import names
from addons.sim.kubeapi.faults import Fault
from tests.support.dns_cluster import FLAGS, Cluster, Story
from tests.support.dns_world import CHANGE, service
from tests.support.virtual import virtual_now

DENIED: dict[str, Any] = {"code": "AccessDenied", "message": "not you", "status": 403, "times": None}
WAITS = ("Warning", names.ZONE_ERROR)
HOUR = 3600
SOON = 30


def ask(world: Cluster, *found: str) -> None:
    for name in found:
        world.create(service(name, "192.0.2.1"))


@pytest.mark.parametrize("operation", ["ListHostedZones", "ListResourceRecordSets", CHANGE])
def test_every_object_that_waits_is_told_once_and_has_its_record_30_s_after_the_right_is_given(
    operation: str, play_alone: Callable[[Story], None]
) -> None:
    async def story(world: Cluster) -> None:
        world.aws.faults.add(operation=operation, **DENIED)
        ask(world, "www", "mail")
        async with world.running(*FLAGS, now=virtual_now):
            await asyncio.sleep(HOUR)
            assert {name: world.events(name) for name in ("www", "mail")} == {"www": [WAITS], "mail": [WAITS]}
            world.aws.faults.clear()
            await asyncio.sleep(SOON)
            assert world.records().keys() == {"www", "mail"}

    play_alone(story)


@pytest.mark.parametrize("operation", ["ListResourceRecordSets", CHANGE])
def test_who_waits_for_nothing_is_told_nothing(operation: str, play_alone: Callable[[Story], None]) -> None:
    async def story(world: Cluster) -> None:
        ask(world, "www")
        async with world.running(*FLAGS, "--audit-interval=1m", now=virtual_now):
            await asyncio.sleep(SOON)
            world.aws.faults.add(operation=operation, **DENIED)
            ask(world, "mail")
            await asyncio.sleep(HOUR)
            assert world.events("www") == [("Normal", names.RECORD_READY)]
            assert world.events("mail") in ([WAITS], [("Normal", names.RECORD_READY)])
            if operation == CHANGE:
                assert world.events("mail") == [WAITS]

    play_alone(story)


def test_asking_too_often_is_no_event_of_the_objects(play_alone: Callable[[Story], None]) -> None:
    async def story(world: Cluster) -> None:
        world.aws.faults.add(operation=CHANGE, code="Throttling", message="slow", times=None)
        ask(world, "www")
        async with world.running(*FLAGS, now=virtual_now):
            await asyncio.sleep(HOUR)
            assert world.events("www") == []
            assert names.ZONE_ERROR in world.reasons()

    play_alone(story)


def test_a_resource_that_may_be_read_again_is_read_within_30_s(play_alone: Callable[[Story], None]) -> None:
    async def story(world: Cluster) -> None:
        world.api.faults.add(Fault(resource="services", status=403))
        ask(world, "www")
        async with world.running(*FLAGS, now=virtual_now):
            await asyncio.sleep(HOUR)
            assert world.records() == {}
            world.api.faults.clear()
            await asyncio.sleep(SOON)
            assert world.records().keys() == {"www"}

    play_alone(story)

"""Names of pods while the daemon restarts, or another replica takes over, in the middle of it."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta

from addons.dns.controller.zones import Controller
from tests.support.dns_cluster import (
    APART,
    FLAGS,
    HOLD,
    SETTLED,
    Cluster,
    Story,
    asking,
    now,
)
from tests.support.until import until


class TestNewDaemon:
    """A daemon that did not see a pod end holds its name like one that did."""

    def test_a_restart_of_the_daemon_between_a_pod_and_its_successor_costs_no_name(
        self, play_alone: Callable[[Story], None]
    ) -> None:
        async def story(world: Cluster) -> None:
            world.serve()
            world.start("db-0", "10.0.0.1")
            async with asking(world, "db-0.db") as watcher:
                async with world.running(*FLAGS):
                    await until(lambda: "db-0.db" in world.records())
                    watcher.first_missing = float("inf")
                world.remove("db-0")
                world.start("db-0", "10.0.0.11", ready=False)
                async with world.running(*FLAGS):
                    await asyncio.sleep(8)
                    assert world.records() == {"db": ("10.0.0.1",), "db-0.db": ("10.0.0.1",)}
                    world.become_ready("db-0", "10.0.0.11")
                    await asyncio.sleep(SETTLED)
                    assert world.records() == {"db": ("10.0.0.11",), "db-0.db": ("10.0.0.11",)}
                assert watcher.first_missing == float("inf")

        play_alone(story)

    def test_nor_does_it_cost_one_that_pods_ask_for_themselves(
        self, play_alone: Callable[[Story], None]
    ) -> None:
        flags = (*FLAGS, "--source=pod", "--pod-source-domain=pods.example.com")

        async def story(world: Cluster) -> None:
            world.start("db-0", "10.0.0.1")
            async with world.running(*flags):
                await until(lambda: world.records() == {"db-0.pods": ("10.0.0.1",)})
            world.remove("db-0")
            world.start("db-0", "10.0.0.11", ready=False)
            async with world.running(*flags):
                await asyncio.sleep(8)
                assert world.records() == {"db-0.pods": ("10.0.0.1",)}
                world.become_ready("db-0", "10.0.0.11")
                await asyncio.sleep(SETTLED)
                assert world.records() == {"db-0.pods": ("10.0.0.11",)}

        play_alone(story)

    def test_a_new_leader_takes_over_between_a_pod_and_its_successor(
        self, play_alone: Callable[[Story], None]
    ) -> None:
        async def story(world: Cluster) -> None:
            world.serve()
            world.start("db-0", "10.0.0.1")
            async with asking(world, "db-0.db") as watcher, AsyncExitStack() as second:
                async with world.running(*FLAGS, replica="one") as first:
                    await until(lambda: "db-0.db" in world.records())
                    watcher.first_missing = float("inf")
                    standby = await second.enter_async_context(world.running(*FLAGS, replica="two"))
                    await asyncio.sleep(5)
                    world.remove("db-0")
                    await asyncio.sleep(3)
                    assert (_leads(first), _leads(standby)) == (True, False)
                await until(lambda: _leads(standby))
                await asyncio.sleep(8)
                world.start("db-0", "10.0.0.11")
                await asyncio.sleep(SETTLED)
                assert world.records() == {"db": ("10.0.0.11",), "db-0.db": ("10.0.0.11",)}
                assert watcher.first_missing == float("inf")

        play_alone(story)

    def test_without_a_successor_the_name_is_gone_after_the_hold_which_is_told(
        self, play_alone: Callable[[Story], None]
    ) -> None:
        async def story(world: Cluster) -> None:
            world.serve()
            world.start("db-0", "10.0.0.1")
            world.start("db-1", "10.0.0.2")
            async with world.running(*FLAGS):
                await until(lambda: "db-0.db" in world.records())
            world.remove("db-0")
            async with world.running(*FLAGS), asking(world, "db-0.db") as watcher:
                begun = now()
                await asyncio.sleep(SETTLED)
                assert world.records() == {
                    "db": ("10.0.0.2",),
                    "db-0.db": ("10.0.0.1",),
                    "db-1.db": ("10.0.0.2",),
                }
                [held] = [found for found in world.decisions.newest() if found.reason == "PodRecordHeld"]
                assert "db-0.db.example.com stays: a successor" in held.message
                assert held.retry_at is not None
                assert timedelta(0) < held.retry_at - held.time <= timedelta(seconds=HOLD)
                await asyncio.sleep(HOLD)
                assert watcher.last_seen["10.0.0.1"] < begun + HOLD + 1
                assert world.records("TXT").keys() == {"a-db", "a-db-1.db"}

        play_alone(story)

    def test_what_no_successor_can_take_over_is_not_held(self, play_alone: Callable[[Story], None]) -> None:
        async def story(world: Cluster) -> None:
            world.serve()
            world.start("db-0", "10.0.0.1")
            for number in (1, 2):
                world.start(f"www-{number}", f"10.0.1.{number}", APART)
            async with world.running(*FLAGS, "--source=service,pod"):
                await until(lambda: len(world.records()) == 5 and len(world.sets()) == 3)
            world.delete("db")
            world.remove("www-1")
            async with world.running(*FLAGS, "--source=service,pod"):
                await asyncio.sleep(SETTLED)
                assert list(world.sets().values()) == [("10.0.1.2",)]

        play_alone(story)


def _leads(controller: Controller) -> bool:
    return controller._leader is not None and controller._leader.is_leading

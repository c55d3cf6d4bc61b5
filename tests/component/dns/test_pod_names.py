"""Names of pods as resolvers see them while pods come and go, on virtual time."""

import asyncio
from collections.abc import Callable

from addons.sim.kubeapi.faults import Fault
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
from tests.support.dns_world import CHANGE, PREFIX, World
from tests.support.until import until


class TestStatefulSet:
    """A pod that restarts keeps its name: resolvers see the old address, then the new one, and no gap."""

    def test_a_restart_within_the_hold_is_one_swap(self, play: Callable[..., None]) -> None:
        async def story(world: Cluster) -> None:
            world.serve()
            world.start("db-0", "10.0.0.1")
            world.start("db-1", "10.0.0.2")
            await until(lambda: "db-0.db" in world.records())
            async with asking(world, "db-0.db") as watcher:
                world.aws.calls.clear()
                await world.restart("db-0", "10.0.0.11", takes=8)
                await asyncio.sleep(SETTLED)
                assert world.records() == {
                    "db": ("10.0.0.11", "10.0.0.2"),
                    "db-0.db": ("10.0.0.11",),
                    "db-1.db": ("10.0.0.2",),
                }
                assert world.calls(CHANGE) == 2  # it leaves the shared name, and both names get it back
                await asyncio.sleep(60)
                assert watcher.first_missing == float("inf")
                assert set(watcher.last_seen) == {"10.0.0.1", "10.0.0.11"}

        play(story)

    def test_without_a_successor_the_old_address_is_gone_after_the_hold(
        self, play: Callable[..., None]
    ) -> None:
        async def story(world: Cluster) -> None:
            world.serve()
            world.start("db-0", "10.0.0.1")
            world.start("db-1", "10.0.0.2")
            await until(lambda: "db-0.db" in world.records())
            async with asking(world, "db-0.db") as watcher:
                world.terminate("db-0")
                await asyncio.sleep(20)
                assert world.records()["db"] == ("10.0.0.2",)
                assert watcher.last_seen["10.0.0.1"] > now() - 1  # it can be reached while it drains
                world.remove("db-0")
                gone = now()
                await asyncio.sleep(HOLD + SETTLED)
                assert gone + HOLD - 1 < watcher.last_seen["10.0.0.1"] < gone + HOLD + 1
                assert watcher.first_missing < gone + HOLD + 1
                assert world.records("TXT").keys() == {"a-db", "a-db-1.db"}

        play(story)

    def test_a_successor_that_comes_late_is_published_when_it_is_ready(
        self, play: Callable[..., None]
    ) -> None:
        async def story(world: Cluster) -> None:
            world.serve()
            world.start("db-0", "10.0.0.1")
            await until(lambda: "db-0.db" in world.records())
            async with asking(world, "db-0.db") as watcher:
                begun = now()
                await world.restart("db-0", "10.0.0.11", takes=40)
                assert watcher.last_seen["10.0.0.1"] < begun + 3 + HOLD + 1
                await asyncio.sleep(SETTLED)
                assert world.records() == {"db": ("10.0.0.11",), "db-0.db": ("10.0.0.11",)}

        play(story)

    def test_a_rolling_restart_of_a_hundred_pods_costs_few_calls(self, play: Callable[..., None]) -> None:
        async def story(world: Cluster) -> None:
            world.serve()
            for number in range(100):
                world.start(f"db-{number}", f"10.0.0.{number}")
            await until(lambda: len(world.records()) == 101)
            async with asking(world, "db-42.db") as watcher:
                world.aws.calls.clear()
                for wave in range(0, 100, 20):
                    async with asyncio.TaskGroup() as group:
                        for number in range(wave, wave + 20):
                            group.create_task(world.restart(f"db-{number}", f"10.0.1.{number}", takes=6))
                    await asyncio.sleep(SETTLED)
                assert {values[0][:7] for values in world.records().values()} == {"10.0.1."}
                assert world.calls(CHANGE) <= 2 * 5
                assert watcher.first_missing == float("inf")

        play(story)


class TestPodSource:
    """Pods ask for names themselves."""

    def test_pods_that_share_a_name_stand_side_by_side(self, play: Callable[..., None]) -> None:
        async def story(world: Cluster) -> None:
            for number in (1, 2, 3):
                world.start(f"www-{number}", f"10.0.0.{number}", {PREFIX + "hostname": "www.example.com"})
            await until(lambda: world.records() == {"www": ("10.0.0.1", "10.0.0.2", "10.0.0.3")})
            world.terminate("www-1")
            await asyncio.sleep(SETTLED)
            assert world.records() == {"www": ("10.0.0.2", "10.0.0.3")}
            assert set(world.reasons()) == {"RecordReady"}

        play(story, "--source=pod")

    def test_each_may_have_a_record_set_so_that_one_pod_is_one_small_change(
        self, play: Callable[..., None]
    ) -> None:
        async def story(world: Cluster) -> None:
            for number in (1, 2, 3):
                world.start(f"www-{number}", f"10.0.0.{number}", APART)
            await until(lambda: len(world.sets()) == 3)
            kept = {key: values for key, values in world.sets().items() if values != ("10.0.0.2",)}
            world.aws.calls.clear()
            world.remove("www-2")
            await asyncio.sleep(SETTLED)
            assert world.sets() == kept
            assert world.calls(CHANGE) == 1
            async with asking(world, "www") as watcher:
                await asyncio.sleep(1)
                assert set(watcher.last_seen) == {"10.0.0.1", "10.0.0.3"}

        play(story, "--source=pod")

    def test_a_domain_names_every_pod_for_as_long_as_it_is_there(self, play: Callable[..., None]) -> None:
        async def story(world: Cluster) -> None:
            world.start("db-0", "10.0.0.1")
            await until(lambda: world.records() == {"db-0.pods": ("10.0.0.1",)})
            world.terminate("db-0")
            await asyncio.sleep(20)
            assert world.records() == {"db-0.pods": ("10.0.0.1",)}
            world.remove("db-0")
            await asyncio.sleep(HOLD + SETTLED)
            assert world.records() == {}

        play(story, "--source=pod", "--pod-source-domain=pods.example.com")


class TestWatching:
    """Pods are watched when a name depends on them, and not before."""

    def test_a_headless_service_has_them_watched(self, play: Callable[..., None]) -> None:
        async def story(world: Cluster) -> None:
            await asyncio.sleep(SETTLED)
            assert not _pod_requests(world)
            world.start("db-0", "10.0.0.1")
            world.serve()
            await until(lambda: "db-0.db" in world.records())
            assert _pod_requests(world)

        play(story)

    def test_a_daemon_that_is_told_to_stop_does_not_wait_until_it_has_read_them(
        self, play_alone: Callable[[Story], None]
    ) -> None:
        async def story(world: Cluster) -> None:
            world.api.faults.add(Fault(resource="pods", status=503, times=None))
            world.serve()
            async with world.running(*FLAGS):
                await until(lambda: _pod_requests(world))
                stopped = now()
            assert now() - stopped < 1

        play_alone(story)

    def test_names_of_pods_outlive_a_new_daemon_that_has_not_read_the_pods_yet(
        self, play: Callable[..., None]
    ) -> None:
        async def story(world: Cluster) -> None:
            world.serve()
            world.start("db-0", "10.0.0.1")
            await until(lambda: "db-0.db" in world.records())
            world.aws.calls.clear()
            assert await world.once() == {}
            assert world.calls(CHANGE) == 0

        play(story)


def _pod_requests(world: World) -> int:
    return sum(request.resource == "pods" for request in world.api.requests)

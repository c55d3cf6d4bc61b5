"""Names of pods as resolvers see them while pods come and go, on virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.message
import dns.rcode
import pytest

from addons.dns.controller.zones import Controller
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from addons.sim.nameserver import NameServer
from tests.support.aws_thread import aws_in_thread
from tests.support.dns_world import CHANGE, PREFIX, Object, World, until
from tests.support.virtual import run_virtual

OURS = "dns.aws-addons.io/"
HOLD, TTL = 15.0, 10
FLAGS = ("--min-event-sync-interval=2s", "--delete-budget=100")
SETTLED = 4.0
"""Seconds within which a change is in the zone: two in which changes are collected, and the way there."""

APART = {PREFIX + "hostname": "www.example.com", OURS + "multi-value": "per-pod"}

Story = Callable[["Cluster"], Coroutine[Any, Any, None]]


class Cluster(World):
    """A world in which pods run; the emulator keeps their slices."""

    def serve(self, name: str = "db", **ours: str) -> None:
        """A headless Service whose pods have names of their own."""
        annotations = {PREFIX + "hostname": f"{name}.example.com", OURS + "pod-records": "true"}
        annotations |= {OURS + key.replace("_", "-"): value for key, value in ours.items()}
        spec = {"clusterIP": "None", "selector": {"app": name}, "ports": [{"port": 80}]}
        self.create({"metadata": {"name": name, "annotations": annotations}, "spec": spec})

    def start(
        self, name: str, address: str, annotations: dict[str, str] | None = None, *, ready: bool = True
    ) -> None:
        """A pod of the StatefulSet db comes up."""
        pod: Object = {
            "metadata": {"name": name, "labels": {"app": "db"}, "annotations": annotations or {}},
            "spec": {
                "containers": [{"name": "c", "image": "i"}],
                "nodeName": "node-a",
                "hostname": name,
                "subdomain": "db",
            },
            "status": _status(address, ready),
        }
        self.create(pod, kind="pods")

    def become_ready(self, name: str, address: str) -> None:
        pod = self.api.store.get("v1", "pods", "default", name)
        self.api.store.update("v1", "pods", pod | {"status": _status(address, True)})

    def terminate(self, name: str) -> None:
        """The pod is told to end, and has a while to do so."""
        self.api.store.delete("v1", "pods", "default", name, grace_seconds=30)

    def remove(self, name: str) -> None:
        """The pod is gone."""
        self.api.store.delete("v1", "pods", "default", name)

    async def restart(self, name: str, address: str, *, takes: float) -> None:
        """The pod ends, and its successor is ready `takes` seconds later at another address."""
        self.terminate(name)
        await asyncio.sleep(3)
        self.remove(name)
        self.start(name, address, ready=False)
        await asyncio.sleep(takes)
        self.become_ready(name, address)


def _status(address: str, ready: bool) -> Object:
    return {
        "phase": "Running" if ready else "Pending",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
    }


class Watcher:
    """Somebody who asks for a name ten times a second: what was answered, and when last."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = f"{name}.example.com"
        self.last_seen: dict[str, float] = {}
        self.first_missing = float("inf")

    async def ask(self) -> None:
        """Ask until cancelled; NXDOMAIN is noted like an address."""
        async with NameServer(self._world.aws.route53.zones) as server:
            host, port = server.address
            while True:
                question = dns.message.make_query(self._name, "A")
                answer = await dns.asyncquery.udp(question, host, port=port, timeout=5)
                self._note(answer)
                await asyncio.sleep(0.1)

    def _note(self, answer: dns.message.Message) -> None:
        now = asyncio.get_running_loop().time()
        if answer.rcode() == dns.rcode.NXDOMAIN:
            self.first_missing = min(self.first_missing, now)
            return
        for rrset in answer.answer:
            assert rrset.ttl == TTL
            self.last_seen.update((str(item), now) for item in rrset)


@asynccontextmanager
async def asking(world: World, name: str) -> AsyncIterator[Watcher]:
    watcher = Watcher(world, name)
    task = asyncio.create_task(watcher.ask())
    try:
        yield watcher
    finally:
        task.cancel()


@pytest.fixture
def play_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Story], None]:
    """Play a story in a cluster without a daemon."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    def run(story: Story) -> None:
        async def main() -> None:
            with aws_in_thread() as aws:
                async with KubeApi() as api:
                    api.enable(endpoint_slices=True)
                    await story(Cluster(api, aws, tmp_path / "kubeconfig"))

        run_virtual(main())

    return run


@pytest.fixture
def play(play_alone: Callable[[Story], None]) -> Callable[..., None]:
    """Play a story in a cluster whose daemon is at work."""

    def run(story: Story, *flags: str) -> None:
        async def with_daemon(world: Cluster) -> None:
            async with world.running(*FLAGS, *flags):
                await story(world)

        play_alone(with_daemon)

    return run


def now() -> float:
    return asyncio.get_running_loop().time()


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
                await until(lambda: len(world.records()) == 5 and len(_sets(world)) == 3)
            world.delete("db")
            world.remove("www-1")
            async with world.running(*FLAGS, "--source=service,pod"):
                await asyncio.sleep(SETTLED)
                assert list(_sets(world).values()) == [("10.0.1.2",)]

        play_alone(story)


def _leads(controller: Controller) -> bool:
    return controller._leader is not None and controller._leader.is_leading


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
            await until(lambda: len(_sets(world)) == 3)
            kept = {key: values for key, values in _sets(world).items() if values != ("10.0.0.2",)}
            world.aws.calls.clear()
            world.remove("www-2")
            await asyncio.sleep(SETTLED)
            assert _sets(world) == kept
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


def _sets(world: World) -> dict[str, tuple[str, ...]]:
    """The values of the address records by set identifier."""
    return {
        found.set_id: found.values
        for found in world.aws.route53.record_sets(world.zone_id)
        if found.type == "A"
    }


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

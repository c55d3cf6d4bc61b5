"""Events reach the API server once, are counted when they repeat, and never hold anybody up."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from addons.runtime.events import EventRecorder
from addons.runtime.kube import KubeClient
from addons.runtime.outcomes import ObjectRef
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from tests.support.virtual import run_virtual, virtual_now

WEB = ObjectRef("Service", "default", "web", "uid-1")


@asynccontextmanager
async def recording(directory: Path) -> AsyncIterator[tuple[KubeApi, EventRecorder]]:
    stopping = asyncio.Event()
    async with KubeApi() as api:
        path = directory / "kubeconfig"
        path.write_text(api.kubeconfig())
        async with KubeClient.connect(str(path)) as kube, asyncio.TaskGroup() as group:
            recorder = EventRecorder(kube, component="dns", instance="dns-0", now=virtual_now, rng=Random(1))
            group.create_task(recorder.run(stopping))
            yield api, recorder
            stopping.set()


def play(directory: Path, story: Callable[[KubeApi, EventRecorder], Awaitable[None]]) -> list[dict[str, Any]]:
    """The Events that are there after a story and a stop."""

    async def main() -> list[dict[str, Any]]:
        async with recording(directory) as (api, recorder):
            await story(api, recorder)
        return api.store.list("events.k8s.io/v1", "events")

    return run_virtual(main())


def refuse(recorder: EventRecorder, ref: ObjectRef = WEB, message: str = "bad host name") -> None:
    recorder.event(ref, type="Warning", reason="InvalidHostname", action="Sync", message=message)


def writes(api: KubeApi) -> int:
    return len(api.requests)


def test_an_event_has_all_that_the_api_wants(tmp_path: Path) -> None:
    async def story(_: KubeApi, recorder: EventRecorder) -> None:
        refuse(recorder)

    (event,) = play(tmp_path, story)
    assert event["regarding"] == {
        "apiVersion": "v1",
        "kind": "Service",
        "namespace": "default",
        "name": "web",
        "uid": "uid-1",
    }
    assert (event["type"], event["reason"], event["action"]) == ("Warning", "InvalidHostname", "Sync")
    assert (event["reportingController"], event["reportingInstance"]) == ("dns", "dns-0")
    assert event["note"] == "bad host name"
    assert event["eventTime"] == "2026-01-02T03:04:05.000000Z"
    assert "series" not in event


def test_an_object_of_the_whole_cluster_has_its_events_in_default(tmp_path: Path) -> None:
    async def story(_: KubeApi, recorder: EventRecorder) -> None:
        refuse(recorder, ObjectRef("Node", "", "n1"))

    (event,) = play(tmp_path, story)
    assert event["metadata"]["namespace"] == "default"


def test_repetitions_raise_the_count_of_the_one_event(tmp_path: Path) -> None:
    async def story(_: KubeApi, recorder: EventRecorder) -> None:
        for _second in (0, 100, 200):
            refuse(recorder)
            await asyncio.sleep(100)

    (event,) = play(tmp_path, story)
    assert event["series"]["count"] == 3
    assert event["series"]["lastObservedTime"] == "2026-01-02T03:07:25.000000Z"


def test_repetitions_before_the_first_is_written_cost_one_request(tmp_path: Path) -> None:
    async def story(api: KubeApi, recorder: EventRecorder) -> None:
        for _ in range(500):
            refuse(recorder)
        await asyncio.sleep(1)
        assert writes(api) == 1

    (event,) = play(tmp_path, story)
    assert event["series"]["count"] == 500


def test_after_a_long_pause_it_is_a_new_event(tmp_path: Path) -> None:
    async def story(_: KubeApi, recorder: EventRecorder) -> None:
        refuse(recorder)
        await asyncio.sleep(361)
        refuse(recorder)

    assert len(play(tmp_path, story)) == 2


def test_another_message_or_object_is_another_event(tmp_path: Path) -> None:
    async def story(_: KubeApi, recorder: EventRecorder) -> None:
        refuse(recorder)
        refuse(recorder, message="bad ttl")
        refuse(recorder, ObjectRef("Service", "default", "web", "uid-2"))

    assert len(play(tmp_path, story)) == 3


def test_an_event_that_was_deleted_is_written_again(tmp_path: Path) -> None:
    async def story(api: KubeApi, recorder: EventRecorder) -> None:
        refuse(recorder)
        await asyncio.sleep(1)
        (event,) = api.store.list("events.k8s.io/v1", "events")
        api.store.delete("events.k8s.io/v1", "events", "default", event["metadata"]["name"])
        refuse(recorder)

    (event,) = play(tmp_path, story)
    assert event["series"]["count"] == 2


def test_one_object_cannot_flood_the_server_but_its_neighbours_are_heard(tmp_path: Path) -> None:
    async def story(_: KubeApi, recorder: EventRecorder) -> None:
        for number in range(100):
            refuse(recorder, message=f"fault {number}")
        refuse(recorder, ObjectRef("Service", "default", "other"))

    events = play(tmp_path, story)
    assert [event["regarding"]["name"] for event in events].count("web") == 25
    assert [event["regarding"]["name"] for event in events].count("other") == 1


def test_good_news_leave_something_for_bad_ones(tmp_path: Path) -> None:
    async def story(_: KubeApi, recorder: EventRecorder) -> None:
        for number in range(100):
            recorder.event(WEB, type="Normal", reason="Synced", action="Sync", message=f"{number}")
        for number in range(100):
            refuse(recorder, message=f"fault {number}")

    events = play(tmp_path, story)
    assert Counter(event["type"] for event in events) == {"Normal": 15, "Warning": 10}


def test_its_budget_comes_back_slowly(tmp_path: Path) -> None:
    async def story(_: KubeApi, recorder: EventRecorder) -> None:
        for number in range(30):
            refuse(recorder, message=f"fault {number}")
        await asyncio.sleep(601)
        for number in range(100, 130):
            refuse(recorder, message=f"fault {number}")

    assert len(play(tmp_path, story)) == 27


def test_a_long_message_is_cut_to_what_the_server_takes_and_its_end_says_what_is_wrong(
    tmp_path: Path,
) -> None:
    async def story(_: KubeApi, recorder: EventRecorder) -> None:
        refuse(recorder, message=f"hostname: {'ä' * 2000} is too long")

    (event,) = play(tmp_path, story)
    assert 1000 < len(event["note"].encode()) <= 1024
    assert event["note"].startswith("hostname: ää")
    assert "ä...ä" in event["note"]
    assert event["note"].endswith("ä is too long")


def test_thousands_of_faults_of_one_object_displace_no_event(tmp_path: Path) -> None:
    async def story(_: KubeApi, recorder: EventRecorder) -> None:
        refuse(recorder, ObjectRef("Service", "default", "other"))
        for number in range(5000):
            refuse(recorder, message=f"fault {number}")

    events = play(tmp_path, story)
    assert Counter(event["regarding"]["name"] for event in events) == {"web": 25, "other": 1}


def test_the_queue_is_bounded(tmp_path: Path) -> None:
    async def story(_: KubeApi, recorder: EventRecorder) -> None:
        for number in range(1500):
            refuse(recorder, ObjectRef("Service", "default", f"web-{number}"))

    assert len(play(tmp_path, story)) == 1000


def test_a_server_in_trouble_is_asked_less_often_and_gets_them_in_the_end(tmp_path: Path) -> None:
    async def story(api: KubeApi, recorder: EventRecorder) -> None:
        api.faults.add(Fault(resource="events", status=503))
        refuse(recorder)
        await asyncio.sleep(60)
        assert writes(api) < 20
        api.faults.clear()
        await asyncio.sleep(31)

    assert len(play(tmp_path, story)) == 1


def test_a_refusal_loses_that_event_only(tmp_path: Path) -> None:
    async def story(api: KubeApi, recorder: EventRecorder) -> None:
        api.faults.add(Fault(resource="events", status=403, times=1))
        refuse(recorder, message="first")
        refuse(recorder, message="second")

    assert [event["note"] for event in play(tmp_path, story)] == ["second"]


def test_a_stop_does_not_wait_for_a_dead_server(tmp_path: Path) -> None:
    async def main() -> float:
        clock = asyncio.get_running_loop().time
        async with recording(tmp_path) as (api, recorder):
            api.faults.add(Fault(resource="events", latency=1000))
            refuse(recorder)
            await asyncio.sleep(1)
            began = clock()
        return clock() - began

    assert run_virtual(main()) < 5

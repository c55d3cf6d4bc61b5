"""Lists and watches where history ends, and streams that go wrong on order."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi

Object = dict[str, Any]
PATH = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def api() -> AsyncIterator[KubeApi]:
    async with KubeApi(history=3, bookmark_seconds=0.05) as running:
        yield running


@pytest.fixture
async def http(api: KubeApi) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(api.url) as session:
        yield session


def add(api: KubeApi, *names: str) -> None:
    """Make ConfigMaps."""
    for name in names:
        api.store.create("v1", "configmaps", {"metadata": {"name": name}})


async def read(http: aiohttp.ClientSession, **query: str) -> tuple[int, Object]:
    async with http.get(PATH, params=query) as response:
        return response.status, await response.json()


async def stream(http: aiohttp.ClientSession, count: int, **query: str) -> list[Object]:
    """The first events of a watch; fewer when it ends before."""
    events: list[Object] = []
    async with http.get(PATH, params={"watch": "1"} | query) as response:
        assert response.status == 200
        while len(events) < count and (line := await response.content.readline()):
            events.append(json.loads(line))
    return events


def told(events: list[Object]) -> list[str]:
    """Events in short: "ADDED a"."""
    return [f"{event['type']} {event['object']['metadata'].get('name', '')}".strip() for event in events]


class TestHistory:
    """What is older than the kept history is gone, and the client is told to start anew."""

    async def test_a_watch_from_before_it_gets_an_error_event(
        self, api: KubeApi, http: aiohttp.ClientSession
    ) -> None:
        add(api, "a", "b", "c", "d", "e")
        (event,) = await stream(http, 2, resourceVersion="1")
        assert (event["type"], event["object"]["code"], event["object"]["reason"]) == (
            "ERROR",
            410,
            "Expired",
        )

    async def test_a_watch_from_within_it_gets_what_it_missed(
        self, api: KubeApi, http: aiohttp.ClientSession
    ) -> None:
        add(api, "a", "b", "c", "d", "e")
        assert told(await stream(http, 2, resourceVersion=str(api.store.rv - 2))) == ["ADDED d", "ADDED e"]

    async def test_a_page_of_the_past_is_consistent_while_it_can_be(
        self, api: KubeApi, http: aiohttp.ClientSession
    ) -> None:
        add(api, "a", "b")
        _, page = await read(http, limit="1")
        api.store.delete("v1", "configmaps", "default", "b")
        add(api, "c")
        _, rest = await read(http, limit="5", **{"continue": page["metadata"]["continue"]})
        assert [item["metadata"]["name"] for item in rest["items"]] == ["b"]
        assert rest["metadata"]["resourceVersion"] == page["metadata"]["resourceVersion"]

    async def test_a_forgotten_page_is_410_with_a_token_for_the_rest_as_it_is_now(
        self, api: KubeApi, http: aiohttp.ClientSession
    ) -> None:
        add(api, "a", "b")
        _, page = await read(http, limit="1")
        add(api, "c")
        api.store.compact()
        status, refusal = await read(http, limit="5", **{"continue": page["metadata"]["continue"]})
        assert (status, refusal["reason"]) == (410, "Expired")
        _, rest = await read(http, limit="5", **{"continue": refusal["metadata"]["continue"]})
        assert [item["metadata"]["name"] for item in rest["items"]] == ["b", "c"]

    async def test_an_exact_version_is_listed_or_expired(
        self, api: KubeApi, http: aiohttp.ClientSession
    ) -> None:
        add(api, "a")
        then = str(api.store.rv)
        add(api, "b")
        _, listed = await read(http, resourceVersion=then, resourceVersionMatch="Exact")
        assert [item["metadata"]["name"] for item in listed["items"]] == ["a"]
        api.store.compact()
        assert (await read(http, resourceVersion=then, resourceVersionMatch="Exact"))[0] == 410


class TestBookmarks:
    """A quiet watch is told how far it is, when it asked for it."""

    async def test_they_come_at_the_set_period(self, api: KubeApi, http: aiohttp.ClientSession) -> None:
        first, second = await stream(http, 2, allowWatchBookmarks="true")
        assert told([first, second]) == ["BOOKMARK", "BOOKMARK"]
        assert second["object"]["metadata"]["resourceVersion"] == str(api.store.rv)

    async def test_a_watch_that_did_not_ask_gets_none(self, http: aiohttp.ClientSession) -> None:
        assert await stream(http, 1, timeoutSeconds="1") == []


class TestSelection:
    """A watcher sees the world through its selector."""

    async def test_an_object_that_stops_matching_is_deleted_for_it(
        self, api: KubeApi, http: aiohttp.ClientSession
    ) -> None:
        add(api, "a")
        seen = asyncio.create_task(stream(http, 3, labelSelector="on=1", resourceVersion=str(api.store.rv)))
        for labels in ({"on": "1"}, {"on": "1", "n": "2"}, {}):
            obj = api.store.get("v1", "configmaps", "default", "a")
            obj["metadata"]["labels"] = labels
            api.store.update("v1", "configmaps", obj)
        events = await seen
        assert told(events) == ["ADDED a", "MODIFIED a", "DELETED a"]
        assert events[2]["object"]["metadata"]["labels"] == {"on": "1", "n": "2"}
        assert events[2]["object"]["metadata"]["resourceVersion"] == str(api.store.rv)


class TestFaults:
    """Everything that a client must survive can be ordered."""

    async def test_a_status_comes_with_its_retry_after(
        self, api: KubeApi, http: aiohttp.ClientSession
    ) -> None:
        api.faults.add(Fault(verb="list", resource="configmaps", status=429, retry_after=3, times=1))
        async with http.get(PATH) as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "3")
            assert (await response.json())["reason"] == "TooManyRequests"
        assert (await read(http))[0] == 200

    async def test_a_watch_can_be_refused_with_410(self, api: KubeApi, http: aiohttp.ClientSession) -> None:
        api.faults.add(Fault(verb="watch", status=410))
        async with http.get(PATH, params={"watch": "1"}) as response:
            assert (response.status, (await response.json())["reason"]) == (410, "Expired")

    async def test_a_proxy_answers_in_html(self, api: KubeApi, http: aiohttp.ClientSession) -> None:
        api.faults.add(Fault(body=b"<html>", content_type="text/html", status=502))
        async with http.get(PATH) as response:
            assert (response.status, response.content_type, await response.read()) == (
                502,
                "text/html",
                b"<html>",
            )

    async def test_an_empty_answer(self, api: KubeApi, http: aiohttp.ClientSession) -> None:
        api.faults.add(Fault(empty=True))
        async with http.get(PATH) as response:
            assert (response.status, await response.read()) == (200, b"")

    async def test_latency_lasts_until_it_is_cleared(self, api: KubeApi, http: aiohttp.ClientSession) -> None:
        api.faults.add(Fault(latency=30.0))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(read(http), 0.1)
        api.faults.clear()
        assert (await read(http))[0] == 200

    async def test_a_user_alone_is_hit(self, api: KubeApi, http: aiohttp.ClientSession) -> None:
        token = api.add_user("unlucky")
        api.faults.add(Fault(user="unlucky", status=403))
        headers = {"Authorization": f"Bearer {token}"}
        async with http.get(PATH, headers=headers) as response:
            assert response.status == 403
        assert (await read(http))[0] == 200

    async def test_a_stream_is_cut_in_the_middle(self, api: KubeApi, http: aiohttp.ClientSession) -> None:
        add(api, "a", "b", "c")
        api.faults.add(Fault(verb="watch", cut_after=2))
        async with http.get(PATH, params={"watch": "1"}) as response:
            lines = [await response.content.readline() for _ in range(2)]
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.content.readline()
        assert told([json.loads(line) for line in lines]) == ["ADDED a", "ADDED b"]

    async def test_a_stream_expires_in_the_middle(self, api: KubeApi, http: aiohttp.ClientSession) -> None:
        add(api, "a", "b")
        api.faults.add(Fault(verb="watch", expire_after=1))
        first, last = await stream(http, 3)
        assert (told([first]), last["type"], last["object"]["code"]) == (["ADDED a"], "ERROR", 410)

    async def test_a_half_closed_stream_says_nothing_any_more(
        self, api: KubeApi, http: aiohttp.ClientSession
    ) -> None:
        add(api, "a", "b")
        api.faults.add(Fault(verb="watch", cut_after=1, half_close=True))
        async with http.get(PATH, params={"watch": "1", "allowWatchBookmarks": "1"}) as response:
            assert told([json.loads(await response.content.readline())]) == ["ADDED a"]
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(response.content.readline(), 0.2)

    async def test_a_huge_line_is_one_valid_event(self, api: KubeApi, http: aiohttp.ClientSession) -> None:
        api.faults.add(Fault(verb="watch", huge_line=5_000_000))
        async with http.get(PATH, params={"watch": "1", "timeoutSeconds": "1"}) as response:
            content = await response.read()
        assert len(content) > 5_000_000
        assert told([json.loads(content)]) == ["ADDED huge"]

    async def test_events_repeat_and_come_late(self, api: KubeApi, http: aiohttp.ClientSession) -> None:
        add(api, "a", "b")
        api.faults.add(Fault(verb="watch", duplicate=True, times=1))
        assert told(await stream(http, 4)) == ["ADDED a", "ADDED a", "ADDED b", "ADDED b"]
        api.faults.add(Fault(verb="watch", stale=True))
        assert told(await stream(http, 3)) == ["ADDED a", "ADDED a", "ADDED b"]


async def test_stopping_ends_the_watches(http: aiohttp.ClientSession, api: KubeApi) -> None:
    async with http.get(PATH, params={"watch": "1"}) as response:
        stopped = asyncio.create_task(api.stop())
        assert await asyncio.wait_for(response.content.read(), 10) == b""
        await stopped


@pytest.mark.virtual_time
@pytest.mark.parametrize("beats", [1, 2, 5])
async def test_a_bookmark_does_not_overtake_a_change_of_the_same_moment(beats: int) -> None:
    async with KubeApi(bookmark_seconds=60) as api, aiohttp.ClientSession(api.url) as http:
        query = {"watch": "1", "allowWatchBookmarks": "true", "resourceVersion": str(api.store.rv)}
        async with http.get(PATH, params=query) as response:
            await asyncio.sleep(60 * beats)
            add(api, "late")
            await asyncio.sleep(30)
            events = [json.loads(await response.content.readline()) for _ in range(beats + 1)]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(versions)
    at = next(index for index, event in enumerate(events) if event["type"] == "ADDED")
    assert all(version < versions[at] for version in versions[:at])

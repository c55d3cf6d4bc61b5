"""How a client follows a collection: lists, pages, versions, watches, bookmarks, and what expires."""

import asyncio
import base64
import json
from contextlib import aclosing

import pytest

from tests.support.api import Api, Object

LABELS = {"owner": "test"}
OURS = "owner=test"


async def make(api: Api, *names: str) -> list[Object]:
    """Create Secrets that carry LABELS, in order: of them no controller makes any."""
    return [await api.made("secrets", secret(name)) for name in names]


def secret(name: str, **data: str) -> Object:
    """Return a Secret that carries LABELS."""
    return {"metadata": {"name": name, "labels": LABELS}, "stringData": data}


async def change(api: Api, name: str, value: str) -> None:
    """Change the content of a Secret."""
    await api.patch(api.path("secrets", name), {"stringData": {"n": value}})


def told(events: list[Object]) -> list[tuple[str, str]]:
    """Say what happened to whom."""
    return [(event["type"], event["object"]["metadata"]["name"]) for event in events]


class TestList:
    async def test_items_are_ordered_by_name_and_carry_no_kind_of_their_own(self, api: Api) -> None:
        await make(api, "b", "a", "c")
        reply = await api.get(api.path("secrets"), labelSelector=OURS)
        assert (reply.body["kind"], reply.body["apiVersion"]) == ("SecretList", "v1")
        assert reply.names == ["a", "b", "c"]
        assert all("kind" not in item for item in reply.body["items"])

    async def test_a_list_is_at_least_as_new_as_every_object_in_it(self, api: Api) -> None:
        made = await make(api, "a", "b")
        reply = await api.get(api.path("secrets"))
        assert int(reply.version) >= int(made[-1]["metadata"]["resourceVersion"])

    async def test_a_list_right_after_a_write_shows_the_write(self, api: Api) -> None:
        for name in ("a", "b", "c", "d"):
            await make(api, name)
            assert name in (await api.get(api.path("secrets"))).names

    async def test_an_empty_collection_is_an_empty_list(self, api: Api) -> None:
        assert (await api.get(api.path("pods"))).body["items"] == []

    async def test_a_namespace_nobody_made_is_an_empty_list(self, api: Api) -> None:
        reply = await api.get(api.path("pods", namespace="nowhere"))
        assert (reply.status, reply.names) == (200, [])

    async def test_a_list_over_all_namespaces_holds_those_of_each(self, api: Api) -> None:
        await make(api, api.namespace)
        reply = await api.get("/api/v1/secrets", labelSelector=OURS)
        assert (api.namespace, api.namespace) in {
            (item["metadata"]["namespace"], item["metadata"]["name"]) for item in reply.body["items"]
        }

    async def test_version_zero_is_served_from_what_the_server_has_at_hand(self, api: Api) -> None:
        await make(api, "a")
        reply = await api.until(
            lambda: api.get(api.path("secrets"), resourceVersion="0", labelSelector=OURS),
            lambda reply: reply.names == ["a"],
        )
        assert reply.status == 200

    async def test_an_exact_version_shows_the_past(self, api: Api) -> None:
        first = await make(api, "a")
        await make(api, "b")
        version = first[0]["metadata"]["resourceVersion"]
        reply = await api.get(
            api.path("secrets"),
            labelSelector=OURS,
            resourceVersion=version,
            resourceVersionMatch="Exact",
        )
        assert (reply.names, reply.version) == (["a"], version)

    async def test_a_version_that_is_not_a_number_is_refused(self, api: Api) -> None:
        reply = await api.get(api.path("secrets"), resourceVersion="soon")
        assert (reply.status, reply.reason) == (400, "BadRequest")

    async def test_a_version_match_without_a_version_is_refused(self, api: Api) -> None:
        reply = await api.get(api.path("secrets"), resourceVersionMatch="Exact")
        assert (reply.status, reply.reason) == (422, "Invalid")


class TestPages:
    async def test_pages_hold_every_item_once_at_one_version(self, api: Api) -> None:
        await make(api, "a", "b", "c", "d", "e")
        path = api.path("secrets")
        pages = [await api.get(path, limit=2, labelSelector=OURS)]
        await make(api, "bb")
        while token := pages[-1].meta.get("continue"):
            pages.append(await api.get(path, limit=2, labelSelector=OURS, **{"continue": token}))
        assert [page.names for page in pages] == [["a", "b"], ["c", "d"], ["e"]]
        assert len({page.version for page in pages}) == 1

    async def test_the_last_page_has_no_token_and_no_remainder(self, api: Api) -> None:
        await make(api, "a", "b")
        reply = await api.get(api.path("secrets"), limit=2, labelSelector=OURS)
        assert not reply.meta.get("continue")
        assert "remainingItemCount" not in reply.meta

    async def test_a_page_without_selector_says_how_many_remain(self, api: Api) -> None:
        await make(api, "a", "b", "c")
        everything = await api.get(api.path("secrets"))
        page = await api.get(api.path("secrets"), limit=1)
        assert page.meta["remainingItemCount"] == len(everything.names) - 1

    async def test_a_token_that_the_server_did_not_make_is_refused(self, api: Api) -> None:
        reply = await api.get(api.path("secrets"), limit=1, **{"continue": "nonsense"})
        assert (reply.status, reply.reason) == (400, "BadRequest")
        assert "continue key is not valid" in reply.body["message"]

    async def test_a_token_and_a_version_exclude_each_other(self, api: Api) -> None:
        await make(api, "a", "b")
        page = await api.get(api.path("secrets"), limit=1)
        reply = await api.get(
            api.path("secrets"), resourceVersion=page.version, **{"continue": page.meta["continue"]}
        )
        assert (reply.status, reply.reason) == (400, "BadRequest")


class TestWatch:
    async def test_a_watch_from_a_list_sees_each_later_change_once_and_in_order(self, api: Api) -> None:
        await make(api, "before")
        path = api.path("secrets")
        version = (await api.get(path)).version
        await make(api, "a")
        await change(api, "a", "1")
        await api.delete(api.path("secrets", "a"))
        await make(api, "b")
        events = await api.events(path, 4, resourceVersion=version, labelSelector=OURS)
        assert told(events) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a"), ("ADDED", "b")]
        versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
        assert versions == sorted(set(versions))
        assert versions[0] > int(version)

    async def test_an_open_watch_is_told_as_it_happens(self, api: Api) -> None:
        path = api.path("secrets")
        version = (await api.get(path)).version
        watching = asyncio.create_task(api.events(path, 20, resourceVersion=version, labelSelector=OURS))
        names = [f"n{number:02}" for number in range(20)]
        await make(api, *names)
        assert told(await watching) == [("ADDED", name) for name in names]

    async def test_an_event_carries_the_kind_and_a_deletion_the_last_state(self, api: Api) -> None:
        version = (await api.get(api.path("secrets"))).version
        made = await api.made("secrets", secret("a", n="1"))
        await api.delete(api.path("secrets", "a"))
        events = await api.events(api.path("secrets"), 2, resourceVersion=version, labelSelector=OURS)
        gone = events[1]["object"]
        assert {(event["object"]["apiVersion"], event["object"]["kind"]) for event in events} == {
            ("v1", "Secret")
        }
        assert gone["data"] == {"n": "MQ=="}
        assert int(gone["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])

    @pytest.mark.parametrize("query", [{}, {"resourceVersion": "0"}], ids=["unset", "zero"])
    async def test_without_a_version_a_watch_begins_with_what_exists(
        self, api: Api, query: dict[str, str]
    ) -> None:
        await make(api, "b", "a")
        watching = api.events(api.path("secrets"), 2, labelSelector=OURS, **query)
        assert sorted(told(await watching)) == [("ADDED", "a"), ("ADDED", "b")]

    async def test_an_object_that_leaves_the_selection_is_deleted_for_this_watch(self, api: Api) -> None:
        path = api.path("secrets")
        version = (await api.get(path)).version
        await make(api, "a")
        await api.patch(api.path("secrets", "a"), {"metadata": {"labels": {"owner": "other"}}})
        await change(api, "a", "1")
        await api.patch(api.path("secrets", "a"), {"metadata": {"labels": LABELS}})
        events = await api.events(path, 3, resourceVersion=version, labelSelector=OURS)
        assert told(events) == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "a")]

    async def test_one_object_is_watched_by_its_name(self, api: Api) -> None:
        path = api.path("secrets")
        version = (await api.get(path)).version
        await make(api, "a", "b")
        events = await api.all_events(path, resourceVersion=version, fieldSelector="metadata.name=b")
        assert told(events) == [("ADDED", "b")]

    async def test_the_server_ends_a_watch_after_the_seconds_asked_for(self, api: Api) -> None:
        version = (await api.get(api.path("pods"))).version
        async with asyncio.timeout(20):
            assert await api.all_events(api.path("pods"), seconds=1, resourceVersion=version) == []

    async def test_a_bookmark_moves_the_version_of_a_quiet_watch(self, api: Api) -> None:
        path = api.path("secrets")
        query = {"resourceVersion": (await api.get(path)).version, "labelSelector": OURS}
        await make(api, "a")
        stream = api.watch(path, timeoutSeconds=4, allowWatchBookmarks="true", **query)
        assert told([await anext(stream)]) == [("ADDED", "a")]
        other = await api.made("secrets", {"metadata": {"name": "unselected"}})
        bookmarks = [event async for event in stream]
        assert {event["type"] for event in bookmarks} == {"BOOKMARK"}
        last = bookmarks[-1]["object"]
        assert (last["kind"], last["apiVersion"]) == ("Secret", "v1")
        assert int(last["metadata"]["resourceVersion"]) >= int(other["metadata"]["resourceVersion"])

    async def test_two_watches_are_told_the_same(self, api: Api) -> None:
        path = api.path("secrets")
        version = (await api.get(path)).version
        watches = [
            asyncio.create_task(api.events(path, 3, resourceVersion=version, labelSelector=OURS))
            for _ in range(2)
        ]
        await make(api, "a", "b", "c")
        first, second = await asyncio.gather(*watches)
        assert first == second


class TestExpiry:
    """What lies before the history that a server keeps is gone, and it says so in two forms."""

    async def things(self, api: Api) -> str:
        """Make more objects of a new kind than the history holds; return its path."""
        path = await api.define("things")
        kind = {"apiVersion": f"{api.namespace}.example.org/v1", "kind": "Thing"}
        made = [
            await api.call("POST", path, {**kind, "metadata": {"name": f"n{number}"}}) for number in range(60)
        ]
        await api.forget(made[-1].version)
        return path

    async def test_a_watch_from_there_is_an_error_event(self, api: Api) -> None:
        path = await self.things(api)
        (event,) = await api.events(path, 1, resourceVersion="1")
        status = event["object"]
        assert (event["type"], status["kind"]) == ("ERROR", "Status")
        assert (status["code"], status["reason"]) == (410, "Expired")
        assert status["message"].startswith("too old resource version: 1 (")

    async def test_a_list_of_then_is_refused(self, api: Api) -> None:
        path = await self.things(api)
        reply = await api.get(path, resourceVersion="1", resourceVersionMatch="Exact")
        assert (reply.status, reply.reason) == (410, "Expired")

    async def test_a_page_that_belongs_to_then_is_refused_with_a_token_for_the_rest(self, api: Api) -> None:
        path = await self.things(api)
        token = token_of({"v": "meta.k8s.io/v1", "rv": 1, "start": "n20\0"})
        reply = await api.get(path, limit=10, **{"continue": token})
        assert (reply.status, reply.reason) == (410, "Expired")
        rest = await api.get(path, limit=500, **{"continue": reply.meta["continue"]})
        assert len(rest.names) > 10


def token_of(content: Object) -> str:
    """Return a continue token as the server makes it."""
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


INITIAL_EVENTS = {
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
}


class TestWatchList:
    """A watch that first streams what exists and marks the end of it, in place of a list."""

    async def test_the_initial_events_end_with_a_marked_bookmark(self, api: Api) -> None:
        await make(api, "a", "b")
        events = await api.events(api.path("secrets"), 3, labelSelector=OURS, **INITIAL_EVENTS)
        assert [event["type"] for event in events] == ["ADDED", "ADDED", "BOOKMARK"]
        end = events[-1]["object"]["metadata"]
        assert end["annotations"] == {"k8s.io/initial-events-end": "true"}
        newest = max(int(event["object"]["metadata"]["resourceVersion"]) for event in events[:2])
        assert int(end["resourceVersion"]) >= newest

    async def test_the_stream_goes_on_after_the_mark(self, api: Api) -> None:
        await make(api, "a")
        async with (
            asyncio.timeout(20),
            aclosing(api.watch(api.path("secrets"), labelSelector=OURS, **INITIAL_EVENTS)) as stream,
        ):
            await anext(stream)
            await anext(stream)
            await make(api, "b")
            assert told([await anext(stream)]) == [("ADDED", "b")]

    async def test_initial_events_need_a_version_match(self, api: Api) -> None:
        reply = await api.get(api.path("secrets"), watch="true", sendInitialEvents="true")
        assert (reply.status, reply.reason) == (422, "Invalid")

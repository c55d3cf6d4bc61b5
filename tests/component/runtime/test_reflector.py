"""A reflector's copy is right in the end, whatever the server does, and the server is never hammered."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from addons.runtime.kube import KubeClient
from addons.runtime.objects import ObjectMeta
from addons.runtime.reflector import Reflector
from addons.runtime.store import Change
from tests.support.hostile import Answer, HostileServer, Request, Script, cut, hang, refusal, reply, stream
from tests.support.objects import SERVICES, Service, ServiceSpec
from tests.support.virtual import run_virtual

END = {"k8s.io/initial-events-end": "true"}


def service(name: str, version: int = 1, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "default", "uid": name, "resourceVersion": str(version)},
        "spec": spec,
    }


def event(kind: str, obj: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "object": obj}


def bookmark(version: int, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    meta = {"resourceVersion": str(version), "annotations": annotations}
    return event("BOOKMARK", {"kind": "Service", "metadata": meta})


def expired() -> dict[str, Any]:
    return event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})


def listed(*items: dict[str, Any], version: int = 10, more: str = "") -> Answer:
    return reply(200, {"metadata": {"resourceVersion": str(version), "continue": more}, "items": list(items)})


def serve(lists: list[Answer], watches: list[Answer]) -> Script:
    """Answer each list and each watch with the next of its answers, the last one for ever."""

    def script(request: Request) -> Answer:
        answers = watches if request.is_watch else lists
        return answers.pop(0) if len(answers) > 1 else answers[0]

    return script


@asynccontextmanager
async def reflecting(
    script: Script, directory: Path, **options: Any
) -> AsyncIterator[tuple[Reflector[Service], HostileServer]]:
    """A running reflector of Services, reading in pages unless told otherwise."""
    stopping = asyncio.Event()
    async with (
        HostileServer(script).running() as server,
        KubeClient.connect(server.kubeconfig(directory)) as kube,
        asyncio.TaskGroup() as group,
    ):
        options = {"watch_list": "off", "rng": Random(1), **options}
        reflector = Reflector(kube, SERVICES, Service, **options)
        group.create_task(reflector.run(stopping))
        yield reflector, server
        stopping.set()


def after(seconds: float, script: Script, directory: Path, **options: Any) -> "Seen":
    """What a reflector holds, and what its server was asked, `seconds` after the start."""

    async def main() -> Seen:
        changes: list[Change[Service]] = []
        async with reflecting(script, directory, on_change=changes.append, **options) as (reflector, server):
            await asyncio.sleep(seconds)
            return Seen(reflector, server.requests, changes)

    return run_virtual(main())


class Seen:
    """A reflector at one moment."""

    def __init__(
        self, reflector: Reflector[Service], requests: list[Request], changes: list[Change[Service]]
    ) -> None:
        self.names = sorted(found.metadata.name for found in reflector.store.all())
        self.reflector = reflector
        self.requests = list(requests)
        self.synced = reflector.synced
        self.fresh = reflector.is_fresh()
        self.last_error = reflector.last_error
        self.changes = [
            (change.old.metadata.name if change.old else "", change.new.metadata.name if change.new else "")
            for change in changes
        ]


QUIET = stream(then="hang")
PAGE_OF_HTML = reply(502, b"<html>bad gateway</html>", content_type="text/html")


class TestDeadServers:
    """A server that gives no use gets fewer than 2 requests a second, and does not bring us down."""

    @pytest.mark.parametrize(
        "answer",
        [
            reply(200, b""),
            reply(200, b"", content_type="application/octet-stream"),
            reply(200, b"[" * 100_000),
            PAGE_OF_HTML,
            reply(200, b"<html>", content_type="text/html"),
            reply(500, b"oops", content_type="text/plain"),
            refusal(410, "Expired"),
            refusal(503, "ServiceUnavailable"),
            stream(),
            stream(then="cut"),
            stream(then="half-close"),
            cut,
            hang,
        ],
    )
    @pytest.mark.parametrize("watch_list", ["auto", "on", "off"])
    def test_no_spin(self, tmp_path: Path, answer: Answer, watch_list: str) -> None:
        seen = after(60, lambda _: answer, tmp_path, watch_list=watch_list)
        assert 1 <= len(seen.requests) < 120 / 4
        assert not seen.synced
        assert not seen.fresh

    @pytest.mark.parametrize(
        "watch",
        [
            stream(),
            stream(b"<html>\n", content_type="text/html"),
            stream(event("ADDED", service("a", 11))),
            stream(expired()),
            stream(event("ERROR", {"code": 500, "reason": "InternalError"})),
            stream(then="cut"),
            stream(then="half-close"),
            stream(b"{not json\n"),
            stream(b"[" * 100_000 + b"\n"),
            refusal(410, "Expired"),
            refusal(429, "TooManyRequests"),
            PAGE_OF_HTML,
        ],
    )
    def test_no_spin_when_only_the_watch_fails(self, tmp_path: Path, watch: Answer) -> None:
        seen = after(60, serve([listed(service("a"))], [watch]), tmp_path)
        assert 2 <= len(seen.requests) < 120 / 2
        assert seen.names == ["a"]

    def test_a_list_whose_pages_never_end(self, tmp_path: Path) -> None:
        seen = after(60, lambda _: listed(service("a"), more="again"), tmp_path)
        assert len(seen.requests) < 60
        assert not seen.synced

    def test_a_list_without_a_version(self, tmp_path: Path) -> None:
        seen = after(60, lambda _: reply(200, {"items": []}), tmp_path)
        assert len(seen.requests) < 30
        assert "no resource version" in seen.last_error

    def test_a_refusal_is_asked_again_once_or_twice_a_minute(self, tmp_path: Path) -> None:
        seen = after(60, lambda _: refusal(403, "Forbidden", "may not list"), tmp_path)
        assert 2 <= len(seen.requests) <= 3
        assert "may not list" in seen.last_error

    def test_the_wait_that_the_server_asks_for_is_kept(self, tmp_path: Path) -> None:
        seen = after(60, lambda _: refusal(429, "TooManyRequests", retry_after=25), tmp_path)
        assert [round(request.at) for request in seen.requests] == [0, 25, 50]

    def test_a_wait_without_sense_is_cut_short(self, tmp_path: Path) -> None:
        seen = after(700, lambda _: refusal(429, "TooManyRequests", retry_after=10**9), tmp_path)
        assert [round(request.at) for request in seen.requests] == [0, 300, 600]


class TestRecovery:
    """When the server comes back, the copy becomes what the server holds."""

    @pytest.mark.parametrize(
        "trouble",
        [
            reply(200, b""),
            PAGE_OF_HTML,
            refusal(410, "Expired"),
            refusal(403, "Forbidden"),
            refusal(429, "TooManyRequests", retry_after=5),
            cut,
        ],
    )
    def test_of_the_list(self, tmp_path: Path, trouble: Answer) -> None:
        watch = stream(60.0, bookmark(11), 60.0, bookmark(12), then="hang")
        seen = after(130, serve([trouble, trouble, listed(service("a"))], [watch]), tmp_path)
        assert (seen.names, seen.synced, seen.last_error) == (["a"], True, "")

    @pytest.mark.parametrize("then", ["end", "cut", "half-close"])
    def test_of_the_watch_at_the_version_it_had_reached(self, tmp_path: Path, then: str) -> None:
        first = stream(event("ADDED", service("b", 11)), event("DELETED", service("a", 12)), then=then)
        second = stream(event("MODIFIED", service("b", 13, type="NodePort")), then="hang")
        seen = after(30, serve([listed(service("a"))], [first, second]), tmp_path)
        assert seen.names == ["b"]
        assert [request.query.get("resourceVersion") for request in seen.requests] == ["0", "10", "12"]
        assert seen.changes == [("", "a"), ("", "b"), ("a", ""), ("b", "b")]

    def test_a_bookmark_moves_the_version_on(self, tmp_path: Path) -> None:
        seen = after(30, serve([listed()], [stream(bookmark(99)), QUIET]), tmp_path)
        assert seen.requests[-1].query["resourceVersion"] == "99"

    @pytest.mark.parametrize("trouble", [stream(expired()), refusal(410, "Expired")])
    def test_an_expired_version_means_a_new_list_of_the_latest(self, tmp_path: Path, trouble: Answer) -> None:
        lists = [listed(service("a"), service("b")), listed(service("b"), service("c"), version=20)]
        seen = after(30, serve(lists, [trouble, QUIET]), tmp_path)
        assert seen.names == ["b", "c"]
        assert seen.changes[2:] == [("a", ""), ("", "c")]
        versions = [request.query.get("resourceVersion") for request in seen.requests]
        assert versions == ["0", "10", None, "20"]

    def test_expired_pages_are_replaced_by_one_list_without_pages(self, tmp_path: Path) -> None:
        def script(request: Request) -> Answer:
            if request.is_watch:
                return QUIET
            if "continue" in request.query:
                return refusal(410, "Expired")
            return listed(service("a"), more="token" if "limit" in request.query else "")

        seen = after(30, script, tmp_path)
        assert seen.names == ["a"]
        assert ["limit" in request.query for request in seen.requests] == [True, True, False, False]

    def test_a_silent_watch_is_taken_for_dead(self, tmp_path: Path) -> None:
        seen = after(300, serve([listed()], [stream(bookmark(11), then="hang"), QUIET]), tmp_path)
        assert 120 < seen.requests[2].at < 123


WRONG = {**service("wrong", 12), "spec": {"ports": "none"}}


class TestWrongObjects:
    """One object that cannot be read costs itself only."""

    def test_in_a_list(self, tmp_path: Path) -> None:
        nameless = {"metadata": 5}
        seen = after(5, serve([listed(service("a"), WRONG, nameless, service("b"))], [QUIET]), tmp_path)
        assert (seen.names, len(seen.requests)) == (["a", "b"], 2)

    def test_in_a_watch_it_stays_as_it_was_last_understood(self, tmp_path: Path) -> None:
        watch = stream(event("MODIFIED", WRONG), event("ADDED", service("b", 13)), then="hang")
        seen = after(5, serve([listed(service("wrong", type="NodePort"))], [watch]), tmp_path)
        assert seen.names == ["b", "wrong"]
        kept = seen.reflector.store.get("default", "wrong")
        assert kept is not None
        assert kept.spec.type == "NodePort"

    def test_and_in_a_new_list_as_well(self, tmp_path: Path) -> None:
        lists = [listed(service("wrong")), listed(WRONG, version=20)]
        seen = after(30, serve(lists, [stream(expired()), QUIET]), tmp_path)
        assert seen.names == ["wrong"]

    def test_a_stand_in_takes_its_place_where_there_is_one(self, tmp_path: Path) -> None:
        def stand_in(metadata: ObjectMeta, fault: str) -> Service:
            return Service(metadata=metadata, spec=ServiceSpec(type=fault))

        seen = after(5, serve([listed(service("a"), WRONG)], [QUIET]), tmp_path, stand_in=stand_in)
        assert seen.names == ["a", "wrong"]
        made = seen.reflector.store.get("default", "wrong")
        assert made is not None
        assert made.spec.type.startswith("Expected ")

    def test_its_deletion_is_understood(self, tmp_path: Path) -> None:
        watch = stream(event("DELETED", WRONG), then="hang")
        seen = after(5, serve([listed(service("wrong"))], [watch]), tmp_path)
        assert seen.names == []

    def test_a_null_is_no_wrong_object(self, tmp_path: Path) -> None:
        obj = service("a", ports=None, externalIPs=None, selector={"x": None})
        obj["metadata"] |= {"labels": None, "annotations": None}
        assert after(5, serve([listed(obj)], [QUIET]), tmp_path).names == ["a"]

    def test_a_line_of_5_mb_is_read(self, tmp_path: Path) -> None:
        big = service("big", 11)
        big["metadata"]["annotations"] = {"x": "y" * 5_000_000}
        seen = after(5, serve([listed()], [stream(event("ADDED", big), then="hang")]), tmp_path)
        assert seen.names == ["big"]

    @pytest.mark.parametrize("line", [b"x" * (17 * 1024 * 1024) + b"\n", b"{not json\n", b'{"type": "X"}\n'])
    def test_a_line_that_is_no_event_is_passed_by_a_new_list(self, tmp_path: Path, line: bytes) -> None:
        lists = [listed(service("a")), listed(service("b"), version=20)]
        seen = after(30, serve(lists, [stream(line, then="hang"), QUIET]), tmp_path)
        assert (seen.names, len(seen.requests)) == (["b"], 4)

    def test_an_event_from_before_does_not_undo_a_later_one(self, tmp_path: Path) -> None:
        watch = stream(
            event("DELETED", service("a", 12)),
            event("MODIFIED", service("a", 11)),
            event("ADDED", service("b", 12)),
            then="hang",
        )
        assert after(5, serve([listed(service("a"))], [watch]), tmp_path).names == []


class TestStreamedList:
    """The list comes as the first events of the watch, where the server can do that."""

    def test_it_is_complete_with_its_bookmark(self, tmp_path: Path) -> None:
        watch = stream(
            event("ADDED", service("a", 3)),
            event("ADDED", service("b", 2)),
            bookmark(5),
            event("DELETED", service("b", 6)),
            bookmark(9, END),
            event("ADDED", service("c", 10)),
            then="hang",
        )
        seen = after(5, serve([refusal(500, "never")], [watch]), tmp_path, watch_list="auto")
        assert (seen.names, seen.synced) == (["a", "c"], True)
        (request,) = seen.requests
        assert request.query["sendInitialEvents"] == "true"
        assert request.query["resourceVersionMatch"] == "NotOlderThan"
        assert "resourceVersion" not in request.query

    def test_half_of_it_is_not_shown(self, tmp_path: Path) -> None:
        half = stream(event("ADDED", service("a", 3)), then="cut")
        seen = after(0.5, serve([refusal(500, "never")], [half]), tmp_path, watch_list="auto")
        assert (seen.names, seen.synced) == ([], False)

    @pytest.mark.parametrize(
        "answer",
        [
            refusal(400, "BadRequest"),
            refusal(422, "Invalid"),
            stream(event("ADDED", service("a", 3))),
            stream(event("ADDED", service("a", 3)), then="hang"),
        ],
    )
    def test_a_server_without_it_is_read_in_pages_from_then_on(self, tmp_path: Path, answer: Answer) -> None:
        lists = [listed(service("a"))]
        watches = [answer, stream(expired()), QUIET]
        seen = after(60, serve(lists, watches), tmp_path, watch_list="auto")
        assert seen.names == ["a"]
        assert ["sendInitialEvents" in request.query for request in seen.requests] == [True] + [False] * 4

    def test_it_may_be_insisted_upon(self, tmp_path: Path) -> None:
        seen = after(60, lambda _: refusal(400, "BadRequest"), tmp_path, watch_list="on")
        assert all(request.is_watch for request in seen.requests)
        assert "no streamed list" in seen.last_error


class TestUse:
    """What the owner of a reflector sees."""

    def test_a_resting_server_makes_the_copy_stale_but_not_unreadable(self, tmp_path: Path) -> None:
        seen = after(181, serve([listed(service("a")), hang], [QUIET]), tmp_path)
        assert (seen.names, seen.synced, seen.fresh) == (["a"], True, False)

    @pytest.mark.parametrize("watch_list", ["off", "on"])
    def test_after_a_long_outage_a_list_makes_it_fresh_at_once(self, tmp_path: Path, watch_list: str) -> None:
        """The first bookmark of a watch would do so only after a minute."""

        def script(request: Request) -> Answer:
            if 10 <= request.at < 300:
                return refusal(503, "ServiceUnavailable")
            name, end = ("a", "cut") if request.at < 10 else ("b", "hang")
            if not request.is_watch:
                return listed(service(name), version=20)
            if "sendInitialEvents" in request.query:
                return stream(event("ADDED", service(name, 20)), bookmark(20, END), 10.0, then=end)
            return stream(10.0, then=end)

        assert not after(299, script, tmp_path, watch_list=watch_list).fresh
        seen = after(331, script, tmp_path, watch_list=watch_list)
        assert (seen.names, seen.fresh) == (["b"], True)
        assert "resourceVersion" not in seen.requests[-2 if watch_list == "off" else -1].query

    def test_after_a_short_outage_the_watch_goes_on(self, tmp_path: Path) -> None:
        trouble = [refusal(503, "ServiceUnavailable")] * 5
        seen = after(60, serve([listed(service("a")), hang], [*trouble, QUIET]), tmp_path)
        assert [request.is_watch for request in seen.requests] == [False, *[True] * 6]
        assert seen.fresh

    def test_a_watch_without_bookmarks_never_leaves_it_stale(self, tmp_path: Path) -> None:
        async def main() -> list[bool]:
            async with reflecting(serve([listed()], [QUIET]), tmp_path) as (reflector, _):
                await reflector.wait_synced()
                fresh = []
                for _ in range(1000):
                    await asyncio.sleep(1)
                    fresh.append(reflector.is_fresh())
                return fresh

        assert all(run_virtual(main()))

    def test_bookmarks_keep_it_fresh(self, tmp_path: Path) -> None:
        hourly = [part for minute in range(59) for part in (60.0, bookmark(11 + minute))]
        seen = after(3530, serve([listed()], [stream(*hourly, then="hang")]), tmp_path)
        assert seen.fresh
        assert len(seen.requests) == 2

    def test_objects_may_be_shrunk_or_dropped(self, tmp_path: Path) -> None:
        def nodeports(found: Service) -> Service | None:
            return found if found.spec.type == "NodePort" else None

        watch = stream(event("MODIFIED", service("b", 11)), then="hang")
        items = (service("a"), service("b", type="NodePort"), service("c", type="NodePort"))
        seen = after(5, serve([listed(*items)], [watch]), tmp_path, transform=nodeports)
        assert seen.names == ["c"]

    def test_objects_are_found_by_index(self, tmp_path: Path) -> None:
        watch = stream(event("MODIFIED", service("b", 11, type="NodePort")), then="hang")
        indexers = {"type": lambda found: (found.spec.type,)}
        seen = after(5, serve([listed(service("a"), service("b"))], [watch]), tmp_path, indexers=indexers)
        store = seen.reflector.store
        assert [found.metadata.name for found in store.by("type", "NodePort")] == ["b"]
        assert [found.metadata.name for found in store.by("type", "ClusterIP")] == ["a"]
        assert store.by("type", "ExternalName") == ()

    def test_selectors_and_namespace_reach_the_server(self, tmp_path: Path) -> None:
        options = {"namespace": "n", "label_selector": "a=b", "field_selector": "metadata.name=x"}
        seen = after(5, serve([listed()], [QUIET]), tmp_path, **options)
        for request in seen.requests:
            assert request.path == "/api/v1/namespaces/n/services"
            assert request.query["labelSelector"] == "a=b"
            assert request.query["fieldSelector"] == "metadata.name=x"

    def test_watches_end_at_different_times(self, tmp_path: Path) -> None:
        seen = after(1000, serve([listed()], [stream(bookmark(11), then="hang")]), tmp_path)
        limits = {int(request.query["timeoutSeconds"]) for request in seen.requests if request.is_watch}
        assert len(limits) > 3
        assert all(300 <= limit <= 600 for limit in limits)

    @pytest.mark.parametrize("watch_list", ["off", "on"])
    def test_many_objects_leave_turns_for_the_others(self, tmp_path: Path, watch_list: str) -> None:
        items = [service(f"s{number}", number + 1) for number in range(1000)]
        events = b"".join(json.dumps(event("ADDED", item)).encode() + b"\n" for item in items)
        script = serve([listed(*items)], [stream(events, bookmark(2000, END), then="hang")])

        async def main() -> int:
            turns = 0
            async with reflecting(script, tmp_path, watch_list=watch_list, transform=seen.append) as running:
                while len(seen) < 1000:
                    turns += bool(seen)
                    await asyncio.sleep(0)
                del running
            return turns

        seen: list[Service] = []
        assert run_virtual(main()) >= 9

    def test_it_stops_when_asked(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with asyncio.timeout(1), reflecting(serve([listed()], [QUIET]), tmp_path) as (reflector, _):
                await reflector.wait_synced()

        run_virtual(main())

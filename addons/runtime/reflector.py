"""A local copy of one resource, kept true by a list and then a watch, whatever the server does.

One failed round costs a wait that grows, never the copy: it stays readable, and `staleness` tells how old it
may be. A wrong object costs one warning, never its neighbours.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing
from random import Random
from typing import Generic, Literal, TypeVar

import msgspec
from msgspec import Raw
from prometheus_client import Counter, Gauge

from addons.runtime.backoff import Backoff
from addons.runtime.decoding import decode
from addons.runtime.errors import Denied, Expired, Invalid, NotFound, OutsideError, Unavailable
from addons.runtime.kube import PAGE_SIZE, KubeClient
from addons.runtime.kube_errors import Status, status_error
from addons.runtime.objects import Key, KubeObject, ObjectMeta, Part, Resource, key
from addons.runtime.store import Change, Indexer, Store
from addons.runtime.transport import LineTooLong
from addons.runtime.unread_objects import bare_type

log = logging.getLogger(__name__)

O = TypeVar("O", bound=KubeObject)  # noqa: E741

_INITIAL_EVENTS_END = "k8s.io/initial-events-end"
_FRESH_SECONDS = 180.0
_LATE_SECONDS = 90.0  # a bookmark is missing, and that of a new watch could come too late for _FRESH_SECONDS
_YIELD_EVERY = 100  # objects; about 3 ms without a turn for the others
_BRIEF_SECONDS = 1.0
_STREAMED_LIST_SILENCE = 10.0
_WATCH_SECONDS = (300, 600)
_REFUSED_SECONDS = (15.0, 25.0)
_LONGEST_REST = 25.0

_OBJECTS = Gauge("addons_kube_reflector_objects", "Objects held.", ["resource"])
_SYNCED = Gauge("addons_kube_reflector_synced", "1 once the resource was seen whole.", ["resource"])
_STALENESS = Gauge(
    "addons_kube_reflector_staleness_seconds", "Seconds since the server was last heard.", ["resource"]
)
_ROUNDS = Counter("addons_kube_reflector_rounds_total", "Lists and watches begun.", ["resource", "verb"])
_EVENTS = Counter("addons_kube_reflector_events_total", "Events received.", ["resource", "type"])
_FAILURES = Counter("addons_kube_reflector_failures_total", "Failed rounds.", ["resource", "cause"])
_UNREADABLE = Counter("addons_kube_reflector_unreadable_total", "Objects not understood.", ["resource"])


StandIn = Callable[[ObjectMeta, str], O]


class _Event(Part, frozen=True):
    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
    object: Raw


class _NoStreamedList(Exception):
    """The server does not send lists as a stream."""


class Reflector(Generic[O]):
    """Keeps `store` equal to what the API server holds of one resource.

    `transform` may shrink an object or drop it (None) before it is kept. `stand_in` makes, of its metadata
    and the fault, what is kept of an object that cannot be read; without it that stays as it was.
    `on_change` is called after each change of the store and should only wake somebody. `watch_list` chooses
    between a list in pages and one that is streamed by the watch; "auto" prefers the stream and goes back to
    pages for good once the server shows that it has none.
    """

    def __init__(
        self,
        kube: KubeClient,
        resource: Resource,
        type_: type[O],
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        page_size: int = PAGE_SIZE,
        indexers: Mapping[str, Indexer[O]] = {},
        transform: Callable[[O], O | None] | None = None,
        stand_in: StandIn[O] | None = None,
        on_change: Callable[[Change[O]], None] | None = None,
        watch_list: Literal["auto", "on", "off"] = "auto",
        rng: Random | None = None,
    ) -> None:
        self.store: Store[O] = Store(indexers)
        self.last_error = ""
        self.refused = False
        """True while the server says that we may not read the resource, or that it has none of that name."""
        self.missing = False
        """True while the server says that it has no such resource."""
        self._kube = kube
        self._resource = resource
        self._type = type_
        self._bare = bare_type(type_)
        self._namespace = namespace
        self._label_selector = label_selector
        self._field_selector = field_selector
        self._page_size = page_size
        self._transform = transform
        self._stand_in = stand_in
        self._on_change = on_change
        self._watch_list = watch_list
        self._rng = rng or Random()  # noqa: S311
        self._backoff = Backoff(self._rng, longest=_LONGEST_REST)
        self._version = ""  # of the last thing heard; empty: everything has to be seen anew
        self._synced = asyncio.Event()
        self._answered = asyncio.Event()
        self._heard_at = float("-inf")
        self._clock: Callable[[], float] = float

    @property
    def synced(self) -> bool:
        """True once the resource was seen whole; it stays true while the server is away."""
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        """Return when `synced` is true."""
        await self._synced.wait()

    async def wait_answered(self) -> None:
        """Return when `synced` is true, or the server has refused the resource at least once."""
        await self._answered.wait()

    @property
    def answered(self) -> bool:
        """True once `wait_answered` has returned."""
        return self._answered.is_set()

    def staleness(self) -> float:
        """Seconds since the server sent objects, an event or a bookmark; infinite before the first."""
        return self._clock() - self._heard_at

    def is_fresh(self, limit: float = _FRESH_SECONDS) -> bool:
        """Whether the store may be acted upon: bookmarks come each minute, three missing mean trouble."""
        return self.synced and self.staleness() <= limit

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep the store true until `stopping` is set."""
        self._clock = asyncio.get_running_loop().time
        _STALENESS.labels(self._resource).set_function(self.staleness)
        async with asyncio.TaskGroup() as group:
            following = group.create_task(self._follow())
            await stopping.wait()
            following.cancel()

    async def _follow(self) -> None:
        """Round after round; every failure is answered by a wait, and a lost place by seeing all anew."""
        while True:
            try:
                await self._round()
            except (OutsideError, LineTooLong, msgspec.MsgspecError) as error:
                if isinstance(error, Expired) or not isinstance(error, OutsideError):
                    self._version = ""
                await self._rest(error)

    async def _round(self) -> None:
        """Watch from where we are, or see everything first, as is also done after a while without news.

        A watch that is accepted does not prove the copy: the server may still say in its stream that our
        version has expired, and while nothing happens the first bookmark comes only after a minute.
        """
        if self.staleness() > _LATE_SECONDS:
            self._version = ""
        if self._version:
            await self._watch()
        elif self._watch_list == "off":
            await self._list()
        else:
            try:
                await self._watch(listing={})
            except (_NoStreamedList, TimeoutError, Invalid, NotFound) as error:
                if self._watch_list == "on":
                    raise Unavailable(f"watch {self._resource}: no streamed list: {error}") from error
                log.info("lists of %s come in pages: the server does not stream them", self._resource)
                self._watch_list = "off"

    async def _rest(self, error: Exception) -> None:
        """Wait before the next round: longer each time, as long as the server asks, long when it refuses."""
        self.refused = isinstance(error, Denied | NotFound | Invalid)
        self.missing = isinstance(error, NotFound)
        wait = self._backoff.next(self._clock())
        if self.refused:
            self._answered.set()
            wait = max(wait, self._rng.uniform(*_REFUSED_SECONDS))
        if isinstance(error, OutsideError) and error.retry_after:
            wait = max(wait, error.retry_after)
        self.last_error = str(error)
        _FAILURES.labels(self._resource, type(error).__name__).inc()
        log.warning("%s; next try in %.1f s", error, wait)
        await asyncio.sleep(wait)

    async def _list(self) -> None:
        """See everything in pages. Pages that expire meanwhile are replaced by one list without pages.

        Only the first list may be of any version the server has at hand; a later one could go back in time.
        """
        objects: dict[Key, O] = {}
        try:
            version = await self._read_pages(objects, self._page_size, "" if self.synced else "0")
        except Expired:
            objects.clear()
            version = await self._read_pages(objects, 0, "")
        self._replace(objects, version)

    async def _read_pages(self, objects: dict[Key, O], limit: int, version: str) -> str:
        """Gather the objects of all pages; returns the version that they show."""
        _ROUNDS.labels(self._resource, "list").inc()
        token = ""
        while True:
            page = await self._kube.list_page(
                self._resource,
                namespace=self._namespace,
                label_selector=self._label_selector,
                field_selector=self._field_selector,
                limit=limit,
                continue_=token,
                resource_version=version,
            )
            for number, item in enumerate(page.items, start=1):
                self._gather(item, objects)
                if number % _YIELD_EVERY == 0:
                    await asyncio.sleep(0)
            if not page.metadata.continue_:
                return page.metadata.resource_version
            if page.metadata.continue_ == token:
                raise Unavailable(f"list {self._resource}: the same page again")
            token = page.metadata.continue_

    async def _watch(self, listing: dict[Key, O] | None = None) -> None:
        """Follow the changes until the server ends the watch.

        With `listing` the present objects come first and are gathered there; a bookmark completes them.
        Raises TimeoutError when they stop coming before it.
        """
        _ROUNDS.labels(self._resource, "watch").inc()
        began = self._clock()
        stream = self._kube.watch(
            self._resource,
            namespace=self._namespace,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
            resource_version=self._version,
            timeout_seconds=self._rng.randint(*_WATCH_SECONDS),
            initial_events=listing is not None,
        )
        patience = None if listing is None else _STREAMED_LIST_SILENCE
        async with asyncio.timeout(patience) as limit, aclosing(stream) as lines:
            number = 0
            async for line in lines:
                listing = self._take(decode(line, _Event), listing)
                limit.reschedule(None if listing is None else self._clock() + _STREAMED_LIST_SILENCE)
                number += 1
                if number % _YIELD_EVERY == 0:
                    await asyncio.sleep(0)
        if listing is not None:
            raise _NoStreamedList("the watch ended without one")
        if self._clock() - began < _BRIEF_SECONDS:
            raise Unavailable(f"watch {self._resource}: ended at once")

    def _take(self, event: _Event, listing: dict[Key, O] | None) -> dict[Key, O] | None:
        """Take in one event; returns the listing, or None once it is complete."""
        _EVENTS.labels(self._resource, event.type).inc()
        if event.type == "ERROR":
            raise status_error(f"watch {self._resource}", decode(event.object, Status))
        self._hear()
        if event.type == "BOOKMARK":
            return self._pass_bookmark(decode(event.object, KubeObject).metadata, listing)
        if event.type == "DELETED":
            meta, obj = decode(event.object, KubeObject).metadata, None
        else:
            meta, obj = self._read(event.object)
        if listing is None:
            self._change(meta, obj)
        elif obj is not None:
            listing[key(obj)] = obj
        else:
            listing.pop((meta.namespace, meta.name), None)
        return listing

    def _pass_bookmark(self, meta: ObjectMeta, listing: dict[Key, O] | None) -> dict[Key, O] | None:
        """Move on to the version of a bookmark, unless a listing is still incomplete."""
        if listing is None:
            self._version = meta.resource_version or self._version
            return None
        if meta.annotations.get(_INITIAL_EVENTS_END) != "true":
            return listing
        self._replace(listing, meta.resource_version)
        return None

    def _change(self, meta: ObjectMeta, obj: O | None) -> None:
        """Bring one change into the store, unless it is one from before, which would undo a later one."""
        if _is_not_after(meta.resource_version, self._version):
            return
        self._version = meta.resource_version or self._version
        self._tell(self.store.discard((meta.namespace, meta.name)) if obj is None else self.store.put(obj))

    def _replace(self, objects: Mapping[Key, O], version: str) -> None:
        """Hold exactly `objects`, which are the state at `version`."""
        if not version:
            raise Unavailable(f"list {self._resource}: it has no resource version")
        self._version = version
        changes = self.store.replace(objects)
        self._hear()
        self._synced.set()
        self._answered.set()
        _SYNCED.labels(self._resource).set(1)
        _OBJECTS.labels(self._resource).set(len(self.store))
        for change in changes:
            self._tell(change)

    def _tell(self, change: Change[O] | None) -> None:
        _OBJECTS.labels(self._resource).set(len(self.store))
        if change is not None and self._on_change is not None:
            self._on_change(change)

    def _gather(self, item: Raw, objects: dict[Key, O]) -> None:
        """Add one item of a list, unless not even its name can be read."""
        try:
            _, obj = self._read(item)
        except msgspec.MsgspecError:
            return
        if obj is not None:
            objects[key(obj)] = obj

    def _read(self, raw: Raw) -> tuple[ObjectMeta, O | None]:
        """An object's metadata, and what is kept of it.

        One that cannot be read costs a warning, and has a stand-in or stays as it was last understood. Raises
        MsgspecError when not even its name can be read.
        """
        try:
            obj = decode(raw, self._type)
        except msgspec.MsgspecError as error:
            _UNREADABLE.labels(self._resource).inc()
            log.warning("1 object of %s cannot be read: %s", self._resource, error)
            meta = decode(raw, self._bare).metadata
            if self._stand_in:
                return meta, self._stand_in(meta, str(error))
            log.warning("%s/%s of %s stays as it was", meta.namespace, meta.name, self._resource)
            return meta, self.store.get(meta.namespace, meta.name)
        return obj.metadata, obj if self._transform is None else self._transform(obj)

    def _hear(self) -> None:
        self._heard_at = self._clock()
        self.last_error, self.refused, self.missing = "", False, False


def _is_not_after(version: str, place: str) -> bool:
    """Whether a version is one from before; they are numbers that grow, wherever they are numbers at all."""
    return version.isdecimal() and place.isdecimal() and int(version) <= int(place)

"""Where objects lie: encoded bytes per object, one table and one history per resource."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Literal

import msgspec

from addons.sim.kubeapi.resources import Object, Resource
from addons.sim.kubeapi.selectors import Test, field_values
from addons.sim.kubeapi.status import expired

EventType = Literal["ADDED", "MODIFIED", "DELETED"]

encode = msgspec.json.encode


def decode(raw: bytes) -> Object:
    """The object in these bytes; every call gives a fresh one, so that nobody shares what he may change."""
    obj: Object = msgspec.json.decode(raw)
    return obj


class Entry:
    """One version of one object, never changed: its bytes, and what selectors ask about it."""

    __slots__ = ("_bare", "api_version", "fields", "labels", "name", "namespace", "raw", "rv", "uid")

    def __init__(self, resource: Resource, obj: Object) -> None:
        metadata = obj["metadata"]
        self.api_version = resource.api_version
        self.namespace: str = metadata.get("namespace", "")
        self.name: str = metadata["name"]
        self.uid: str = metadata["uid"]
        self.rv = int(metadata["resourceVersion"])
        self.labels: Mapping[str, str] = metadata.get("labels") or {}
        self.fields = field_values(resource.key, obj)
        self.fields["metadata.name"] = self.name
        self.fields["metadata.namespace"] = self.namespace
        head = encode({"kind": resource.kind, "apiVersion": resource.api_version})[:-1] + b","
        rest = {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}
        self.raw = head + encode(rest)[1:]
        self._bare = len(head)

    def load(self) -> Object:
        """The object, decoded afresh."""
        return decode(self.raw)

    @property
    def bare(self) -> bytes:
        """The bytes without kind and apiVersion, as lists of built-in kinds carry their items."""
        return b"{" + self.raw[self._bare :]


class Event:
    """One change: the entry after it, and the one before (None for a creation)."""

    __slots__ = ("entry", "old", "rv", "type")

    def __init__(self, kind: EventType, entry: Entry, old: Entry | None) -> None:
        self.type = kind
        self.entry = entry
        self.old = old
        self.rv = entry.rv


class Filter:
    """What one list or watch wants to see: a namespace (empty: all), label tests and field tests."""

    def __init__(self, namespace: str = "", labels: Iterable[Test] = (), fields: Iterable[Test] = ()) -> None:
        self.namespace = namespace
        self._labels = tuple(labels)
        self._fields = tuple(fields)

    def __call__(self, entry: Entry | None) -> bool:
        """Whether an entry is there and wanted."""
        return (
            entry is not None
            and (not self.namespace or entry.namespace == self.namespace)
            and all(test(entry.labels) for test in self._labels)
            and all(test(entry.fields) for test in self._fields)
        )

    def seen_as(self, event: Event) -> EventType | None:
        """What a change looks like through the filter: what stops matching is deleted for the watcher."""
        after = event.type != "DELETED" and self(event.entry)
        before = self(event.old)
        if after:
            return "MODIFIED" if before else "ADDED"
        return "DELETED" if before else None


class Watcher:
    """The changes of one table that one client has not been sent yet."""

    def __init__(self, backlog: Iterable[Event], leave: Callable[[Watcher], None]) -> None:
        self._pending = deque(backlog)
        self._leave = leave
        self._wake = asyncio.Event()
        self.closed = False
        if self._pending:
            self._wake.set()

    def push(self, event: Event) -> None:
        """Hand over one more change."""
        self._pending.append(event)
        self._wake.set()

    def close(self) -> None:
        """End the stream; the reader sees `closed`."""
        self.closed = True
        self._leave(self)
        self._wake.set()

    @property
    def is_behind(self) -> bool:
        """Whether there are changes that the client has not been sent."""
        return bool(self._pending)

    async def take(self, seconds: float) -> list[Event]:
        """All pending changes, or what there is after so many seconds or on close: perhaps nothing."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        events = list(self._pending)
        self._pending.clear()
        if not self.closed:
            self._wake.clear()
        return events


class Table:
    """Objects of one resource by namespace and name, and the latest `history` changes to them."""

    def __init__(self, history: int) -> None:
        self._spaces: dict[str, dict[str, Entry]] = {}
        self._events: deque[Event] = deque(maxlen=history)
        self._floor = 0
        self._snapshot: tuple[tuple[int, int, str], list[Entry]] | None = None
        self.watchers: set[Watcher] = set()

    def get(self, namespace: str, name: str) -> Entry | None:
        """The present version of one object."""
        return self._spaces.get(namespace, {}).get(name)

    def apply(self, event: Event) -> None:
        """Make a change visible: to readers, in the history, and to every watcher."""
        entry = event.entry
        if event.type == "DELETED":
            self._spaces[entry.namespace].pop(entry.name)
        else:
            self._spaces.setdefault(entry.namespace, {})[entry.name] = entry
        if len(self._events) == self._events.maxlen:
            self._floor = self._events[0].rv if self._events else event.rv
        self._events.append(event)
        self._snapshot = None
        for watcher in self.watchers:
            watcher.push(event)

    def compact(self, rv: int) -> None:
        """Forget the history up to now: older watches and continue tokens get 410."""
        self._events.clear()
        self._snapshot = None
        self._floor = rv

    def entries(self, namespace: str = "", at: int | None = None) -> list[Entry]:
        """Objects sorted by namespace and name, now or `at` a resource version; 410 when forgotten."""
        last = self._events[-1].rv if self._events else self._floor
        at = last if at is None else min(at, last)
        key = (at, last, namespace)
        if self._snapshot is None or self._snapshot[0] != key:
            self._snapshot = (key, self._rebuild(namespace, at))
        return self._snapshot[1]

    def _rebuild(self, namespace: str, at: int) -> list[Entry]:
        self._check(at)
        spaces = [namespace] if namespace else list(self._spaces)
        state = {(space, name): e for space in spaces for name, e in self._spaces.get(space, {}).items()}
        for event in reversed(self._events):
            if event.rv <= at:
                break
            if namespace and event.entry.namespace != namespace:
                continue
            key = (event.entry.namespace, event.entry.name)
            if event.old is None:
                state.pop(key, None)
            else:
                state[key] = event.old
        return [state[key] for key in sorted(state)]

    def since(self, rv: int) -> list[Event]:
        """Changes after a resource version, oldest first; 410 when some are forgotten."""
        self._check(rv)
        fresh = []
        for event in reversed(self._events):
            if event.rv <= rv:
                break
            fresh.append(event)
        return fresh[::-1]

    def watch(self, backlog: Iterable[Event] = ()) -> Watcher:
        """A watcher that sees the backlog and then every change from now on."""
        watcher = Watcher(backlog, self.watchers.discard)
        self.watchers.add(watcher)
        return watcher

    def _check(self, rv: int) -> None:
        if rv < self._floor:
            raise expired(f"too old resource version: {rv} ({self._floor})")

"""Kubernetes Events: what a user reads under `kubectl describe`. They inform; nothing ever waits for them."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal

from prometheus_client import Counter

from addons.runtime.backoff import Backoff
from addons.runtime.clock import rfc3339_micro, utc_now
from addons.runtime.errors import NotFound, OutsideError, Throttled, Unavailable
from addons.runtime.kube import KubeClient
from addons.runtime.objects import EVENTS
from addons.runtime.outcomes import ObjectRef

log = logging.getLogger(__name__)

_SERIES = timedelta(minutes=6)
_LONGEST_NOTE = 1024
_QUEUE_LIMIT = 1000
_KNOWN_LIMIT = 4096
_BURST = 25.0
_RESERVE = 10.0
_REFILL = timedelta(minutes=5)
_FLUSH_SECONDS = 3.0

_SENT = Counter("addons_kube_events_sent_total", "Events written.", ["verb"])
_DROPPED = Counter("addons_kube_events_dropped_total", "Events not written.", ["cause"])


@dataclass(frozen=True, slots=True)
class _Key:
    """What makes two events the same. The note counts: a second fault of an object is news."""

    ref: ObjectRef
    uid: str
    type: str
    reason: str
    action: str
    note: str


@dataclass(slots=True)
class _Entry:
    """An event and how often it was seen; `name` is that of the Event object once there is one."""

    first: datetime
    last: datetime
    count: int = 1
    name: str = ""


class EventRecorder:
    """Writes events (events.k8s.io/v1) about objects, as `component` on the replica `instance`.

    A repetition within 6 minutes raises the count of the Event that is there. One object may cause 25
    requests at once and one every 5 minutes, the last 10 of them only by warnings; beyond that repetitions
    are only counted. What does not fit into the queue is dropped.
    """

    def __init__(
        self,
        kube: KubeClient,
        *,
        component: str,
        instance: str,
        now: Callable[[], datetime] = utc_now,
        rng: Random | None = None,
    ) -> None:
        self._kube = kube
        self._component = component
        self._instance = instance
        self._now = now
        self._rng = rng or Random()  # noqa: S311
        self._known: OrderedDict[_Key, _Entry] = OrderedDict()
        self._budgets: OrderedDict[ObjectRef, tuple[float, datetime]] = OrderedDict()
        self._queue: dict[_Key, None] = {}
        self._waiting = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def event(
        self,
        ref: ObjectRef,
        *,
        type: Literal["Normal", "Warning"] = "Normal",  # noqa: A002
        reason: str,
        action: str,
        message: str,
    ) -> None:
        """Note that something happened to an object. Never waits and never fails."""
        key = _Key(ref, ref.uid, type, reason, action, shortened(message, _LONGEST_NOTE))
        if key in self._known:
            self._count(key)
        if key in self._queue:
            return
        if len(self._queue) >= _QUEUE_LIMIT:
            _DROPPED.labels("overflow").inc()
        elif not self._spend(ref, keep=0.0 if type == "Warning" else _RESERVE):
            _DROPPED.labels("spam").inc()
        else:
            if key not in self._known:
                self._count(key)  # what is never written does not displace what is
            self._queue[key] = None
            self._waiting.set()
            self._empty.clear()

    async def run(self, stopping: asyncio.Event) -> None:
        """Write events until `stopping` is set, and for a few seconds more what is still queued then."""
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(self._send_all())
            await stopping.wait()
            try:
                async with asyncio.timeout(_FLUSH_SECONDS):
                    await self._empty.wait()
            except TimeoutError:
                _DROPPED.labels("stop").inc(len(self._queue))
            sending.cancel()

    def _count(self, key: _Key) -> None:
        """Know about an event: again, or anew when the last time is too long ago."""
        now = self._now()
        entry = self._known.get(key)
        if entry is not None and now - entry.last < _SERIES:
            entry.count += 1
            entry.last = now
        else:
            self._known[key] = _Entry(now, now)
        self._known.move_to_end(key)
        while len(self._known) > _KNOWN_LIMIT:
            self._known.popitem(last=False)

    def _spend(self, ref: ObjectRef, *, keep: float) -> bool:
        """Take one request from an object's budget, if that leaves as many as are to be kept."""
        now = self._now()
        left, since = self._budgets.pop(ref, (_BURST, now))
        left = min(_BURST, left + (now - since) / _REFILL)
        permitted = left >= 1 + keep
        self._budgets[ref] = (left - permitted, now)
        while len(self._budgets) > _KNOWN_LIMIT:
            self._budgets.popitem(last=False)
        return permitted

    async def _send_all(self) -> None:
        backoff = Backoff(self._rng)
        clock = asyncio.get_running_loop().time
        while True:
            await self._waiting.wait()
            key = next(iter(self._queue))
            try:
                await self._send(key)
            except (Throttled, Unavailable) as error:
                await asyncio.sleep(max(backoff.next(clock()), min(error.retry_after or 0.0, 60.0)))
                continue
            except OutsideError as error:
                _DROPPED.labels("refused").inc()
                log.warning("event about %s not written: %s", key.ref, error)
            del self._queue[key]
            if not self._queue:
                self._waiting.clear()
                self._empty.set()

    async def _send(self, key: _Key) -> None:
        """Bring the Event object of `key` up to date."""
        entry = self._known.get(key)
        if entry is None:
            _DROPPED.labels("overflow").inc()
            return
        namespace = key.ref.namespace or "default"
        if entry.name:
            try:
                await self._kube.merge_patch(EVENTS, _series(entry), namespace=namespace, name=entry.name)
                _SENT.labels("patch").inc()
                return
            except NotFound:
                entry.name = ""
        name = f"{key.ref.name[:230]}.{self._rng.getrandbits(64):016x}"
        await self._kube.create(EVENTS, self._body(key, entry, namespace, name), namespace=namespace)
        _SENT.labels("create").inc()
        entry.name = name

    def _body(self, key: _Key, entry: _Entry, namespace: str, name: str) -> dict[str, Any]:
        ref = key.ref
        regarding = {
            "apiVersion": ref.api_version,
            "kind": ref.kind,
            "namespace": ref.namespace,
            "name": ref.name,
            "uid": ref.uid,
        }
        return {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": name, "namespace": namespace},
            "eventTime": rfc3339_micro(entry.first),
            "reportingController": self._component,
            "reportingInstance": self._instance,
            "type": key.type,
            "reason": key.reason,
            "action": key.action,
            "note": key.note,
            "regarding": {field: value for field, value in regarding.items() if value},
            **(_series(entry) if entry.count > 1 else {}),
        }


def _series(entry: _Entry) -> dict[str, Any]:
    return {"series": {"count": entry.count, "lastObservedTime": rfc3339_micro(entry.last)}}


def shortened(message: str, most: int) -> str:
    """At most so many bytes of a message, without its middle: the fault stands behind what somebody wrote."""
    data = message.encode()
    if len(data) <= most:
        return message
    begin, end = data[: most * 2 // 3], data[3 - most // 3 :]
    return f"{begin.decode(errors='ignore')}...{end.decode(errors='ignore')}"

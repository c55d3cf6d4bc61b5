"""Permission to act: one value made of the lease, a stop and fresh caches, asked before every change.

It is asked three times: by the daemon before it plans, by `apply_each` before it begins an action, and by
AwsSession in the thread that sends, when the request is about to leave.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from math import inf
from typing import Final, Protocol, TypeVar

from addons.runtime.clock import utc_now
from addons.runtime.errors import OutsideError, Withheld
from addons.runtime.outcomes import ObjectRef, Outcome, Skip

log = logging.getLogger(__name__)

LEASE_ENDING: Final = "LeaseEnding"
STOPPING: Final = "Stopping"
CACHES_STALE: Final = "CachesStale"
HALTED: Final = "Halted"

ACTION_SECONDS: Final = 5.0
"""The lease must last for so long when an action is begun."""

RETRY_SECONDS: Final = 2.0
"""After so long it is worth asking again: a lease is renewed that often."""


class Permit:
    """Permission to change the outside world, until `stopping` is set.

    `lease_left` gives the seconds that this replica may still act under its lease, `stale` says in words
    which caches are out of date, `barred` why somebody else forbids it. All may change at any time, so a
    Permit is asked again before every change.
    """

    def __init__(
        self,
        stopping: asyncio.Event,
        *,
        lease_left: Callable[[], float] = lambda: inf,
        stale: Callable[[], str] = lambda: "",
        barred: Callable[[], Withheld | None] = lambda: None,
    ) -> None:
        self.stopping = stopping
        self._lease_left = lease_left
        self._stale = stale
        self._barred = barred

    def refusal(self, seconds: float = ACTION_SECONDS) -> Withheld | None:
        """Why an action that takes `seconds` must not be begun, in words and with its reason code."""
        if refusal := self.refusal_to_send(seconds):
            return refusal
        if stale := self._stale():
            return Withheld(f"not begun on what may be out of date: {stale}", code=CACHES_STALE)
        return None

    def refusal_to_send(self, seconds: float = 0.0) -> Withheld | None:
        """Why a request that was begun must not be sent any more. Any thread may ask."""
        if self.stopping.is_set():
            return Withheld("not begun: told to stop", code=STOPPING)
        left = self._lease_left()
        if left <= seconds:
            return Withheld(f"not begun: the lease lasts for {left:.1f} s only", code=LEASE_ENDING)
        return self._barred()


class Change(Protocol):
    """What a Skip says about an action that was not begun."""

    @property
    def key(self) -> str:
        """Names what would be changed."""

    @property
    def ref(self) -> ObjectRef | None:
        """The object that asks for it, if any."""


A = TypeVar("A")
C = TypeVar("C", bound=Change)


async def apply_each(
    actions: Iterable[A],
    do: Callable[[A], Awaitable[Iterable[Outcome[C]]]],
    permit: Permit,
    *,
    changes: Callable[[A], Sequence[C]],
    seconds: float = ACTION_SECONDS,
    pause_seconds: float = 0.0,
    halts: Callable[[OutsideError], bool] = lambda _: False,
    now: Callable[[], datetime] = utc_now,
) -> AsyncIterator[Outcome[C] | Skip]:
    """Carry out one action after the other; give the outcome of each of its changes.

    Before each action the permit is asked whether one that takes `seconds` may be begun. What was not begun,
    or begun and not sent, comes as a Skip with the reason, and after the first of them no action is begun.
    Nor is any after an error that `halts` the rest, as it would meet all of them. Between two actions lies a
    pause, which a stop cuts short.
    """
    refusal: OutsideError | None = None
    left, is_first = 0, True
    for action in actions:
        if not is_first and not refusal and pause_seconds:
            await _pause(permit.stopping, pause_seconds)
        is_first = False
        refusal = refusal or permit.refusal(seconds)
        if refusal:
            for change in changes(action):
                left += 1
                yield _skip(change, refusal, now())
            continue
        for outcome in await do(action):
            if isinstance(outcome.error, Withheld):
                refusal = outcome.error
                left += 1
                yield _skip(outcome.action, refusal, now())
                continue
            if outcome.error and halts(outcome.error):
                message = f"not begun after what failed before: {outcome.error.message}"
                refusal = refusal or Withheld(message, code=HALTED)
            yield outcome
    if refusal and left:
        log.warning("%d changes left: %s", left, refusal.message)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()


def _skip(change: Change, refusal: OutsideError, now: datetime) -> Skip:
    again = None if refusal.code in (STOPPING, HALTED) else now + timedelta(seconds=RETRY_SECONDS)
    return Skip(change.key, change.ref, refusal.code, refusal.message, again)

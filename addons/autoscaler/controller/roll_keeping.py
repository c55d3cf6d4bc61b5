"""What is written of a roll while it goes on: kept fresh, so that the daemon leaves the group alone, and so
does whoever rolls besides."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from addons.autoscaler.kube.rolls_map import RollsMap, rolled_by
from addons.autoscaler.model.matrix import RollBatch
from addons.autoscaler.model.rolls import RollNote
from addons.runtime.errors import Conflict, OutsideError
from addons.runtime.permit import Permit

HEARTBEAT_SECONDS: Final = 20.0
"""A note is written anew so often."""

TAKEN_SECONDS: Final = 60.0
"""What its holder has not written of for so long is gone on with by another: that one was killed."""

_LOOK_SECONDS: Final = 5.0
_LET_GO_SECONDS: Final = 1.0
"""For so long an end waits until it is written down that nobody holds the group any more."""


class RollKeeping:
    """The note of one group. `by` names who rolls for people, `holder` this process for others like it."""

    def __init__(
        self, rolls: RollsMap, group: str, *, by: str, holder: str, now: Callable[[], datetime]
    ) -> None:
        self._rolls = rolls
        self._group = group
        self._by = by
        self._holder = holder
        self._now = now
        self._note: RollNote | None = None
        self._taken: Conflict | None = None
        self._writing = asyncio.Lock()

    @property
    def batch(self) -> RollBatch | None:
        """What was begun, and not ended."""
        return self._note.batch if self._note else None

    async def other(self) -> str:
        """Who else may be at it, in words; "" where nobody is. Raises OutsideError."""
        found = await self._rolls.read(self._group)
        if not self._is_held(found):
            return ""
        seconds = max(0.0, self._seconds() - found.at) if found else 0.0
        return f"{found.by} told {seconds:.0f} s ago that it rolls it" if found else ""

    async def outwait(self, permit: Permit) -> None:
        """Return when nobody else is at it any more. Raises Conflict as soon as somebody shows that they are,
        Withheld after a stop, OutsideError.
        """
        first = await self._rolls.read(self._group)
        end = asyncio.get_running_loop().time() + TAKEN_SECONDS
        while self._is_held(found := await self._rolls.read(self._group)):
            if found and first and (found.holder, found.at) != (first.holder, first.at):
                raise rolled_by(found)
            if asyncio.get_running_loop().time() >= end:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await permit.stopping.wait()
            if refusal := permit.refusal_to_send():
                raise refusal

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Take over what was begun, and keep it fresh. A process that ends in order lets go of it; one that
        is killed does not. Raises Conflict where somebody else is faster.
        """
        if found := await self._rolls.read(self._group):
            await self._write(replace(found, by=self._by, holder=self._holder), after=found.holder)
        beating = asyncio.create_task(self._beat())
        try:
            yield
        except OutsideError:
            await _ended(beating)
            await self._let_go()
            raise
        finally:
            await _ended(beating)

    async def begin(self, batch: RollBatch, old: tuple[str, ...], launch: str) -> None:
        """Write down what is begun, before anything is done. Raises OutsideError."""
        now = self._seconds()
        since = self._note.since if self._note else now
        await self._write(
            RollNote(
                since=since,
                at=now,
                by=self._by,
                holder=self._holder,
                base=batch.base,
                instances=batch.instances,
                old=old,
                launch=launch,
            )
        )

    async def assure(self) -> None:
        """Have the note be fresh, and ours, before something is done that counts on it.

        Raises OutsideError.
        """
        if self._taken:
            raise self._taken
        if self._note and self._seconds() - self._note.at > 2 * HEARTBEAT_SECONDS:
            await self._write(None)

    async def end(self) -> None:
        """The roll is over. Raises OutsideError."""
        async with self._writing:
            self._note = None
            await self._rolls.remove(self._group)

    async def _let_go(self) -> None:
        """Say that this process is not at it any more: the daemon leaves the group alone for a while yet, and
        the next run goes on at once. Where that cannot be written, the next run has to wait a little.
        """
        if self._note and not self._taken:
            with suppress(OutsideError, TimeoutError):
                async with asyncio.timeout(_LET_GO_SECONDS):
                    await self._write(replace(self._note, holder=""), after=self._holder)

    async def _beat(self) -> None:
        while not self._taken:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            try:
                await self._write(None)
            except Conflict as error:
                self._taken = error if error.code == "RolledByOthers" else None
            except OutsideError:
                continue

    async def _write(self, note: RollNote | None, *, after: str = "") -> None:
        """Write a note, or the present one again."""
        async with self._writing:
            if (note := note or self._note) is None:
                return
            fresh = replace(note, at=self._seconds())
            await self._rolls.write(self._group, fresh, after=after)
            self._note = fresh

    def _is_held(self, found: RollNote | None) -> bool:
        return bool(
            found and found.holder not in ("", self._holder) and self._seconds() - found.at < TAKEN_SECONDS
        )

    def _seconds(self) -> float:
        return self._now().timestamp()


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])

"""What is remembered from pass to pass, and over restarts: amended by outcomes, written before orders go."""

import asyncio
import logging
from collections.abc import Callable

from addons.autoscaler import names
from addons.autoscaler.kube.intents_map import IntentsMap
from addons.autoscaler.model.intents import Memory
from addons.runtime.errors import OutsideError
from addons.runtime.outcomes import Fault

log = logging.getLogger(__name__)

Amendment = Callable[[Memory], Memory]

_WRITE_SECONDS = 1.0
"""Nobody waits longer for memory to be written: without it a restart is slower, and nothing is wrong."""

_PAUSE_SECONDS = 5.0


class Remembering:
    """Holds the memory. What happens while a pass is made is noted, and counts from the next one on.

    `tell` is given what was forgotten, in words.
    """

    def __init__(self, intents: IntentsMap, *, tell: Callable[[str], None]) -> None:
        self._intents = intents
        self._tell = tell
        self._memory = Memory()
        self._amendments: list[Amendment] = []
        self._fault: Fault | None = None
        self._writing = asyncio.Lock()
        self._saving: asyncio.Task[None] | None = None
        self._saved_at = float("-inf")

    async def load(self) -> None:
        """Remember what was kept, by whoever led before; what cannot be read is forgotten, and told."""
        self._amendments.clear()
        try:
            async with asyncio.timeout(5 * _WRITE_SECONDS):
                self._memory, problems = await self._intents.load()
        except (OutsideError, TimeoutError) as error:
            self._memory, problems = Memory(), [f"nothing is remembered: {_words(error)}"]
        for problem in problems:
            self._tell(problem)
        self._fault = _fault("; ".join(problems)) if problems else None

    def amend(self, amendment: Amendment) -> None:
        """Have the memory changed before the next pass."""
        self._amendments.append(amendment)

    def take(self) -> Memory:
        """The memory as it is now, for a pass."""
        amendments, self._amendments = self._amendments, []
        for amendment in amendments:
            self._memory = amendment(self._memory)
        return self._memory

    def put(self, memory: Memory) -> None:
        """Remember this; what was noted since `take` comes on top of it."""
        self._memory = memory

    def save_soon(self) -> None:
        """Have the memory written beside the loop, now and then: nothing is sent that depends on it."""
        now = asyncio.get_running_loop().time()
        if now - self._saved_at >= _PAUSE_SECONDS and not self._writing.locked():
            self._saved_at = now
            self._saving = asyncio.create_task(self.save())

    async def save(self) -> None:
        """Have the memory written. What cannot be written, or takes long, is told and holds up nobody."""
        async with self._writing:
            try:
                async with asyncio.timeout(_WRITE_SECONDS):
                    merged = await self._intents.save(self._memory)
            except (OutsideError, TimeoutError) as error:
                self._failed(_words(error))
                return
            self._fault = None
            if merged is not None:
                log.warning("memory: somebody else has written it too; what both know counts")
                self._memory = merged

    def _failed(self, why: str) -> None:
        fault = _fault(f"not written: {why}")
        if fault != self._fault:
            log.warning("memory: %s", fault.message)
        self._fault = fault

    def fault(self) -> Fault | None:
        """What keeps it from being read or written."""
        return self._fault


def _fault(message: str) -> Fault:
    return Fault("kubernetes", "configmap of the orders", names.MEMORY_LOST, message)


def _words(error: Exception) -> str:
    return error.message if isinstance(error, OutsideError) else "no answer in time"

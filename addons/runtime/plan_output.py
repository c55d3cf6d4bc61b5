"""How a dry run shows its plans: a table for people, JSON lines for programs."""

import asyncio
import logging
import os
import queue
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from addons.runtime.outcomes import PlanLine

log = logging.getLogger(__name__)

PrintPlan = Callable[[Iterable[PlanLine]], None]

Output = Literal["table", "json"]

_HEAD = ("ACTION", "OBJECT", "NAME", "BECAUSE")
_MANY_PLANS = 1_000
"""So many plans wait for a reader that does not read; of what comes then, the oldest are lost."""


class PlanOutput:
    """Writes plans to standard output, by default a table on a terminal, JSON lines for what reads a pipe.

    A thread of its own writes, so that a reader that stalls (`| less`) keeps nobody waiting. When the
    reader is gone (`| head`), what comes later is dropped in silence, and a process that `runs_on` is told to
    stop as by SIGTERM.
    """

    def __init__(self, output: Output | None, *, runs_on: bool) -> None:
        form = output or ("table" if sys.stdout.isatty() else "json")
        self._make = as_table if form == "table" else as_json_lines
        self._texts: queue.Queue[str | None] = queue.Queue()
        self._loop = asyncio.get_running_loop()
        self._is_over = asyncio.Event()
        self._runs_on = runs_on
        threading.Thread(target=self._write, args=(sys.stdout.fileno(),), daemon=True).start()

    def print_plan(self, lines: Iterable[PlanLine]) -> None:
        """Have a plan written soon."""
        if self._texts.qsize() >= _MANY_PLANS:
            self._texts.get_nowait()
            log.warning("1 plan is lost: %d wait for somebody to read them", _MANY_PLANS)
        self._texts.put(self._make(list(lines)))

    async def written(self) -> None:
        """Return when all is written, or nobody reads it any more."""
        self._texts.put(None)
        await self._is_over.wait()

    def _write(self, descriptor: int) -> None:
        is_read = True
        while (text := self._texts.get()) is not None:
            try:
                if is_read:
                    _write_all(descriptor, text.encode())
            except OSError as error:
                is_read = False
                if not isinstance(error, BrokenPipeError):
                    log.error("plans cannot be written: %s", error.strerror)
                if self._runs_on:
                    os.kill(os.getpid(), signal.SIGTERM)
        self._loop.call_soon_threadsafe(self._is_over.set)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def as_json_lines(lines: Iterable[PlanLine]) -> str:
    """A JSON line for each decision."""
    return "".join(msgspec.json.encode(line).decode() + "\n" for line in lines)


def as_table(lines: Iterable[PlanLine]) -> str:
    """A row for each decision, and how many there are of each action."""
    rows = [_HEAD, *((line.action, line.object, line.key, line.because) for line in lines)]
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in rows), strict=True)]
    if len(rows) == 1:
        return "nothing to do\n"
    shown = ["  ".join([*map(str.ljust, row, widths), row[-1]]) for row in rows]
    counts = Counter(action for action, *_ in rows[1:])
    total = ", ".join(f"{count} {action}" for action, count in sorted(counts.items()))
    return "\n".join([*shown, f"in all: {total}", ""])

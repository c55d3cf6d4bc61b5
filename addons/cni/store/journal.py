"""The journal: what was promised to a runtime is on the disk before it is told.

All that waits to be written is written at once and made durable by one fdatasync, by a thread of its own. In
memory, where `/run` is, there is no disk to wait for, and no thread does it. The file is written anew now and
then, under another name which then takes its place, so that it is always whole: the old one or the new one.
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from addons.cni.store.allocations import Allocations
from addons.cni.store.records import Damaged, Record, encode_all, read_lines
from addons.cni.worker import Worker
from addons.runtime.clock import utc_now
from addons.runtime.errors import Unavailable

log = logging.getLogger(__name__)

NAME = "journal"
_RECORDS_UNTIL_SNAPSHOT = 1_000


class JournalFailed(Unavailable):
    """It could not be written down: the disk is full, or broken."""


class Writing:
    """Records that wait to be written; `is_remembered` has them count even if they cannot be."""

    def __init__(self, records: tuple[Record, ...], *, is_remembered: bool = False) -> None:
        self.records, self.is_remembered = records, is_remembered
        self._ended, self._ended_for_threads = asyncio.Event(), threading.Event()
        self._error: JournalFailed | None = None
        self.is_durable = False

    async def counted(self) -> None:
        """Return when they count. Raises JournalFailed: then they do not."""
        await self._ended.wait()
        self._raise()

    def wait(self) -> None:
        """Return in a thread when they are durable. Raises the same."""
        self._ended_for_threads.wait()
        self._raise()

    def tell_threads(self, error: JournalFailed | None) -> None:
        """Tell threads that it is durable, or why not."""
        self._error = None if self.is_remembered else error
        self.is_durable = error is None
        self._ended_for_threads.set()

    def tell(self) -> None:
        """Tell all others, once the records count."""
        self._ended.set()

    def _raise(self) -> None:
        if self._error:
            raise self._error


class Journal:
    """Writes down records in a folder, and knows what they come to (`allocations`).

    Raises JournalFailed where the folder cannot be read or made. A last line that a crash cut short was never
    promised to anybody and is dropped. Damage before the end is told by `damage` and in the log, the file is
    kept aside, and all that can be read counts: whoever reconciles with the kernel learns the rest there.
    """

    def __init__(
        self, folder: Path, *, now: Callable[[], datetime] = utc_now, limit: int = _RECORDS_UNTIL_SNAPSHOT
    ) -> None:
        self._folder, self._path = folder, folder / NAME
        self._now, self._limit = now, limit
        self._worker = Worker("journal")
        self._pending: list[Writing] = []
        self._writing: asyncio.Future[None] | None = None
        self._file = -1
        self._count = 0
        self.failure = ""
        """Why the last write failed; empty while all is written down."""
        try:
            self.allocations = Allocations(self._read())
            self._write_anew(self.allocations.records(now()))
            self._is_in_memory = _is_in_memory(folder)
        except OSError as error:
            raise JournalFailed(f"journal {self._path}: {error.strerror}") from error

    @property
    def is_new(self) -> bool:
        """Whether nobody has written yet that all was recovered which pods had before there was a journal."""
        return not self.allocations.is_recovered

    @property
    def damage(self) -> tuple[str, ...]:
        """What could not be read, in words, until `Recovered` is written."""
        return self.allocations.damage

    def begin(self, *records: Record) -> Writing:
        """Have records count once they are durable, and do something else meanwhile."""
        return self._commit(Writing(records))

    async def write(self, *records: Record) -> None:
        """Have records count once they are durable. Raises JournalFailed: then they do not count."""
        await self.begin(*records).counted()

    async def write_or_remember(self, *records: Record) -> None:
        """Have records count, durable or not: what is given back is free even while the disk is full.

        They are written down with all else as soon as anything can be; until then `write` fails.
        """
        await self._commit(Writing(records, is_remembered=True)).counted()

    async def retry(self) -> None:
        """Write all anew if a write has failed before."""
        if self.failure:
            with suppress(JournalFailed):
                await self.begin().counted()

    async def close(self) -> None:
        """Write what waits, and let go of the file."""
        while self._writing:
            await asyncio.wait((self._writing,))
        await self._worker.end()
        self._close_file()

    def _commit(self, writing: Writing) -> Writing:
        self._pending.append(writing)
        if self._writing is None:
            self._write_pending()
        return writing

    def _write_pending(self) -> None:
        """Have all that waits written. Meanwhile more may come to wait, which is the next batch.

        After a failure the whole file is written anew. Records count only once their batch is durable.
        """
        batch, self._pending = self._pending, []
        records = [record for each in batch for record in each.records]
        now = self._now()
        self.allocations.forget_over(now)
        if self.failure or self._count + len(records) > self._limit:
            everything = [*self.allocations.records(now), *records]
            write = partial(self._write_anew, everything)
        else:
            write = partial(self._append, records)
        make_durable = partial(self._make_durable, write, batch)
        if self._is_in_memory:
            try:
                make_durable()
            finally:
                self._written(batch)
        else:
            self._writing = self._worker.run(make_durable)
            self._writing.add_done_callback(lambda _: self._written(batch))

    def _make_durable(self, write: Callable[[], None], batch: list[Writing]) -> None:
        """Write; whatever becomes of it, threads that wait for it are told."""
        failure = "not written"
        try:
            write()
            failure = ""
        except (OSError, RuntimeError, ValueError) as error:
            failure = str(getattr(error, "strerror", "") or error)
            log.error("journal %s cannot be written: %s", self._path, failure)
        finally:
            self.failure = failure
            for each in batch:
                each.tell_threads(JournalFailed(f"journal {self._path}: {failure}") if failure else None)

    def _written(self, batch: list[Writing]) -> None:
        """Have the records of a batch count, tell who waits for it, and write what has come since."""
        for each in batch:
            if each.is_durable or each.is_remembered:
                self._apply(each.records)
        for each in batch:
            each.tell()
        self._writing = None
        if self._pending:
            self._write_pending()

    def _apply(self, records: Iterable[Record]) -> None:
        for record in records:
            self.allocations.apply(record)

    def _append(self, records: list[Record]) -> None:
        _write_all(self._file, encode_all(records))
        os.fdatasync(self._file)
        self._count += len(records)

    def _write_anew(self, records: Iterable[Record]) -> None:
        """Put a new file in the place of the old one; if that fails, the old one stays as it is."""
        records = list(records)
        new = self._folder / f"{NAME}.new"
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _write_all(file, encode_all(records))
            os.fsync(file)
            new.replace(self._path)
            _sync_folder(self._folder)
        except OSError:
            os.close(file)
            raise
        self._close_file()
        self._file, self._count = file, 0

    def _read(self) -> tuple[Record, ...]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return ()
        lines = read_lines(data)
        if lines.torn:
            log.warning("journal %s: %d unfinished lines at its end are dropped", self._path, lines.torn)
        if lines.bad:
            self._keep_aside(data)
            words = tuple(f"line {each.number}: {each.why}" for each in lines.bad)
            log.error("journal %s is damaged, and kept aside: %s", self._path, "; ".join(words))
            return (*lines.records, Damaged(words))
        return lines.records

    def _keep_aside(self, data: bytes) -> None:
        aside = self._folder / f"{NAME}.damaged-{self._now():%Y%m%dT%H%M%S}"
        aside.write_bytes(data)

    def _close_file(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _is_in_memory(folder: Path) -> bool:
    """Whether it is on a file system without a disk. Raises OSError."""
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():  # proc_pid_mountinfo(5)
        mount, _, kind = line.partition(" - ")
        if mount.split()[2] == number:
            return kind.startswith(("tmpfs ", "ramfs "))
    return False


def _write_all(file: int, data: bytes) -> None:
    """Write all of it: what a full disk takes may be less. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _sync_folder(folder: Path) -> None:
    """Have a new name outlive a crash."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)

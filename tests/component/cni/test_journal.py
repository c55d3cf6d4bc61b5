"""The journal: what was promised outlives every crash, and a full disk costs new pods alone."""

import asyncio
import errno
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.cni.store.journal import NAME, Journal, JournalFailed
from addons.cni.store.records import Record, Recovered, Released, encode
from tests.support.virtual import run_virtual
from tests.unit.cni.test_journal_lines import LATER, NOW, assigned, ip, key, records, state_of

PLACES = {"disk": None, "memory": "/dev/shm"}


class Disk:
    """Stands between the journal and the kernel: from the call `dies_at` on nothing reaches the disk.

    Of the write that is hit only a part arrives. With `error` the calls fail and the process lives on, until
    `heal`.
    """

    def __init__(self, dies_at: int, part: float = 0.0, error: int = 0) -> None:
        self.calls = 0
        self._dies_at, self._part, self._error = dies_at, part, error
        self._write, self._rename = os.write, Path.replace

    @property
    def is_dead(self) -> bool:
        return self.calls > self._dies_at

    def heal(self) -> None:
        self.calls, self._dies_at = 0, 1 << 30

    def write(self, file: int, data: Any) -> int:
        if self._hit():
            return self._write(file, data)
        if self.calls == self._dies_at + 1:
            self._write(file, bytes(data)[: int(len(data) * self._part)])
        raise self._failure()

    def rename(self, path: Path, target: Path) -> Path:
        if self._hit():
            return self._rename(path, target)
        raise self._failure()

    def sync(self, real: Callable[[int], None]) -> Callable[[int], None]:
        def syncing(file: int) -> None:
            if not self._hit():
                raise self._failure()
            real(file)

        return syncing

    def _hit(self) -> bool:
        self.calls += 1
        return not self.is_dead

    def _failure(self) -> OSError:
        return OSError(self._error or errno.EIO, os.strerror(self._error or errno.EIO))

    def between(self) -> Any:
        return patch.multiple(
            os, write=self.write, fsync=self.sync(os.fsync), fdatasync=self.sync(os.fdatasync)
        )


def opened(folder: Path, **more: Any) -> Journal:
    return Journal(folder, now=lambda: NOW, **more)


def again(folder: Path) -> tuple[object, ...]:
    """What a daemon that starts now knows."""

    async def read() -> tuple[object, ...]:
        journal = opened(folder)
        state = state_of(journal.allocations)
        await journal.close()
        return state

    return run_virtual(read())


def written(folder: Path, facts: list[Record]) -> tuple[object, ...]:
    """What facts come to that were all written."""

    async def write() -> tuple[object, ...]:
        journal = opened(folder)
        for fact in facts:
            await journal.write(fact)
        await journal.close()
        return state_of(journal.allocations)

    return run_virtual(write())


class TestCrash:
    """Killed at any call, with any part of it done, it knows what was promised, and perhaps the next."""

    @pytest.mark.parametrize("place", PLACES)
    @given(st.lists(records, min_size=1, max_size=12), st.integers(0, 40), st.floats(0, 1), st.integers(1, 4))
    def test_every_promise_is_kept(
        self, place: str, facts: list[Record], dies_at: int, part: float, limit: int
    ) -> None:
        with TemporaryDirectory(dir=PLACES[place]) as name:
            folder, disk = Path(name) / "state", Disk(dies_at, part)
            promised = run_virtual(self._promise(folder, facts, disk, limit))
            known = again(folder)
            allowed = [written(Path(name) / f"{n}", facts[:n]) for n in (promised, promised + 1)]
        assert known in allowed

    async def _promise(self, folder: Path, facts: list[Record], disk: Disk, limit: int) -> int:
        """Write facts until the disk dies; how many were promised."""
        journal = opened(folder, limit=limit)
        promised = 0
        with disk.between(), patch.object(Path, "replace", lambda path, target: disk.rename(path, target)):
            for fact in facts:
                try:
                    await journal.write(fact)
                except JournalFailed:
                    break
                promised += 1
        await journal.close()
        return promised


class TestFullDisk:
    """An ADD is refused, a DEL succeeds; when there is room again all is written down."""

    async def test_nothing_counts_that_was_not_written(self, tmp_path: Path) -> None:
        journal = opened(tmp_path)
        with Disk(0, 0.5, errno.ENOSPC).between(), pytest.raises(JournalFailed, match="No space left"):
            await journal.write(assigned("a", 1))
        assert not journal.allocations.by_key
        assert journal.failure == "No space left on device"
        await journal.close()

    async def test_what_was_released_is_free_although_it_was_not_written(self, tmp_path: Path) -> None:
        journal = opened(tmp_path)
        await journal.write(assigned("a", 1))
        with Disk(0, 0.5, errno.ENOSPC).between():
            await journal.write_or_remember(Released(key("a"), ip(1), LATER))
        assert not journal.allocations.by_key
        await journal.close()

    async def test_all_is_written_once_there_is_room(self, tmp_path: Path) -> None:
        journal = opened(tmp_path)
        await journal.write(assigned("a", 1), assigned("b", 2))
        with Disk(0, 0.5, errno.ENOSPC).between():
            await journal.write_or_remember(Released(key("a"), ip(1), LATER))
        await journal.write(assigned("c", 3))
        await journal.close()
        found = opened(tmp_path)
        assert state_of(found.allocations) == state_of(journal.allocations)
        assert [each.container_id for each in found.allocations.by_key] == ["b", "c"]
        await found.close()

    async def test_a_release_that_waits_is_written_by_retry(self, tmp_path: Path) -> None:
        journal = opened(tmp_path)
        await journal.write(assigned("a", 1))
        with Disk(0, 0.0, errno.ENOSPC).between():
            await journal.write_or_remember(Released(key("a"), ip(1), LATER))
        await journal.retry()
        await journal.close()
        assert not journal.failure
        found = opened(tmp_path)
        assert not found.allocations.by_key
        await found.close()


class TestWriting:
    """Many at once are one write; who waits may be a thread; the file stays short."""

    async def test_what_waits_is_made_durable_by_one_call(self, tmp_path: Path) -> None:
        journal, disk = opened(tmp_path), Disk(1 << 30)
        with disk.between():
            await asyncio.gather(*(journal.write(assigned(f"c{n}", n)) for n in range(1, 101)))
        assert len(journal.allocations.by_key) == 100
        assert disk.calls <= 6  # one to begin with, and what came meanwhile: a write and a sync each
        await journal.close()

    async def test_a_thread_can_wait_until_it_is_durable(self, tmp_path: Path) -> None:
        journal = opened(tmp_path)
        writing = journal.begin(assigned("a", 1))
        assert journal.allocations.by_ip == {}
        await asyncio.to_thread(writing.wait)
        assert encode(assigned("a", 1)) in (tmp_path / NAME).read_bytes()
        await writing.counted()
        assert list(journal.allocations.by_ip) == [ip(1)]
        await journal.close()

    async def test_in_memory_it_counts_at_once(self) -> None:
        with TemporaryDirectory(dir=PLACES["memory"]) as name:
            journal = opened(Path(name))
            writing = journal.begin(assigned("a", 1))
            assert list(journal.allocations.by_ip) == [ip(1)]
            assert encode(assigned("a", 1)) in (Path(name) / NAME).read_bytes()
            writing.wait()
            await writing.counted()
            with Disk(0, 0.5, errno.ENOSPC).between(), pytest.raises(JournalFailed, match="No space left"):
                await journal.write(assigned("b", 2))
            await journal.write(assigned("c", 3))
            assert list(journal.allocations.by_ip) == [ip(1), ip(3)]
            await journal.close()

    async def test_a_thread_that_waits_is_told_of_a_full_disk(self, tmp_path: Path) -> None:
        journal = opened(tmp_path)
        with Disk(0, 0.5, errno.ENOSPC).between():
            writing = journal.begin(assigned("a", 1))
            with pytest.raises(JournalFailed, match="No space left"):
                await asyncio.to_thread(writing.wait)
        with pytest.raises(JournalFailed, match="No space left"):
            await writing.counted()
        await journal.close()

    async def test_the_file_is_written_anew_after_its_limit(self, tmp_path: Path) -> None:
        journal = opened(tmp_path, limit=10)
        for _ in range(50):
            await journal.write(assigned("a", 1))
            await journal.write(Released(key("a"), ip(1), LATER))
        await journal.close()
        assert (tmp_path / NAME).read_bytes().count(b"\n") <= 13

    async def test_only_root_can_read_it(self, tmp_path: Path) -> None:
        journal = opened(tmp_path / "state")
        await journal.close()
        assert [path.stat().st_mode & 0o777 for path in (tmp_path / "state", tmp_path / "state" / NAME)] == [
            0o700,
            0o600,
        ]


class TestDamage:
    """A file that was damaged is kept for people, and what can be read of it counts."""

    async def test_a_spoilt_line_in_the_middle_is_told_and_the_file_kept_aside(self, tmp_path: Path) -> None:
        spoilt = encode(assigned("b", 2)).replace(b"10.0.0.2", b"10.0.0.9")
        text = encode(assigned("a", 1)) + spoilt + encode(assigned("c", 3))
        (tmp_path / NAME).write_bytes(text)
        journal = opened(tmp_path)
        assert [each.container_id for each in journal.allocations.by_key] == ["a", "c"]
        assert journal.damage == ("line 2: its checksum is wrong",)
        assert [each.read_bytes() for each in tmp_path.glob(f"{NAME}.damaged-*")] == [text]
        await journal.close()

    async def test_it_stays_damaged_across_restarts_until_all_is_recovered(self, tmp_path: Path) -> None:
        (tmp_path / NAME).write_bytes(b"0 {}\n" + encode(Recovered()))
        for _ in range(2):
            journal = opened(tmp_path)
            assert journal.damage
            await journal.close()
        journal = opened(tmp_path)
        await journal.write(Recovered())
        await journal.close()
        journal = opened(tmp_path)
        assert (journal.damage, journal.is_new) == ((), False)
        await journal.close()

    async def test_it_is_new_until_all_is_recovered(self, tmp_path: Path) -> None:
        for _ in range(2):
            journal = opened(tmp_path)
            assert journal.is_new
            await journal.close()

    async def test_an_unfinished_last_line_is_no_damage(self, tmp_path: Path) -> None:
        (tmp_path / NAME).write_bytes(encode(assigned("a", 1)) + encode(assigned("b", 2))[:-9])
        journal = opened(tmp_path)
        assert (list(journal.allocations.by_ip), journal.damage) == ([ip(1)], ())
        await journal.close()

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(JournalFailed, match=r"file/state/journal: Not a directory"):
            opened(tmp_path / "file" / "state")

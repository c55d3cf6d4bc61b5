"""When what is read again: nothing here knows of AWS or has a clock."""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

IDLE_SECONDS: Final = 60.0
BUSY_SECONDS: Final = 5.0
_UNDIVIDED = 8


@dataclass(slots=True)
class _Past:
    began: float = -inf
    turn: int = 0
    failures: int = 0
    is_under_way: bool = False
    is_hurried: bool = False


class Schedule(Generic[K]):
    """Readings by key, each at its own period; what fails is tried again after 5 s, 10 s and so on up to a
    minute or its period, whichever is less. `now` is monotonic seconds.
    """

    def __init__(self) -> None:
        self._past: dict[K, _Past] = {}
        self.turn = 0
        """Counts what was begun."""

    def due(self, now: float, periods: Mapping[K, float], turn: float = inf) -> list[K]:
        """The keys to read now that were not begun after that turn, those that waited longest first."""
        found = [
            key
            for key, period in periods.items()
            if self._due_at(key, period) <= now and self._of(key).turn <= turn
        ]
        return sorted(found, key=lambda key: self._of(key).began)

    def next_at(self, periods: Mapping[K, float]) -> float:
        """When the next key is due; infinity while nothing is awaited."""
        return min((self._due_at(key, period) for key, period in periods.items()), default=inf)

    def begin(self, keys: Iterable[K], now: float) -> None:
        """Note that these are being read."""
        self.turn += 1
        for key in keys:
            past = self._past.setdefault(key, _Past())
            past.began, past.is_under_way, past.is_hurried = now, True, False
            past.turn = self.turn

    def end(self, keys: Iterable[K], *, ok: bool) -> None:
        """Note that their reading has ended."""
        for key in keys:
            past = self._past.setdefault(key, _Past())
            past.is_under_way = False
            past.failures = 0 if ok else past.failures + 1

    def forgive(self, key: K) -> None:
        """Forget the failures of a key."""
        if past := self._past.get(key):
            past.failures = 0

    def hurry(self, keys: Iterable[K]) -> None:
        """Have these read at once; those that are being read, once more after it."""
        for key in keys:
            self._past.setdefault(key, _Past()).is_hurried = True

    def forget(self, kept: Collection[K]) -> None:
        """Drop what is known of other keys than these."""
        for key in [key for key, past in self._past.items() if key not in kept and not past.is_under_way]:
            del self._past[key]

    def _of(self, key: K) -> _Past:
        return self._past.get(key) or _Past()

    def _due_at(self, key: K, period: float) -> float:
        past = self._of(key)
        if past.is_under_way:
            return inf
        if past.is_hurried:
            return -inf
        if period == inf:
            return inf
        if past.failures:
            period = min(max(period, BUSY_SECONDS), IDLE_SECONDS, BUSY_SECONDS * 2.0 ** (past.failures - 1))
        return past.began + period


def patience(seconds: float) -> float:
    """How often a group is looked at that lacks instances, when nothing has happened to it for so long.

    Instances come within minutes. What AWS could not give for long is looked at as if it were idle.
    """
    return min(IDLE_SECONDS, max(BUSY_SECONDS, seconds / 12))


class Suspects:
    """Groups that were in calls which failed: they are asked about in ever smaller batches, so that one that
    breaks the answer, or lets it hang, does so for itself alone.

    While there is no group whose last call succeeded it is AWS that fails, and there are few batches only.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._sizes: dict[str, int] = {}

    def batches(self, names: Iterable[str]) -> Iterator[Sequence[str]]:
        """Part names into calls."""
        by_size: dict[int, list[str]] = {}
        for name in names:
            by_size.setdefault(self._sizes.get(name, self._most), []).append(name)
        for size, members in sorted(by_size.items(), reverse=True):
            for start in range(0, len(members), size):
                yield members[start : start + size]

    def failed(self, names: Sequence[str], among: int) -> bool:
        """Note that a call about these failed, for a reason that may lie with one of them, of `among` groups
        in all; whether smaller batches may tell which."""
        is_outage = len(self._sizes.keys() | set(names)) >= among
        size = max(1, len(names) // 2, among // _UNDIVIDED if is_outage else 1)
        self._sizes.update(dict.fromkeys(names, size))
        return size < len(names)

    def succeeded(self, names: Collection[str]) -> None:
        """Note that a call about these succeeded."""
        for name in names:
            self._sizes.pop(name, None)

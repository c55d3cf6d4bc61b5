"""Which files of a package call each other while something runs: data is to move in one direction."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).parents[2]


class FileCalls:
    """The files of one folder that were visited, and the calls from one of them to another."""

    def __init__(self, folder: str) -> None:
        self._prefix = f"{ROOT / folder}/"
        self.files: set[str] = set()
        self.calls: Counter[tuple[str, str]] = Counter()

    @property
    def total(self) -> int:
        return self.calls.total()

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The files that call each other in both directions."""
        return sorted((one, other) for one, other in self.calls if one < other and (other, one) in self.calls)

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Count the calls of this thread meanwhile; the resumption of a coroutine or generator is one."""
        before = sys.getprofile()
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(before)

    def _profile(self, frame: FrameType, event: str, argument: object) -> None:
        if event != "call" or (name := self._name(frame)) is None:
            return
        self.files.add(name)
        caller = self._name(frame.f_back) if frame.f_back else None
        if caller and caller != name:
            self.calls[caller, name] += 1

    def _name(self, frame: FrameType) -> str | None:
        path = frame.f_code.co_filename
        return path.removeprefix(self._prefix) if path.startswith(self._prefix) else None

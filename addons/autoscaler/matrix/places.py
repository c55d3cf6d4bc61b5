"""Where things stand in a file, and what is wrong there."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

Path = tuple[str | int, ...]
"""Where something stands: keys, and numbers of items of lists."""

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong in a file, and what would be right. `line` counts from 1."""

    line: int
    path: str
    message: str

    def told(self, file: str) -> str:
        """The fault as `FILE:LINE: path: message`."""
        return (
            f"{file}:{self.line}: {self.path}: {self.message}"
            if self.path
            else f"{file}:{self.line}: {self.message}"
        )


class Faults(Exception):
    """All that is wrong with a file, by line."""

    def __init__(self, file: str, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        self.file = file
        super().__init__("\n".join(each.told(file) for each in self.faults))


@dataclass(slots=True)
class Places:
    """The lines of a file: those of each key and each item, and of the first line of each text in it."""

    lines: dict[Path, int] = field(default_factory=dict)
    texts: dict[Path, int] = field(default_factory=dict)
    kept: dict[Path, tuple[int, ...]] = field(default_factory=dict)
    """Of lists from which items were left out: which are left."""

    def line(self, path: Path) -> int:
        """The line of the path, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def fault(self, path: Path, message: str, *, line: int = -1) -> Fault:
        """A fault at the path, or in the given line (from 0) of the text there.

        Items of lists are counted without those that were left out.
        """
        path = self._as_written(path)
        found = self.texts[path] + line if line >= 0 and path in self.texts else self.line(path)
        return Fault(found, shown(path), message)

    def _as_written(self, path: Path) -> Path:
        found: Path = ()
        for part in path:
            kept = self.kept.get(found)
            found += (kept[part] if kept is not None and isinstance(part, int) else part,)
        return found


def shown(path: Path) -> str:
    """The path as people write it: defaults.labels.team, cells[0].match, kernel["vm.max_map_count"]."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text

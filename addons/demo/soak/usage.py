"""What daemons use of the machine: memory and file descriptors, at the start and at the end."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from addons.demo.suite.logs import daemons_of
from addons.demo.suite.site import Site

_MIB = 1 << 20
GROWTH_MIB = 32
"""By so much a daemon may grow over the run: its caches fill, and its allocator keeps a reserve."""
GROWTH_FILES = 24
"""So many more files and sockets it may have open: connections that it keeps."""


@dataclass(frozen=True)
class Usage:
    """Of one process: resident MiB, and open files."""

    mib: float
    files: int

    def __str__(self) -> str:
        return f"{self.mib:.0f} MiB, {self.files} files"


def measure(site: Site) -> Mapping[str, Usage]:
    """Give for each daemon the most that one of its processes uses."""
    found: dict[str, Usage] = {}
    for name, run in daemons_of(site):
        for container in run.containers:
            seen = _of(container.pid)
            if seen:
                before = found.get(name, Usage(0, 0))
                found[name] = Usage(max(before.mib, seen.mib), max(before.files, seen.files))
    return found


def growth(before: Mapping[str, Usage], after: Mapping[str, Usage]) -> list[str]:
    """Complain of daemons that use much more than they did."""
    found = [f"{name} does not run" for name in before if name not in after]
    for name in before.keys() & after.keys():
        then, now = before[name], after[name]
        if now.mib > then.mib + GROWTH_MIB or now.files > then.files + GROWTH_FILES:
            found.append(f"{name} has grown from {then} to {now}")
    return found


def _of(pid: int) -> Usage | None:
    """None for a process that is gone."""
    folder = Path(f"/proc/{pid}")
    try:
        pages = int((folder / "statm").read_text().split()[1])
        return Usage(pages * 4096 / _MIB, len(list((folder / "fd").iterdir())))
    except (OSError, IndexError):
        return None

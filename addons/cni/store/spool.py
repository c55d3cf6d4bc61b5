"""The DELs that plugins wrote down while the daemon was away.

Each file is the HTTP request that the plugin would have sent. It is named after its container and interface,
so that the many DELs of a runtime that tries again are one. Files that are being written begin with a dot.
"""

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

log = logging.getLogger(__name__)

_LONGEST = 1 << 20
_BAD = ".unreadable"


class Spooled(Struct, frozen=True):
    """A DEL that waits for the daemon."""

    path: Path
    request: bytes

    def done(self) -> None:
        """Forget it: what it asked is done."""
        self.path.unlink(missing_ok=True)

    def put_aside(self, why: str) -> None:
        """Keep it under another name, for people: it cannot be read."""
        log.error("spooled request %s: %s", self.path.name, why)
        with suppress(OSError):
            self.path.rename(self.path.with_name(f".{self.path.name}{_BAD}"))


class Spool:
    """The folder of spooled requests, which plugins must find: it is made here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self) -> Iterator[Spooled]:
        """Give what waits, the oldest names first; what is too large is put aside."""
        for path in sorted(self._folder.iterdir()):
            if path.name.startswith(".") or not path.is_file():
                continue
            try:
                size = path.stat().st_size
                spooled = Spooled(path, path.read_bytes() if size <= _LONGEST else b"")
            except OSError as error:
                log.warning("spooled request %s: %s", path.name, error)
                continue
            if size > _LONGEST:
                spooled.put_aside(f"{size} bytes are too many")
                continue
            yield spooled

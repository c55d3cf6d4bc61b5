"""Logs: JSON lines for machines, short lines for people, and no flood of one message over and over."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal, TextIO

import msgspec

_key: ContextVar[str] = ContextVar("key", default="")
_WINDOW_SECONDS = 60.0


@contextmanager
def working_on(key: str) -> Iterator[None]:
    """Put `key` into every message that is logged inside the context, by this task or by one it starts."""
    token = _key.set(key)
    try:
        yield
    finally:
        _key.reset(token)


def set_up(level: str, form: Literal["json", "text"] | None, stream: TextIO | None = None) -> None:
    """Log from `level` up to stderr, as text when that is a terminal and `form` does not say otherwise.

    Libraries are never let down to debug: botocore would log requests and replies with the secrets in them.
    Of credentials that cannot be had it tells by a traceback each time; whoever needs them says it in words.
    """
    stream = stream or sys.stderr
    form = form or ("text" if stream.isatty() else "json")
    handler = CalmHandler(stream)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    severity = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=max(severity, logging.INFO), handlers=[handler], force=True)
    logging.getLogger("addons").setLevel(severity)
    logging.getLogger("botocore.credentials").setLevel(logging.ERROR)


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, and key and error where there are any."""

    def __init__(self) -> None:
        super().__init__()
        self._encoder = msgspec.json.Encoder(enc_hook=str)

    def format(self, record: logging.LogRecord) -> str:
        """Give the line for a record."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if key := _key.get():
            line["key"] = key
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return self._encoder.encode(line).decode()


class TextFormatter(logging.Formatter):
    """Time, level, message; the key in brackets, a traceback below."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-8s%(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """Give the line for a record."""
        key = _key.get()
        return super().formatMessage(record) + (f" [{key}]" if key else "")


class CalmHandler(logging.StreamHandler[TextIO]):
    """Writes at most `per_minute` messages of one kind in a minute, then how many were left out.

    A kind is a logger with a level and a message template, or the `kind` that the record has; the arguments
    do not matter. A record with `is_change` tells of a change in the world: it is always written. The count
    is written, with the last of those left out, with the first message of any kind after the minute is over.
    """

    def __init__(self, stream: TextIO, per_minute: int = 20) -> None:
        super().__init__(stream)
        self._per_minute = per_minute
        self._since = 0.0
        self._counts: dict[tuple[str, int, str], int] = {}
        self._left_out: dict[tuple[str, int, str], str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or count it."""
        if record.created >= self._since + _WINDOW_SECONDS:
            self._sum_up(record.created)
        if getattr(record, "is_change", False):
            super().emit(record)
            return
        kind = (record.name, record.levelno, getattr(record, "kind", str(record.msg)))
        self._counts[kind] = self._counts.get(kind, 0) + 1
        if self._counts[kind] <= self._per_minute:
            super().emit(record)
        else:
            self._left_out[kind] = record.getMessage()

    def _sum_up(self, created: float) -> None:
        """Begin another minute."""
        self._since, counts, self._counts = created, self._counts, {}
        left_out, self._left_out = self._left_out, {}
        for kind, last in left_out.items():
            name, level, _ = kind
            message = f"{counts[kind] - self._per_minute} more messages like this were left out, the last: %s"
            record = logging.LogRecord(name, level, "", 0, message, (last,), None)
            record.created = created
            super().emit(record)

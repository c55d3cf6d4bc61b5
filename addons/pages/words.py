"""The words for data, the same on pages and on terminals: keys as people write them, and times as ages."""

import re
from collections.abc import Callable
from datetime import datetime

ABOUT_ITSELF = ("daemon", "leads", "dryRun", "leader", "awsIdentity", "version", "lastPass")
"""What every daemon says of itself."""

IN_THE_WAY = ("notReady", "degraded", "failures", "problems")
"""Where every daemon says what keeps it, or an object, from what is wanted."""

GOOD = ("ok", "granted")
"""What a row says of itself when nothing is wrong with it."""

_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def words_of(key: object) -> str:
    """Write a camelCase key as people do: "notReady" is "not ready"."""
    text = str(key)
    if not text[:1].islower():  # a name or a code, which stays as it is
        return text
    return re.sub("([a-z])([A-Z])", lambda found: f"{found[1]} {found[2].lower()}", text)


def title_of(key: object) -> str:
    """The same above a table."""
    words = words_of(key)
    return words[:1].upper() + words[1:]


def aged(text: str, now: datetime, written: Callable[[str, str, bool], str]) -> str:
    """Have each time in a text `written`: as RFC 3339, its age, and whether the text is that time alone."""
    return _MOMENT.sub(lambda found: written(found[0], age(found[0], now), found[0] == text), text)


def age(moment: str, now: datetime) -> str:
    """How long ago a time in RFC 3339 was, or when it will be."""
    seconds = (datetime.fromisoformat(moment) - now).total_seconds()
    return f"in {_span(seconds)}" if seconds > 0 else f"{_span(-seconds)} ago"


def _span(seconds: float) -> str:
    for unit, size, below in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172800)):
        if seconds < below:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"

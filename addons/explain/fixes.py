"""What a reason code means and what to do: the tables of docs/troubleshooting.md, which is shipped."""

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_PAGE = "troubleshooting.md"
_SECTION = re.compile(r"^## Reason codes of (.+)$", re.MULTILINE)
_ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_COMMON = "every daemon"


class Fix(NamedTuple):
    """One row of the tables."""

    meaning: str
    to_do: str


def fix_of(daemon: str, reason: str) -> Fix | None:
    """The row about a reason code of a daemon; None when there is none, as of a newer daemon."""
    tables = _tables()
    return tables.get(daemon, {}).get(reason) or tables.get(_COMMON, {}).get(reason)


@cache
def _tables() -> dict[str, dict[str, Fix]]:
    page = (files("addons.explain") / _PAGE).read_text(encoding="utf-8")
    _, *parts = _SECTION.split(page)
    sections = zip(parts[::2], parts[1::2], strict=True)
    return {
        daemon: {code: Fix(_plain(meaning), _plain(to_do)) for code, meaning, to_do in _ROW.findall(text)}
        for daemon, text in ((name, body.partition("\n## ")[0]) for name, body in sections)
    }


def _plain(cell: str) -> str:
    return _LINK.sub(r"\1", cell)

"""Data as tables in HTML: what is long is counted, what is looked for is kept, and every text is escaped."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from itertools import groupby
from urllib.parse import urlencode

from msgspec import Struct

from addons.pages.words import GOOD, aged, words_of

MOST_ROWS = 100
"""A table shows its first rows, which need most; the rest is counted, and found by the filter."""

_BREAKS = re.compile("/|::")
"""Behind these a long name or ARN may go on in the next line."""
_BAR = re.compile(r"[#+~.]{2,}")
_MARKS = {"#": "assigned", "+": "free", "~": "cooling", ".": "not taken"}
_ABOUT = {"object": "", "pod": "pod/", "suchAs": "pod/", "node": "node/", "ingress": "ingress/"}
"""Columns with objects, on which there are decisions to show."""
_NOTHING: tuple[object, ...] = (None, "", [], {})


class Asked(Struct, frozen=True):
    """What a reader wants to see `now`: decisions on one `object`, rows with the text `q`; `still` or not."""

    now: datetime
    object: str = ""
    q: str = ""
    still: str = ""

    def link(self, **changes: str) -> str:
        """Where the same is shown with some changes, for an attribute."""
        given = {"object": self.object, "q": self.q, "still": self.still} | changes
        return "/?" + escape(urlencode({key: text for key, text in given.items() if text}))


def is_table(value: object) -> bool:
    """Whether it is made of rows."""
    return isinstance(value, list) and any(isinstance(each, Mapping) for each in value)


def facts(found: Mapping[str, object], asked: Asked) -> str:
    """Show a mapping as a list of its keys with what they are."""
    pairs = (
        f"<dt>{escape(words_of(key))}</dt><dd>{_value(value, asked) or 'none'}</dd>"
        for key, value in found.items()
    )
    return f'<dl class="facts">{"".join(pairs)}</dl>'


def table(rows: Iterable[object], asked: Asked, most: int = MOST_ROWS) -> str:
    """Show `most` mappings as a table with a column for each of their keys, the reason first."""
    listed = [row for row in rows if isinstance(row, Mapping)]
    columns = columns_of(listed)
    found = [row for row in listed if asked.q.lower() in _text(row).lower()]
    if len(found) > most:
        found.sort(key=_is_good)
    head = "".join(f"<th{_number(listed[0].get(each))}>{escape(words_of(each))}</th>" for each in columns)
    body = "".join(_row(columns, row, asked) for row in found[:most])
    drawn = f'<div class="box"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    return drawn + _legend(drawn) + _count(len(listed), len(found), most, asked.q)


def columns_of(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """The keys that have something to say in any row; the reason first, which a narrow screen has to show."""
    keys = dict.fromkeys(key for row in rows for key in row)
    told = [key for key in keys if any(row.get(key) not in _NOTHING for row in rows)]
    return sorted(told, key=lambda key: key != "reason")


def _text(row: Mapping[str, object]) -> str:
    return "\n".join(map(str, row.values()))


def _row(columns: Sequence[str], row: Mapping[str, object], asked: Asked) -> str:
    kind = "" if _is_good(row) else ' class="bad-row"'
    return f"<tr{kind}>{''.join(_cell(each, row.get(each), asked) for each in columns)}</tr>"


def _is_good(row: Mapping[str, object]) -> bool:
    return row.get("state", GOOD[0]) in GOOD


def _kind(column: str, value: object) -> str:
    """The class of a cell, by what is in it."""
    if number := _number(value):
        return number
    if column in ("state", "verdict") and value in GOOD:
        return ' class="ready"'
    return ' class="bad"' if column == "state" and value is not None else ""


def _number(value: object) -> str:
    return ' class="number"' if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _cell(column: str, value: object, asked: Asked) -> str:
    shown = _value(value, asked)
    if shown and column in _ABOUT and isinstance(value, str):
        shown = f'<a href="{asked.link(object=_ABOUT[column] + value, q="")}">{shown}</a>'
    head = escape(words_of(column))
    return f'<td{_kind(column, value)} data-head="{head}">{f"<span>{shown}</span>" if shown else ""}</td>'


def _value(value: object, asked: Asked) -> str:
    """Show data in a line, or in one for each item."""
    match value:
        case Mapping():
            told = ((words_of(key), each) for key, each in value.items() if each not in _NOTHING)
            return ", ".join(f"{escape(words)} {_value(each, asked)}" for words, each in told)
        case list() if len(value) == 1:
            return _value(value[0], asked)
        case list():
            items = "".join(f"<li>{_value(each, asked)}</li>" for each in value)
            return f"<ul>{items}</ul>" if items else ""
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str() if _BAR.fullmatch(value):
            return _bar(value)
    text = _BREAKS.sub(r"\g<0><wbr>", escape(str(value)))
    return aged(text, asked.now, _moment)


def _moment(moment: str, age: str, is_alone: bool) -> str:
    shown, behind = (age, "") if is_alone else (moment, f" ({age})")
    return f'<time datetime="{moment}" title="{moment}">{shown}</time>{behind}'


def _bar(marks: str) -> str:
    """Draw the shares of a pool; the numbers stand beside it."""
    shares = [(_MARKS[mark], len(list(found))) for mark, found in groupby(marks)]
    parts = "".join(f'<i class="{name.replace(" ", "-")}" style="flex:{size}"></i>' for name, size in shares)
    return f'<span class="bar" role="img" aria-label="{", ".join(name for name, _ in shares)}">{parts}</span>'


def _legend(drawn: str) -> str:
    if 'class="bar"' not in drawn:
        return ""
    marks = (f'<i class="{name.replace(" ", "-")}"></i>{name}' for name in _MARKS.values())
    return f'<p class="note legend">{" ".join(marks)}</p>'


def _count(listed: int, found: int, most: int, looked_for: str) -> str:
    if not looked_for and found <= most:
        return ""
    text = f"{min(found, most)} shown of {listed}"
    text += f", {found} of them with “{looked_for}”" if looked_for else "; the field above finds the others"
    return f'<p class="note">{escape(text)}</p>'

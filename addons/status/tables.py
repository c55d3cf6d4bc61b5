"""Tables and sentences for a terminal of some width: nothing is cut off, what is too long goes on below."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from textwrap import wrap

from addons.pages.tables import columns_of
from addons.pages.words import aged, words_of

_GAP = 2
_LEAST = 8
"""Characters that a column keeps, however narrow the terminal is."""


def text_of(value: object, now: datetime) -> str:
    """Data in one line."""
    match value:
        case Mapping():
            told = ((words_of(key), each) for key, each in value.items() if each not in (None, "", [], {}))
            return ", ".join(f"{words} {text_of(each, now)}" for words, each in told)
        case list():
            return "; ".join(text_of(each, now) for each in value)
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
    return aged(str(value), now, _moment)


def _moment(moment: str, age: str, is_alone: bool) -> str:
    return age if is_alone else f"{moment} ({age})"


def table(rows: Iterable[Mapping[str, object]], *, width: int, now: datetime) -> Iterator[str]:
    """The lines of a table; cells that do not fit are wrapped, and numbers stand at the right."""
    listed = list(rows)
    columns = columns_of(listed)
    cells = [[text_of(row.get(each), now) for each in columns] for row in listed]
    heads = [words_of(each).upper() for each in columns]
    numbers = [all(isinstance(row.get(each), int | float) for row in listed) for each in columns]
    widths = _widths([heads, *cells], width)
    for row in (heads, *cells):
        yield from _row(row, widths, numbers)


def sentence(text: str, *, width: int, indent: str = "") -> list[str]:
    """A text as lines that fit."""
    return wrap(
        text,
        max(width, 2 * _LEAST),
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_on_hyphens=False,
    )


def _widths(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """How wide a column is: as its longest text, but the widest give way until all fit, first sentences."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    words = [max(len(word) for text in column for word in text.split() or [""]) for column in columns]
    room = width - _GAP * (len(widths) - 1)
    while sum(widths) > room and max(widths) > _LEAST:
        sentences = [size for size, word in zip(widths, words, strict=True) if size > max(word, _LEAST)]
        widest = max(sentences or widths)
        able = [
            size == widest and (size > word or not sentences)
            for size, word in zip(widths, words, strict=True)
        ]
        widths[able.index(True)] -= 1
    return widths


def _row(cells: Sequence[str], widths: Sequence[int], numbers: Sequence[bool]) -> Iterator[str]:
    wrapped = [
        wrap(cell, size, break_on_hyphens=False) or [""] for cell, size in zip(cells, widths, strict=True)
    ]
    for number in range(max(map(len, wrapped))):
        parts = [lines[number] if number < len(lines) else "" for lines in wrapped]
        placed = (
            part.rjust(size) if is_number else part.ljust(size)
            for part, size, is_number in zip(parts, widths, numbers, strict=True)
        )
        yield (" " * _GAP).join(placed).rstrip()

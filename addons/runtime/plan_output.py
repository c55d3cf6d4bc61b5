"""How a dry run shows its plans: a table for people, JSON lines for programs."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from addons.runtime.outcomes import PlanLine

PrintPlan = Callable[[Iterable[PlanLine]], None]

Output = Literal["table", "json"]

_HEAD = ("ACTION", "OBJECT", "NAME", "BECAUSE")


def printer(output: Output | None) -> PrintPlan:
    """Give what prints plans; by default a table on a terminal, and JSON lines for what reads a pipe."""
    form = output or ("table" if sys.stdout.isatty() else "json")
    make = as_table if form == "table" else as_json_lines

    def print_plan(lines: Iterable[PlanLine]) -> None:
        sys.stdout.write(make(list(lines)))
        sys.stdout.flush()

    return print_plan


def as_json_lines(lines: Iterable[PlanLine]) -> str:
    """A JSON line for each decision."""
    return "".join(msgspec.json.encode(line).decode() + "\n" for line in lines)


def as_table(lines: Iterable[PlanLine]) -> str:
    """A row for each decision, and how many there are of each action."""
    rows = [_HEAD, *((line.action, line.object, line.key, line.because) for line in lines)]
    widths = [max(map(len, column)) for column in zip(*(row[:-1] for row in rows), strict=True)]
    if len(rows) == 1:
        return "nothing to do\n"
    shown = ["  ".join([*map(str.ljust, row, widths), row[-1]]) for row in rows]
    counts = Counter(action for action, *_ in rows[1:])
    total = ", ".join(f"{count} {action}" for action, count in sorted(counts.items()))
    return "\n".join([*shown, f"in all: {total}", ""])

"""Write from the code: docs/matrix.schema.json, and the tables and examples of docs/autoscaler-matrix.md."""

import json
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from addons.autoscaler.matrix import file
from addons.autoscaler.matrix.expansion import matrix_of
from addons.autoscaler.matrix.plan import plan
from addons.autoscaler.matrix.schema import keys_of, schema
from addons.autoscaler.matrix.telling import plan_lines
from addons.autoscaler.matrix.user_data import PLACEHOLDERS
from addons.autoscaler.model.matrix import Stack
from addons.runtime.plan_output import as_table

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "docs" / "matrix.schema.json"
PAGE = ROOT / "docs" / "autoscaler-matrix.md"
EXAMPLE = ROOT / "docs" / "examples" / "autoscaler-matrix.yaml"

_CHANGES = (
    ("    m5.xlarge: {price: 0.23}\n    c5.large: {price: 0.097}\n", "    m5.xlarge: {price: 0.23}\n"),
    ("priority: 20\n", "priority: 20\n      image: ami-0fedcba9876543210\n"),
    ("on-demand: {priority: 10}", "on-demand: {priority: 10, max: 15}"),
)
"""What becomes of the example in the plan that is shown."""


def generate() -> dict[Path, str]:
    """Give the text of the pages, without writing them."""
    page = PAGE.read_text()
    parts = {
        "placeholders": _placeholders(),
        "keys of a cell": _keys(file.Settings),
        "keys of a volume": _keys(file.Device),
        "keys of the file": _keys(file.MatrixFile),
        "example": _block("yaml", EXAMPLE.read_text()),
        "cells of the example": _cells(),
        "plan of the example": _plan(),
    }
    for name, rows in parts.items():
        page = _between_marks(page, name, "\n".join(rows))
    return {SCHEMA: json.dumps(schema(), indent=2, ensure_ascii=False) + "\n", PAGE: page}


def _between_marks(page: str, name: str, table: str) -> str:
    begin = f"<!-- {name}: written by `make docs` -->"
    before, _, rest = page.partition(begin)
    _, end, after = rest.partition(f"<!-- end of {name} -->")
    return f"{before}{begin}\n{table}\n{end}{after}"


def _keys(type_: type[Struct]) -> Iterator[str]:
    yield "| key | what it says |"
    yield "|---|---|"
    for key, words in keys_of(type_):
        yield f"| `{key}` | {words} |"


def _placeholders() -> Iterator[str]:
    yield "| placeholder | what stands for it |"
    yield "|---|---|"
    for name, (_, words) in PLACEHOLDERS.items():
        yield f"| `${{{name}}}` | {words} |"


def _block(kind: str, text: str) -> Iterator[str]:
    yield f"```{kind}\n{text.rstrip()}\n```"


def _cells() -> Iterator[str]:
    yield "| group | limits | labels | taints | options |"
    yield "|---|---|---|---|---|"
    for cell in matrix_of(EXAMPLE.read_text(), EXAMPLE.name).cells:
        if cell.service == "jobs" and cell.zone.endswith("a"):
            labels = ", ".join(f"{key}={value}" for key, value in cell.labels.items())
            taints = ", ".join(f"{each.key}={each.value}:{each.effect}" for each in cell.taints)
            options = ", ".join(f"{key} {value}" for key, value in cell.options.items())
            yield f"| `{cell.name}` | {cell.min_size}-{cell.max_size} | {labels} | {taints} | {options} |"


def _plan() -> Iterator[str]:
    """What a plan says of one service in one zone when the file has changed."""
    text = changed = EXAMPLE.read_text()
    for old, new in _CHANGES:
        assert old in changed, old
        changed = changed.replace(old, new)
    before = plan(matrix_of(text, EXAMPLE.name), (), "1.0")
    there = [Stack(name=each.name, tags=each.tags) for each in before]
    after = plan(matrix_of(changed, EXAMPLE.name), there, "1.0")
    shown = [each for each in after if each.name.startswith("prod-web-") and each.name.endswith("-a")]
    return _block("", as_table(plan_lines(shown)))


if __name__ == "__main__":
    for page, text in generate().items():
        page.write_text(text)

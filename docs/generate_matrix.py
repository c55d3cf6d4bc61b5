"""Write from the code: docs/matrix.schema.json, and the tables of docs/autoscaler-matrix.md."""

import json
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from addons.autoscaler.matrix import file
from addons.autoscaler.matrix.schema import keys_of, schema
from addons.autoscaler.matrix.user_data import PLACEHOLDERS

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "docs" / "matrix.schema.json"
PAGE = ROOT / "docs" / "autoscaler-matrix.md"


def generate() -> dict[Path, str]:
    """Give the text of the pages, without writing them."""
    page = PAGE.read_text()
    tables = {"placeholders": _placeholders(), "keys of a cell": _keys(file.Settings)}
    tables |= {"keys of a volume": _keys(file.Device), "keys of the file": _keys(file.MatrixFile)}
    for name, rows in tables.items():
        page = _between_marks(page, name, "\n".join(rows))
    return {SCHEMA: json.dumps(schema(), indent=2, ensure_ascii=False) + "\n", PAGE: page}


def _between_marks(page: str, name: str, table: str) -> str:
    before, begin, rest = page.partition(f"<!-- {name}: written by `make docs` -->")
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


if __name__ == "__main__":
    for page, text in generate().items():
        page.write_text(text)

"""Write docs/compatibility.md from docs/compatibility.yaml."""

from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "docs" / "compatibility.yaml"


def generate() -> dict[Path, str]:
    """Give the text of the page, without writing it."""
    return {SOURCE.with_suffix(".md"): "\n".join(_page())}


def _page() -> Iterator[str]:
    yield "# Compatibility\n"
    yield "What the project works with, how that is tested, and what becomes of anything else."
    yield "Written by `make docs` from [compatibility.yaml](compatibility.yaml); do not edit by hand.\n"
    yield "| what | versions | tested | by | anything else |"
    yield "|---|---|---|---|---|"
    for row in yaml.safe_load(SOURCE.read_text()):
        held_by = ", ".join(f"`{path}`" for path in row["by"])
        cells = (row["what"], ", ".join(row["versions"]), row["tested"], held_by, row["else"])
        yield f"| {' | '.join(cells)} |"
    yield ""


if __name__ == "__main__":
    for page, text in generate().items():
        page.write_text(text)

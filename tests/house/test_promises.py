"""Promises and answers to threats: each names the tests that hold it, and those exist."""

import re
from pathlib import Path

import pytest

from addons.registry import daemons

ROOT = Path(__file__).parents[2]
PAGES = ("promises.md", "security.md")
every_page = pytest.mark.parametrize("page", PAGES)


def held_by(page: str) -> list[str]:
    """The rows of the tables that end with what holds them."""
    tables = re.split(r"\n(?!\|)", (ROOT / "docs" / page).read_text())
    return [
        row
        for table in tables
        if "| held by |" in table
        for row in table[table.index("| held by |") :].splitlines()[2:]
    ]


@every_page
def test_every_row_names_a_test(page: str) -> None:
    rows = held_by(page)
    assert len(rows) > 30
    assert [row for row in rows if "::" not in row] == []


@every_page
def test_every_named_test_exists(page: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::([\w:]+)`", "\n".join(held_by(page)))
    assert len(named) > 30
    for file, path in named:
        source = (ROOT / file).read_text()
        for name in path.split("::"):
            assert re.search(rf"(class|def) {name}\b", source), f"{file} has no {name}"


@pytest.mark.parametrize("daemon", daemons())
@every_page
def test_every_daemon_has_a_part(page: str, daemon: str) -> None:
    assert f"\n## {daemon}\n" in (ROOT / "docs" / page).read_text()

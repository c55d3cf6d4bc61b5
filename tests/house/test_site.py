"""The site of the documents: mkdocs builds it without a warning, and it shows what the repository shows."""

import os
import re
import sys
from pathlib import Path
from runpy import run_path

from tests.support.processes import run

ROOT = Path(__file__).parents[2]
PAGES = run_path(str(ROOT / "docs" / "site_files.py"))["pages"]()
FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
ARTICLE = re.compile(r"<article[^>]*>(.*)</article>", re.DOTALL)
FETCHED = re.compile(r"""<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//[^>]*>""")


async def test_it_builds_strictly_and_reads_as_on_github(tmp_path: Path) -> None:
    """In one test, as it is built once: no link, anchor or page of the navigation is missing."""
    command = (sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path)
    built = await run(
        *command, "--config-file", ROOT / "mkdocs.yml", env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    )
    assert built.code == 0, built.err
    assert len(PAGES) > 30
    for page in PAGES:
        html = (tmp_path / address_of(page)).read_text()
        assert FETCHED.findall(html) == [], f"{page} has readers fetch something from elsewhere"
        source = FENCE.sub("", (ROOT / page).read_text())
        assert drawn(html) == meant(source), f"{page}: lists and tables, in the repository and on the site"


def address_of(page: Path) -> str:
    """The file of the site that shows a page."""
    if page.name in ("README.md", "index.md"):
        return str(page.with_name("index.html"))
    return str(page.with_suffix("") / "index.html")


def meant(source: str) -> tuple[int, int]:
    """How many numbered lists and tables a page has, as GitHub reads it."""
    lists = re.findall(r"^1\. ", source, re.MULTILINE)
    tables = re.findall(r"^ *\|(?:-+\|)+$", source, re.MULTILINE)
    return len(lists), len(tables)


def drawn(html: str) -> tuple[int, int]:
    """How many of each the site shows."""
    article = ARTICLE.findall(html)[0]
    return article.count("<ol>"), article.count("<table>")


def test_what_is_fetched_from_elsewhere_would_be_found() -> None:
    assert FETCHED.findall('<script async src="https://cdn.example/x.js"></script>')
    assert not FETCHED.findall('<a href="https://kubernetes.io/">')

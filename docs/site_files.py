"""Which files the site has, and where: a hook of mkdocs that lays the site out as the repository is.

A link between two files is then the same on the site, be it from `docs/` to a manual, to a chart or back.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PLACES = ("*.md", "docs/**/*.md", "addons/*/README.md", "charts/*/README.md")
LEFT_OUT = ("docs/worklog.md",)
"""What is not for readers of the site."""

_LINK = re.compile(r"\]\(([^)#\s:]+)(?:#[^)]*)?\)")
_CODE = re.compile(r"(?<!`)`[^`\n]+`(?!`)")


def pages() -> list[Path]:
    """Every page of the site, as a path in the repository."""
    found = {path.relative_to(ROOT) for place in PLACES for path in ROOT.glob(place)}
    return sorted(found - {Path(each) for each in LEFT_OUT})


def linked_files(page: Path) -> Iterator[Path]:
    """The files that a page shows or leads to and that are no pages, such as pictures and IAM policies."""
    for link in _LINK.findall((ROOT / page).read_text()):
        target = (ROOT / page.parent / link).resolve()
        if target.is_file() and target.suffix != ".md":
            yield target.relative_to(ROOT)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace what mkdocs found in `docs/` by the pages and what they link to; the theme's files stay."""
    for file in list(files):
        if file.src_dir == config.docs_dir:
            files.remove(file)
    for path in _with_linked([*pages(), *map(Path, map(str, config.extra_css))]):
        files.append(File.generated(config, path.as_posix(), abs_src_path=str(ROOT / path)))
    return files


def _with_linked(paths: Iterable[Path]) -> list[Path]:
    every = list(paths)
    return sorted({*every, *(file for page in every for file in linked_files(page))})


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    r"""Write `\|` in code as `|`: GitHub wants it so in tables, where the site splits no code."""
    return _CODE.sub(lambda code: code[0].replace(r"\|", "|"), markdown)

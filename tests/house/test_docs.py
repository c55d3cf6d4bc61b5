"""Documentation that must not go stale: reason codes, links, and what is generated."""

import re
from pathlib import Path
from runpy import run_path

import pytest

from addons.dns import names

ROOT = Path(__file__).parents[2]
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "addons").rglob("README.md"),
    *(ROOT / "tests").rglob("README.md"),
]
REASON = re.compile(r"^[A-Z]\w+[a-z]\w*$")
LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)(?:#[^)]*)?\)")


def reason_codes() -> set[str]:
    values = [value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)]
    return {value for value in values if REASON.match(value) and "-" not in value and "." not in value}


class TestReasonCodes:
    def test_every_code_is_explained(self) -> None:
        page = (ROOT / "docs" / "troubleshooting.md").read_text()
        assert reason_codes()
        assert {code for code in reason_codes() if f"| `{code}` |" not in page} == set()

    def test_no_explained_code_is_unknown(self) -> None:
        page = (ROOT / "docs" / "troubleshooting.md").read_text()
        assert set(re.findall(r"^\| `([A-Z]\w+)` \|", page, re.MULTILINE)) - reason_codes() == set()


class TestGenerated:
    @pytest.mark.parametrize("page", ["settings.md", "metrics.md"])
    def test_what_the_code_says_is_what_the_page_says(self, page: str) -> None:
        pages = run_path(str(ROOT / "docs" / "generate_reference.py"))["generate"]()
        assert (ROOT / "docs" / page).read_text() == pages[ROOT / "docs" / page], "run `make docs`"


class TestLinks:
    @pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
    def test_every_link_inside_the_project_leads_somewhere(self, page: Path) -> None:
        targets = [target for target in LINK.findall(page.read_text()) if "://" not in target]
        assert [target for target in targets if not (page.parent / target).exists()] == []

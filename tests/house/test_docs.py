"""Documentation that must not go stale: reason codes, links, and what is generated."""

import re
from pathlib import Path
from runpy import run_path

import pytest

from addons.registry import daemons, module_of
from addons.runtime import permit

ROOT = Path(__file__).parents[2]
NAMES = {"every daemon": permit} | {daemon: module_of(daemon, "names") for daemon in daemons()}
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "addons").rglob("README.md"),
    *(ROOT / "tests").rglob("README.md"),
]
REASON = re.compile(r"^[A-Z]\w+[a-z]\w*$")
LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)(?:#[^)]*)?\)")


def reason_codes(daemon: str) -> set[str]:
    public = vars(module_of(daemon, "names")).items()
    values = [value for name, value in public if name.isupper() and isinstance(value, str)]
    return {value for value in values if REASON.match(value) and "-" not in value and "." not in value}


def explained_codes(daemon: str) -> list[str]:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    _, _, rest = page.partition(f"\n## Reason codes of {daemon}\n")
    return re.findall(r"^\| `([A-Z]\w+)` \|", rest.partition("\n## ")[0], re.MULTILINE)


class TestReasonCodes:
    @pytest.mark.parametrize("daemon", daemons())
    def test_every_code_is_explained_once_and_no_other(self, daemon: str) -> None:
        assert reason_codes(daemon)
        assert sorted(explained_codes(daemon)) == sorted(reason_codes(daemon))


class TestGenerated:
    @pytest.mark.parametrize("page", ["docs/settings.md", "docs/metrics.md", "addons/albingress/README.md"])
    def test_what_the_code_says_is_what_the_page_says(self, page: str) -> None:
        pages = run_path(str(ROOT / "docs" / "generate_reference.py"))["generate"]()
        assert (ROOT / page).read_text() == pages[ROOT / page], "run `make docs`"


def named_paths(page: str) -> set[str]:
    """The files and folders that a page names in backticks; a module alone is one of every daemon.

    `<daemon>` stands for each of them, anything else in pointed brackets for any name.
    """
    quoted = re.findall(r"`([\w./<>|*-]+)`", (ROOT / page).read_text())
    modules = {f"addons/<daemon>/{name}" for name in quoted if "/" not in name and name.endswith(".py")}
    paths = modules | {name for name in quoted if "/" in name}
    each = {path.replace("<daemon>", daemon) for path in paths for daemon in daemons()}
    return {re.sub(r"<[^>]+>", "*", path) for path in each}


class TestPaths:
    @pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
    def test_every_file_that_is_named_exists(self, page: str) -> None:
        assert len(named_paths(page)) > 10
        assert [path for path in sorted(named_paths(page)) if not any(ROOT.glob(path))] == []


class TestLinks:
    @pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
    def test_every_link_inside_the_project_leads_somewhere(self, page: Path) -> None:
        targets = [target for target in LINK.findall(page.read_text()) if "://" not in target]
        assert [target for target in targets if not (page.parent / target).exists()] == []


class TestCommands:
    @pytest.mark.parametrize(
        "page", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.name
    )
    def test_a_command_works_as_it_is_written_after_make_install(self, page: Path) -> None:
        """The pages of single daemons, which are manuals, leave out where the command lies."""
        blocks = re.findall(r"^```\w*\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
        lines = [line for block in blocks for line in block.splitlines()]
        assert [line for line in lines if line.startswith("addons ")] == []

"""Documentation that must not go stale: reason codes, links, and what is generated."""

import re
from pathlib import Path
from runpy import run_path

import pytest

from addons.registry import config_of, daemons, module_of
from addons.runtime import permit
from addons.runtime.settings import settings_of

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

    def test_one_page_has_all_of_them_with_meaning_and_fix(self) -> None:
        made = run_path(str(ROOT / "docs" / "generate_reasons.py"))
        (page,) = made["generate"]().items()
        assert page[0].read_text() == page[1], "run `make docs`"
        of = {
            daemon: {each.code for each in made["reasons"]() if each.daemon == daemon} for daemon in daemons()
        }
        taints = {"DeletionCandidateOfClusterAutoscaler", "ToBeDeletedByClusterAutoscaler"}
        assert of == {daemon: reason_codes(daemon) - taints for daemon in daemons()}


class TestGenerated:
    @pytest.mark.parametrize(
        "page",
        ["docs/settings.md", "docs/metrics.md", "docs/adr/README.md", "addons/albingress/README.md"],
    )
    def test_what_the_code_says_is_what_the_page_says(self, page: str) -> None:
        pages = run_path(str(ROOT / "docs" / "generate_reference.py"))["generate"]()
        assert (ROOT / page).read_text() == pages[ROOT / page], "run `make docs`"


def named_paths(page: str) -> set[str]:
    """The files and folders that a page names in backticks; a module alone is one of every daemon.

    `<daemon>` stands for each of them, anything else in pointed brackets for any name. Fragments come and go:
    of them the folder is meant.
    """
    quoted = re.findall(r"`([\w./<>|*-]+)`", (ROOT / page).read_text())
    modules = {f"addons/<daemon>/{name}" for name in quoted if "/" not in name and name.endswith(".py")}
    paths = modules | {name for name in quoted if "/" in name}
    each = {path.replace("<daemon>", daemon) for path in paths for daemon in daemons()}
    return {re.sub(r"<[^>]+>", "*", re.sub(r"^(changelog\.d)/.*", r"\1", path)) for path in each}


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


class TestConventions:
    @pytest.mark.parametrize("daemon", daemons())
    def test_the_port_of_a_daemon_is_the_one_that_is_told(self, daemon: str) -> None:
        page = (ROOT / "docs" / "conventions.md").read_text()
        (told,) = re.findall(rf"^\| {daemon} \| (\d+)", page, re.MULTILINE)
        (listen,) = [each.default for each in settings_of(config_of(daemon)) if each.flag == "--listen"]
        assert str(listen).endswith(f":{told}")


class TestGlossary:
    TERMS = re.findall(
        r"^\| ([^|]+) \| [^|]+ \|$", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE
    )[1:]

    def test_each_term_stands_once_in_the_order_of_the_alphabet(self) -> None:
        assert len(self.TERMS) > 100
        lower = [term.lower() for term in self.TERMS]
        assert lower == sorted(set(lower))

    def test_each_term_is_one_that_code_or_documents_use(self) -> None:
        """By its words, which may stand apart, in the plural, or together in a name of the code."""
        pages = [page for page in PAGES if page.name != "glossary.md"]
        texts = [path.read_text().lower() for path in (*pages, *(ROOT / "addons").rglob("*.py"))]
        text = "".join(texts)
        words = {word for term in self.TERMS for word in re.findall(r"[a-z]+", term.lower())}
        assert {word for word in words if word not in text} == set()

"""Commands, flags, values and metrics that the documents name exist, as they are written."""

import json
import re
import shlex
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from addons.registry import config_of, daemons, module_of
from addons.runtime.settings import settings_of

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "addons").glob("*/README.md")),
    *sorted((ROOT / "charts").glob("*/README.md")),
]
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))

OF_HELM = {
    "--force-conflicts",
    "--namespace",
    "--no-hooks",
    "--reuse-values",
    "--take-ownership",
    "--values",
} | {f"--set{form}" for form in ("", "-file", "-json", "-string")}
OF_OTHERS = {"--batch", "--no-", "--node-labels", "--require-hashes", "--validate", *OF_HELM}
"""Flags of Helm, kubectl, kubelets and pip, and what is not a flag yet."""


OF_COMMANDS = {
    "demo": {"--all", "--keep", "--kubeconfig", "--world"},
    "demo/soak": {"--minutes", "--seed"},
    "explain": {"--daemon", "--daemons-in", "--kubeconfig", "--namespace", "--output", "--url"},
    "status": {"--daemons-in", "--kubeconfig", "--node", "--output", "--rows", "--url"},
}
"""Flags of what is no daemon."""


@cache
def flags(command: str) -> frozenset[str]:
    """The flags of a command of `addons`: of a daemon the settings, and what its own commands take."""
    if command in OF_COMMANDS:
        return frozenset(OF_COMMANDS[command])
    settings = {setting.flag for setting in settings_of(config_of(command))}
    negated = {flag.replace("--", "--no-", 1) for flag in settings}
    own = set(re.findall(r"--[a-z][a-z-]*", module_of(command, "commands").HELP))
    return frozenset(settings | negated | own | {"--help", "--print-config", "--version"})


@pytest.mark.parametrize("command", OF_COMMANDS)
def test_the_flags_of_what_is_no_daemon_are_in_its_help(command: str) -> None:
    module = ROOT / "addons" / command
    source = "".join(path.read_text() for path in module.glob("*.py"))
    assert {flag for flag in OF_COMMANDS[command] if f'"{flag}"' not in source} == set()


def all_flags() -> frozenset[str]:
    return frozenset().union(*map(flags, (*daemons(), *OF_COMMANDS)), OF_OTHERS)


def daemon_of(page: Path) -> str | None:
    """The daemon that a page is about."""
    return next((name for name in daemons() if name in (page.stem, page.parent.name)), None)


@every_page
def test_a_flag_that_is_named_exists(page: Path) -> None:
    if page.name.startswith("migrating-from-"):
        return  # these are about the flags of the originals, and have tests of their own
    named = set(re.findall(r"`(--[a-z][a-z0-9-]*)", page.read_text()))
    daemon = daemon_of(page)
    known = flags(daemon).union(OF_OTHERS, *OF_COMMANDS.values()) if daemon else all_flags()
    assert named - known == set()


@every_page
def test_a_metric_of_ours_that_is_named_exists(page: Path) -> None:
    """With what Prometheus puts behind the name of a histogram, or as the beginning of several names."""
    table = (ROOT / "docs" / "metrics.md").read_text()
    known = re.findall(r"^\| `(\w+)`", table, re.MULTILINE)
    named = set(re.findall(r"\baddons_[a-z_]+", page.read_text()))
    assert named - {each for each in named if any(name.startswith(bare(each)) for name in known)} == set()


def bare(name: str) -> str:
    return re.sub(r"_(count|sum|bucket)$", "", name)


def commands(page: Path) -> Iterator[list[str]]:
    """The commands in the blocks of a page, split into words; a line that ends with a backslash goes on."""
    for block in re.findall(r"^```\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            if re.match(r"(\.venv/bin/addons|addons|kubectl addons|helm|make) ", line):
                yield shlex.split(re.sub(r"<[^>]+>", "X", line.replace("…", "X")), comments=True)


@every_page
def test_the_commands_of_ours_have_flags_that_exist(page: Path) -> None:
    for words in commands(page):
        if not words[0].endswith("addons"):
            continue
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert given <= flags(words[1]), words


@every_page
def test_what_helm_is_told_to_set_is_a_value_of_the_chart(page: Path) -> None:
    for words in commands(page):
        chart = next((ROOT / word for word in words if word.startswith("charts/")), None)
        if words[0] != "helm" or not chart:
            continue
        given = [following for one, following in pairwise(words) if one == "--set"]
        assert [each for each in given if not has(chart, each.partition("=")[0])] == []


def has(chart: Path, path: str) -> bool:
    """Whether a path leads to a value of a chart, by its schema; users may fill some maps as they like."""
    first, _, rest = path.partition(".")
    if first in daemons():  # a chart within the umbrella
        return has(ROOT / "charts" / first, rest)
    found = json.loads((chart / "values.schema.json").read_text())
    for key in re.split(r"(?<!\\)\.", path):
        if "properties" not in found:
            return True
        if key not in found["properties"]:
            return False
        found = found["properties"][key]
    return True


@every_page
def test_a_task_of_make_that_is_named_exists(page: Path) -> None:
    tasks = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = page.read_text()
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) - tasks == set()


def test_all_of_them_are_looked_at() -> None:
    found = [words for page in PAGES for words in commands(page)]
    assert len([words for words in found if words[0] == "helm"]) > 5
    assert len([words for words in found if words[0].endswith("addons")]) > 10
    assert has(ROOT / "charts" / "dns", "config.policy")
    assert not has(ROOT / "charts" / "dns", "config.polcy")

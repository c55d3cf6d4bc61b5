"""What cannot be derived from the registry of daemons names each of them, and nothing else."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from addons.registry import daemons, prefixes_of, summary_of
from tests.house.test_budgets import RESIDENT_MIB

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
MODULES = {f"addons.{daemon}" for daemon in daemons()}


def contract(number: str) -> dict[str, Any]:
    """The import contract of that number."""
    contracts: list[dict[str, Any]] = PROJECT["tool"]["importlinter"]["contracts"]
    return next(each for each in contracts if each["name"].startswith(f"{number}:"))


class TestImportContracts:
    def test_all_daemons_are_in_one_layer(self) -> None:
        (layer,) = [layer for layer in contract("1")["layers"] if "dns |" in layer]
        present = {name.strip() for name in layer.split("|") if "(" not in name}
        assert present == set(daemons())

    def test_every_daemon_has_the_one_shape(self) -> None:
        assert set(contract("2")["containers"]) == MODULES

    def test_the_simulated_world_and_the_daemons_do_not_know_each_other(self) -> None:
        assert set(contract("7")["forbidden_modules"]) >= MODULES
        assert set(contract("7b")["source_modules"]) >= MODULES


class TestDaemons:
    def test_every_daemon_has_a_budget_of_memory(self) -> None:
        assert set(RESIDENT_MIB) == MODULES

    @pytest.mark.parametrize("daemon", daemons())
    def test_the_readme_leads_to_every_daemon(self, daemon: str) -> None:
        assert f"addons/{daemon}/README.md" in (ROOT / "README.md").read_text()

    @pytest.mark.parametrize("daemon", daemons())
    def test_its_variables_begin_with_its_name(self, daemon: str) -> None:
        assert prefixes_of(daemon)[0] == f"ADDONS_{daemon.upper()}_"

    @pytest.mark.parametrize("daemon", daemons())
    def test_it_says_in_one_line_what_it_is_for(self, daemon: str) -> None:
        assert re.fullmatch(r"[A-Z].{20,98}\.", summary_of(daemon))

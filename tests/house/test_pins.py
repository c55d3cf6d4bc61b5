"""The pins that keep the resolver honest: kubernetes and botocore disagree about python-dateutil."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def number(distribution: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version(distribution))[:3])


def pinned(lock: str) -> dict[str, str]:
    lines = re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", (ROOT / lock).read_text(), re.MULTILINE)
    return {name.lower(): version_text for name, version_text in lines}


class TestPins:
    def test_kubernetes_stays_below_the_release_that_botocore_cannot_meet(self) -> None:
        assert (37, 0, 1) <= number("kubernetes") < (37, 0, 2)

    def test_boto3_is_a_current_one(self) -> None:
        assert (1, 43) <= number("boto3") < (2,)
        assert number("boto3")[:2] == number("botocore")[:2]

    def test_dateutil_is_one_that_botocore_accepts(self) -> None:
        assert number("python-dateutil") < (3,)

    def test_the_project_states_both_bounds(self) -> None:
        stated = " ".join(PROJECT["dependencies"])
        assert "kubernetes>=37.0.1,<37.0.2" in stated
        assert "boto3>=1.43,<2" in stated
        assert "moto[server]>=5.2,<5.3" in PROJECT["optional-dependencies"]["demo"]


class TestLocks:
    @pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
    def test_every_requirement_has_a_hash(self, lock: str) -> None:
        entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / lock).read_text())
        without = [entry.split()[0] for entry in entries if "==" in entry and "--hash=sha256:" not in entry]
        assert without == []

    def test_both_locks_agree(self) -> None:
        runtime, dev = pinned("requirements.lock"), pinned("requirements-dev.lock")
        assert {name: dev.get(name) for name in runtime} == runtime

    def test_what_is_installed_is_what_is_locked(self) -> None:
        dev = pinned("requirements-dev.lock")
        for name in ("boto3", "kubernetes", "aiohttp", "msgspec", "moto"):
            assert version(name) == dev[name]

    def test_the_locks_hold_every_direct_dependency(self) -> None:
        direct = [re.match(r"[A-Za-z0-9_.-]+", line) for line in PROJECT["dependencies"]]
        names = {match.group().lower() for match in direct if match}
        assert names - pinned("requirements.lock").keys() == set()

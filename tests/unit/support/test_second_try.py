"""The second try of CI, on the cache that a real run of pytest leaves behind."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.charts import ROOT
from tests.support.second_try import FEW, failed, second_try

STEADY = "def test_it():\n    assert True\n"
BROKEN = "def test_it():\n    assert False\n"
UNSTEADY = """
from pathlib import Path

def test_it():
    tried = Path("tried")
    tried.touch() if (first := not tried.exists()) else None
    assert not first

def test_that_follows():
    assert Path("tried").exists()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, where pytest runs as it does here."""
    (tmp_path / "pytest.ini").write_text(f"[pytest]\naddopts = -p tests.conftest\npythonpath = {ROOT}\n")
    (tmp_path / "tests").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*options: str, **files: str) -> Path:
    """Run pytest on files with tests; the cache that it leaves."""
    for name, text in files.items():
        Path(f"tests/test_{name}.py").write_text(text)
    subprocess.run([sys.executable, "-m", "pytest", "-q", *options], check=False, capture_output=True)
    return Path(".pytest_cache")


def test_what_passes_alone_passes_and_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    cache = run(steady=STEADY, unsteady=UNSTEADY)
    assert failed(cache) == ["tests/test_unsteady.py"]
    assert second_try(cache) == 0
    told = capfd.readouterr().out
    assert "2 passed" in told, "the whole file, and no other"
    assert "UNSTEADY, to be mended: tests/test_unsteady.py" in told


def test_what_fails_again_has_failed(capfd: pytest.CaptureFixture[str]) -> None:
    assert second_try(run(broken=BROKEN, unsteady=UNSTEADY)) == 1
    assert "UNSTEADY" not in capfd.readouterr().out


def test_many_files_are_not_tried(capfd: pytest.CaptureFixture[str]) -> None:
    cache = run(**{f"broken{number}": BROKEN for number in range(FEW + 1)})
    assert second_try(cache) == 1
    assert capfd.readouterr().out == (
        f"no second try: it is for one to {FEW} files with failed tests, and {FEW + 1} have some\n"
    )


def test_the_cases_are_the_same_again(capfd: pytest.CaptureFixture[str]) -> None:
    assert second_try(run("--seed=123", unsteady=UNSTEADY)) == 0
    assert "--seed=123" in capfd.readouterr().out


def test_a_run_that_did_not_come_to_its_end_is_not_made_good() -> None:
    cache = run(unsteady=UNSTEADY, wrong="import nothing_of_this_name")
    assert (failed(cache), second_try(cache)) == ([], 1)
    Path("tests/test_wrong.py").unlink()
    Path("tried").unlink(missing_ok=True)
    assert failed(run(ended="import os\ndef test_it():\n    os._exit(1)\n", unsteady=UNSTEADY)) == []


def test_a_run_without_a_failed_test_is_not_made_good() -> None:
    assert second_try(run(steady=STEADY)) == 1
    assert second_try(Path("nowhere")) == 1


def test_a_run_without_a_cache_goes_as_any_other() -> None:
    Path("tests/test_steady.py").write_text(STEADY)
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0

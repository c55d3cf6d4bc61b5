"""The Dockerfile, as far as it can be checked where no image can be built."""

import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


class TestDockerfile:
    def test_what_it_copies_exists_and_is_not_ignored(self) -> None:
        kept = {
            line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
        }
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
            for source in sources.split():
                assert (ROOT / source).exists(), source
                assert source in kept

    def test_its_entry_point_is_the_command_of_the_project(self) -> None:
        scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
        assert re.search(r'^ENTRYPOINT \["(\w+)"\]$', DOCKERFILE, re.MULTILINE)[1] in scripts  # type: ignore[index]

    def test_it_runs_as_nobody(self) -> None:
        assert re.search(r"^USER 65532:65532$", DOCKERFILE, re.MULTILINE)

    @pytest.mark.timeout(120)
    def test_the_wheel_that_it_makes_has_the_daemons(self, tmp_path: Path) -> None:
        """The steps of the build that need no container: wheel, install without dependencies, list."""
        subprocess.run(
            [
                *(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"),
                *("--wheel-dir", str(tmp_path), str(ROOT)),
            ],
            check=True,
        )
        venv.create(tmp_path / "venv", with_pip=True)
        python = tmp_path / "venv" / "bin" / "python"
        wheels = [str(path) for path in tmp_path.glob("*.whl")]
        subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", *wheels], check=True)
        listed = subprocess.check_output([python, "-m", "pip", "show", "-f", "aws-cluster-addons"], text=True)
        for file in ("addons/dns/__main__.py", "addons/runtime/leader.py", "addons/__main__.py"):
            assert file in listed
        assert not [part for part in ("tests/", "addons/demo/", "addons/sim/") if part in listed]
        self._says_how_to_get_the_demo(tmp_path / "venv")

    def _says_how_to_get_the_demo(self, venv: Path) -> None:
        command = [venv / "bin" / "addons", "demo"]
        done = subprocess.run(command, cwd=venv, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (
            2,
            "addons demo: not part of the image: get the sources and run `make demo` there\n",
        )

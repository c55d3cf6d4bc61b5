"""The Dockerfile, as far as it can be checked where no image can be built."""

import os
import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from addons.cni.plugin.install import COMPILED
from tests.support.cni_socket import WARNINGS
from tests.support.processes import output_of, run

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
                assert kept & {source, source.partition("/")[0]}

    def test_its_entry_point_is_the_command_of_the_project(self) -> None:
        scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
        assert re.search(r'^ENTRYPOINT \["(\w+)"\]$', DOCKERFILE, re.MULTILINE)[1] in scripts  # type: ignore[index]

    def test_the_plugin_of_cni_is_compiled_to_where_it_is_installed_from(self, tmp_path: Path) -> None:
        """Static, as no library of a node is known; by the compiler that is here where musl's is not."""
        folder = Path("/opt/addons") / COMPILED.relative_to(sys.prefix).parent
        assert f"COPY --from=plugin /{COMPILED.name} {folder}/\n" in DOCKERFILE
        command = re.search(rf"^RUN musl-gcc (.+) -o /{COMPILED.name} /src/(\S+)$", DOCKERFILE, re.MULTILINE)
        assert command
        assert set(WARNINGS) <= set(shlex.split(command[1]))
        source, made = ROOT / "addons/cni/plugin" / command[2], tmp_path / "plugin"
        output_of(shutil.which("musl-gcc") or "cc", *shlex.split(command[1]), "-o", made, source)
        assert '"supportedVersions"' in output_of(made, env={"CNI_COMMAND": "VERSION"})
        assert "INTERP" not in output_of("readelf", "-l", made), "it asks for no loader of the host's"

    def test_it_runs_as_nobody(self) -> None:
        assert re.search(r"^USER 65532:65532$", DOCKERFILE, re.MULTILINE)

    @pytest.mark.timeout(120)
    async def test_the_wheel_that_it_makes_has_the_daemons_and_no_simulated_world(
        self, tmp_path: Path
    ) -> None:
        """The steps of the build that need no container: wheel, install without dependencies, list."""
        pip, target = (sys.executable, "-m", "pip"), tmp_path / "installed"
        output_of(*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path, ROOT)
        output_of(*pip, "install", "-q", "--no-deps", "--target", target, *tmp_path.glob("*.whl"))
        listed = [str(path.relative_to(target)) for path in target.rglob("*")]
        for file in ("addons/dns/__main__.py", "addons/runtime/leader.py", "addons/__main__.py"):
            assert file in listed
        assert not [file for file in listed if file.startswith(("tests", "addons/demo", "addons/sim"))]
        await self._says_how_to_get_the_demo(target)

    async def _says_how_to_get_the_demo(self, installed: Path) -> None:
        command, env = (sys.executable, "-P", "-m", "addons"), os.environ | {"PYTHONPATH": str(installed)}
        assert "demo" not in output_of(*command, "--help", env=env)
        assert await run(*command, "demo", env=env) == (
            2,
            "",
            "addons demo: not part of the image: get the sources and run `make demo` there\n",
        )

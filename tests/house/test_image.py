"""The Dockerfile, as far as it can be checked where no image can be built."""

import re
import tomllib
from pathlib import Path

from release import image
from tests.support.oci_image import SOURCES

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


class TestDockerfile:
    def test_what_it_copies_exists_and_is_not_ignored(self) -> None:
        kept = {
            line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
        }
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
            for source in sources.split():
                assert (ROOT / source).exists(), source
                assert kept & {source, source.partition("/")[0]}

    def test_it_copies_all_that_the_image_is_made_from(self) -> None:
        copied = {
            each for line in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.M) for each in line.split()
        }
        assert set(SOURCES) - copied == {"Dockerfile", "release/image.py"}

    def test_every_image_that_it_begins_with_is_named_by_its_digest(self) -> None:
        stages = re.findall(r"^FROM (?:--platform=\S+ )?(\S+)", DOCKERFILE, re.MULTILINE)
        assert [each for each in stages if not re.search(r"@sha256:[0-9a-f]{64}$", each)] == ["scratch"]

    def test_its_entry_point_is_the_command_of_the_project(self) -> None:
        assert image.settings(DOCKERFILE)["entrypoint"] == ["addons"]
        assert "addons" in PROJECT["scripts"]

    def test_it_runs_as_nobody(self) -> None:
        assert image.settings(DOCKERFILE)["user"] == "65532:65532"

    def test_it_carries_the_version_and_the_licence_of_the_project(self) -> None:
        labels = dict(label.split("=", 1) for label in image.settings(DOCKERFILE)["labels"])
        assert labels["org.opencontainers.image.version"] == PROJECT["version"]
        assert labels["org.opencontainers.image.licenses"] == PROJECT["license"]

    def test_the_wheel_is_built_by_what_the_developers_have(self) -> None:
        """Another version of it would give another archive."""
        dev = (ROOT / "requirements-dev.lock").read_text()
        for name, version in re.findall(
            r"^(\S+)==(\S+)", (ROOT / "release/build.lock").read_text(), re.MULTILINE
        ):
            assert f"{name}=={version}" in dev

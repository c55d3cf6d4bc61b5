"""A release: what it refuses, and that its files are the same whoever makes them."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
import yaml

from release import archive as image_archive
from release import bill, image, packages, release, versions
from tests.support import umbrella
from tests.support.charts import CHARTS, cases, render
from tests.support.processes import ended, output_of, running

pytestmark = pytest.mark.timeout(600)  # whoever comes first builds the image, where `make` has not

ROOT = Path(__file__).parents[2]
VERSION = image.version()
NEXT = "99.0.0"
"""The version that is released here: the changelog may tell of the present one already."""
ABOUT_VERSIONS = ("pyproject.toml", "Dockerfile", "CHANGELOG.md", "changelog.d", "charts", "docs", "release")


def git(folder: Path, *command: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    return output_of("git", "-C", folder, *identity, *command)


def copied(folder: Path, *parts: str, umask: int = 0o022, age_seconds: float = 0) -> Path:
    """The sources, or these parts of them, as somebody else has them: with other modes and times of files."""
    before = os.umask(umask)
    try:
        for name in git(ROOT, "ls-files", "-z", *parts).split("\0")[:-1]:
            source, target = ROOT / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_symlink():
                target.symlink_to(source.readlink())
            elif source.exists():
                target.write_bytes(source.read_bytes())
                target.chmod((0o777 if os.access(source, os.X_OK) else 0o666) & ~umask)
                os.utime(target, times=(time.time() - age_seconds,) * 2)
    finally:
        os.umask(before)
    return folder


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    """A repository that is ready for a release: the changelog is folded, and all is committed."""
    folder = copied(tmp_path / "repository", *ABOUT_VERSIONS)
    versions.change(NEXT, folder)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")
    fold(folder)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "changelog")
    return folder


def fold(folder: Path) -> None:
    command = (sys.executable, "-m", "towncrier", "build", "--yes", "--version", NEXT)
    subprocess.run((*command, "--date", "2026-11-29"), cwd=folder, check=True, capture_output=True)


def add_fragment(folder: Path, name: str, text: str) -> None:
    (folder / "changelog.d").mkdir(exist_ok=True)
    (folder / "changelog.d" / name).write_text(text)


def refused(folder: Path) -> list[str]:
    return list(release.refusals(folder, NEXT))


class TestRefusals:
    def test_a_commit_with_a_folded_changelog_is_ready(self, committed: Path) -> None:
        assert refused(committed) == []

    def test_what_is_not_committed(self, committed: Path) -> None:
        (committed / "new.txt").write_text("")
        assert refused(committed) == ["the tree is not its commit: commit or remove new.txt"]

    def test_a_version_that_is_released(self, committed: Path) -> None:
        git(committed, "tag", f"v{NEXT}")
        (said,) = refused(committed)
        assert said.startswith("it is released, there is a tag")

    def test_fragments_that_are_not_folded(self, committed: Path) -> None:
        add_fragment(committed, "dns.fixed.md", "dns: less of it.\n")
        to_do = f"move them into the section about {NEXT} of CHANGELOG.md"
        assert f"changelog.d has 1 fragments, as dns.fixed.md: {to_do}" in refused(committed)
        (committed / "CHANGELOG.md").write_text("# Changelog\n")
        assert "changelog.d has 1 fragments, as dns.fixed.md: make changelog" in refused(committed)

    def test_a_version_of_which_the_changelog_says_nothing_and_a_place_that_says_another(
        self, committed: Path
    ) -> None:
        chart = committed / "charts" / "dns" / "Chart.yaml"
        chart.write_text(
            re.sub("^appVersion: .*$", 'appVersion: "9.9.9"', chart.read_text(), flags=re.MULTILINE)
        )
        (committed / "CHANGELOG.md").write_text("# Changelog\n")
        git(committed, "commit", "--quiet", "--all", "--message", "less")
        nothing, another = refused(committed)
        assert nothing == f"CHANGELOG.md has no section about {NEXT}: make changelog"
        assert another == f"charts/dns/Chart.yaml:6 says 9.9.9, not {NEXT}: release/versions.py {NEXT}"


class TestVersions:
    def test_every_place_has_the_version_of_the_project(self) -> None:
        found = list(versions.places())
        assert {place.version for place in found} == {VERSION}
        told = {str(place.path) for place in found}
        assert {"pyproject.toml", "Dockerfile"} | {str(path.relative_to(ROOT)) for path in charts()} <= told

    def test_a_change_is_one_everywhere_and_nothing_else(self, tmp_path: Path) -> None:
        folder = copied(tmp_path, *ABOUT_VERSIONS)
        versions.change("12.0.0-rc.1", folder)
        assert [each._replace(version=VERSION) for each in versions.places(folder)] == list(versions.places())
        assert {place.version for place in versions.places(folder)} == {"12.0.0-rc.1"}
        for path in {place.path for place in versions.places()}:
            old = (ROOT / path).read_text()
            assert (folder / path).read_text().replace("12.0.0-rc.1", VERSION) == old
        for path in charts():
            about = yaml.safe_load((folder / path.relative_to(ROOT)).read_text())
            assert about["version"] == about.get("appVersion", about["version"]) == "12.0.0-rc.1"

    def test_what_is_no_version_changes_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(SystemExit, match=r"1\.2: no version"):
            versions.change("1.2", tmp_path)


def charts() -> list[Path]:
    return sorted(CHARTS.glob("*/Chart.yaml"))


class TestChangelog:
    def test_it_takes_every_fragment_and_keeps_what_was_there(self, tmp_path: Path) -> None:
        folder = copied(tmp_path, *ABOUT_VERSIONS)
        add_fragment(folder, "one.added.md", "One sentence,\non two lines.\n")
        add_fragment(folder, "list.fixed.md", "* A list,\n  of two.\n* The second.\n")
        fragments = {path.name: path.read_text() for path in (folder / "changelog.d").glob("*.md")}
        before = (folder / "CHANGELOG.md").read_text()
        git(folder, "init", "--quiet")
        git(folder, "add", "--all")
        fold(folder)
        after = (folder / "CHANGELOG.md").read_text()
        start, _, rest = before.partition("<!-- releases -->\n")
        assert after.startswith(f"{start}<!-- releases -->\n\n## {NEXT} (2026-11-29)\n\n### Added\n\n* ")
        assert after.endswith(rest)
        assert not list((folder / "changelog.d").glob("*.md"))
        assert "* *" not in after
        missing = [name for name, text in fragments.items() if words(text) not in words(after)]
        assert missing == []

    def test_fragments_are_of_a_kind_that_it_knows(self) -> None:
        for path in (ROOT / "changelog.d").glob("[!.]*"):
            assert re.fullmatch(r"[a-z0-9-]+\.(added|changed|fixed|removed)\.md", path.name), path.name


def words(text: str) -> str:
    return " ".join(text.replace("\n* ", "\n").removeprefix("* ").split())


class TestFiles:
    def test_packages_are_the_same_whatever_the_folder_the_umask_and_the_day(self, tmp_path: Path) -> None:
        mine = packed(copied(tmp_path / "mine"), tmp_path / "one")
        another = copied(tmp_path / "of somebody else", umask=0o077, age_seconds=1e7)
        theirs = packed(another, tmp_path / "two")
        names = {f"{path.parent.name}-{VERSION}.tgz" for path in charts()} - {f"common-{VERSION}.tgz"}
        base = f"aws_cluster_addons-{VERSION}"
        assert mine.keys() == names | {f"{base}.tar.gz", f"{base}-py3-none-any.whl"}
        assert mine == theirs

    def test_a_wheel_made_from_the_sdist_is_the_wheel(self, tmp_path: Path) -> None:
        made = packed(copied(tmp_path / "sources"), tmp_path / "one")
        with tarfile.open(tmp_path / "one" / f"aws_cluster_addons-{VERSION}.tar.gz") as tar:
            tar.extractall(tmp_path / "unpacked", filter="data")
        (unpacked,) = (tmp_path / "unpacked").iterdir()
        (tmp_path / "two").mkdir()
        wheel = f"aws_cluster_addons-{VERSION}-py3-none-any.whl"
        packages.write_python(unpacked, tmp_path / "two", 1_000_000_000)
        assert (tmp_path / "two" / wheel).read_bytes() == made[wheel]

    def test_a_packed_chart_renders_what_the_chart_does(self, tmp_path: Path) -> None:
        for package in packages.write_charts(ROOT, tmp_path, 1_000_000_000):
            name = package.name.removesuffix(f"-{VERSION}.tgz")
            given = cases(name)["default"]
            source = umbrella.package() if name == umbrella.UMBRELLA else CHARTS / name
            assert render(given, package) == render(given, source)

    def test_one_that_is_cut_short_is_no_release(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(image, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            release.make(ROOT, tmp_path / VERSION, VERSION, 1_000_000_000)
        assert [path.name for path in tmp_path.iterdir()] == [f"{VERSION}.part"]

    def test_checksums_are_those_of_sha256sum(self, tmp_path: Path) -> None:
        (tmp_path / "b").write_bytes(b"2")
        (tmp_path / "a").write_bytes(b"1")
        release.write_sums(tmp_path)
        done = subprocess.run(
            ("sha256sum", "--check", release.SUMS), cwd=tmp_path, capture_output=True, text=True
        )
        assert (done.returncode, done.stdout) == (0, "a: OK\nb: OK\n")


def python_in(folder: Path) -> Path:
    """The Python of these tests with its packages, at another path."""
    ours = Path(sys.prefix)
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(Path(sys.executable).resolve())
    (folder / "lib").symlink_to(ours / "lib")
    shutil.copy(ours / "pyvenv.cfg", folder)
    return python


def packed(sources: Path, out: Path) -> dict[str, bytes]:
    out.mkdir()
    packages.write_python(sources, out, 1_000_000_000)
    packages.write_charts(sources, out, 1_000_000_000)
    return {path.name: path.read_bytes() for path in out.iterdir()}


class TestImage:
    def test_its_layers_are_the_same_in_another_folder_under_another_umask(
        self, archive: Path, tmp_path: Path
    ) -> None:
        sources = copied(tmp_path / "of somebody else", umask=0o077, age_seconds=1e7)
        environment = os.environ | {"PYTHON": str(python_in(tmp_path / "venv"))}
        output_of(sources / "release" / "layers", architecture(), tmp_path / "made", env=environment)
        made = [
            hashlib.sha256((tmp_path / "made" / f"{name}.tar").read_bytes()) for name in ("base", "addons")
        ]
        expected = image_archive.configuration(archive)["rootfs"]["diff_ids"]
        assert [f"sha256:{each.hexdigest()}" for each in made] == expected

    def test_its_bill_names_every_package_with_its_version(self, archive: Path, tmp_path: Path) -> None:
        for name in ("one", "two"):
            bill.write(archive, tmp_path / name, name=release.NAME, version=VERSION, made_at=1_000_000_000)
        assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
        said = json.loads((tmp_path / "one").read_text())
        assert (said["bomFormat"], said["metadata"]["component"]["version"]) == ("CycloneDX", VERSION)
        urls = {each["purl"].partition("?")[0].partition("+")[0] for each in said["components"]}
        lock = (ROOT / "requirements.lock").read_text()
        locked = set(re.findall(r"^([a-z0-9-]+==[^\s;]+)", lock, re.MULTILINE)) - {"win-inet-pton==1.1.0"}
        assert {f"pkg:pypi/{each.replace('==', '@')}" for each in locked} <= urls
        assert f"pkg:pypi/aws-cluster-addons@{VERSION}" in urls
        assert any(url.startswith("pkg:deb/debian/libc6@2.36-9") for url in urls)


def architecture() -> str:
    return image.ARCHITECTURES[os.uname().machine]


class TestInterrupt:
    async def test_a_command_is_given_the_time_to_remove_what_it_has_made(self, tmp_path: Path) -> None:
        """A shell removes it when the command that it waits for has ended."""
        script = 'trap \'trap "" INT; rm -r "$0"\' EXIT; (trap "" INT; echo begun; sleep 1)'
        made = tmp_path / "made"
        made.mkdir()
        code = "import sys; from release import image; image._run('bash', '-c', *sys.argv[1:])"
        command = (sys.executable, "-c", code, script, made)
        async with running(*command, stdout=PIPE, stderr=PIPE, own_session=True) as process:
            assert process.stdout
            await process.stdout.readline()
            for _ in range(2):  # as by somebody who is impatient
                os.killpg(process.pid, signal.SIGINT)
            done = await ended(process)
        assert (done.code, done.err) == (image.INTERRUPTED, "")
        assert not made.exists()

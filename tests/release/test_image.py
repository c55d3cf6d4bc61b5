"""The image: what is in it, what is not, and that it runs as its charts run it."""

import importlib.metadata
import re
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from addons.__main__ import COMMANDS
from addons.registry import daemons
from release import packages
from release.image import lacking, version
from tests.support.image import image_environment
from tests.support.oci_image import Tree, leave_out_without
from tests.support.processes import output_of

pytestmark = pytest.mark.timeout(600)  # whoever comes first builds it, where `make` has not

ROOT = Path(__file__).parents[2]
SITE = "opt/addons/lib/python3.11/site-packages"
PLUGIN = "/opt/addons/lib/aws-addons/aws-addons-cni"
LARGEST, LARGEST_ARCHIVE = 180 * 2**20, 60 * 2**20
"""Bytes of all files, and of what is pulled."""


def files(tree: Tree) -> Iterator[Path]:
    return (path for path in tree.root.rglob("*") if path.is_file() and not path.is_symlink())


def test_it_is_small(tree: Tree, archive: Path) -> None:
    assert sum(path.stat().st_size for path in files(tree)) <= LARGEST
    assert archive.stat().st_size <= LARGEST_ARCHIVE


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "demo"])
def test_every_command_runs_as_nobody_on_a_read_only_file_system(tree: Tree, command: str) -> None:
    assert f"addons {command}" in tree.run("addons", command, "--help")


def test_the_daemons_and_the_packages_they_use_are_imported(tree: Tree) -> None:
    """Extension modules among them, and what is loaded only when it is needed."""
    modules = [f"addons.{name}.controller.build" for name in daemons()]
    modules += [
        "kubernetes.aio.config",
        "boto3",
        "re2",
        "httptools",
        "cryptography.fernet",
        "pyroute2",
        "yaml",
    ]
    tree.run("python", "-c", f"import {', '.join(modules)}")


def test_every_module_of_pythons_that_is_in_it_can_be_imported(tree: Tree) -> None:
    """What was left out, libraries and modules, belongs together."""
    code = (
        "import importlib, pathlib\n"
        "for path in sorted(pathlib.Path('/usr/lib/python3.11/lib-dynload').iterdir()):\n"
        "    importlib.import_module(path.name.partition('.')[0])"
    )
    tree.run("python", "-c", code)


def test_every_library_that_a_program_or_a_module_needs_is_in_it(tree: Tree) -> None:
    """As the loader would find them: in Debian's folders, or beside the module in its package."""
    binaries = [path for path in files(tree) if path.read_bytes()[:4] == b"\x7fELF"]
    said = output_of("readelf", "--dynamic", "--wide", *binaries)
    needed = set(re.findall(r"\(NEEDED\) .*\[(.+)\]", said))
    assert "libstdc++.so.6" in needed
    assert needed - {path.name for path in tree.root.rglob("*.so*")} == set()


def test_the_plugin_of_cni_is_where_cni_takes_it_from_and_runs(tree: Tree) -> None:
    code = "from addons.cni.plugin.install import COMPILED; print(COMPILED)"
    assert tree.run("python", "-c", code).strip() == PLUGIN
    assert '"supportedVersions"' in tree.run(PLUGIN, variables=("CNI_COMMAND=VERSION",))


@pytest.mark.parametrize(("arch", "machine"), [("amd64", "X86-64"), ("arm64", "AArch64")])
def test_the_plugin_of_cni_needs_nothing_of_its_host(tmp_path: Path, arch: str, machine: str) -> None:
    """For both platforms, whatever this one is: no loader and no library."""
    leave_out_without(" ".join(lacking(arch)))
    output_of(ROOT / "release" / "plugin", arch, tmp_path / "plugin")
    said = output_of("readelf", "--file-header", "--program-headers", "--wide", tmp_path / "plugin")
    assert machine in said
    assert "INTERP" not in said
    assert (tmp_path / "plugin").stat().st_size < 200_000


def test_its_project_is_the_wheel(tree: Tree, tmp_path: Path) -> None:
    """Every file of the wheel, and nothing else but byte code; what a runtime is told names the version."""
    packages.write_python(ROOT, tmp_path, 1_000_000_000)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        expected = {name: packed.read(name) for name in packed.namelist() if name.startswith("addons/")}
    project = tree.root / SITE / "addons"
    found = {str(path.relative_to(tree.root / SITE)): path for path in project.rglob("*") if path.is_file()}
    compiled = {name for name in found if name.endswith(".pyc")}
    assert {name: found[name].read_bytes() for name in found.keys() - compiled} == expected
    assert len(compiled) == len([name for name in expected if name.endswith(".py")])
    assert tree.about["config"]["Labels"]["org.opencontainers.image.version"] == version()


def test_a_runtime_is_told_what_the_dockerfile_says(tree: Tree) -> None:
    told = tree.about["config"]
    assert (told["User"], told["Entrypoint"]) == ("65532:65532", ["addons"])
    for name, value in image_environment().items():
        assert f"{name}={value}" in told["Env"]


def test_the_program_by_which_cni_changes_old_rules_runs(tree: Tree) -> None:
    assert "(legacy)" in tree.run("iptables-legacy", "--version")


def test_certificates_of_public_authorities_are_trusted(tree: Tree) -> None:
    code = "import ssl; print(len(ssl.create_default_context().get_ca_certs()))"
    assert int(tree.run("python", "-c", code)) > 100


def test_nobody_is_let_in_to_change_it(tree: Tree) -> None:
    """No shell, no package manager; no file makes its caller somebody else, or is anybody's to write."""
    folders = ("bin", "sbin", "usr/bin", "usr/sbin", "opt/addons/bin")
    programs = {path.name for folder in folders for path in (tree.root / folder).glob("*")}
    assert programs & {"sh", "bash", "dash", "apt", "apt-get", "dpkg", "perl", "pip", "busybox"} == set()
    assert {path.name for path in (tree.root / SITE).iterdir()} & {"pip", "setuptools", "ensurepip"} == set()
    modes = {path: path.lstat().st_mode for path in tree.root.rglob("*") if not path.is_symlink()}
    assert [path for path, mode in modes.items() if mode & (stat.S_ISUID | stat.S_ISGID)] == []
    writable = {str(path.relative_to(tree.root)) for path, mode in modes.items() if mode & stat.S_IWOTH}
    assert writable <= {"tmp", "var/tmp"}


def test_there_is_no_simulated_world_in_it(tree: Tree) -> None:
    assert "demo" not in tree.run("addons", "--help")
    with pytest.raises(RuntimeError, match="not part of the image: get the sources"):
        tree.run("addons", "demo")


def test_it_says_which_packages_of_debian_it_has(tree: Tree) -> None:
    said = {path.name: path.read_text() for path in (tree.root / "var/lib/dpkg/status.d").iterdir()}
    assert {"libc6", "libssl3", "python3.11-minimal", "iptables", "ca-certificates"} <= said.keys()
    assert all(re.search(r"^Version: .+$", text, re.MULTILINE) for text in said.values())
    assert 'VERSION_ID="12"' in (tree.root / "etc/os-release").read_text()


def test_it_has_the_locked_versions_of_packages_and_the_project_s_own(tree: Tree) -> None:
    installed = importlib.metadata.distributions(path=[str(tree.root / SITE)])
    found = {each.name.lower().replace("_", "-"): each.version for each in installed}
    lock = (ROOT / "requirements.lock").read_text()
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", lock, re.MULTILINE))
    del locked["win-inet-pton"]
    assert found == locked | {"aws-cluster-addons": version()}

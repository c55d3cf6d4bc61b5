"""The image itself, built as `make image` does, once for the same content, and put into real runtimes.

Run as a program it builds what tests will need: the first build takes longer than a test may.
"""

import fcntl
import hashlib
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from release.archive import configuration, layers
from release.image import ARCHITECTURES, REFERENCE, lacking, version
from tests.support.namespaces import privileged
from tests.support.processes import output_of

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aws-cluster-addons"
SOURCES = (
    "addons",
    "release/build.lock",
    "release/debian",
    "release/image.py",
    "release/layers",
    "release/left-out",
    "release/plugin",
    "release/services",
    "Dockerfile",
    "LICENSE",
    "README.md",
    "docs/troubleshooting.md",
    "pyproject.toml",
    "requirements.lock",
)
"""What the image is made from."""
_KEPT_ARCHIVES = 8
"""Clones of several changes share the folder."""


def archive() -> Path:
    """The archive of the image of this tree for this machine; takes minutes when it is not there yet."""
    CACHE.mkdir(parents=True, exist_ok=True)
    found = CACHE / f"image-{_content()}.tar"
    with _locked():
        if not found.exists():
            made = found.with_suffix(".new")
            command = (sys.executable, ROOT / "release" / "image.py", _architecture(), made)
            subprocess.run(
                command, env=os.environ | {"SOURCE_DATE_EPOCH": "0"}, stdout=sys.stderr, check=True
            )
            made.rename(found)
            _forget_old()
        os.utime(found)
    return found


def import_into(socket: Path) -> str:
    """Have the containerd at a socket hold the image for pods; gives `docker.io/local/addons:VERSION`."""
    command = ("ctr", "--address", socket, "--namespace", "k8s.io", "images", "import")
    output_of(*command, "--base-name", REFERENCE, archive())
    return f"{REFERENCE}:{version()}"


def values() -> dict[str, Any]:
    """Values of a chart with which its pods run the image that was imported."""
    return {"image": {"repository": REFERENCE, "tag": version(), "pullPolicy": "Never"}}


def missing() -> str:
    """What this machine lacks to build the image and to look into it, in words; "" when it has all of it."""
    tools = (
        lacking(_architecture()) if os.uname().machine in ARCHITECTURES else ["a machine of amd64 or arm64"]
    )
    if tools:
        return f"the image needs these Debian packages: {' '.join(tools)}"
    return "" if privileged() else "to run what is in the image needs root"


def leave_out_without(lack: str) -> None:
    """Skip a test for what this machine lacks, in words, or fail where CI=true; nothing for ""."""
    if lack:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(lack)


@dataclass(frozen=True)
class Tree:
    """The root file system of the image, in a folder, and what the archive says besides."""

    root: Path
    about: Mapping[str, Any]
    """The configuration of the image, as a runtime reads it."""

    def run(self, *command: str, variables: tuple[str, ...] = ()) -> str:
        """Run a program as a pod does: nobody's, and the file system is read-only but for /tmp."""
        root = self.root
        mounts = (
            f"mount --bind {root} {root}",
            f"mount -o remount,bind,ro {root}",
            f"mount -t tmpfs tmp {root}/tmp",
            f"mount -t proc proc {root}/proc",
        )
        inside = ["env", "-i", *self.about["config"]["Env"], *variables]
        inside += ["/usr/sbin/chroot", "--userspec=65532:65532", "--groups=", str(root), *command]
        script = " && ".join((*mounts, f"exec {shlex.join(inside)}"))
        return output_of("unshare", "--mount", "--pid", "--fork", "--net", "sh", "-c", script)


def unpack(archive: Path, folder: Path) -> Tree:
    """Make a folder the root file system of the image, and read what the archive says of it."""
    for layer in layers(archive):
        layer.extractall(folder, filter="fully_trusted")
    return Tree(folder, configuration(archive))


def _architecture() -> str:
    return ARCHITECTURES[os.uname().machine]


def _content() -> str:
    """A digest of all that the image is made from, whatever the commit."""
    digest = hashlib.sha256(_architecture().encode())
    for path in sorted(_files()):
        digest.update(f"{path.relative_to(ROOT)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def _files() -> Iterator[Path]:
    for source in (ROOT / name for name in SOURCES):
        found = source.rglob("*") if source.is_dir() else (source,)
        yield from (path for path in found if path.is_file() and "__pycache__" not in path.parts)


def _forget_old() -> None:
    kept = sorted(CACHE.glob("image-*.tar"), key=lambda path: path.stat().st_mtime)
    for path in kept[:-_KEPT_ARCHIVES]:
        path.unlink()


@contextmanager
def _locked() -> Iterator[None]:
    with (CACHE / "image-archive.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    if lack := missing():
        sys.exit(f"tests of the image are left out: {lack}")
    archive()

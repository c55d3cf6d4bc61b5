"""Write the image as an archive that needs no engine.   usage: image.py [ARCH] [OUT]

dist/addons-image-ARCH.tar is an OCI image layout as one file; `ctr images import` and
`skopeo copy oci-archive:FILE` read it. Its two layers are those of `layers`, what it tells a runtime is what
the last stage of the Dockerfile says, and umoci makes an image of them. The same commit and the same Debian
packages give the same bytes.
"""

import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""
REFERENCE = "docker.io/local/addons"
"""The name of the image, before its version, on machines that import it and push it nowhere."""

_TOOLS = {"mmdebstrap": "mmdebstrap", "umoci": "umoci"}
_COMPILERS = {"amd64": "x86_64-linux-gnu-gcc", "arm64": "aarch64-linux-gnu-gcc"}


def version() -> str:
    """The version of the project."""
    project: Mapping[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project["version"]


def commit_seconds() -> int:
    """The time of all that is made: that of the commit, or $SOURCE_DATE_EPOCH."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or _said("git", "log", "-1", "--format=%ct"))


def last_stage(dockerfile: str) -> Iterator[tuple[str, str]]:
    """The instructions of the last stage of a Dockerfile, each with what it is given."""
    lines = (line for line in dockerfile.splitlines() if not line.startswith("#"))
    stage = re.split(r"^FROM ", "\n".join(lines).replace("\\\n", " "), flags=re.MULTILINE)[-1]
    for line in stage.splitlines()[1:]:
        word, _, given = line.partition(" ")
        if given:
            yield word, given.strip()


def settings(dockerfile: str) -> dict[str, Any]:
    """What the Dockerfile tells a runtime: user, entry point, variables and labels."""
    found: dict[str, Any] = {"variables": [], "labels": []}
    for word, given in last_stage(dockerfile):
        if word == "ENV":
            found["variables"] += shlex.split(given)
        elif word == "LABEL":
            found["labels"] += shlex.split(given)
        elif word == "USER":
            found["user"] = given
        elif word == "ENTRYPOINT":
            found["entrypoint"] = msgspec.json.decode(given)
    return found


def write(arch: str, out: Path, *, is_fresh: bool = False) -> None:
    """Make `out` the archive of the image for an architecture; if wanted of Debian's packages of now."""
    if arch not in _COMPILERS:
        raise SystemExit(f"image.py: {arch}: amd64 or arm64")
    if packages := lacking(arch):
        raise SystemExit(f"image.py: missing, please install: apt-get install {' '.join(packages)}")
    made_at = commit_seconds()
    with tempfile.TemporaryDirectory() as folder:
        layers, layout = Path(folder, "layers"), Path(folder, "layout")
        _run(ROOT / "release" / "layers", arch, layers, **({"REFRESH": "1"} if is_fresh else {}))
        _assemble(arch, layers, layout, datetime.fromtimestamp(made_at, UTC).isoformat())
        out.parent.mkdir(parents=True, exist_ok=True)
        _pack(layout, out, made_at)


def _assemble(arch: str, layers: Path, layout: Path, made_at: str) -> None:
    """Make an OCI layout that holds one image of the two layers."""
    image = f"{layout}:{version()}"
    told = settings((ROOT / "Dockerfile").read_text())
    _run("umoci", "init", "--layout", layout)
    _run("umoci", "new", "--image", image)
    for name in ("base.tar", "addons.tar"):
        history = ("--history.created", made_at, "--history.created_by", f"release/layers: {name}")
        _run("umoci", "raw", "add-layer", "--image", image, *history, layers / name)
    flags = [f"--architecture={arch}", "--os=linux", f"--created={made_at}", "--no-history"]
    flags += [f"--config.user={told['user']}", "--clear=config.entrypoint", "--clear=config.cmd"]
    flags += [f"--config.entrypoint={word}" for word in told["entrypoint"]]
    flags += [f"--config.env={each}" for each in told["variables"]]
    flags += [f"--config.label={each}" for each in told["labels"]]
    _run("umoci", "config", "--image", image, *flags)
    _run("umoci", "gc", "--layout", layout)


def _pack(layout: Path, out: Path, made_at: int) -> None:
    flags = (
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mode=u=rwX,go=rX",
        f"--mtime=@{made_at}",
    )
    _run("tar", *flags, "-C", layout, "-cf", out, "blobs", "index.json", "oci-layout")


def lacking(arch: str) -> list[str]:
    """The Debian packages that this machine has not and that the image for an architecture needs."""
    compiler = _COMPILERS[arch]
    is_native = arch == ARCHITECTURES.get(platform.machine())
    tools = _TOOLS | {
        compiler: "gcc" if is_native else f"gcc-{compiler.removesuffix('-gcc').replace('_', '-')}"
    }
    return [package for tool, package in tools.items() if not shutil.which(tool)]


def _run(*command: str | Path, **variables: str) -> None:
    """Run a command. One that is interrupted, as we are, is waited for: it removes what it has made."""
    with subprocess.Popen(command, env=os.environ | {"PYTHON": sys.executable} | variables) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            process.wait()
            raise SystemExit(INTERRUPTED) from None
    if code:
        raise SystemExit(f"image.py: {command[0]} has failed, exit code {code}")


def _said(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    given = [*sys.argv[1:], "", ""]
    architecture = given[0] or ARCHITECTURES[platform.machine()]
    archive = Path(given[1] or ROOT / "dist" / f"addons-image-{architecture}.tar")
    write(architecture, archive)
    sys.stdout.write(f"{archive}: {archive.stat().st_size / 2**20:.0f} MiB\n")

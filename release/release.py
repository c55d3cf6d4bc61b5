"""Make a release out of a commit: all that is handed out, in dist/VERSION.   usage: release.py [--dry-run]

It publishes nothing and tags nothing. It refuses a commit that is not ready, and says all that is missing at
once; docs/releasing.md is the list of steps. With --dry-run it makes nothing.
"""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from release import bill, image, packages, versions

ROOT = Path(__file__).resolve().parents[1]
NAME = "aws-cluster-addons"
ARCHITECTURES = ("amd64", "arm64")
SUMS = "SHA256SUMS"


def refusals(root: Path, version: str) -> Iterator[str]:
    """Why no release can be made of a tree now, in words that say what to do."""
    if changed := _git(root, "status", "--porcelain"):
        yield f"the tree is not its commit: commit or remove {', '.join(_paths(changed))}"
    if _git(root, "tag", "--list", f"v{version}"):
        yield f"it is released, there is a tag v{version}: the next one begins by release/versions.py NEW"
    is_told = re.search(rf"^## {re.escape(version)} \(", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    if fragments := sorted(path.name for path in (root / "changelog.d").glob("*.md")):
        to_do = f"move them into the section about {version} of CHANGELOG.md" if is_told else "make changelog"
        yield f"changelog.d has {len(fragments)} fragments, as {fragments[0]}: {to_do}"
    if not is_told:
        yield f"CHANGELOG.md has no section about {version}: make changelog"
    for place in versions.places(root):
        if place.version != version:
            where = f"{place.path}:{place.line}"
            yield f"{where} says {place.version}, not {version}: release/versions.py {version}"


def make(root: Path, out: Path, version: str, made_at: int) -> None:
    """Write all files of a release into a folder, which is made anew, and is there only once it has all."""
    part = out.with_name(f"{out.name}.part")
    for folder in (out, part):
        shutil.rmtree(folder, ignore_errors=True)
    part.mkdir(parents=True)
    packages.write_python(root, part, made_at)
    packages.write_charts(root, part, made_at)
    for arch in ARCHITECTURES:
        archive = part / f"addons-image-{arch}.tar"
        image.write(arch, archive, is_fresh=True)
        bill.write(
            archive, part / f"addons-image-{arch}.cdx.json", name=NAME, version=version, made_at=made_at
        )
    write_sums(part)
    part.rename(out)


def write_sums(out: Path) -> None:
    """Write the checksums of all files of a folder, as sha256sum reads them."""
    files = sorted(path for path in out.iterdir() if path.name != SUMS)
    sums = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    (out / SUMS).write_text("".join(sums))


def main() -> int:
    """Make the release, or say why not; gives the exit code."""
    parser = argparse.ArgumentParser(prog="release", description="Make a release out of this commit.")
    parser.add_argument("--dry-run", action="store_true", help="say what is missing, and make nothing")
    is_dry = parser.parse_args().dry_run
    version = image.version()
    out = ROOT / "dist" / version
    said = list(refusals(ROOT, version))
    if packages_missing := sorted({each for arch in ARCHITECTURES for each in image.lacking(arch)}):
        said.append(f"missing, please install: apt-get install {' '.join(packages_missing)}")
    for line in said:
        sys.stderr.write(f"release {version}: {line}\n")
    if said:
        return 1
    if is_dry:
        sys.stdout.write(f"release {version}: ready; it would be made in {out}\n")
        return 0
    make(ROOT, out, version, image.commit_seconds())
    for path in sorted(out.iterdir()):
        sys.stdout.write(f"{path.stat().st_size / 2**20:8.1f} MiB  {path.relative_to(ROOT)}\n")
    return 0


def _paths(porcelain: str) -> list[str]:
    """The first paths that `git status` tells of."""
    found = [line[3:] for line in porcelain.splitlines()]
    return found[:3] + ["..."] * (len(found) > 3)


def _git(root: Path, *command: str) -> str:
    return subprocess.run(("git", *command), cwd=root, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(image.INTERRUPTED)

"""The version stands in pyproject.toml; where else it has to, it is the same.   usage: versions.py NEW"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
_NUMBER = r"\d+\.\d+\.\d+(?:-[0-9a-z.]+)?"
_PATTERNS = {
    "pyproject.toml": (rf'^version = "({_NUMBER})"$',),
    "Dockerfile": (rf"image\.version=({_NUMBER})\b", rf"/aws-cluster-addons:({_NUMBER})\b"),
    "docs/*.md": (rf"/aws-cluster-addons:({_NUMBER})\b",),
    "charts/*/Chart.yaml": (rf"^ *version: ({_NUMBER})$", rf'^appVersion: "({_NUMBER})"$'),
}
"""Where it stands, by file: the first group of each match. Versions of charts are those of the project."""


class Place(NamedTuple):
    """One place where the version stands."""

    path: Path
    line: int
    version: str


def places(root: Path = ROOT) -> Iterator[Place]:
    """Every place where the version stands."""
    for path, pattern in _patterns(root):
        text = path.read_text()
        for found in re.finditer(pattern, text, re.MULTILINE):
            yield Place(path.relative_to(root), text.count("\n", 0, found.start(1)) + 1, found[1])


def change(version: str, root: Path = ROOT) -> None:
    """Have it be another one everywhere."""
    if not re.fullmatch(_NUMBER, version):
        raise SystemExit(f"versions.py: {version}: no version, as 1.2.3 or 1.2.3-rc.1")
    for path, pattern in _patterns(root):
        text = path.read_text()
        path.write_text(re.sub(pattern, lambda found: _with(found, version), text, flags=re.MULTILINE))


def _with(found: re.Match[str], version: str) -> str:
    before, after = found.start(1) - found.start(), found.end(1) - found.start()
    return found[0][:before] + version + found[0][after:]


def _patterns(root: Path) -> Iterator[tuple[Path, str]]:
    for name, patterns in _PATTERNS.items():
        for path in sorted(root.glob(name)):
            yield from ((path, pattern) for pattern in patterns)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: versions.py NEW")
    change(sys.argv[1])

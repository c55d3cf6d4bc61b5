"""What the image sets for the programs in it."""

import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ELSEWHERE = ("PATH", "PYTHONDONTWRITEBYTECODE")


def image_environment(tree: Path = ROOT) -> Mapping[str, str]:
    """The variables of the Dockerfile of a tree, without those that make sense in the image only."""
    text = (tree / "Dockerfile").read_text().replace("\\\n", " ")
    (line,) = re.findall(r"^ENV (.+)$", text, re.MULTILINE)
    found = dict(assignment.split("=", 1) for assignment in line.split())
    return {name: value for name, value in found.items() if name not in _ELSEWHERE}

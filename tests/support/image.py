"""The image: what it sets for the programs in it, and how real nodes have it without its being built."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_INTERPRETER = ("/usr", "/lib", "/lib64", sys.base_prefix)
_ELSEWHERE = ("PATH", "PYTHONDONTWRITEBYTECODE")


def image_environment(tree: Path = ROOT) -> Mapping[str, str]:
    """The variables of the Dockerfile of a tree, without those that make sense in the image only."""
    text = (tree / "Dockerfile").read_text().replace("\\\n", " ")
    (line,) = re.findall(r"^ENV (.+)$", text, re.MULTILINE)
    found = dict(assignment.split("=", 1) for assignment in line.split())
    return {name: value for name, value in found.items() if name not in _ELSEWHERE}


def image_of_this_machine() -> dict[str, Any]:
    """Values of a chart with which real nodes run this tree: all that the image lacks is mounted."""
    sources = {path: path for path in (*_INTERPRETER, str(ROOT))} | {"/opt/addons": sys.prefix}
    volumes = {place: f"machine-{number}" for number, place in enumerate(sources)}
    return {
        "image": {"repository": "docker.io/local/addons", "tag": "1", "pullPolicy": "Never"},
        "extraVolumes": [
            {"name": volume, "hostPath": {"path": sources[place]}} for place, volume in volumes.items()
        ],
        "extraVolumeMounts": [
            {"name": volume, "mountPath": place, "readOnly": True} for place, volume in volumes.items()
        ],
    }

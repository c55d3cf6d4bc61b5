"""What a cell asks for, in digests: the same in every process, and different as soon as anything differs."""

import hashlib
import json
from typing import Any, Final

from addons.autoscaler.matrix.launch import launch_data
from addons.autoscaler.matrix.template import body_of, template_of
from addons.autoscaler.model.matrix import Cell, Spec

_SHORT = 6
_PARTS: Final = {
    "image": ("image",),
    "labels": ("labels",),
    "taints": ("taints",),
    "kernel": ("kernel",),
    "userData": ("user_data_template",),
    "blockDevices": ("block_devices",),
    "access": ("key_name", "instance_profile", "security_groups"),
    "spotMaxPrice": ("spot_price",),
    "subnets": ("subnets",),
    "options": ("options",),
    "resources": ("resources",),
    "tags": ("tags",),
    "heartbeat": ("heartbeat_seconds",),
    "keep": ("keeps",),
}
"""Part -> fields of a cell."""

IN_WORDS: Final = {
    "access": "keyName, iamInstanceProfile or securityGroups",
    "options": "the autoscaler's options",
    "heartbeat": "heartbeatTimeout",
}
"""Part -> what it is called in the file, where it is called otherwise."""


def spec_of(cell: Cell) -> Spec:
    """The digests of a cell whose image is known."""
    launch = _digest(launch_data(cell))
    return Spec(
        digest=_digest([body_of(template_of(cell, launch)), cell.keeps]),
        launch=launch,
        parts=" ".join(f"{name}={value}" for name, value in _parts(cell).items()),
    )


def parts_in(text: str) -> dict[str, str]:
    """Part -> short digest, or the value, of a tag; without those that nobody can read."""
    return dict(each.split("=", 1) for each in text.split() if "=" in each)


def _parts(cell: Cell) -> dict[str, str]:
    found = {"limits": f"{cell.min_size}-{cell.max_size}"}
    for name, fields in _PARTS.items():
        values = [getattr(cell, each) for each in fields]
        found[name] = _digest([_plain(each) for each in values])[:_SHORT] if any(values) else "none"
    if cell.image.startswith("ami-") and len(cell.image) <= len("ami-0123456789abcdef0"):
        found["image"] = cell.image
    return found


def _plain(value: Any) -> Any:
    """Values of ours as JSON knows them."""
    return [str(each) for each in value] if isinstance(value, tuple) else value


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()

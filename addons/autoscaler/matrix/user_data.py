"""User data: the user's template, in which placeholders stand for what the cell asks of its nodes."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Final

from addons.autoscaler.matrix import kubelet
from addons.autoscaler.matrix.names import region_of
from addons.autoscaler.matrix.wording import nearest
from addons.autoscaler.model.matrix import Cell

MOST_BYTES: Final = 16_384
"""EC2 takes no more, before it is encoded."""

_PLACEHOLDER = re.compile(r"(?P<indent>(?<![^\n])[ \t]*)?(?:\$(?P<escaped>\$\{)|\$\{(?P<name>[^}\n]*)\}?)")

PLACEHOLDERS: Final[dict[str, tuple[Callable[[Cell], str], str]]] = {
    "kubeletArguments": (
        lambda cell: " ".join(kubelet.kubelet_flags(cell.labels, cell.taints)),
        "`--node-labels=... --register-with-taints=...`; nothing where there are neither",
    ),
    "kubeletFlags": (
        lambda cell: json.dumps(kubelet.kubelet_flags(cell.labels, cell.taints)),
        "the same as a list in JSON, which is YAML too, for the `flags` of nodeadm",
    ),
    "nodeLabels": (lambda cell: kubelet.node_labels(cell.labels), "`KEY=VALUE,...`"),
    "nodeTaints": (lambda cell: kubelet.node_taints(cell.taints), "`KEY=VALUE:EFFECT,...`"),
    "kernelSettings": (
        lambda cell: kubelet.kernel_lines(cell.kernel),
        "lines `KEY = VALUE` for a file in /etc/sysctl.d",
    ),
    "kernelCommand": (
        lambda cell: kubelet.kernel_command(cell.kernel),
        "`sysctl -w KEY=VALUE ...`, or `true` where there is nothing to set",
    ),
    "bottlerocketSettings": (
        lambda cell: kubelet.bottlerocket_settings(cell.labels, cell.taints, cell.kernel),
        "labels, taints and settings of the kernel as tables of TOML",
    ),
    "cluster": (lambda cell: cell.cluster, "the cluster"),
    "matrix": (lambda cell: cell.matrix, "the matrix"),
    "name": (lambda cell: cell.name, "the name of the group"),
    "service": (lambda cell: cell.service, "the service"),
    "instanceType": (lambda cell: cell.instance_type, "the type of instance"),
    "capacity": (lambda cell: cell.capacity, "`on-demand` or `spot`"),
    "zone": (lambda cell: cell.zone, "the zone"),
    "region": (lambda cell: region_of(cell.zone), "the region"),
}
"""Name -> what it stands for, and the same in words."""

_ALL: Final = frozenset({"kubeletArguments", "kubeletFlags", "bottlerocketSettings"})
HANDED_BY: Final[dict[str, frozenset[str]]] = {
    "labels": _ALL | {"nodeLabels"},
    "taints": _ALL | {"nodeTaints"},
    "kernel": frozenset({"kernelSettings", "kernelCommand", "bottlerocketSettings"}),
}
"""What a cell asks of its nodes -> the placeholders that hand it to them."""


def placeholders_in(template: str) -> frozenset[str]:
    """The names that stand in a template."""
    return frozenset(each["name"] for each in _PLACEHOLDER.finditer(template) if each["name"] is not None)


def template_faults(template: str) -> Iterator[tuple[int, str]]:
    """What is wrong in a template: the line, from 0, and what would be right."""
    for each in _PLACEHOLDER.finditer(template):
        name = each["name"]
        if name is None or (name in PLACEHOLDERS and each[0].endswith("}")):
            continue
        line = template.count("\n", 0, each.start("name"))
        known = nearest(name, PLACEHOLDERS)
        yield line, f"${{{name}}} is no placeholder{known}; for a variable of the shell write $${{{name}}}"


def filled(template: str, cell: Cell) -> str:
    """The template with all placeholders filled in.

    What has several lines is indented as its placeholder, where this begins a line. `$${` becomes `${`, and
    what is no placeholder stays.
    """

    def put(found: re.Match[str]) -> str:
        indent = found["indent"] or ""
        if found["escaped"]:
            return indent + "${"
        if found["name"] not in PLACEHOLDERS:
            return found[0]
        text = PLACEHOLDERS[found["name"]][0](cell)
        return indent + text.replace("\n", "\n" + indent)

    return _PLACEHOLDER.sub(put, template)

"""The tags of a cell: those of its group, by which the autoscaler knows it, and those of its stack.

They tell of labels and taints from the same values that the kubelet gets, so that neither can lie about the
other.
"""

from typing import Final

from addons.autoscaler import names
from addons.autoscaler.model.matrix import Cell, Spec

MOST: Final = 50
"""AWS takes no more tags of a group, or of a stack."""

STACK_TAGS: Final = 8
"""So many a stack may have; its group gets them besides its own."""


def group_tags(cell: Cell) -> dict[str, str]:
    """The tags of the group that instances do not get."""
    tags = {
        names.TAG_PREFIX + "enabled": "true",
        names.TAG_PREFIX + cell.cluster: "owned",
    }
    tags |= {names.TEMPLATE_LABEL + key: value for key, value in cell.labels.items()}
    tags |= {names.TEMPLATE_TAINT + each.key: f"{each.value}:{each.effect}" for each in cell.taints}
    tags |= {names.TEMPLATE_RESOURCES + key: value for key, value in cell.resources.items()}
    tags |= {names.TEMPLATE_OPTIONS + key: value for key, value in cell.options.items()}
    return dict(sorted(tags.items()))


def instance_tags(cell: Cell) -> dict[str, str]:
    """The tags of the group that its instances get too. EKS wants the one of the cluster on each instance."""
    tags = {f"kubernetes.io/cluster/{cell.cluster}": "owned", "Name": cell.name}
    return dict(sorted((tags | dict(cell.tags)).items()))


def stack_tags(cell: Cell, spec: Spec, version: str) -> dict[str, str]:
    """The tags of the stack. A plan knows from them, and from nothing else, what the stack is."""
    tags = {
        names.MATRIX_TAG: cell.matrix,
        names.MATRIX_CLUSTER_TAG: cell.cluster,
        names.CELL_TAG: cell.id,
        names.SPEC_TAG: spec.digest,
        names.LAUNCH_TAG: spec.launch,
        names.PARTS_TAG: spec.parts,
        names.TOOL_TAG: version,
    }
    if cell.keeps:
        tags[names.KEEP_TAG] = "true"
    return tags

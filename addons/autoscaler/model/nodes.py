"""Nodes of the cluster, and templates: the nodes that a group would add."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from addons.autoscaler.model.pods import Labels, Pod, PodClass, Taint
from addons.autoscaler.model.resources import Amounts


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A node. Times are Unix seconds. `instance` is the id of its EC2 instance, "" where it is none.

    `not_ready_why` is empty for a node that is ready; `starting_why` says which startup taint it still has,
    or that its DaemonSet pods are not there yet. `drain` is the annotation of a drain under way.
    """

    name: str
    uid: str
    instance: str
    zone: str
    labels: Labels
    taints: tuple[Taint, ...]
    allocatable: Amounts
    capacity: Amounts
    created: float
    not_ready_why: str = ""
    ready_changed: float = 0.0
    starting_why: str = ""
    is_unschedulable: bool = False
    volume_limits: Amounts = field(default_factory=dict)
    """CSI driver -> how many volumes can be attached; a driver without a limit is left out."""
    scale_down_disabled: bool = False
    delays_deletion: bool = False
    to_be_deleted_since: float | None = None
    candidate_since: float | None = None
    drain: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether pods can run on it."""
        return not self.not_ready_why


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """What the next node of a group is expected to be like; `allocatable` is before the DaemonSet pods.

    `daemons` are the DaemonSet pods that it will have. `source` tells where it is from: `node` is a real node
    of the group, `older node` one of another launch template than the present, `tags` the type of instance
    with the tags. `predicted_difference` says in words, for one from a real node, in what the tags would have
    been wrong. `digest` changes with anything that matters to pods.
    """

    group: str
    zone: str
    labels: Labels
    taints: tuple[Taint, ...]
    allocatable: Amounts
    daemons: tuple[PodClass, ...] = ()
    volume_limits: Amounts = field(default_factory=dict)
    source: str = "tags"
    smallest_type: str = ""
    """Of a group of several types: the one that the next node is taken to be of at worst."""
    predicted_difference: tuple[str, ...] = ()
    digest: str = ""


NodePods = Mapping[str, tuple[Pod, ...]]
"""Node -> its pods, those that are being deleted included."""

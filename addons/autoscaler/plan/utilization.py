"""How much of a node its pods request: what makes it worth a thought to remove it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from addons.autoscaler.model.groups import GroupOptions
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.pods import Pod
from addons.autoscaler.model.resources import CPU, MEMORY
from addons.autoscaler.plan.shrink_options import ShrinkOptions

GPUS = ("nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/i915", "aws.amazon.com/neuron")
"""Resources that make a node one with GPUs: then the first of these that it has is all that counts."""

HEADROOM_SECONDS = 30.0
"""A pod that should have ended so long ago hangs; it counts neither as used nor as to be moved."""


@dataclass(frozen=True, slots=True)
class Utilization:
    """The share of `resource`, the scarcest, that is requested; 1.0 is all of it. An amount that a node does
    not offer at all counts as fully used.
    """

    share: float
    resource: str

    def __str__(self) -> str:
        return f"{self.resource} {self.share:.1%} requested"


def is_hanging(pod: Pod, now: float) -> bool:
    """Whether a pod should have ended long ago and did not: its node does not end it any more."""
    return pod.delete_at is not None and pod.delete_at + HEADROOM_SECONDS < now


def utilization(
    node: Node, pods: tuple[Pod, ...], options: GroupOptions, *, shrink: ShrinkOptions, now: float
) -> Utilization:
    """Sum up what the pods of a node request, by its scarcest resource.

    Pods that are left out by the settings take away from what the node offers instead, and those of a
    priority that counts for nothing are left out altogether, as are those that hang.
    """
    resources = _counted(node)
    left_out = [
        pod
        for pod in pods
        if (pod.is_daemon and options.ignores_daemonsets) or (pod.is_mirror and shrink.ignores_mirror_pods)
    ]
    shut = set(map(id, left_out))
    counted = [
        pod.cls.requests
        for pod in pods
        if pod.priority >= shrink.priority_cutoff and id(pod) not in shut and not is_hanging(pod, now)
    ]
    shares = (_share(node, resource, counted, left_out) for resource in resources)
    return max((Utilization(share, resource) for share, resource in shares), key=lambda each: each.share)


def _counted(node: Node) -> tuple[str, ...]:
    gpu = next((each for each in GPUS if node.allocatable.get(each)), "")
    return (gpu,) if gpu else (CPU, MEMORY)


def _share(
    node: Node, resource: str, counted: list[Mapping[str, int]], left_out: list[Pod]
) -> tuple[float, str]:
    offered = node.allocatable.get(resource, 0)
    if left_out:
        offered -= sum(pod.cls.requests.get(resource, 0) for pod in left_out)
    used = sum([requests.get(resource, 0) for requests in counted])
    return (used / offered if offered > 0 else 1.0), resource


def threshold(node: Node, options: GroupOptions) -> float:
    """The share up to which a node may go."""
    has_gpu = any(node.allocatable.get(each) for each in GPUS)
    return options.gpu_utilization_threshold if has_gpu else options.utilization_threshold


@dataclass(slots=True)
class _Entry:
    node: Node
    pods: tuple[Pod, ...]
    options: GroupOptions
    until: float
    """A pod begins to hang then, so that the sum is another."""
    found: Utilization


@dataclass(slots=True)
class Utilizations:
    """Utilisation by node, summed up again only where the node's record or its tuple of pods is a new one.

    It changes no answer, only what the answer costs; who keeps it from pass to pass must give each pass the
    same ShrinkOptions.
    """

    _entries: dict[str, _Entry] = field(default_factory=dict)

    def of(
        self, node: Node, pods: tuple[Pod, ...], options: GroupOptions, *, shrink: ShrinkOptions, now: float
    ) -> Utilization:
        """The same as `utilization`."""
        held = self._entries.get(node.name)
        if (
            held
            and held.node is node
            and held.pods is pods
            and (held.options is options or held.options == options)
            and now <= held.until
        ):
            return held.found
        found = utilization(node, pods, options, shrink=shrink, now=now)
        ends = [
            pod.delete_at + HEADROOM_SECONDS
            for pod in pods
            if pod.delete_at is not None and not is_hanging(pod, now)
        ]
        self._entries[node.name] = _Entry(node, pods, options, min(ends, default=inf), found)
        return found

    def keep_only(self, nodes: Mapping[str, Node]) -> None:
        """Forget nodes that are gone."""
        if len(self._entries) > len(nodes):
            self._entries = {name: each for name, each in self._entries.items() if name in nodes}

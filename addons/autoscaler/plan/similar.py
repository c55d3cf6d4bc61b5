"""Groups that differ in their zone only, and how new nodes are spread over them."""

from collections.abc import Iterable, Mapping

from addons.autoscaler import names
from addons.autoscaler.model.nodes import Template
from addons.autoscaler.model.resources import CPU, MEMORY, PODS
from addons.autoscaler.plan.options import GrowOptions

_IGNORED = frozenset(
    {
        names.HOSTNAME,
        names.ZONE,
        names.REGION,
        names.EBS_ZONE,
        names.OLD_ZONE,
        names.OLD_REGION,
        "alpha.eksctl.io/instance-id",
        "alpha.eksctl.io/nodegroup-name",
        "beta.kubernetes.io/fluentd-ds-ready",
        "eks.amazonaws.com/nodegroup",
        "eks.amazonaws.com/sourceLaunchTemplateId",
        "eks.amazonaws.com/sourceLaunchTemplateVersion",
        "k8s.amazonaws.com/eniConfig",
        "kops.k8s.io/instancegroup",
        "lifecycle",
        "topology.k8s.aws/zone-id",
    }
)
"""Labels that tell one node or one zone from another, not what runs there."""
_MIXED_RATIO = 0.15
"""How much a real node may differ from what is foretold of a node of its type: what is kept for the system
is not the same on every image."""


def are_similar(one: Template, other: Template, options: GrowOptions) -> bool:
    """Whether it makes no difference to pods, but for the zone, which of two groups a node is of.

    A group without nodes is compared by what its tags foretell, its twin by a real node. What only a real
    node can tell, such as labels that its kubelet adds, does not part them then.
    """
    is_mixed = one.source != other.source
    if options.balancing_labels:
        return all(one.labels.get(key) == other.labels.get(key) for key in options.balancing_labels)
    return _same_labels(one, other, options, is_mixed=is_mixed) and _same_amounts(
        one, other, options, is_mixed=is_mixed
    )


def balanced(count: int, sizes: Mapping[str, int], most: Mapping[str, int]) -> dict[str, int]:
    """Spread so many new nodes: each goes to the smallest group that may still grow, by name among equals.

    What does not fit into any is left out.
    """
    added = dict.fromkeys(sizes, 0)
    for _ in range(count):
        open_ = [name for name in sizes if added[name] < most[name]]
        if not open_:
            break
        added[min(open_, key=lambda name: (sizes[name] + added[name], name))] += 1
    return {name: number for name, number in sorted(added.items()) if number}


def _same_labels(one: Template, other: Template, options: GrowOptions, *, is_mixed: bool) -> bool:
    ignored = _IGNORED | options.ignored_labels
    keys = (
        (one.labels.keys() & other.labels.keys()) if is_mixed else (one.labels.keys() | other.labels.keys())
    )
    return all(one.labels.get(key) == other.labels.get(key) for key in keys - ignored)


def _same_amounts(one: Template, other: Template, options: GrowOptions, *, is_mixed: bool) -> bool:
    keys = {CPU, MEMORY, PODS} if is_mixed else one.allocatable.keys() | other.allocatable.keys()
    pairs = [(key, one.allocatable.get(key, 0), other.allocatable.get(key, 0)) for key in sorted(keys)]
    free = [(key, _free(one, key), _free(other, key)) for key in sorted(keys)]
    if is_mixed:
        return all(_is_near(a, b, _MIXED_RATIO) for _, a, b in pairs)
    largest = max(options.memory_ratio, options.allocatable_ratio)
    return all(
        _is_near(a, b, largest if key == MEMORY else options.allocatable_ratio) for key, a, b in pairs
    ) and all(_is_near(a, b, options.free_ratio) for _, a, b in free)


def _free(template: Template, resource: str) -> int:
    daemons: Iterable[int] = (each.requests.get(resource, 0) for each in template.daemons)
    return template.allocatable.get(resource, 0) - sum(daemons)


def _is_near(one: int, other: int, ratio: float) -> bool:
    return abs(one - other) <= ratio * max(one, other, 0)

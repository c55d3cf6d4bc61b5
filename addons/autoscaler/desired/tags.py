"""What the tags of a group say of its nodes: labels, taints and resources."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from addons.autoscaler import names
from addons.autoscaler.desired.quantities import amount
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.pods import Labels, Taint

_EFFECTS = ("NoSchedule", "NoExecute", "PreferNoSchedule")
_NODE_GROUP_LABEL = "eks.amazonaws.com/nodegroup"
_CAPACITY_LABEL = "eks.amazonaws.com/capacityType"
_CAPACITIES = {"spot": "SPOT", "on-demand": "ON_DEMAND"}


@dataclass(frozen=True, slots=True)
class NodeTags:
    """What new nodes are to have, and in `problems` which tags cannot be read, each with what to do."""

    labels: Labels = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    resources: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def node_tags_of(group: Group) -> NodeTags:
    """Read the tags of a group. One that cannot be read costs itself only; what EKS declares wins."""
    taints: list[Taint] = []
    resources: dict[str, int] = {}
    problems: list[str] = []
    for key, value in _tagged(group.tags, names.TEMPLATE_TAINT):
        taint = _taint(key, value)
        if isinstance(taint, str):
            problems.append(f"tag {names.TEMPLATE_TAINT}{key}: {taint}")
        else:
            taints.append(taint)
    for key, value in _tagged(group.tags, names.TEMPLATE_RESOURCES):
        try:
            resources[key] = amount(key, value)
        except ValueError as error:
            problems.append(f"tag {names.TEMPLATE_RESOURCES}{error}")
    labels = _labels(group)
    if declared := group.declared:
        decided = {(each.key, each.effect) for each in declared.taints}
        taints = [each for each in taints if (each.key, each.effect) not in decided] + [*declared.taints]
        labels |= declared.labels
    return NodeTags(labels, tuple(taints), resources, tuple(problems))


def _labels(group: Group) -> dict[str, str]:
    """Labels by tags for them; those of EKS's own groups follow from the tags that EKS gives these."""
    found = dict(_tagged(group.tags, names.EKS_TAG))
    if node_group := group.tags.get(names.EKS_NODE_GROUP):
        found[_NODE_GROUP_LABEL] = node_group
        if group.capacity_type in _CAPACITIES:
            found[_CAPACITY_LABEL] = _CAPACITIES[group.capacity_type]
    return found | dict(_tagged(group.tags, names.TEMPLATE_LABEL))


def _tagged(tags: Mapping[str, str], prefix: str) -> Iterable[tuple[str, str]]:
    """The tags that begin so, without it, in a fixed order."""
    for key in sorted(tags):
        if key.startswith(prefix) and len(key) > len(prefix):
            yield key.removeprefix(prefix), tags[key]


def _taint(key: str, text: str) -> Taint | str:
    value, colon, effect = text.rpartition(":")
    if not colon:
        return f"{text!r} has no effect: write VALUE:EFFECT, such as {text or 'true'}:NoSchedule"
    if effect not in _EFFECTS:
        return f"{text!r} has the effect {effect!r}, which is none of {', '.join(_EFFECTS)}"
    return Taint(key, value, effect)

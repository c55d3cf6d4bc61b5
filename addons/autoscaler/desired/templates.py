"""What the next node of a group will be like: as a real node of it, or as its tags and its type foretell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from addons.autoscaler import names
from addons.autoscaler.config import Config
from addons.autoscaler.desired import places
from addons.autoscaler.desired.daemons import Daemon, runs_on
from addons.autoscaler.desired.quantities import amount
from addons.autoscaler.desired.reserved import allocatable_of
from addons.autoscaler.desired.tags import NodeTags, node_tags_of
from addons.autoscaler.desired.taints import TaintRules
from addons.autoscaler.desired.template_digests import difference, digest_of
from addons.autoscaler.model.groups import Group, InstanceType
from addons.autoscaler.model.nodes import Node, Template
from addons.autoscaler.model.pods import Labels, PodClass
from addons.autoscaler.model.resources import CPU, MEMORY, Amounts

_OF_ONE_NODE = ("topology.k8s.aws/network-node-layer",)
"""How labels begin that tell nodes of a group apart."""


@dataclass(frozen=True, slots=True)
class TemplateRules:
    """What the settings say of templates. `kept` is what kubelets keep, in place of EKS's formula."""

    taints: TaintRules = field(default_factory=TaintRules)
    kept: Amounts = field(default_factory=dict)

    @classmethod
    def of(cls, config: Config) -> "TemplateRules":
        """The rules of the settings. Raises ValueError that names the setting."""
        try:
            return cls(TaintRules.of(config), _kept(config.kube_reserved))
        except ValueError as error:
            raise ValueError(f"--kube-reserved: {error}") from None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the nodes of the cluster teach about nodes that do not exist yet.

    `has_pod_ips`: addresses for pods are counted as a resource. `volume_limits` has by type of instance how
    many volumes can be attached, and under "" the least of all.
    """

    daemons: tuple[Daemon, ...] = ()
    has_pod_ips: bool = False
    volume_limits: Mapping[str, Amounts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Example:
    """A real node to go by, with the classes of the pods that every such node has besides DaemonSets'."""

    node: Node
    fixed: tuple[PodClass, ...] = ()
    is_current: bool = True
    """False where its launch template is not the present one of its group."""


def template_of(
    group: Group,
    types: Mapping[str, InstanceType],
    around: Surroundings,
    rules: TemplateRules,
    example: Example | None = None,
) -> Template | str:
    """The template of a group, or in words why there is none. A real node counts more than tags."""
    tags = node_tags_of(group)
    foretold = _foretold(group, types, tags, around, rules)
    if example is None:
        return foretold if isinstance(foretold, str) else _finished(group, foretold, around, ())
    template = _of_node(group, example, tags, rules)
    if isinstance(foretold, Template):
        template = _completed(template, foretold, group, types, example.node)
        template = replace(template, predicted_difference=difference(template, foretold, group))
    return _finished(group, template, around, example.fixed)


def _finished(
    group: Group, template: Template, around: Surroundings, fixed: tuple[PodClass, ...]
) -> Template:
    """The template with the pods that it will have, and its digest."""
    running = [each.cls for each in around.daemons if runs_on(each.cls, template.labels, template.taints, "")]
    template = replace(template, daemons=(*running, *fixed))
    return replace(template, digest=digest_of(template, group))


def _foretold(
    group: Group,
    types: Mapping[str, InstanceType],
    tags: NodeTags,
    around: Surroundings,
    rules: TemplateRules,
) -> Template | str:
    """What tags and types foretell."""
    found = _types_of(group, types)
    if isinstance(found, str):
        return found
    smallest = min(found, key=_size)
    zone = places.next_zone(group)
    limits = around.volume_limits
    return Template(
        group=group.name,
        zone=zone,
        labels=_labels(group, smallest, zone) | tags.labels,
        taints=rules.taints.lasting(tags.taints),
        allocatable=allocatable_of(found, tags.resources, rules.kept, has_pod_ips=around.has_pod_ips),
        volume_limits=limits.get(smallest.name) or limits.get("", {}),
        smallest_type=smallest.name if len(found) > 1 else "",
    )


def _types_of(group: Group, types: Mapping[str, InstanceType]) -> list[InstanceType] | str:
    """The types that a next instance may be of, or why they are not known."""
    if not group.types:
        if group.floor:
            return [InstanceType("", group.floor)]
        if group.degraded:
            return group.degraded
        return "no type of instance is known: neither its launch template nor its policy tells one"
    unknown = sorted(set(group.types) - types.keys())
    if len(unknown) == len(set(group.types)):
        return f"nothing is known of its type of instance: {', '.join(unknown)}"
    return [types[name] for name in group.types if name in types]


def _size(type_: InstanceType) -> tuple[int, int]:
    return type_.resources.get(CPU, 0), type_.resources.get(MEMORY, 0)


def _labels(group: Group, type_: InstanceType, zone: str) -> Labels:
    """The labels that each node has."""
    found = {
        names.HOSTNAME: places.host_name(group),
        names.ARCH: type_.arch,
        "beta.kubernetes.io/arch": type_.arch,
        names.OS: "linux",
        "beta.kubernetes.io/os": "linux",
    }
    if type_.name:
        found |= {names.INSTANCE_TYPE: type_.name, names.OLD_INSTANCE_TYPE: type_.name}
    return found | places.labels_of_zone(zone)


def _of_node(group: Group, example: Example, tags: NodeTags, rules: TemplateRules) -> Template:
    """What a real node is like, without all that is its own and all that passes."""
    node = example.node
    zone = places.next_zone(group) or node.zone
    labels = {key: value for key, value in node.labels.items() if not _is_own(key, value, node)}
    labels[names.HOSTNAME] = places.host_name(group)
    if zone != node.zone:
        here = places.labels_of_zone(zone)
        labels |= {key: value for key, value in here.items() if key in labels}
    missing = {name: number for name, number in tags.resources.items() if name not in node.allocatable}
    return Template(
        group=group.name,
        zone=zone,
        labels=labels,
        taints=rules.taints.lasting(node.taints),
        allocatable={**node.allocatable, **missing},
        volume_limits=node.volume_limits,
        source="node" if example.is_current else "older node",
    )


def _is_own(key: str, value: str, node: Node) -> bool:
    """Whether a label is of this node alone."""
    return key.startswith(_OF_ONE_NODE) or value in (node.name, node.instance or node.name)


def _completed(
    template: Template, foretold: Template, group: Group, types: Mapping[str, InstanceType], node: Node
) -> Template:
    """The template of a real node with what it does not show.

    Devices are told of some time after a node is ready. Where instances may be of several types, the next may
    be smaller than this one.
    """
    offers = dict(template.allocatable)
    offers |= {
        name: number
        for name, number in foretold.allocatable.items()
        if "/" in name and name != names.POD_IP and name not in offers
    }
    if len(group.types) > 1 and not _is_smallest(node, group, types):
        offers = {
            name: min(number, foretold.allocatable.get(name, number)) for name, number in offers.items()
        }
    return replace(template, allocatable=offers, smallest_type=foretold.smallest_type)


def _is_smallest(node: Node, group: Group, types: Mapping[str, InstanceType]) -> bool:
    """Whether no type of the group has less of anything than the type of the node."""
    own = types.get(node.labels.get(names.INSTANCE_TYPE, ""))
    others = [types[name] for name in group.types if name in types]
    return own is not None and all(
        own.resources.get(name, 0) <= number for each in others for name, number in each.resources.items()
    )


def pick(nodes: Sequence[tuple[Node, bool]]) -> tuple[Node, bool] | None:
    """The node to go by: one of the present launch template (True) before others, then the smallest, then the
    newest. So the choice changes seldom, and never by chance.
    """
    return min(nodes, key=_rank, default=None)


def _rank(found: tuple[Node, bool]) -> tuple[object, ...]:
    node, is_current = found
    offers = node.allocatable
    return not is_current, offers.get(CPU, 0), offers.get(MEMORY, 0) >> 26, -node.created, node.name


def _kept(settings: Mapping[str, str]) -> dict[str, int]:
    return {name: amount(name, text) for name, text in settings.items()}

"""The templates and options of all groups, read again only where something they are made from has changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from addons.autoscaler import names
from addons.autoscaler.config import Config
from addons.autoscaler.desired import places
from addons.autoscaler.desired.daemons import Daemon
from addons.autoscaler.desired.options import options_of
from addons.autoscaler.desired.tags import node_tags_of
from addons.autoscaler.desired.templates import Example, Surroundings, TemplateRules, pick, template_of
from addons.autoscaler.model.groups import Group, Instance, InstanceType
from addons.autoscaler.model.nodes import Node, NodePods, Template
from addons.autoscaler.model.pods import Pod
from addons.autoscaler.model.resources import Amounts

_SETTLED_SECONDS = 60.0
"""A node is gone by when it is ready for so long, or has a pod that is no DaemonSet's."""


@dataclass(frozen=True, slots=True)
class GroupTemplates:
    """Groups with their options, their templates, and of the others why they have none."""

    groups: Mapping[str, Group]
    templates: Mapping[str, Template]
    untemplated: Mapping[str, str]


class TemplateBook:
    """Remembers what was made of what; without that memory it says the same, and takes longer."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._rules = TemplateRules.of(config)
        self._groups: dict[str, tuple[Group, Group]] = {}
        self._templates: dict[str, tuple[tuple[object, ...], Template | str]] = {}

    def read(
        self,
        groups: Mapping[str, Group],
        types: Mapping[str, InstanceType],
        *,
        nodes: Mapping[str, Node],
        pods_of: NodePods,
        daemons: tuple[Daemon, ...],
        now: float,
    ) -> GroupTemplates:
        """The templates of all groups as everything is now."""
        around = surroundings_of(nodes.values(), daemons)
        by_instance = {node.instance: node for node in nodes.values() if node.instance}
        found = {
            name: self._template(group, types, around, _example(group, by_instance, pods_of, now))
            for name, group in groups.items()
        }
        self._templates = {name: kept for name, kept in self._templates.items() if name in groups}
        self._groups = {name: kept for name, kept in self._groups.items() if name in groups}
        return GroupTemplates(
            {name: self._with_options(group) for name, group in groups.items()},
            {name: each for name, each in found.items() if isinstance(each, Template)},
            {name: each for name, each in found.items() if isinstance(each, str)},
        )

    def _with_options(self, group: Group) -> Group:
        """The group with what its tags say, and what is wrong with them."""
        kept = self._groups.get(group.name)
        if kept is None or kept[0] is not group:
            options, problems = options_of(group.tags, self._config)
            problems = (*group.problems, *node_tags_of(group).problems, *problems)
            kept = group, replace(group, options=options, problems=tuple(dict.fromkeys(problems)))
            self._groups[group.name] = kept
        return kept[1]

    def _template(
        self,
        group: Group,
        types: Mapping[str, InstanceType],
        around: Surroundings,
        example: Example | None,
    ) -> Template | str:
        made_from = (
            group.tags,
            group.zones,
            group.floor,
            group.types,
            "" if group.types else group.degraded,
            group.capacity_type,
            places.next_zone(group),
            [types.get(name) for name in group.types],
            around,
            example,
        )
        kept = self._templates.get(group.name)
        if kept is None or kept[0] != made_from:
            kept = made_from, template_of(group, types, around, self._rules, example)
            self._templates[group.name] = kept
        return kept[1]


def surroundings_of(nodes: Iterable[Node], daemons: tuple[Daemon, ...]) -> Surroundings:
    """What the nodes that there are teach about others."""
    limits: dict[str, Amounts] = {}
    has_pod_ips = False
    for node in nodes:
        has_pod_ips = has_pod_ips or names.POD_IP in node.allocatable
        if node.volume_limits:
            for type_ in (node.labels.get(names.INSTANCE_TYPE, ""), ""):
                limits[type_] = _least(limits.get(type_), node.volume_limits)
    return Surroundings(daemons, has_pod_ips, limits)


def _least(known: Amounts | None, other: Amounts) -> Amounts:
    if known is None or known == other:
        return other
    return {
        name: min(known.get(name, number), other.get(name, number))
        for name, number in (*known.items(), *other.items())
    }


def _example(group: Group, by_instance: Mapping[str, Node], pods_of: NodePods, now: float) -> Example | None:
    """The real node of the group to go by, if there is one that is settled."""
    found = [
        (node, _is_current(instance, group))
        for instance in group.instances
        if (node := by_instance.get(instance.id)) is not None
        and not instance.is_leaving
        and _is_exemplary(node)
        and _is_settled(node, pods_of, now)
    ]
    picked = pick(found)
    if picked is None:
        return None
    node, is_current = picked
    fixed = {pod.cls.digest: pod.cls for pod in pods_of.get(node.name, ()) if _is_fixed(pod)}
    return Example(node, tuple(fixed[digest] for digest in sorted(fixed)), is_current)


def _is_current(instance: Instance, group: Group) -> bool:
    return instance.launch_template in ("", group.launch_template) or not group.launch_template


def _is_exemplary(node: Node) -> bool:
    """Whether a node is in the state that a new one is expected to get into."""
    return (
        node.is_ready
        and not node.starting_why
        and not node.is_unschedulable
        and node.to_be_deleted_since is None
        and not node.drain
    )


def _is_settled(node: Node, pods_of: NodePods, now: float) -> bool:
    if now - node.ready_changed >= _SETTLED_SECONDS:
        return True
    return any(not pod.is_daemon and not pod.is_mirror for pod in pods_of.get(node.name, ()))


def _is_fixed(pod: Pod) -> bool:
    """Whether each node of the group has such a pod, which no DaemonSet tells of."""
    by_daemonset = pod.owner is not None and pod.owner.kind == "DaemonSet"
    return pod.is_mirror or (pod.is_daemon and not by_daemonset)

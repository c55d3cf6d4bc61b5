"""What a group has shown: that what it launches joins, and that its tags foretell what pods need."""

from collections.abc import Mapping
from hashlib import sha256

from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.intents import GroupRecord
from addons.autoscaler.model.nodes import Node, NodePods, Template
from addons.autoscaler.model.pods import PodClass


def launch_of(group: Group) -> str:
    """Name what new instances are launched from; never empty."""
    return group.launch_template or "unknown"


def is_proven(group: Group, record: GroupRecord, nodes: Mapping[str, Node], pods_of: NodePods) -> bool:
    """Whether nodes of this launch template have joined and taken pods, with no failure since.

    A ready node with pods shows it as well as the memory does, so that a restart without memory forgets
    nothing. `nodes` are those of the group's instances, by instance.
    """
    if record.failures:
        return False
    return record.proven == launch_of(group) or any(
        instance.launch_template in ("", group.launch_template)
        and (node := nodes.get(instance.id)) is not None
        and node.is_ready
        and any(is_movable(pod.is_daemon, pod.is_mirror) for pod in pods_of.get(node.name, ()))
        for instance in group.instances
    )


def is_movable(is_daemon: bool, is_mirror: bool) -> bool:
    """Whether the scheduler chose the node of such a pod."""
    return not (is_daemon or is_mirror)


def demand_of(cls: PodClass) -> str:
    """Name what a class demands of a node.

    Labels of the pod are left out, as each roll-out changes them and no node looks at them.
    """
    demand = (
        sorted(cls.node_selector.items()),
        cls.node_affinity,
        cls.tolerations,
        sorted(cls.requests.items()),
        sorted(cls.volumes.items()),
        sorted((port.port, port.protocol) for port in cls.ports),
    )
    return sha256(repr(demand).encode()).hexdigest()[:12]


def proof_of(digest: str, demand: str) -> str:
    """Name what it shows when a node takes a pod: that a template of this digest foretells its demand."""
    return f"{digest}:{demand}"


def is_foretold(template: Template, demand: str, record: GroupRecord) -> bool:
    """Whether it is known that a node like this template takes such pods.

    A real node shows what it is. Tags are a promise until a node has kept it: a launch template that is known
    to work says nothing about a label that a tag claims.
    """
    return template.source == "node" or proof_of(template.digest, demand) in record.took


def template_key(group: Group, template: Template) -> str:
    """Name what a pair of class and group is refuted for."""
    return " ".join((template.source, launch_of(group), template.digest))


def is_same_promise(key: str, group: Group, template: Template) -> bool:
    """Whether what was refuted (`template_key`) still stands, as far as can be seen.

    It does not when the launch template is another, or the template from the same source. A template that is
    now from a node, and was from tags, says nothing about what the tags will promise once the node is gone.
    """
    source, rest = key.split(" ", 1)
    launch, digest = rest.rsplit(" ", 1)
    return launch == launch_of(group) and (source != template.source or digest == template.digest)

"""What a group has shown: that what it launches joins, and that its tags foretell what pods need."""

from collections.abc import Mapping
from hashlib import sha256

from addons.autoscaler.model.groups import Group, Instance
from addons.autoscaler.model.intents import GroupRecord
from addons.autoscaler.model.nodes import Node, NodePods, Template
from addons.autoscaler.model.pods import PodClass
from addons.autoscaler.model.resources import CPU, MEMORY, PODS

_PLENTY = frozenset({CPU, MEMORY, PODS})
_MOST_OF_IT = 0.8


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
        _is_of_launch(instance, group)
        and (node := nodes.get(instance.id)) is not None
        and node.is_ready
        and any(is_movable(pod.is_daemon, pod.is_mirror) for pod in pods_of.get(node.name, ()))
        for instance in group.instances
    )


def _is_of_launch(instance: Instance, group: Group) -> bool:
    """Whether an instance is as new ones will be; a mixed policy may have several launch templates."""
    launch = instance.launch_template
    return not launch or not group.launch_template or launch in group.launch_template.split("+")


def is_movable(is_daemon: bool, is_mirror: bool) -> bool:
    """Whether the scheduler chose the node of such a pod."""
    return not (is_daemon or is_mirror)


def demand_of(cls: PodClass) -> str:
    """Name what a class demands of a node.

    Labels of the pod are left out, as each roll-out changes them and no node looks at them.
    """
    return _short((*_asked_of_labels(cls), sorted(cls.requests.items()), sorted(cls.volumes.items())))


def proof_of(template: Template, cls: PodClass) -> str:
    """Name what it shows when a node takes a pod of this class: that this template foretells such demands.

    That is about labels, taints and rare resources. How much CPU and memory is asked for counts only where it
    is most of a node, as that is where what is foretold may be too much.
    """
    there = template.allocatable
    asked = [
        (resource, amount)
        for resource, amount in sorted(cls.requests.items())
        if resource not in _PLENTY or amount > _MOST_OF_IT * there.get(resource, 0)
    ]
    return _short((*_asked_of_labels(cls), asked, sorted(cls.volumes)))


def _asked_of_labels(cls: PodClass) -> tuple[object, ...]:
    return sorted(cls.node_selector.items()), cls.node_affinity, cls.tolerations


def _short(value: object) -> str:
    return sha256(repr(value).encode()).hexdigest()[:12]


def kept_promise(digest: str, proof: str) -> str:
    """Name a proof (`proof_of`) that a template of this digest was as good as its word."""
    return f"{digest}:{proof}"


def is_foretold(template: Template, proof: str, record: GroupRecord) -> bool:
    """Whether it is known that a node like this template takes pods with this proof (`proof_of`).

    A real node shows what it is. Tags are a promise until a node has kept it: a launch template that is known
    to work says nothing about a label that a tag claims.
    """
    return template.source == "node" or kept_promise(template.digest, proof) in record.took


def template_key(group: Group, template: Template) -> str:
    """Name what a pair of class and group is refuted for."""
    return "|".join((template.source, launch_of(group), template.digest))


def digest_of_promise(key: str) -> str:
    """The digest of what was a promise when it was asked for (`template_key`); "" for what a node showed."""
    source, _, digest = _parts(key)
    return "" if source == "node" else digest


def _parts(key: str) -> tuple[str, str, str]:
    source, _, rest = key.partition("|")
    launch, _, digest = rest.rpartition("|")
    return source, launch, digest


def is_same_promise(key: str, group: Group, template: Template) -> bool:
    """Whether what was refuted (`template_key`) still stands, as far as can be seen.

    It does not when the launch template is another, or the template from the same source. A template that is
    now from a node, and was from tags, says nothing about what the tags will promise once the node is gone.
    """
    source, launch, digest = _parts(key)
    return launch == launch_of(group) and (source != template.source or digest == template.digest)

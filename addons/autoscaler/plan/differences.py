"""In what a real node differs from what was foretold, as far as a class of pods minds."""

from collections.abc import Iterator

from addons.autoscaler.model.matching import repels
from addons.autoscaler.model.nodes import Node, Template
from addons.autoscaler.model.pods import PodClass


def differences(cls: PodClass, template: Template, node: Node) -> list[str]:
    """Say in words what of the node is not as the template has it, and matters to such a pod."""
    return [*_of_labels(cls, template, node), *_of_taints(cls, template, node), *_of_room(cls, node)]


def _of_labels(cls: PodClass, template: Template, node: Node) -> Iterator[str]:
    for key in sorted(_label_keys(cls)):
        expected, found = template.labels.get(key), node.labels.get(key)
        if expected != found:
            is_there = f"is {found!r}" if found is not None else "is not there"
            was_expected = f"{expected!r} was expected" if expected is not None else "it was not expected"
            yield f"label {key} {is_there} ({was_expected})"


def _label_keys(cls: PodClass) -> set[str]:
    terms = [*(cls.node_affinity or ()), *(term for either in cls.volume_terms for term in either)]
    keys = {requirement.key for term in terms for requirement in term.labels}
    return keys | set(cls.node_selector) | {spread.topology_key for spread in cls.spread}


def _of_taints(cls: PodClass, template: Template, node: Node) -> Iterator[str]:
    for taint in node.taints:
        if taint not in template.taints and repels(taint, cls.tolerations):
            value = f"={taint.value}" if taint.value else ""
            yield f"taint {taint.key}{value}:{taint.effect} was not expected"


def _of_room(cls: PodClass, node: Node) -> Iterator[str]:
    for resource, amount in sorted(cls.requests.items()):
        if amount > (has := node.allocatable.get(resource, 0)):
            yield f"it offers {has} {resource}, and {amount} are requested"

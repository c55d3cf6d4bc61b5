"""Where interfaces for pods are made with custom networking: what the node's ENIConfig says. Pure."""

import re
from collections.abc import Mapping

from addons.cni import names
from addons.cni.model.objects import EniConfig, Node
from addons.cni.model.pool import Placement

_DEFAULT = "default"
"""The ENIConfig of nodes that name none, as the original has it."""

_SUBNET = re.compile("subnet-[0-9a-zA-Z]+")


def placed_by_eni_config(
    node: Node | None,
    eni_configs: Mapping[str, EniConfig],
    *,
    annotation: str,
    label: str,
    node_groups: tuple[str, ...],
) -> Placement:
    """Find the ENIConfig that the node names by an annotation, or else by a label.

    Without security groups of its own, those of the node count. The first interface serves no pods. What is
    missing or wrong is the `problem`: no interface is made then, and those that are there go on serving.
    """
    name = _name(node, annotation, label)
    found = eni_configs.get(name)
    if node is None:
        return _none(names.NOT_READY, "the node is not known yet, nor its ENIConfig")
    if found is None:
        how = _asked_by(node, annotation, label)
        words = f"ENIConfig {name} does not exist, which the node asks for by {how}"
        return _none(names.ENI_CONFIG_MISSING, words)
    if not _SUBNET.fullmatch(found.spec.subnet):
        words = (
            f"ENIConfig {name}: spec.subnet {found.spec.subnet!r} is no id of a subnet, such as subnet-0123"
        )
        return _none(names.INVALID_ENI_CONFIG, words)
    return Placement(
        subnet_ids=(found.spec.subnet,),
        security_groups=tuple(sorted(found.spec.security_groups)) or node_groups,
        primary_serves=False,
        is_custom=True,
    )


def _name(node: Node | None, annotation: str, label: str) -> str:
    meta = node.metadata if node else None
    return (meta and (meta.annotations.get(annotation) or meta.labels.get(label))) or _DEFAULT


def _asked_by(node: Node, annotation: str, label: str) -> str:
    if node.metadata.annotations.get(annotation):
        return f"the annotation {annotation}"
    return f"the label {label}" if node.metadata.labels.get(label) else "naming none"


def _none(reason: str, problem: str) -> Placement:
    return Placement(primary_serves=False, is_custom=True, reason=reason, problem=problem)

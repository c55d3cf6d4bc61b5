"""Where interfaces for pods are made: subnet and security groups, by the node's settings and ENIConfigs."""

from collections.abc import Mapping, Sequence

from addons.cni import names
from addons.cni.model.enis import NodeIdentity, Subnet
from addons.cni.model.objects import ENI_CONFIGS, EniConfig, Node
from addons.cni.model.pool import Placement

EXTERNAL_LABEL = "vpc.amazonaws.com/externalEniConfig"
"""Label by which other controllers name a node's ENIConfig; it wins, as in the original."""

DEFAULT_ENI_CONFIG = "default"
"""What serves a node that names none."""


def placed_by_node(node: NodeIdentity, discovered: Sequence[Subnet] | None = None) -> Placement:
    """Interfaces like the node's own: with its security groups, in its subnet or in those `discovered`.

    `discovered` are the subnets that serve pods, None where the settings leave discovery out, or where it
    failed. The first interface serves pods unless its subnet is told not to.
    """
    if discovered is None:
        return Placement(subnet_ids=(node.subnet_id,), security_groups=node.security_groups)
    emptiest = sorted(discovered, key=lambda subnet: (-subnet.free, subnet.subnet_id))
    ids = tuple(subnet.subnet_id for subnet in emptiest)
    return Placement(
        subnet_ids=ids,
        security_groups=node.security_groups,
        primary_serves=node.subnet_id in ids,
        reason="" if ids else names.NOT_GROWING,
        problem="" if ids else f"no subnet of {node.vpc_id} in {node.availability_zone} serves pods",
    )


def eni_config_name(node: Node | None, *, annotation: str, label: str) -> str:
    """The name of the ENIConfig that a node asks for: the annotation wins over the label."""
    if node is None:
        return DEFAULT_ENI_CONFIG
    labels, annotations = node.metadata.labels, node.metadata.annotations
    for named in (labels.get(EXTERNAL_LABEL), annotations.get(annotation), labels.get(label)):
        if named:
            return named
    return DEFAULT_ENI_CONFIG


def placed_by_eni_config(
    name: str,
    configs: Mapping[str, EniConfig],
    node: NodeIdentity,
    subnets: Mapping[str, Subnet],
) -> Placement:
    """Interfaces as an ENIConfig has them; the first interface serves no pods.

    Without a subnet or security groups of its own it means the node's. `subnets` are those that were read,
    by id. A config that is not there, or names a subnet that is not in the node's zone, makes no interfaces
    until it is mended; those that are there go on serving.
    """
    config = configs.get(name)
    if config is None:
        return _nowhere(
            names.ENI_CONFIG_MISSING, f"{ENI_CONFIGS.kind} {name}, which this node asks for, does not exist"
        )
    subnet_id = config.spec.subnet or node.subnet_id
    subnet = subnets.get(subnet_id)
    if subnet and (fault := _fault(subnet, node)):
        return _nowhere(
            names.INVALID_ENI_CONFIG, f"{ENI_CONFIGS.kind} {name}: subnet {subnet_id} is in {fault}"
        )
    return Placement(
        subnet_ids=(subnet_id,),
        security_groups=config.spec.security_groups or node.security_groups,
        primary_serves=False,
        is_custom=True,
    )


def _fault(subnet: Subnet, node: NodeIdentity) -> str:
    if subnet.vpc_id not in ("", node.vpc_id):
        return f"{subnet.vpc_id}, this node in {node.vpc_id}"
    if subnet.availability_zone not in ("", node.availability_zone):
        return f"{subnet.availability_zone}, this node in {node.availability_zone}"
    return ""


def _nowhere(reason: str, problem: str) -> Placement:
    return Placement(primary_serves=False, is_custom=True, reason=reason, problem=problem)

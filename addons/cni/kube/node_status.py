"""What is written to the node: how many addresses it has for pods, and the taint when it has none."""

from addons.cni import names
from addons.cni.model.objects import NODES, Node, Taint
from addons.runtime.kube import KubeClient

_EFFECT = "NoSchedule"


async def tell_capacity(kube: KubeClient, node: str, addresses: int) -> None:
    """Say how many pods the node has addresses for.

    The number stands in capacity and in allocatable: the kubelet copies the first to the second whenever
    they differ, so that a lower allocatable would not last. Raises OutsideError.
    """
    told = {names.POD_IP: str(addresses)}
    await kube.merge_patch(
        NODES, {"status": {"capacity": told, "allocatable": told}}, name=node, subresource="status"
    )


def told_capacity(node: Node) -> int | None:
    """How many addresses the node's status says now; None when it says nothing, or nothing readable."""
    told = node.status.capacity.get(names.POD_IP)
    if told is None or told != node.status.allocatable.get(names.POD_IP) or not told.isdecimal():
        return None
    return int(told)


def is_tainted(node: Node) -> bool:
    """Whether the node carries our taint."""
    return any(taint.key == names.NO_POD_IPS for taint in node.spec.taints)


async def set_taint(kube: KubeClient, node: Node, *, wanted: bool) -> None:
    """Put the taint on the node, or take it away; other taints stay as they are.

    Lists are replaced whole by a merge patch, so the version of `node` is a precondition: raises Conflict
    when somebody else has changed it meanwhile. Raises OutsideError.
    """
    taints = [taint for taint in node.spec.taints if taint.key != names.NO_POD_IPS]
    if wanted:
        taints.append(Taint(key=names.NO_POD_IPS, effect=_EFFECT))
    body = {
        "metadata": {"resourceVersion": node.metadata.resource_version},
        "spec": {"taints": taints or None},
    }
    await kube.merge_patch(NODES, body, name=node.metadata.name)

"""What nodes really are: independent of what tags, templates and AWS say of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from addons.sim.aws.ec2.instance_types import description, limits_of

Object = dict[str, Any]
_MIB = 1 << 20
_KERNEL_SHARE = 0.975
"""Of the memory of a type, what its kernel has for all: the rest is its own and the hypervisor's."""
_EVICTION = 100 * _MIB


@dataclass
class NodeTruth:
    """The nodes that instances of a group become.

    `allocatable` None: what a kubelet of EKS offers on the type. `startup_taints`: key -> seconds after the
    node was made until somebody takes the taint off; infinity: nobody does. `join_seconds`: from InService to
    the Node; `joins` False: never. `ready_seconds`: from the Node to Ready; None: never. `leave_seconds`: how
    long the Node outlives its instance.
    """

    labels: dict[str, str] = field(default_factory=dict)
    taints: list[Object] = field(default_factory=list)
    allocatable: dict[str, str] | None = None
    startup_taints: dict[str, float] = field(default_factory=dict)
    joins: bool = True
    join_seconds: float = 20.0
    ready_seconds: float | None = 5.0
    leave_seconds: float = 5.0


def capacity(type_: str) -> dict[str, str]:
    """What a node of a type has."""
    about = description(type_)
    memory = int(about["MemoryInfo"]["SizeInMiB"] * _KERNEL_SHARE) * _MIB
    return {
        "cpu": str(about["VCpuInfo"]["DefaultVCpus"]),
        "memory": str(memory),
        "ephemeral-storage": str(20 << 30),
        "pods": str(_pods(type_)),
    }


def allocatable(type_: str) -> dict[str, str]:
    """What a node of a type has for pods: as the images of EKS reserve it."""
    whole = capacity(type_)
    reserved = (255 + 11 * int(whole["pods"])) * _MIB + _EVICTION
    return {
        "cpu": f"{int(whole['cpu']) * 1000 - _reserved_cpu(int(whole['cpu']))}m",
        "memory": str(int(whole["memory"]) - reserved),
        "ephemeral-storage": str(int(int(whole["ephemeral-storage"]) * 0.9) - (1 << 30)),
        "pods": whole["pods"],
    }


def _pods(type_: str) -> int:
    limits = limits_of(type_)
    return int(limits.interfaces[0] * (limits.addresses_per_interface - 1) + 2)


def _reserved_cpu(cores: int) -> int:
    """Thousandths: 6 % of the first core, 1 % of the next, 0.5 % of two more, 0.25 % of the rest."""
    shares = [60, 10, 5, 5] + [2.5] * max(0, cores - 4)
    return math.floor(sum(shares[:cores]))


def labels_of(type_: str, zone: str, name: str) -> dict[str, str]:
    """The labels that a kubelet and the cloud give a node."""
    arch = description(type_)["ProcessorInfo"]["SupportedArchitectures"][-1]
    return {
        "kubernetes.io/arch": {"x86_64": "amd64"}.get(arch, arch),
        "kubernetes.io/os": "linux",
        "kubernetes.io/hostname": name,
        "node.kubernetes.io/instance-type": type_,
        "beta.kubernetes.io/instance-type": type_,
        "topology.kubernetes.io/region": zone[:-1],
        "topology.kubernetes.io/zone": zone,
        "failure-domain.beta.kubernetes.io/region": zone[:-1],
        "failure-domain.beta.kubernetes.io/zone": zone,
    }


def conditions(ready: str, since: str) -> list[Object]:
    """The conditions of a node; `ready` is True, False or Unknown."""
    reason = {"True": "KubeletReady", "False": "KubeletNotReady"}.get(ready, "NodeStatusUnknown")
    times: Mapping[str, str] = {"lastHeartbeatTime": since, "lastTransitionTime": since}
    pressures = [
        {"type": f"{name}Pressure", "status": "False", "reason": f"KubeletHasNo{name}Pressure", **times}
        for name in ("Memory", "Disk", "PID")
    ]
    return [*pressures, {"type": "Ready", "status": ready, "reason": reason, **times}]

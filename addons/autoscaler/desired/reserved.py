"""What a node of a type offers to pods: what the machine has, less what the system keeps.

The images of EKS reserve by a formula of their own: memory by how many pods a node may have, processors by
how many it has.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from addons.autoscaler import names
from addons.autoscaler.model.groups import InstanceType
from addons.autoscaler.model.resources import CPU, MEMORY, PODS

_MIB = 1 << 20
_EPHEMERAL = "ephemeral-storage"
_USUAL_PODS = 110
"""What a kubelet takes when nobody tells it."""
_SYSTEM_MEMORY = Fraction(75, 1000)
"""At most so much of the memory that EC2 tells of is not told of by the kernel: more of small machines."""
_RESERVED_MEMORY, _RESERVED_MEMORY_OF_POD = 255 * _MIB, 11 * _MIB
_EVICTION_MEMORY = 100 * _MIB
_RESERVED_CORES = ((1000, 60), (1000, 10), (2000, 5))
"""So many thousandths of each 1,000 of a core are reserved, of the first, the second, the next two cores."""
_RESERVED_OF_MORE_CORES = Fraction(5, 2)
_RESERVED_STORAGE, _EVICTION_STORAGE = 1 << 30, Fraction(1, 10)
_HOST_NETWORK_PODS = 2
"""The limit of pods by addresses allows for so many pods that need no address of their own."""


def allocatable_of(
    types: Iterable[InstanceType], tagged: Mapping[str, int], kept: Mapping[str, int], *, has_pod_ips: bool
) -> dict[str, int]:
    """What nodes of the smallest of the types offer.

    `tagged` are the resources that tags tell of: they are what the machine has. `kept` is what the kubelets
    keep by the settings, in place of the formula. With `has_pod_ips` the addresses are counted as a resource.
    """
    return _least([_of_type(each, tagged, kept, has_pod_ips) for each in types])


def _least(offers: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The least of each resource: nobody knows which type is next."""
    first, *others = offers
    found = {
        name: min(number, *(each.get(name, 0) for each in others), number) for name, number in first.items()
    }
    return {name: number for name, number in found.items() if number > 0}


def _of_type(
    type_: InstanceType, tagged: Mapping[str, int], kept: Mapping[str, int], has_pod_ips: bool
) -> dict[str, int]:
    pods = type_.pod_limit or _USUAL_PODS
    machine = {PODS: pods, **type_.resources}
    if has_pod_ips and type_.pod_limit:
        machine[names.POD_IP] = max(0, type_.pod_limit - _HOST_NETWORK_PODS)
    usual = _kept(machine, pods)
    machine |= tagged
    if MEMORY in tagged:
        usual[MEMORY] -= int(type_.resources.get(MEMORY, 0) * _SYSTEM_MEMORY)
    if _EPHEMERAL in tagged:
        usual[_EPHEMERAL] = _RESERVED_STORAGE + int(tagged[_EPHEMERAL] * _EVICTION_STORAGE)
    usual |= kept
    return {name: max(0, number - usual.get(name, 0)) for name, number in machine.items()}


def _kept(machine: Mapping[str, int], pods: int) -> dict[str, int]:
    """What the system keeps by the formula."""
    memory = machine.get(MEMORY, 0)
    return {
        CPU: reserved_cores(machine.get(CPU, 0)),
        MEMORY: int(memory * _SYSTEM_MEMORY)
        + _RESERVED_MEMORY
        + _RESERVED_MEMORY_OF_POD * pods
        + _EVICTION_MEMORY,
    }


def reserved_cores(cores: int) -> int:
    """The thousandths of a core that the images of EKS reserve of so many."""
    rest, reserved = cores, Fraction()
    for step, share in _RESERVED_CORES:
        reserved += Fraction(min(rest, step) * share, 1000)
        rest = max(0, rest - step)
    return int(reserved + rest * _RESERVED_OF_MORE_CORES / 1000)

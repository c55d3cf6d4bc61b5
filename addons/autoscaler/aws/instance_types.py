"""What types of instances have: asked of EC2 for those in use, or looked up in the table of this build."""

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from addons.autoscaler.aws.calls import MOST_NAMES, chunks, in_time, listed
from addons.autoscaler.model.groups import InstanceType
from addons.autoscaler.model.resources import CPU, MEMORY
from addons.instance_types.network import TypeNetwork, network_from_api
from addons.instance_types.sizes import TypeSize, find_sizes, size_from_api
from addons.instance_types.table import find
from addons.runtime.aws import AwsSession
from addons.runtime.errors import Denied, OutsideError

log = logging.getLogger(__name__)

GPU: Final = "nvidia.com/gpu"
NEURON: Final = "aws.amazon.com/neuron"


class InstanceTypes:
    """The types that were asked about. `known` grows and never changes otherwise; `unknown` are names that
    neither EC2 nor the table has, `denied` is why EC2 was not asked any more, in words.
    """

    def __init__(self, aws: AwsSession, *, is_static: bool = False) -> None:
        self._aws = aws
        self._is_static = is_static
        self.known: dict[str, InstanceType] = {}
        self.unknown: frozenset[str] = frozenset()
        self.denied = ""

    async def learn(self, names: Collection[str]) -> None:
        """Have these types in `known`, as far as anybody knows them: one call for a hundred.

        Raises OutsideError when EC2 could not be asked; what the table has of them is known all the same, for
        the time being.
        """
        if self._is_static:
            self._take(names, _from_table(names))
            return
        for part in chunks(sorted(names), MOST_NAMES):
            try:
                self._take(part, {**_from_table(part), **await self._ask(part)})
            except Denied as error:
                self._warn(error)
                self._take(part, _from_table(part))
            except OutsideError:
                self.known.update(_from_table(part))
                raise

    async def _ask(self, names: Collection[str]) -> dict[str, InstanceType]:
        """What EC2 says of them; a filter, unlike a list of names, may name what it does not have."""
        wanted = [{"Name": "instance-type", "Values": list(names)}]
        found: dict[str, InstanceType] = {}
        async with in_time("types of instances"):
            async for page in self._aws.pages("ec2", "describe_instance_types", Filters=wanted):
                found |= {item["InstanceType"]: type_from_api(item) for item in listed(page, "InstanceTypes")}
        self.denied = ""
        return found

    def _take(self, names: Iterable[str], found: Mapping[str, InstanceType]) -> None:
        self.known.update(found)
        self.unknown = (self.unknown | set(names)) - self.known.keys()

    def _warn(self, error: Denied) -> None:
        if not self.denied:
            log.warning("the table of types of this build must do: %s", error.message)
        self.denied = error.message


def type_from_api(item: Mapping[str, Any]) -> InstanceType:
    """Read an element of InstanceTypes; the addresses may be missing."""
    return _type(size_from_api(item), _network(item))


def _network(item: Mapping[str, Any]) -> TypeNetwork | None:
    try:
        return network_from_api(item)
    except ValueError:
        return find(item["InstanceType"])


def pod_limit(network: TypeNetwork | None) -> int:
    """How many pods a node of the type can have: an address each but those of the node's own network, of
    which there are two on every node that are not counted. 0 where the type is not known."""
    return network.enis * (network.addresses_per_eni - 1) + 2 if network else 0


def _from_table(names: Collection[str]) -> dict[str, InstanceType]:
    return {name: _type(size, find(name)) for name, size in find_sizes(frozenset(names)).items()}


def _type(size: TypeSize, network: TypeNetwork | None) -> InstanceType:
    devices = {GPU: size.gpus, NEURON: size.neurons}
    return InstanceType(
        name=size.name,
        resources={CPU: size.cpus * 1000, MEMORY: size.memory_mib << 20}
        | {name: count for name, count in devices.items() if count},
        arch=size.arch,
        pod_limit=pod_limit(network),
        gpus=size.gpus,
    )

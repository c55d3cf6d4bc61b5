"""The metadata of the node: which instance it is, and what its network was when they were last written."""

import asyncio
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network

from addons.cni.model.enis import NodeIdentity
from addons.runtime.errors import Unavailable
from addons.runtime.imds import InstanceMetadata


class NodeMetadata:
    """Reads what concerns the network. Metadata may be a minute behind EC2, and are never the truth."""

    def __init__(self, metadata: InstanceMetadata) -> None:
        self._metadata = metadata

    async def identity(self) -> NodeIdentity:
        """Which instance this is, with its first interface. Raises OutsideError."""
        instance_id, instance_type, region, zone, mac = await asyncio.gather(
            self._read("instance-id"),
            self._read("instance-type"),
            self._read("placement/region"),
            self._read("placement/availability-zone"),
            self._read("mac"),
        )
        eni_id, vpc_id, subnet_id, addresses, groups = await asyncio.gather(
            self._read(_of(mac, "interface-id")),
            self._read(_of(mac, "vpc-id")),
            self._read(_of(mac, "subnet-id")),
            self._read(_of(mac, "local-ipv4s")),
            self.security_groups(mac),
        )
        return NodeIdentity(
            instance_id=instance_id,
            instance_type=instance_type,
            region=region,
            availability_zone=zone,
            vpc_id=vpc_id,
            primary_mac=mac.lower(),
            primary_eni_id=eni_id,
            primary_ip=IPv4Address(addresses.split()[0]),
            subnet_id=subnet_id,
            security_groups=groups,
        )

    async def security_groups(self, mac: str) -> tuple[str, ...]:
        """The security groups of an interface. Raises OutsideError."""
        return tuple(sorted((await self._read(_of(mac, "security-group-ids"))).split()))

    async def vpc_cidrs(self, mac: str) -> tuple[IPv4Network, ...]:
        """The blocks of the VPC of an interface. Raises OutsideError."""
        return tuple(map(IPv4Network, (await self._read(_of(mac, "vpc-ipv4-cidr-blocks"))).split()))

    async def addresses(self) -> Mapping[str, frozenset[IPv4Address]]:
        """The addresses of each interface by its MAC, primary ones and those of prefixes among them.

        What differs from EC2 shows that one of the two is behind. Raises OutsideError.
        """
        listed = (await self._metadata.read("network/interfaces/macs/") or "").split()
        macs = [name.rstrip("/").lower() for name in listed]
        return dict(zip(macs, await asyncio.gather(*map(self._addresses_of, macs)), strict=True))

    async def _addresses_of(self, mac: str) -> frozenset[IPv4Address]:
        single, prefixes = await asyncio.gather(
            self._metadata.read(_of(mac, "local-ipv4s")), self._metadata.read(_of(mac, "ipv4-prefix"))
        )
        blocks = (frozenset(IPv4Network(prefix)) for prefix in (prefixes or "").split())
        return frozenset(map(IPv4Address, (single or "").split())).union(*blocks)

    async def _read(self, key: str) -> str:
        found = await self._metadata.read(key)
        if not found:
            raise Unavailable(f"metadata of the node: there is no {key}")
        return found


def _of(mac: str, key: str) -> str:
    return f"network/interfaces/macs/{mac}/{key}"

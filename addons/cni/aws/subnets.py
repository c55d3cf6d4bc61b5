"""Subnets in which interfaces for pods may be made, and what is left in them."""

from collections.abc import Collection, Iterable, Mapping

from addons.cni.aws.calls import filters
from addons.cni.aws.described import subnet_from_api
from addons.cni.model.enis import NodeIdentity, Subnet
from addons.cni.names import SUBNET_CLUSTER_TAG, SUBNET_ROLE_TAG
from addons.runtime.aws import AwsSession

_NOT_FOR_PODS = "0"


class Subnets:
    """The subnets around a node; `cluster` is the name of ours, by which subnets may be reserved."""

    def __init__(self, aws: AwsSession, node: NodeIdentity, *, cluster: str) -> None:
        self._aws = aws
        self._node = node
        self._cluster = cluster

    async def discover(self) -> tuple[Subnet, ...]:
        """The subnets of the node's VPC and zone that serve pods, the emptiest first. Raises OutsideError."""
        found = await self._describe(
            {"vpc-id": self._node.vpc_id, "availability-zone": self._node.availability_zone}
        )
        return serving(found, primary=self._node.subnet_id, cluster=self._cluster)

    async def read(self, subnet_ids: Collection[str]) -> tuple[Subnet, ...]:
        """The subnets of these ids, by id; those that do not exist are left out. Raises OutsideError."""
        if not subnet_ids:
            return ()
        found = await self._describe({"subnet-id": sorted(subnet_ids)})
        return tuple(sorted(found, key=lambda subnet: subnet.subnet_id))

    async def _describe(self, wanted: Mapping[str, str | list[str]]) -> list[Subnet]:
        pages = self._aws.pages("ec2", "describe_subnets", Filters=filters(wanted))
        found = [item async for page in pages for item in page["Subnets"]]
        return [subnet_from_api(item) for item in found if item.get("CidrBlock")]  # else of IPv6 alone


def serving(subnets: Iterable[Subnet], *, primary: str, cluster: str) -> tuple[Subnet, ...]:
    """Those that serve pods of a cluster, the emptiest first.

    The node's `primary` one serves them unless its tag for the role of cni is 0; any other does when it has
    that tag with another value. One with tags of clusters serves those alone.
    """
    ours = (
        subnet
        for subnet in subnets
        if subnet.tags.get(SUBNET_ROLE_TAG, "1" if subnet.subnet_id == primary else _NOT_FOR_PODS)
        != _NOT_FOR_PODS
        and _serves_cluster(subnet, cluster)
    )
    return tuple(sorted(ours, key=lambda subnet: (-subnet.free, subnet.subnet_id)))


def _serves_cluster(subnet: Subnet, cluster: str) -> bool:
    named = {key for key in subnet.tags if key.startswith(SUBNET_CLUSTER_TAG)}
    return not named or f"{SUBNET_CLUSTER_TAG}{cluster}" in named

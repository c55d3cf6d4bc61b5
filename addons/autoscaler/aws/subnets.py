"""How many addresses the subnets of groups have left."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from addons.autoscaler.aws.calls import in_time
from addons.runtime.aws import AwsSession


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet, its zone, and how many addresses it has left."""

    id: str
    zone: str
    free: int


class Subnets:
    """Reads subnets. `known` has each as it was read last."""

    def __init__(self, aws: AwsSession) -> None:
        self._aws = aws
        self.known: dict[str, Subnet] = {}

    async def learn(self, ids: Collection[str]) -> None:
        """Read these subnets, a hundred at most, in one call. Raises OutsideError.

        A filter, unlike a list of ids, may name one that is gone.
        """
        wanted = [{"Name": "subnet-id", "Values": sorted(ids)}]
        async with in_time("subnets"):
            items = [
                item
                async for page in self._aws.pages("ec2", "describe_subnets", Filters=wanted)
                for item in page["Subnets"]
            ]
        read = {
            item["SubnetId"]: Subnet(
                item["SubnetId"], item["AvailabilityZone"], item["AvailableIpAddressCount"]
            )
            for item in items
        }
        for id_ in ids:
            self.known.pop(id_, None)
        self.known |= read


def free_by_zone(ids: Collection[str], subnets: Mapping[str, Subnet]) -> dict[str, int] | None:
    """What these subnets have left, by zone; None where that is not known of any of them."""
    found: defaultdict[str, int] = defaultdict(int)
    for id_ in ids:
        if subnet := subnets.get(id_):
            found[subnet.zone] += subnet.free
    return dict(found) or None

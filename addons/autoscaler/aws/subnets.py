"""How many addresses the subnets of groups have left."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from addons.autoscaler.aws.calls import in_time, listed
from addons.autoscaler.model.groups import Group
from addons.runtime.aws import AwsSession


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet, its zone, and how many addresses it has left. `counted` are the instances that were known
    when it was read: any other may have taken an address since.
    """

    id: str
    zone: str
    free: int
    counted: frozenset[str] = frozenset()


class Subnets:
    """Reads subnets. `known` has each as it was read last."""

    def __init__(self, aws: AwsSession) -> None:
        self._aws = aws
        self.known: dict[str, Subnet] = {}

    async def learn(self, ids: Collection[str], counted: frozenset[str]) -> None:
        """Read these subnets, a hundred at most, in one call; `counted` are all instances that are known.
        Raises OutsideError.

        A filter, unlike a list of ids, may name one that is gone.
        """
        wanted = [{"Name": "subnet-id", "Values": sorted(ids)}]
        async with in_time("subnets"):
            items = [
                item
                async for page in self._aws.pages("ec2", "describe_subnets", Filters=wanted)
                for item in listed(page, "Subnets")
            ]
        read = {
            item["SubnetId"]: Subnet(
                item["SubnetId"], item["AvailabilityZone"], item["AvailableIpAddressCount"], counted
            )
            for item in items
        }
        for id_ in ids:
            self.known.pop(id_, None)
        self.known |= read


def uncounted(groups: Iterable[Group], subnets: Mapping[str, Subnet]) -> Counter[str]:
    """How many instances have come since each subnet was read, where they may be in it."""
    found: Counter[str] = Counter()
    for group in groups:
        for subnet in filter(None, map(subnets.get, group.subnets)):
            found[subnet.id] += sum(
                each.zone == subnet.zone and each.id not in subnet.counted for each in group.instances
            )
    return found


def free_by_zone(
    ids: Collection[str], subnets: Mapping[str, Subnet], newcomers: Mapping[str, int]
) -> dict[str, int] | None:
    """What these subnets have left beside newcomers, by zone; None where that is not known of any of them."""
    found: defaultdict[str, int] = defaultdict(int)
    for id_ in ids:
        if subnet := subnets.get(id_):
            found[subnet.zone] += max(0, subnet.free - newcomers.get(id_, 0))
    return dict(found) or None

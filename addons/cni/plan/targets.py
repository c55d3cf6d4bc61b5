"""What a policy wishes of a pool, as numbers. Which policy holds is decided in `policies`."""

from msgspec import Struct


class Targets(Struct, frozen=True):
    """So many units (addresses, or prefixes where the policy has these) are to come, or may go.

    `must` come, whatever subnets have left: pods wait for them, or an administrator wants them. `nice` to
    have ones come only out of subnets that have more than their reserve. `over` are there beyond need. An
    interface that is asked all the same may take `fill` more, so that it need not be asked again. Of what is
    nice to have, no new interface is made for more than the first `urgent` ones.
    """

    must: int = 0
    nice: int = 0
    over: int = 0
    fill: int = 0
    urgent: int = 0


def units(addresses: int, unit: int) -> int:
    """How many units hold so many addresses."""
    return -(-addresses // unit)

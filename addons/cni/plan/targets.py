"""What a policy wishes of a pool, as numbers. Which policy holds is decided in `policies`."""

from msgspec import Struct


class Targets(Struct, frozen=True):
    """So many units (addresses, or prefixes where the policy has these) are to come, or may go.

    `must` come, whatever subnets have left: pods wait for them, or an administrator wants them. `nice` to
    have ones come only out of subnets that have more than their reserve. `over` are there beyond need.
    """

    must: int = 0
    nice: int = 0
    over: int = 0


def units(addresses: int, unit: int) -> int:
    """How many units hold so many addresses."""
    return -(-addresses // unit)

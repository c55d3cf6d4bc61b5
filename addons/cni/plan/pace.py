"""How often a node reads what all nodes read, so that thousands of them stay below an account's buckets.

EC2 refills 20 calls a second of each Describe operation for all callers of an account and region together.
"""

from datetime import timedelta

_WHILE_SCARCE, _WHILE_ROOMY, _AT_MOST = 0.25, 2.0, 15.0
"""Audits."""
_SECONDS_OF_AN_ADDRESS = 0.5
"""A subnet with so many free addresses is not used up before it is read again: all nodes together would have
to take two a second."""
_SECONDS_OF_A_SHARER = 0.25
"""The nodes of a zone together read their scarce subnets four times a second at most."""
_SECONDS_OF_A_COUNT = 2.0
"""The nodes of a zone together count themselves every other second at most."""

ROUTES_PERIOD = 15
"""Audits after which routes are read again: they change seldom."""

LEASE_SECONDS, RENEW_SECONDS, LEASE_RETRY_SECONDS = 3600.0, 3000.0, 900.0
"""Of the lease under which one node deletes what instances left behind: all the others ask for it."""


def subnets_period(audit: timedelta, *, free: int, is_scarce: bool, sharers: int) -> timedelta:
    """The time after which subnets are read again, when others have taken of them or given back.

    `free` addresses are in the roomiest of them; `sharers` nodes draw on them.
    """
    if is_scarce:
        return max(audit * _WHILE_SCARCE, timedelta(seconds=sharers * _SECONDS_OF_A_SHARER))
    enough = timedelta(seconds=free * _SECONDS_OF_AN_ADDRESS)
    return min(max(audit * _WHILE_ROOMY, enough), audit * _AT_MOST)


def count_period(audit: timedelta, sharers: int) -> timedelta:
    """The time after which the nodes of the zone are counted again, of which there were so many."""
    return max(audit / 2, timedelta(seconds=sharers * _SECONDS_OF_A_COUNT))

"""How fast pods come, and how many addresses to hold ready for the next ones."""

from datetime import datetime
from math import ceil, exp

from addons.cni.model.pool import Arrivals

MEMORY_SECONDS = 60.0
"""What came so long ago counts about a third."""

AHEAD_SECONDS = 10.0
"""How long EC2 may take to give more: an interface is attached within ten seconds."""


def arrived(arrivals: Arrivals, now: datetime, pods: int = 1) -> Arrivals:
    """The average after so many pods more."""
    return Arrivals(rate(arrivals, now) + pods / MEMORY_SECONDS, now)


def rate(arrivals: Arrivals, now: datetime) -> float:
    """Pods per second, as far as they are remembered at `now`."""
    if arrivals.at is None:
        return 0.0
    return arrivals.per_second * exp(-max(0.0, (now - arrivals.at).total_seconds()) / MEMORY_SECONDS)


def headroom(arrivals: Arrivals, now: datetime, most: int) -> int:
    """Addresses to hold ready: what comes while EC2 is asked for more, between half of `most` and `most`."""
    return min(most, max(ceil(most / 2), ceil(rate(arrivals, now) * AHEAD_SECONDS)))

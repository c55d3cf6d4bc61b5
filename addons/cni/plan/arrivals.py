"""How fast pods come, and how many addresses to hold ready for the next ones."""

from datetime import datetime
from math import ceil, exp

from addons.cni.model.pool import Arrivals

MEMORY_SECONDS = 60.0
"""What came so long ago counts about a third."""

LATELY_SECONDS = 2.0
"""The same for `lately`."""

AHEAD_SECONDS = 10.0
"""How long EC2 may take to give more: an interface is attached within ten seconds."""


def arrived(arrivals: Arrivals, now: datetime, pods: int = 1) -> Arrivals:
    """The averages after so many pods more."""
    lately = _faded(arrivals.lately, arrivals.at, now, LATELY_SECONDS) + pods / LATELY_SECONDS
    return Arrivals(rate(arrivals, now) + pods / MEMORY_SECONDS, now, lately)


def rate(arrivals: Arrivals, now: datetime) -> float:
    """Pods per second, as far as they are remembered at `now`."""
    return _faded(arrivals.per_second, arrivals.at, now, MEMORY_SECONDS)


def headroom(arrivals: Arrivals, now: datetime, most: int) -> int:
    """Addresses to hold ready: what comes while EC2 is asked for more, between half of `most` and `most`."""
    return min(most, max(ceil(most / 2), ceil(rate(arrivals, now) * AHEAD_SECONDS)))


def expected(arrivals: Arrivals, now: datetime) -> int:
    """Pods that come while EC2 is asked for more, if they go on to come as in the last seconds."""
    return ceil(_faded(arrivals.lately, arrivals.at, now, LATELY_SECONDS) * AHEAD_SECONDS)


def _faded(average: float, at: datetime | None, now: datetime, memory: float) -> float:
    if at is None:
        return 0.0
    return average * exp(-max(0.0, (now - at).total_seconds()) / memory)

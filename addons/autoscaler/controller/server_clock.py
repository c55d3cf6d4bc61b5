"""Whether the clock here and that of the API server agree: ages of nodes are told by both together."""

from collections.abc import Callable
from typing import Final

from prometheus_client import Gauge

from addons.autoscaler import names
from addons.runtime.outcomes import Fault

MOST_SECONDS: Final = 60.0
"""By so much they may differ."""

_DIFFERENCE = Gauge(
    "addons_autoscaler_clock_difference_seconds",
    "Seconds by which the clock of the API server is ahead of ours at least; 0 where none can be told.",
)


class ServerClock:
    """Says when nothing may be removed, as nobody can say how old a node is.

    With a wrong clock a node that has just been ordered counts as one that never comes. `difference` gives
    the seconds by which the clock of the API server is ahead of ours.
    """

    def __init__(self, difference: Callable[[], float]) -> None:
        self._difference = difference

    def disagreement(self) -> str:
        """What keeps nodes from being removed, in words; empty where the clocks agree."""
        seconds = self._difference()
        _DIFFERENCE.set(seconds)
        if abs(seconds) <= MOST_SECONDS:
            return ""
        side = "behind" if seconds > 0 else "ahead of"
        return (
            f"the clock here is more than {abs(seconds) // 60:.0f} min {side} that of the API server, so"
            " nobody knows how old nodes are: have the clock of this machine set"
        )

    def fault(self) -> Fault | None:
        """The same as what keeps the daemon from its work."""
        why = self.disagreement()
        return (
            Fault("kubernetes", "clock", names.CLOCKS_DIFFER, f"nothing is removed: {why}") if why else None
        )

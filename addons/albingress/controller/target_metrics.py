"""What is exported as metrics about targets."""

import asyncio
from functools import partial

from prometheus_client import Counter, Gauge, Histogram

_REGISTRATION = Histogram(
    "addons_albingress_registration_seconds",
    "Time from a change of endpoints to their registration.",
    buckets=(0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30, 60),
)
_WAITING = Gauge(
    "addons_albingress_targets_waiting_seconds",
    "For how long a target group has not followed a change of its endpoints; only while it waits.",
    ["target_group"],
)
_CHANGED = Counter(
    "addons_albingress_targets_changed_total", "Targets registered and deregistered.", ["verb"]
)
_DRIFT = Counter("addons_albingress_target_drift_total", "Targets that somebody else changed.")


class TargetMetrics:
    """Keeps the figures of all target groups, by the time of the loop."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def waits(self, group: str) -> None:
        """Endpoints have changed that a target group has to follow."""
        if group not in self._since:
            loop = asyncio.get_running_loop()
            since = self._since[group] = loop.time()
            _WAITING.labels(group).set_function(partial(_seconds, loop, since))

    def followed(self, group: str) -> None:
        """A target group has all new targets of its endpoints."""
        since = self._since.get(group)
        if since is not None:
            _REGISTRATION.observe(_seconds(asyncio.get_running_loop(), since))
        self.forget(group)

    def changed(self, verb: str, count: int) -> None:
        """Targets were registered or deregistered."""
        _CHANGED.labels(verb).inc(count)

    def drifted(self, count: int) -> None:
        """Targets came or went without our doing."""
        _DRIFT.inc(count)

    def forget(self, group: str) -> None:
        """A target group waits for nothing any more."""
        if self._since.pop(group, None) is not None:
            _WAITING.remove(group)

    def forget_all(self) -> None:
        """Nobody waits here: another replica leads."""
        for group in tuple(self._since):
            self.forget(group)


def _seconds(loop: asyncio.AbstractEventLoop, since: float) -> float:
    return loop.time() - since

"""What around a daemon keeps it from its work, such as a missing right, told where people look."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from prometheus_client import Gauge

from addons.runtime.outcomes import Fault, ObjectRef
from addons.runtime.reporter import Report, Reporter

DEGRADED: Final = "Degraded"

FaultSource = Callable[[], Iterable[Fault]]

_LOOK_SECONDS = 1.0

_DEGRADED = Gauge(
    "addons_degraded",
    "1 while something keeps the daemon from its work: AWS or Kubernetes, what of it, and its code.",
    ["side", "about", "reason"],
)


class Faults:
    """Looks every second at the faults there are.

    Each is a decision and an Event on our own `pod` when it begins, and a gauge and a row on the page as long
    as it lasts. The parts that meet a fault log it themselves.
    """

    def __init__(self, sources: Sequence[FaultSource], *, reporter: Reporter, pod: ObjectRef | None) -> None:
        self._sources = sources
        self._reporter = reporter
        self._pod = pod

    async def run(self, stopping: asyncio.Event) -> None:
        """Tell of faults until `stopping`."""
        while not stopping.is_set():
            self._tell()
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await stopping.wait()
            except TimeoutError:
                pass

    def current(self) -> list[Fault]:
        """The faults there are."""
        return sorted({fault for source in self._sources for fault in source()})

    def _tell(self) -> None:
        faults = self.current()
        self._reporter.tell_current("faults", map(self._report, faults))
        _DEGRADED.clear()
        for fault in faults:
            _DEGRADED.labels(fault.side, fault.about, fault.reason).set(1)

    def _report(self, fault: Fault) -> Report:
        return Report(
            key=fault.about,
            ref=self._pod,
            action="skip",
            reason=DEGRADED,
            message=f"{fault.about}: {fault.message}",
            log="",
            event="Warning",
            identity=fault.reason,
        )

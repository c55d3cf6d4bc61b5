"""What a daemon tells of its decisions, once each: in the log, on the status page, as Event on the object."""

import logging
from collections.abc import Container, Iterable
from datetime import datetime
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import force_setattr

from addons.runtime.decisions import Decisions
from addons.runtime.events import EventRecorder, shortened
from addons.runtime.outcomes import ObjectRef

log = logging.getLogger(__name__)

_LONGEST_MESSAGE: Final = 4096
"""Bytes. A message may quote an annotation of 256 KiB, and many such would be too much to show."""

_LEVELS: Final = {"warning": logging.WARNING, "info": logging.INFO}


class Report(Struct, frozen=True, kw_only=True):
    """One thing to tell.

    `key` names what it is about, `reason` is a CamelCase code. It is logged at the level `log` ("": not at
    all), and becomes an Event of type `event` ("": none) where there is a `ref`. Two reports of one key with
    the same `identity` are the same news; by default reason, object and message make it. One that `is_change`
    tells what was changed in the world: its line in the log is never left out. A long message loses its
    middle.
    """

    key: str
    ref: ObjectRef | None
    action: str
    reason: str
    message: str
    retry_at: datetime | None = None
    log: Literal["warning", "info", ""] = "info"
    event: Literal["Warning", "Normal", ""] = ""
    identity: str | None = None
    is_change: bool = False

    def __post_init__(self) -> None:
        force_setattr(self, "message", shortened(self.message, _LONGEST_MESSAGE))

    @property
    def news(self) -> tuple[str, str]:
        """What has to differ for the report to be told again."""
        said = f"{self.reason} {self.ref} {self.message}" if self.identity is None else self.identity
        return self.key, said


class _Everything:
    def __contains__(self, key: object) -> bool:
        return True


EVERYTHING: Final[Container[str]] = _Everything()


class Reporter:
    """Tells things; what holds on is told once, and again only when it was over meanwhile, or changed.

    Without `events` no Events are made.
    """

    def __init__(self, *, decisions: Decisions, events: EventRecorder | None) -> None:
        self._decisions = decisions
        self._events = events
        self._current: dict[str, dict[str, list[Report]]] = {}

    def tell(self, report: Report) -> None:
        """Tell something that has just happened."""
        if report.log:
            marks = {"kind": report.reason, "is_change": report.is_change}
            told = (report.key, report.message, report.reason)
            log.log(_LEVELS[report.log], "%s: %s (%s)", *told, extra=marks)
        self._decisions.record(
            key=report.key,
            ref=report.ref,
            action=report.action,
            reason=report.reason,
            message=report.message,
            retry_at=report.retry_at,
        )
        if report.event and report.ref and self._events:
            self._events.event(
                report.ref,
                type=report.event,
                reason=report.reason,
                action=report.action.title(),
                message=report.message,
            )

    def tell_current(
        self, topic: str, reports: Iterable[Report], covered: Container[str] = EVERYTHING
    ) -> None:
        """Tell of all that holds now on a topic what did not hold before.

        `covered` has the keys that this round was about: what was told of them and is not there any more is
        over. Keys outside of it stay as they are.
        """
        held = self._current.setdefault(topic, {})
        current: dict[str, list[Report]] = {}
        for report in reports:
            current.setdefault(report.key, []).append(report)
        for key in [key for key in held if key in covered and key not in current]:
            del held[key]
        for key, found in current.items():
            known = {report.news for report in held.get(key, ())}
            held[key] = found
            for report in found:
                if report.news not in known:
                    self.tell(report)

    def current(self, topic: str) -> list[Report]:
        """All that holds now on a topic; in no order."""
        return [report for reports in self._current.get(topic, {}).values() for report in reports]

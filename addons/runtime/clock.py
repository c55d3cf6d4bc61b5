"""Wall time in the forms that Kubernetes writes it.

Monotonic time is always the event loop's own `time()`, so that a test can run a daemon on virtual time;
wall time is a `now` argument that defaults to `utc_now`.
"""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """Whole seconds, as `metadata.creationTimestamp` has them: 2026-01-02T03:04:05Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_micro(moment: datetime) -> str:
    """Microseconds, as a Lease and an Event want them (MicroTime): 2026-01-02T03:04:05.000006Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_rfc3339(text: str) -> datetime:
    """Read either form; raises ValueError when `text` is neither."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

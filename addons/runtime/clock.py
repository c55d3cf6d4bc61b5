"""Wall time in the forms that Kubernetes writes it.

Monotonic time is always the event loop's own `time()`, so that a test can run a daemon on virtual time;
wall time is a `now` argument that defaults to `utc_now`.
"""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


def least_difference(shown: datetime, sent: datetime, received: datetime) -> float:
    """Seconds by which a clock is ahead of ours at least, which has `shown` a second between two moments."""
    ahead, behind = (shown - received).total_seconds(), (shown - sent).total_seconds() + 1
    return ahead if ahead > 0 else min(behind, 0.0)


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

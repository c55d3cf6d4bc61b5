"""What failures lead to: the group rests, and when everything fails, so does the cluster."""

from msgspec.structs import replace

from addons.autoscaler.model.intents import GroupRecord, Memory
from addons.autoscaler.plan.options import GrowOptions

BREAKER_SECONDS = 1800.0
BREAKER_GROUPS = 3
BREAKER_INTENTS = 5
_MOST_KEPT = 20


def with_failure(record: GroupRecord, now: float, code: str, why: str, options: GrowOptions) -> GroupRecord:
    """Have the group rest, for twice as long after each failure. One while it rests makes it no longer."""
    told = replace(record, last_failure=now, failure=why, failure_code=code, step=1)
    if record.rests_until > now:
        return told
    failures = record.failures + 1
    rest = min(options.rest_seconds * 2 ** min(failures - 1, 30), options.longest_rest_seconds)
    return replace(told, failures=failures, rests_until=now + rest)


def without_failures(record: GroupRecord) -> GroupRecord:
    """Forget failures, as the group has shown that it works."""
    return replace(record, failures=0, last_failure=0.0, failure="", failure_code="", rests_until=0.0)


def forget_old(record: GroupRecord, now: float, options: GrowOptions) -> GroupRecord:
    """Forget failures of which the last is long ago."""
    if record.failures and now - record.last_failure > options.forget_seconds:
        return without_failures(record)
    return record


def is_breaker_open(memory: Memory, now: float) -> bool:
    """Whether so much has failed of late that something that all groups share must be wrong.

    Then one node at a time is tried in the whole cluster, and a success ends it.
    """
    recent = [group for at, group in memory.failed_intents if now - at <= BREAKER_SECONDS]
    return len(set(recent)) >= BREAKER_GROUPS or len(recent) >= BREAKER_INTENTS


def count_failures(memory: Memory, groups: list[str], now: float) -> Memory:
    """Count a failed intent of each of these groups.

    One more failure while the breaker is open keeps all that opened it: tried one by one, groups fail too
    seldom to keep it open by themselves.
    """
    if not groups:
        return memory
    recent = [each for each in memory.failed_intents if now - each[0] <= BREAKER_SECONDS]
    if is_breaker_open(memory, now):
        recent = [(now, group) for _, group in recent][-_MOST_KEPT:]
    return replace(memory, failed_intents=(*recent, *((now, group) for group in groups)))

"""What is remembered, as far as it can be so: clocks are set back, and anybody can edit a ConfigMap."""

from msgspec.structs import replace

from addons.autoscaler.model.intents import GroupRecord, Intent, Memory, NodeRecord, Refuted
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.resting import without_failures

_CLOCK_SLACK = 60.0
"""Seconds by which the clock of who wrote it may be ahead of ours."""


def plausible(memory: Memory, now: float, options: GrowOptions) -> Memory:
    """Give the memory without times to come, which count as now, and without numbers that none of us writes.

    A rest that would be longer than any is over. What is as it should be stays the same object.
    """
    past = _Past(now)
    groups = {name: past.record(each, options) for name, each in memory.groups.items()}
    nodes = {name: past.node(each) for name, each in memory.nodes.items()}
    failed = tuple((past.time(at), group) for at, group in memory.failed_intents)
    found = Memory(groups=groups, nodes=nodes, failed_intents=failed)
    return memory if found == memory else found


class _Past:
    """Takes what would be of the future for what has just happened."""

    def __init__(self, now: float) -> None:
        self._now = now

    def time(self, at: float) -> float:
        return at if at <= self._now + _CLOCK_SLACK else self._now

    def node(self, record: NodeRecord) -> NodeRecord:
        since, failure = self.time(record.unneeded_since), self.time(record.last_failure)
        if (since, failure) == (record.unneeded_since, record.last_failure):
            return record
        return replace(record, unneeded_since=since, last_failure=failure)

    def record(self, record: GroupRecord, options: GrowOptions) -> GroupRecord:
        if record.rests_until > self._now + options.longest_rest_seconds + _CLOCK_SLACK:
            record = without_failures(record)
        found = replace(
            record,
            intents=tuple(
                self._intent(each) for each in record.intents if each.count > 0 and each.target >= 0
            ),
            step=max(1, record.step),
            failures=max(0, record.failures),
            last_failure=self.time(record.last_failure),
            refuted=tuple(map(self._refuted, record.refuted)),
            undelivered=max(0, record.undelivered),
            owed_since=self.time(record.owed_since),
            seen={instance: self.time(at) for instance, at in record.seen.items()},
            seen_activity=self.time(record.seen_activity),
            grown_at=self.time(record.grown_at),
            shrunk_at=self.time(record.shrunk_at),
        )
        return record if found == record else found

    def _intent(self, intent: Intent) -> Intent:
        times = self.time(intent.at), self.time(intent.since), self.time(intent.first_ready)
        if times == (intent.at, intent.since, intent.first_ready):
            return intent
        at, since, first_ready = times
        return replace(intent, at=at, since=since, first_ready=first_ready)

    def _refuted(self, refuted: Refuted) -> Refuted:
        at = self.time(refuted.at)
        return refuted if at == refuted.at else replace(refuted, at=at)

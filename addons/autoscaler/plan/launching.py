"""What AWS owes: capacity that fails to be launched, and instances that never become nodes."""

from msgspec.structs import replace

from addons.autoscaler.model.groups import Group, LaunchFailure
from addons.autoscaler.model.intents import GroupRecord

_CLOCK_SLACK = 5.0
"""Seconds by which AWS's clock may be behind ours."""
_OTHER_ZONES_SECONDS = 60.0
"""A group of several zones is given so long to launch in the others."""
_EVERYWHERE = frozenset({"LaunchTemplateInvalid", "QuotaExceeded"})
"""Failures that other zones share."""


def with_seen(record: GroupRecord, group: Group, joined: frozenset[str], now: float) -> GroupRecord:
    """Remember since when each instance without a node is known; `joined` are those with one."""
    seen = {
        instance.id: record.seen.get(instance.id, now)
        for instance in group.instances
        if not instance.is_leaving and instance.id not in joined
    }
    return replace(record, seen=seen) if seen != record.seen else record


def with_owed(record: GroupRecord, group: Group, now: float) -> GroupRecord:
    """Remember since when AWS owes capacity; what was given up counts no longer once it has come."""
    given_up = min(record.undelivered, group.missing)
    since = (record.owed_since or now) if group.missing > given_up else 0.0
    if (given_up, since) == (record.undelivered, record.owed_since):
        return record
    return replace(record, undelivered=given_up, owed_since=since)


def launch_failure(record: GroupRecord, group: Group, now: float) -> LaunchFailure | None:
    """Find the failure for which the capacity that AWS owes is not to be counted on any more.

    AWS goes on trying by itself, so one that is older than the order says nothing about it.
    """
    if group.missing <= record.undelivered:
        return None
    oldest = max(record.grown_at - _CLOCK_SLACK, now - group.options.provision_seconds)
    failures = [each for each in group.failures if each.at >= oldest and each.at > record.seen_activity]
    if failures and _is_hopeless(group, failures, now):
        return max(failures, key=lambda each: (each.at, each.activity))
    if record.owed_since and now - record.owed_since > group.options.provision_seconds:
        told = f"AWS launched nothing for {now - record.owed_since:.0f} s"
        return LaunchFailure("", record.seen_activity, "NotLaunched", told)
    return None


def _is_hopeless(group: Group, failures: list[LaunchFailure], now: float) -> bool:
    """Whether no other zone of the group can be expected to give the capacity."""
    zones = {each.zone for each in failures}
    return (
        len(group.zones) <= 1
        or "" in zones
        or zones >= set(group.zones)
        or any(each.code in _EVERYWHERE for each in failures)
        or now - min(each.at for each in failures) > _OTHER_ZONES_SECONDS
    )


def given_up(record: GroupRecord, group: Group, failure: LaunchFailure) -> GroupRecord:
    """Count no longer on what AWS owes."""
    return replace(
        record,
        undelivered=group.missing,
        owed_since=0.0,
        seen_activity=max(record.seen_activity, failure.at),
    )

"""Launches of groups that failed, read while a group lacks instances."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from addons.autoscaler.aws.calls import in_time, listed
from addons.autoscaler.aws.failed_launches import Activity, activity_from_api
from addons.autoscaler.model.groups import LaunchFailure
from addons.runtime.aws import AwsSession

KEPT_SECONDS: Final = 3600.0
"""Failures are told for so long; AWS keeps them for six weeks."""

_PAGE = 50
_MOST_PAGES = 4


class Activities:
    """Reads scaling activities, the newest first, until one whose end is known and all before it.

    `now` gives Unix seconds.
    """

    def __init__(self, aws: AwsSession, *, now: Callable[[], float]) -> None:
        self._aws = aws
        self._now = now
        self._failures: dict[str, dict[str, LaunchFailure]] = {}
        self._settled: dict[str, float] = {}

    async def failures_of(self, group: str) -> tuple[LaunchFailure, ...]:
        """The failed launches of the last hour, the newest first. Raises OutsideError."""
        horizon = self._now() - KEPT_SECONDS
        since = max(horizon, self._settled.get(group, horizon))
        read = await self._read(group, since)
        known = self._failures.setdefault(group, {})
        known.update({each.id: each.failure for each in read if each.failure})
        for old in [id_ for id_, failure in known.items() if failure.at < horizon]:
            del known[old]
        self._settled[group] = settled_until(read, since)
        return tuple(sorted(known.values(), key=lambda each: (-each.at, each.activity)))

    def forget(self, groups: Mapping[str, object]) -> None:
        """Drop what is known of groups that are none of these."""
        for kept in (self._failures, self._settled):
            for name in kept.keys() - groups.keys():
                del kept[name]

    async def _read(self, group: str, since: float) -> list[Activity]:
        """Activities that began since then; one page is enough for what is new in some seconds."""
        found: list[Activity] = []
        asked: dict[str, Any] = {"AutoScalingGroupName": group, "MaxRecords": _PAGE}
        async with in_time(f"activities of group {group}"):
            for _ in range(_MOST_PAGES):
                reply = await self._aws.call("autoscaling", "describe_scaling_activities", **asked)
                page = list(map(activity_from_api, listed(reply, "Activities")))
                found += [each for each in page if each.began >= since]
                if not (token := reply.get("NextToken")) or any(each.began < since for each in page):
                    break
                asked["NextToken"] = token
        return found


def settled_until(activities: list[Activity], since: float) -> float:
    """The time before which every activity has ended, so that none of them will ever tell anything new."""
    under_way = [each.began for each in activities if not each.has_ended]
    return min(under_way) if under_way else max((each.began for each in activities), default=since)

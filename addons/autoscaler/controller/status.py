"""The status as the original of 1.37 writes it, with reasons: YAML for people and for tools that read it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import yaml

from addons.autoscaler import names
from addons.autoscaler.controller.passes import Pass
from addons.autoscaler.model.plans import GroupState
from addons.runtime.clock import rfc3339

Section = dict[str, Any]

_LONGEST = 400
"""Characters of a message; there may be hundreds of groups."""


@dataclass(slots=True)
class _Seen:
    status: str
    since: datetime


@dataclass(slots=True)
class Status:
    """Makes the status of each pass; knows since when each part of it is as it is."""

    _seen: dict[tuple[str, str], _Seen] = field(default_factory=dict)

    def content(self, done: Pass) -> Section:
        """What counts of the status after a pass: all but the times of the look."""
        return _content(done)

    def text(self, content: Section, now: datetime) -> str:
        """The status as YAML."""
        self._forget({each["name"] for each in content["nodeGroups"]})
        whole = {
            "time": f"{now:%Y-%m-%d %H:%M:%S.%f} +0000 UTC",
            "autoscalerStatus": "Running",
            "clusterWide": self._timed("", content["clusterWide"], now),
            "nodeGroups": [self._timed(each["name"], each, now) for each in content["nodeGroups"]],
        }
        return str(yaml.dump(whole, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=1000))

    def _timed(self, about: str, sections: Mapping[str, Any], now: datetime) -> Section:
        timed: Section = {}
        for name, section in sections.items():
            if not isinstance(section, dict):
                timed[name] = section
                continue
            seen = self._seen.get((about, name))
            if seen is None or seen.status != section["status"]:
                seen = self._seen[about, name] = _Seen(section["status"], now)
            times = {"lastProbeTime": rfc3339(now), "lastTransitionTime": rfc3339(seen.since)}
            timed[name] = {**section, **times}
        return timed

    def _forget(self, groups: set[str]) -> None:
        for key in [key for key in self._seen if key[0] and key[0] not in groups]:
            del self._seen[key]


_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""The one that is made in C, where there is one."""


def _content(done: Pass) -> Section:
    group_of = done.groups_of_nodes()
    unneeded = Counter(group_of.get(node, "") for node in done.shrink.unneeded)
    groups = [_group(done, state, unneeded[name]) for name, state in sorted(done.states.items())]
    states = list(done.states.values())
    in_no_group = len(done.snapshot.nodes) - sum(each.ready + each.unready + each.starting for each in states)
    counts = _counts(states)
    counts["registered"]["total"] += max(0, in_no_group)
    counts["registered"]["ready"] += max(0, in_no_group)
    is_growing = any(state.upcoming for state in states) or bool(done.grow.orders)
    is_needed = any(waits.groups for waits in done.grow.waits)
    return {
        "clusterWide": {
            "health": {**_health(done), "nodeCounts": counts},
            "scaleUp": {"status": "InProgress" if is_growing else "Needed" if is_needed else "NoActivity"},
            "scaleDown": _scale_down(len(done.shrink.unneeded)),
        },
        "nodeGroups": groups,
    }


def _health(done: Pass) -> Section:
    """Whether what is known may be acted upon, and enough nodes are ready for others to go."""
    if why := done.snapshot.is_stale:
        return {"status": "Unhealthy", "reason": names.STALE_VIEW, "message": why[:_LONGEST]}
    gate = next((each for each in done.shrink.stays.values() if each.code == names.UNHEALTHY), None)
    if gate:
        return {"status": "Unhealthy", "reason": gate.code, "message": gate.message[:_LONGEST]}
    return {"status": "Healthy"}


def _group(done: Pass, state: GroupState, unneeded: int) -> Section:
    group = state.group
    health: Section = {
        "status": "Unhealthy" if state.why_not and state.why_not.code == names.UNHEALTHY else "Healthy",
        "nodeCounts": _counts([state]),
        "cloudProviderTarget": group.desired,
        "minSize": group.min_size,
        "maxSize": group.max_size,
    }
    if group.degraded:
        health |= {"reason": names.DEGRADED, "message": group.degraded[:_LONGEST]}
    return {
        "name": group.name,
        "health": health,
        "scaleUp": _scale_up(done, state),
        "scaleDown": _scale_down(unneeded),
    }


def _scale_up(done: Pass, state: GroupState) -> Section:
    why = state.why_not or done.grow.held.get(state.group.name)
    record = done.memory.groups.get(state.group.name)
    if record and record.rests_until > done.snapshot.now:
        info = {"errorCode": record.failure_code or "Other", "errorMessage": record.failure[:_LONGEST]}
        return {"status": "Backoff", "backoffInfo": info}
    is_growing = state.upcoming or any(each.group == state.group.name for each in done.grow.orders)
    section: Section = {"status": "InProgress" if is_growing else "NoActivity"}
    if why:
        section |= {"reason": why.code, "message": why.message[:_LONGEST]}
    return section


def _scale_down(candidates: int) -> Section:
    return {"status": "CandidatesPresent" if candidates else "NoCandidates", "candidates": candidates}


def _counts(states: list[GroupState]) -> Section:
    ready, unready = sum(each.ready for each in states), sum(each.unready for each in states)
    starting = sum(each.starting for each in states)
    lost = sum(len(each.lost) for each in states)
    return {
        "registered": {
            "total": ready + unready + starting,
            "ready": ready,
            "notStarted": starting,
            "suspended": 0,
            "unready": {"total": unready, "resourceUnready": 0},
        },
        "longUnregistered": lost,
        "unregistered": max(0, sum(each.unregistered for each in states) - lost),
    }

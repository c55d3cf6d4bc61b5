"""The auto scaling groups that are ours, kept fresh: each of them however the others fare."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from math import inf
from typing import Any

from addons.autoscaler.aws.activities import Activities
from addons.autoscaler.aws.calls import CALL_SECONDS, MOST_NAMES, chunks, in_time, listed
from addons.autoscaler.aws.instance_types import InstanceTypes
from addons.autoscaler.aws.known import Known
from addons.autoscaler.aws.launch_templates import MOVING_SECONDS, LaunchTemplates
from addons.autoscaler.aws.launches import LaunchReference
from addons.autoscaler.aws.node_groups import ASK_SECONDS, NodeGroupKey, NodeGroups, node_group_of
from addons.autoscaler.aws.rounds import Readings, Rounds
from addons.autoscaler.aws.schedule import BUSY_SECONDS, IDLE_SECONDS, Suspects, patience
from addons.autoscaler.aws.subnets import Subnets
from addons.autoscaler.aws.view import GroupView, group_problem
from addons.autoscaler.model.groups import LAUNCH_UNREAD, Group
from addons.autoscaler.model.specs import NamedGroup, TagSpec
from addons.autoscaler.names import GROUP_NOT_FOUND
from addons.runtime.aws import AwsSession
from addons.runtime.errors import Denied, NotFound, OutsideError, Throttled, Unavailable, Withheld
from addons.runtime.outcomes import Fault, Problem

Source = tuple[str, ...] | TagSpec
"""Whom to ask which groups there are: up to a hundred names, or tags."""

_SUBNETS_IDLE_SECONDS = 3600.0
_TYPE_UNKNOWN_SECONDS = 600.0
_NOT_ABOUT_GROUPS = (Denied, Throttled, Withheld)
"""Errors that lie with none of the groups of a call."""


class Groups:
    """Reads groups by name and by tags, with what they launch, what failed, and what their subnets have left.

    All is read every `refresh_seconds` in as few calls as there can be; a group that lacks instances, or was
    changed by us, by itself and sooner. A call that fails costs freshness only: `Group.observed` says how old
    is what is told. Options of groups are left as they are by default. `now` gives Unix seconds.
    """

    def __init__(
        self,
        aws: AwsSession,
        *,
        named: Mapping[str, NamedGroup],
        specs: Sequence[TagSpec] = (),
        refresh_seconds: float = IDLE_SECONDS,
        is_static: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._aws = aws
        self._sources: tuple[Source, ...] = (*map(tuple, chunks(sorted(named), MOST_NAMES)), *specs)
        self._refresh_seconds = refresh_seconds
        self._now = now
        self.types = InstanceTypes(aws, is_static=is_static)
        """The types of instances in use, in `types.known`."""
        self.expecting: Collection[str] = ()
        """Groups of which nodes are awaited that AWS has delivered: read as often as if it had not."""
        self.is_pending = False
        """Whether pods wait, so that it counts how many addresses are left."""
        self._templates = LaunchTemplates(aws)
        self._activities = Activities(aws, now=now)
        self._subnets = Subnets(aws)
        self._node_groups = NodeGroups(aws)
        self._view = GroupView(named, self._subnets.known)
        self._view.declared = self._node_groups.known
        self._members: dict[Source, frozenset[str]] = {}
        self._suspects = Suspects(MOST_NAMES)
        self._by_source: Readings[Source] = Readings(
            "auto scaling groups", self._source_periods, self._read_source, partial(chunks, size=1)
        )
        self._by_name: Readings[str] = Readings(
            "single auto scaling groups",
            self._name_periods,
            self._read_names,
            self._suspects.batches,
            slack=BUSY_SECONDS / 2,
        )
        self._readings: tuple[Readings[Any], ...] = (self._by_source, self._by_name, *self._of_details())
        self._rounds = Rounds(self._readings)

    def _of_details(self) -> Iterable[Readings[Any]]:
        one_by_one, by_hundreds = partial(chunks, size=1), partial(chunks, size=MOST_NAMES)
        yield Readings("launch templates", self._launch_periods, self._read_launch, one_by_one)
        yield Readings("managed node groups", self._node_group_periods, self._read_node_group, one_by_one)
        yield Readings("types of instances", self._type_periods, self.types.learn, by_hundreds)
        yield Readings("scaling activities", self._activity_periods, self._read_activities, one_by_one)
        yield Readings("subnets", self._subnet_periods, self._read_subnets, by_hundreds)

    @property
    def view(self) -> Mapping[str, Group]:
        """Every group that is known, by name; a later one is another mapping."""
        return self._view.groups

    @property
    def changed(self) -> asyncio.Event:
        """Set when anything but the time of a reading is new; whoever waits for it clears it."""
        return self._view.changed

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep the view fresh until `stopping`."""
        await self._rounds.run(stopping)

    async def refresh(self, names: Collection[str] | None = None) -> None:
        """Read groups at once, these or all, with what belongs to them; raises nothing for any of them."""
        if names is None:
            self._by_source.schedule.hurry(self._sources)
        else:
            self._by_name.schedule.hurry(names)
        await self._rounds.settle()

    async def read(self, name: str) -> Group:
        """Read one group now. Raises OutsideError; NotFound where there is none."""
        await self._read_names([name])
        if group := self.view.get(name):
            return group
        raise NotFound(f"group {name}: AWS has no such auto scaling group", code=GROUP_NOT_FOUND)

    def age(self, name: str) -> float:
        """Seconds since the reading of a group that is told was begun; infinity where there is none."""
        known = self._view.known.get(name)
        return _loop_time() - known.began if known else inf

    def ordered(self, name: str, desired: int) -> None:
        """Know that AWS was told a desired capacity, and read the group again at once."""
        if known := self._view.known.get(name):
            known.ordered(desired, _loop_time())
        self._has_changed(name)

    def ended(self, name: str, instance: str) -> None:
        """Know that AWS was told to end an instance, and read the group again at once."""
        if known := self._view.known.get(name):
            known.ended(instance, _loop_time())
        self._has_changed(name)

    def hurry(self, name: str) -> None:
        """Have a group read again at once."""
        self._by_name.schedule.hurry([name])
        self._rounds.wake()

    @property
    def unread(self) -> str:
        """Which groups nothing is known of yet, in words; empty when all were read once."""
        waiting = [_words(source) for source in self._sources if source not in self._members]
        return f"auto scaling groups are not read yet: {', '.join(waiting)}" if waiting else ""

    @property
    def launching_unread(self) -> frozenset[str]:
        """Groups of which it is not known yet what they launch, nor why that cannot be known."""
        answered = self.types.known.keys() | self.types.unknown
        return frozenset(
            name
            for name, group in self.view.items()
            if LAUNCH_UNREAD in group.degraded
            or not answered >= set(group.types)
            or node_group_of(group.tags) not in {None, *self._node_groups.known}
        )

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Groups that are wanted and not to be had, or that cannot be worked with as they are."""
        read = {name for source in self._members if isinstance(source, tuple) for name in source}
        missing = read - self._view.known.keys() - self._view.unusable.keys()
        found = [group_problem(name, GROUP_NOT_FOUND, "--nodes: AWS has no such group") for name in missing]
        return tuple(sorted([*found, *self._view.problems]))

    def faults(self) -> list[Fault]:
        """What AWS does not tell, and why, each once."""
        errors = [(each.what, error) for each in self._readings for error in each.errors.values()]
        return sorted(
            {
                Fault("aws", what, error.reason, error.message)
                for what, error in errors
                if not isinstance(error, Withheld)
            }
        )

    def _source_periods(self) -> Mapping[Source, float]:
        return dict.fromkeys(self._sources, self._refresh_seconds)

    def _name_periods(self) -> Mapping[str, float]:
        """All groups, most of them never; those that await something, and those whose source fails."""
        orphans = {name for source in self._by_source.errors for name in self._names_of(source)}
        periods = dict.fromkeys(self._view.known, inf) | dict.fromkeys(orphans, self._refresh_seconds)
        for name, known in self._view.known.items():
            if self._awaits(name, known):
                periods[name] = patience(_loop_time() - known.changed)
        return periods

    def _awaits(self, name: str, known: Known) -> bool:
        if known.base is None:
            return False
        is_arriving = any(each.state.startswith("Pending") for each in known.base.instances)
        return bool(known.base.missing) or is_arriving or name in self.expecting

    def _names_of(self, source: Source) -> Collection[str]:
        return source if isinstance(source, tuple) else self._members.get(source, ())

    def _launch_periods(self) -> Mapping[LaunchReference, float]:
        return {each.reference: MOVING_SECONDS for each in self._view.known.values() if each.reference}

    def _node_group_periods(self) -> Mapping[NodeGroupKey, float]:
        found = {node_group_of(group.tags) for group in self.view.values()}
        return {each: ASK_SECONDS for each in found if each}

    def _type_periods(self) -> Mapping[str, float]:
        used = {name for group in self.view.values() for name in group.types}
        return dict.fromkeys(used - self.types.known.keys(), _TYPE_UNKNOWN_SECONDS)

    def _activity_periods(self) -> Mapping[str, float]:
        now = _loop_time()
        return {
            name: patience(now - known.changed)
            for name, known in self._view.known.items()
            if known.base and (known.base.missing or known.has_changed_lately(now))
        }

    def _subnet_periods(self) -> Mapping[str, float]:
        period = IDLE_SECONDS if self.is_pending else _SUBNETS_IDLE_SECONDS
        return {id_: period for group in self.view.values() for id_ in group.subnets}

    async def _read_source(self, batch: Sequence[Source]) -> None:
        (source,) = batch
        asked = _asked_of(source)
        pages = 1 + len(self._names_of(source)) // MOST_NAMES
        seen: set[str] = set()
        began, observed = _loop_time(), self._now()
        async with in_time(f"auto scaling groups of {_words(source)}", CALL_SECONDS * pages):
            async for page in self._aws.pages(
                "autoscaling", "describe_auto_scaling_groups", MaxRecords=MOST_NAMES, **asked
            ):
                seen |= self._view.take(listed(page, "AutoScalingGroups"), began, observed)
        self._members[source] = frozenset(seen)
        self._by_name.forgive(source if isinstance(source, tuple) else seen)
        if len(self._members) == len(self._sources):
            ours = frozenset[str]().union(*self._members.values())
            self._view.drop((self._view.known.keys() | self._view.unusable.keys()) - ours)
            self._activities.forget(self._view.known)

    async def _read_names(self, names: Sequence[str]) -> None:
        began, observed = _loop_time(), self._now()
        asked = _asked_of(tuple(names))
        try:
            async with in_time(f"auto scaling groups {', '.join(names[:3])}"):
                reply = await self._aws.call(
                    "autoscaling", "describe_auto_scaling_groups", MaxRecords=MOST_NAMES, **asked
                )
        except OutsideError as error:
            is_about_one = not isinstance(error, _NOT_ABOUT_GROUPS)
            if is_about_one and self._suspects.failed(names, len(self._name_periods())):
                self._by_name.schedule.hurry(names)
            raise
        self._suspects.succeeded(names)
        self._view.drop(set(names) - self._view.take(listed(reply, "AutoScalingGroups"), began, observed))

    async def _read_launch(self, batch: Sequence[LaunchReference]) -> None:
        (reference,) = batch
        try:
            launch = await self._templates.launch_of(reference)
        except OutsideError as error:
            self._view.take_no_launch(reference, error.message)
            raise
        self._view.take_launch(reference, launch)
        if launch.problem:
            raise Unavailable(launch.problem, code="TypesUnknown")

    async def _read_node_group(self, batch: Sequence[NodeGroupKey]) -> None:
        (key,) = batch
        await self._node_groups.learn(key)
        self._view.publish([name for name, group in self.view.items() if node_group_of(group.tags) == key])

    async def _read_activities(self, batch: Sequence[str]) -> None:
        (name,) = batch
        self._view.take_failures(name, await self._activities.failures_of(name))

    async def _read_subnets(self, ids: Sequence[str]) -> None:
        counted = frozenset(each.id for group in self.view.values() for each in group.instances)
        await self._subnets.learn(ids, counted)
        self._view.publish(self.view)

    def _has_changed(self, name: str) -> None:
        self._view.publish([name])
        self.hurry(name)


def _asked_of(source: Source) -> dict[str, Any]:
    """The arguments that ask for the groups of a source."""
    if isinstance(source, tuple):
        return {"AutoScalingGroupNames": list(source)}
    filters = [
        {"Name": "tag-key", "Values": [key]} if value is None else {"Name": f"tag:{key}", "Values": [value]}
        for key, value in source.tags
    ]
    return {"Filters": filters}


def _words(source: Source) -> str:
    return str(source) if isinstance(source, TagSpec) else f"--nodes {', '.join(source[:3])}"


def _loop_time() -> float:
    return asyncio.get_running_loop().time()

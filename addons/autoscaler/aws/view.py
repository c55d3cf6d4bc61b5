"""The view of all groups, made of what was read of each: a group that cannot be read stays as it was."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from addons.autoscaler.aws.known import Known
from addons.autoscaler.aws.launches import Launch, LaunchReference, WeightsUsed, reference_from_group
from addons.autoscaler.aws.node_groups import NodeGroupKey, node_group_of
from addons.autoscaler.aws.subnets import Subnet, free_by_zone, uncounted
from addons.autoscaler.aws.translate import UNREADABLE, group_from_api
from addons.autoscaler.model.groups import LAUNCH_UNREAD, Declared, Group, LaunchFailure
from addons.autoscaler.model.specs import NamedGroup
from addons.autoscaler.names import GROUP_DEGRADED, GROUP_UNUSABLE
from addons.runtime.outcomes import ObjectRef, Problem

Item = Mapping[str, Any]


class GroupView:
    """What is known of groups by name, and `groups`, which is made of it: replaced, and never changed.

    `changed` is set when anything but the time of a reading is new. `subnets` and `declared` are read by
    whoever owns them.
    """

    def __init__(self, named: Mapping[str, NamedGroup], subnets: Mapping[str, Subnet]) -> None:
        self._named = named
        self._subnets = subnets
        self.groups: Mapping[str, Group] = {}
        self.changed = asyncio.Event()
        self.known: dict[str, Known] = {}
        self.launches: dict[LaunchReference, Launch] = {}
        self.declared: Mapping[NodeGroupKey, Declared | None] = {}
        self.unusable: dict[str, str] = {}

    def take(self, items: Iterable[Item], began: float, observed: float) -> set[str]:
        """Take what an answer says, to a call that was begun then; the names of its groups."""
        seen = set()
        for item in items:
            name = item.get("AutoScalingGroupName")
            if isinstance(name, str) and not item.get("Status"):  # one with a status is being deleted
                seen.add(name)
                self._take_one(name, item, began, observed)
        self.publish(seen)
        return seen

    def _take_one(self, name: str, item: Item, began: float, observed: float) -> None:
        known = self.known.setdefault(name, Known())
        try:
            base = group_from_api(item, self._named.get(name), observed)
            reference = reference_from_group(item)
        except WeightsUsed as error:
            self.unusable[name] = str(error)
            del self.known[name]
        except UNREADABLE as error:
            known.misread = f"what AWS says of it is not understood: {error!r}"
        else:
            self.unusable.pop(name, None)
            known.take(base, reference, began, _loop_time())

    def take_launch(self, reference: LaunchReference, launch: Launch) -> None:
        """Know what a reference of groups launches."""
        self.launches[reference] = launch
        self.publish(self._launching(reference))

    def take_no_launch(self, reference: LaunchReference, why: str) -> None:
        """Know why that could not be read."""
        concerned = self._launching(reference)
        for name in concerned:
            self.known[name].unlaunched = why
        self.publish(concerned)

    def _launching(self, reference: LaunchReference) -> list[str]:
        return [name for name, known in self.known.items() if known.reference == reference]

    def take_failures(self, name: str, failures: tuple[LaunchFailure, ...]) -> None:
        """Know which launches of a group failed lately. AWS tries again and again: that is no change."""
        if known := self.known.get(name):
            if _kinds(failures) - _kinds(known.failures):
                known.changed = _loop_time()
            known.failures = failures
            self.publish([name])

    def drop(self, names: Iterable[str]) -> None:
        """Forget groups: AWS does not have them, or they are not ours any more."""
        gone = list(names)
        for name in gone:
            self.known.pop(name, None)
            self.unusable.pop(name, None)
        used = {known.reference for known in self.known.values()}
        self.launches = {each: launch for each, launch in self.launches.items() if each in used}
        self.publish(gone)

    def publish(self, names: Iterable[str]) -> None:
        """Make these groups of the view anew."""
        view, is_news = dict(self.groups), False
        newcomers = uncounted(filter(None, (each.base for each in self.known.values())), self._subnets)
        for name in list(names):
            group, before = self._compose(name, newcomers), view.pop(name, None)
            if group:
                view[name] = group
            is_news |= _content(group) != _content(before)
        self.groups = view
        if is_news:
            self.changed.set()

    @property
    def problems(self) -> list[Problem]:
        """Groups that cannot be worked with as they are, or were not understood last."""
        misread = {name: known.misread for name, known in self.known.items() if known.misread}
        return [
            *(group_problem(name, GROUP_UNUSABLE, words) for name, words in self.unusable.items()),
            *(group_problem(name, GROUP_DEGRADED, words) for name, words in misread.items()),
        ]

    def _compose(self, name: str, newcomers: Mapping[str, int]) -> Group | None:
        known = self.known.get(name)
        if known is None or known.base is None or known.reference is None:
            return None
        degraded = [known.misread]
        if launch := self.launches.get(known.reference):
            known.launch, known.unlaunched = launch, ""
        else:
            degraded.append(known.unlaunched or LAUNCH_UNREAD)
        node_group = node_group_of(known.base.tags)
        group = replace(
            known.base,
            declared=self.declared.get(node_group) if node_group else None,
            failures=known.failures,
            free_addresses=free_by_zone(known.base.subnets, self._subnets, newcomers),
            degraded="; ".join(filter(None, degraded)),
        )
        if known.launch:
            return _with_launch(group, known.launch)
        return replace(group, types=known.reference.types or _types_of_instances(group))


def group_problem(name: str, reason: str, message: str) -> Problem:
    """A problem of a group, which no object of Kubernetes stands for."""
    return Problem(ObjectRef("AutoScalingGroup", "", name), reason, f"group {name}: {message}")


def _types_of_instances(group: Group) -> tuple[str, ...]:
    """The types that a group has launched, while it is not known which it would launch next."""
    return tuple(sorted({each.type for each in group.instances if each.type}))


def _with_launch(group: Group, launch: Launch) -> Group:
    return replace(
        group,
        types=launch.types,
        launch_template=launch.launch_template,
        image=launch.image,
        capacity_type=launch.capacity_type,
        floor=launch.floor,
        problems=(*group.problems, launch.problem) if launch.problem else group.problems,
    )


def _kinds(failures: Iterable[LaunchFailure]) -> set[tuple[str, str]]:
    return {(each.code, each.zone) for each in failures}


def _content(group: Group | None) -> Group | None:
    return group and replace(group, observed=0.0)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()

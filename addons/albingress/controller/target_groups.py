"""What the passes over groups tell of target groups to those who fill them, and what these know of them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from addons.albingress.aws.targets import Targets
from addons.albingress.config import Config
from addons.albingress.controller.target_path import TargetPath
from addons.albingress.desired.stack_bindings import bindings_of, sources_of
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.groups import GroupId
from addons.albingress.model.stack import Stack
from addons.albingress.model.targets import Target
from addons.albingress.plan.view import TargetState
from addons.runtime.errors import OutsideError

_FILL_SECONDS = 2.0
"""So long new target groups are waited for, before rules lead to them."""

_LOOK_SECONDS = 0.02


class TargetGroups:
    """Tells which target groups of a group there are, and which Services fill them."""

    def __init__(
        self, config: Config, path: TargetPath, targets: Targets, *, now: Callable[[], datetime]
    ) -> None:
        self._config = config
        self._path = path
        self._targets = targets
        self._now = now
        self._known: dict[GroupId, dict[str, str]] = {}
        self._since: dict[str, datetime] = {}
        self._healthy: set[str] = set()
        self._sources: dict[GroupId, frozenset[str]] = {}

    def follow(self, stack: Stack, observed: ObservedStack, *, new: Collection[str] = ()) -> None:
        """A group asks for this, and AWS has that; `new` target groups were just made."""
        known = self._known.get(stack.group, {})
        there = {each.name: each.arn for each in observed.target_groups}
        for name in known.keys() - there.keys():
            self._gone(name)
        self._sources[stack.group] = sources_of(stack, observed, self._config)
        self._path.bindings(str(stack.group), bindings_of(stack, observed, self._config))
        for name, arn in there.items():
            if known.get(name) != arn:
                self._since[name] = self._now()
                self._path.located(name, arn, is_new=name in new)
        self._known[stack.group] = there

    def told(self, groups: Iterable[GroupId]) -> None:
        """These are all groups there are; once each has been followed, all bindings are known."""
        if self._known.keys() >= set(groups):
            self._path.complete(set[str]().union(*self._sources.values()))

    async def filled(self, groups: Collection[str]) -> None:
        """Return when the targets of these are registered, or that takes too long."""
        deadline = asyncio.get_running_loop().time() + _FILL_SECONDS
        while not all(map(self._path.registrar.is_filled, groups)):
            if asyncio.get_running_loop().time() >= deadline:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def ask_health(self, names: Iterable[str]) -> None:
        """Find out which of these target groups, for which rules wait, have a healthy target by now."""
        for name in names:
            try:
                found = await self._targets.health(name)
            except OutsideError:
                continue
            if any(each.state == "healthy" for each in found):
                self._healthy.add(name)

    def states(self, group: GroupId) -> Mapping[str, TargetState]:
        """How far the target groups of a group are."""
        return {
            name: TargetState(
                since=self._since[name],
                is_filled=self._path.registrar.is_filled(name),
                is_healthy=name in self._healthy,
            )
            for name in self._known.get(group, {})
        }

    def in_words(self, target_group: str) -> str:
        """How many targets a group has, and how AWS found them when it was last asked."""
        found = self._path.registrar.registered(target_group)
        if found is None:
            return "targets not read yet"
        listed = ", ".join(f"{each.id}:{each.port}" for each in found[:3])
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        health = self._health_in_words(target_group, found)
        return f"{len(found)} targets{f': {listed}{more}{health}' if found else ''}"

    def _health_in_words(self, target_group: str, registered: Iterable[Target]) -> str:
        last = self._targets.seen(target_group)
        if last is None:
            return ""
        seconds, found = last
        known = {each.target.key: each for each in found}
        states = Counter(known[each.key].state for each in registered if each.key in known)
        counted = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
        return f"; {counted} {seconds:.0f} s ago" if counted else ""

    def forget(self, group: GroupId) -> None:
        """A group is gone."""
        for name in self._known.pop(group, {}):
            self._gone(name)
        self._sources.pop(group, None)
        self._path.bindings(str(group), ())

    def forget_all(self) -> None:
        """Nothing of before counts: another replica may have acted meanwhile."""
        self._known.clear()

    def _gone(self, name: str) -> None:
        self._path.gone(name)
        self._targets.forget(name)
        self._since.pop(name, None)
        self._healthy.discard(name)

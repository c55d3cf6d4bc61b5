"""What the passes over groups tell of target groups to those who fill them."""

import asyncio
from collections.abc import Collection, Iterator

from addons.albingress.controller.targets import TargetRegistrar
from addons.albingress.desired.bindings_of_stack import bindings_of
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.groups import GroupId
from addons.albingress.model.stack import Stack

_FILL_SECONDS = 2.0
"""So long new target groups are waited for, before rules lead to them."""

_LOOK_SECONDS = 0.02


class TargetGroups:
    """Tells which target groups of a group there are, and which Services fill them."""

    def __init__(self, registrar: TargetRegistrar) -> None:
        self._registrar = registrar
        self._known: dict[GroupId, dict[str, str]] = {}

    def follow(self, stack: Stack, observed: ObservedStack, *, new: Collection[str] = ()) -> None:
        """A group asks for this, and AWS has that; `new` target groups were just made."""
        known = self._known.get(stack.group, {})
        there = {each.name: each.arn for each in observed.target_groups}
        for name in known.keys() - there.keys():
            self._registrar.gone(name)
        self._registrar.bindings(str(stack.group), bindings_of(stack, observed))
        for name, arn in there.items():
            if known.get(name) != arn:
                self._registrar.located(name, arn, is_new=name in new)
        self._known[stack.group] = there

    async def filled(self, groups: Collection[str]) -> None:
        """Return when the targets of these are registered, or that takes too long."""
        deadline = asyncio.get_running_loop().time() + _FILL_SECONDS
        while not all(map(self._registrar.is_filled, groups)):
            if asyncio.get_running_loop().time() >= deadline:
                return
            await asyncio.sleep(_LOOK_SECONDS)

    def forget(self, group: GroupId) -> None:
        """A group is gone."""
        for name in self._known.pop(group, {}):
            self._registrar.gone(name)
        self._registrar.bindings(str(group), ())

"""What is remembered of a target group's targets from round to round."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from addons.albingress.model.targets import Target, TargetHealth

TargetKey = tuple[str, int]
"""What AWS tells targets apart by: id and port."""


@dataclass(slots=True)
class GroupTargets:
    """The targets of one group. `registered` is None until they were read.

    `ours` are those that this replica registered, or wanted and found. `refused` are targets that AWS did not
    take, with why, until a moment of the loop's time. `reads` asks for a look at what AWS has; `is_urgent`
    says that something changed since this replica leads.
    """

    arn: str = ""
    registered: dict[TargetKey, Target] | None = None
    ours: set[TargetKey] = field(default_factory=set)
    refused: dict[Target, tuple[float, str]] = field(default_factory=dict)
    reads: bool = False
    is_urgent: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def forget(self) -> None:
        """Take nothing for granted any more: others may act meanwhile."""
        self.registered = None
        self.ours.clear()
        self.refused.clear()
        self.reads = self.is_urgent = False

    def take_in(self, observed: Iterable[TargetHealth]) -> tuple[list[Target], list[Target]]:
        """Take what AWS has for true; the targets that are gone, and come, without our doing."""
        found = {each.target.key: each.target for each in observed if each.state != "draining"}
        known, self.registered = self.registered, found
        self.reads = False
        if known is None:
            return [], []
        gone = [target for key, target in known.items() if key not in found]
        return gone, [target for key, target in found.items() if key not in known]

    def added(self, targets: Iterable[Target]) -> None:
        """Targets were registered."""
        assert self.registered is not None
        for target in targets:
            self.registered[target.key] = target
            self.ours.add(target.key)
            self.refused.pop(target, None)

    def removed(self, targets: Iterable[Target]) -> None:
        """Targets were deregistered."""
        assert self.registered is not None
        for target in targets:
            self.registered.pop(target.key, None)
            self.ours.discard(target.key)

    def refused_now(self, now: float) -> dict[Target, str]:
        """The targets that are not to be tried again yet, with why."""
        self.refused = {target: entry for target, entry in self.refused.items() if entry[0] > now}
        return {target: message for target, (_, message) in self.refused.items()}

"""What is known of one group: the last good reading, and what we did since."""

from dataclasses import dataclass, field, replace
from math import inf

from addons.autoscaler.aws.launches import Launch, LaunchReference
from addons.autoscaler.model.groups import Group, LaunchFailure

SETTLE_SECONDS = 5.0
"""A reading that was begun sooner after a change of ours need not have it yet."""

_LATELY_SECONDS = 30.0


@dataclass(slots=True)
class Known:
    """The parts that make a Group. Times are monotonic seconds.

    `misread` says why the newest answer about it could not be understood, `unlaunched` why it is not known
    what `reference` launches, while `launch` is what was launched before.
    """

    base: Group | None = None
    began: float = -inf
    reference: LaunchReference | None = None
    launch: Launch | None = None
    failures: tuple[LaunchFailure, ...] = ()
    misread: str = ""
    unlaunched: str = ""
    changed: float = -inf
    _order: tuple[int, float] = (0, -inf)
    _ended: dict[str, float] = field(default_factory=dict)

    def take(self, base: Group, reference: LaunchReference, began: float, now: float) -> None:
        """Take a reading that was begun then, unless a later one is known already."""
        if began < self.began:
            return
        settled = self._with_our_changes(base, began)
        if self.base is None or _progress(self.base) != _progress(settled):
            self.changed = now
        self.base, self.began, self.reference, self.misread = settled, began, reference, ""

    def ordered(self, desired: int, now: float) -> None:
        """AWS was told this desired capacity just now."""
        if self.base:
            self.base = replace(self.base, desired=desired)
        self._order, self.changed = (desired, now), now

    def ended(self, instance: str, now: float) -> None:
        """AWS was told just now to end an instance, and to have one less."""
        self._ended[instance] = now
        desired, then = self._order
        self._order, self.changed = (desired - 1, then), now
        if self.base:
            self.base = _without(self.base, instance)

    def has_changed_lately(self, now: float) -> bool:
        """Whether we ordered, or ended something, a moment ago."""
        latest = max((self._order[1], *self._ended.values()))
        return now - latest < _LATELY_SECONDS

    def _with_our_changes(self, base: Group, began: float) -> Group:
        """The reading as it will be when AWS has noticed what it was told."""
        self._ended = {each: then for each, then in self._ended.items() if began < then + SETTLE_SECONDS}
        for instance in self._ended:
            base = _without(base, instance)
        desired, then = self._order
        if began < then + SETTLE_SECONDS and base.desired < desired:
            base = replace(base, desired=desired)
        return base


def _without(group: Group, instance: str) -> Group:
    """The group with an instance on its way out, which it may be already."""
    if not any(each.id == instance and not each.is_leaving for each in group.instances):
        return group
    instances = tuple(
        replace(each, state="Terminating") if each.id == instance else each for each in group.instances
    )
    return replace(group, instances=instances, desired=group.desired - 1)


def _progress(group: Group) -> object:
    return group.desired, tuple((each.id, each.state) for each in group.instances)

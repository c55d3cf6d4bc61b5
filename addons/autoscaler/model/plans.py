"""What a pass decides: orders, removals, and of everything else why not."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.intents import State
from addons.autoscaler.model.pods import Pod


@dataclass(frozen=True, slots=True)
class WhyNot:
    """A code of names.py, and the same in words with figures; `about` names the pod that it hangs on, if
    any."""

    code: str
    message: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """Raise a group to `target`, by `count` nodes, for these pods. `is_probe`: the group is not proven
    yet."""

    group: str
    count: int
    target: int
    pods: tuple[Pod, ...]
    why: str
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """What became of an order: how it ended, and a reason of names.py for an Event, "" for none.

    `pods` wait because of it, and are told too.
    """

    group: str
    outcome: State
    message: str
    reason: str = ""
    code: str = ""
    pods: tuple[Pod, ...] = ()


@dataclass(frozen=True, slots=True)
class Waits:
    """A pod that stays pending: what keeps it from each group (by name), and what from counting at all."""

    pod: Pod
    why: WhyNot | None = None
    groups: Mapping[str, WhyNot] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GrowPlan:
    """What grows. `held` says of groups why they do not grow as much as was wanted, or not at all."""

    orders: tuple[Order, ...] = ()
    waits: tuple[Waits, ...] = ()
    held: Mapping[str, WhyNot] = field(default_factory=dict)
    volume_bound: int = 0
    """So many nodes the pods of the orders would need at least, by the sum of what they request."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A node to remove: `moves` are its pods and the node where each is expected next."""

    node: str
    instance: str
    group: str
    why: str
    moves: tuple[tuple[Pod, str], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether no pod has to move."""
        return not self.moves


@dataclass(frozen=True, slots=True)
class ShrinkPlan:
    """What goes, and why each other node stays. `unneeded` are the nodes that could go, since when (Unix)."""

    removals: tuple[Removal, ...] = ()
    stays: Mapping[str, WhyNot] = field(default_factory=dict)
    unneeded: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GroupState:
    """What is going on in a group: counts of instances and nodes, and why it may not grow (None: it may).

    `upcoming` counts what AWS has still to deliver and what is not usable yet, whoever asked for it, as long
    as it may still come. `lost` are instances that never joined and are to be ended by their id.
    """

    group: Group
    ready: int = 0
    unready: int = 0
    starting: int = 0
    unregistered: int = 0
    upcoming: int = 0
    lost: tuple[str, ...] = ()
    why_not: WhyNot | None = None
    step: int = 0
    """How many nodes may be added now."""
    is_proven: bool = False
    """Whether what the group launches has shown that it joins and takes pods."""
    target: int = 0
    """The desired capacity, with orders that are on their way to AWS."""
    given_up: int = 0
    """How much of the capacity that AWS still owes has failed to come: the next order takes it first."""

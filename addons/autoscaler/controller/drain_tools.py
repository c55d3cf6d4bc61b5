"""What the removal of a node needs of its surroundings."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from addons.autoscaler.controller.drain_options import DrainOptions
from addons.autoscaler.kube.evictions import Evictions
from addons.autoscaler.kube.taints import Taints
from addons.autoscaler.model.drains import Drain
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import Budget, Pod
from addons.runtime.errors import OutsideError
from addons.runtime.permit import Permit


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The caches as they are at the moment of asking."""

    node: Callable[[str], Node | None]
    pods: Callable[[str], Sequence[Pod]]
    budgets: Callable[[], Sequence[Budget]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a removal needs. `still_removable` looks at a tainted node once more, and says why it is to be
    kept after all; `terminate` ends an instance and answers the error, if any. `now` is wall time. `by` is
    what nodes say of who removes them; "": the daemon.
    """

    taints: Taints
    evictions: Evictions
    options: DrainOptions
    view: View
    still_removable: Callable[[Drain], Awaitable[WhyNot | None]]
    terminate: Callable[[Drain, Permit], Awaitable[OutsideError | None]]
    now: Callable[[], datetime]
    by: str = ""

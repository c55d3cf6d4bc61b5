"""The removal of one node: what is asked, what is written on the node meanwhile, and what came of it."""

from dataclasses import dataclass
from typing import Final, Literal

import msgspec
from msgspec import Struct

from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import Pod

Stage = Literal["taint", "evict", "end"]
"""`taint`: it takes no more pods; `evict`: its pods are sent away; `end`: its instance is ended."""

RESUMED_SECONDS: Final = 600.0
"""A removal that was last written of so long ago is not gone on with but undone."""

OTHERS_SECONDS: Final = 1800.0
"""One of another program, a prune of a matrix for instance, is left to that for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """A node to be emptied, whose instance is to be ended. `deadline` is the Unix time at which it is ended
    whatever still runs on it; None: it is given back instead when a pod does not go.

    `is_dead`: it is not ready, so nobody waits for its pods to end. `is_empty`: it was planned as one without
    pods.
    """

    node: str
    uid: str
    instance: str
    group: str
    why: str
    deadline: float | None = None
    is_dead: bool = False
    is_empty: bool = False


class DrainNote(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The annotation of a node that is being removed, as JSON: enough to go on after a restart.

    Times are Unix seconds: `since` is when it began, `at` when this was written. `cordoned`: it was we who
    made the node unschedulable. `by` names the program that removes it; "": the daemon.
    """

    why: str
    since: float
    stage: Stage
    at: float
    instance: str = ""
    group: str = ""
    cordoned: bool = False
    deadline: float | None = None
    empty: bool = False
    by: str = ""

    def text(self) -> str:
        """The JSON."""
        return msgspec.json.encode(self).decode()


def read_note(text: str) -> DrainNote | None:
    """Read the annotation; None where there is none, or what somebody else wrote."""
    try:
        return msgspec.json.decode(text, type=DrainNote) if text else None
    except msgspec.MsgspecError:
        return None


@dataclass(frozen=True, slots=True)
class Drained:
    """What came of a removal. `done`: the instance is ended. `failed`: the node was given back, and why.
    `left`: nothing more may be sent; taint and annotation stand for the next leader. `undone`: what somebody
    had begun was too old and was taken back.
    """

    drain: Drain
    ended: Literal["done", "failed", "left", "undone"]
    seconds: float
    why: WhyNot | None = None
    evicted: tuple[Pod, ...] = ()

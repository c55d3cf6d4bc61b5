"""What is written down of a roll, so that it goes on after a restart, and that the daemon knows of it."""

from typing import Final

import msgspec
from msgspec import Struct

from addons.autoscaler.model.matrix import RollBatch

FRESH_SECONDS: Final = 600.0
"""A roll that nobody has written of for so long is not going on: the daemon cares for its group again."""


class RollNote(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A group that is being rolled, as JSON, under the name of the group.

    Times are Unix seconds: `since` is when it began, `at` when this was written. `by` names who rolls.
    `instances` are replaced together, and `base` was the desired capacity before; `launch` is what new
    instances come from.
    """

    since: float
    at: float
    by: str
    base: int
    instances: tuple[str, ...] = ()
    launch: str = ""

    @property
    def batch(self) -> RollBatch:
        """What was begun."""
        return RollBatch(base=self.base, instances=self.instances)

    def is_fresh(self, now: float) -> bool:
        """Whether somebody is at it. `now` is in Unix seconds."""
        return now - self.at < FRESH_SECONDS

    def text(self) -> str:
        """The JSON."""
        return msgspec.json.encode(self).decode()


def read_roll(text: str) -> RollNote | None:
    """Read a note; None where there is none, or what nobody of us wrote."""
    try:
        return msgspec.json.decode(text, type=RollNote) if text else None
    except msgspec.MsgspecError:
        return None

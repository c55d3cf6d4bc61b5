"""What is written down of a roll, so that it goes on after a restart, and that the daemon knows of it."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from addons.autoscaler.model.matrix import RollBatch
from addons.autoscaler.names import ROLLS_CONFIG_MAP

FRESH_SECONDS: Final = 600.0
"""A roll that nobody has written of for so long is not going on: the daemon cares for its group again."""


class RollNote(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A group that is being rolled, as JSON, under the name of the group.

    Times are Unix seconds: `since` is when it began, `at` when this was written. `by` names who rolls, or
    did so last; `holder` is the process that does, "" after it has let go. `instances` are replaced together,
    and `base` was the desired capacity before; `old` are all that differ yet, and `launch` is what new
    instances come from.
    """

    since: float
    at: float
    by: str
    holder: str = ""
    base: int
    instances: tuple[str, ...] = ()
    old: tuple[str, ...] = ()
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


def fresh_rolls(data: Mapping[str, str], now: float) -> tuple[dict[str, RollNote], dict[str, str]]:
    """The notes that somebody keeps up, by group; and why each of the others does not count, in words."""
    fresh: dict[str, RollNote] = {}
    problems: dict[str, str] = {}
    for group, text in sorted(data.items()):
        note = read_roll(text)
        if note is None:
            problems[group] = f"what is written of its roll in {ROLLS_CONFIG_MAP} cannot be read"
        elif note.is_fresh(now):
            fresh[group] = note
        else:
            minutes = FRESH_SECONDS / 60
            problems[group] = (
                f"its roll by {note.by} has told nothing for {minutes:.0f} minutes and does not count:"
                " run `matrix roll` again to end it"
            )
    return fresh, problems

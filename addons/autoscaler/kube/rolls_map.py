"""The ConfigMap with the groups that are being rolled: the daemon reads it, whoever rolls keeps it fresh."""

from typing import Final

from addons.autoscaler.kube.config_maps import KeptConfigMap
from addons.autoscaler.model.rolls import RollNote, read_roll
from addons.runtime.errors import Conflict

_ATTEMPTS: Final = 5


class RollsMap:
    """Notes by group. All methods raise OutsideError."""

    def __init__(self, kept: KeptConfigMap) -> None:
        self._kept = kept

    async def read(self, group: str) -> RollNote | None:
        """What is written of a group."""
        return read_roll((await self._kept.read()).get(group, ""))

    async def write(self, group: str, note: RollNote, *, after: str = "") -> None:
        """Write of a group, unless a process holds it that is neither the one of the note nor `after`; then
        raise Conflict with the code RolledByOthers. What is written of other groups stays.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            found = await self.read(group)
            if found and found.holder not in ("", after, note.holder):
                raise rolled_by(found)
            try:
                await self._kept.write({group: note.text()}, guarded=True)
                return
            except Conflict:
                if attempt == _ATTEMPTS:
                    raise

    async def remove(self, group: str) -> None:
        """Have nothing written of a group."""
        if group in await self._kept.read():
            await self._kept.write({group: None})


def rolled_by(note: RollNote) -> Conflict:
    """The error for a group that another process rolls."""
    message = f"it is being rolled by {note.by}: wait until that has ended, or end it"
    return Conflict(message, code="RolledByOthers")

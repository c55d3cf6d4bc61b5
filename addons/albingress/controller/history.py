"""What plans must know of the passes before: failures, wanted deletions, hand-overs. Lost with the process."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec import Struct, field

from addons.albingress.controller.refused import Refused
from addons.albingress.model.actions import AwsAction
from addons.albingress.model.groups import GroupId
from addons.runtime.errors import Throttled
from addons.runtime.ledger import Ledger
from addons.runtime.outcomes import Outcome


class Past(Struct):
    """What is remembered of one group. `switched`: DNS name -> since when all members tell it.

    `told` and `told_since`: the DNS name that all members' status shows, and since when.
    """

    wanted_deletes: dict[str, datetime] = field(default_factory=dict)
    switched: dict[str, datetime] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    audited: float = 0.0


class History:
    """Remembers each group; `forget` one that is gone. That all is lost with the process makes holds longer."""

    def __init__(self, ledger: Ledger[str]) -> None:
        self._past: dict[GroupId, Past] = {}
        self.ledger = ledger
        """Failures of actions, by group and key."""
        self.refused = Refused()

    def of(self, group: GroupId) -> Past:
        """What is remembered of a group."""
        return self._past.setdefault(group, Past())

    def learn(
        self, group: GroupId, actions: Sequence[AwsAction], outcomes: Iterable[Outcome[AwsAction]]
    ) -> bool:
        """Keep what became of a plan; True when something was refused that was not known to be."""
        listed = tuple(outcomes)
        for outcome in listed:
            key = f"{group} {outcome.action.key}"
            if outcome.error is None:
                self.ledger.succeeded(key)
            elif not isinstance(outcome.error, Throttled):
                self.ledger.failed(key, outcome.error)
        return self.refused.learn(group, actions, listed)

    def forget(self, group: GroupId) -> None:
        """Keep nothing about a group that is gone."""
        self._past.pop(group, None)
        self.ledger.forget(lambda key: key.startswith(f"{group} "))
        self.refused.forget(group)

    def forget_all(self) -> None:
        """Keep no waits of before: another replica may have acted meanwhile."""
        self._past.clear()

"""What plans must know of earlier passes: failures, wanted deletions, hand-overs. Lost with the process."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, field

from addons.albingress.controller.refused import Refused
from addons.albingress.model.actions import AwsAction
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.groups import GroupId
from addons.albingress.model.stack import Stack
from addons.albingress.plan.listener_settings import port_of
from addons.albingress.plan.rule_tags import remember_secrets
from addons.runtime.errors import Conflict, Denied, OutsideError, Throttled, Unavailable
from addons.runtime.ledger import Ledger
from addons.runtime.outcomes import Blocked, Fault, Outcome

_LATELY = timedelta(minutes=10)

_SHORTLY, _LONGEST_REST = 0.2, 60.0
_BUSY = 10
"""So many passes in a row may well be needed: a rule for each, at the quota."""
_HOPELESS = _BUSY + 6

_IN_USE_FAILURES = 5
"""With the rests between them about half a minute."""


class Past(Struct):
    """What is remembered of one group.

    `wanted_deletes` and `secrets` are what the plan's View calls so. The others are moments of the
    loop's time, 0 for none: when AWS is compared again, and when answers of AWS are asked for again. `busy`
    counts the passes in a row that had something to do although no object has changed.
    """

    wanted_deletes: Mapping[str, datetime] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    busy: int = 0
    audit_at: float = 0.0
    recheck_at: float = 0.0


class History:
    """Remembers each group. That all is lost with the process makes holds longer, and nothing else."""

    def __init__(self, ledger: Ledger[tuple[GroupId, str]] | None = None) -> None:
        self._past: dict[GroupId, Past] = {}
        self._ledger = ledger or Ledger(first=1.0, longest=60.0)
        self._unable: dict[tuple[GroupId, str], OutsideError] = {}
        self._deletions: list[datetime] = []
        self.refused = Refused()

    def of(self, group: GroupId) -> Past:
        """What is remembered of a group."""
        return self._past.setdefault(group, Past())

    def blocked(self, group: GroupId) -> dict[str, Blocked]:
        """The keys of actions that failed and must rest now."""
        return {key: rest for (of, key), rest in self._ledger.blocked().items() if of == group}

    def unopened(self, group: GroupId) -> frozenset[int]:
        """The ports whose listeners AWS has not made when it was asked last."""
        failed = [key for of, key in self._ledger.errors if of == group]
        return frozenset(port for key in failed if (port := port_of(key)))

    def failures(self) -> dict[str, str]:
        """What failed and has not succeeded since: group and key -> why."""
        return {f"{group} {key}": message for (group, key), message in self._ledger.errors.items()}

    def faults(self) -> Iterator[Fault]:
        """What of AWS keeps actions from being done, whatever they ask for: a right, an AWS that is away."""
        found = {(group, error.reason): error.message for (group, _), error in self._unable.items()}
        for (group, reason), message in sorted(found.items()):
            yield Fault("aws", f"group {group}", reason, message)

    def learn(
        self, group: GroupId, actions: Sequence[AwsAction], outcomes: Iterable[Outcome[AwsAction]]
    ) -> bool:
        """Keep what became of a plan; True when something was refused that was not known to be."""
        listed = tuple(outcomes)
        is_news = self.refused.learn(group, actions, listed)
        for outcome in listed:
            self._unable.pop((group, outcome.action.key), None)
            if isinstance(outcome.error, Denied | Unavailable):
                self._unable[group, outcome.action.key] = outcome.error
            if outcome.error is None or self.refused.knows(group, outcome.action.key):
                self._ledger.succeeded((group, outcome.action.key))
            elif not isinstance(outcome.error, Throttled):
                self._ledger.failed((group, outcome.action.key), outcome.error)
        return is_news

    def after_work(self, group: GroupId) -> float:
        """Seconds until the pass after one that has done something.

        Where AWS does not keep what it is asked for, every pass has something to do: they get rare.
        """
        past = self.of(group)
        past.busy += 1
        return float(min(_LONGEST_REST, _SHORTLY * 2 ** max(0, past.busy - _BUSY)))

    def is_hopeless(self, group: GroupId) -> bool:
        """Whether passes have had something to do for so long that AWS may never be as it is asked to be."""
        return self.of(group).busy == _HOPELESS

    def rests(self, group: GroupId) -> None:
        """A pass had nothing to do, or an object has changed."""
        if past := self._past.get(group):
            past.busy = 0

    def is_patient(self, group: GroupId, outcome: Outcome[AwsAction]) -> bool:
        """Whether a failure is nothing to warn of yet: what was in use a moment ago may be for a while."""
        rest = self._ledger.blocked().get((group, outcome.action.key))
        is_in_use = isinstance(outcome.error, Conflict) and outcome.action.is_destructive
        return is_in_use and rest is not None and rest.failures < _IN_USE_FAILURES

    def keep_secrets(
        self, cluster: str, stack: Stack, observed: ObservedStack, done: Iterable[AwsAction]
    ) -> None:
        """Remember which secrets AWS was given, where no tag of ours tells that."""
        past = self.of(stack.group)
        past.secrets = remember_secrets(past.secrets, cluster, stack, observed, done)

    def deleted(
        self, counted: Mapping[str, int], outcomes: Iterable[Outcome[AwsAction]], now: datetime
    ) -> None:
        """Count what was deleted; `counted` are the keys of the deletions that count, and how much for."""
        self._deletions += [
            now for each in outcomes if each.ok for _ in range(counted.get(each.action.key, 0))
        ]

    def deleted_lately(self, now: datetime) -> int:
        """How many things were deleted within the last minutes."""
        self._deletions = [each for each in self._deletions if now - each < _LATELY]
        return len(self._deletions)

    def next_try(self, group: GroupId) -> float | None:
        """Seconds until something that failed may be tried again; None when nothing did."""
        rests = [rest.seconds for rest in self.blocked(group).values()]
        return min((*rests, *filter(None, [self.refused.next_try(group)])), default=None)

    def forget(self, group: GroupId) -> None:
        """Keep nothing about a group that is gone."""
        self._past.pop(group, None)
        self._ledger.forget(lambda key: key[0] == group)
        self._unable = {key: error for key, error in self._unable.items() if key[0] != group}
        self.refused.forget(group)

    def forget_all(self) -> None:
        """Keep no moments of before: another replica may have acted meanwhile."""
        self._past.clear()
        self._unable.clear()

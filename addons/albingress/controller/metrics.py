"""What is exported as metrics."""

from collections import Counter as Tally
from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

from addons.albingress.model.actions import AwsAction
from addons.albingress.model.groups import GroupId
from addons.runtime.outcomes import Outcome, Problem, Skip

_PROBLEMS = Gauge(
    "addons_albingress_problems", "Faults in objects of a group, by reason.", ["group", "reason"]
)
_PASSES = Counter("addons_albingress_passes_total", "Passes over a group, by what they did.", ["outcome"])
_ACTIONS = Counter(
    "addons_albingress_actions_total", "Actions in AWS, by kind and outcome.", ["action", "outcome"]
)
_HELD = Gauge(
    "addons_albingress_held_actions", "Actions of a group that are held, by reason.", ["group", "reason"]
)
_RULES = Gauge("addons_albingress_rules", "Rules of a group, by state.", ["group", "state"])
_DRIFT = Counter("addons_albingress_drift_total", "Groups that somebody else had changed in AWS.")
_LAG = Histogram(
    "addons_albingress_sync_lag_seconds",
    "From the first change of an object to the answer of AWS to what follows from it.",
    buckets=(0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300),
)


class Metrics:
    """Keeps the figures of all groups."""

    def __init__(self) -> None:
        self._woken: dict[GroupId, float] = {}
        self._shown: dict[GroupId, set[tuple[Gauge, str]]] = {}

    def woken(self, group: GroupId, at: float) -> None:
        """An object has changed that may matter to a group; `at` is loop time."""
        self._woken.setdefault(group, at)

    def passed(self, group: GroupId, outcomes: Iterable[Outcome[AwsAction]], at: float) -> None:
        """A pass has ended at `at`, loop time."""
        done = failed = 0
        for outcome in outcomes:
            done, failed = done + outcome.ok, failed + (not outcome.ok)
            _ACTIONS.labels(type(outcome.action).__name__, "ok" if outcome.ok else "failed").inc()
        _PASSES.labels("failed" if failed else "changed" if done else "idle").inc()
        woken = self._woken.pop(group, None)
        if woken is not None and done:
            _LAG.observe(at - woken)

    def drifted(self) -> None:
        """A group was found other than it was left."""
        _DRIFT.inc()

    def found(
        self, group: GroupId, problems: Iterable[Problem], skips: Iterable[Skip], rules: Iterable[str]
    ) -> None:
        """What is wrong in a group now, what is held, and the states of its rules."""
        self._show(
            group,
            {
                _PROBLEMS: Tally(problem.reason for problem in problems),
                _HELD: Tally(skip.reason for skip in skips),
                _RULES: Tally(rules),
            },
        )

    def _show(self, group: GroupId, tallies: dict[Gauge, Tally[str]]) -> None:
        shown = {(gauge, label) for gauge, tally in tallies.items() for label in tally}
        for gauge, label in self._shown.get(group, set()) - shown:
            gauge.remove(str(group), label)
        for gauge, tally in tallies.items():
            for label, number in tally.items():
                gauge.labels(str(group), label).set(number)
        self._shown[group] = shown

    def forget(self, group: GroupId) -> None:
        """Show nothing any more of a group that is gone."""
        self._show(group, {})
        self._shown.pop(group, None)
        self._woken.pop(group, None)

    def forget_all(self) -> None:
        """Show nothing: another replica leads."""
        for group in tuple(self._shown):
            self.forget(group)

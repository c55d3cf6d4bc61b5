"""What is told of a group: its problems, what was done, what is not done and why, that it is well again."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec.structs import replace

from addons.albingress.kube.reports import (
    done_report,
    drift_report,
    failed_report,
    held_reports,
    problem_report,
    reconciled_report,
    recovered_report,
    skip_report,
    waiting_reports,
)
from addons.albingress.model.actions import AwsAction
from addons.albingress.model.groups import GroupId
from addons.runtime.errors import OutsideError, Withheld
from addons.runtime.outcomes import ObjectRef, Outcome, Problem, Skip
from addons.runtime.reporter import Report, Reporter

PROBLEMS = "problems"
"""The topic of faults in objects."""

PLAN = "plan"
"""The topic of what is not done, and why."""

FAILURES = "failures"
"""The topic of what AWS or Kubernetes did not do."""

WAITING = "waiting"
"""The topic of members of a group that as a whole cannot be worked on."""

UNPLACED = "unplaced"
"""The topic of faults in Ingresses that are of no group."""

TOPICS = (PROBLEMS, UNPLACED, PLAN, FAILURES, WAITING)

NOWHERE = GroupId("")


class Telling:
    """Tells of each group what holds now, once; a Warning stands on the guilty object and on no other."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def problems(self, group: GroupId, problems: Iterable[Problem], there: Iterable[ObjectRef]) -> None:
        """All faults of a group; whoever had some, has none now, and is still `there` has recovered."""
        found = sorted(set(problems))
        guilty = {problem.ref for problem in found}
        before: dict[ObjectRef, list[str]] = {}
        for report in self.current(PROBLEMS, group):
            if report.ref:
                before.setdefault(report.ref, []).append(report.reason)
        self._tell(PROBLEMS, group, (problem_report(group, problem) for problem in found))
        for ref in sorted((before.keys() - guilty) & set(there)):
            self._reporter.tell(recovered_report(group, ref, before[ref]))

    def unplaced(self, problems: Iterable[Problem]) -> None:
        """All faults of Ingresses that are of no group as long as they have them."""
        reports = [replace(problem_report(NOWHERE, each), key=str(each.ref)) for each in problems]
        self._reporter.tell_current(UNPLACED, reports)

    def skips(self, group: GroupId, skips: Iterable[Skip]) -> None:
        """All that is not done for now."""
        self._tell(PLAN, group, (skip_report(group, skip) for skip in skips))

    def outcomes(
        self,
        group: GroupId,
        outcomes: Iterable[Outcome[AwsAction]],
        members: Sequence[ObjectRef],
        leaving: Sequence[ObjectRef],
        blame: Callable[[Outcome[AwsAction]], Sequence[ObjectRef]],
    ) -> None:
        """What a pass has done; what failed is told once, until it has succeeded.

        It concerns those whom `blame` gives, else for whom it is done; what cannot be deleted for all
        concerns those who leave, if anybody does.
        """
        failed: list[Report] = []
        for outcome in outcomes:
            if outcome.ok:
                self._reporter.tell(done_report(group, outcome.action))
            else:
                action = outcome.action
                everybody = (leaving or members) if action.is_destructive else (members or leaving)
                concerned = (action.ref,) if action.ref else everybody
                failed += failed_report(group, outcome, blame(outcome) or concerned)
        self._tell(FAILURES, group, failed)

    def waiting(self, group: GroupId, what: str, error: OutsideError, members: Iterable[ObjectRef]) -> None:
        """The whole group waits for somebody."""
        self._tell(WAITING, group, waiting_reports(group, what, error, members))

    def held(self, group: GroupId, refusal: Withheld, members: Iterable[ObjectRef]) -> None:
        """Nothing of the group may be changed now."""
        self._tell(WAITING, group, held_reports(group, refusal, members))

    def going_on(self, group: GroupId) -> None:
        """The group waits for nobody."""
        self._tell(WAITING, group, ())

    def reconciled(self, group: GroupId, hostnames: Mapping[ObjectRef, str]) -> None:
        """What these Ingresses ask for was changed, and is in AWS."""
        for ref, hostname in sorted(hostnames.items()):
            self._reporter.tell(reconciled_report(group, ref, hostname))

    def drift(self, group: GroupId, what: str) -> None:
        """Somebody else has changed what is ours."""
        self._reporter.tell(drift_report(group, what))

    def forget(self, group: GroupId) -> None:
        """Nothing holds of a group that is gone."""
        for topic in (PROBLEMS, PLAN, FAILURES, WAITING):
            self._tell(topic, group, ())

    def current(self, topic: str, group: GroupId | None = None) -> list[Report]:
        """What holds now on a topic, of one group or of all."""
        found = self._reporter.current(topic)
        return [report for report in found if group is None or report.key == str(group)]

    def _tell(self, topic: str, group: GroupId, reports: Iterable[Report]) -> None:
        self._reporter.tell_current(topic, reports, {str(group)})

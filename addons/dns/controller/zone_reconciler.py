"""Reconcile one hosted zone: observe, plan, guard, apply, report."""

import asyncio
from collections.abc import Callable, Container, Iterable, Iterator, Set
from datetime import datetime, timedelta
from functools import partial
from math import inf

from addons.dns.aws.load_balancers import RETRY_SECONDS
from addons.dns.aws.route53 import Observation, Outcomes, Route53
from addons.dns.config import Config
from addons.dns.controller.delete_budget import DeleteBudget
from addons.dns.controller.holds import Flapping, TargetHolds, VoidTexts
from addons.dns.controller.left_out import LeftOut
from addons.dns.controller.metrics import Metrics, count
from addons.dns.controller.schedule import Schedule
from addons.dns.controller.sources import Sources
from addons.dns.kube.reports import (
    drift_report,
    outcome_report,
    skip_report,
    waiting_reports,
    zone_report,
)
from addons.dns.model.actions import Plan, PlannedKeys
from addons.dns.model.records import Zone, ZoneRecords
from addons.dns.model.registry import Registry
from addons.dns.model.zones import DomainFilter
from addons.dns.plan.aliases import open_targets
from addons.dns.plan.batches import Size, pack, refuse_oversized
from addons.dns.plan.dry_run import preview
from addons.dns.plan.guard import await_successors, deletes_of
from addons.dns.plan.left_out import mark_left_out
from addons.dns.plan.records import Rules
from addons.dns.plan.zone import plan_zone
from addons.runtime.errors import Invalid, OutsideError, Withheld
from addons.runtime.ledger import Ledger
from addons.runtime.outcomes import ObjectRef, Outcome, Skip
from addons.runtime.permit import Permit, apply_each
from addons.runtime.plan_output import PrintPlan
from addons.runtime.reporter import Reporter

PLAN = "plan"
"""The topic of what is not done in zones, and why."""

WAITING = "waiting"
"""The topic of objects whose names wait for AWS."""


class ZoneReconciler:
    """Makes one zone at a time hold what the objects ask for.

    It keeps what plans must know of the past: failed names, holds, flapping, deletes that went lately. All of
    that is lost with the process, which only makes holds longer. With `print_plan` every plan is handed to it
    in place of being carried out.
    """

    def __init__(
        self,
        config: Config,
        *,
        route53: Route53,
        registry: Registry,
        domains: DomainFilter,
        sources: Sources,
        left_out: LeftOut,
        reporter: Reporter,
        print_plan: PrintPlan | None,
        ledger: Ledger[str],
        now: Callable[[], datetime],
    ) -> None:
        self._config = config
        self._route53 = route53
        self._registry = registry
        self._domains = domains
        self._sources = sources
        self._left_out = left_out
        self._index = sources.index
        self._reporter = reporter
        self._print_plan = print_plan
        self._now = now
        self._holds = TargetHolds(config.empty_target_hold, now)
        self._flapping = Flapping(now)
        self._void_texts = VoidTexts(registry)
        self._counted: dict[str, int] = {}
        self.ledger = ledger
        self.schedule = Schedule()
        self.metrics = Metrics(now)
        self.budget = DeleteBudget(
            percent=config.delete_budget, approved=config.approve_plan, registry=registry, now=now
        )

    async def reconcile(self, zone: Zone, permit: Permit) -> int:
        """Make one pass; the number of groups that were carried out. Raises what fails the whole zone.

        A pass that raises, whatever it is, is made again as a full one.
        """
        with self.schedule.again_unless_done(zone.id):
            try:
                observation = await self._route53.observe_zone(zone.id)
            except Withheld:
                raise
            except OutsideError as error:
                self._fail(zone, error, self._unread(zone.id))
                raise
            return await self._pass(zone, observation, permit)

    async def _pass(self, zone: Zone, observation: Observation, permit: Permit) -> int:
        if observation.is_new or zone.id not in self.schedule:
            self.schedule.begin(zone.id, self._every_name(zone.id, observation.records))
            self._counted.pop(zone.id, None)
        changed = self._index.take_changed(zone.id)
        if changed:
            self._counted.pop(zone.id, None)
        planned, is_full = self.schedule.take(zone.id, changed, _now(), self._interval())
        plan = await self._plan(zone, planned, observation.records)
        if observation.is_audit:
            self._report_drift(plan, changed)
        outcomes: Outcomes = []
        left: list[Skip] = []
        try:
            await self._apply(zone, plan, permit, outcomes, left)
        finally:
            failure = self._learn(zone, planned, plan, outcomes)
        if is_full:
            self._measure(zone, plan, observation.records)
        self.metrics.passed(zone, outcomes, not_ready=self._sources.not_ready(), at=_now())
        self._report((*plan.skips, *left), outcomes, PlannedKeys(zone.id, planned))
        if failure:
            raise failure
        return sum(outcome.ok for outcome in outcomes)

    def next_pass(self, zone_id: str) -> float:
        """When, in loop time, a zone is to be looked at again if nothing changes until then."""
        return min(self.schedule.next_full(zone_id), self._index.next_release)

    def _interval(self) -> float:
        """Seconds until the next full pass, which is due at the latest when names of pods may go."""
        return min(self._config.interval.total_seconds(), self._pod_hold() or inf)

    def _every_name(self, zone_id: str, records: ZoneRecords) -> set[str]:
        """All names that are asked for, or exist and are not outside the domain filter."""
        return {*self._index.in_zone(zone_id), *filter(self._domains.accepts, records.names())}

    async def _plan(self, zone: Zone, names: Set[str], records: ZoneRecords) -> Plan:
        """Plan and guard."""
        endpoints = self._index.in_zone(zone.id)
        alias_zones = await self._route53.observe_alias_zones(open_targets(zone, names, endpoints))
        if self._route53.alias_zones_error:
            self.schedule.hasten(zone.id, _now() + RETRY_SECONDS)
        rules = Rules(
            self._registry,
            self._config.policy,
            self.ledger.blocked(),
            now=self._now(),
            target_holds=self._holds.ends,
            flapping=self._flapping.resting(),
            alias_zones=alias_zones,
            unreadable=self._index.unreadable,
            void_texts=self._void_texts.of(zone.id),
        )
        plan = plan_zone(zone, names, endpoints, records, rules)
        if (wishes := plan.given_up) and not self._sources.not_ready():
            plan = mark_left_out(plan, await self._left_out.settings_of(wishes))
        return self._guard(zone.id, plan, records)

    def _guard(self, zone_id: str, plan: Plan, records: ZoneRecords) -> Plan:
        """No delete while a cache is empty or old, nor too many in a while; nothing that fits no call."""
        held = self._sources.not_ready()
        pod_bound = self._sources.pod_bound({group.resource for group in deletes_of(plan)})
        if (seconds := self._pod_hold()) and not held:
            plan = await_successors(plan, pod_bound, self._now() + timedelta(seconds=seconds))
        plan = self.budget.guard(zone_id, plan, records, held, pod_bound)
        return refuse_oversized(plan, self._batch_limits)

    def _pod_hold(self) -> float:
        """Seconds for which names of pods must be held that ended unseen; a single pass cannot wait."""
        return 0.0 if self._config.once else max(0.0, self._sources.successors_until - _now())

    @property
    def _batch_limits(self) -> Size:
        return Size(
            changes=self._config.aws_batch_change_size,
            values=self._config.aws_batch_change_size_values,
            characters=self._config.aws_batch_change_size_bytes,
        )

    async def _apply(
        self, zone: Zone, plan: Plan, permit: Permit, outcomes: Outcomes, left: list[Skip]
    ) -> None:
        """Send the batches one after the other; a failure that concerns the whole zone ends the pass.

        What became of them is added to `outcomes`, even when this is cancelled in the middle, and to `left`
        what was left because permission ended; it is planned again when permission is back.
        """
        if self._print_plan:
            self._print_plan(preview(plan))
            return
        results = apply_each(
            pack(zone.id, plan.groups, self._batch_limits),
            partial(self._route53.apply, zone=zone, permit=permit),
            permit,
            changes=lambda batch: batch.groups,
            pause_seconds=self._config.aws_batch_change_interval.total_seconds(),
            halts=lambda error: zone_error(error) is not None,
            now=self._now,
        )
        async for result in results:
            if isinstance(result, Outcome):
                outcomes.append(result)
            else:
                left.append(result)
        if left:
            self.schedule.hasten(zone.id)

    def _learn(self, zone: Zone, planned: Set[str], plan: Plan, outcomes: Outcomes) -> OutsideError | None:
        """Keep what later plans must know of this one; give what failed the whole zone, if anything did.

        A name whose record or ownership text a group names may have changed, whatever became of the group.
        """
        named = {change.record.name for group in plan.groups for change in group.changes}
        unsettled = plan.unsettled.union(filter(self._domains.accepts, named))
        self.schedule.settle(zone.id, planned, unsettled)
        self._void_texts.follow(zone, plan.orphans, outcomes)
        self._holds.follow(plan.skips, PlannedKeys(zone.id, planned))
        self.budget.spend(zone.id, outcomes)
        self._flapping.count(outcomes)
        for outcome in outcomes:
            if outcome.error is None:
                self.ledger.succeeded(outcome.action.key)
            elif zone_error(outcome.error) is None:
                rest = self.ledger.failed(outcome.action.key, outcome.error)
                self.schedule.hasten(zone.id, _now() + rest)
        failure = next(filter(None, (zone_error(outcome.error) for outcome in outcomes)), None)
        if failure:
            served = {outcome.action.key for outcome in outcomes if outcome.ok}
            self._fail(zone, failure, (group.ref for group in plan.groups if group.key not in served))
        else:
            self._reporter.tell_current(WAITING, (), {zone.id})
        return failure

    def _fail(self, zone: Zone, error: OutsideError, waiting: Iterable[ObjectRef | None]) -> None:
        """Have a full pass made next: it is not known which names were served. Tell the objects that wait."""
        self.schedule.hasten(zone.id)
        self.metrics.failed()
        self._reporter.tell(zone_report(str(zone), error.message))
        self._reporter.tell_current(WAITING, waiting_reports(zone.id, str(zone), error, waiting), {zone.id})

    def _unread(self, zone_id: str) -> Iterator[ObjectRef]:
        """The objects whose names were not planned yet, since the zone could not be read."""
        endpoints = self._index.in_zone(zone_id)
        for name in self._index.changed(zone_id) if zone_id in self.schedule else endpoints:
            yield from (endpoint.asked_by.ref for endpoint in endpoints.get(name, ()))

    def _measure(self, zone: Zone, plan: Plan, records: ZoneRecords) -> None:
        """Count what a full pass was about; records and endpoints only when they have changed."""
        endpoints = self._index.in_zone(zone.id)
        forget_names(self.ledger, zone.id, lambda name: name in endpoints or bool(records.at(name)))
        if self._counted.get(zone.id) != records.revision:
            self._counted[zone.id] = records.revision
            self.metrics.counted(zone, count(endpoints, records, self._registry))
        self.metrics.planned(zone, plan)
        self.metrics.left_out(self._index.outside)

    def _report(self, skips: tuple[Skip, ...], outcomes: Outcomes, planned: Container[str]) -> None:
        self._reporter.tell_current(PLAN, [skip_report(skip) for skip in skips], planned)
        for outcome in outcomes:
            if zone_error(outcome.error) is None:
                self._reporter.tell(outcome_report(outcome))

    def _report_drift(self, plan: Plan, changed: Set[str]) -> None:
        for group in plan.groups:
            if group.name not in changed:
                self._reporter.tell(drift_report(group))


def _now() -> float:
    return asyncio.get_running_loop().time()


def zone_error(error: OutsideError | None) -> OutsideError | None:
    """The error, when it is none of a single name but of the zone or the whole account."""
    return None if error is None or isinstance(error, Invalid | Withheld) else error


def forget_names(ledger: Ledger[str], zone_id: str, exists: Callable[[str], bool]) -> None:
    """Drop the failures of names in a zone that are gone: not asked for, and without a record."""

    def is_gone(key: str) -> bool:
        zone, slash, name = key.partition("#")[0].partition("/")
        return bool(slash) and zone == zone_id and not exists(name)

    ledger.forget(is_gone)

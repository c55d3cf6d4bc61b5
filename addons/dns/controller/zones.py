"""Reconcile one hosted zone at a time: observe, want, plan, guard, apply, report."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from math import inf

from addons.dns.aws.route53 import Observation, Outcomes, Route53
from addons.dns.config import Config
from addons.dns.controller.caution import Caution
from addons.dns.controller.failures import forget_names, zone_error
from addons.dns.controller.metrics import Metrics, count
from addons.dns.controller.state import conflict_state, zone_state
from addons.dns.controller.wishes import Wishes
from addons.dns.desired.settings import SourceSettings
from addons.dns.kube.reporter import Reporter
from addons.dns.kube.statuses import Statuses
from addons.dns.kube.watches import Watches
from addons.dns.model.actions import Plan, PlannedKeys
from addons.dns.model.records import Zone, ZoneRecords
from addons.dns.model.registry import Registry
from addons.dns.plan.aliases import open_targets
from addons.dns.plan.batches import Size, pack, refuse_oversized
from addons.dns.plan.dry_run import preview
from addons.dns.plan.zone import plan_zone
from addons.runtime.clock import utc_now
from addons.runtime.decisions import Decision
from addons.runtime.errors import OutsideError
from addons.runtime.kube import KubeClient
from addons.runtime.leader import Leader
from addons.runtime.ledger import Ledger
from addons.runtime.loop import ReconcileLoop, Result
from addons.runtime.outcomes import Outcome, PlanLine, Skip
from addons.runtime.permit import RETRY_SECONDS, Permit, apply_each

ALL_ZONES = ""
"""The key of the round that looks for zones; every other key is the id of a zone."""

_SHORTLY = 0.2
"""Seconds until a second look at what is about to be ready."""

PrintPlan = Callable[[Iterable[PlanLine]], None]


class Controller:
    """Makes the zones hold what the objects ask for.

    With `print_plan` every plan is handed to it in place of being carried out. Without `leader` nobody else
    is expected to act on the same records.
    """

    def __init__(
        self,
        config: Config,
        *,
        kube: KubeClient,
        route53: Route53,
        registry: Registry,
        settings: SourceSettings,
        reporter: Reporter,
        leader: Leader | None = None,
        print_plan: PrintPlan | None = None,
        ledger: Ledger[str] | None = None,
        zone_ledger: Ledger[str] | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._config = config
        self._route53 = route53
        self._domains = settings.domains
        self._reporter = reporter
        self._leader = leader
        self._print_plan = print_plan
        self._names = ledger or Ledger(first=5.0, longest=600.0)
        self._role_errors: dict[str, str] = {}
        self._registry = registry
        self._now = now
        self._metrics = Metrics(now)
        self._zones: dict[str, Zone] = {}
        self._next_full: dict[str, float] = {}
        self._loop: ReconcileLoop[str] = ReconcileLoop(
            "dns",
            self.reconcile,
            workers=4,
            coalesce_seconds=config.min_event_sync_interval.total_seconds(),
            ledger=zone_ledger,
        )
        self.watches = Watches(
            kube,
            sources=config.source,
            namespace=config.namespace,
            gateway_namespace=config.gateway_namespace,
            with_nodes=needs_nodes(config),
            on_change=lambda obj: self._wishes.refresh(obj),
        )
        self._statuses = Statuses(kube, self.watches.dns_endpoints)
        self._wishes = Wishes(
            settings=settings,
            watches=self.watches,
            reporter=reporter,
            wake=self._woken,
            looked_at=self._statuses.note,
            complete=self._plan_all,
        )
        self._caution = Caution(config, registry=registry, is_routine=self._wishes.comes_and_goes, now=now)

    async def run(self, stopping: asyncio.Event) -> None:
        """Reconcile until `stopping`; what others did before is read afresh, and no figure is left behind."""
        self._route53.forget()
        self._zones.clear()
        self._loop.wake(ALL_ZONES, after=0)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._loop.run(self.permit(stopping)))
                if self._print_plan is None:
                    group.create_task(self._statuses.run(Permit(stopping)))
        finally:
            self._metrics.keep(())

    def permit(self, stopping: asyncio.Event) -> Permit:
        """Permission to change records until `stopping`, while the lease lasts and the caches are fresh."""
        if self._leader is None:
            return Permit(stopping, stale=self.watches.stale)
        return Permit(stopping, lease_left=self._leader.remaining, stale=self.watches.stale)

    async def run_once(self, stopping: asyncio.Event) -> dict[str, str]:
        """Reconcile until nothing is left to do but what is blocked; what failed, by key."""
        permit = self.permit(stopping)
        if not await self._caches_settle():
            return self.watches.faults()
        await self._loop.run_once([ALL_ZONES], permit)
        if not await self._caches_settle():
            return self.watches.faults()
        await self._loop.run_once(self._zones, permit)
        unwritten = {} if self._print_plan else await self._statuses.write_all()
        return self.failures | self.watches.faults() | unwritten

    async def _caches_settle(self) -> bool:
        try:
            async with asyncio.timeout(self._config.cache_sync_timeout.total_seconds()):
                await self.watches.wait_settled()
        except TimeoutError:
            return False
        return True

    async def reconcile(self, key: str, permit: Permit) -> Result:
        """One round for one zone, or the round that looks for zones."""
        if key == ALL_ZONES:
            return Result(again_in=await self._find_zones())
        if zone := self._zones.get(key):
            refusal = None if self._print_plan else permit.refusal()
            self._reporter.report_withheld(str(zone), refusal)
            if refusal:
                return Result(again_in=RETRY_SECONDS)
            done = await self._reconcile_zone(zone, permit)
            due = min(self._next_full.get(key, 0.0), self._wishes.book.next_release)
            return Result(again_in=max(due - _now(), _SHORTLY), acted=done > 0)
        return Result()

    @property
    def failures(self) -> dict[str, str]:
        """What failed and has not succeeded since: key -> message."""
        passes = {key or "hosted zones": message for key, message in self._loop.errors.items()}
        if self._role_errors:
            passes.pop("hosted zones", None)
        return self._names.errors | passes | self._role_errors

    def state(self) -> dict[str, object]:
        """What the status page shows."""
        return {
            "leader": self._leader.leader_identity if self._leader else "",
            "names": len(self._wishes.book),
            "zones": [self._zone_state(zone) for zone in self._zones.values()],
            "notReady": self.watches.not_ready(),
            "problems": [
                {"object": str(problem.ref), "reason": problem.reason, "message": problem.message}
                for problem in self._reporter.problems()
            ],
            "conflicts": conflict_state(self._reporter.conflicts(), self._zones),
            "outsideDomainFilter": self._wishes.outside(),
            "failures": self.failures,
        }

    def decisions_on(self, about: str) -> Iterator[Decision]:
        """The names of one object that are none of ours; told when asked for, as there may be many."""
        for skip in self._wishes.outside_of(about):
            yield Decision(self._now(), skip.key, about, "skip", skip.reason, skip.message)

    def _zone_state(self, zone: Zone) -> Mapping[str, object]:
        return zone_state(
            zone,
            records=self._route53.record_counts().get(zone.id),
            names=len(self._wishes.book.in_zone(zone.id)),
            counts=self._metrics.counts(zone.id),
            held=self._caution.held.get(zone.id),
            failure=self.failures.get(zone.id, ""),
        )

    def _woken(self, zone_id: str) -> None:
        self._metrics.woken(zone_id, _now())
        self._loop.wake(zone_id)

    def _plan_all(self) -> None:
        """Look at every name again: deletes were held while not all pods were known."""
        self._next_full.clear()
        for zone_id in self._zones:
            self._loop.wake(zone_id)

    async def _find_zones(self) -> float:
        """Look for zones and send every name to its own; seconds until it is time to look again."""
        if not (self.watches.is_settled or self._wishes.is_loaded):
            return _SHORTLY
        try:
            zones, errors = await self._route53.observe_zones()
        except OutsideError as error:
            self._reporter.report_zone_error("hosted zones", error.message)
            raise
        if zones.keys() != self._zones.keys():
            self._wishes.route(zones.values())
            self._next_full.clear()
            self._metrics.keep(zones)
        self._zones = zones
        if not self._wishes.is_loaded:
            self._wishes.load()
        for zone_id in zones:
            self._loop.wake(zone_id, after=0)
        self._check_roles(errors)
        return self._config.aws_zones_cache_duration.total_seconds()

    def _check_roles(self, errors: Mapping[str, OutsideError]) -> None:
        """Write down which roles cannot list their zones; raises the error of one, if there is any."""
        named = {f"hosted zones of {role or 'this account'}": error for role, error in errors.items()}
        self._role_errors = {key: error.message for key, error in named.items()}
        for key, message in self._role_errors.items():
            self._reporter.report_zone_error(key, message)
        for error in errors.values():
            raise error

    async def _reconcile_zone(self, zone: Zone, permit: Permit) -> int:
        """The five steps; the number of groups that were carried out. Raises what fails the whole zone."""
        try:
            observation = await self._route53.observe_zone(zone.id)
        except OutsideError as error:
            self._zone_failed(zone, error)
            raise
        self._wishes.release(zone.id)
        dirty = self._wishes.book.take_changed(zone.id)
        planned, is_survey = self._names_to_plan(zone.id, dirty, observation)
        wanted = self._wishes.book.in_zone(zone.id)
        alias_zones = await self._route53.observe_alias_zones(open_targets(zone, planned, wanted))
        rules = self._caution.rules(self._names.blocked(), alias_zones)
        plan = plan_zone(zone, planned, wanted, observation.records, rules)
        plan = self._guard(zone.id, plan, observation.records)
        if observation.is_audit:
            self._reporter.report_drift(group for group in plan.groups if group.name not in dirty)
        outcomes, left = await self._apply(zone, plan, permit)
        failure = self._record(zone, outcomes)
        keys = PlannedKeys(zone.id, planned)
        self._caution.learn(zone.id, plan, outcomes, keys)
        if is_survey:
            self._metrics.surveyed(zone, count(wanted, observation.records, self._registry), plan)
            self._metrics.left_out(self._wishes.book.outside)
        self._metrics.passed(zone, outcomes, deaf=bool(self.watches.not_ready()), at=_now())
        told = [outcome for outcome in outcomes if zone_error(outcome.error) is None]
        self._reporter.report(Plan(plan.groups, plan.skips + left), told, keys)
        if failure:
            raise failure
        return sum(outcome.ok for outcome in outcomes)

    def _names_to_plan(
        self, zone_id: str, dirty: set[str], observation: Observation
    ) -> tuple[Collection[str], bool]:
        """The names whose endpoints changed, or all names there are: from time to time, and when in doubt."""
        now = _now()
        if not observation.is_new and now < self._next_full.get(zone_id, now):
            return dirty, False
        self._next_full[zone_id] = now + min(self._config.interval.total_seconds(), self._pod_hold() or inf)
        held = (name for name in observation.records.names() if self._domains.accepts(name))
        everything = {*self._wishes.book.in_zone(zone_id), *held}
        forget_names(self._names, zone_id, everything)
        return everything, True

    def _guard(self, zone_id: str, plan: Plan, records: ZoneRecords) -> Plan:
        """No delete while a cache is empty or old, nor too many in a while; nothing that fits no call."""
        hold = timedelta(seconds=self._pod_hold())
        plan = self._caution.guard(zone_id, plan, records, self.watches.not_ready(), hold)
        return refuse_oversized(plan, self._batch_limits)

    def _pod_hold(self) -> float:
        """Seconds for which names of pods must be held that ended unseen; a single pass cannot wait."""
        return 0.0 if self._config.once else max(0.0, self._wishes.unseen_until - _now())

    @property
    def _batch_limits(self) -> Size:
        return Size(
            changes=self._config.aws_batch_change_size,
            values=self._config.aws_batch_change_size_values,
            characters=self._config.aws_batch_change_size_bytes,
        )

    async def _apply(self, zone: Zone, plan: Plan, permit: Permit) -> tuple[Outcomes, tuple[Skip, ...]]:
        """Send the batches one after the other; a failure that concerns the whole zone ends the round.

        What was left because permission ended is given too; all names are planned again when it is back.
        """
        outcomes: Outcomes = []
        left: list[Skip] = []
        if self._print_plan:
            self._print_plan(preview(plan))
            return outcomes, ()
        batches = pack(zone.id, plan.groups, self._batch_limits)
        send = partial(self._route53.apply, permit=permit)
        results = apply_each(
            batches,
            send,
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
            self._next_full[zone.id] = 0.0
        return outcomes, tuple(left)

    def _record(self, zone: Zone, outcomes: Outcomes) -> OutsideError | None:
        """Write down how every name fared; give what failed the whole zone, if anything did."""
        for outcome in outcomes:
            if outcome.error is None:
                self._names.succeeded(outcome.action.key)
            elif zone_error(outcome.error) is None:
                again = _now() + self._names.failed(outcome.action.key, outcome.error)
                self._next_full[zone.id] = min(self._next_full.get(zone.id, again), again)
        failure = next(filter(None, (zone_error(outcome.error) for outcome in outcomes)), None)
        if failure:
            self._zone_failed(zone, failure)
        return failure

    def _zone_failed(self, zone: Zone, error: OutsideError) -> None:
        """Have all names of the zone planned next time: it is not known which of them were served."""
        self._next_full[zone.id] = 0.0
        self._metrics.failed()
        self._reporter.report_zone_error(str(zone), error.message)


def _now() -> float:
    return asyncio.get_running_loop().time()


def needs_nodes(config: Config) -> bool:
    """True when records may hold addresses of nodes: their own, or of pods, NodePort or headless Services."""
    leading = {"NodePort", "ClusterIP"}.intersection(config.service_type_filter or ("NodePort",))
    return bool("service" in config.source and leading) or not {"pod", "node"}.isdisjoint(config.source)

"""Reconcile one hosted zone at a time: observe, want, plan, guard, apply, report."""

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime

from addons.dns.aws.route53 import Observation, Outcomes, Route53
from addons.dns.config import Config
from addons.dns.controller.caution import Caution
from addons.dns.controller.standing import Standing, zone_error
from addons.dns.controller.wishes import Wishes
from addons.dns.desired.scope import Scope
from addons.dns.kube.reporter import Reporter
from addons.dns.kube.watches import Watches
from addons.dns.model.actions import Plan
from addons.dns.model.ownership import Registry
from addons.dns.model.records import Zone, ZoneRecords
from addons.dns.plan.batches import Size, pack, refuse_oversized
from addons.dns.plan.zone import plan_zone
from addons.runtime.clock import utc_now
from addons.runtime.errors import OutsideError
from addons.runtime.kube import KubeClient
from addons.runtime.leader import Leader
from addons.runtime.loop import ReconcileLoop, Result
from addons.runtime.outcomes import Ledger

ALL_ZONES = ""
"""The key of the round that looks for zones; every other key is the id of a zone."""

_LEASE_MARGIN = 5.0
"""Seconds that the lease must still last before a record is changed."""

_SHORTLY = 0.2
"""Seconds until a second look at what is about to be ready."""

Preview = Callable[[Plan], None]


class Controller:
    """Makes the zones hold what the objects ask for.

    With `preview` every plan is handed to it in place of being carried out. Without `leader` nobody else is
    expected to act on the same records.
    """

    def __init__(
        self,
        config: Config,
        *,
        kube: KubeClient,
        route53: Route53,
        registry: Registry,
        scope: Scope,
        reporter: Reporter,
        leader: Leader | None = None,
        preview: Preview | None = None,
        ledger: Ledger | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._config = config
        self._route53 = route53
        self._domains = scope.domains
        self._reporter = reporter
        self._leader = leader
        self._preview = preview
        self._standing = Standing(ledger or Ledger(), now)
        self._caution = Caution(config, registry=registry, now=now)
        self._zones: dict[str, Zone] = {}
        self._next_full: dict[str, float] = {}
        self._loop: ReconcileLoop[str] = ReconcileLoop(
            "dns",
            self.reconcile,
            workers=4,
            coalesce_seconds=config.min_event_sync_interval.total_seconds(),
        )
        types = config.service_type_filter
        self.watches = Watches(
            kube,
            sources=config.source,
            namespace=config.namespace,
            with_nodes=not types or "NodePort" in types,
            on_change=lambda obj: self._wishes.refresh(obj),
        )
        self._wishes = Wishes(scope=scope, watches=self.watches, reporter=reporter, wake=self._loop.wake)

    async def run(self, stopping: asyncio.Event) -> None:
        """Reconcile until `stopping`; what others did before is read afresh."""
        self._route53.forget()
        self._zones.clear()
        self._loop.wake(ALL_ZONES, after=0)
        await self._loop.run(stopping)

    async def run_once(self) -> dict[str, str]:
        """Reconcile until nothing is left to do but what is blocked; what failed, by key."""
        await self.watches.wait_settled()
        await self._find_zones()
        while any([await self._reconcile_zone(zone) for zone in self._zones.values()]):
            pass
        return self.failures

    async def reconcile(self, key: str) -> Result:
        """One round for one zone, or the round that looks for zones."""
        if key == ALL_ZONES:
            return Result(again_in=await self._find_zones())
        if zone := self._zones.get(key):
            await self._reconcile_zone(zone)
            return Result(again_in=max(self._next_full.get(key, 0.0) - _now(), _SHORTLY))
        return Result()

    @property
    def failures(self) -> dict[str, str]:
        """What failed and has not succeeded since: key -> message."""
        return self._standing.failures

    def state(self) -> dict[str, object]:
        """What the status page shows."""
        counts, book = self._route53.record_counts(), self._wishes.book
        return {
            "leader": self._leader.leader_identity if self._leader else "",
            "names": len(book),
            "zones": [
                {
                    "id": zone.id,
                    "name": zone.name,
                    "private": zone.private,
                    "records": counts.get(zone.id),
                    "names": len(book.wanted(zone.id)),
                }
                for zone in self._zones.values()
            ],
            "problems": [
                {"object": str(problem.ref), "reason": problem.reason, "message": problem.message}
                for problem in self._reporter.problems()
            ],
            "failures": self.failures,
        }

    async def _find_zones(self) -> float:
        """Look for zones and send every name to its own; seconds until it is time to look again."""
        if not (self.watches.is_settled or self._wishes.is_loaded):
            return _SHORTLY
        try:
            zones = await self._route53.observe_zones()
        except OutsideError as error:
            self._reporter.report_zone_error("hosted zones", error.message)
            return self._standing.failed(ALL_ZONES, error)
        self._standing.succeeded(ALL_ZONES)
        if zones.keys() != self._zones.keys():
            self._wishes.route(zones.values())
            self._next_full.clear()
        self._zones = zones
        if not self._wishes.is_loaded:
            self._wishes.load()
        for zone_id in zones:
            self._loop.wake(zone_id, after=0)
        return self._config.aws_zones_cache_duration.total_seconds()

    async def _reconcile_zone(self, zone: Zone) -> int:
        """The five steps; the number of groups that were carried out."""
        if resting := self._standing.rest(zone.id):
            self._next_full[zone.id] = _now() + resting
            return 0
        try:
            observation = await self._route53.observe_zone(zone.id)
        except OutsideError as error:
            self._zone_failed(zone, error)
            return 0
        dirty = self._wishes.book.take_dirty(zone.id)
        planned = self._names_to_plan(zone.id, dirty, observation)
        rules = self._caution.rules(self._standing.blocked())
        wanted = self._wishes.book.wanted(zone.id)
        plan = plan_zone(zone, planned, wanted, observation.records, rules)
        plan = self._guard(zone.id, plan, observation.records)
        if observation.is_audit:
            self._reporter.report_drift(group for group in plan.groups if group.name not in dirty)
        outcomes = await self._apply(zone, plan)
        self._record(zone, outcomes)
        keys = {f"{zone.id}/{name}" for name in planned}
        self._caution.learn(zone.id, plan, outcomes, keys)
        told = [outcome for outcome in outcomes if zone_error(outcome.error) is None]
        self._reporter.report(plan, told, keys)
        return sum(outcome.ok for outcome in outcomes)

    def _names_to_plan(self, zone_id: str, dirty: set[str], observation: Observation) -> Collection[str]:
        """The names whose claims changed; from time to time, and when in doubt, all names there are."""
        now = _now()
        if not observation.is_new and now < self._next_full.get(zone_id, now):
            return dirty
        self._next_full[zone_id] = now + self._config.interval.total_seconds()
        held = (name for name in observation.records.names() if self._domains.accepts(name))
        everything = {*self._wishes.book.wanted(zone_id), *held}
        self._standing.forget_names(zone_id, {f"{zone_id}/{name}" for name in everything})
        return everything

    def _guard(self, zone_id: str, plan: Plan, records: ZoneRecords) -> Plan:
        """No delete while a cache is empty or old, nor too many in a while; nothing that fits no call."""
        plan = self._caution.guard(zone_id, plan, records, self.watches.not_ready())
        return refuse_oversized(plan, self._batch_limits)

    @property
    def _batch_limits(self) -> Size:
        return Size(
            changes=self._config.aws_batch_change_size,
            values=self._config.aws_batch_change_size_values,
            characters=self._config.aws_batch_change_size_bytes,
        )

    async def _apply(self, zone: Zone, plan: Plan) -> Outcomes:
        """Send the batches one after the other; a failure that concerns the whole zone ends the round."""
        if self._preview:
            self._preview(plan)
            return []
        outcomes: Outcomes = []
        for batch in pack(zone.id, plan.groups, self._batch_limits):
            if outcomes:
                await asyncio.sleep(self._config.aws_batch_change_interval.total_seconds())
            if self._leader and self._leader.remaining() < _LEASE_MARGIN:
                self._next_full[zone.id] = _now() + _SHORTLY
                break
            results = await self._route53.apply(batch)
            outcomes += results
            if any(zone_error(result.error) for result in results):
                break
        return outcomes

    def _record(self, zone: Zone, outcomes: Outcomes) -> None:
        """Write down how every name fared, and once how the zone did."""
        for outcome in outcomes:
            if outcome.error is None:
                self._standing.succeeded(outcome.action.key)
            elif zone_error(outcome.error) is None:
                again = _now() + self._standing.failed(outcome.action.key, outcome.error)
                self._next_full[zone.id] = min(self._next_full.get(zone.id, again), again)
        errors = filter(None, (zone_error(outcome.error) for outcome in outcomes))
        if error := next(errors, None):
            self._zone_failed(zone, error)
        else:
            self._standing.succeeded(zone.id)

    def _zone_failed(self, zone: Zone, error: OutsideError) -> None:
        """Have the zone rest, and then plan all its names: it is not known which of them were served."""
        self._next_full[zone.id] = _now() + self._standing.failed(zone.id, error)
        self._reporter.report_zone_error(str(zone), error.message)


def _now() -> float:
    return asyncio.get_running_loop().time()

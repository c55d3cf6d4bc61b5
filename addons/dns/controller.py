"""Reconcile one hosted zone at a time: observe, want, plan, guard, apply, report."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

from addons.dns import names
from addons.dns.aws.route53 import Observation, Outcomes, Route53
from addons.dns.config import Config
from addons.dns.desired.book import ClaimBook
from addons.dns.desired.ingresses import ingress_claims
from addons.dns.desired.scope import Scope
from addons.dns.desired.services import service_claims
from addons.dns.kube.reporter import Reporter
from addons.dns.kube.watches import Object, Watches
from addons.dns.model.actions import Plan
from addons.dns.model.claims import Claims
from addons.dns.model.ownership import Registry
from addons.dns.model.records import Zone, ZoneRecords
from addons.dns.model.zones import ZoneFinder
from addons.dns.plan.batches import Size, pack, refuse_oversized
from addons.dns.plan.guard import DeleteLimits, guard
from addons.dns.plan.zone import Rules, plan_zone
from addons.runtime.clock import utc_now
from addons.runtime.errors import Invalid, OutsideError
from addons.runtime.kube import KubeClient
from addons.runtime.leader import Leader
from addons.runtime.loop import ReconcileLoop, Result
from addons.runtime.outcomes import Ledger, Skip

ALL_ZONES = ""
"""The key of the round that looks for zones; every other key is the id of a zone."""

_LEASE_MARGIN = 5.0
"""Seconds that the lease must still last before a record is changed."""

_SYNC_POLL = 0.2
"""Seconds between two looks at whether the caches have been filled."""

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
        self._registry = registry
        self._scope = scope
        self._reporter = reporter
        self._leader = leader
        self._preview = preview
        self._now = now
        self._book = ClaimBook()
        self._is_loaded = False
        self._zones: dict[str, Zone] = {}
        self._next_full: dict[str, float] = {}
        self._ledger = ledger or Ledger()
        self.failures: dict[str, str] = {}
        """What failed and has not succeeded since: key -> message."""
        types = config.service_type_filter
        self.watches = Watches(
            kube,
            sources=config.source,
            namespace=config.namespace,
            with_nodes=not types or "NodePort" in types,
            on_change=self._object_changed,
        )
        self._loop: ReconcileLoop[str] = ReconcileLoop(
            "dns",
            self.reconcile,
            workers=4,
            coalesce_seconds=config.min_event_sync_interval.total_seconds(),
        )

    async def run(self, stopping: asyncio.Event) -> None:
        """Reconcile until `stopping`; what others did before is read afresh."""
        self._route53.forget()
        self._zones.clear()
        self._loop.wake(ALL_ZONES, after=0)
        await self._loop.run(stopping)

    async def run_once(self) -> dict[str, str]:
        """Reconcile until nothing is left to do but what is blocked; what failed, by key."""
        await self.watches.wait_synced()
        await self.reconcile(ALL_ZONES)
        while any([await self._reconcile_zone(zone) for zone in self._zones.values()]):
            pass
        return self.failures

    async def reconcile(self, key: str) -> Result:
        """One round for one zone, or the round that looks for zones."""
        if key == ALL_ZONES:
            return Result(again_in=await self._find_zones())
        if zone := self._zones.get(key):
            await self._reconcile_zone(zone)
            return Result(again_in=self._pause(key))
        return Result()

    async def _reconcile_zone(self, zone: Zone) -> int:
        """The five steps; the number of groups that were carried out."""
        blocked = self._ledger.blocked(self._now())
        if zone.id in blocked:
            return 0
        try:
            observation = await self._route53.observe_zone(zone.id)
        except OutsideError as error:
            self._zone_failed(zone, error)
            return 0
        dirty = self._book.take_dirty(zone.id)
        planned = self._names_to_plan(zone.id, dirty, observation)
        rules = Rules(self._registry, self._config.policy, blocked)
        plan = plan_zone(zone, planned, self._book.wanted(zone.id), observation.records, rules)
        plan = self._guard(plan, observation.records)
        if observation.is_audit:
            self._reporter.report_drift(group for group in plan.groups if group.name not in dirty)
        outcomes = await self._apply(zone, plan)
        self._record(zone, outcomes)
        told = [outcome for outcome in outcomes if outcome.ok or isinstance(outcome.error, Invalid)]
        self._reporter.report(plan, told, {f"{zone.id}/{name}" for name in planned})
        return sum(outcome.ok for outcome in outcomes)

    def not_ready(self) -> str:
        """Why the daemon is not ready, in words; empty when it is."""
        return self.watches.not_ready()

    def state(self) -> dict[str, object]:
        """What the status page shows."""
        counts = self._route53.record_counts()
        return {
            "names": len(self._book),
            "zones": [
                {
                    "id": zone.id,
                    "name": zone.name,
                    "private": zone.private,
                    "records": counts.get(zone.id),
                    "names": len(self._book.wanted(zone.id)),
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
        if self.watches.not_ready() and not self._is_loaded:
            return _SYNC_POLL
        try:
            zones = await self._route53.observe_zones()
        except OutsideError as error:
            return self._failed(ALL_ZONES, "hosted zones", error)
        self._succeeded(ALL_ZONES)
        if {zone.id for zone in zones.values()} != self._zones.keys():
            self._book.route(ZoneFinder(zones.values()))
            self._next_full.clear()
            self._report_homeless(self._book.homeless_names())
        self._zones = zones
        if not self._is_loaded:
            self._is_loaded = True
            for obj in self.watches.objects():
                self._object_changed(obj)
        for zone_id in zones:
            self._loop.wake(zone_id, after=0)
        return self._config.aws_zones_cache_duration.total_seconds()

    def _object_changed(self, obj: Object) -> None:
        """Look at one object again and wake the zones in which it wants something else now."""
        if not self._is_loaded:
            return
        claims = self._claims(obj)
        zones = self._book.put(obj, claims)
        self._reporter.report_problems(obj, claims.problems)
        self._report_homeless({claim.name for claim in claims.claims})
        for zone_id in zones:
            self._loop.wake(zone_id)

    def _claims(self, obj: Object) -> Claims:
        kind, namespace, name = obj
        if kind == "Ingress":
            ingress = self.watches.ingress(namespace, name)
            return ingress_claims(ingress, self._scope) if ingress else Claims()
        service = self.watches.service(namespace, name)
        if service is None:
            return Claims()
        slices = self.watches.slices(namespace, name)
        return service_claims(service, slices, self.watches.nodes(), self._scope)

    def _names_to_plan(self, zone_id: str, dirty: set[str], observation: Observation) -> Collection[str]:
        """The names whose claims changed; from time to time, and when in doubt, all names there are."""
        now = asyncio.get_running_loop().time()
        if not observation.is_new and now < self._next_full.get(zone_id, now):
            return dirty
        self._next_full[zone_id] = now + self._config.interval.total_seconds()
        wanted = self._book.wanted(zone_id)
        accepts = self._scope.domains.accepts
        return {*wanted, *(name for name in observation.records.names() if accepts(name))}

    def _guard(self, plan: Plan, records: ZoneRecords) -> Plan:
        limits = DeleteLimits(percent=self._config.delete_budget)
        plan = guard(plan, records, owner=self._registry.owner, limits=limits, held=self._held())
        return refuse_oversized(plan, self._batch_limits)

    @property
    def _batch_limits(self) -> Size:
        config = self._config
        return Size(
            config.aws_batch_change_size,
            config.aws_batch_change_size_values,
            config.aws_batch_change_size_bytes,
        )

    def _held(self) -> str:
        """Why no record may be deleted now, in words; empty when all caches are fresh."""
        return self.watches.not_ready()

    def _may_act(self) -> bool:
        return self._leader is None or self._leader.remaining() > _LEASE_MARGIN

    async def _apply(self, zone: Zone, plan: Plan) -> Outcomes:
        """Send the batches one after the other; a failure that concerns the whole zone ends the round."""
        if self._preview:
            self._preview(plan)
            return []
        outcomes: Outcomes = []
        for batch in pack(zone.id, plan.groups, self._batch_limits):
            if outcomes:
                await asyncio.sleep(self._config.aws_batch_change_interval.total_seconds())
            if not self._may_act():
                self._next_full.pop(zone.id, None)
                break
            results = await self._route53.apply(batch)
            outcomes += results
            if any(_zone_error(result.error) for result in results):
                break
        return outcomes

    def _record(self, zone: Zone, outcomes: Outcomes) -> None:
        """Write down how every name fared, and once how the zone did."""
        for outcome in outcomes:
            key, error = outcome.action.key, outcome.error
            if error is None:
                self._succeeded(key)
            elif _zone_error(error) is None:
                self._next_full[zone.id] = self._retry_time(self._failed(key, "", error))
        errors = filter(None, (_zone_error(outcome.error) for outcome in outcomes))
        if error := next(errors, None):
            self._zone_failed(zone, error)
        else:
            self._succeeded(zone.id)

    def _zone_failed(self, zone: Zone, error: OutsideError) -> None:
        self._next_full[zone.id] = self._retry_time(self._failed(zone.id, str(zone), error))

    def _failed(self, key: str, what: str, error: OutsideError) -> float:
        """Have `key` rest; seconds until it may be tried again."""
        now = self._now()
        self._ledger.record(key, error, now)
        self.failures[key] = error.message
        if what:
            self._reporter.report_zone_error(what, error.message)
        return (self._ledger.blocked(now)[key].until - now) / timedelta(seconds=1)

    def _succeeded(self, key: str) -> None:
        self._ledger.record(key, None, self._now())
        self.failures.pop(key, None)

    @staticmethod
    def _retry_time(seconds: float) -> float:
        return asyncio.get_running_loop().time() + seconds

    def _pause(self, zone_id: str) -> float:
        """Seconds until the next full pass over the zone."""
        now = asyncio.get_running_loop().time()
        return max(0.0, self._next_full.get(zone_id, now) - now)

    def _report_homeless(self, candidates: Iterable[str]) -> None:
        found = {name: refs for name in candidates if (refs := self._book.homeless(name))}
        skips = tuple(
            Skip(name, ref, names.NO_ZONE, f"no hosted zone of ours is there for {name}")
            for name, refs in sorted(found.items())
            for ref in refs
        )
        self._reporter.report(Plan((), skips), (), set(candidates))


def _zone_error(error: OutsideError | None) -> OutsideError | None:
    """The error, when it is none of a single name but of the zone or the whole account."""
    return None if error is None or isinstance(error, Invalid) else error

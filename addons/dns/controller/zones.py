"""Which hosted zones there are, and when each of them is reconciled."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from addons.dns import names
from addons.dns.aws.route53 import Route53
from addons.dns.config import Config
from addons.dns.controller.explanation import Explanation
from addons.dns.controller.sources import NO_ZONE, PROBLEMS, Sources
from addons.dns.controller.state import (
    conflict_state,
    left_out_state,
    problem_state,
    waiting_state,
    zone_state,
)
from addons.dns.controller.zone_reconciler import PLAN, WAITING, ZoneReconciler
from addons.dns.kube.reports import (
    HOSTED_ZONES,
    waiting_reports,
    withheld_report,
    zone_filter_reports,
    zone_report,
)
from addons.dns.kube.statuses import Statuses
from addons.dns.kube.watches import SourceWatches
from addons.dns.model.records import Zone
from addons.runtime.app import end_within
from addons.runtime.clock import rfc3339
from addons.runtime.decisions import Decision
from addons.runtime.errors import OutsideError, Withheld
from addons.runtime.leader import Leader
from addons.runtime.ledger import Ledger
from addons.runtime.loop import ReconcileLoop, Result
from addons.runtime.outcomes import Fault
from addons.runtime.permit import RETRY_SECONDS, Permit
from addons.runtime.reporter import Report, Reporter

log = logging.getLogger(__name__)

ALL_ZONES = ""
"""The key of the round that looks for zones; every other key is the id of a zone."""

_LOAD_BALANCERS = "load balancers"
"""Of which AWS is asked where their aliases lead."""

_SHORTLY = 0.2
"""Seconds until a second look at what is about to be ready."""

_FILTER = "zone filter"
"""The topic of hosted zones that the settings name or leave out."""

_WITHHELD = "withheld"
"""The topic of zones that may not be changed at the moment."""


class Controller:
    """Makes the zones hold what the objects ask for.

    In a dry run nothing is changed, so no permission is needed. Without `leader` nobody else is expected to
    act on the same records.
    """

    def __init__(
        self,
        config: Config,
        *,
        route53: Route53,
        watches: SourceWatches,
        statuses: Statuses,
        sources: Sources,
        reconciler: ZoneReconciler,
        explanation: Explanation,
        reporter: Reporter,
        leader: Leader | None,
        is_dry_run: bool,
        ledger: Ledger[str] | None,
        now: Callable[[], datetime],
    ) -> None:
        self.watches = watches
        self._config = config
        self._route53 = route53
        self._statuses = statuses
        self._sources = sources
        self._reconciler = reconciler
        self._explanation = explanation
        self._reporter = reporter
        self._leader = leader
        self._is_dry_run = is_dry_run
        self._now = now
        self._metrics = reconciler.metrics
        self._zones: dict[str, Zone] = {}
        self._role_errors: dict[str, str] = {}
        self._left_out: Mapping[Zone, str] = {}
        self._loop: ReconcileLoop[str] = ReconcileLoop(
            "dns",
            self.reconcile,
            workers=4,
            coalesce_seconds=config.min_event_sync_interval.total_seconds(),
            ledger=ledger,
        )

    async def watch(self, stopping: asyncio.Event) -> None:
        """Keep the caches, and what their objects ask for, up to date until `stopping`."""
        async with asyncio.TaskGroup() as group:
            following = group.create_task(self._follow())
            await self.watches.run(stopping)
            following.cancel()

    async def _follow(self) -> None:
        while True:
            await self.watches.wait_changed()
            self._update()

    async def run(self, stopping: asyncio.Event) -> None:
        """Reconcile until `stopping`; what others did before is read afresh, and no figure is left behind."""
        self._route53.forget()
        self._zones.clear()
        self._loop.wake(ALL_ZONES, after=0)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._loop.run(self.permit(stopping)))
                if not self._is_dry_run:
                    group.create_task(self._statuses.run(self.permit(stopping)))
        finally:
            self._tell_left()
            self._metrics.keep(())

    def _tell_left(self) -> None:
        """Say how many names changed that were not looked at any more."""
        left = {name for zone_id in self._zones for name in self._sources.index.changed(zone_id)}
        if left:
            log.warning("%d names left, such as %s: not planned before the stop", len(left), min(left))

    def permit(self, stopping: asyncio.Event) -> Permit:
        """Permission to change records until `stopping`, while the lease lasts and the caches are fresh."""
        if self._leader is None:
            return Permit(stopping, stale=self.watches.stale)
        return Permit(stopping, lease_left=self._leader.remaining, stale=self.watches.stale)

    async def run_once(self, stopping: asyncio.Event) -> dict[str, str]:
        """Reconcile until nothing is left to do but what is blocked; what failed, by key."""
        permit = self.permit(stopping)
        if not await self._caches_settle(stopping):
            return self.watches.faults()
        await self._loop.run_once([ALL_ZONES], permit)
        if not await self._caches_settle(stopping):
            return self.watches.faults()
        await self._loop.run_once(self._zones, permit)
        unwritten = {} if self._is_dry_run else await self._statuses.write_all()
        return self.failures | self.watches.faults() | unwritten

    async def _caches_settle(self, stopping: asyncio.Event) -> bool:
        """True when all caches are filled; False when that takes too long, or a stop is asked for."""
        try:
            async with asyncio.timeout(self._config.cache_sync_timeout.total_seconds()):
                await end_within(0.0, self.watches.wait_settled(), stopping)
        except TimeoutError:
            return False
        return not stopping.is_set()

    async def reconcile(self, key: str, permit: Permit) -> Result:
        """One round for one zone, or the round that looks for zones."""
        self._update(at_work=key)
        if key == ALL_ZONES:
            return Result(again_in=await self._find_zones())
        if (zone := self._zones.get(key)) is None:
            return Result()
        refusal = None if self._is_dry_run else permit.refusal()
        self._report_withheld(str(zone), refusal)
        if refusal:
            return Result(again_in=RETRY_SECONDS)
        done = await self._reconciler.reconcile(zone, permit)
        return Result(again_in=max(self._reconciler.next_pass(key) - _now(), _SHORTLY), acted=done > 0)

    @property
    def failures(self) -> dict[str, str]:
        """What failed and has not succeeded since: key -> message."""
        passes = {key or HOSTED_ZONES: message for key, message in self._loop.errors.items()}
        if self._role_errors:
            passes.pop(HOSTED_ZONES, None)
        filtered = [one for one in self._reporter.current(_FILTER) if one.reason == names.NO_HOSTED_ZONE]
        without = {report.key: report.message for report in filtered}
        error = self._route53.alias_zones_error
        aliases = {_LOAD_BALANCERS: error.message} if error else {}
        return without | self._reconciler.ledger.errors | passes | self._role_errors | aliases

    def last_pass(self) -> datetime | None:
        """When a pass ended last."""
        return self._loop.last_pass

    def faults(self) -> Iterator[Fault]:
        """What of AWS or the API server is in the way of the zones."""
        yield from self.watches.unreadable()
        messages = self._loop.errors
        for key, reason in self._loop.reasons.items():
            about = str(self._zones.get(key, key)) if key else HOSTED_ZONES
            yield Fault("aws", about, reason, messages[key])
        if error := self._route53.alias_zones_error:
            yield Fault("aws", _LOAD_BALANCERS, error.reason, error.message)

    def state(self) -> dict[str, object]:
        """What the status page shows."""
        return {
            "names": len(self._sources.index),
            "zones": [self._zone_state(zone) for zone in self._zones.values()],
            "zonesLeftOut": left_out_state(self._left_out),
            "notReady": self.watches.not_ready(),
            "problems": problem_state(self._reporter.current(PROBLEMS)),
            "notAsWanted": waiting_state(self._not_done(), self._reconciler.ledger.errors),
            "conflicts": conflict_state(self._reporter.current(PLAN), self._zones),
            "outsideDomainFilter": self._sources.outside(),
            "failures": self.failures,
        }

    def _not_done(self) -> Iterator[Report]:
        """What is told of names that are not as they are asked for."""
        for topic in (NO_ZONE, WAITING, PLAN):
            yield from self._reporter.current(topic)

    def decisions_on(self, about: str) -> Iterator[Decision]:
        """What holds now of one object, kind/namespace/name, or why there is nothing to say of it."""
        errors = self._reconciler.ledger.errors
        yield from self._explanation.of(about, self._zones, errors, self._now())

    def _zone_state(self, zone: Zone) -> Mapping[str, object]:
        return zone_state(
            zone,
            records=self._route53.record_counts().get(zone.id),
            wanted_names=len(self._sources.index.in_zone(zone.id)),
            counts=self._metrics.counts(zone.id),
            held=self._reconciler.budget.held.get(zone.id),
            left_out=self._reconciler.budget.left_out.get(zone.id),
            failure=self.failures.get(zone.id, ""),
            next_pass=self._next_pass(zone.id),
        )

    def _next_pass(self, zone_id: str) -> str:
        """When the next full pass over a zone is due; a change of its names is followed at once."""
        due = self._reconciler.next_pass(zone_id) - _now()
        return rfc3339(self._now() + timedelta(seconds=due)) if due > 0 else "now"

    def _update(self, at_work: str = ALL_ZONES) -> None:
        """Bring the endpoints up to date, and wake the zones in which names changed but that `at_work`."""
        was_waiting = self._sources.is_waiting
        for zone_id in self._sources.update():
            self._metrics.woken(zone_id, _now())
            if zone_id != at_work:
                self._loop.wake(zone_id)
        for zone_id in self._sources.index.release(_now()) - {at_work}:
            self._loop.wake(zone_id)
        if was_waiting and not self._sources.is_waiting:
            self._reconciler.schedule.hasten_all()
            for zone_id in self._zones:
                self._loop.wake(zone_id)

    async def _find_zones(self) -> float:
        """Look for zones and send every name to its own; seconds until it is time to look again."""
        if not (self.watches.is_settled or self._sources.has_begun):
            return _SHORTLY
        try:
            found = await self._route53.observe_zones()
        except OutsideError as error:
            self._reporter.tell(zone_report(HOSTED_ZONES, error.message))
            waiting = () if self._sources.has_begun else self._sources.asking()
            reports = waiting_reports(HOSTED_ZONES, "the list of hosted zones", error, waiting)
            self._reporter.tell_current(WAITING, reports, {HOSTED_ZONES})
            raise
        zones = found.zones
        self._reporter.tell_current(WAITING, (), {HOSTED_ZONES})
        if zones.keys() != self._zones.keys():
            self._sources.set_zones(zones.values())
            self._reconciler.schedule.forget()
            self._metrics.keep(zones)
        self._zones = zones
        if not self._sources.has_begun:
            for zone_id in self._sources.begin():
                self._metrics.woken(zone_id, _now())
        for zone_id in zones:
            self._loop.wake(zone_id, after=0)
        self._left_out = found.left_out
        self._reporter.tell_current(_FILTER, zone_filter_reports(zones, found.left_out, found.missing))
        self._check_roles(found.errors)
        return self._config.aws_zones_cache_duration.total_seconds()

    def _check_roles(self, errors: Mapping[str, OutsideError]) -> None:
        """Note which roles cannot list their zones; raises the error of one, if there is any."""
        named = {f"hosted zones of {role or 'this account'}": error for role, error in errors.items()}
        self._role_errors = {key: error.message for key, error in named.items()}
        for key, message in self._role_errors.items():
            self._reporter.tell(zone_report(key, message))
        for error in errors.values():
            raise error

    def _report_withheld(self, zone: str, refusal: Withheld | None) -> None:
        """Tell once why nothing in a zone may be changed at the moment, until something may again."""
        reports = [withheld_report(zone, refusal)] if refusal else []
        self._reporter.tell_current(_WITHHELD, reports, {zone})


def _now() -> float:
    return asyncio.get_running_loop().time()

"""What is exported as metrics: those of external-dns where they mean the same here, and our own."""

from collections import Counter as Tally
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from prometheus_client import Counter, Gauge, Histogram

from addons.dns import names as reasons
from addons.dns.model.actions import ChangeGroup, Plan
from addons.dns.model.endpoint import Endpoint
from addons.dns.model.records import Zone, ZoneRecords
from addons.dns.model.registry import Registry
from addons.dns.plan.guard import count_owned
from addons.runtime.outcomes import Outcome

_ATTEMPTED = Gauge(
    "external_dns_controller_last_reconcile_timestamp_seconds", "When a zone was last reconciled."
)
_SYNCED = Gauge(
    "external_dns_controller_last_sync_timestamp_seconds",
    "When a zone was last reconciled without a failure.",
)
_IDLE = Counter("external_dns_controller_no_op_runs_total", "Passes over a zone that changed nothing.")
_VERIFIED = Gauge(
    "external_dns_controller_verified_records", "Records that are wanted and exist.", ["record_type"]
)
_SOURCE = Gauge("external_dns_source_endpoints_total", "Records that objects ask for, in all zones.")
_SOURCE_TYPES = Gauge(
    "external_dns_source_records", "Records that objects ask for, by type.", ["record_type"]
)
_SOURCE_ERRORS = Counter(
    "external_dns_source_errors_total", "Passes over a zone while a source was unreadable."
)
_REGISTRY = Gauge(
    "external_dns_registry_endpoints_total", "Records of managed types in all zones, ours or not."
)
_REGISTRY_TYPES = Gauge(
    "external_dns_registry_records", "Records of managed types, by type.", ["record_type"]
)
_REGISTRY_ERRORS = Counter("external_dns_registry_errors_total", "Zones that could not be read or changed.")

_RECORDS = Gauge(
    "addons_dns_records", "Record sets of a zone: all, and those that are ours.", ["zone", "name", "whose"]
)
_BLOCKED = Gauge(
    "addons_dns_blocked_names", "Names that rest after a failure or because they flap.", ["zone", "name"]
)
_CONFLICTS = Gauge(
    "addons_dns_conflicts", "Names that somebody else holds, by reason.", ["zone", "name", "reason"]
)
_OUTSIDE = Gauge(
    "addons_dns_names_outside_domain_filter",
    "Names outside the domain filter that objects ask for, by source.",
    ["source"],
)
_HELD = Gauge("addons_dns_held_deletes", "Deletes that are held, by reason.", ["zone", "name", "reason"])
_GROUPS = Counter(
    "addons_dns_change_groups_total", "Names changed, by verb and outcome.", ["verb", "outcome"]
)
_LAG = Histogram(
    "addons_dns_sync_lag_seconds",
    "From the first change of an object to the answer of Route 53 to what follows from it.",
    buckets=(0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600),
)

_RESTING = (reasons.BLOCKED, reasons.FLAPPING)
_TAKEN = (reasons.OWNER_CONFLICT, reasons.CLAIM_CONFLICT)
_KEPT = (reasons.DELETES_HELD, reasons.FILTERED_OUT, reasons.DELETE_BUDGET, reasons.POD_RECORD_HELD)


class Counts(Struct, frozen=True):
    """Figures of one zone. The tallies are by record type."""

    wanted: Mapping[str, int]
    existing: Mapping[str, int]
    verified: Mapping[str, int]
    total: int
    owned: int


def count(wanted: Mapping[str, Sequence[Endpoint]], observed: ZoneRecords, registry: Registry) -> Counts:
    """Compare what is asked of one zone with what it holds."""
    asked = [endpoint for endpoints in wanted.values() for endpoint in endpoints if not endpoint.is_pending]
    there = (
        endpoint.type
        for endpoint in asked
        if observed.find(endpoint.name, endpoint.type, endpoint.set_identifier)
    )
    return Counts(
        Tally(endpoint.type for endpoint in asked),
        Tally(record.type for record in observed if registry.is_data(record)),
        Tally(there),
        len(observed),
        count_owned(observed, registry),
    )


class Metrics:
    """Keeps the figures of all zones."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._counts: dict[str, Counts] = {}
        self._woken: dict[str, float] = {}

    def woken(self, zone_id: str, at: float) -> None:
        """An object has changed what is wanted of a zone; `at` is loop time."""
        self._woken.setdefault(zone_id, at)

    def failed(self) -> None:
        """A zone could not be read or changed."""
        _REGISTRY_ERRORS.inc()

    def passed(
        self, zone: Zone, outcomes: Collection[Outcome[ChangeGroup]], *, not_ready: str, at: float
    ) -> None:
        """A pass over a zone has ended at `at`, loop time; `not_ready` says which sources were not read."""
        _ATTEMPTED.set(self._now().timestamp())
        if not_ready:
            _SOURCE_ERRORS.inc()
        if not outcomes:
            _IDLE.inc()
        for outcome in outcomes:
            _GROUPS.labels(outcome.action.verb, "ok" if outcome.ok else "failed").inc()
        if all(outcome.ok for outcome in outcomes):
            _SYNCED.set(self._now().timestamp())
        woken = self._woken.pop(zone.id, None)
        if woken is not None and outcomes:
            _LAG.observe(at - woken)

    def counted(self, zone: Zone, counts: Counts) -> None:
        """What is wanted of a zone, or what it holds, has changed."""
        self._counts[zone.id] = counts
        _RECORDS.labels(zone.id, zone.name, "all").set(counts.total)
        _RECORDS.labels(zone.id, zone.name, "ours").set(counts.owned)
        self._add_up()

    def planned(self, zone: Zone, plan: Plan) -> None:
        """A full pass was made: `plan` has all that is in the way in a zone."""
        label = (zone.id, zone.name)
        found = Tally(skip.reason for skip in plan.skips)
        _BLOCKED.labels(*label).set(sum(found[reason] for reason in _RESTING))
        for reason in _TAKEN:
            _CONFLICTS.labels(*label, reason).set(found[reason])
        for reason in _KEPT:
            _HELD.labels(*label, reason).set(found[reason])

    def left_out(self, outside: Mapping[str, int]) -> None:
        """So many names lie outside the domain filter, by the kind of the objects that ask for them."""
        for kind, number in outside.items():
            _OUTSIDE.labels(kind.lower()).set(number)

    def keep(self, zones: Iterable[str]) -> None:
        """Forget the zones that are none of these any more."""
        kept = set(zones)
        if kept.issuperset(self._counts):
            return
        for gauge in (_RECORDS, _BLOCKED, _CONFLICTS, _HELD, *(() if kept else (_OUTSIDE,))):
            gauge.clear()
        self._counts = {zone_id: counts for zone_id, counts in self._counts.items() if zone_id in kept}
        self._add_up()

    def counts(self, zone_id: str) -> Counts | None:
        """The figures of one zone, once it was looked at in full."""
        return self._counts.get(zone_id)

    def _add_up(self) -> None:
        counts = self._counts.values()
        _SOURCE.set(_set_all(_SOURCE_TYPES, (found.wanted for found in counts)))
        _REGISTRY.set(_set_all(_REGISTRY_TYPES, (found.existing for found in counts)))
        _set_all(_VERIFIED, (found.verified for found in counts))


def _set_all(gauge: Gauge, tallies: Iterable[Mapping[str, int]]) -> int:
    """Give a gauge the sum for each type; the sum of all of them."""
    sums: Tally[str] = Tally()
    for tally in tallies:
        sums.update(tally)
    gauge.clear()
    for kind, number in sums.items():
        gauge.labels(kind).set(number)
    return sums.total()

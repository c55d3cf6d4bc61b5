"""The account's hosted zones, and what can be done to them, without HTTP."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

from addons.sim.aws.route53.batch import draft_changes
from addons.sim.aws.route53.errors import (
    InvalidChangeBatch,
    InvalidInput,
    Route53Error,
    no_such_hosted_zone,
)
from addons.sim.aws.route53.model import Action, Change, RecordSet, Vpc
from addons.sim.aws.route53.names import BadName, parse_name
from addons.sim.aws.route53.zone import Zone

NAME_SERVERS = (
    "ns-2048.awsdns-64.com.",
    "ns-2049.awsdns-65.net.",
    "ns-2050.awsdns-66.org.",
    "ns-2051.awsdns-67.co.uk.",
)
_SOA = f"{NAME_SERVERS[0]} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"


@dataclass
class Knobs:
    """How the service behaves beyond being right; the defaults are an undisturbed, instant one.

    `rate_per_second`: calls admitted per second after `burst` at once (an account has 5), None: no limit.
    `latency_seconds`: how long each call takes. `insync_seconds`: how long a change is PENDING.
    `prior_request_not_complete`: refuse a change of a zone while another one is in flight for it.
    `record_sets_per_zone`: the quota (10,000 by default at AWS), None: no limit.
    `known_vpcs`, `known_health_checks`: the ids that exist, None: all do.
    """

    rate_per_second: float | None = None
    burst: int = 5
    latency_seconds: float = 0.0
    insync_seconds: float = 0.0
    prior_request_not_complete: bool = False
    record_sets_per_zone: int | None = None
    known_vpcs: frozenset[str] | None = None
    known_health_checks: frozenset[str] | None = None


@dataclass(frozen=True)
class ChangeInfo:
    """A change on its way to the name servers: PENDING until `insync_at`."""

    id: str
    submitted_at: datetime
    insync_at: datetime
    comment: str = ""


def utc_now() -> datetime:
    """Give the present time, aware, in UTC."""
    return datetime.now(UTC)


@dataclass
class Route53:
    """The strict state machine. `calls` counts the calls that came over HTTP, by operation.

    `now` and `sleep` are how time passes: for the status of changes, and for the latency.
    """

    now: Callable[[], datetime] = utc_now
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    knobs: Knobs = field(default_factory=Knobs)
    calls: Counter[str] = field(default_factory=Counter)
    _zones: dict[str, Zone] = field(default_factory=dict)
    _changes: dict[str, ChangeInfo] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def create_zone(
        self,
        name: str,
        *,
        private: bool = False,
        vpcs: Iterable[Vpc] = (),
        comment: str = "",
        tags: Mapping[str, str] | None = None,
        caller_reference: str = "",
    ) -> str:
        """Make a zone with its SOA and NS record sets; give its id. A VPC makes it private.

        Without `caller_reference` one is made up. Raises `Route53Error`.
        """
        number = next(self._numbers)
        reference = caller_reference or f"direct-{number}"
        if any(zone.caller_reference == reference for zone in self._zones.values()):
            message = "A hosted zone has already been created with the specified caller reference."
            raise Route53Error("HostedZoneAlreadyExists", message, 409)
        vpcs = list(vpcs)
        self._check_vpcs(vpcs, private=private)
        zone = Zone(
            id=f"Z{number:012d}SIM{number % 97:02d}",
            name=_parse_domain(name),
            caller_reference=reference,
            comment=comment,
            private=bool(vpcs),
            vpcs=vpcs,
            tags=dict(tags or {}),
        )
        zone.put(RecordSet(zone.name, "NS", ttl=172800, values=NAME_SERVERS))
        zone.put(RecordSet(zone.name, "SOA", ttl=900, values=(_SOA,)))
        self._zones[zone.id] = zone
        return zone.id

    def _check_vpcs(self, vpcs: Sequence[Vpc], *, private: bool) -> None:
        if private and not vpcs:
            raise InvalidInput(
                "When you're creating a private hosted zone (when you specify true for PrivateZone), "
                "you must also specify values for VPCId and VPCRegion."
            )
        known = self.knobs.known_vpcs
        for vpc in vpcs:
            if known is not None and vpc.id not in known:
                raise Route53Error("InvalidVPCId", f"The VPC {vpc.id} in region {vpc.region} does not exist.")

    def delete_zone(self, zone_id: str) -> ChangeInfo:
        """Remove a zone that holds nothing but its own SOA and NS. Raises `Route53Error`."""
        zone = self.zone(zone_id)
        if len(zone) > 2:
            raise Route53Error(
                "HostedZoneNotEmpty",
                "The specified hosted zone contains non-required resource record sets "
                "and so cannot be deleted.",
            )
        del self._zones[zone.id]
        return self.submit()

    def change_vpc(self, zone: Zone, vpc: Vpc, *, keep: bool) -> None:
        """Let a private zone answer in one more VPC (`keep`), or no longer in one. Raises `Route53Error`."""
        if not zone.private:
            raise Route53Error("PublicZoneVPCAssociation", "A public hosted zone has no VPCs.")
        self._check_vpcs([vpc], private=True)
        others = [other for other in zone.vpcs if other.id != vpc.id]
        if not keep and len(others) == len(zone.vpcs):
            message = f"The VPC {vpc.id} is not associated with the hosted zone {zone.id}."
            raise Route53Error("VPCAssociationNotFound", message, 404)
        if not keep and not others:
            message = "A private hosted zone must keep at least one VPC."
            raise Route53Error("LastVPCAssociation", message)
        zone.vpcs = [*others, vpc] if keep else others

    def zones(self) -> list[Zone]:
        """Give every zone, oldest first, as it is: what the name server reads at each query."""
        return list(self._zones.values())

    def zone(self, zone_id: str) -> Zone:
        """Give one zone; its id may carry `/hostedzone/`. Raises NoSuchHostedZone."""
        plain = zone_id.removeprefix("/hostedzone/")
        zone = self._zones.get(plain)
        if zone is None:
            raise no_such_hosted_zone(plain)
        return zone

    def record_sets(self, zone_id: str) -> list[RecordSet]:
        """Give all record sets of a zone in listing order."""
        return list(self.zone(zone_id))

    def change(
        self, zone_id: str, changes: Iterable[tuple[Action, RecordSet]], *, comment: str = ""
    ) -> ChangeInfo:
        """Apply a batch, whole or not at all, with the checks and errors of the API.

        Also the door for a foreign edit in tests. Raises `Route53Error`.
        """
        zone = self.zone(zone_id)
        parsed = _parse_batch(changes)
        self._check_health_checks(parsed)
        draft = draft_changes(
            zone, parsed, is_zone=self._zones.__contains__, max_sets=self.knobs.record_sets_per_zone
        )
        draft.commit()
        return self.submit(comment)

    def _check_health_checks(self, changes: Iterable[Change]) -> None:
        known = self.knobs.known_health_checks
        for change in changes if known is not None else ():
            wanted = change.record_set.health_check_id
            if known is not None and wanted and wanted not in known:
                message = f"No health check exists with the specified ID {wanted}"
                raise Route53Error("NoSuchHealthCheck", message, 404)

    def submit(self, comment: str = "") -> ChangeInfo:
        """Note a change that was made, so that `submitted` finds it."""
        now = self.now()
        insync_at = now + timedelta(seconds=self.knobs.insync_seconds)
        info = ChangeInfo(f"C{next(self._numbers):013d}", now, insync_at, comment)
        self._changes[info.id] = info
        return info

    def submitted(self, change_id: str) -> ChangeInfo:
        """Give a change by its id, with or without `/change/`. Raises NoSuchChange."""
        plain = change_id.removeprefix("/change/")
        info = self._changes.get(plain)
        if info is None:
            raise Route53Error("NoSuchChange", f"Could not find resource with ID: {plain}", 404)
        return info

    def status(self, info: ChangeInfo) -> str:
        """Say whether a change has reached the name servers: PENDING or INSYNC."""
        return "PENDING" if self.now() < info.insync_at else "INSYNC"


def _parse_domain(name: str) -> str:
    try:
        return parse_name(name)
    except BadName as error:
        raise Route53Error("InvalidDomainName", str(error)) from None


def _parse_batch(changes: Iterable[tuple[Action, RecordSet]]) -> list[Change]:
    """Spell every name as Route 53 stores it."""
    parsed: list[Change] = []
    problems: list[str] = []
    for action, record_set in changes:
        try:
            parsed.append(Change(action, _parse_names(record_set)))
        except BadName as error:
            problems.append(str(error))
    if problems:
        raise InvalidChangeBatch(problems)
    if not parsed:
        raise InvalidInput("Invalid XML ; the element 'Changes' needs at least one 'Change'.")
    return parsed


def _parse_names(record_set: RecordSet) -> RecordSet:
    name, alias = parse_name(record_set.name), record_set.alias
    if alias is not None:
        zone_id = alias.hosted_zone_id.removeprefix("/hostedzone/")
        alias = replace(alias, hosted_zone_id=zone_id, dns_name=parse_name(alias.dns_name))
    if name == record_set.name and alias == record_set.alias:
        return record_set
    return replace(record_set, name=name, alias=alias)

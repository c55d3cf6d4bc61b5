"""Zones and their record sets, kept in a cache, and the one way to change them."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from typing import Any, NamedTuple

from addons.dns.aws.api_records import change_to_api, record_from_api
from addons.dns.aws.hosted_zones import Found, HostedZones
from addons.dns.aws.load_balancers import LoadBalancers
from addons.dns.model.actions import Batch, ChangeGroup
from addons.dns.model.hostnames import from_route53
from addons.dns.model.records import RecordSet, Zone, ZoneRecords, is_same
from addons.dns.model.registry import Registry
from addons.dns.model.zones import Roles, ZoneFilter
from addons.runtime.aws import AwsSession
from addons.runtime.errors import Exhausted, Invalid, OutsideError, Unavailable
from addons.runtime.outcomes import Outcome
from addons.runtime.permit import Permit

log = logging.getLogger(__name__)

_QUOTA_MARK = "MAX_RRSETS_BY_ZONE"
_FEW = 10
"""So many refused groups are read again one by one; beyond that the whole zone is."""

_ZONE_MENTION = re.compile(r"\bin zone [^\s,\]]+")
_NAME = re.compile(r"[^\s'\",\[\]=]+\.[^\s'\",\[\]=]*")

_OURSELVES = Roles()

Outcomes = list[Outcome[ChangeGroup]]


class Observation(NamedTuple):
    """What a zone holds.

    `is_new` says that it was read just now, so that any name may have changed; `is_audit` that it was read
    not for the first time, so that what has changed was changed by somebody else.
    """

    records: ZoneRecords
    is_new: bool
    is_audit: bool = False


class _CachedZone:
    """The record sets of one zone as we know them, until `expires` (loop time)."""

    def __init__(self, records: ZoneRecords, expires: float) -> None:
        self.records = records
        self.expires = expires
        self.doubtful: list[Sequence[ChangeGroup]] = []


class Route53:
    """The hosted zones that a filter lets through.

    A zone is listed once and then kept in step with our own changes, so that a pass without changes makes no
    call. It is listed again after `audit_seconds`, and when the number of its record sets, which every
    listing of zones tells, is not what we think.
    """

    def __init__(
        self,
        session: AwsSession,
        *,
        zone_filter: ZoneFilter,
        registry: Registry,
        audit_seconds: float,
        roles: Roles = _OURSELVES,
        tags_seconds: float = 0.0,
    ) -> None:
        self._session = session
        self._roles = roles
        self._hosted_zones = HostedZones(
            session, zone_filter=zone_filter, roles=roles, tags_seconds=tags_seconds
        )
        self._registry = registry
        self._audit_seconds = audit_seconds
        self._balancers = LoadBalancers(session)
        self._zones: dict[str, Zone] = {}
        self._cache: dict[str, _CachedZone] = {}

    async def observe_zones(self) -> Found:
        """Every zone that is ours to look at: one call for each hundred zones of the account."""
        found = await self._hosted_zones.observe()
        self._zones = found.zones
        self._compare_counts()
        return found

    async def observe_zone(self, zone_id: str) -> Observation:
        """The record sets of one zone; from the cache, unless they are not there or cannot be trusted."""
        cached = self._cache.get(zone_id)
        if cached and cached.doubtful:
            await self._settle_doubt(zone_id, cached)
            cached = self._cache.get(zone_id)
        if cached and _now() < cached.expires:
            return Observation(cached.records, is_new=False)
        records = ZoneRecords([record async for record in self._list(zone_id)])
        self._cache[zone_id] = _CachedZone(records, _now() + self._audit_seconds)
        return Observation(records, is_new=True, is_audit=cached is not None)

    def known_records(self, zone_id: str) -> ZoneRecords | None:
        """The record sets of one zone as they were seen last; None when it was not read yet."""
        cached = self._cache.get(zone_id)
        return cached.records if cached else None

    async def observe_alias_zones(self, hosts: Collection[str]) -> dict[str, str]:
        """The hosted zones of alias targets, as far as AWS can tell; a call only where none is known yet."""
        return await self._balancers.zones_of(hosts)

    @property
    def alias_zones_error(self) -> OutsideError | None:
        """Why the hosted zones of alias targets that are needed cannot be learned."""
        return self._balancers.error

    def forget(self) -> None:
        """Empty the cache: somebody else may have acted meanwhile, as the leader for instance."""
        self._cache.clear()

    def record_counts(self) -> dict[str, int]:
        """How many record sets each zone that was read has."""
        return {zone_id: len(cached.records) for zone_id, cached in self._cache.items()}

    async def apply(self, batch: Batch, *, zone: Zone, permit: Permit) -> Outcomes:
        """Carry out a batch in its zone, and remember what became of it.

        Route 53 takes a batch whole or not at all. When it complains, the groups it names are left out and
        the rest is sent again; when it names none, the batch is divided until the culprits stand alone. Other
        errors are the outcome of every group: the same batch may be sent again later.
        """
        cached = self._cache[batch.zone_id]
        groups, outcomes = [], []
        for group in batch.groups:
            if self._registry.vouches(group, zone.name, cached.records):
                groups.append(group)
            else:
                outcomes.append(Outcome(group, Invalid(f"{group.name} has no ownership text of ours")))
        return outcomes + await self._apply(batch.zone_id, cached, groups, permit)

    async def _apply(
        self, zone_id: str, cached: _CachedZone, groups: Sequence[ChangeGroup], permit: Permit
    ) -> Outcomes:
        if not groups:
            return []
        try:
            await self._send(zone_id, groups, permit)
        except Invalid as error:
            if _QUOTA_MARK in error.message:
                full = Exhausted(error.message, code=error.code, status=error.status)
                return [Outcome(group, full) for group in groups]
            return await self._divide(zone_id, cached, groups, error, permit)
        except Unavailable as error:
            cached.doubtful.append(groups)
            return [Outcome(group, error) for group in groups]
        except OutsideError as error:
            return [Outcome(group, error) for group in groups]
        return _done(cached, groups)

    async def _divide(
        self, zone_id: str, cached: _CachedZone, groups: Sequence[ChangeGroup], error: Invalid, permit: Permit
    ) -> Outcomes:
        """Isolate the groups that Route 53 refuses: those it names, or by halves when it names none."""
        refused = groups if len(groups) == 1 else _named_groups(error.message, groups)
        if not refused:
            middle = len(groups) // 2
            first = await self._apply(zone_id, cached, groups[:middle], permit)
            return first + await self._apply(zone_id, cached, groups[middle:], permit)
        if 1 < len(refused) == len(groups) and await self._was_applied(zone_id, groups[0], cached):
            # A call whose first answer was lost was sent again by botocore: all is done already.
            return _done(cached, groups)
        rest = [group for group in groups if group not in refused]
        outcomes = await self._refuse(zone_id, cached, refused, error)
        return outcomes + await self._apply(zone_id, cached, rest, permit)

    async def _refuse(
        self, zone_id: str, cached: _CachedZone, groups: Sequence[ChangeGroup], error: Invalid
    ) -> Outcomes:
        """Note that groups were refused, and see what is there in place of what we thought."""
        if len(groups) > _FEW:
            cached.expires = 0.0
            return [Outcome(group, error) for group in groups]
        outcomes: Outcomes = []
        for group in groups:
            was_applied = await self._was_applied(zone_id, group, cached)
            outcomes.append(Outcome(group, None if was_applied else error))
        return outcomes

    async def _was_applied(self, zone_id: str, group: ChangeGroup, cached: _CachedZone) -> bool:
        """Read the names of a group afresh; True when they are what the group would make them."""
        try:
            for name in sorted({change.record.name for change in group.changes}):
                cached.records.replace(name, await self._list_name(zone_id, name))
        except OutsideError as error:
            log.warning("%s could not be read again: %s", group.key, error)
            cached.expires = 0.0
            return False
        return _shows(cached.records, group)

    async def _settle_doubt(self, zone_id: str, cached: _CachedZone) -> None:
        """Find out whether the calls without an answer were carried out: one group tells for its call."""
        doubtful, cached.doubtful = cached.doubtful, []
        for groups in doubtful:
            if await self._was_applied(zone_id, groups[0], cached):
                _done(cached, groups)
            elif _is_half_done(cached.records, groups[0]):
                cached.expires = 0.0

    async def _send(self, zone_id: str, groups: Sequence[ChangeGroup], permit: Permit) -> None:
        changes = [change_to_api(change) for group in groups for change in group.changes]
        await self._session.call(
            "route53",
            "change_resource_record_sets",
            permit=permit,
            **self._role(zone_id),
            HostedZoneId=zone_id,
            ChangeBatch={"Changes": changes},
        )

    async def _list(self, zone_id: str, **start: str) -> AsyncIterator[RecordSet]:
        async for page in self._session.pages(
            "route53", "list_resource_record_sets", **self._role(zone_id), HostedZoneId=zone_id, **start
        ):
            for item in page["ResourceRecordSets"]:
                yield record_from_api(item)

    def _role(self, zone_id: str) -> dict[str, Any]:
        role = self._roles.of(zone_id)
        return {"role": role, "external_id": self._roles.external_id_of(role)}

    async def _list_name(self, zone_id: str, name: str) -> list[RecordSet]:
        """All record sets of one name; the listing is sorted, so it ends where another name begins."""
        found = []
        async for record in self._list(zone_id, StartRecordName=name):
            if record.name != name:
                break
            found.append(record)
        return found

    def _compare_counts(self) -> None:
        """Read the zones again that have more or fewer record sets than we think."""
        for zone in self._zones.values():
            cached = self._cache.get(zone.id)
            if cached and len(cached.records) != zone.record_count:
                expected = len(cached.records)
                log.info(
                    "%s has %d record sets, %d expected: it is read again", zone, zone.record_count, expected
                )
                cached.expires = 0.0


def _now() -> float:
    return asyncio.get_running_loop().time()


def _named_groups(message: str, groups: Iterable[ChangeGroup]) -> list[ChangeGroup]:
    """The groups with a record whose name stands in the text of an error."""
    names = {from_route53(name) for name in _NAME.findall(_ZONE_MENTION.sub("", message))}
    return [group for group in groups if any(change.record.name in names for change in group.changes)]


def _done(cached: _CachedZone, groups: Sequence[ChangeGroup]) -> Outcomes:
    for group in groups:
        cached.records.apply(group.changes)
    return [Outcome(group) for group in groups]


def _shows(records: ZoneRecords, group: ChangeGroup) -> bool:
    """True when the zone is as it should be after the group."""
    created = {change.record.key: change.record for change in group.changes if change.action == "CREATE"}
    for change in group.changes:
        found, wanted = records.find(*change.record.key), created.get(change.record.key)
        if (found is None) != (wanted is None) or (found and wanted and not is_same(found, wanted)):
            return False
    return True


def _is_half_done(records: ZoneRecords, group: ChangeGroup) -> bool:
    """True when the zone is neither as before the group nor as after it: somebody else was there."""
    deleted = {change.record.key: change.record for change in group.changes if change.action == "DELETE"}
    return any(records.find(*change.record.key) != deleted.get(change.record.key) for change in group.changes)

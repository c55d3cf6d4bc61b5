"""Which hosted zones there are: listed by every role that has some, sorted out by their tags."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import NamedTuple

from addons.dns.aws.api_records import zone_from_api
from addons.dns.model.records import Zone
from addons.dns.model.zones import Roles, ZoneFilter
from addons.runtime.aws import AwsSession
from addons.runtime.errors import OutsideError

_TAGS_PER_CALL = 10
"""So many zones may be asked for their tags in one call."""


_NEVER = (False, float("-inf"))


class Found(NamedTuple):
    """Zones by id, and the roles (empty: no role) whose zones could not be listed this time, with the error.

    The zones of such a role are those that it had last. `left_out` are zones with the setting that leaves
    each of them out, `missing` the ids in settings that no zone has, each with its setting.
    """

    zones: dict[str, Zone]
    errors: dict[str, OutsideError]
    left_out: dict[Zone, str]
    missing: tuple[str, ...]


class HostedZones:
    """The hosted zones that a filter lets through, as several roles see them.

    A zone that the settings give to a role is reached by that one alone, any other by the default role. Tags
    are asked for where the filter wants them, and believed for `tags_seconds`.
    """

    def __init__(
        self, session: AwsSession, *, zone_filter: ZoneFilter, roles: Roles, tags_seconds: float
    ) -> None:
        self._session = session
        self._filter = zone_filter
        self._roles = roles
        self._tags_seconds = tags_seconds
        self._known: dict[str, dict[str, Zone]] = {}
        self._left_out: dict[str, dict[Zone, str]] = {}
        self._tagged: dict[str, tuple[bool, float]] = {}

    async def observe(self) -> Found:
        """List the zones: one call for each hundred of a role, and one for each ten whose tags count.

        A role that fails costs its own zones only. Raises OutsideError when no role succeeds.
        """
        errors: dict[str, OutsideError] = {}
        for role in self._roles.all():
            try:
                listed = [zone async for zone in self._list(role)]
                refusals = await self._refusals(role, listed)
            except OutsideError as error:
                errors[role] = error
                continue
            self._known[role] = {zone.id: zone for zone in listed if not refusals[zone]}
            self._left_out[role] = {zone: setting for zone, setting in refusals.items() if setting}
        if len(errors) == len(self._roles.all()):
            raise next(iter(errors.values()))
        zones = {zone_id: zone for known in self._known.values() for zone_id, zone in known.items()}
        left_out = {zone: setting for found in self._left_out.values() for zone, setting in found.items()}
        return Found(zones, errors, left_out, () if errors else self._missing([*zones.values(), *left_out]))

    def _missing(self, zones: Iterable[Zone]) -> tuple[str, ...]:
        """The ids in the settings that none of the zones has."""
        ids = [zone.id for zone in zones]
        unlisted = (f"--aws-zone-role={zone_id}" for zone_id in self._roles.by_zone if zone_id not in ids)
        return (*(f"--zone-id-filter={end}" for end in self._filter.unmatched(ids)), *unlisted)

    async def _list(self, role: str) -> AsyncIterator[Zone]:
        pages = self._session.pages(
            "route53", "list_hosted_zones", role=role, external_id=self._roles.external_id_of(role)
        )
        async for page in pages:
            for item in page["HostedZones"]:
                zone = zone_from_api(item)
                if self._roles.of(zone.id) == role:
                    yield zone

    async def _refusals(self, role: str, zones: Iterable[Zone]) -> dict[Zone, str]:
        """The setting that leaves each of the zones out, empty when none does; tags are asked for last."""
        refusals = {zone: self._filter.refusal(zone) for zone in zones}
        if self._filter.wants_tags:
            accepted = [zone for zone, setting in refusals.items() if not setting]
            await self._learn_tags(role, [zone.id for zone in accepted])
            fitting = {zone for zone in accepted if self._tagged.get(zone.id, _NEVER)[0]}
            refusals.update((zone, "--aws-zone-tags") for zone in accepted if zone not in fitting)
        return refusals

    async def _learn_tags(self, role: str, zone_ids: Iterable[str]) -> None:
        """Ask for the tags of those zones that were not asked about lately."""
        now = asyncio.get_running_loop().time()
        unknown = [zone_id for zone_id in zone_ids if self._tagged.get(zone_id, _NEVER)[1] <= now]
        for start in range(0, len(unknown), _TAGS_PER_CALL):
            for zone_id, tags in await self._tags(role, unknown[start : start + _TAGS_PER_CALL]):
                self._tagged[zone_id] = self._filter.accepts_tags(tags), now + self._tags_seconds

    async def _tags(self, role: str, zone_ids: Sequence[str]) -> Iterable[tuple[str, Mapping[str, str]]]:
        reply = await self._session.call(
            "route53",
            "list_tags_for_resources",
            role=role,
            external_id=self._roles.external_id_of(role),
            ResourceType="hostedzone",
            ResourceIds=list(zone_ids),
        )
        return [
            (item["ResourceId"], {tag["Key"]: tag.get("Value", "") for tag in item["Tags"]})
            for item in reply["ResourceTagSets"]
        ]

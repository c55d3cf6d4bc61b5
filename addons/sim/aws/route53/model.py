"""What a hosted zone holds: record sets, as Route 53's API describes them."""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

Action = Literal["CREATE", "DELETE", "UPSERT"]

POLICIES = (
    "Weight",
    "Region",
    "Failover",
    "GeoLocation",
    "MultiValueAnswer",
    "CidrRoutingConfig",
    "GeoProximityLocation",
)


@dataclass(frozen=True, slots=True)
class AliasTarget:
    """The AWS resource, or the record set of the same zone, that answers in an alias's place."""

    hosted_zone_id: str
    dns_name: str
    evaluate_target_health: bool = False


@dataclass(frozen=True, slots=True)
class GeoLocation:
    """Where a query comes from: a continent, or a country (`*` for all others) with a subdivision."""

    continent: str = ""
    country: str = ""
    subdivision: str = ""


@dataclass(frozen=True, slots=True)
class GeoProximity:
    """A place on the map, named or by coordinates, and how far its pull reaches (-99 to 99)."""

    aws_region: str = ""
    local_zone_group: str = ""
    latitude: str = ""
    longitude: str = ""
    bias: int | None = None


@dataclass(frozen=True, slots=True)
class CidrRouting:
    """A named block of client addresses."""

    collection_id: str
    location_name: str


class Key(NamedTuple):
    """What identifies a record set within its zone."""

    name: str
    type: str
    set_id: str


@dataclass(frozen=True, slots=True)
class RecordSet:
    """One record set: plain (`ttl`, `values`) or an alias, with at most one routing policy.

    `values` are texts as the API has them: a TXT value carries its quotation marks.
    """

    name: str
    type: str
    ttl: int | None = None
    values: tuple[str, ...] = ()
    alias: AliasTarget | None = None
    set_id: str = ""
    weight: int | None = None
    region: str = ""
    failover: str = ""
    multivalue: bool = False
    geo_location: GeoLocation | None = None
    geo_proximity: GeoProximity | None = None
    cidr: CidrRouting | None = None
    health_check_id: str = ""

    @property
    def key(self) -> Key:
        """Name, type and set identifier: unique in a zone."""
        return Key(self.name, self.type, self.set_id)

    @property
    def policies(self) -> tuple[str, ...]:
        """The routing policies that are set, by their names in the API; more than one is an error."""
        present = (
            self.weight is not None,
            bool(self.region),
            bool(self.failover),
            self.geo_location is not None,
            self.multivalue,
            self.cidr is not None,
            self.geo_proximity is not None,
        )
        if not any(present):
            return ()
        return tuple(name for name, is_set in zip(POLICIES, present, strict=True) if is_set)

    def same_as(self, other: "RecordSet") -> bool:
        """Say whether both are equal, the order of their values aside: what a DELETE must meet."""
        if self == other:
            return True
        ordered = replace(self, values=tuple(sorted(self.values)))
        return ordered == replace(other, values=tuple(sorted(other.values)))


class Change(NamedTuple):
    """One line of a batch."""

    action: Action
    record_set: RecordSet


@dataclass(frozen=True, slots=True)
class Vpc:
    """A network in which a private zone answers."""

    region: str
    id: str

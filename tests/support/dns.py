"""Vocabulary of the dns tests: zones, records and endpoints in a few words, and a zone that obeys plans."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from addons.dns.model.actions import ChangeGroup, NameTaken
from addons.dns.model.endpoint import Endpoint, SourceObject
from addons.dns.model.records import Alias, Change, RecordSet, Zone, ZoneRecords, type_of_target
from addons.dns.model.registry import Ownership, Registry, encode
from addons.dns.plan.records import Policy, Rules, Written
from addons.dns.plan.zone import plan_zone
from addons.runtime.outcomes import Blocked, ObjectRef

ZONE = Zone("Z1", "example.com")
REGISTRY = Registry("me")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def service(name: str) -> ObjectRef:
    return ObjectRef("Service", "web", name)


def endpoint(
    name: str, *targets: str, by: str = "www", ttl: int = 300, created: str = "2026-01-01"
) -> Endpoint:
    """An endpoint of a Service: `name`.example.com, or for the apex when `name` is empty."""
    kind = type_of_target(targets[0]) if targets else ""
    return Endpoint(fqdn(name), kind, targets, ttl, SourceObject(service(by), created))


def fqdn(name: str) -> str:
    return f"{name}.example.com" if name else "example.com"


def record(name: str, *values: str, kind: str = "", ttl: int = 300, alias: Alias | None = None) -> RecordSet:
    kind = kind or ("A" if alias else type_of_target(values[0]))
    return RecordSet(fqdn(name), kind, 0 if alias else ttl, values, alias=alias)


def text(name: str, *, owner: str = "me", by: str = "www") -> RecordSet:
    """An ownership text at exactly this name."""
    value = encode(Ownership(owner, f"service/web/{by}"))
    return RecordSet(fqdn(name), "TXT", 300, (value,))


def owned(name: str, *values: str, owner: str = "me", by: str = "www", ttl: int = 300) -> list[RecordSet]:
    """A record with its ownership text, as a former pass left them."""
    data = record(name, *values, ttl=ttl)
    return [data, Registry(owner).txt_record(data, f"service/web/{by}", ZONE.name)]


def by_name(endpoints: Iterable[Endpoint]) -> dict[str, list[Endpoint]]:
    found: dict[str, list[Endpoint]] = {}
    for one in endpoints:
        found.setdefault(one.name, []).append(one)
    return found


class World:
    """A zone in memory that carries out groups as Route 53 would, and complains where it would."""

    def __init__(self, *records: RecordSet | Sequence[RecordSet]) -> None:
        self.records = ZoneRecords()
        for item in records:
            items = [item] if isinstance(item, RecordSet) else item
            self.records.apply(Change("CREATE", one) for one in items)

    def plan(
        self,
        *endpoints: Endpoint,
        policy: Policy = "sync",
        registry: Registry = REGISTRY,
        blocked: Mapping[str, Blocked] | None = None,
        holds: Mapping[str, datetime] | None = None,
        flapping: Mapping[Written, datetime] | None = None,
    ) -> "Planned":
        """The plan for every name that is wanted or exists."""
        wanted = by_name(endpoints)
        rules = Rules(
            registry, policy, blocked or {}, now=NOW, target_holds=holds or {}, flapping=flapping or {}
        )
        plan = plan_zone(ZONE, {*wanted, *self.records.names()}, wanted, self.records, rules)
        holders = [skip.holder for skip in plan.skips if isinstance(skip, NameTaken)]
        return Planned(plan.groups, [(skip.reason, str(skip.ref or "")) for skip in plan.skips], holders)

    def apply(self, groups: Iterable[ChangeGroup]) -> None:
        """Do every change; a DELETE must match exactly, a CREATE must find nothing."""
        for group in groups:
            for change in group.changes:
                existing = self.records.find(*change.record.key)
                assert existing == (change.record if change.action == "DELETE" else None), change
                self.records.apply([change])
        for found in self.records:
            assert found.type != "CNAME" or {one.type for one in self.records.at(found.name)} == {"CNAME"}
            assert len({_kind(one) for one in self.records.at(found.name) if one.type == found.type}) == 1

    def contents(self) -> frozenset[RecordSet]:
        return frozenset(self.records)


def _kind(record: RecordSet) -> str:
    """The kind of its routing, which record sets of one name and type must share."""
    return str([field for field, _ in record.routing])


class Planned:
    """A plan in short words."""

    def __init__(
        self, groups: tuple[ChangeGroup, ...], skips: list[tuple[str, str]], holders: list[str]
    ) -> None:
        self.groups = groups
        self.skips = skips
        self.holders = holders

    @property
    def changes(self) -> list[str]:
        """Every change as `DELETE A www`, in order."""
        return [
            f"{change.action} {change.record.type} {change.record.name.removesuffix('.example.com')}"
            for group in self.groups
            for change in group.changes
        ]

    @property
    def verbs(self) -> list[str]:
        return [f"{group.verb} {group.name.removesuffix('.example.com')}" for group in self.groups]


def blocked_until(until: datetime) -> Blocked:
    return Blocked((until - NOW).total_seconds(), "refused", 1)

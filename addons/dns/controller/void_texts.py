"""Which ownership texts stood in a zone without their record, and so prove nothing."""

from collections.abc import Collection, Iterable, Set

from addons.dns.model.actions import ChangeGroup
from addons.dns.model.records import RecordKey, Zone
from addons.dns.model.registry import Registry
from addons.runtime.outcomes import Outcome


class VoidTexts:
    """Remembers orphaned texts, so that a record that comes to stand beside one is not taken for ours.

    A text proves something again when we have made its record. What was seen is lost with the process.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._found: dict[str, set[RecordKey]] = {}

    def of(self, zone_id: str) -> Set[RecordKey]:
        """The keys of the void texts of one zone."""
        return self._found.get(zone_id, set())

    def follow(
        self, zone: Zone, orphans: Collection[RecordKey], outcomes: Iterable[Outcome[ChangeGroup]]
    ) -> None:
        """Note the orphans that a plan was made with, and forget those whose record or text we changed."""
        void = self._found.setdefault(zone.id, set())
        void.update(orphans)
        for outcome in outcomes:
            if outcome.ok:
                void.difference_update(self._settled(zone, outcome.action))

    def _settled(self, zone: Zone, group: ChangeGroup) -> Iterable[RecordKey]:
        for change in group.changes:
            record = change.record
            yield record.key
            if change.action == "CREATE":
                name = self._registry.txt_name(record.name, record.type, zone.name)
                yield name, "TXT", record.set_identifier
                for name in self._registry.legacy_txt_names(record):
                    yield name, "TXT", record.set_identifier

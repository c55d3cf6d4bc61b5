"""What there is to say about one object when somebody asks: made from what holds now, not from the past."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import NamedTuple

from addons.dns import names
from addons.dns.aws.route53 import Route53
from addons.dns.controller.sources import NO_ZONE, PROBLEMS, Sources
from addons.dns.controller.zone_reconciler import PLAN, WAITING
from addons.dns.desired.not_asked import unknown_annotations, why_not_asked
from addons.dns.desired.settings import SourceSettings
from addons.dns.kube.watches import SourceWatches
from addons.dns.model.endpoint import Endpoint, source_object
from addons.dns.model.objects import ObjectKey
from addons.dns.model.records import RecordSet, Zone, ZoneRecords, family, meaning
from addons.dns.model.registry import Registry
from addons.dns.plan.conflict_resolver import without_rivals
from addons.dns.plan.current import records_key
from addons.runtime.decisions import Decision
from addons.runtime.objects import KubeObject
from addons.runtime.outcomes import ObjectRef
from addons.runtime.reporter import Report, Reporter


class _Answer(NamedTuple):
    key: str
    action: str
    reason: str
    message: str
    retry_at: datetime | None = None


class Explanation:
    """Answers for one object of the kinds that may ask for names.

    Each has a key of its own. That of a name is the key of its plan, so that it stands in the place of what
    was decided on that name before.
    """

    def __init__(
        self,
        sources: Sources,
        watches: SourceWatches,
        settings: SourceSettings,
        route53: Route53,
        registry: Registry,
        reporter: Reporter,
    ) -> None:
        self._sources = sources
        self._watches = watches
        self._settings = settings
        self._route53 = route53
        self._registry = registry
        self._reporter = reporter

    def of(
        self, about: str, zones: Mapping[str, Zone], errors: Mapping[str, str], now: datetime
    ) -> Iterator[Decision]:
        """What holds now of the object called kind/namespace/name, or why there is nothing to say of it.

        `errors` is what failed and has not succeeded since, by key.
        """
        owner = self._owner(about)
        which = str(ObjectRef(*owner)) if owner else about
        answers = self._answers(owner, which, zones, errors) if owner else [self._of_no_source(about)]
        told: set[str] = set()
        for key, action, reason, message, retry_at in answers:
            own = f"{key} {message}" if key in told else key
            told.add(own)
            yield Decision(now, own, which, action, reason, message, retry_at)

    def _owner(self, about: str) -> ObjectKey | None:
        """The object that is meant, or None; a DNSEndpoint also by its name in ownership texts."""
        said, _, place = about.partition("/")
        namespace, _, name = place.rpartition("/")
        kinds = {kind.lower(): kind for kind in self._watches.by_kind()}
        kind = kinds.get({"crd": "dnsendpoint"}.get(said.lower(), said.lower()))
        return (kind, namespace, name) if kind else None

    def _of_no_source(self, about: str) -> _Answer:
        kinds = ", ".join(sorted(kind.lower() for kind in self._watches.by_kind()))
        message = f"{about} may ask for no name; by --source these may: {kinds}, written kind/namespace/name"
        return _Answer(about, "skip", names.UNKNOWN_OBJECT, message)

    def _answers(
        self, owner: ObjectKey, about: str, zones: Mapping[str, Zone], errors: Mapping[str, str]
    ) -> Iterator[_Answer]:
        if not self._sources.has_begun:
            message = (
                f"the objects are not read yet: {self._watches.not_ready() or 'the zones are listed first'}"
            )
            yield _Answer(about, "skip", names.PLANNED, message)
            return
        kind, namespace, name = owner
        obj = self._watches.by_kind()[kind].get(namespace, name)
        resource = source_object(obj).resource if obj else about.replace("dnsendpoint/", "crd/", 1)
        current = list(self._current(about, resource, zones))
        yield from (_Answer(one.key, one.action, one.reason, one.message, one.retry_at) for one in current)
        if obj is None:
            yield _Answer(about, "skip", names.UNKNOWN_OBJECT, f"there is no {about}{self._nearest(owner)}")
            return
        yield from self._of_names(owner, {one.key for one in current}, zones, errors)
        for skip in self._sources.outside_of(owner):
            yield _Answer(skip.key, "skip", skip.reason, skip.message)
        yield from self._of_annotations(obj, about)
        index, is_faulty = self._sources.index, any(one.key == about for one in current)
        if not (is_faulty or index.names_of(owner) or index.outside_of(owner)):
            why = f"{about} asks for no name: {why_not_asked(obj, self._settings)}"
            yield _Answer(about, "skip", names.NOT_ASKED, why)

    def _nearest(self, owner: ObjectKey) -> str:
        """The object of the same kind that may be meant: of a name alike, or in another namespace."""
        kind, namespace, name = owner
        found = [obj.metadata for obj in self._watches.by_kind()[kind].all()]
        near = get_close_matches(name, [one.name for one in found if one.namespace == namespace], n=1)
        places = [(namespace, one) for one in near]
        places += sorted((one.namespace, one.name) for one in found if one.name == name)
        return f"; did you mean {ObjectRef(kind, *places[0])}?" if places else ""

    def _current(self, about: str, resource: str, zones: Mapping[str, Zone]) -> Iterator[Report]:
        """What holds now: faults in the object, and what is not done for it or with records made for it."""
        for topic in (PROBLEMS, NO_ZONE, WAITING, PLAN):
            for report in sorted(self._reporter.current(topic), key=lambda one: (one.key, one.message)):
                is_on_it = report.key == about or str(report.ref or "") == about
                if is_on_it or (report.ref is None and resource in self._made_for(report.key, zones)):
                    yield report

    def _made_for(self, key: str, zones: Mapping[str, Zone]) -> Collection[str]:
        """The objects for which the records of a plan's key were made, as their ownership texts say."""
        zone_id, _, name = key.partition("#")[0].partition("/")
        records = self._route53.known_records(zone_id)
        if records is None or zone_id not in zones:
            return ()
        zone_name = zones[zone_id].name
        texts = (self._registry.texts_of(record, zone_name, records) for record in records.at(name))
        return {said.resource for found in texts for _, said in found}

    def _of_names(
        self, owner: ObjectKey, told: Collection[str], zones: Mapping[str, Zone], errors: Mapping[str, str]
    ) -> Iterator[_Answer]:
        """For each name in each zone that nothing is told of: it is there, or is about to be, or failed."""
        which = ObjectRef(*owner)
        for name in sorted(self._sources.index.names_of(owner)):
            for zone in zones.values():
                records = self._route53.known_records(zone.id)
                found: dict[str, list[Endpoint]] = {}
                for endpoint in self._sources.index.in_zone(zone.id).get(name, ()):
                    if endpoint.asked_by.ref == which:
                        key = records_key(zone.id, name, endpoint.set_identifier, family(endpoint.type))
                        found.setdefault(key, []).append(endpoint)
                for key in sorted(found.keys() - told):
                    yield _of_records(key, found[key], zone, records, errors.get(key, ""))

    def _of_annotations(self, obj: KubeObject, about: str) -> Iterator[_Answer]:
        for key, instead in unknown_annotations(obj, self._settings):
            message = f"annotation {key} is not known: {instead}"
            yield _Answer(f"{about} {key}", "skip", names.UNKNOWN_ANNOTATION, message)


def _of_records(
    key: str, endpoints: Sequence[Endpoint], zone: Zone, records: ZoneRecords | None, error: str
) -> _Answer:
    if records is None:
        return _Answer(
            key, "skip", names.PLANNED, f"{zone} is not read yet, or by another replica that leads"
        )
    usable = [one for one in endpoints if not one.is_unusable]
    if not usable:
        why = f"how {endpoints[0].asked_by.resource} asks for it cannot be used"
        return _Answer(key, "skip", names.RECORD_KEPT, f"{endpoints[0].name} is not made in {zone}: {why}")
    found = {one: records.find(one.name, one.type, one.set_identifier) for one in usable}
    current = {record.type: record for record in found.values() if record}
    pairs = [(one, found[one]) for one in without_rivals(tuple(found), current)]
    there = [record for endpoint, record in pairs if record and _shows(record, endpoint)]
    if len(there) == len(pairs):
        return _Answer(key, "keep", names.RECORD_READY, "; ".join(f"{record} in {zone}" for record in there))
    if error:
        return _Answer(key, "skip", names.RECORD_ERROR, error)
    wanted = "; ".join(str(endpoint.record()) for endpoint, _ in pairs)
    return _Answer(key, "update", names.PLANNED, f"{wanted} is about to be made in {zone}")


def _shows(record: RecordSet, endpoint: Endpoint) -> bool:
    """True when resolvers get from the record what the endpoint asks for, perhaps with targets of others."""
    if record.alias or endpoint.alias:
        return bool(record.alias and endpoint.alias and record.alias.name == endpoint.alias.name)
    return meaning(endpoint.type, endpoint.targets) <= meaning(record.type, record.values)

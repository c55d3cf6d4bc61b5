"""What the watched objects ask for, kept in an index by zone and name."""

import asyncio
import logging
from collections.abc import Collection, Iterable, Iterator, Set

from addons.dns import names
from addons.dns.controller.endpoint_index import EndpointIndex
from addons.dns.desired.annotations import read_annotations
from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_crd import crd_endpoints
from addons.dns.desired.source_gateway import route_endpoints
from addons.dns.desired.source_headless import is_headless
from addons.dns.desired.source_ingress import ingress_endpoints
from addons.dns.desired.source_node import node_endpoints
from addons.dns.desired.source_pod import pod_endpoints
from addons.dns.desired.source_service import needs_pods, service_endpoints
from addons.dns.kube.reports import problem_report, skip_report
from addons.dns.kube.statuses import Statuses
from addons.dns.kube.watches import SourceWatches
from addons.dns.model.dns_endpoints import DNS_ENDPOINTS, DnsEndpoint
from addons.dns.model.endpoint import Desired, Endpoint, source_object
from addons.dns.model.gateway import Route, gateway_key
from addons.dns.model.objects import Ingress, Node, ObjectKey, Pod, Service
from addons.dns.model.records import Zone
from addons.dns.model.zones import ZoneFinder
from addons.runtime.objects import KubeObject, ref
from addons.runtime.outcomes import ObjectRef, Problem, Skip
from addons.runtime.reporter import Reporter
from addons.runtime.unread_objects import fault_of

log = logging.getLogger(__name__)

PROBLEMS = "problems"
"""The topic of faults in objects."""

NO_ZONE = "no zone"
"""The topic of names that no zone is there for."""


class Sources:
    """Keeps `index` in step with the watched objects.

    No object is read before `begin`: half-filled caches would only make work that is soon void. A Service
    that depends on pods is not read until these are known; the index has it as it was.
    """

    def __init__(
        self, *, settings: SourceSettings, watches: SourceWatches, statuses: Statuses, reporter: Reporter
    ) -> None:
        self.index = EndpointIndex()
        self.has_begun = False
        self._settings = settings
        self._watches = watches
        self._statuses = statuses
        self._reporter = reporter
        self._waiting: set[ObjectKey] = set()
        self._complete_since = 0.0
        self._withdrawn: dict[ObjectKey, set[str]] = {}

    def begin(self) -> set[str]:
        """Read every object; the ids of the zones that have names. The caches must be full."""
        self.has_begun = True
        self._watches.take_changed()
        zones = self._read(self._watches.objects())
        self._complete_since = _now()
        return zones

    def update(self) -> set[str]:
        """Read the objects that changed; the ids of the zones in which names changed."""
        changed = self._watches.take_changed()
        if not self.has_begun:
            return set()
        was_waiting = self.is_waiting
        zones = self._read(changed)
        if was_waiting and not self.is_waiting:
            self._complete_since = _now()
        return zones

    @property
    def is_waiting(self) -> bool:
        """True while Services are not read because pods are being read for the first time."""
        return bool(self._waiting)

    @property
    def successors_until(self) -> float:
        """Until when, in loop time, the successor of a pod may come that ended before all was read."""
        return self._complete_since + self._settings.hold_seconds

    def asking(self) -> Iterator[ObjectRef]:
        """The objects that ask for names; an object that asks for several comes several times."""
        for key in self._watches.objects():
            if obj := self._watches.find(key):
                desired = self.read(obj, self._settings)
                yield from (endpoint.asked_by.ref for endpoint in desired.endpoints)

    def not_ready(self) -> str:
        """Why it is not known for sure what is no longer asked for, in words; empty when it is."""
        return self._watches.not_ready() or ("pods read just now" if self._waiting else "")

    def set_zones(self, zones: Collection[Zone]) -> None:
        """Find the zones of all names anew, because zones came or went."""
        self.index.set_zones(ZoneFinder(zones))
        self._report_without_zone(self.index.without_zone())

    def pod_bound(self, resources: Iterable[str]) -> frozenset[str]:
        """Those of these objects, as ownership texts name them, whose names come and go with pods.

        They are headless Services that are there, and pods that are gone.
        """
        return frozenset(filter(self._is_pod_bound, resources))

    def outside(self) -> list[dict[str, object]]:
        """How many names lie outside the domain filter, by source, and an object that asks for one."""
        found: list[dict[str, object]] = []
        for kind, number in sorted(self.index.outside.items()):
            if number:
                owner = self.index.example_outside(kind)
                example = str(ObjectRef(*owner)) if owner else ""
                found.append({"source": kind.lower(), "names": number, "example": example})
        return found

    def outside_of(self, owner: ObjectKey) -> Iterator[Skip]:
        """The names outside the domain filter that one object asks for."""
        for outside in self.index.outside_of(owner):
            message = f"{outside} is not within --domain-filter and its like; another daemon may serve it"
            yield Skip(outside, ObjectRef(*owner), names.OUTSIDE_DOMAIN_FILTER, message)

    def _read(self, objects: Iterable[ObjectKey]) -> set[str]:
        """Read objects again; the ids of the zones in which names changed."""
        zones: set[str] = set()
        for key in objects:
            if self._must_wait(key):
                self._waiting.add(key)
                continue
            self._waiting.discard(key)
            obj = self._watches.find(key)
            desired = self.read(obj, self._settings) if obj else Desired()
            asked = self.index.names_of(key)
            zones |= self.index.put(key, desired, _now())
            self._note_withdrawn(key, asked, exists=obj is not None)
            reports = [problem_report(key, problem) for problem in desired.problems]
            self._reporter.tell_current(PROBLEMS, reports, {str(ObjectRef(*key))})
            self._report_without_zone(asked | self.index.names_of(key))
            if key[0] == DNS_ENDPOINTS.kind:
                self._statuses.note(key)
        return zones

    def has_withdrawn(self, key: ObjectKey, name: str) -> bool:
        """True when the object has asked for the name since all was read, and does not any more."""
        return name in self._withdrawn.get(key, ())

    def _note_withdrawn(self, key: ObjectKey, asked: Set[str], *, exists: bool) -> None:
        """Keep which names an object that is there has ceased to ask for, since it was read first."""
        asks = self.index.names_of(key)
        withdrawn = (self._withdrawn.pop(key, set()) | asked) - asks
        if exists and withdrawn:
            self._withdrawn[key] = withdrawn

    def _must_wait(self, key: ObjectKey) -> bool:
        kind, namespace, name = key
        service = self._watches.services.get(namespace, name) if kind == "Service" else None
        return (
            service is not None and needs_pods(service, self._settings) and not self._watches.require_pods()
        )

    def _is_pod_bound(self, resource: str) -> bool:
        kind, _, place = resource.partition("/")
        namespace, _, name = place.partition("/")
        if kind == "pod":
            return self._watches.pods.get(namespace, name) is None
        service = self._watches.services.get(namespace, name) if kind == "service" else None
        return service is not None and is_headless(service)

    def read(self, obj: KubeObject, settings: SourceSettings) -> Desired:
        """What an object asks for by these settings, read with the objects that it refers to.

        Of one that cannot be read nothing is given up, be that its fault or one of ours: it costs no other.
        """
        try:
            if fault := fault_of(obj):
                return _unreadable(obj, fault) if read_annotations(obj, settings) else Desired()
            return self._asked_by(obj, settings)
        except Exception as error:
            log.exception("crashed: reading %s", ref(obj))
            return _unreadable(obj, f"{error!r}; this is a fault of the daemon, whose log has more")

    def _asked_by(self, obj: KubeObject, settings: SourceSettings) -> Desired:
        match obj:
            case Service():
                return self._service(obj, settings)
            case Ingress():
                return ingress_endpoints(obj, settings)
            case Pod():
                return pod_endpoints(obj, self._watches.nodes.get("", obj.spec.node_name), settings)
            case Node():
                return node_endpoints(obj, settings)
            case DnsEndpoint():
                return crd_endpoints(obj, settings)
            case Route():
                return self._route(obj, settings)
        return Desired()

    def _service(self, service: Service, settings: SourceSettings) -> Desired:
        metadata, watches = service.metadata, self._watches
        slices = watches.slices.by("service", f"{metadata.namespace}/{metadata.name}")
        pods = watches.pods_behind(slices)
        return service_endpoints(service, slices, watches.nodes.all(), settings, pods)

    def _route(self, route: Route, settings: SourceSettings) -> Desired:
        watches, namespace = self._watches, route.metadata.namespace
        keys = filter(None, (gateway_key(parent, namespace) for parent in route.spec.parent_refs))
        gateways = {key: gateway for key in keys if (gateway := watches.gateways.get(*key))}
        home = watches.namespaces.get("", namespace)
        return route_endpoints(route, gateways, home.metadata.labels if home else {}, settings)

    def _report_without_zone(self, candidates: Collection[str]) -> None:
        """Tell the objects that ask for a name which no zone is there for."""
        skips = [
            Skip(name, endpoint.asked_by.ref, names.NO_ZONE, f"{_zone_of(endpoint)} is there for {name}")
            for name in sorted(candidates)
            for endpoint in self.index.without_zone().get(name, ())
        ]
        self._reporter.tell_current(NO_ZONE, map(skip_report, skips), candidates)


def _unreadable(obj: KubeObject, fault: str) -> Desired:
    problem = Problem(ref(obj), names.UNREADABLE_OBJECT, f"it cannot be read: {fault}")
    return Desired(problems=(problem,), unreadable=source_object(obj))


def _now() -> float:
    return asyncio.get_running_loop().time()


def _zone_of(endpoint: Endpoint) -> str:
    pinned = f" {endpoint.zone_id}" if endpoint.zone_id else ""
    return f"no hosted zone{pinned} of ours"

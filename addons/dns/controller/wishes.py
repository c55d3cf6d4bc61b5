"""Keeps the book of endpoints in step with the watched objects."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from typing import TypeVar

from addons.dns import names
from addons.dns.controller.endpoint_index import EndpointIndex
from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_crd import crd_endpoints
from addons.dns.desired.source_gateway import route_endpoints
from addons.dns.desired.source_headless import is_headless
from addons.dns.desired.source_ingress import ingress_endpoints
from addons.dns.desired.source_node import node_endpoints
from addons.dns.desired.source_pod import pod_endpoints
from addons.dns.desired.source_service import needs_pods, service_endpoints
from addons.dns.kube.caches import Cache
from addons.dns.kube.reporter import Reporter
from addons.dns.kube.watches import Object, Watches
from addons.dns.model.actions import Plan
from addons.dns.model.dns_endpoints import DNS_ENDPOINTS
from addons.dns.model.endpoint import Desired, Endpoint
from addons.dns.model.gateway import Route, gateway_key
from addons.dns.model.records import Zone
from addons.dns.model.zones import ZoneFinder
from addons.runtime.outcomes import ObjectRef, Skip

R = TypeVar("R", bound=Route)


class Wishes:
    """What all objects ask for, by zone. `wake` is told the id of every zone in which that has changed.

    `looked_at` is told of every DNSEndpoint whose endpoints are known, `complete` when the last object was
    looked at that had to wait for the pods it depends on.

    Nothing is looked at before `load`: half-filled caches would only make work that is soon void.
    """

    def __init__(
        self,
        *,
        settings: SourceSettings,
        watches: Watches,
        reporter: Reporter,
        wake: Callable[[str], None],
        looked_at: Callable[[Object], None],
        complete: Callable[[], None],
    ) -> None:
        self.book = EndpointIndex()
        self._scope = settings
        self._watches = watches
        self._reporter = reporter
        self._wake = wake
        self._looked_at = looked_at
        self._complete = complete
        self._is_loaded = False
        self._waiting: set[Object] = set()
        self._seen_since = 0.0
        self._readers: dict[str, Callable[[str, str], Desired | None]] = {
            "Service": self._service,
            "Ingress": self._ingress,
            "Pod": self._pod,
            "Node": self._node,
            "DNSEndpoint": self._dns_endpoint,
            "HTTPRoute": lambda *which: self._route(watches.http_routes, *which),
            "GRPCRoute": lambda *which: self._route(watches.grpc_routes, *which),
        }
        """By kind: what the object of this namespace and name asks for; None when it is gone."""

    @property
    def is_loaded(self) -> bool:
        """True once every object has been looked at."""
        return self._is_loaded

    @property
    def unseen_until(self) -> float:
        """Until when, in loop time, the successor of a pod may come that ended before anybody looked."""
        return self._seen_since + self._scope.hold_seconds

    def load(self) -> None:
        """Look at every object; the caches must be full."""
        self._is_loaded = True
        for obj in self._watches.objects():
            self.refresh(obj)
        self._seen_since = _now()

    def route(self, zones: Collection[Zone]) -> None:
        """Send every name to its zones, because zones came or went."""
        self.book.set_zones(ZoneFinder(zones))
        self._report_homeless(self.book.without_zone())

    def refresh(self, obj: Object) -> None:
        """Look at one object again."""
        if not self._is_loaded:
            return
        if self._must_wait(obj):
            self._waiting.add(obj)
            return
        endpoints = self._claims(obj)
        zones = self.book.put(obj, endpoints, _now())
        self._reporter.report_problems(obj, endpoints.problems)
        self._report_homeless({endpoint.name for endpoint in endpoints.endpoints})
        if obj[0] == DNS_ENDPOINTS.kind:
            self._looked_at(obj)
        for zone_id in zones:
            self._wake(zone_id)
        if obj in self._waiting:
            self._waited(obj)

    def release(self, zone_id: str) -> None:
        """Give up the names whose hold is over; zones other than `zone_id`, which is at work, are woken."""
        for other in self.book.release(_now()) - {zone_id}:
            self._wake(other)

    def comes_and_goes(self, resource: str) -> bool:
        """True for an object whose names come and go with pods: a headless Service, a pod that is gone."""
        kind, _, place = resource.partition("/")
        namespace, _, name = place.partition("/")
        if kind == "pod":
            return self._watches.pods.get(namespace, name) is None
        service = self._watches.services.get(namespace, name) if kind == "service" else None
        return service is not None and is_headless(service)

    def outside(self) -> list[dict[str, object]]:
        """How many names lie outside the domain filter, by source, and an object that asks for one."""
        return [
            {"source": kind.lower(), "names": count, "example": _said(self.book.example_outside(kind))}
            for kind, count in sorted(self.book.outside.items())
            if count
        ]

    def outside_of(self, about: str) -> Iterator[Skip]:
        """The names outside the domain filter that one object, kind/namespace/name, asks for."""
        kinds = {kind.lower(): kind for kind in self._readers}
        said, _, place = about.partition("/")
        namespace, _, name = place.rpartition("/")
        owner = (kinds.get(said, ""), namespace, name)
        for outside in self.book.outside_of(owner):
            message = f"{outside} is not within --domain-filter and its like; another daemon may serve it"
            yield Skip(outside, ObjectRef(*owner), names.OUTSIDE_DOMAIN_FILTER, message)

    def _must_wait(self, obj: Object) -> bool:
        """True while pods are being read for the first time that a Service depends on: it stays as it was."""
        kind, namespace, name = obj
        service = self._watches.services.get(namespace, name) if kind == "Service" else None
        return service is not None and needs_pods(service, self._scope) and not self._watches.know_pods()

    def _waited(self, obj: Object) -> None:
        self._waiting.remove(obj)
        if not self._waiting:
            self._seen_since = _now()
            self._complete()

    def _claims(self, obj: Object) -> Desired:
        kind, namespace, name = obj
        found = self._readers[kind](namespace, name)
        return found or Desired()

    def _service(self, namespace: str, name: str) -> Desired | None:
        watches, service = self._watches, self._watches.services.get(namespace, name)
        slices = watches.slices.by("service", f"{namespace}/{name}")
        if service is None:
            return None
        pods = watches.pods_behind(slices)
        return service_endpoints(service, slices, watches.nodes.all(), self._scope, pods)

    def _pod(self, namespace: str, name: str) -> Desired | None:
        pod = self._watches.pods.get(namespace, name)
        return (
            pod_endpoints(pod, self._watches.nodes.get("", pod.spec.node_name), self._scope) if pod else None
        )

    def _ingress(self, namespace: str, name: str) -> Desired | None:
        ingress = self._watches.ingresses.get(namespace, name)
        return ingress_endpoints(ingress, self._scope) if ingress else None

    def _node(self, namespace: str, name: str) -> Desired | None:
        node = self._watches.nodes.get(namespace, name)
        return node_endpoints(node, self._scope) if node else None

    def _dns_endpoint(self, namespace: str, name: str) -> Desired | None:
        obj = self._watches.dns_endpoints.get(namespace, name)
        return crd_endpoints(obj, self._scope) if obj else None

    def _route(self, routes: Cache[R], namespace: str, name: str) -> Desired | None:
        watches, route = self._watches, routes.get(namespace, name)
        if route is None:
            return None
        keys = filter(None, (gateway_key(parent, namespace) for parent in route.spec.parent_refs))
        gateways = {key: gateway for key in keys if (gateway := watches.gateways.get(*key))}
        home = watches.namespaces.get("", namespace)
        return route_endpoints(route, gateways, home.metadata.labels if home else {}, self._scope)

    def _report_homeless(self, candidates: Collection[str]) -> None:
        """Tell the objects that ask for a name which no zone is there for."""
        skips = tuple(
            Skip(name, endpoint.asked_by.ref, names.NO_ZONE, f"{_zone_of(endpoint)} is there for {name}")
            for name in sorted(candidates)
            for endpoint in self.book.without_zone().get(name, ())
        )
        self._reporter.report(Plan((), skips), (), candidates)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _said(owner: Object | None) -> str:
    return str(ObjectRef(*owner)) if owner else ""


def _zone_of(endpoint: Endpoint) -> str:
    pinned = f" {endpoint.zone_id}" if endpoint.zone_id else ""
    return f"no hosted zone{pinned} of ours"

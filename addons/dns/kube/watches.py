"""The objects that the sources read, and which of them have to be looked at again after a change."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

from addons.dns.kube.pods import pods_of, shown, trim
from addons.dns.model.dns_endpoints import DNS_ENDPOINTS, DnsEndpoint
from addons.dns.model.gateway import (
    GATEWAYS,
    GRPC_ROUTES,
    HTTP_ROUTES,
    Gateway,
    GrpcRoute,
    HttpRoute,
    Route,
    gateway_key,
)
from addons.dns.model.object_content import Path, keep
from addons.dns.model.objects import (
    ENDPOINT_SLICES,
    INGRESSES,
    NAMESPACES,
    NODES,
    SERVICES,
    EndpointSlice,
    Ingress,
    Namespace,
    Node,
    ObjectKey,
    Pod,
    Service,
)
from addons.dns.names import SERVICE_NAME_LABEL
from addons.runtime.decoding import with_content
from addons.runtime.kube import KubeClient
from addons.runtime.objects import PODS, KubeObject, Resource
from addons.runtime.outcomes import Fault
from addons.runtime.store import Change, Indexer
from addons.runtime.unread_objects import stand_in
from addons.runtime.watches import Cache, Coalesced, Watches

O = TypeVar("O", bound=KubeObject)  # noqa: E741

_COALESCE_SECONDS = 0.1
"""Many pods and slices change at once: their Service is looked at again once in so long, not for each."""


_NAMED_BY_TEMPLATE = frozenset({SERVICES, INGRESSES, PODS, NODES, HTTP_ROUTES, GRPC_ROUTES})

_WRITTEN_BY_PEOPLE = frozenset({SERVICES, INGRESSES, DNS_ENDPOINTS, HTTP_ROUTES, GRPC_ROUTES})
"""What asks for names and may be written so that it cannot be read, where its definition has no schema."""


class SourceWatches:
    """The caches of all objects that the sources read, and the keys of those that changed.

    Only what the sources need is watched: without the source service, neither Services nor slices. Pods are
    watched from the start when they are a source; else from the first time that they are required. `content`
    are the parts that are kept, by JSON keys, of objects that a template names.
    """

    def __init__(
        self,
        kube: KubeClient,
        *,
        sources: Iterable[str],
        namespace: str,
        gateway_namespace: str = "",
        with_nodes: bool,
        content: Collection[Path] = (),
    ) -> None:
        self._watches = Watches(kube)
        self._namespace = namespace
        self._gateway_namespace = gateway_namespace
        self._content = content
        self._changed: dict[ObjectKey, None] = {}
        self._has_changed = asyncio.Event()
        self._note_soon = Coalesced(self._note, seconds=_COALESCE_SECONDS)
        self._pods_required = asyncio.Event()
        self._pods_noted = asyncio.Event()
        chosen = self._sources = frozenset(sources)
        self._watch_services(with_services="service" in chosen, with_nodes=with_nodes)
        self.ingresses = self._cache(INGRESSES, Ingress, wanted="ingress" in chosen)
        self.dns_endpoints = self._cache(DNS_ENDPOINTS, DnsEndpoint, wanted="crd" in chosen)
        self._watch_gateways(chosen)
        self._node_is_source = "node" in chosen
        self._pod_is_source = "pod" in chosen
        self.pods = self._watch_pods(wanted=self._pod_is_source)

    def _watch_services(self, *, with_services: bool, with_nodes: bool) -> None:
        self.services = self._cache(
            SERVICES, Service, wanted=with_services, indexers={"node addresses": _shows_nodes}
        )
        self.slices = self._cache(
            ENDPOINT_SLICES,
            EndpointSlice,
            wanted=with_services,
            indexers={
                "service": _service_of,
                "pod": lambda piece: [f"{namespace}/{name}" for namespace, name in pods_of(piece)],
            },
            on_change=self._slice_changed,
        )
        self.nodes = self._cache(NODES, Node, wanted=with_nodes, namespace="", on_change=self._node_changed)

    def _watch_pods(self, *, wanted: bool) -> Cache[Pod]:
        return self._cache(
            PODS,
            Pod,
            wanted=wanted,
            indexers={"node": lambda pod: [pod.spec.node_name]},
            on_change=self._pod_changed,
            transform=trim,
        )

    def _watch_gateways(self, chosen: frozenset[str]) -> None:
        indexers = {"gateway": _gateways_of, "namespace": lambda route: [route.metadata.namespace]}
        wants_http, wants_grpc = ("gateway-httproute" in chosen, "gateway-grpcroute" in chosen)
        self.http_routes = self._cache(HTTP_ROUTES, HttpRoute, wanted=wants_http, indexers=indexers)
        self.grpc_routes = self._cache(GRPC_ROUTES, GrpcRoute, wanted=wants_grpc, indexers=indexers)
        self.gateways = self._cache(
            GATEWAYS,
            Gateway,
            wanted=wants_http or wants_grpc,
            namespace=self._gateway_namespace,
            on_change=self._gateway_changed,
        )
        self.namespaces = self._cache(
            NAMESPACES,
            Namespace,
            wanted=wants_http or wants_grpc,
            namespace="",
            on_change=self._namespace_changed,
        )

    def _cache(
        self,
        resource: Resource,
        type_: type[O],
        *,
        wanted: bool,
        namespace: str | None = None,
        indexers: Mapping[str, Indexer[O]] = {},
        on_change: Callable[[Change[O]], None] | None = None,
        transform: Callable[[O], O | None] | None = None,
    ) -> Cache[O]:
        """A cache that is kept up to date when `wanted`; by default a change concerns the object itself."""
        if not wanted:
            return Cache()
        return self._watches.add(
            resource,
            self.read_as(resource, type_),
            namespace=self._namespace if namespace is None else namespace,
            indexers=indexers,
            on_change=on_change or self._object_changed,
            transform=transform,
            stand_in=partial(stand_in, type_) if resource in _WRITTEN_BY_PEOPLE else None,
        )

    def read_as(self, resource: Resource, type_: type[O]) -> type[O]:
        """The type by which objects of a resource are read: with what the template reads by JSON keys."""
        return with_content(type_, self._keep) if self._content and resource in _NAMED_BY_TEMPLATE else type_

    def _keep(self, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """The part of an object that the template reads by JSON keys."""
        return keep(content, self._content)

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep all caches up to date until `stopping`."""
        async with asyncio.TaskGroup() as group:
            noting = group.create_task(self._note_when_pods_are_known())
            await self._watches.run(stopping)
            noting.cancel()

    def take_changed(self) -> list[ObjectKey]:
        """The objects that changed, or that read one that did, since they were taken last."""
        changed, self._changed = list(self._changed), {}
        return changed

    async def wait_changed(self) -> None:
        """Return once an object has changed since this returned last."""
        await self._has_changed.wait()
        self._has_changed.clear()

    def objects(self) -> Iterator[ObjectKey]:
        """Every object there is that may ask for names."""
        for cache in self.by_kind().values():
            yield from map(_key, cache.all())

    def find(self, key: ObjectKey) -> KubeObject | None:
        """An object of a kind that may ask for names; None where there is none, or it is not watched."""
        kind, namespace, name = key
        cache = self.by_kind().get(kind)
        return cache.get(namespace, name) if cache else None

    def is_watched(self, key: ObjectKey) -> bool:
        """True when the object would be known if it were there."""
        kind, namespace, _ = key
        return kind in self.by_kind() and self._namespace in ("", namespace or self._namespace)

    def by_kind(self) -> Mapping[str, Cache[Any]]:
        """The caches of the objects that may ask for names; kinds that are no source are left out."""
        caches: Mapping[str, tuple[str, Cache[Any]]] = {
            "Service": ("service", self.services),
            "Ingress": ("ingress", self.ingresses),
            "DNSEndpoint": ("crd", self.dns_endpoints),
            "HTTPRoute": ("gateway-httproute", self.http_routes),
            "GRPCRoute": ("gateway-grpcroute", self.grpc_routes),
            "Node": ("node", self.nodes),
            "Pod": ("pod", self.pods),
        }
        return {kind: cache for kind, (source, cache) in caches.items() if source in self._sources}

    def require_pods(self) -> bool:
        """Have pods watched from now on; True once they are known, or cannot be read.

        All Services that pods may matter to count as changed then.
        """
        if not (self._pod_is_source or self._pods_required.is_set()):
            self.pods = self._watch_pods(wanted=True)
            self._pods_required.set()
        return self.pods.is_answered

    def pods_behind(self, slices: Iterable[EndpointSlice]) -> Mapping[str, Pod] | None:
        """The pods that the slices of one Service list, by name; None when pods cannot be read."""
        if not self.pods.is_synced:
            return None
        listed = {name for piece in slices for name in pods_of(piece)}
        found = (self.pods.get(namespace, name) for namespace, name in listed)
        return {pod.metadata.name: pod for pod in found if pod}

    async def wait_settled(self) -> None:
        """Return once every cache has been filled, or refused by the server, and all of that is noted."""
        await self._watches.wait_settled()
        if self._pods_required.is_set():
            await self._pods_noted.wait()

    @property
    def is_settled(self) -> bool:
        """True when every cache has been filled, or refused: no right to it, or no such resource."""
        return self._watches.is_settled

    def not_ready(self) -> str:
        """Which caches are empty or out of date, in words; empty when all are good."""
        return self._watches.not_ready()

    def stale(self) -> str:
        """Which caches were full once and are out of date now, in words; empty when none is."""
        return self._watches.stale()

    def faults(self) -> dict[str, str]:
        """What is wrong with the caches that are empty or out of date, by resource."""
        return self._watches.faults()

    def unreadable(self) -> Iterable[Fault]:
        """The resources that the API server refuses, or has told nothing of for too long."""
        return self._watches.unreadable()

    def _note(self, key: ObjectKey) -> None:
        self._changed[key] = None
        self._has_changed.set()

    async def _note_when_pods_are_known(self) -> None:
        await self._pods_required.wait()
        await self.pods.wait_answered()
        self._note_all(self.services.by("node addresses", "yes"))
        self._pods_noted.set()

    def _note_all(self, objects: Iterable[KubeObject]) -> None:
        for obj in objects:
            self._note(_key(obj))

    def _object_changed(self, change: Change[Any]) -> None:
        self._note_all(filter(None, (change.new or change.old,)))

    def _slice_changed(self, change: Change[EndpointSlice]) -> None:
        for key in {key for piece in (change.old, change.new) if piece for key in _service_of(piece)}:
            namespace, _, name = key.partition("/")
            self._note_soon(("Service", namespace, name))

    def _pod_changed(self, change: Change[Pod]) -> None:
        if shown(change.old) == shown(change.new):
            return
        if self._pod_is_source:
            self._object_changed(change)
        for pod in filter(None, (change.new or change.old,)):
            for piece in self.slices.by("pod", f"{pod.metadata.namespace}/{pod.metadata.name}"):
                self._slice_changed(Change(None, piece))

    def _node_changed(self, change: Change[Node]) -> None:
        """Nodes report every few seconds; only what a record could show of them matters."""
        if _shown(change.old) != _shown(change.new):
            self._note_all(self.services.by("node addresses", "yes"))
            for node in filter(None, (change.new or change.old,)):
                self._note_all(self.pods.by("node", node.metadata.name) if self._pod_is_source else ())
        if self._node_is_source:
            self._object_changed(change)

    def _gateway_changed(self, change: Change[Gateway]) -> None:
        for gateway in filter(None, (change.new or change.old,)):
            self._note_routes("gateway", f"{gateway.metadata.namespace}/{gateway.metadata.name}")

    def _namespace_changed(self, change: Change[Namespace]) -> None:
        """Gateways choose namespaces by their labels."""
        old, new = (found.metadata.labels if found else {} for found in (change.old, change.new))
        for namespace in filter(None, (change.new or change.old,)):
            if old != new:
                self._note_routes("namespace", namespace.metadata.name)

    def _note_routes(self, index: str, value: str) -> None:
        self._note_all(self.http_routes.by(index, value))
        self._note_all(self.grpc_routes.by(index, value))


def _key(obj: KubeObject) -> ObjectKey:
    return obj.resource.kind, obj.metadata.namespace, obj.metadata.name


def _service_of(piece: EndpointSlice) -> list[str]:
    name = piece.metadata.labels.get(SERVICE_NAME_LABEL)
    return [f"{piece.metadata.namespace}/{name}"] if name else []


def _shows_nodes(service: Service) -> list[str]:
    """Whether the records of a Service may hold addresses of nodes."""
    spec = service.spec
    is_headless = spec.type == "ClusterIP" and spec.cluster_ip == "None"
    return ["yes"] if spec.type == "NodePort" or is_headless else []


def _gateways_of(route: Route) -> list[str]:
    keys = (gateway_key(parent, route.metadata.namespace) for parent in route.spec.parent_refs)
    return [f"{namespace}/{name}" for namespace, name in filter(None, keys)]


def _shown(node: Node | None) -> object:
    return node and (node.spec.unschedulable, node.status.addresses)

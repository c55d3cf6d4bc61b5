"""The watched objects, and which of them has to be looked at again when something changes."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from addons.dns.kube.caches import Cache
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
from addons.dns.names import SERVICE_NAME_LABEL
from addons.runtime.kube import KubeClient
from addons.runtime.objects import (
    ENDPOINT_SLICES,
    INGRESSES,
    NAMESPACES,
    NODES,
    SERVICES,
    EndpointSlice,
    Ingress,
    KubeObject,
    Namespace,
    Node,
    Resource,
    Service,
)
from addons.runtime.reflector import Reflector
from addons.runtime.store import Change, Indexer

O = TypeVar("O", bound=KubeObject)  # noqa: E741

Object = tuple[str, str, str]
"""Kind, namespace and name of an object that may ask for names."""


class Watches:
    """What the API server says, kept up to date; `on_change` hears which object to look at again.

    Only what the sources need is watched: without the source service, neither Services nor slices.
    """

    def __init__(
        self,
        kube: KubeClient,
        *,
        sources: Iterable[str],
        namespace: str,
        gateway_namespace: str = "",
        with_nodes: bool,
        on_change: Callable[[Object], None],
    ) -> None:
        self._kube = kube
        self._namespace = namespace
        self._gateway_namespace = gateway_namespace
        self._on_change = on_change
        self._reflectors: dict[str, Reflector[Any]] = {}
        chosen = frozenset(sources)
        self._watch_services(with_services="service" in chosen, with_nodes=with_nodes)
        self.ingresses = self._cache(INGRESSES, Ingress, wanted="ingress" in chosen)
        self.dns_endpoints = self._cache(DNS_ENDPOINTS, DnsEndpoint, wanted="crd" in chosen)
        self._watch_gateways(chosen)
        self._node_is_source = "node" in chosen

    def _watch_services(self, *, with_services: bool, with_nodes: bool) -> None:
        self.services = self._cache(
            SERVICES, Service, wanted=with_services, indexers={"node addresses": _shows_nodes}
        )
        self.slices = self._cache(
            ENDPOINT_SLICES,
            EndpointSlice,
            wanted=with_services,
            indexers={"service": _service_of},
            on_change=self._slice_changed,
        )
        self.nodes = self._cache(NODES, Node, wanted=with_nodes, namespace="", on_change=self._node_changed)

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
        indexers: Mapping[str, Indexer[O]] | None = None,
        on_change: Callable[[Change[O]], None] | None = None,
    ) -> Cache[O]:
        """A cache that is kept up to date when `wanted`; by default a change concerns the object itself."""
        if not wanted:
            return Cache(None)
        reflector = Reflector(
            self._kube,
            resource,
            type_,
            namespace=self._namespace if namespace is None else namespace,
            indexers=indexers or {},
            on_change=on_change or self._tell,
        )
        self._reflectors[str(resource)] = reflector
        return Cache(reflector)

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep all caches up to date until `stopping`."""
        async with asyncio.TaskGroup() as group:
            for reflector in self._reflectors.values():
                group.create_task(reflector.run(stopping))

    async def wait_settled(self) -> None:
        """Return once every cache has been filled, or refused by the server."""
        for reflector in self._reflectors.values():
            await reflector.wait_answered()

    @property
    def is_settled(self) -> bool:
        """True when every cache has been filled, or refused: no right to it, or no such resource."""
        return all(reflector.answered for reflector in self._reflectors.values())

    def not_ready(self) -> str:
        """Which caches are empty or out of date, in words; empty when all are good."""
        return ", ".join(f"{what} {fault}" for what, fault in self.faults().items())

    def faults(self) -> dict[str, str]:
        """What is wrong with the caches that are empty or out of date, by resource."""
        faults = {}
        for what, reflector in self._reflectors.items():
            if not reflector.synced and reflector.refused:
                faults[what] = f"cannot be read: {reflector.last_error}"
            elif not reflector.synced:
                faults[what] = f"not read yet{reflector.last_error and f': {reflector.last_error}'}"
            elif not reflector.is_fresh():
                faults[what] = f"not heard of for {reflector.staleness():.0f} s"
        return faults

    def objects(self) -> Iterator[Object]:
        """Every object there is that may ask for names."""
        sources: list[Cache[Any]] = [
            self.services,
            self.ingresses,
            self.dns_endpoints,
            self.http_routes,
            self.grpc_routes,
        ]
        if self._node_is_source:
            sources.append(self.nodes)
        for cache in sources:
            yield from map(_name_of, cache.all())

    def _tell(self, change: Change[Any]) -> None:
        for obj in filter(None, (change.new or change.old,)):
            self._on_change(_name_of(obj))

    def _slice_changed(self, change: Change[EndpointSlice]) -> None:
        for key in {key for piece in (change.old, change.new) if piece for key in _service_of(piece)}:
            namespace, _, name = key.partition("/")
            self._on_change(("Service", namespace, name))

    def _node_changed(self, change: Change[Node]) -> None:
        """Nodes report every few seconds; only what a record could show of them matters."""
        if _shown(change.old) != _shown(change.new):
            for service in self.services.by("node addresses", "yes"):
                self._on_change(_name_of(service))
        if self._node_is_source:
            self._tell(change)

    def _gateway_changed(self, change: Change[Gateway]) -> None:
        for gateway in filter(None, (change.new or change.old,)):
            self._wake_routes("gateway", f"{gateway.metadata.namespace}/{gateway.metadata.name}")

    def _namespace_changed(self, change: Change[Namespace]) -> None:
        """Gateways choose namespaces by their labels."""
        old, new = (found.metadata.labels if found else {} for found in (change.old, change.new))
        for namespace in filter(None, (change.new or change.old,)):
            if old != new:
                self._wake_routes("namespace", namespace.metadata.name)

    def _wake_routes(self, index: str, value: str) -> None:
        for cache in (self.http_routes, self.grpc_routes):
            for route in cache.by(index, value):
                self._on_change(_name_of(route))


def _name_of(obj: KubeObject) -> Object:
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

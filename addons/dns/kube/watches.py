"""The watched objects, and which of them has to be looked at again when something changes."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from addons.dns.kube.caches import Cache
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
    Pod,
    Service,
)
from addons.dns.names import SERVICE_NAME_LABEL
from addons.runtime.kube import KubeClient
from addons.runtime.objects import PODS, KubeObject, Resource
from addons.runtime.reflector import Reflector
from addons.runtime.store import Change, Indexer

O = TypeVar("O", bound=KubeObject)  # noqa: E741

Object = tuple[str, str, str]
"""Kind, namespace and name of an object that may ask for names."""


_SWARM_SECONDS = 0.1
"""Pods and slices change in swarms: a Service is looked at again once for so long, not once for each."""


class Watches:
    """What the API server says, kept up to date; `on_change` hears which object to look at again.

    Only what the sources need is watched: without the source service, neither Services nor slices. Pods are
    watched from the start when they are a source; else once somebody asks to `know_pods`.
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
        self._begin: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]] | None = None
        self._telling: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._swarm: set[Object] = set()
        self._pods_told = asyncio.Event()
        self._pods_told.set()
        chosen = frozenset(sources)
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
        indexers: Mapping[str, Indexer[O]] | None = None,
        on_change: Callable[[Change[O]], None] | None = None,
        transform: Callable[[O], O | None] | None = None,
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
            transform=transform,
        )
        self._reflectors[resource.plural] = reflector
        return Cache(reflector)

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep all caches up to date until `stopping`."""
        async with asyncio.TaskGroup() as group:
            self._begin = group.create_task
            self._stopping = stopping
            for reflector in self._reflectors.values():
                group.create_task(reflector.run(stopping))
            await stopping.wait()
            self._begin = None
            if self._telling:
                self._telling.cancel()

    def know_pods(self) -> bool:
        """Have pods watched from now on; True once they are known, or cannot be read.

        `on_change` then hears of every Service that they matter to.
        """
        if str(PODS) not in self._reflectors and self._begin:
            self.pods = self._watch_pods(wanted=True)
            self._pods_told.clear()
            self._begin(self._reflectors[str(PODS)].run(self._stopping))
            self._telling = self._begin(self._tell_of_pods())
        reflector = self._reflectors.get(str(PODS))
        return reflector is not None and reflector.answered

    def pods_behind(self, slices: Iterable[EndpointSlice]) -> Mapping[str, Pod] | None:
        """The pods that the slices of one Service list, by name; None when pods cannot be read."""
        reflector = self._reflectors.get(str(PODS))
        if reflector is None or not reflector.synced:
            return None
        listed = {name for piece in slices for name in pods_of(piece)}
        found = (self.pods.get(namespace, name) for namespace, name in listed)
        return {pod.metadata.name: pod for pod in found if pod}

    async def wait_settled(self) -> None:
        """Return once every cache has been filled, or refused by the server, and `on_change` heard of it."""
        for reflector in tuple(self._reflectors.values()):
            await reflector.wait_answered()
        await self._pods_told.wait()

    @property
    def is_settled(self) -> bool:
        """True when every cache has been filled, or refused: no right to it, or no such resource."""
        return all(reflector.answered for reflector in self._reflectors.values())

    def not_ready(self) -> str:
        """Which caches are empty or out of date, in words; empty when all are good."""
        return ", ".join(f"{what} {fault}" for what, fault in self.faults().items())

    def stale(self) -> str:
        """Which caches were read once and have not been heard of for too long, in words."""
        late = (
            (what, cache) for what, cache in self._reflectors.items() if cache.synced and not cache.is_fresh()
        )
        return ", ".join(f"{what} not heard of for {cache.staleness():.0f} s" for what, cache in late)

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
        if not self._pods_told.is_set():
            faults.setdefault(str(PODS), "read just now")
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
        if self._pod_is_source:
            sources.append(self.pods)
        for cache in sources:
            yield from map(_name_of, cache.all())

    def _tell(self, change: Change[Any]) -> None:
        for obj in filter(None, (change.new or change.old,)):
            self._on_change(_name_of(obj))

    def _slice_changed(self, change: Change[EndpointSlice]) -> None:
        for key in {key for piece in (change.old, change.new) if piece for key in _service_of(piece)}:
            namespace, _, name = key.partition("/")
            self._tell_soon(("Service", namespace, name))

    def _pod_changed(self, change: Change[Pod]) -> None:
        if shown(change.old) == shown(change.new):
            return
        if self._pod_is_source:
            self._tell(change)
        for pod in filter(None, (change.new or change.old,)):
            for piece in self.slices.by("pod", f"{pod.metadata.namespace}/{pod.metadata.name}"):
                self._slice_changed(Change(None, piece))

    async def _tell_of_pods(self) -> None:
        await self._reflectors[str(PODS)].wait_answered()
        for service in self.services.by("node addresses", "yes"):
            self._on_change(_name_of(service))
        self._pods_told.set()

    def _tell_soon(self, obj: Object) -> None:
        if not self._swarm:
            asyncio.get_running_loop().call_later(_SWARM_SECONDS, self._tell_swarm)
        self._swarm.add(obj)

    def _tell_swarm(self) -> None:
        swarm, self._swarm = self._swarm, set()
        for obj in sorted(swarm):
            self._on_change(obj)

    def _node_changed(self, change: Change[Node]) -> None:
        """Nodes report every few seconds; only what a record could show of them matters."""
        if _shown(change.old) != _shown(change.new):
            for service in self.services.by("node addresses", "yes"):
                self._on_change(_name_of(service))
            for node in filter(None, (change.new or change.old,)):
                for pod in self.pods.by("node", node.metadata.name) if self._pod_is_source else ():
                    self._on_change(_name_of(pod))
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

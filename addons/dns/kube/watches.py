"""The watched objects: Services with their EndpointSlices and the Nodes, and Ingresses."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from addons.dns.names import SERVICE_NAME_LABEL
from addons.runtime.kube import KubeClient
from addons.runtime.objects import (
    ENDPOINT_SLICES,
    INGRESSES,
    NODES,
    SERVICES,
    EndpointSlice,
    Ingress,
    Node,
    Service,
)
from addons.runtime.reflector import Reflector
from addons.runtime.store import Change

Object = tuple[str, str, str]
"""Kind, namespace and name of a Service or Ingress."""


class Watches:
    """What the API server says, kept up to date; `on_change` hears which Service or Ingress to look at again.

    Only what the sources need is watched: without the source service, neither slices nor nodes.
    """

    def __init__(
        self,
        kube: KubeClient,
        *,
        sources: Iterable[str],
        namespace: str,
        with_nodes: bool,
        on_change: Callable[[Object], None],
    ) -> None:
        self._on_change = on_change
        self._services: Reflector[Service] | None = None
        self._slices: Reflector[EndpointSlice] | None = None
        self._nodes: Reflector[Node] | None = None
        self._ingresses: Reflector[Ingress] | None = None
        if "service" in sources:
            self._services = Reflector(
                kube,
                SERVICES,
                Service,
                namespace=namespace,
                indexers={"type": lambda service: [service.spec.type]},
                on_change=lambda change: self._tell(change),
            )
            self._slices = Reflector(
                kube,
                ENDPOINT_SLICES,
                EndpointSlice,
                namespace=namespace,
                indexers={"service": _service_of},
                on_change=self._slice_changed,
            )
            if with_nodes:
                self._nodes = Reflector(kube, NODES, Node, on_change=self._node_changed)
        if "ingress" in sources:
            self._ingresses = Reflector(
                kube, INGRESSES, Ingress, namespace=namespace, on_change=lambda change: self._tell(change)
            )

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep all caches up to date until `stopping`."""
        async with asyncio.TaskGroup() as group:
            for reflector in self._all().values():
                group.create_task(reflector.run(stopping))

    async def wait_synced(self) -> None:
        """Return once every cache has been filled."""
        for reflector in self._all().values():
            await reflector.wait_synced()

    def not_ready(self) -> str:
        """Which caches are empty or out of date, in words; empty when all are good."""
        faults = []
        for what, reflector in self._all().items():
            if not reflector.synced:
                faults.append(f"{what} not read yet")
            elif not reflector.is_fresh():
                faults.append(f"{what} not heard of for {reflector.staleness():.0f} s")
        return ", ".join(faults)

    def objects(self) -> Iterator[Object]:
        """Every Service and Ingress there is."""
        for kind, reflector in (("Service", self._services), ("Ingress", self._ingresses)):
            for obj in reflector.store.all() if reflector else ():
                yield kind, obj.metadata.namespace, obj.metadata.name

    def service(self, namespace: str, name: str) -> Service | None:
        """One Service."""
        return self._services.store.get(namespace, name) if self._services else None

    def ingress(self, namespace: str, name: str) -> Ingress | None:
        """One Ingress."""
        return self._ingresses.store.get(namespace, name) if self._ingresses else None

    def slices(self, namespace: str, name: str) -> Sequence[EndpointSlice]:
        """The EndpointSlices of one Service."""
        return self._slices.store.by("service", f"{namespace}/{name}") if self._slices else ()

    def nodes(self) -> Iterable[Node]:
        """All nodes; none when no Service could need them."""
        return self._nodes.store.all() if self._nodes else ()

    def _all(self) -> dict[str, Reflector[Any]]:
        candidates: dict[str, Reflector[Any] | None] = {
            "services": self._services,
            "endpoint slices": self._slices,
            "nodes": self._nodes,
            "ingresses": self._ingresses,
        }
        return {what: reflector for what, reflector in candidates.items() if reflector is not None}

    def _tell(self, change: Change[Service] | Change[Ingress]) -> None:
        obj = change.new or change.old
        if obj is not None:
            self._on_change((obj.resource.kind, obj.metadata.namespace, obj.metadata.name))

    def _slice_changed(self, change: Change[EndpointSlice]) -> None:
        for key in {key for piece in (change.old, change.new) if piece for key in _service_of(piece)}:
            namespace, _, name = key.partition("/")
            self._on_change(("Service", namespace, name))

    def _node_changed(self, change: Change[Node]) -> None:
        """Nodes report every few seconds; only what a record could show of them matters."""
        if _shown(change.old) != _shown(change.new) and self._services:
            for service in self._services.store.by("type", "NodePort"):
                self._on_change(("Service", service.metadata.namespace, service.metadata.name))


def _service_of(piece: EndpointSlice) -> list[str]:
    name = piece.metadata.labels.get(SERVICE_NAME_LABEL)
    return [f"{piece.metadata.namespace}/{name}"] if name else []


def _shown(node: Node | None) -> object:
    return node and (node.spec.unschedulable, node.status.addresses)

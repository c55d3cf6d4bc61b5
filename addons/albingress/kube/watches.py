"""What is watched of the API server: Ingresses and all that says how they are served."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

from msgspec.structs import replace

from addons.albingress.kube.endpoints import Touched
from addons.albingress.kube.pods import trim
from addons.albingress.kube.secrets import SecretWatches
from addons.albingress.model.bindings import TargetGroupBinding
from addons.albingress.model.objects import (
    ENDPOINT_SLICES,
    INGRESS_CLASS_PARAMS,
    INGRESS_CLASSES,
    INGRESSES,
    NAMESPACES,
    NODES,
    SECRETS,
    SERVICES,
    TARGET_GROUP_BINDINGS,
    EndpointSlice,
    Ingress,
    IngressClass,
    IngressClassParams,
    Namespace,
    Node,
    Pod,
    Service,
)
from addons.albingress.names import SERVICE_NAME_LABEL
from addons.runtime.kube import KubeClient
from addons.runtime.objects import PODS, Key, KubeObject, Resource
from addons.runtime.outcomes import Fault
from addons.runtime.store import Change, Indexer
from addons.runtime.unread_objects import stand_in
from addons.runtime.watches import Cache, Watches

O = TypeVar("O", bound=KubeObject)  # noqa: E741

_WRITTEN_BY_PEOPLE = frozenset({INGRESSES, SERVICES, INGRESS_CLASS_PARAMS, TARGET_GROUP_BINDINGS})
"""What may be written so that it cannot be read: it is there all the same, and keeps what it has."""

_MAY_BE_MISSING = frozenset({INGRESS_CLASS_PARAMS, TARGET_GROUP_BINDINGS})
"""Resources of definitions that nobody needs who does not use them."""


class IngressWatches:
    """The caches of Ingresses and of what their groups and target groups are made from.

    `on_change` is called for each object that came, went, or says something else than before. Ingresses,
    Services and their like are those of `namespace`, or of all where it is empty.
    """

    def __init__(self, kube: KubeClient, *, namespace: str, on_change: Callable[[Touched], None]) -> None:
        self._watches = Watches(kube)
        self._namespace = namespace
        self._on_change = on_change
        self.ingresses = self._add(INGRESSES, Ingress)
        self.services = self._add(SERVICES, Service)
        self.bindings = self._add(TARGET_GROUP_BINDINGS, TargetGroupBinding)
        self.classes = self._add(INGRESS_CLASSES, IngressClass)
        self.params = self._add(INGRESS_CLASS_PARAMS, IngressClassParams)
        self.namespaces = self._add(NAMESPACES, Namespace)

    def _add(
        self,
        resource: Resource,
        type_: type[O],
        *,
        indexers: Mapping[str, Indexer[O]] = {},
        transform: Callable[[O], O | None] | None = None,
    ) -> Cache[O]:
        return self._watches.add(
            resource,
            type_,
            namespace=self._namespace if resource.namespaced else "",
            indexers=indexers,
            on_change=self._changed,
            transform=transform,
            stand_in=partial(stand_in, type_) if resource in _WRITTEN_BY_PEOPLE else None,
            may_be_missing=resource in _MAY_BE_MISSING,
        )

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep all caches up to date until `stopping`."""
        await self._watches.run(stopping)

    def _changed(self, change: Change[Any]) -> None:
        obj = change.new or change.old
        if obj is not None and _said(change.old) != _said(change.new):
            self._on_change((obj.resource, obj.metadata.namespace, obj.metadata.name))

    async def wait_settled(self) -> None:
        """Return once every cache has been filled, or refused by the server."""
        await self._watches.wait_settled()

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

    def unread(self) -> dict[str, str]:
        """What is wrong with the caches that are empty or out of date, by resource."""
        return self._watches.faults()

    def faults(self) -> Iterator[Fault]:
        """What the API server refuses, or has told nothing of for too long."""
        yield from self._watches.unreadable()

    @property
    def is_filled(self) -> bool:
        """True once all was read whole that there is: then a group is known with all its members."""
        needed = (self.ingresses, self.services, self.classes, self.namespaces)
        optional = (self.bindings, self.params)
        return all(each.is_synced for each in needed) and all(each.is_answered for each in optional)


class AlbWatches(IngressWatches):
    """With what targets are made from, and the Secrets that are named."""

    def __init__(self, kube: KubeClient, *, namespace: str, on_change: Callable[[Touched], None]) -> None:
        super().__init__(kube, namespace=namespace, on_change=on_change)
        indexers: Mapping[str, Indexer[EndpointSlice]] = {"service": _service_of, "pod": _pods_of}
        self.slices = self._add(ENDPOINT_SLICES, EndpointSlice, indexers=indexers)
        self.pods = self._add(PODS, Pod, transform=trim)
        self.nodes = self._add(NODES, Node)
        self.secrets = SecretWatches(kube, self._secret_changed)

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep all caches up to date until `stopping`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(super().run(stopping))
            group.create_task(self.secrets.run(stopping))

    def faults(self) -> Iterator[Fault]:
        """What cannot be read, or is out of date."""
        yield from super().faults()
        yield from self.secrets.faults()

    def _secret_changed(self, key: Key) -> None:
        self._on_change((SECRETS, *key))


def _said(obj: KubeObject | None) -> KubeObject | None:
    """An object without its version: most new versions of nodes and pods say nothing new to us."""
    return obj and replace(obj, metadata=replace(obj.metadata, resource_version="", generation=0))


def _service_of(piece: EndpointSlice) -> list[str]:
    name = piece.metadata.labels.get(SERVICE_NAME_LABEL)
    return [f"{piece.metadata.namespace}/{name}"] if name else []


def _pods_of(piece: EndpointSlice) -> Iterable[str]:
    for endpoint in piece.endpoints:
        if endpoint.target_ref and endpoint.target_ref.kind == "Pod":
            yield f"{piece.metadata.namespace}/{endpoint.target_ref.name}"

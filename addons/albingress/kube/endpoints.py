"""What the API server has behind a Service, and which Services an object that changed is behind."""

from collections.abc import Iterable, Iterator

from addons.albingress.model.backends import Backends
from addons.albingress.model.objects import ENDPOINT_SLICES, SERVICES, EndpointSlice, Node, Pod, Service
from addons.albingress.names import SERVICE_NAME_LABEL
from addons.runtime.objects import PODS, Key, Resource
from addons.runtime.watches import Cache

Touched = tuple[Resource, str, str]
"""Which object changed: its resource, namespace and name."""


class Endpoints:
    """Reads the caches of Services, slices, pods and nodes.

    Slices are to be found by the index "service", as `namespace/name`, and by "pod".
    """

    def __init__(
        self,
        *,
        services: Cache[Service],
        slices: Cache[EndpointSlice],
        pods: Cache[Pod],
        nodes: Cache[Node],
    ) -> None:
        self._services = services
        self._slices = slices
        self._pods = pods
        self._nodes = nodes
        self._last_services: dict[str, tuple[str, ...]] = {}

    @property
    def is_known(self) -> bool:
        """True once all of it was read: what is missing is not there."""
        return all(cache.is_synced for cache in (self._services, self._slices, self._pods, self._nodes))

    def behind(self, namespace: str, service: str) -> Backends:
        """What there is behind a Service."""
        slices = tuple(self._slices.by("service", f"{namespace}/{service}"))
        return Backends(
            service=self._services.get(namespace, service),
            slices=slices,
            pods=dict(self._pods_of(slices)),
            nodes={node.metadata.name: node for node in self._nodes.all()},
        )

    def pod(self, namespace: str, name: str) -> Pod | None:
        """One pod."""
        return self._pods.get(namespace, name)

    def pods(self) -> Iterable[Pod]:
        """Every pod."""
        return tuple(self._pods.all())

    def services_before(self, touched: Touched) -> Iterator[Key]:
        """The Services in front of an object that changed. A slice counts for the one that it was of, too."""
        resource, namespace, name = touched
        if resource == SERVICES:
            yield namespace, name
        elif resource == ENDPOINT_SLICES:
            yield from self._services_of(namespace, name)
        elif resource == PODS:
            for piece in self._slices.by("pod", f"{namespace}/{name}"):
                yield from _service_of(piece)

    def _services_of(self, namespace: str, name: str) -> Iterator[Key]:
        piece, called = self._slices.get(namespace, name), f"{namespace}/{name}"
        yield from ((namespace, service) for service in self._last_services.pop(called, ()))
        if piece:
            services = list(_service_of(piece))
            self._last_services[called] = tuple(service for _, service in services)
            yield from services

    def _pods_of(self, slices: Iterable[EndpointSlice]) -> Iterator[tuple[Key, Pod]]:
        for piece in slices:
            for endpoint in piece.endpoints:
                reference = endpoint.target_ref
                if reference and reference.kind == "Pod":
                    which = (piece.metadata.namespace, reference.name)
                    if pod := self._pods.get(*which):
                        yield which, pod


def _service_of(piece: EndpointSlice) -> Iterator[Key]:
    if name := piece.metadata.labels.get(SERVICE_NAME_LABEL):
        yield piece.metadata.namespace, name

"""The objects that ownership texts name, and that are not watched."""

from typing import Any, Final

from addons.dns.kube.watches import SourceWatches
from addons.dns.model.dns_endpoints import DNS_ENDPOINTS, DnsEndpoint
from addons.dns.model.gateway import GRPC_ROUTES, HTTP_ROUTES, GrpcRoute, HttpRoute
from addons.dns.model.objects import INGRESSES, NODES, SERVICES, Ingress, Node, ObjectKey, Pod, Service
from addons.runtime.errors import NotFound
from addons.runtime.kube import KubeClient
from addons.runtime.objects import PODS, KubeObject, Resource

_KINDS: Final[dict[str, tuple[Resource, type[Any]]]] = {
    "Service": (SERVICES, Service),
    "Ingress": (INGRESSES, Ingress),
    "Pod": (PODS, Pod),
    "Node": (NODES, Node),
    "DNSEndpoint": (DNS_ENDPOINTS, DnsEndpoint),
    "HTTPRoute": (HTTP_ROUTES, HttpRoute),
    "GRPCRoute": (GRPC_ROUTES, GrpcRoute),
}


class Owners:
    """Finds single objects that are not watched by asking the API server."""

    def __init__(self, kube: KubeClient, watches: SourceWatches) -> None:
        self._kube = kube
        self._watches = watches

    async def find(self, key: ObjectKey) -> KubeObject | None:
        """The object; None when there is none. Raises an OutsideError when that cannot be found out.

        It is listed by its name: whoever may watch a resource may list it, but not get it.
        """
        kind, namespace, name = key
        resource, type_ = _KINDS[kind]
        try:
            found = await self._kube.list(
                resource,
                self._watches.read_as(resource, type_),
                namespace=namespace,
                field_selector=f"metadata.name={name}",
            )
        except NotFound:
            return None
        return found[0] if found else None

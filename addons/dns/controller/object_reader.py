"""What one object asks for, read together with the objects that it refers to."""

from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_crd import crd_endpoints
from addons.dns.desired.source_gateway import route_endpoints
from addons.dns.desired.source_ingress import ingress_endpoints
from addons.dns.desired.source_node import node_endpoints
from addons.dns.desired.source_pod import pod_endpoints
from addons.dns.desired.source_service import service_endpoints
from addons.dns.kube.watches import SourceWatches
from addons.dns.model.dns_endpoints import DnsEndpoint
from addons.dns.model.endpoint import Desired
from addons.dns.model.gateway import Route, gateway_key
from addons.dns.model.objects import Ingress, Node, Pod, Service
from addons.runtime.objects import KubeObject


class ObjectReader:
    """Reads objects by their source, with what is watched of slices, pods, nodes, Gateways and namespaces."""

    def __init__(self, watches: SourceWatches) -> None:
        self._watches = watches

    def read(self, obj: KubeObject, settings: SourceSettings) -> Desired:
        """What the object asks for by these settings."""
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

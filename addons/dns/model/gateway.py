"""The parts of the Gateway API that say which routes are served under which names, and where."""

from collections.abc import Mapping
from typing import ClassVar

from msgspec import field

from addons.runtime.objects import Condition, KubeObject, Part, Resource

GROUP = "gateway.networking.k8s.io"

GATEWAYS = Resource(GROUP, "v1", "gateways", "Gateway")
HTTP_ROUTES = Resource(GROUP, "v1", "httproutes", "HTTPRoute")
GRPC_ROUTES = Resource(GROUP, "v1", "grpcroutes", "GRPCRoute")


class LabelSelectorRequirement(Part, frozen=True):
    """One expression of a label selector: In, NotIn, Exists or DoesNotExist."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class LabelSelector(Part, frozen=True):
    """All of these labels and expressions; an empty one selects everything."""

    match_labels: Mapping[str, str] = {}
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


class RouteNamespaces(Part, frozen=True):
    """The namespaces that routes may come from: All, Same, None, or those that the selector selects."""

    from_: str = field(default="Same", name="from")
    selector: LabelSelector = LabelSelector()


class RouteKind(Part, frozen=True):
    """A kind of route that a listener takes."""

    kind: str = ""
    group: str = GROUP


class AllowedRoutes(Part, frozen=True):
    """The routes that a listener takes; without kinds, those that its protocol suits."""

    namespaces: RouteNamespaces = RouteNamespaces()
    kinds: tuple[RouteKind, ...] = ()


class Listener(Part, frozen=True):
    """One port of a Gateway; an empty host name stands for every host."""

    name: str = ""
    hostname: str = ""
    port: int = 0
    protocol: str = ""
    allowed_routes: AllowedRoutes = AllowedRoutes()


class GatewaySpec(Part, frozen=True):
    """What a Gateway listens to."""

    listeners: tuple[Listener, ...] = ()


class GatewayAddress(Part, frozen=True):
    """An address or a host name under which a Gateway is reached."""

    value: str = ""


class GatewayStatus(Part, frozen=True):
    """Where a Gateway is reached; empty until a controller has served it."""

    addresses: tuple[GatewayAddress, ...] = ()


class Gateway(KubeObject, frozen=True):
    """A way into the cluster that routes attach to."""

    resource: ClassVar[Resource] = GATEWAYS
    spec: GatewaySpec = GatewaySpec()
    status: GatewayStatus = GatewayStatus()


class ParentReference(Part, frozen=True):
    """What a route attaches to: a Gateway, or one listener of it. The namespace is the route's by default."""

    name: str = ""
    namespace: str = ""
    kind: str = "Gateway"
    group: str = GROUP
    section_name: str = ""
    port: int = 0


class RouteParent(Part, frozen=True):
    """What a Gateway's controller says about one attachment."""

    parent_ref: ParentReference = ParentReference()
    conditions: tuple[Condition, ...] = ()

    @property
    def is_accepted(self) -> bool:
        """True when the Gateway has taken the route."""
        return any(found.type == "Accepted" and found.status == "True" for found in self.conditions)


class RouteSpec(Part, frozen=True):
    """Where a route attaches and the host names it is for."""

    parent_refs: tuple[ParentReference, ...] = ()
    hostnames: tuple[str, ...] = ()


class RouteStatus(Part, frozen=True):
    """What became of each attachment."""

    parents: tuple[RouteParent, ...] = ()


class Route(KubeObject, frozen=True):
    """A route of any kind that has host names."""

    spec: RouteSpec = RouteSpec()
    status: RouteStatus = RouteStatus()


class HttpRoute(Route, frozen=True):
    """Rules for HTTP requests."""

    resource: ClassVar[Resource] = HTTP_ROUTES


class GrpcRoute(Route, frozen=True):
    """Rules for gRPC calls."""

    resource: ClassVar[Resource] = GRPC_ROUTES


def gateway_key(parent: ParentReference, route_namespace: str) -> tuple[str, str] | None:
    """Namespace and name of the Gateway that a reference means; None when it means something else."""
    if (parent.group, parent.kind) != (GROUP, "Gateway"):
        return None
    return parent.namespace or route_namespace, parent.name

"""Which listeners of a Gateway a route is attached to. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from addons.dns.model.gateway import (
    Gateway,
    LabelSelector,
    Listener,
    ParentReference,
    Requirement,
    Route,
    RouteNamespaces,
)

_PROTOCOLS: Final = ("HTTP", "HTTPS")
"""What HTTPRoutes and GRPCRoutes go through."""


def listeners_of(
    gateway: Gateway, parent: ParentReference, route: Route, labels: Mapping[str, str]
) -> Iterator[Listener]:
    """The listeners that `parent` means and that take the route; `labels` are those of its namespace."""
    for listener in gateway.spec.listeners:
        if (
            parent.section_name in ("", listener.name)
            and parent.port in (0, listener.port)
            and listener.protocol in _PROTOCOLS
            and _takes_kind(listener, route)
            and _takes_namespace(listener.allowed_routes.namespaces, gateway, route, labels)
        ):
            yield listener


def _takes_kind(listener: Listener, route: Route) -> bool:
    resource = route.resource
    kinds = {(allowed.group, allowed.kind) for allowed in listener.allowed_routes.kinds}
    return not kinds or (resource.group, resource.kind) in kinds


def _takes_namespace(
    allowed: RouteNamespaces, gateway: Gateway, route: Route, labels: Mapping[str, str]
) -> bool:
    match allowed.from_:
        case "All":
            return True
        case "Same":
            return gateway.metadata.namespace == route.metadata.namespace
        case "Selector":
            return _selects(allowed.selector, labels)
        case _:
            return False


def _selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    return selector.match_labels.items() <= labels.items() and all(
        _meets(labels, requirement) for requirement in selector.match_expressions
    )


def _meets(labels: Mapping[str, str], requirement: Requirement) -> bool:
    key, values = requirement.key, requirement.values
    match requirement.operator:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False

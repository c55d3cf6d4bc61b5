"""The sources `gateway-httproute` and `gateway-grpcroute`: routes under the names a Gateway serves. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from addons.dns import names
from addons.dns.desired.annotations import (
    Annotations,
    checked_hostname,
    read_annotations,
    read_hostname_source,
    read_targets,
)
from addons.dns.desired.endpoints import NamedTargets, make_endpoints
from addons.dns.desired.fqdn_template import add_template_names
from addons.dns.desired.settings import SourceSettings
from addons.dns.model.endpoint import Desired, source_object
from addons.dns.model.gateway import (
    Gateway,
    LabelSelector,
    LabelSelectorRequirement,
    Listener,
    ParentReference,
    Route,
    RouteNamespaces,
    gateway_key,
)
from addons.runtime.objects import Key, ref
from addons.runtime.outcomes import Problem

_PROTOCOLS: Final = ("HTTP", "HTTPS")
"""What HTTPRoutes and GRPCRoutes go through."""

_ANY: Final = ""
"""The host name of a listener, or of a route, that leaves the choice to the other one."""


def route_endpoints(
    route: Route, gateways: Mapping[Key, Gateway], labels: Mapping[str, str], settings: SourceSettings
) -> Desired:
    """Every host name that the route and a listener of its Gateway have in common.

    `gateways` are those that the route names and that exist; `labels` those of its namespace, by which
    Gateways choose. Names lead to the Gateway's addresses, or to what its `target` annotation says. While the
    Gateway is away, has not accepted the route, or has no listener for a name, that has no targets.
    """
    if (annotations := read_annotations(route, settings)) is None:
        return Desired()
    problems: list[Problem] = []
    counting = read_hostname_source(route, names.GATEWAY_HOSTNAME_SOURCE, settings, problems)
    hosts, annotations = _hosts(route, annotations, counting, settings, problems)
    problems += annotations.problems
    named = list(_named_targets(route, hosts, gateways, labels, settings, problems))
    if counting is None:
        named = [(name, None) for name, _ in named]
    desired = make_endpoints(
        route, [item for item in named if item[0] != _ANY], annotations, settings, problems=problems
    )
    if any(name == _ANY for name, _ in named):
        return replace(desired, unreadable=source_object(route))
    return desired


def _hosts(
    route: Route,
    annotations: Annotations,
    counting: str | None,
    settings: SourceSettings,
    problems: list[Problem],
) -> tuple[list[str], Annotations]:
    """The host names of the route; `_ANY` when it has none, so that the listeners decide."""
    defined: list[str] = []
    if counting != names.ANNOTATION_ONLY:
        hosts = (
            checked_hostname(ref(route), "spec.hostnames", host, problems) for host in route.spec.hostnames
        )
        defined = [name for name in hosts if name is not None]
    if counting == names.DEFINED_HOSTS_ONLY:
        annotations = replace(annotations, hostnames=())
    annotations = add_template_names(route, annotations, settings, has_names=bool(defined))
    found = list(dict.fromkeys((*defined, *annotations.hostnames)))
    is_open = not route.spec.hostnames and counting != names.ANNOTATION_ONLY
    return found or ([_ANY] if is_open else []), annotations


def _named_targets(
    route: Route,
    hosts: list[str],
    gateways: Mapping[Key, Gateway],
    labels: Mapping[str, str],
    settings: SourceSettings,
    problems: list[Problem],
) -> Iterator[NamedTargets]:
    """The names under which the route is, or is to be, reached through each of its Gateways.

    `_ANY` stands for those of a Gateway that is away, or cannot be read, where the route leaves the choice
    to it.
    """
    accepted = {_meaning(parent.parent_ref, route) for parent in route.status.parents if parent.is_accepted}
    for parent in route.spec.parent_refs:
        key = gateway_key(parent, route.metadata.namespace)
        if key is None or settings.gateway_namespace not in ("", key[0]):
            continue
        gateway = gateways.get(key)
        if gateway is None:
            if settings.gateway_name in ("", parent.name):
                yield from ((host, ()) for host in hosts)
        elif _counts(gateway, settings):
            is_accepted = _meaning(parent, route) in accepted
            targets = _targets(gateway, settings, problems) if is_accepted else ()
            served = [_served(one, gateway, problems) for one in _listeners(gateway, parent, route, labels)]
            for host in hosts:
                found = [name for one in served if one is not None and (name := common_name(one, host))]
                yield from ((name, targets) for name in found)
                if not found and (host or None in served):
                    yield host, ()


def _meaning(parent: ParentReference, route: Route) -> tuple[Key | None, str, int]:
    """A reference with its defaults filled in, so that it is known again in the status."""
    return gateway_key(parent, route.metadata.namespace), parent.section_name, parent.port


def _counts(gateway: Gateway, settings: SourceSettings) -> bool:
    is_named = settings.gateway_name in ("", gateway.metadata.name)
    return is_named and settings.gateways.matches(gateway.metadata.labels)


def _targets(gateway: Gateway, settings: SourceSettings, problems: list[Problem]) -> tuple[str, ...] | None:
    found = (address.value.removesuffix(".") for address in gateway.status.addresses)
    targets = read_targets(gateway, settings, problems)
    return tuple(address for address in found if address) if targets == () else targets


def _listeners(
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


def _meets(labels: Mapping[str, str], requirement: LabelSelectorRequirement) -> bool:
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


def _served(listener: Listener, gateway: Gateway, problems: list[Problem]) -> str | None:
    """The canonical host name of a listener, `_ANY` for all; None where it makes no sense."""
    if not listener.hostname:
        return _ANY
    return checked_hostname(ref(gateway), f"listener {listener.name}", listener.hostname, problems)


def common_name(one: str, other: str) -> str:
    """The narrower of two host names where one covers the other, else the empty text.

    A wildcard covers names below it at any depth, wildcards too; the empty text covers everything.
    """
    if _covers(one, other):
        return other
    return one if _covers(other, one) else ""


def _covers(pattern: str, name: str) -> bool:
    if pattern in (_ANY, name):
        return True
    return pattern.startswith("*.") and name.endswith(pattern[1:])

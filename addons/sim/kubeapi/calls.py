"""What a request asks for: verb, resource, namespace, name and subresource, read from its path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from addons.sim.kubeapi.resources import Resource, Resources
from addons.sim.kubeapi.status import method_not_allowed, no_such_resource

_COLLECTION_VERBS = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
_OBJECT_VERBS = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "POST": "create"}
_NAMESPACE_SUBRESOURCES = ("status", "finalize")


@dataclass(frozen=True, slots=True)
class User:
    """Who a token belongs to."""

    name: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One request, understood. `resource` is None for paths that are no resource, such as /version."""

    verb: str
    path: str
    resource: Resource | None = None
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    proxied: str = ""
    """What stands behind `proxy/`."""

    @property
    def target(self) -> Resource:
        """The resource of a call that has one."""
        if self.resource is None:
            raise no_such_resource()
        return self.resource

    @property
    def dry_run(self) -> bool:
        """Whether nothing shall be kept of this write."""
        return self.query.get("dryRun") == "All"

    def flag(self, name: str) -> bool:
        """A boolean query parameter."""
        return self.query.get(name, "") in ("1", "true", "True")


@dataclass(slots=True)
class Request:
    """One entry of the recorder; `status` is 0 until the reply has begun."""

    user: str
    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str
    name: str
    path: str
    status: int = 0


def read_call(resources: Resources, method: str, path: str, query: Mapping[str, str]) -> Call:
    """The call behind a path; StatusError 404 or 405 when the path names a resource badly."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"] and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return Call(method.lower(), path, query=query)
    if version not in resources.versions(group):
        return Call(method.lower(), path, query=query)
    return _resource_call(resources, group, version, rest, method, path, query)


def _resource_call(
    resources: Resources,
    group: str,
    version: str,
    rest: list[str],
    method: str,
    path: str,
    query: Mapping[str, str],
) -> Call:
    namespace = ""
    if (
        rest[0] == "namespaces"
        and len(rest) > 2
        and not (len(rest) == 3 and rest[2] in _NAMESPACE_SUBRESOURCES)
    ):
        namespace, rest = rest[1], rest[2:]
    resource = resources.find(group, version, rest[0])
    name, subresource = [*rest[1:3], "", ""][:2]
    proxied = "/".join(rest[3:]) if subresource == "proxy" else ""
    if (
        resource is None
        or (len(rest) > 3 and not proxied)
        or (subresource and subresource not in resource.subresources)
    ):
        raise no_such_resource()
    if (namespace and not resource.namespaced) or (name and resource.namespaced and not namespace):
        raise no_such_resource()
    verb = (_OBJECT_VERBS if name else _COLLECTION_VERBS).get(method, "")
    if verb == "list" and query.get("watch", "") in ("1", "true"):
        verb = "watch"
    _check_method(resource, verb, namespace, name, subresource)
    return Call(verb, path, resource, namespace, name, subresource, query, proxied)


def _check_method(resource: Resource, verb: str, namespace: str, name: str, subresource: str) -> None:
    if not verb or (not subresource and verb not in resource.verbs):
        raise method_not_allowed()
    if verb == "create" and (bool(name) != bool(subresource) or (resource.namespaced and not namespace)):
        raise method_not_allowed()
    if verb == "deletecollection" and resource.namespaced and not namespace:
        raise method_not_allowed()

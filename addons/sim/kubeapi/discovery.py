"""What the server offers: version, groups, resources, and the OpenAPI that kubectl and Helm ask for."""

from __future__ import annotations

from aiohttp import web

from addons.sim.kubeapi.calls import Call
from addons.sim.kubeapi.resources import Object, Resource, Resources
from addons.sim.kubeapi.status import method_not_allowed
from addons.sim.kubeapi.tables import encode

VERSION: Object = {
    "major": "1",
    "minor": "37",
    "gitVersion": "v1.37.2",
    "gitCommit": "emulator",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "linux/amd64",
}
_SCALE = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
_SUBRESOURCES: dict[str, tuple[list[str], Object]] = {
    "status": (["get", "patch", "update"], {}),
    "scale": (["get", "patch", "update"], _SCALE),
    "binding": (["create"], {"kind": "Binding"}),
    "eviction": (["create"], {"group": "policy", "version": "v1", "kind": "Eviction"}),
    "proxy": (["create", "delete", "get", "patch", "update"], {"kind": "PodProxyOptions"}),
    "token": (["create"], {"group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest"}),
    "finalize": (["update"], {}),
}


def serve(call: Call, resources: Resources) -> web.Response:
    """The reply for a path that is no resource; 404 when it is nothing."""
    path = call.path.rstrip("/")
    if path in ("/healthz", "/livez", "/readyz"):
        return web.Response(text="ok")
    document = _document(path, resources)
    if document is None:
        return web.Response(status=404, text="404 page not found\n")
    if call.verb not in ("get", "head"):
        raise method_not_allowed()
    return web.Response(body=encode(document), content_type="application/json")


def _document(path: str, resources: Resources) -> Object | None:
    match path.split("/")[1:]:
        case ["version"]:
            return VERSION
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            groups = [_group(name, resources) for name in resources.groups()]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["apis", group] if resources.versions(group):
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, resources)}
        case ["api", version] if version in resources.versions(""):
            return _resource_list("", version, resources)
        case ["apis", group, version] if group and version in resources.versions(group):
            return _resource_list(group, version, resources)
        case ["openapi", "v3"]:
            paths = {_prefix(r).strip("/") for r in resources}
            return {"paths": {p: {"serverRelativeURL": f"/openapi/v3/{p}"} for p in sorted(paths)}}
        case ["openapi", "v3", *rest]:
            return _openapi("/" + "/".join(rest), resources)
    return None


def _group(name: str, resources: Resources) -> Object:
    versions = [{"groupVersion": f"{name}/{v}", "version": v} for v in resources.versions(name)]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _resource_list(group: str, version: str, resources: Resources) -> Object:
    served = [r for r in resources if (r.group, r.version) == (group, version)]
    group_version = served[0].api_version
    items = [item for resource in served for item in _resource_items(resource)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": items}


def _resource_items(resource: Resource) -> list[Object]:
    item: Object = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short:
        item["shortNames"] = list(resource.short)
    if resource.categories:
        item["categories"] = list(resource.categories)
    items = [item]
    for name in resource.subresources:
        verbs, kind = _SUBRESOURCES[name]
        common = {"name": f"{resource.plural}/{name}", "singularName": "", "namespaced": resource.namespaced}
        items.append(common | {"kind": resource.kind, "verbs": verbs} | kind)
    return items


def _prefix(resource: Resource) -> str:
    return f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"


def _openapi(prefix: str, resources: Resources) -> Object | None:
    """Operations of one group version: clients look up whether writes know field validation."""
    served = [r for r in resources if _prefix(r) == prefix]
    if not served:
        return None
    paths = {}
    for resource in served:
        space = "/namespaces/{namespace}" if resource.namespaced else ""
        collection = f"{prefix}{space}/{resource.plural}"
        paths[collection] = {"post": _operation(resource, "post")}
        paths[f"{collection}/{{name}}"] = {verb: _operation(resource, verb) for verb in ("patch", "put")}
    info = {"title": "Kubernetes", "version": VERSION["gitVersion"]}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}}


def _operation(resource: Resource, action: str) -> Object:
    names = ("dryRun", "fieldManager", "fieldValidation")
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    return {
        "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names],
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": kind,
    }

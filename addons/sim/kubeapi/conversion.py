"""One stored object, several faces: core and events.k8s.io Events, and the versions of a custom resource."""

from __future__ import annotations

from addons.sim.kubeapi.resources import Object, Resource, Resources

_EVENT_FIELDS = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_CORE_FIELDS = {core: new for new, core in _EVENT_FIELDS.items()} | {"reportingInstance": "reportingInstance"}


def stored_as(resource: Resource, resources: Resources) -> Resource:
    """The resource in whose form objects are stored."""
    if resource.storage is None:
        return resource
    return resources.named("v1", resource.storage[1])


def to_storage(resource: Resource, obj: Object) -> Object:
    """The object in its stored form."""
    if resource.group == "events.k8s.io":
        return {_EVENT_FIELDS.get(name, name): value for name, value in obj.items()} | {"apiVersion": "v1"}
    return obj


def from_storage(resource: Resource, obj: Object) -> Object:
    """A stored object in the form of `resource`."""
    if resource.group == "events.k8s.io":
        obj = {_CORE_FIELDS.get(name, name): value for name, value in obj.items()}
    obj["apiVersion"] = resource.api_version
    return obj

"""What all Kubernetes objects have in common: partial, frozen, decoded straight from the reply's bytes.

Each daemon declares the kinds that it reads in its own `model/objects.py`. A field that is not read is not
declared, so it costs neither time nor memory. The consequence: an object is never written back whole, only
merge-patched or applied.

The types do not provide for null: `decoding.decode` reads it as absent, which is what it means in this API.
"""

from collections.abc import Mapping
from datetime import datetime
from sys import intern
from types import MappingProxyType
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import force_setattr

from addons.runtime.outcomes import ObjectRef

Key = tuple[str, str]
"""Namespace and name; the namespace is empty for objects of the whole cluster."""


class Resource(Struct, frozen=True):
    """A kind of object and where the API server keeps it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """As in an object's `apiVersion`: "v1", "networking.k8s.io/v1"."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of one object, or of the collection when `name` is empty.

        Without a namespace the collection of a namespaced resource spans all namespaces.
        """
        parts = ["apis", self.group, self.version] if self.group else ["api", self.version]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/" + "/".join(parts)

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


PODS = Resource("", "v1", "pods", "Pod")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
EVENTS = Resource("events.k8s.io", "v1", "events", "Event")


_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_NONE: Mapping[str, str] = MappingProxyType({})


class Part(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, gc=False):
    """A piece of an object: camelCase outside, unknown fields ignored, absent fields at their default.

    What is frozen and made of texts, numbers and other parts can be in no cycle: the garbage collector need
    not look at it, which saves its time and 16 bytes for each.
    """


def keep_once(part: Part, *fields: str) -> None:
    """Have these texts share their memory with equal ones: for what thousands of objects say alike.

    For `__post_init__`, where a part may still be changed.
    """
    for field in fields:
        force_setattr(part, field, intern(getattr(part, field)))


class OwnerReference(Part, frozen=True):
    """An owner of the object; the one with `controller` set manages it."""

    kind: str = ""
    uid: str = ""
    controller: bool = False

    def __post_init__(self) -> None:
        """Keep once what all objects of an owner say alike."""
        keep_once(self, "uid")


class ObjectMeta(Part, frozen=True):
    """The metadata that every object has."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: Mapping[str, str] = _NONE
    annotations: Mapping[str, str] = _NONE
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    owner_references: tuple[OwnerReference, ...] = ()

    def __post_init__(self) -> None:
        """Keep once what thousands of objects say alike, and kubectl's copy of the object not at all."""
        keep_once(self, "namespace")
        if self.labels:
            force_setattr(self, "labels", {intern(key): intern(text) for key, text in self.labels.items()})
        if self.annotations:
            kept = {intern(key): text for key, text in self.annotations.items() if key != _LAST_APPLIED}
            force_setattr(self, "annotations", kept)

    @property
    def controller(self) -> OwnerReference | None:
        """The owner that manages the object, if any."""
        return next((owner for owner in self.owner_references if owner.controller), None)


class KubeObject(Part, frozen=True):
    """What all objects share. On its own it is enough to tell which object, and which version of it."""

    resource: ClassVar[Resource] = Resource("", "", "", "")
    metadata: ObjectMeta = ObjectMeta()


class Condition(Part, frozen=True):
    """One observation about an object; `status` is "True", "False" or "Unknown"."""

    type: str = ""
    status: str = ""


class LeaseSpec(Part, frozen=True):
    """Who holds a Lease and since when; an empty holder means that it is free."""

    holder_identity: str = ""
    lease_duration_seconds: int = 0
    renew_time: datetime | None = None
    lease_transitions: int = 0


class Lease(KubeObject, frozen=True):
    """A claim that expires unless it is renewed."""

    resource: ClassVar[Resource] = LEASES
    spec: LeaseSpec = LeaseSpec()


def key(obj: KubeObject) -> Key:
    """What the object is called within its resource."""
    return obj.metadata.namespace, obj.metadata.name


def ref(obj: KubeObject) -> ObjectRef:
    """Name the object for messages and Events."""
    meta, resource = obj.metadata, obj.resource
    return ObjectRef(resource.kind, meta.namespace, meta.name, meta.uid, resource.api_version)

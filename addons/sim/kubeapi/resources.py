"""The table of resources that the server knows; a CustomResourceDefinition adds to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource at one version of its group.

    `storage` names the (group, plural) under which its objects lie: two versions of a resource, and the two
    faces of an Event, share one storage. `generation` says that spec changes are counted.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    generation: bool = False
    returns_deleted: bool = False
    custom: bool = False
    storage: tuple[str, str] | None = None
    categories: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """The `apiVersion` of its objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def key(self) -> tuple[str, str]:
        """Where its objects are stored."""
        return self.storage or (self.group, self.plural)

    @property
    def qualified(self) -> str:
        """The name in messages: `services`, `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """The kind in messages: `Service`, `Deployment.apps`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def singular(self) -> str:
        """The singular name that kubectl accepts."""
        return self.kind.lower()


def _core(plural: str, kind: str, *short: str, **rest: Any) -> Resource:
    return Resource("", "v1", plural, kind, short=short, **rest)


def _named(group: str, plural: str, kind: str, *short: str, **rest: Any) -> Resource:
    return Resource(group, rest.pop("version", "v1"), plural, kind, short=short, **rest)


_STATUS = {"subresources": ("status",)}
_SPEC = {"generation": True}
_WORKLOAD = {"categories": ("all",), "generation": True}
_SCALED = {"subresources": ("status", "scale"), **_WORKLOAD}
_CLUSTER = {"namespaced": False}
_REVIEW = {"namespaced": False, "verbs": ("create",)}
_POD = {"subresources": ("status", "binding", "eviction", "proxy"), "returns_deleted": True, **_WORKLOAD}
_APPS, _NETWORK, _RBAC, _STORAGE = "apps", "networking.k8s.io", "rbac.authorization.k8s.io", "storage.k8s.io"
_AUTHENTICATION, _AUTHORIZATION = "authentication.k8s.io", "authorization.k8s.io"

BUILT_IN = (
    _core("pods", "Pod", "po", **_POD),
    _core("services", "Service", "svc", returns_deleted=True, categories=("all",), **_STATUS),
    _core("nodes", "Node", "no", **_CLUSTER, **_STATUS),
    _core("namespaces", "Namespace", "ns", subresources=("status", "finalize"), **_CLUSTER),
    _core("configmaps", "ConfigMap", "cm"),
    _core("secrets", "Secret"),
    _core("serviceaccounts", "ServiceAccount", "sa", subresources=("token",), returns_deleted=True),
    _core("endpoints", "Endpoints", "ep"),
    _core("events", "Event", "ev"),
    _core("persistentvolumeclaims", "PersistentVolumeClaim", "pvc", returns_deleted=True, **_STATUS),
    _core("persistentvolumes", "PersistentVolume", "pv", returns_deleted=True, **_CLUSTER, **_STATUS),
    _core("replicationcontrollers", "ReplicationController", "rc", **_SCALED),
    _named("events.k8s.io", "events", "Event", "ev", storage=("", "events")),
    _named(_APPS, "deployments", "Deployment", "deploy", **_SCALED),
    _named(_APPS, "replicasets", "ReplicaSet", "rs", **_SCALED),
    _named(_APPS, "statefulsets", "StatefulSet", "sts", **_SCALED),
    _named(_APPS, "daemonsets", "DaemonSet", "ds", **_STATUS, **_WORKLOAD),
    _named("batch", "jobs", "Job", **_STATUS, **_WORKLOAD),
    _named("coordination.k8s.io", "leases", "Lease"),
    _named("discovery.k8s.io", "endpointslices", "EndpointSlice", **_SPEC),
    _named(_NETWORK, "ingresses", "Ingress", "ing", **_STATUS, **_SPEC),
    _named(_NETWORK, "ingressclasses", "IngressClass", **_CLUSTER, **_SPEC),
    _named(_NETWORK, "networkpolicies", "NetworkPolicy", "netpol", **_SPEC),
    _named("policy", "poddisruptionbudgets", "PodDisruptionBudget", "pdb", **_STATUS, **_SPEC),
    _named(_RBAC, "roles", "Role"),
    _named(_RBAC, "rolebindings", "RoleBinding"),
    _named(_RBAC, "clusterroles", "ClusterRole", **_CLUSTER),
    _named(_RBAC, "clusterrolebindings", "ClusterRoleBinding", **_CLUSTER),
    _named(
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        **_CLUSTER,
        **_SPEC,
    ),
    _named(
        "admissionregistration.k8s.io",
        "validatingadmissionpolicies",
        "ValidatingAdmissionPolicy",
        **_CLUSTER,
        **_STATUS,
        **_SPEC,
    ),
    _named(
        "admissionregistration.k8s.io",
        "validatingadmissionpolicybindings",
        "ValidatingAdmissionPolicyBinding",
        **_CLUSTER,
        **_SPEC,
    ),
    _named("scheduling.k8s.io", "priorityclasses", "PriorityClass", "pc", **_CLUSTER, **_SPEC),
    _named(_STORAGE, "storageclasses", "StorageClass", "sc", **_CLUSTER),
    _named(_STORAGE, "csinodes", "CSINode", **_CLUSTER),
    _named(_STORAGE, "csidrivers", "CSIDriver", **_CLUSTER),
    _named(_STORAGE, "csistoragecapacities", "CSIStorageCapacity"),
    _named(_STORAGE, "volumeattachments", "VolumeAttachment", **_CLUSTER, **_STATUS),
    _named(_AUTHENTICATION, "tokenreviews", "TokenReview", **_REVIEW),
    _named(_AUTHENTICATION, "selfsubjectreviews", "SelfSubjectReview", **_REVIEW),
    _named(_AUTHORIZATION, "subjectaccessreviews", "SubjectAccessReview", **_REVIEW),
    _named(_AUTHORIZATION, "selfsubjectaccessreviews", "SelfSubjectAccessReview", **_REVIEW),
    _named(
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        "crd",
        "crds",
        **_CLUSTER,
        **_STATUS,
        **_SPEC,
    ),
    _named(
        "externaldns.k8s.io",
        "dnsendpoints",
        "DNSEndpoint",
        version="v1alpha1",
        custom=True,
        **_STATUS,
        **_SPEC,
    ),
)


class Resources:
    """The resources served now, by path and by storage."""

    def __init__(self) -> None:
        self._by_path: dict[tuple[str, str, str], Resource] = {}
        for resource in BUILT_IN:
            self.add(resource)

    def add(self, resource: Resource) -> None:
        """Serve a resource from now on."""
        self._by_path[resource.group, resource.version, resource.plural] = resource

    def remove(self, group: str, plural: str) -> None:
        """Serve no version of a resource any longer."""
        gone = [path for path in self._by_path if path[0] == group and path[2] == plural]
        for path in gone:
            del self._by_path[path]

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource at a path, if it is served."""
        return self._by_path.get((group, version, plural))

    def named(self, api_version: str, plural: str) -> Resource:
        """The resource for an `apiVersion` and plural; KeyError when it is not served."""
        group, _, version = api_version.rpartition("/")
        return self._by_path[group, version, plural]

    def of_kind(self, api_version: str, kind: str) -> Resource | None:
        """The resource of a kind, as an owner reference names it."""
        return next((r for r in self if r.api_version == api_version and r.kind == kind), None)

    def versions(self, group: str) -> list[str]:
        """Versions of a group, in order of registration; empty for an unknown group."""
        return list(dict.fromkeys(resource.version for resource in self if resource.group == group))

    def groups(self) -> list[str]:
        """Named groups, in order of registration."""
        return list(dict.fromkeys(resource.group for resource in self if resource.group))

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._by_path.values())

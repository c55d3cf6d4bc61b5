"""Endpoints: what one Kubernetes object asks of DNS. The term is external-dns's."""

from msgspec import Struct
from msgspec.structs import force_setattr

from addons.dns.model.records import Alias, RecordSet
from addons.runtime.clock import rfc3339
from addons.runtime.objects import KubeObject, ref
from addons.runtime.outcomes import ObjectRef, Problem


class SourceObject(Struct, frozen=True):
    """The object that asks for some endpoints. `created` is its creationTimestamp.

    `resource` is its name in ownership texts: kind/namespace/name. external-dns calls a DNSEndpoint `crd`.
    """

    ref: ObjectRef
    created: str = ""
    resource: str = ""

    def __post_init__(self) -> None:
        said = str(self.ref)
        is_crd = self.ref.kind == "DNSEndpoint"
        force_setattr(self, "resource", said.replace("dnsendpoint/", "crd/", 1) if is_crd else said)


_KINDS = {
    "service": "Service",
    "ingress": "Ingress",
    "pod": "Pod",
    "node": "Node",
    "crd": "DNSEndpoint",
    "httproute": "HTTPRoute",
    "grpcroute": "GRPCRoute",
}
"""The kinds of objects that may ask for names, by what ownership texts call them."""


def ref_of(resource: str) -> ObjectRef | None:
    """The object that an ownership text names; None where it is of a kind that no source reads."""
    said, _, place = resource.partition("/")
    namespace, _, name = place.rpartition("/")
    kind = _KINDS.get(said)
    return ObjectRef(kind, namespace, name) if kind and name else None


def source_object(obj: KubeObject) -> SourceObject:
    """The object as its endpoints know it."""
    created = obj.metadata.creation_timestamp
    return SourceObject(ref(obj), rfc3339(created) if created else "")


class Endpoint(Struct, frozen=True, gc=False):
    """One name and record type that an object asks for, with the targets that it is to lead to.

    An endpoint is in one of these states:

    | state | how it looks | what becomes of the record |
    |---|---|---|
    | wanted | targets, or an alias | made as asked |
    | pending | neither | kept until the hold for lost targets is over |
    | unusable | `is_unusable` | kept as it is, never made: how the object asks cannot be used now |
    | leaving | `keeps` | keeps such of the targets as the record has, gains none: a pod is on its way out |

    The type of an unusable one is empty where it is not known. With `keeps_ttl` the TTL cannot be read: a
    record keeps the one that it has, a new one gets `ttl`. With `zone_id` only this one hosted zone is meant.
    An endpoint that its object no longer asks for goes on as a leaving one for `hold_seconds`, unless another
    endpoint of the same record set comes: the successor of a pod finds its name still there.
    """

    name: str
    type: str
    targets: tuple[str, ...]
    ttl: int
    asked_by: SourceObject
    set_identifier: str = ""
    alias: Alias | None = None
    routing: tuple[tuple[str, str], ...] = ()
    health_check_id: str = ""
    zone_id: str = ""
    is_unusable: bool = False
    keeps: bool = False
    keeps_ttl: bool = False
    hold_seconds: int = 0

    @property
    def is_pending(self) -> bool:
        """True while the object has no target for the name."""
        return not self.targets and self.alias is None

    def record(self) -> RecordSet:
        """The record set that grants this endpoint."""
        return RecordSet(
            self.name,
            self.type,
            self.ttl,
            self.targets,
            self.set_identifier,
            self.alias,
            self.routing,
            self.health_check_id,
        )


def unusable(endpoint: Endpoint, *, kind: str = "") -> Endpoint:
    """The same name asked for in a way that cannot be used now; of the type `kind`, where that is known."""
    return Endpoint(
        endpoint.name,
        kind,
        (),
        endpoint.ttl,
        endpoint.asked_by,
        set_identifier=endpoint.set_identifier,
        is_unusable=True,
    )


class Desired(Struct, frozen=True):
    """What one object asks for, the faults in how it asks, and its names outside the domain filter.

    `unreadable` is the object itself while it asks for a name that cannot be read: which of its records that
    name has is not known, so none of them is given up.
    """

    endpoints: tuple[Endpoint, ...] = ()
    problems: tuple[Problem, ...] = ()
    outside: tuple[str, ...] = ()
    unreadable: SourceObject | None = None

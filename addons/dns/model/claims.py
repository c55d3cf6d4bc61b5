"""Claims: what one Kubernetes object asks of DNS."""

from msgspec import Struct

from addons.dns.model.records import Alias, RecordSet
from addons.runtime.outcomes import ObjectRef, Problem


class Claimant(Struct, frozen=True):
    """The object behind some claims. `created` is its creationTimestamp, which settles conflicts by age."""

    ref: ObjectRef
    created: str = ""

    @property
    def resource(self) -> str:
        """The resource label of ownership texts: kind/namespace/name, kinds called as external-dns does."""
        said = str(self.ref)
        return said.replace("dnsendpoint/", "crd/", 1) if self.ref.kind == "DNSEndpoint" else said


class Claim(Struct, frozen=True, gc=False):
    """One object's wish for the records of one name and type.

    No values and no alias means: the object still wants the name, but has nothing to point it at now. What
    exists then stays, because a load balancer that loses its addresses for a moment must not cost the name.
    With `zone_id` only this one hosted zone is meant. With `is_unclear` the object wants the name, but how it
    asks makes no sense: what exists stays, for however long.

    A claim that `keeps` may keep such of its values as the record has, and make none: it is about a pod on
    its way out. One that is no longer made goes on as such a claim for `hold_seconds`, unless somebody else
    asks for the name: the successor of a pod finds its name still there.
    """

    name: str
    type: str
    values: tuple[str, ...]
    ttl: int
    claimant: Claimant
    set_identifier: str = ""
    alias: Alias | None = None
    routing: tuple[tuple[str, str], ...] = ()
    health_check_id: str = ""
    zone_id: str = ""
    is_unclear: bool = False
    keeps: bool = False
    hold_seconds: int = 0

    @property
    def is_pending(self) -> bool:
        """True while the object has no target for the name."""
        return not self.values and self.alias is None

    def record(self) -> RecordSet:
        """The record set that grants this claim."""
        return RecordSet(
            self.name,
            self.type,
            self.ttl,
            self.values,
            self.set_identifier,
            self.alias,
            self.routing,
            self.health_check_id,
        )


class Claims(Struct, frozen=True):
    """Everything one object asks for, the faults in how it asks, and its names outside the domain filter."""

    claims: tuple[Claim, ...] = ()
    problems: tuple[Problem, ...] = ()
    outside: tuple[str, ...] = ()

"""Ingress groups: the Ingresses that share a load balancer, and what is read for one of them."""

from msgspec import Struct

from addons.runtime.outcomes import ObjectRef


class GroupId(Struct, frozen=True, order=True):
    """A group with a name, or, without a namespace in `namespace`, an Ingress that is alone.

    `name` is the group's name where `namespace` is empty; else the Ingress `namespace/name`.
    """

    name: str
    namespace: str = ""

    @property
    def is_explicit(self) -> bool:
        """True for a named group, which several Ingresses may join."""
        return not self.namespace

    def __str__(self) -> str:
        """The group as the stack tag and the hashes of names have it."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Owner(Struct, frozen=True, order=True):
    """Whose wish something is. The youngest owner is the first to be refused at a quota.

    `created` is seconds since 1970, 0 where unknown.
    """

    ref: ObjectRef
    created: float = 0.0

    @property
    def age_order(self) -> tuple[float, str]:
        """Sorts the oldest first."""
        return self.created, self.ref.uid

"""All that the wishes of one ingress group are read from, frozen: what everything here is given. Pure."""

from collections.abc import Mapping

from msgspec import Struct

from addons.albingress.config import Config
from addons.albingress.model.elb import LoadBalancer, ObservedStack
from addons.albingress.model.groups import GroupId, Owner
from addons.albingress.model.network import Certificate, Subnet, Vpc
from addons.albingress.model.objects import Ingress, IngressClassParams, Secret, Service
from addons.runtime.objects import Key, KubeObject, key, ref
from addons.runtime.outcomes import ObjectRef, Problem


class Unresolved(Struct, frozen=True):
    """What was asked for in AWS could not be looked up: nobody knows whether it is there, so nothing goes."""

    message: str


class Resolved(Struct, frozen=True, kw_only=True):
    """What AWS answered to the names that a group's members use.

    `subnets`: all of the VPC. `certificates`: all issued ones, for hosts that no annotation gives one.
    `refused_certificates`: ARNs that AWS does not take, with why. `security_groups` and `target_groups` (the
    latter by name) hold what was found for each text as it is written: ids, ARNs; none for one that is not
    there. A text that is missing was not looked up. `unopened`: ports that AWS did not open when asked to.
    """

    vpc: Vpc | None = None
    subnets: tuple[Subnet, ...] | Unresolved = ()
    certificates: tuple[Certificate, ...] | Unresolved = ()
    refused_certificates: Mapping[str, str] = {}
    unopened: frozenset[int] = frozenset()
    security_groups: Mapping[str, tuple[str, ...] | Unresolved] = {}
    target_groups: Mapping[str, tuple[str, ...] | Unresolved] = {}


class Member(Struct, frozen=True, kw_only=True):
    """An Ingress of a group. `order` is None where `group.order` cannot be read.

    `doubt` says in words why its class cannot be used now: then its settings are not known, and what AWS has
    of it stays. `problems` are those of its class and group, not of what else it says.
    """

    ingress: Ingress
    group: GroupId
    order: int | None = 0
    params: IngressClassParams | None = None
    doubt: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def ref(self) -> ObjectRef:
        """The Ingress, for messages and Events."""
        return ref(self.ingress)

    @property
    def key(self) -> Key:
        """Namespace and name of the Ingress."""
        return key(self.ingress)

    @property
    def name(self) -> str:
        """`namespace/name` of the Ingress."""
        return "/".join(key(self.ingress))

    @property
    def owner(self) -> Owner:
        """The Ingress as the owner of what is made for it."""
        return owner_of(self.ingress)


class GroupInputs(Struct, frozen=True, kw_only=True):
    """One ingress group with all that its members name.

    `members` are in their order. `leaving` are Ingresses that hold the group's finalizer and are deleted, or
    belong elsewhere now. `services` and `secrets` are those that are there; why that is not known of others
    is in `unread_secrets`. `recently_gone` are Services that vanished less than the grace ago. `incumbent` is
    what AWS has of the group, None where it has nothing.
    """

    group: GroupId
    config: Config
    members: tuple[Member, ...] = ()
    leaving: tuple[Ingress, ...] = ()
    services: Mapping[Key, Service] = {}
    secrets: Mapping[Key, Secret] = {}
    unread_secrets: Mapping[Key, str] = {}
    recently_gone: frozenset[Key] = frozenset()
    resolved: Resolved = Resolved()
    incumbent: ObservedStack | None = None

    @property
    def incumbent_load_balancer(self) -> LoadBalancer | None:
        """The load balancer that serves the group now; the first of two while one takes over."""
        return next(iter(self.incumbent.load_balancers), None) if self.incumbent else None


def owner_of(obj: KubeObject) -> Owner:
    """The object as the owner of what is made for it."""
    created = obj.metadata.creation_timestamp
    return Owner(ref(obj), created.timestamp() if created else 0.0)

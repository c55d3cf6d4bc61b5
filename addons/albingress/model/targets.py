"""Targets: where a target group sends requests, and how that is decided."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from addons.albingress.model.groups import Owner
from addons.albingress.model.stack import ServicePort
from addons.runtime.objects import Key
from addons.runtime.outcomes import ObjectRef

TRAFFIC_PORT = "traffic-port"
"""The port of each target, in place of a number."""


class Target(Struct, frozen=True, order=True):
    """An address or an instance with a port. `zone` is "all" for an address outside of the VPC, else ""."""

    id: str
    port: int
    zone: str = ""

    @property
    def key(self) -> tuple[str, int]:
        """What AWS tells targets apart by; it does not always show the zone."""
        return self.id, self.port


class TargetHealth(Struct, frozen=True):
    """How AWS finds a target: initial, healthy, unhealthy, draining, unused or unavailable, and why."""

    target: Target
    state: str
    reason: str = ""
    description: str = ""


class AccessPort(Struct, frozen=True, order=True):
    """A port of targets that is opened: TRAFFIC_PORT, a number, or the name of a port of the Service.

    An empty port means all of them.
    """

    port: str = TRAFFIC_PORT
    protocol: Literal["tcp", "udp"] = "tcp"


class Access(Struct, frozen=True, order=True):
    """Who may reach the targets of a binding: networks and security groups by id, on which ports."""

    sources: tuple[str, ...]
    ports: tuple[AccessPort, ...]


class Binding(Struct, frozen=True, kw_only=True):
    """Which Service port fills which target group: one of our target groups, or a user's TargetGroupBinding.

    `name` is that of readiness gates. `group` is a target group by name or ARN. `shared` means that others
    register targets too, which are never deregistered by us. `access` is what the security groups of nodes
    and pods are to let in; without it they are not touched for this binding.
    """

    namespace: str
    name: str
    group: str
    backend: ServicePort
    target_type: Literal["ip", "instance"]
    owner: Owner
    node_selector: str = ""
    ip_address_type: Literal["ipv4", "ipv6"] = "ipv4"
    shared: bool = False
    is_users: bool = False
    access: tuple[Access, ...] = ()

    @property
    def key(self) -> Key:
        """Namespace and name: what readiness gates of the namespace call it."""
        return self.namespace, self.name


class Wanted(Struct, frozen=True, kw_only=True):
    """The targets that a binding asks for now, in order. `pods` says which pod is behind a target."""

    targets: tuple[Target, ...] = ()
    pods: Mapping[Target, Key] = {}


class NotKnown(Struct, frozen=True):
    """What a binding asks for cannot be told now: the targets that it has stay."""

    message: str


class TargetAction(Struct, frozen=True, kw_only=True):
    """A change of the targets of one group, at most 200 of them. `key` is the group."""

    key: str
    ref: ObjectRef | None
    because: str
    targets: tuple[Target, ...]


class RegisterTargets(TargetAction, frozen=True):
    """Have requests sent to these."""


class DeregisterTargets(TargetAction, frozen=True):
    """Have no new requests sent to these; what is under way ends."""


class TargetPlan(Struct, frozen=True, kw_only=True):
    """Calls in their order, and in words what was left undone and why; both are empty when all is well.

    `left_out` are targets beyond the limit.
    """

    register: tuple[RegisterTargets, ...] = ()
    deregister: tuple[DeregisterTargets, ...] = ()
    kept: tuple[Target, ...] = ()
    why_kept: str = ""
    left_out: tuple[Target, ...] = ()

    @property
    def new(self) -> tuple[Target, ...]:
        """All targets that are registered."""
        return tuple(target for action in self.register for target in action.targets)

    @property
    def actions(self) -> tuple[TargetAction, ...]:
        """All calls in their order."""
        return self.register + self.deregister

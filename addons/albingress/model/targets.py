"""Targets: where a target group sends requests, and how that is decided."""

from typing import Literal

from msgspec import Struct

from addons.albingress.model.groups import Owner
from addons.albingress.model.stack import ServicePort


class Target(Struct, frozen=True, order=True):
    """An address or an instance with a port. `zone` is "all" for an address outside of the VPC, else ""."""

    id: str
    port: int
    zone: str = ""


class TargetHealth(Struct, frozen=True):
    """How AWS finds a target: initial, healthy, unhealthy, draining, unused or unavailable, and why."""

    target: Target
    state: str
    reason: str = ""
    description: str = ""


class Binding(Struct, frozen=True, kw_only=True):
    """Which Service port fills which target group: one of our target groups, or a user's TargetGroupBinding.

    `name` is that of readiness gates. `group` is a target group by name or ARN. `shared` means that others
    register targets too, which are never deregistered by us.
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

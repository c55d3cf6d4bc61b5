"""How much one load balancer may have."""

from msgspec import Struct


class Quotas(Struct, frozen=True):
    """What AWS permits for one load balancer, as usual; default rules and certificates are not counted."""

    rules: int = 100
    target_groups: int = 100
    certificates: int = 25
    listeners: int = 50

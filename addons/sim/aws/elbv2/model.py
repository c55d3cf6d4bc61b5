"""What an account has in ELBv2, as frozen values: a change makes a new one, so the past can be kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Tags = Mapping[str, str]
Item = Mapping[str, Any]
TargetState = Literal["initial", "healthy", "unhealthy", "draining"]
TargetKey = tuple[str, int]

DEFAULT_PRIORITY = 0
"""The priority of a listener's default rule in the model; it comes after every other one."""


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """An application load balancer. `interfaces`: an ENI for each of its `subnets`."""

    arn: str
    name: str
    dns_name: str
    scheme: str
    ip_address_type: str
    vpc_id: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    created_at: datetime
    state: str
    interfaces: tuple[str, ...] = ()
    attributes: Tags = field(default_factory=dict)
    tags: Tags = field(default_factory=dict)
    capacity_units: int = 0


@dataclass(frozen=True, slots=True)
class Listener:
    """A port of a load balancer. `certificates`: the default one, then those chosen by SNI."""

    arn: str
    load_balancer_arn: str
    port: int
    protocol: str
    ssl_policy: str = ""
    certificates: tuple[str, ...] = ()
    mutual_authentication: Item | None = None
    attributes: Tags = field(default_factory=dict)
    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a listener does with requests that meet all `conditions`.

    `secret` is that of an OIDC client, which is never shown.
    """

    arn: str
    listener_arn: str
    priority: int
    conditions: tuple[Item, ...]
    actions: tuple[Item, ...]
    transforms: tuple[Item, ...] = ()
    secret: str = ""
    tags: Tags = field(default_factory=dict)

    @property
    def is_default(self) -> bool:
        """Say whether it is the listener's last resort, which exists as long as the listener does."""
        return self.priority == DEFAULT_PRIORITY


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go: an instance or an address, with a port. `reason` is e.g. Target.Timeout."""

    id: str
    port: int
    zone: str
    state: TargetState = "initial"
    reason: str = ""
    description: str = ""

    @property
    def key(self) -> TargetKey:
        """What makes it another target: one address may serve on several ports."""
        return self.id, self.port


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """Targets, and how their health is asked for; `settings` are fields of boto3's TargetGroup."""

    arn: str
    name: str
    settings: Item
    attributes: Tags = field(default_factory=dict)
    targets: Mapping[TargetKey, Target] = field(default_factory=dict)
    tags: Tags = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The type of its targets: ip or instance."""
        return str(self.settings["TargetType"])


def target_groups_of(actions: tuple[Item, ...]) -> list[tuple[str, int]]:
    """Give ARN and weight of every target group that actions forward to."""
    return [
        (str(each["TargetGroupArn"]), int(each.get("Weight", 1)))
        for action in actions
        for each in action.get("ForwardConfig", {}).get("TargetGroups", ())
    ]

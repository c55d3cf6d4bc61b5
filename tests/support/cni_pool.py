"""A node in a few words: interfaces with addresses by their last byte, and a view of them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from addons.cni.model.enis import Eni, InstanceLimits, Subnet
from addons.cni.model.pool import Addresses, Demand, Placement, Policy
from addons.cni.names import CREATED_TAG, INSTANCE_TAG
from addons.cni.plan.view import View

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=1)
LARGE = InstanceLimits(3, 10)
"""m5.large: three interfaces with nine addresses for pods each."""

SMALL = InstanceLimits(3, 4)
"""t3.small: three interfaces with three addresses for pods each."""

HUGE = InstanceLimits(15, 50)
"""p3dn.24xlarge: fifteen interfaces with 49 addresses for pods each."""

TAGS = {INSTANCE_TAG: "i-1", CREATED_TAG: "2026-01-02T00:00:00Z"}


def ip(last: int, subnet: int = 0) -> IPv4Address:
    return IPv4Address(f"10.0.{subnet}.{last}")


def ips(*last: int) -> frozenset[IPv4Address]:
    return frozenset(map(ip, last))


def prefixes(*last: int) -> frozenset[IPv4Network]:
    return frozenset(IPv4Network(f"10.0.0.{byte}/28") for byte in last)


def eni(index: int, *last: int, subnet: str = "subnet-1", **more: Any) -> Eni:
    """Interface number `index` with these secondary addresses; the first one is the instance's."""
    fields: dict[str, Any] = {
        "eni_id": f"eni-{index}",
        "mac": f"02:00:00:00:00:{index:02x}",
        "device_index": index,
        "subnet_id": subnet,
        "subnet_cidr": IPv4Network("10.0.0.0/16"),
        "primary_ip": IPv4Address(f"10.0.255.{index + 4}"),
        "addresses": ips(*last),
        "attachment_id": f"attach-{index}",
        "security_groups": ("sg-1",),
        "created_at": LONG_AGO if index else None,
        "tags": TAGS if index else {},
    }
    return Eni(**(fields | more))


def subnet(name: str = "subnet-1", free: int = 10_000, cidr: str = "10.0.0.0/16") -> Subnet:
    return Subnet(subnet_id=name, cidr=IPv4Network(cidr), free=free)


def view(
    *enis: Eni,
    used: Iterable[int] = (),
    cooling: dict[int, float] | None = None,
    idle: float = 3600,
    waiting: int = 0,
    free: int = 10_000,
    limits: InstanceLimits = LARGE,
    policy: Policy | None = None,
    **more: Any,
) -> View:
    """What a plan sees: `cooling` has seconds from now, free addresses are so for `idle` seconds."""
    held = frozenset[IPv4Address]().union(*(one.all_addresses() for one in enis))
    since = NOW - timedelta(seconds=idle)
    fields: dict[str, Any] = {
        "now": NOW,
        "enis": enis,
        "limits": limits,
        "policy": policy or Policy(),
        "placement": Placement(subnet_ids=("subnet-1",), security_groups=("sg-1",)),
        "addresses": Addresses(
            assigned=frozenset(map(ip, used)),
            cooling={ip(last): NOW + timedelta(seconds=left) for last, left in (cooling or {}).items()},
            free_since=dict.fromkeys(held, since),
        ),
        "subnets": {"subnet-1": subnet(free=free)},
        "demand": Demand(waiting=waiting),
    }
    return View(**(fields | more))

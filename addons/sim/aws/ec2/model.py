"""What an account has in EC2, as frozen values: a change makes a new one, so the past can be kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any, Literal

AttachmentStatus = Literal["attaching", "attached", "detaching"]
InstanceState = Literal["pending", "running", "shutting-down", "terminated"]
Tags = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Attachment:
    """What ties an interface to an instance. `id` begins with eni-attach-."""

    id: str
    instance_id: str
    device_index: int
    card_index: int
    status: AttachmentStatus
    delete_on_termination: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Interface:
    """An elastic network interface. `addresses`: the primary one, then the secondary ones in order.

    `prefixes` are blocks of 16 addresses (/28). `is_pending`: just made, not yet usable.
    `requester`: the service that holds it, e.g. amazon-elb; "" for the account itself.
    """

    id: str
    mac: str
    vpc_id: str
    subnet_id: str
    zone: str
    addresses: tuple[IPv4Address, ...]
    prefixes: tuple[IPv4Network, ...] = ()
    groups: tuple[str, ...] = ()
    description: str = ""
    tags: Tags = field(default_factory=dict)
    attachment: Attachment | None = None
    source_dest_check: bool = True
    is_pending: bool = False
    requester: str = ""

    @property
    def status(self) -> str:
        """How DescribeNetworkInterfaces names its state."""
        if self.attachment is not None or self.requester:
            return "in-use"
        return "pending" if self.is_pending else "available"

    @property
    def plugged_into(self) -> str:
        """The id of the instance whose kernel has a link for it now; "" for none.

        There is a link from the moment it is `attached` until it begins to detach.
        """
        attachment = self.attachment
        return attachment.instance_id if attachment and attachment.status == "attached" else ""

    def owns(self, address: IPv4Address) -> bool:
        """Say whether the VPC delivers packets for an address to this interface, and takes them from it."""
        return address in self.addresses or any(address in prefix for prefix in self.prefixes)


@dataclass(frozen=True, slots=True)
class Instance:
    """A virtual machine; its addresses are those of its interfaces."""

    id: str
    type: str
    subnet_id: str
    vpc_id: str
    zone: str
    state: InstanceState
    launched_at: datetime
    image_id: str = "ami-0abcdef1234567890"
    tags: Tags = field(default_factory=dict)
    is_spot: bool = False


@dataclass(frozen=True, slots=True)
class Vpc:
    """A virtual network; `cidrs`: the first one, then those that were associated later."""

    id: str
    cidrs: tuple[IPv4Network, ...]
    tags: Tags = field(default_factory=dict)
    ipv6_cidr: IPv6Network | None = None


@dataclass(frozen=True, slots=True)
class Subnet:
    """A part of a VPC in one zone."""

    id: str
    vpc_id: str
    zone: str
    cidr: IPv4Network
    tags: Tags = field(default_factory=dict)
    ipv6_cidr: IPv6Network | None = None


@dataclass(frozen=True, slots=True)
class RouteTable:
    """Where packets go. `routes`: target by destination, e.g. {"0.0.0.0/0": "igw-1"}.

    The id of the target says what it is: igw, nat, tgw, pcx, vgw, eni; `local` stands for the VPC itself.
    `subnets` are those that use this table; all others of the VPC use its `is_main` one.
    """

    id: str
    vpc_id: str
    routes: Mapping[str, str]
    is_main: bool = False
    subnets: tuple[str, ...] = ()
    tags: Tags = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GroupRule:
    """One permission of what may come in. `source`: a CIDR, a group (sg-) or a prefix list (pl-).

    The protocol "-1" is all of them, and has no ports (-1 to -1).
    """

    id: str
    protocol: str
    from_port: int
    to_port: int
    source: str
    description: str = ""

    @property
    def key(self) -> tuple[str, int, int, str]:
        """What makes it another rule; the description does not."""
        return self.protocol, self.from_port, self.to_port, self.source


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A security group. Its rules are kept and told; the simulated network lets everything pass."""

    id: str
    vpc_id: str
    name: str
    description: str = ""
    tags: Tags = field(default_factory=dict)
    rules: tuple[GroupRule, ...] = ()


@dataclass(frozen=True, slots=True)
class LaunchTemplate:
    """What instances are launched with, by version from 1; the newest is $Latest, `default` is $Default.

    A version has the data as RequestLaunchTemplateData names them.
    """

    id: str
    name: str
    created: datetime
    versions: Mapping[int, Mapping[str, Any]]
    default: int = 1
    tags: Tags = field(default_factory=dict)

    @property
    def latest(self) -> int:
        """The number of the newest version."""
        return max(self.versions)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an interface. `before` is None when it was made, `after` when it was deleted."""

    before: Interface | None
    after: Interface | None

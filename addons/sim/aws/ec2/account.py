"""What exists in the account, by id, and how its copies lag behind; nothing here judges a call."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from addons.sim.aws.ec2.agenda import Agenda
from addons.sim.aws.ec2.errors import no_launch_template, not_found
from addons.sim.aws.ec2.feed import Feed
from addons.sim.aws.ec2.model import (
    Change,
    Instance,
    Interface,
    LaunchTemplate,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
)
from addons.sim.aws.ec2.space import Space
from addons.sim.aws.ec2.timeline import Timeline
from addons.sim.aws.throttle import RateLimit as RateLimit

OWNER = "123456789012"
REGION = "eu-central-1"

T = TypeVar("T")


USUAL_RATE_LIMITS = {
    "*NetworkInterface": RateLimit(5, 100),
    "ModifyNetworkInterfaceAttribute": RateLimit(5, 100),
    "*signPrivateIpAddresses": RateLimit(5, 100),
    "Describe*": RateLimit(20, 100),
    "*": RateLimit(5, 50),
}
"""What AWS documents for an account and region, by pattern; the first that fits counts."""


@dataclass
class Knobs:
    """How the service behaves beyond being right; the defaults are an undisturbed, instant one.

    `rate_limits`: by a pattern of operations, the first that fits counts; each operation has its own bucket.
    `latency_seconds`: how long each call takes. `describe_lag_seconds`: what describing calls show is so old.
    The others are how long a new interface is pending, attaching and detaching take, and an instance needs
    to run and to terminate.
    """

    rate_limits: dict[str, RateLimit] = field(default_factory=dict)
    latency_seconds: float = 0.0
    describe_lag_seconds: float = 0.0
    pending_seconds: float = 0.0
    attach_seconds: float = 0.0
    detach_seconds: float = 0.0
    launch_seconds: float = 0.0
    terminate_seconds: float = 0.0


class Account:
    """Everything by id, in order of creation. `feed` tells of every change of an interface.

    `most_rules` is the quota of a security group; `prefix_lists`: for how many rules each of them counts.
    `in_use_elsewhere` says of a security group whether another service's resources hold it.
    """

    def __init__(self) -> None:
        self.knobs = Knobs()
        self.agenda = Agenda()
        self.vpcs: dict[str, Vpc] = {}
        self.subnets: dict[str, Subnet] = {}
        self.spaces: dict[str, Space] = {}
        self.route_tables: dict[str, RouteTable] = {}
        self.security_groups: dict[str, SecurityGroup] = {}
        self.prefix_lists: dict[str, int] = {}
        self.launch_templates: dict[str, LaunchTemplate] = {}
        self.interfaces: Timeline[Interface] = Timeline(self.agenda.time)
        self.instances: Timeline[Instance] = Timeline(self.agenda.time)
        self.feed = Feed(self.interfaces.values)
        self.in_use_elsewhere: list[Callable[[str], bool]] = []
        self.most_rules = 60
        self.used_numbers = 0

    def new_id(self, kind: str) -> str:
        """Give an id that nothing has: the kind, a dash and 17 hexadecimal digits."""
        return f"{kind}-{self._digits()[:17]}"

    def new_mac(self) -> str:
        """Give a MAC that nobody has."""
        digits = f"02{self._digits()[:10]}"
        return ":".join(digits[at : at + 2] for at in range(0, 12, 2))

    def _digits(self) -> str:
        self.used_numbers += 1
        return hashlib.sha256(str(self.used_numbers).encode()).hexdigest()

    def put(self, interface: Interface) -> None:
        """Make or change an interface, and tell who listens."""
        before = self.interfaces.get(interface.id)
        self.interfaces.put(interface.id, interface)
        self.feed.tell(Change(before, interface))

    def drop(self, interface: Interface) -> None:
        """Delete an interface, give its addresses back, and tell who listens."""
        self.spaces[interface.subnet_id].give_back(interface.addresses, interface.prefixes)
        self.interfaces.remove(interface.id)
        self.feed.tell(Change(interface, None))

    def interface(self, id_: str) -> Interface:
        """Give an interface. Raises InvalidNetworkInterfaceID.NotFound."""
        return _found("eni", id_, self.interfaces.get(id_))

    def instance(self, id_: str) -> Instance:
        """Give an instance. Raises InvalidInstanceID.NotFound."""
        return _found("i", id_, self.instances.get(id_))

    def subnet(self, id_: str) -> Subnet:
        """Give a subnet. Raises InvalidSubnetID.NotFound."""
        return _found("subnet", id_, self.subnets.get(id_))

    def vpc(self, id_: str) -> Vpc:
        """Give a VPC. Raises InvalidVpcID.NotFound."""
        return _found("vpc", id_, self.vpcs.get(id_))

    def launch_template(self, id_: str = "", name: str = "") -> LaunchTemplate:
        """Give a launch template by id, else by name. Raises InvalidLaunchTemplateId.NotFound and so on."""
        named = (each for each in self.launch_templates.values() if each.name == name)
        found = self.launch_templates.get(id_) if id_ else next(named, None)
        if found is None:
            raise no_launch_template(id_, name)
        return found

    def interfaces_of(self, instance_id: str, *, lag_seconds: float = 0.0) -> list[Interface]:
        """Give the interfaces tied to an instance in any way, by card and device index."""
        return self.tied_interfaces(lag_seconds=lag_seconds).get(instance_id, [])

    def tied_interfaces(self, *, lag_seconds: float = 0.0) -> dict[str, list[Interface]]:
        """Give the interfaces of every instance by its id, by card and device index."""
        tied: dict[str, list[tuple[int, int, str, Interface]]] = {}
        for eni in self.interfaces.before(lag_seconds).values():
            if tie := eni.attachment:
                place = (tie.card_index, tie.device_index, eni.id, eni)
                tied.setdefault(tie.instance_id, []).append(place)
        return {id_: [place[-1] for place in sorted(places)] for id_, places in tied.items()}


def _found(kind: str, id_: str, value: T | None) -> T:
    if value is None:
        raise not_found(kind, id_)
    return value

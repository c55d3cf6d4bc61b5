"""Everything that a plan is made from, at one moment."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from addons.cni.model.actions import Action, AssignAddresses, AssignPrefixes, CreateEni, OfEni
from addons.cni.model.enis import PREFIX_SIZE, Eni, InstanceLimits, Subnet
from addons.cni.model.pool import Addresses, Arrivals, Demand, Placement, Policy
from addons.cni.plan.stock import Stock, stock_of

NEW_INTERFACE = "new interface"
"""The key of all actions that make an interface."""

SOON = timedelta(seconds=1)
"""An address that has cooled down by then comes no later than EC2's answer would."""

SOON_FOR_INTERFACE = timedelta(seconds=5)
"""The same where an interface would have to be made and attached."""


class UnderWay(Struct, frozen=True):
    """An action that was begun and has not ended."""

    action: Action
    since: datetime


THROTTLING = frozenset({"RequestLimitExceeded", "Throttled", "Throttling", "ThrottlingException"})


class Rest(Struct, frozen=True):
    """Why something is not tried again before a time: the code of the other side, and its words.

    One that is over tells what was refused last, while it is tried again.
    """

    until: datetime
    reason: str
    message: str

    @property
    def is_throttling(self) -> bool:
        """Whether it was asked too often."""
        return self.reason in THROTTLING


class View(Struct, frozen=True, kw_only=True):
    """The node, its interfaces as EC2 has them, its addresses and pods.

    `subnets` are those known, by id: of the placement and of the interfaces; an unknown one counts as roomy.
    `demand` is None while Kubernetes cannot be asked: nothing shrinks then. `asking` is how many ADDs wait,
    `being_assigned` how many have their address while `demand` still counts them among those that wait.
    `max_pods` is the kubelet's limit, which counts pods of the host's network too. `rests` are keyed by id of
    an interface or a subnet, and by NEW_INTERFACE. `is_leaving` is the node that terminates.
    The addresses of `unready` interfaces no pod can have yet, as the kernel does not know them.
    """

    now: datetime
    enis: tuple[Eni, ...]
    limits: InstanceLimits
    policy: Policy = Policy()
    placement: Placement = Placement()
    addresses: Addresses = Addresses()
    subnets: Mapping[str, Subnet] = {}
    demand: Demand | None = Demand()
    asking: int = 0
    being_assigned: int = 0
    arrivals: Arrivals = Arrivals()
    max_pods: int | None = None
    is_cordoned: bool = False
    is_leaving: bool = False
    rests: Mapping[str, Rest] = {}
    under_way: tuple[UnderWay, ...] = ()
    unready: frozenset[str] = frozenset()

    @property
    def waiting(self) -> int:
        """Pods that need an address and have none."""
        bound = self.demand.waiting - self.being_assigned if self.demand else 0
        return max(bound, self.asking)

    @property
    def pod_enis(self) -> tuple[Eni, ...]:
        """The interfaces whose addresses pods may have."""
        return serving(self.enis, self.placement)

    @property
    def stock(self) -> Stock:
        """What these interfaces hold."""
        return stock_of(self.pod_enis, self.addresses, self.now)

    @property
    def busy(self) -> frozenset[str]:
        """The interfaces on which something is under way."""
        return frozenset(one.action.eni_id for one in self.under_way if isinstance(one.action, OfEni))

    @property
    def creations(self) -> int:
        """Interfaces that are being made."""
        return sum(isinstance(one.action, CreateEni) for one in self.under_way)

    @property
    def pending(self) -> int:
        """Addresses that come when what is under way succeeds."""
        return sum(gain(one.action) for one in self.under_way)

    @property
    def eni_limit(self) -> int:
        """How many managed interfaces there may be: those of others take places of the type's limit too."""
        limit = self.limits.enis
        if self.policy.max_eni:
            limit = min(limit, self.policy.max_eni)
        others = sum(not eni.is_managed and not eni.network_card for eni in self.enis)
        return max(0, limit - others)

    @property
    def free_eni_slots(self) -> int:
        """How many interfaces could be made now."""
        managed = sum(eni.is_managed and not eni.network_card for eni in self.enis)
        return max(0, self.eni_limit - managed - self.creations)

    @property
    def pods_limit(self) -> int | None:
        """How many addresses pods can use at most, if anything limits them."""
        if self.max_pods is None:
            return None
        return max(0, self.max_pods - (self.demand.host_network if self.demand else 0))

    @property
    def makes_enis(self) -> bool:
        """Whether interfaces may be made here and now."""
        if self.is_leaving or not self.placement.subnet_ids:
            return False
        return not self.is_cordoned or self.policy.manages_cordoned

    @property
    def unit(self) -> int:
        """Addresses of what EC2 is asked for: single ones, or prefixes."""
        return PREFIX_SIZE if self.policy.has_prefixes else 1

    def rests_now(self, key: str) -> bool:
        """Whether a key is not to be tried now."""
        rest = self.rests.get(key)
        return bool(rest and rest.until > self.now)

    def is_scarce(self, subnet_id: str) -> bool:
        """Whether a subnet has less left than its reserve."""
        subnet = self.subnets.get(subnet_id)
        return bool(subnet and subnet.free < self.policy.reserve(subnet.cidr))


def serving(enis: tuple[Eni, ...], placement: Placement) -> tuple[Eni, ...]:
    """The interfaces whose addresses pods may have: managed ones, and the first one where it serves pods."""
    return tuple(eni for eni in enis if eni.is_managed and (placement.primary_serves or not eni.is_primary))


def gain(action: Action) -> int:
    """The addresses that an action brings."""
    match action:
        case AssignAddresses(count=count):
            return count
        case AssignPrefixes(count=count):
            return count * PREFIX_SIZE
        case CreateEni(addresses=count, prefixes=prefixes):
            return count + prefixes * PREFIX_SIZE
    return 0

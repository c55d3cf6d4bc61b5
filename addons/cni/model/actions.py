"""What can be done about the pool of addresses, and what is planned."""

from datetime import datetime
from ipaddress import IPv4Address, IPv4Network

from msgspec import Struct

from addons.runtime.outcomes import ObjectRef, Skip


class Change(Struct, frozen=True, kw_only=True):
    """A change of the pool; `because` says in words why."""

    because: str

    @property
    def key(self) -> str:
        """Names what would be changed."""
        return "pool"

    @property
    def ref(self) -> ObjectRef | None:
        """No single object asks for it."""
        return None


class OfEni(Change, frozen=True, kw_only=True):
    """A change of one network interface."""

    eni_id: str

    @property
    def key(self) -> str:
        """The interface."""
        return self.eni_id


class AssignAddresses(OfEni, frozen=True, kw_only=True):
    """Have EC2 choose more secondary addresses."""

    count: int


class AssignPrefixes(OfEni, frozen=True, kw_only=True):
    """Have EC2 choose more prefixes."""

    count: int


class ReleaseAddresses(OfEni, frozen=True, kw_only=True):
    """Give secondary addresses back to the subnet."""

    ips: tuple[IPv4Address, ...]


class ReleasePrefixes(OfEni, frozen=True, kw_only=True):
    """Give prefixes back to the subnet."""

    prefixes: tuple[IPv4Network, ...]


class CreateEni(Change, frozen=True, kw_only=True):
    """Make an interface with so many secondary addresses or prefixes, and attach it.

    `subnet_ids` are tried in order: where one is full, the next.
    """

    subnet_ids: tuple[str, ...]
    security_groups: tuple[str, ...]
    addresses: int = 0
    prefixes: int = 0

    @property
    def key(self) -> str:
        """All new interfaces share a key: while EC2 refuses one, another is not tried."""
        return "new interface"


class RepairEni(OfEni, frozen=True, kw_only=True):
    """Finish what was begun: attached, but not to be deleted with the instance, or without its tags."""


class SetSecurityGroups(OfEni, frozen=True, kw_only=True):
    """Have an interface the security groups that it should have."""

    groups: tuple[str, ...]


class DeleteEni(OfEni, frozen=True, kw_only=True):
    """Detach an interface that serves no pod, and delete it."""

    attachment_id: str


Action = (
    AssignAddresses
    | AssignPrefixes
    | ReleaseAddresses
    | ReleasePrefixes
    | CreateEni
    | RepairEni
    | SetSecurityGroups
    | DeleteEni
)


class Plan(Struct, frozen=True):
    """What to do about the pool, and what is not done for now.

    `why_waiting` says why there is no address for the next pod: reason code, words, and when to look again.
    `look_again` is when there will be something to do if nothing happens meanwhile.
    """

    actions: tuple[Action, ...] = ()
    skips: tuple[Skip, ...] = ()
    why_waiting: Skip | None = None
    look_again: datetime | None = None

"""What can be done to network interfaces, and what is refused."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network

from addons.sim.aws.ec2.account import Account
from addons.sim.aws.ec2.errors import Ec2Error, conflicting, invalid, not_found
from addons.sim.aws.ec2.instance_types import check_size, limits_of
from addons.sim.aws.ec2.model import Interface, Subnet, Tags
from addons.sim.aws.ec2.space import Space


@dataclass(frozen=True, slots=True)
class Wish:
    """Addresses that are asked for: a number, or certain ones; single, or blocks of 16."""

    count: int = 0
    addresses: tuple[IPv4Address, ...] = ()
    prefix_count: int = 0
    prefixes: tuple[IPv4Network, ...] = ()

    def check(self) -> None:
        """Refuse what asks in two ways at once, or for less than nothing."""
        if self.count < 0 or self.prefix_count < 0:
            raise invalid("The number of addresses must not be negative")
        if sum(map(bool, (self.count, self.addresses, self.prefix_count, self.prefixes))) > 1:
            raise conflicting(
                "Only one of a count of addresses, addresses, a count of prefixes and prefixes may be given"
            )
        if len({*self.addresses, *self.prefixes}) < len(self.addresses) + len(self.prefixes):
            raise invalid("The same address or prefix is given twice")

    @property
    def size(self) -> int:
        """How much it adds to what the limit of an interface counts: a prefix counts as one address."""
        return self.count + len(self.addresses) + self.prefix_count + len(self.prefixes)

    @property
    def has_prefixes(self) -> bool:
        """Say whether it asks for blocks."""
        return bool(self.prefix_count or self.prefixes)


class Interfaces:
    """The operations on interfaces. All of them raise `Ec2Error`, and change nothing when they do."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def all(self) -> list[Interface]:
        """Give every interface as it is now."""
        return self._account.interfaces.values()

    def create(
        self,
        subnet_id: str,
        wish: Wish | None = None,
        *,
        primary: IPv4Address | None = None,
        groups: tuple[str, ...] = (),
        description: str = "",
        tags: Tags | None = None,
        requester: str = "",
    ) -> Interface:
        """Make an interface with a primary address, and what else is wished for."""
        account, wish = self._account, wish or Wish()
        subnet = account.subnet(subnet_id)
        space = account.spaces[subnet_id]
        wish.check()
        explicit = tuple(filter(None, (primary, *wish.addresses)))
        for address in explicit:
            space.check_address(address)
        if not all(map(space.is_free, explicit)) or len(set(explicit)) < len(explicit):
            raise Ec2Error("InvalidIPAddress.InUse", "The specified address is already in use.")
        groups = self._check_groups(groups, subnet)
        prefixes = _pick_prefixes(space, wish, but=explicit)
        block = {address for prefix in prefixes for address in prefix}
        picked = space.find_addresses(wish.count + (primary is None), but={*explicit, *block})
        addresses = (primary or picked.pop(0), *wish.addresses, *picked)
        interface = Interface(
            id=account.new_id("eni"),
            mac=account.new_mac(),
            vpc_id=subnet.vpc_id,
            subnet_id=subnet.id,
            zone=subnet.zone,
            addresses=addresses,
            prefixes=prefixes,
            groups=groups,
            description=description,
            tags=dict(tags or {}),
            is_pending=account.knobs.pending_seconds > 0,
            requester=requester,
        )
        space.take(addresses, prefixes)
        account.put(interface)
        account.agenda.after(account.knobs.pending_seconds, lambda: self._end_pending(interface.id))
        return interface

    def delete(self, id_: str) -> None:
        """Delete an interface that is tied to nothing."""
        interface = self._account.interface(id_)
        if interface.attachment or interface.requester:
            raise invalid(f"Network interface '{id_}' is currently in use.")
        self._account.drop(interface)

    def release(self, id_: str) -> None:
        """Let the service that holds an interface delete it."""
        self._account.drop(self._account.interface(id_))

    def assign(
        self, id_: str, wish: Wish, *, may_move: bool = False
    ) -> tuple[tuple[IPv4Address, ...], tuple[IPv4Network, ...]]:
        """Give an interface more addresses; the answer is these alone."""
        account = self._account
        interface = account.interface(id_)
        subnet, space = account.subnet(interface.subnet_id), account.spaces[interface.subnet_id]
        wish.check()
        if not wish.size:
            raise conflicting("Either a count of addresses or prefixes, or some of them must be given")
        if interface.attachment:
            limits = limits_of(account.instance(interface.attachment.instance_id).type)
            size = len(interface.addresses) + len(interface.prefixes) + wish.size
            check_size(limits, size, wish.has_prefixes)
        for address in wish.addresses:
            space.check_address(address)
        self._move_away(wish.addresses, subnet, may_move=may_move)
        prefixes = _pick_prefixes(space, wish)
        addresses = (*wish.addresses, *space.find_addresses(wish.count))
        space.take(addresses, prefixes)
        interface = account.interface(id_)
        account.put(
            replace(
                interface,
                addresses=(*interface.addresses, *addresses),
                prefixes=(*interface.prefixes, *prefixes),
            )
        )
        return addresses, prefixes

    def unassign(
        self, id_: str, addresses: Iterable[IPv4Address] = (), prefixes: Iterable[IPv4Network] = ()
    ) -> None:
        """Take secondary addresses or prefixes from an interface, back into the subnet."""
        interface = self._account.interface(id_)
        gone, blocks = set(addresses), set(prefixes)
        if not gone and not blocks:
            raise conflicting("Either addresses or prefixes must be given")
        if interface.addresses[0] in gone:
            raise invalid("The primary IP address of an interface cannot be unassigned.")
        if not gone <= set(interface.addresses) or not blocks <= set(interface.prefixes):
            raise invalid(f"Some of the specified addresses are not assigned to interface {id_}")
        self._account.spaces[interface.subnet_id].give_back(gone, blocks)
        self._account.put(
            replace(
                interface,
                addresses=tuple(address for address in interface.addresses if address not in gone),
                prefixes=tuple(prefix for prefix in interface.prefixes if prefix not in blocks),
            )
        )

    def modify(
        self,
        id_: str,
        *,
        groups: tuple[str, ...] | None = None,
        description: str | None = None,
        source_dest_check: bool | None = None,
    ) -> None:
        """Set what is not None."""
        interface = self._account.interface(id_)
        if groups is not None:
            subnet = self._account.subnet(interface.subnet_id)
            interface = replace(interface, groups=self._check_groups(groups, subnet))
        if description is not None:
            interface = replace(interface, description=description)
        if source_dest_check is not None:
            interface = replace(interface, source_dest_check=source_dest_check)
        self._account.put(interface)

    def _check_groups(self, groups: tuple[str, ...], subnet: Subnet) -> tuple[str, ...]:
        known = self._account.security_groups
        for group in groups:
            if group not in known:
                raise not_found("sg", group)
            if known[group].vpc_id != subnet.vpc_id:
                message = f"You have specified two resources that belong to different networks: {group}"
                raise Ec2Error("InvalidGroup.NotFound", message)
        default = (group.id for group in known.values() if group.vpc_id == subnet.vpc_id)
        return groups or (next(default),)

    def _move_away(self, addresses: tuple[IPv4Address, ...], subnet: Subnet, *, may_move: bool) -> None:
        """Take addresses from whoever has them as secondary ones, if that is permitted."""
        space = self._account.spaces[subnet.id]
        there = [eni for eni in self.all() if eni.subnet_id == subnet.id]
        owners = {address: eni for eni in there for address in eni.addresses[1:]} if may_move else {}
        fixed = [address for address in addresses if address not in owners and not space.is_free(address)]
        if fixed:
            raise invalid(f"[{', '.join(map(str, fixed))}] assigned, but move is not allowed.")
        for address in addresses:
            if address in owners:
                self.unassign(owners[address].id, [address])

    def _end_pending(self, id_: str) -> None:
        interface = self._account.interfaces.get(id_)
        if interface and interface.is_pending:
            self._account.put(replace(interface, is_pending=False))


def _pick_prefixes(space: Space, wish: Wish, *, but: Collection[IPv4Address] = ()) -> tuple[IPv4Network, ...]:
    for prefix in wish.prefixes:
        space.check_prefix(prefix, but=but)
    return (*wish.prefixes, *space.find_prefixes(wish.prefix_count, but=but))

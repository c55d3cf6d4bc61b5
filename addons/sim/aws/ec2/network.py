"""Making VPCs and what lies in them: subnets, route tables, security groups."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from addons.sim.aws.ec2.account import REGION, Account
from addons.sim.aws.ec2.errors import Ec2Error, invalid
from addons.sim.aws.ec2.model import RouteTable, SecurityGroup, Subnet, Tags, Vpc
from addons.sim.aws.ec2.space import Space

_TARGETS = ("igw-", "nat-", "tgw-", "pcx-", "vgw-", "eni-")
_SHORTEST, _LONGEST = 16, 28


class Network:
    """The door for whoever builds a VPC; all of it refuses as EC2 would, with `Ec2Error`."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def create_vpc(self, cidr: str, *, tags: Tags | None = None, ipv6_cidr: str = "") -> Vpc:
        """Make a VPC with its main route table and its default security group."""
        account = self._account
        vpc = Vpc(account.new_id("vpc"), (_block(cidr),), dict(tags or {}), _ipv6_block(ipv6_cidr, 56))
        account.vpcs[vpc.id] = vpc
        self._put_table(RouteTable(account.new_id("rtb"), vpc.id, {cidr: "local"}, is_main=True))
        self.create_security_group(vpc.id, "default", "default VPC security group")
        return vpc

    def associate_cidr(self, vpc_id: str, cidr: str) -> Vpc:
        """Give a VPC one more block of addresses."""
        account = self._account
        vpc = account.vpc(vpc_id)
        block = _block(cidr)
        if any(block.overlaps(other) for other in vpc.cidrs):
            raise Ec2Error("InvalidVpc.Range", f"The CIDR '{cidr}' conflicts with another of {vpc_id}")
        account.vpcs[vpc_id] = replace(vpc, cidrs=(*vpc.cidrs, block))
        for table in [table for table in account.route_tables.values() if table.vpc_id == vpc_id]:
            self._put_table(replace(table, routes={**table.routes, cidr: "local"}))
        return account.vpcs[vpc_id]

    def create_subnet(
        self,
        vpc_id: str,
        cidr: str,
        *,
        zone: str = f"{REGION}a",
        tags: Tags | None = None,
        ipv6_cidr: str = "",
    ) -> Subnet:
        """Make a subnet; it has five addresses less than its block."""
        account = self._account
        block, vpc = _block(cidr), account.vpc(vpc_id)
        if not any(block.subnet_of(outer) for outer in vpc.cidrs):
            raise Ec2Error("InvalidSubnet.Range", f"The CIDR '{cidr}' is invalid.")
        if any(block.overlaps(other.cidr) for other in account.subnets.values() if other.vpc_id == vpc_id):
            raise Ec2Error("InvalidSubnet.Conflict", f"The CIDR '{cidr}' conflicts with another subnet")
        ipv6 = _ipv6_block(ipv6_cidr, 64)
        if ipv6 and not (vpc.ipv6_cidr and ipv6.subnet_of(vpc.ipv6_cidr)):
            raise Ec2Error("InvalidSubnet.Range", f"The CIDR '{ipv6_cidr}' is invalid.")
        subnet = Subnet(account.new_id("subnet"), vpc_id, zone, block, dict(tags or {}), ipv6)
        account.subnets[subnet.id] = subnet
        account.spaces[subnet.id] = Space(block)
        return subnet

    def create_security_group(self, vpc_id: str, name: str, description: str = "") -> SecurityGroup:
        """Make a security group."""
        account = self._account
        group = SecurityGroup(account.new_id("sg"), account.vpc(vpc_id).id, name, description or name)
        account.security_groups[group.id] = group
        return group

    def create_prefix_list(self, max_entries: int = 10) -> str:
        """Make a list of prefixes, which counts as `max_entries` rules where a rule names it; give its id."""
        id_ = self._account.new_id("pl")
        self._account.prefix_lists[id_] = max_entries
        return id_

    def create_route_table(
        self, vpc_id: str, *, subnets: Iterable[str], routes: Mapping[str, str] | None = None
    ) -> RouteTable:
        """Make a route table for some subnets; the VPC's own routes are in it, `routes` come on top."""
        account = self._account
        local = {str(cidr): "local" for cidr in account.vpc(vpc_id).cidrs}
        table = RouteTable(account.new_id("rtb"), vpc_id, local, subnets=tuple(subnets))
        for other in list(account.route_tables.values()):
            self._put_table(replace(other, subnets=tuple(set(other.subnets) - set(table.subnets))))
        self._put_table(table)
        for destination, target in (routes or {}).items():
            self.set_route(table.id, destination, target)
        return account.route_tables[table.id]

    def main_route_table(self, vpc_id: str) -> RouteTable:
        """Give the table of subnets that have none of their own."""
        tables = self._account.route_tables.values()
        return next(table for table in tables if table.vpc_id == vpc_id and table.is_main)

    def set_route(self, table_id: str, destination: str, target: str) -> None:
        """Let packets for a destination go to a target, e.g. `igw-1`; with "" the route is deleted."""
        table = self._account.route_tables[table_id]
        routes = {cidr: to for cidr, to in table.routes.items() if cidr != destination}
        if target:
            if not target.startswith(_TARGETS):
                raise invalid(f"Value ({target}) for the target of a route is invalid")
            routes[destination] = target
        self._put_table(replace(table, routes=routes))

    def _put_table(self, table: RouteTable) -> None:
        self._account.route_tables[table.id] = table


def _ipv6_block(cidr: str, length: int) -> IPv6Network | None:
    block = IPv6Network(cidr) if cidr else None
    if block and block.prefixlen != length:
        raise Ec2Error("InvalidSubnet.Range", f"The CIDR '{cidr}' is invalid.")
    return block


def _block(cidr: str) -> IPv4Network:
    block = IPv4Network(cidr)
    if not _SHORTEST <= block.prefixlen <= _LONGEST:
        raise Ec2Error("InvalidSubnet.Range", f"The CIDR '{cidr}' is invalid.")
    return block

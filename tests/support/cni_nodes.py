"""A model of EC2's subnets, and of a node that carries out its plans, in time that only moves when told."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network
from itertools import count

from msgspec.structs import replace

from addons.cni.model.actions import (
    Action,
    AssignAddresses,
    AssignPrefixes,
    CreateEni,
    DeleteEni,
    OfEni,
    Plan,
    ReleaseAddresses,
    ReleasePrefixes,
)
from addons.cni.model.enis import Eni, InstanceLimits, Subnet
from addons.cni.model.pool import Addresses, Arrivals, Demand, Placement, Policy
from addons.cni.plan.arrivals import arrived
from addons.cni.plan.assign import free_since, pick_address
from addons.cni.plan.pool import plan_pool
from addons.cni.plan.view import Rest, UnderWay, View, serving
from tests.support.cni_pool import NOW, TAGS

_CALLS = {CreateEni: 3, DeleteEni: 2}
"""Mutating calls: create, attach, modify; detach, delete. Everything else is one."""


class Full(Exception):
    """A subnet has less than was asked for; nothing is given."""


class Ec2:
    """Subnets as EC2 allocates from them, and how many mutating calls were made."""

    def __init__(self, cidrs: Mapping[str, IPv4Network], taken: int = 0) -> None:
        self.cidrs = cidrs
        self.free = {name: list(cidr.hosts())[3 + taken :] for name, cidr in cidrs.items()}
        self.calls: Counter[str] = Counter()
        self._numbers = count()

    def subnets(self) -> dict[str, Subnet]:
        return {
            name: Subnet(subnet_id=name, cidr=cidr, free=len(self.free[name]))
            for name, cidr in self.cidrs.items()
        }

    def count(self, action: Action) -> None:
        self.calls[type(action).__name__] += _CALLS.get(type(action), 1)

    def take(self, name: str, wanted: int) -> frozenset[IPv4Address]:
        if wanted > len(self.free[name]):
            raise Full(name)
        taken, self.free[name] = self.free[name][:wanted], self.free[name][wanted:]
        return frozenset(taken)

    def take_prefixes(self, name: str, wanted: int) -> frozenset[IPv4Network]:
        free = set(self.free[name])
        blocks = (block for block in self.cidrs[name].subnets(new_prefix=28) if free.issuperset(block))
        taken = [block for block, _ in zip(blocks, range(wanted), strict=False)]
        if len(taken) < wanted:
            raise Full(name)
        self.free[name] = sorted(free.difference(*taken))
        return frozenset(taken)

    def give_back(self, name: str, ips: Iterable[IPv4Address]) -> None:
        self.free[name] = sorted({*self.free[name], *ips})

    def create(self, action: CreateEni, index: int) -> Eni:
        for name in action.subnet_ids:
            try:
                prefixes = self.take_prefixes(name, action.prefixes)
                (primary, *others) = sorted(self.take(name, action.addresses + 1))
            except Full:
                continue
            return self.eni(name, primary, index, frozenset(others), prefixes)
        raise Full(action.subnet_ids[0])

    def eni(
        self,
        name: str,
        primary: IPv4Address,
        index: int,
        addresses: frozenset[IPv4Address] = frozenset(),
        prefixes: frozenset[IPv4Network] = frozenset(),
    ) -> Eni:
        number = next(self._numbers)
        return Eni(
            eni_id=f"eni-{number:03}",
            mac=f"02:00:00:00:00:{number:02x}",
            device_index=index,
            subnet_id=name,
            subnet_cidr=self.cidrs[name],
            primary_ip=primary,
            addresses=addresses,
            prefixes=prefixes,
            attachment_id=f"attach-{number}",
            tags=TAGS,
        )


class Node:
    """A node whose plans are carried out: at once, or after `assign_seconds` and `create_seconds`."""

    def __init__(
        self,
        ec2: Ec2,
        *,
        limits: InstanceLimits,
        policy: Policy | None = None,
        cooldown: float = 30,
        assign_seconds: float = 0,
        create_seconds: float = 0,
    ) -> None:
        self.ec2, self.limits, self.policy = ec2, limits, policy or Policy()
        self.now = NOW
        self.subnet_id = next(iter(ec2.cidrs))
        (primary,) = ec2.take(self.subnet_id, 1)
        self.enis: tuple[Eni, ...] = (ec2.eni(self.subnet_id, primary, 0),)
        self.pods: dict[str, IPv4Address] = {}
        self.waiting: list[str] = []
        self.addresses = Addresses()
        self.arrivals = Arrivals()
        self.rests: dict[str, Rest] = {}
        self.under_way: list[tuple[UnderWay, timedelta]] = []
        self.is_cordoned = False
        self._cooldown = timedelta(seconds=cooldown)
        self._seconds = assign_seconds, create_seconds

    def view(self) -> View:
        return View(
            now=self.now,
            enis=self.enis,
            limits=self.limits,
            policy=self.policy,
            placement=Placement(subnet_ids=tuple(self.ec2.cidrs)),
            addresses=self.addresses,
            subnets=self.ec2.subnets(),
            demand=Demand(waiting=len(self.waiting), requested=len(self.pods) + len(self.waiting)),
            asking=len(self.waiting),
            arrivals=self.arrivals,
            rests=self.rests,
            under_way=tuple(one for one, _ in self.under_way),
            is_cordoned=self.is_cordoned,
        )

    def add(self, pod: str) -> None:
        self.waiting.append(pod)
        self.arrivals = arrived(self.arrivals, self.now)
        self.serve()

    def delete(self, pod: str) -> None:
        ip = self.pods.pop(pod)
        cooling = {**self.addresses.cooling, ip: self.now + self._cooldown}
        self.addresses = replace(self.addresses, cooling=cooling)
        self._note()

    def serve(self) -> None:
        """Give addresses to the pods that wait, in order."""
        while self.waiting:
            self._note()
            found = pick_address(serving(self.enis, Placement()), self.addresses, self.now)
            if found is None:
                break
            self.pods[self.waiting.pop(0)] = found[0]
        self._note()

    def settle(self) -> None:
        """Plan and act until nothing is left to do now."""
        for _ in range(60):
            if not self.step().actions and not self.under_way:
                return
        raise AssertionError(f"not settled: {plan_pool(self.view()).actions}")

    def step(self) -> Plan:
        """End what is due, serve, plan, and begin what is planned."""
        for one, took in list(self.under_way):
            if one.since + took <= self.now:
                self.under_way.remove((one, took))
                self.carry_out(one.action)
        self.serve()
        plan = plan_pool(self.view())
        for action in plan.actions:
            seconds = self._seconds[isinstance(action, CreateEni | DeleteEni)]
            if seconds:
                self.under_way.append((UnderWay(action, self.now), timedelta(seconds=seconds)))
            else:
                self.carry_out(action)
        self.serve()
        return plan

    def carry_out(self, action: Action) -> None:
        self.ec2.count(action)
        try:
            self._carry_out(action)
        except Full as full:
            self.rests[str(full)] = Rest(self.now + timedelta(seconds=30), "Insufficient", "full")
        self._note()

    def _carry_out(self, action: Action) -> None:
        if isinstance(action, CreateEni):
            index = next(n for n in count() if n not in {eni.device_index for eni in self.enis})
            made = self.ec2.create(action, index)
            self.enis = (*self.enis, replace(made, created_at=self.now))
            return
        assert isinstance(action, OfEni)
        eni = next(one for one in self.enis if one.eni_id == action.eni_id)
        others = tuple(one for one in self.enis if one is not eni)
        if isinstance(action, DeleteEni):
            self.enis = others
            self.ec2.give_back(eni.subnet_id, {eni.primary_ip, *eni.all_addresses()})
            return
        self.enis = tuple(sorted((*others, self._changed(eni, action)), key=lambda one: one.device_index))

    def _changed(self, eni: Eni, action: Action) -> Eni:
        match action:
            case AssignAddresses(count=wanted):
                return replace(eni, addresses=eni.addresses | self.ec2.take(eni.subnet_id, wanted))
            case AssignPrefixes(count=wanted):
                return replace(eni, prefixes=eni.prefixes | self.ec2.take_prefixes(eni.subnet_id, wanted))
            case ReleaseAddresses(ips=ips):
                self.ec2.give_back(eni.subnet_id, ips)
                return replace(eni, addresses=eni.addresses - frozenset(ips))
            case ReleasePrefixes(prefixes=gone):
                self.ec2.give_back(eni.subnet_id, (ip for prefix in gone for ip in prefix))
                return replace(eni, prefixes=eni.prefixes - frozenset(gone))
        raise AssertionError(action)

    def given_up(self, action: Action) -> frozenset[IPv4Address]:
        """The addresses that an action takes from the node."""
        match action:
            case ReleaseAddresses(ips=ips):
                return frozenset(ips)
            case ReleasePrefixes(prefixes=prefixes):
                return frozenset(ip for prefix in prefixes for ip in prefix)
            case DeleteEni(eni_id=eni_id):
                return next(eni for eni in self.enis if eni.eni_id == eni_id).all_addresses()
        return frozenset()

    def _note(self) -> None:
        withheld = frozenset[IPv4Address]().union(*(self.given_up(one.action) for one, _ in self.under_way))
        self.addresses = replace(self.addresses, assigned=frozenset(self.pods.values()), quarantined=withheld)
        since = free_since(self.enis, self.addresses, self.now)
        self.addresses = replace(self.addresses, free_since=since)

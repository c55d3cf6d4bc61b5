"""What the node's networks are to be, and what is to change for that. Pure.

| priority | rule | for |
|---|---|---|
| 512 | all by the table of pods (`table`), or for each pod one to the main table (`compat`) | to pods |
| 1024 | what carries the mark by the main table | connections of the first interface |
| 1536 | from addresses of other interfaces by their tables | from pods |
| 32765 | from the primary addresses of these interfaces by their tables | the interfaces themselves |

A rule that a living pod may need goes only when another one does its work already. A pod lives when it is
assigned its address, and when a link leads to it: the assignment may not be known yet, or lost.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network

from msgspec import Struct

from addons.cni.model.enis import Eni
from addons.cni.net.kernel import ANYWHERE, LinkState, Route, Rule
from addons.cni.net.wiring import (
    FROM_ENI,
    FROM_POD,
    MAIN_TABLE,
    MARKED,
    POD_TABLE,
    PROTOCOL,
    TO_POD,
    RuleLayout,
)

_OF_THE_KERNEL = 2  # RTPROT_KERNEL
_OF_ORIGINAL = (0, 3, 4)  # none, RTPROT_BOOT, RTPROT_STATIC


class DataPath(Struct, frozen=True, kw_only=True):
    """How packets are to go. `mark` 0: no connection is kept on the first interface."""

    layout: RuleLayout = "table"
    mark: int = 0x80
    eni_mtu: int = 9001


class EniLink(Struct, frozen=True, kw_only=True):
    """What the link of another interface than the first is to be."""

    eni_id: str
    mac: str
    address: str
    gateway: IPv4Address
    table: int


class Wanted(Struct, frozen=True, kw_only=True):
    """What is to be there. `living` are the addresses of pods: what they need is not removed."""

    path: DataPath
    links: tuple[EniLink, ...]
    rules: frozenset[Rule]
    living: frozenset[IPv4Address]


class Observed(Struct, frozen=True, kw_only=True):
    """What the kernel holds; `addresses` by the index of links of interfaces."""

    links: tuple[LinkState, ...]
    rules: tuple[Rule, ...]
    routes: tuple[Route, ...]
    addresses: Mapping[int, frozenset[str]] = {}

    def by_mac(self, mac: str) -> LinkState | None:
        """Give the link of a network interface; ends of pairs with the same hardware address do not count."""
        return next((link for link in self.links if link.mac == mac and not link.alias), None)


class Changes(Struct, frozen=True, kw_only=True):
    """What is to be done, in this order. `missing` are interfaces that have no link yet."""

    links: tuple[tuple[EniLink, LinkState], ...] = ()
    new_routes: tuple[Route, ...] = ()
    new_rules: tuple[Rule, ...] = ()
    old_rules: tuple[Rule, ...] = ()
    old_routes: tuple[Route, ...] = ()
    missing: frozenset[str] = frozenset()

    def lacking(self) -> tuple[str, ...]:
        """Say what is wanted and not there."""
        return (
            *(f"link {link.name} of {eni.eni_id}: is not set up" for eni, link in self.links),
            *(f"{each}: is not there" for each in (*self.new_routes, *self.new_rules)),
        )

    def words(self) -> tuple[str, ...]:
        """Say what is not as wanted."""
        return (
            *self.lacking(),
            *(f"{each}: serves nobody" for each in (*self.old_rules, *self.old_routes)),
        )


def wanted_network(enis: Iterable[Eni], assigned: Mapping[IPv4Address, int], path: DataPath) -> Wanted:
    """Give what is to be there: `assigned` are the addresses of pods, with the tables of their interfaces."""
    others = [eni for eni in enis if eni.is_managed and not eni.is_primary]
    rules = {Rule(FROM_ENI, eni.table, IPv4Network(eni.primary_ip)) for eni in others}
    if path.mark:
        rules.add(Rule(MARKED, MAIN_TABLE, mark=path.mark, mask=path.mark))
    rules.update(_rules_of_pods(others, assigned, path.layout))
    return Wanted(
        path=path,
        links=tuple(map(_eni_link, others)),
        rules=frozenset(rules),
        living=frozenset(assigned),
    )


def changes(wanted: Wanted, observed: Observed) -> Changes:
    """Give what is to change. Nothing changes when it was applied, and nothing else happened."""
    found = [(eni, observed.by_mac(eni.mac)) for eni in wanted.links]
    present = [(eni, link) for eni, link in found if link]
    there = {_without_maker(each) for each in observed.routes}
    routes = [each for eni, link in present for each in _routes_of(eni, link.index)]
    old_routes = _connected(observed, {link.index for _, link in present})
    rules = {_without_protocol(rule) for rule in observed.rules}
    return Changes(
        links=tuple((eni, link) for eni, link in present if not _is_set_up(eni, link, wanted.path, observed)),
        new_routes=tuple(each for each in routes if _without_maker(each) not in there),
        new_rules=tuple(sorted(wanted.rules - rules)),
        old_rules=tuple(_old_rules(wanted, observed)),
        old_routes=tuple(old_routes),
        missing=frozenset(eni.eni_id for eni, link in found if link is None),
    )


def _rules_of_pods(
    others: Iterable[Eni], assigned: Mapping[IPv4Address, int], layout: RuleLayout
) -> Iterator[Rule]:
    if layout == "compat":
        for ip, table in assigned.items():
            yield Rule(TO_POD, MAIN_TABLE, destination=IPv4Network(ip))
            if table != MAIN_TABLE:
                yield Rule(FROM_POD, table, IPv4Network(ip))
        return
    yield Rule(TO_POD, POD_TABLE)
    for eni in others:
        for network in (*map(IPv4Network, eni.addresses), *eni.prefixes):
            yield Rule(FROM_POD, eni.table, network)


def _eni_link(eni: Eni) -> EniLink:
    return EniLink(
        eni_id=eni.eni_id,
        mac=eni.mac,
        address=f"{eni.primary_ip}/{eni.subnet_cidr.prefixlen}",
        gateway=eni.subnet_cidr[1],
        table=eni.table,
    )


def _routes_of(eni: EniLink, index: int) -> tuple[Route, Route]:
    return (
        Route(eni.table, IPv4Network(eni.gateway), index, protocol=PROTOCOL),
        Route(eni.table, ANYWHERE, index, eni.gateway, protocol=PROTOCOL),
    )


def _is_set_up(eni: EniLink, link: LinkState, path: DataPath, observed: Observed) -> bool:
    has_address = eni.address in observed.addresses.get(link.index, ())
    return link.is_up and link.mtu == path.eni_mtu and has_address


def _connected(observed: Observed, indexes: Collection[int]) -> Iterator[Route]:
    """The routes that came with addresses of other interfaces: the VPC would drop what goes by them."""
    for each in observed.routes:
        if each.table == MAIN_TABLE and each.index in indexes and each.protocol == _OF_THE_KERNEL:
            yield each


def _old_rules(wanted: Wanted, observed: Observed) -> Iterator[Rule]:
    """Rules that serve nobody, and further copies of those that are wanted."""
    seen = set()
    led = _led_to(observed)
    table = POD_TABLE if wanted.path.layout == "table" else MAIN_TABLE
    living = wanted.living.union(*led.values())
    for rule in filter(_is_ours, observed.rules):
        plain = _without_protocol(rule)
        if plain in wanted.rules and plain not in seen:
            seen.add(plain)
        elif plain in wanted.rules or all(_is_served(ip, rule, wanted, led[table]) for ip in living):
            yield rule


def _led_to(observed: Observed) -> dict[int, set[IPv4Address]]:
    """The addresses to which ends of pairs lead, by the table of the route."""
    ends = {link.index for link in observed.links if link.kind == "veth"}
    found: dict[int, set[IPv4Address]] = {POD_TABLE: set(), MAIN_TABLE: set()}
    for each in observed.routes:
        if each.index in ends and each.table in found and each.network.prefixlen == 32:
            found[each.table].add(each.network.network_address)
    return found


def _is_ours(rule: Rule) -> bool:
    """Whether we made it, or the original did: by its priority and form, for it does not sign its rules."""
    if rule.protocol == PROTOCOL:
        return True
    if rule.protocol not in _OF_ORIGINAL:
        return False
    to_pod = rule.destination.prefixlen == 32 and rule.table == MAIN_TABLE
    from_pod = rule.source.prefixlen == 32 and rule.table != MAIN_TABLE
    return (rule.priority == TO_POD and to_pod) or (rule.priority == FROM_POD and from_pod)


def _is_served(ip: IPv4Address, rule: Rule, wanted: Wanted, routed: Collection[IPv4Address]) -> bool:
    """Whether a living pod does without the rule: it is not concerned, or another rule does its work."""
    if rule.priority == TO_POD:
        return ip not in rule.destination or (ip in routed and _leads_to(ip, wanted.rules))
    if rule.priority == FROM_POD:
        return ip not in rule.source or any(
            each.priority == FROM_POD and ip in each.source for each in wanted.rules
        )
    return True


def _leads_to(ip: IPv4Address, rules: Collection[Rule]) -> bool:
    in_our_table, alone = Rule(TO_POD, POD_TABLE), Rule(TO_POD, MAIN_TABLE, destination=IPv4Network(ip))
    return in_our_table in rules or alone in rules


def _without_protocol(rule: Rule) -> Rule:
    return Rule(rule.priority, rule.table, rule.source, rule.destination, rule.mark, rule.mask)


def _without_maker(each: Route) -> Route:
    return Route(each.table, each.network, each.index, each.gateway)

"""The table as data: which packets of pods are brought to the daemon, and which go nowhere. Pure.

Four ways lead to the node's metadata, or to the daemon past the redirect; each has a chain that closes it:
a pod may use another's address (antispoof), may reach the metadata by another port or protocol (forward),
may open the daemon's ports itself (input), or may live in the node's own network (output).
"""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from itertools import product
from typing import NamedTuple

from msgspec import Struct

from addons.iamproxy.net import expressions as say
from addons.iamproxy.net.expressions import Address, Expression, Network, Phrase
from addons.iamproxy.net.seats import SEATS, Seat

TABLE = "aws-addons-iamproxy"
"""The one table, of family inet, that is ours; no other is ever touched."""

INTERCEPT = "intercept"
"""The chain that leads pods to the daemon."""


class Priority(NamedTuple):
    """When a chain comes in turn at its hook: the lower, the earlier; and how `nft` writes it."""

    text: str
    value: int


_RAW = Priority("raw", -300)  # before connections are tracked
_BEFORE_KUBE_PROXY = Priority("dstnat - 10", -110)
_BEFORE_FILTERS = Priority("filter - 10", -10)


class ControlGroups(Struct, frozen=True):
    """The control groups (of cgroup v2) of pods, and of this daemon, as (path, inode number)."""

    pods: tuple[tuple[str, int], ...]
    ours: tuple[str, int] | None = None


class RedirectSettings(Struct, frozen=True):
    """What is redirected, and whereto.

    `metadata`: where pods find the metadata service. `listener`: the seat where the daemon listens.
    `interfaces` narrow who is redirected (without any: everybody). Who is not is not let through either:
    nothing that this node forwards ever reaches the metadata service.
    `admin_networks`: who may open the admin port from outside the node; by default nobody.
    """

    metadata: tuple[Address, ...] = (IPv4Address("169.254.169.254"), IPv6Address("fd00:ec2::254"))
    listener: Seat = SEATS[0]
    port: int = 8181
    admin_port: int = 8182
    interfaces: tuple[str, ...] = ()
    admin_networks: tuple[Network, ...] = ()


class Rule(NamedTuple):
    """One rule: its text in the language of `nft`, and the expressions of the kernel."""

    text: str
    expressions: tuple[Expression, ...]


class Chain(NamedTuple):
    """A chain at a hook of the packets' way through the kernel."""

    name: str
    type: str
    hook: str
    priority: Priority
    rules: tuple[Rule, ...]


def wanted_chains(settings: RedirectSettings, groups: ControlGroups | None) -> tuple[Chain, ...]:
    """Give every chain of the table; without `groups` pods in the node's network are not told apart."""
    return (
        Chain("antispoof", "filter", "prerouting", _RAW, tuple(_antispoof(settings))),
        Chain(INTERCEPT, "nat", "prerouting", _BEFORE_KUBE_PROXY, tuple(_intercept(settings))),
        Chain("forward", "filter", "forward", _BEFORE_FILTERS, tuple(_forward(settings))),
        Chain("input", "filter", "input", _BEFORE_FILTERS, tuple(_input(settings))),
        Chain("output", "filter", "output", _BEFORE_FILTERS, tuple(_output(settings, groups))),
    )


def write(chains: Iterable[Chain]) -> str:
    """Give the table in the language of `nft`: as `nft --stateless list` shows it."""
    blocks = []
    for chain in chains:
        head = f"type {chain.type} hook {chain.hook} priority {chain.priority.text}; policy accept;"
        lines = "".join(f"\t\t{line}\n" for line in (head, *(rule.text for rule in chain.rules)))
        blocks.append(f"\tchain {chain.name} {{\n{lines}\t}}\n")
    return f"table inet {TABLE} {{\n" + "\n".join(blocks) + "}\n"


def _rule(*phrases: Phrase) -> Rule:
    return Rule(
        " ".join(phrase.text for phrase in phrases),
        tuple(expression for phrase in phrases for expression in phrase.expressions),
    )


def _antispoof(settings: RedirectSettings) -> Iterator[Rule]:
    for address in settings.metadata:
        yield _rule(say.destination(address), say.spoofed(), say.counted(), say.drop())


def _intercept(settings: RedirectSettings) -> Iterator[Rule]:
    everybody: list[tuple[Phrase, ...]] = [()]
    narrowings = [(say.incoming(pattern),) for pattern in settings.interfaces] or everybody
    for (metadata, listener), narrowing in product(_pairs(settings), narrowings):
        where = (*narrowing, say.destination(metadata), say.tcp_to_port(80))
        yield _rule(*where, say.counted(), say.translate_to(listener, settings.port))


def _pairs(settings: RedirectSettings) -> Iterator[tuple[Address, Address]]:
    by_version = {address.version: address for address in settings.listener}
    return (
        (metadata, by_version[metadata.version])
        for metadata in settings.metadata
        if metadata.version in by_version
    )


def _forward(settings: RedirectSettings) -> Iterator[Rule]:
    for address in settings.metadata:
        yield _rule(say.destination(address), say.counted(), say.drop())


def _input(settings: RedirectSettings) -> Iterator[Rule]:
    """The listener takes redirected connections only; the node itself reaches both ports, to probe them."""
    yield _rule(say.incoming("lo"), say.accept())
    for address in settings.metadata:
        yield _rule(say.first_sent_to(address), say.tcp_to_port(settings.port), say.accept())
    for network in settings.admin_networks:
        yield _rule(say.source(network), say.tcp_to_port(settings.admin_port), say.accept())
    for port in (settings.port, settings.admin_port):
        yield _rule(say.tcp_to_port(port), say.counted(), say.refuse())


def _output(settings: RedirectSettings, groups: ControlGroups | None) -> Iterator[Rule]:
    if groups is None:
        return
    if groups.ours:
        yield _rule(say.of_cgroup(*groups.ours), say.accept())
    for group, address in product(groups.pods, settings.metadata):
        yield _rule(say.destination(address), say.of_cgroup(*group), say.counted(), say.drop())

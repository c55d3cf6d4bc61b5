"""Compare a pod's wiring with what the kernel holds, and put it right.

Permanent is not for ever: a change of the pod's own hardware address and a link that goes down each flush its
neighbour, and the latter its routes too. After the first the host's end answers for the gateway, and the pod
goes on by itself; after the second `repair` is needed.
"""

from collections.abc import Iterator
from ipaddress import IPv4Network

from addons.cni.net.kernel import ANYWHERE, Kernel, LinkState, Rule
from addons.cni.net.namespaces import opened
from addons.cni.net.pair import Pairs, pod_end
from addons.cni.net.wiring import (
    FROM_POD,
    GATEWAY,
    MAIN_TABLE,
    POD_TABLE,
    TO_POD,
    Wiring,
)
from addons.netlink import route
from addons.runtime.errors import NotFound


def differences(pairs: Pairs, wiring: Wiring) -> tuple[str, ...]:
    """Say what is not as it was wired; see `Pods.check`.

    Of pods that were taken over the namespace is not known: they are looked at from outside.
    """
    with Kernel() as kernel:
        host = _find(kernel, wiring.host_if)
        found = list(_host_differences(kernel, wiring, host))
    if host and (host.index, GATEWAY) not in map(route.read_proxy, pairs.host.dump(route.PROXIES)):
        found.append(f"link {host.name}: does not answer for {GATEWAY}")
    if not wiring.netns:
        return tuple(found)
    try:
        with opened(wiring.netns) as namespace:
            kernel = pairs.kernel_inside(namespace, wiring)
    except NotFound as error:
        return (*found, error.message)
    with kernel:
        return (*found, *_pod_differences(kernel, wiring, host))


def repair(pairs: Pairs, wiring: Wiring) -> tuple[str, ...]:
    """Put right what is not as it was wired; see `Pods.repair`."""
    amiss = differences(pairs, wiring)
    if amiss:
        _put_right(pairs, wiring)
    return amiss


def _put_right(pairs: Pairs, wiring: Wiring) -> None:
    host = pairs.own_link(wiring)
    pairs.host.send([route.set_mtu(host.index, wiring.mtu), route.set_up(host.index)])
    pairs.lead_to(wiring, host.index)
    pairs.sign(wiring, host.index)
    if not wiring.netns:
        return
    with opened(wiring.netns) as namespace:
        pod = pairs.socket_inside(namespace, wiring)
    try:
        inside = pairs.link(pod, wiring.if_name)
        pod.send([route.set_mtu(inside.index, wiring.mtu)])
        pod.send(pod_end(wiring, inside.index, host.mac))
    finally:
        pod.close()


def _host_differences(kernel: Kernel, wiring: Wiring, link: LinkState | None) -> Iterator[str]:
    if link is None:
        yield f"link {wiring.host_if}: is not there"
        return
    yield from _link_differences(link, wiring.mtu)
    if link.alias != wiring.alias:
        yield f"link {link.name}: has the alias {link.alias!r}, not {wiring.alias!r}"
    table = wiring.table_of_route
    ways = [each for each in kernel.routes(table) if each.network == IPv4Network(wiring.ip)]
    if not any(each.index == link.index for each in ways):
        where = "main" if table == MAIN_TABLE else table
        yield f"route {wiring.ip} in table {where}: {'leads elsewhere' if ways else 'is not there'}"
    yield from _rule_differences(kernel.rules(), wiring)


def _rule_differences(rules: list[Rule], wiring: Wiring) -> Iterator[str]:
    """The first rule of the priority that concerns the address counts, as for packets."""
    to_pod = POD_TABLE if wiring.layout == "table" else MAIN_TABLE
    ours = [rule for rule in rules if rule.priority == TO_POD and wiring.ip in rule.destination]
    if to_pod not in (rule.table for rule in ours):
        yield f"rule {TO_POD} to {wiring.ip}: is not there"
    tables = [rule.table for rule in rules if rule.priority == FROM_POD and wiring.ip in rule.source]
    if (tables[0] if tables else MAIN_TABLE) != wiring.table:
        yield f"rule {FROM_POD} from {wiring.ip}: " + (
            f"leads to table {tables[0]}, not {wiring.table}" if tables else "is not there"
        )


def _pod_differences(kernel: Kernel, wiring: Wiring, host: LinkState | None) -> Iterator[str]:
    link = _find(kernel, wiring.if_name)
    if link is None:
        yield f"link {wiring.if_name} in the pod: is not there"
        return
    yield from (f"{words} in the pod" for words in _link_differences(link, wiring.mtu))
    if f"{wiring.ip}/32" not in kernel.addresses(link.index):
        yield f"address {wiring.ip}: is not on {link.name} in the pod"
    routes = {(each.network, each.gateway) for each in kernel.routes(MAIN_TABLE) if each.index == link.index}
    if (IPv4Network(GATEWAY), None) not in routes:
        yield f"route {GATEWAY} in the pod: is not there"
    if (ANYWHERE, GATEWAY) not in routes:
        yield "default route in the pod: is not there"
    macs = [each.mac for each in kernel.neighbours(link.index) if each.ip == GATEWAY and each.is_permanent]
    if host and macs != [host.mac]:
        has = f"is {macs[0]}, not {host.mac}" if macs else "is not there for good"
        yield f"neighbour {GATEWAY} in the pod: {has}"


def _link_differences(link: LinkState, mtu: int) -> Iterator[str]:
    if not link.is_up:
        yield f"link {link.name}: is down"
    if link.mtu != mtu:
        yield f"link {link.name}: has an MTU of {link.mtu}, not {mtu}"


def _find(kernel: Kernel, name: str) -> LinkState | None:
    return next((link for link in kernel.links() if link.name == name), None)

"""Make and remove pairs of links: what one thread does for a pod, in two or three datagrams."""

import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path

from addons.cni.net.kernel import Kernel
from addons.cni.net.namespaces import enter, inside, opened
from addons.cni.net.sysctls import Sysctls
from addons.cni.net.wiring import (
    DOOMED_GROUP,
    FROM_POD,
    GATEWAY,
    MAIN_TABLE,
    PROTOCOL,
    TO_POD,
    Wired,
    Wiring,
    owner_of,
    written_mac,
)
from addons.netlink import route
from addons.netlink.messages import Message
from addons.netlink.route import Link
from addons.netlink.sockets import ROUTE, NetlinkSocket
from addons.runtime.errors import AlreadyExists, NotFound, Unavailable

NAMESPACES = Path("/var/run/netns")
"""Where runtimes have the namespaces of sandboxes."""

_RUNNING_SECONDS, _LOOK_AGAIN_SECONDS = 5.0, 0.002
_ANYWHERE = IPv4Network("0.0.0.0/0")
_FIRST, _LATER_METRICS = "eth0", 1024


class LinkTaken(AlreadyExists):
    """The host's end of that name belongs to another sandbox; `owner` is (container id, name inside)."""

    def __init__(self, message: str, owner: tuple[str, str]) -> None:
        super().__init__(message)
        self.owner = owner


class Pairs:
    """The pairs of links between the namespace `home` and pods, for the one thread that makes it."""

    def __init__(self, home: int, sysctls: Sysctls) -> None:
        enter(home, "of the node")
        self._home = home
        self._sysctls = sysctls
        self.host = NetlinkSocket(ROUTE)

    def close(self) -> None:
        """Give the socket back."""
        self.host.close()

    def connect(self, wiring: Wiring, await_written: Callable[[], None]) -> Wired:
        """Make the pair, where it is not there; see `Pods.connect`."""
        with opened(wiring.netns) as namespace:
            pod = self.socket_inside(namespace, wiring)
            try:
                if existing := self._existing(wiring):
                    return _wired(existing, self.link(pod, wiring.if_name))
                self._make_pair(wiring, namespace)
                self._complete(wiring, pod, await_written)
                return Wired(written_mac(wiring.host_mac), written_mac(wiring.pod_mac))
            finally:
                pod.close()

    def doom(self, wiring: Wiring) -> bool:
        """Have the pair go with the next `remove_doomed`, if it is this sandbox's; whether there is one."""
        try:
            link = self.link(self.host, wiring.host_if)
        except NotFound:
            if wiring.layout == "compat" and not self._is_routed(wiring):
                self._forget_rules(wiring)
            return False
        if link.alias not in ("", wiring.alias):
            return False
        if wiring.layout == "compat":
            self._forget_rules(wiring)
        with suppress(NotFound):
            self.host.send([route.set_group(link.index, DOOMED_GROUP)])
        return True

    def remove_doomed(self) -> None:
        """Remove all pairs that are to go."""
        with suppress(NotFound):
            self.host.send([route.delete_group(DOOMED_GROUP)])

    def socket_inside(self, namespace: int, wiring: Wiring) -> NetlinkSocket:
        """Make a socket in the pod's namespace."""
        with inside(namespace, home=self._home, name=wiring.netns):
            return NetlinkSocket(ROUTE)

    def kernel_inside(self, namespace: int, wiring: Wiring) -> Kernel:
        """Read what the pod's namespace holds."""
        with inside(namespace, home=self._home, name=wiring.netns):
            return Kernel()

    def link(self, netlink: NetlinkSocket, name: str) -> Link:
        """Look a link up. Raises `NotFound`."""
        index = netlink.index_of(name)
        if not index:
            raise NotFound(f"link {name}: is not there")
        return route.read_link(netlink.get(route.get_link(index)))

    def adopt(self, wiring: Wiring) -> tuple[str, ...]:
        """Make a pair of another daemon ours; see `Pods.adopt`."""
        link = self.own_link(wiring)
        if link.alias == wiring.alias:
            return ()
        self.lead_to(wiring, link.index)
        self.sign(wiring, link.index)
        return (f"link {link.name}: was wired by another daemon",)

    def namespace_of(self, host_if: str) -> str:
        """Find the path of the namespace in which the other end is; "" when it has none."""
        peer = self.link(self.host, host_if).peer_namespace
        for path in sorted(NAMESPACES.iterdir()) if NAMESPACES.is_dir() else ():
            with suppress(NotFound), opened(str(path)) as namespace:
                answer = self.host.get(route.get_namespace_number(namespace))
                if route.read_namespace_number(answer) == peer:
                    return str(path)
        return ""

    def own_link(self, wiring: Wiring) -> Link:
        """Look the host's end up. Raises `NotFound`, and `LinkTaken` when it is another sandbox's."""
        link = self.link(self.host, wiring.host_if)
        owner = owner_of(link.alias)
        if owner and link.alias != wiring.alias:
            raise _taken(link, owner)
        return link

    def lead_to(self, wiring: Wiring, index: int) -> None:
        """Lead packets to the pod, and answer it when it asks for its gateway."""
        if wiring.layout == "compat":
            self._forget_rules(wiring)
        network = IPv4Network(wiring.ip)
        self.host.send(
            [
                route.answer_at_once(index),
                route.new_proxy(index, GATEWAY),
                route.new_route(network, index, protocol=PROTOCOL, table=wiring.table_of_route),
                *rules_of_pod(wiring),
            ]
        )

    def sign(self, wiring: Wiring, index: int) -> None:
        """Say whose link it is: it is complete."""
        self.host.send([route.set_alias(index, wiring.alias)])

    def _existing(self, wiring: Wiring) -> Link | None:
        """Give the link of that name if it is this sandbox's; remove what was left half made."""
        try:
            link = self.link(self.host, wiring.host_if)
        except NotFound:
            return None
        is_doomed = link.group == DOOMED_GROUP
        if link.alias == wiring.alias and not is_doomed:
            return link
        if link.alias and not is_doomed:
            raise _taken(link, owner_of(link.alias) or (link.alias, ""))
        self._delete(link.index)
        return None

    def _make_pair(self, wiring: Wiring, namespace: int) -> None:
        macs = (wiring.host_mac, wiring.pod_mac)
        pair = route.new_pair(wiring.host_if, wiring.if_name, namespace=namespace, mtu=wiring.mtu, macs=macs)
        try:
            self.host.send([pair])
        except AlreadyExists as error:
            raise AlreadyExists(f"{wiring.if_name} in {wiring.netns}: is there already, not by us") from error

    def _complete(self, wiring: Wiring, pod: NetlinkSocket, await_written: Callable[[], None]) -> None:
        """Lead from the pod to the node, and back once it is written down whose the address is."""
        is_complete = False
        try:
            self._sysctls.quiet(wiring.host_if)
            pod.send(pod_end(wiring, pod.index_of(wiring.if_name)))
            await_written()
            index = self.host.index_of(wiring.host_if)
            self.lead_to(wiring, index)
            self._await_running(index)
            self.sign(wiring, index)
            is_complete = True
        finally:
            if not is_complete:
                self._delete(self.host.index_of(wiring.host_if))

    def _await_running(self, index: int) -> None:
        """Wait until the host's end sends: until the kernel notices that its other end is up, it drops all.

        A task of the kernel's notices, up to a second later where both ends have the same index. Since
        Linux 6.11 the question for the link does that task's work at once.
        """
        until = time.monotonic() + _RUNNING_SECONDS
        while not route.is_running(self.host.get(route.get_link(index))):
            if time.monotonic() > until:
                raise Unavailable(f"link {index}: is not running {_RUNNING_SECONDS:.0f} s after it was made")
            time.sleep(_LOOK_AGAIN_SECONDS)

    def _delete(self, index: int) -> None:
        with suppress(NotFound):
            self.host.send([route.delete_link(index)])

    def _is_routed(self, wiring: Wiring) -> bool:
        """Whether the address is another pod's by now: links take their routes with them."""
        with suppress(NotFound):
            return route.matched_length(self.host.get(route.match(wiring.ip))) == 32
        return False

    def _forget_rules(self, wiring: Wiring) -> None:
        """Remove the rules of the address, whatever they lead to: the kernel takes 0 for any."""
        ip = wiring.ip
        of_any = (
            route.rule_to(ip, priority=TO_POD, table=0, protocol=0),
            route.rule_from(ip, priority=FROM_POD, table=0, protocol=0),
        )
        for refused in self.host.refusals([route.without(rule) for rule in of_any]):
            if not isinstance(refused, NotFound):
                raise refused


def pod_end(wiring: Wiring, index: int, gateway_mac: bytes = b"") -> list[Message]:
    """What the pod's end has: an address for itself alone, and everything by the host's end.

    Routes by another interface of the same pod stand behind those by its first one.
    """
    metric = metric_of(wiring.if_name)
    return [
        route.set_up(index),
        route.new_address(index, wiring.ip),
        route.new_route(IPv4Network(GATEWAY), index, protocol=PROTOCOL, table=MAIN_TABLE, metric=metric),
        route.new_route(
            _ANYWHERE, index, protocol=PROTOCOL, table=MAIN_TABLE, gateway=GATEWAY, metric=metric
        ),
        route.new_neighbour(index, GATEWAY, gateway_mac or wiring.host_mac),
    ]


def metric_of(if_name: str) -> int:
    """The metric of an interface's routes in the pod: each name has one of its own, eth0 the first."""
    return 0 if if_name == _FIRST else _LATER_METRICS + zlib.crc32(if_name.encode()) % _LATER_METRICS


def rules_of_pod(wiring: Wiring) -> list[Message]:
    """The rules that the layout `compat` has for each pod."""
    if wiring.layout != "compat":
        return []
    rules = [route.rule_to(wiring.ip, priority=TO_POD, table=MAIN_TABLE, protocol=PROTOCOL)]
    if wiring.table != MAIN_TABLE:
        rules.append(route.rule_from(wiring.ip, priority=FROM_POD, table=wiring.table, protocol=PROTOCOL))
    return rules


def _taken(link: Link, owner: tuple[str, str]) -> LinkTaken:
    return LinkTaken(f"link {link.name}: belongs to sandbox {owner[0][:12]}", owner)


def _wired(host: Link, pod: Link) -> Wired:
    return Wired(written_mac(host.mac), written_mac(pod.mac))

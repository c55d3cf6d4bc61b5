"""A VPC of network namespaces: EC2 with its metadata address, a node, and pods wired as in a VPC.

                 169.254.169.254, fd00:ec2::254
    ec2  10.77.0.1 ---- 10.77.0.10  node  eni... ---- eth0  10.77.1.x/32  pod

Each pod has a veth pair of its own, the default route over 169.254.1.1 (a permanent neighbour: the node's end
of the pair) and, where the kernel has IPv6, an address of fd77:77:1::/64. Nothing outside the namespaces is
touched, and nobody outside can reach in: sockets and processes are put there on purpose.
"""

import ctypes
import hashlib
import itertools
import os
import signal
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")

METADATA = "169.254.169.254"
METADATA_V6 = "fd00:ec2::254"
EC2 = "10.77.0.1"
EC2_V6 = "fd77:77::1"
NODE = "10.77.0.10"
NODE_V6 = "fd77:77::10"
POD_NETWORK = "10.77.1.0/24"
POD_NETWORK_V6 = "fd77:77:1::/64"

_GATEWAY, _GATEWAY_V6 = "169.254.1.1", "fe80::1"
_RUN = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace, by its name in `ip netns`."""

    name: str

    @property
    def path(self) -> Path:
        """Give the file that stands for it."""
        return _RUN / self.name

    def command(self, *command: str) -> list[str]:
        """Give the command line that runs `command` inside; mounts stay as they are outside."""
        return ["nsenter", f"--net={self.path}", *command]

    def call(self, function: Callable[[], T]) -> T:
        """Run a function inside, in a thread that ends with it, and give its result.

        A socket that it makes stays one of this namespace, wherever it is used later.
        """

        def enter_and_call() -> T:
            enter(self.path)
            return function()

        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(enter_and_call).result()

    def open_socket(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM) -> socket.socket:
        """Make a socket inside."""
        return self.call(lambda: socket.socket(family, kind))

    def listener(self, address: str, port: int) -> socket.socket:
        """Make a socket that listens inside; port 0 takes a free one."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return self.call(lambda: socket.create_server((address, port), family=family, backlog=1024))

    def set_kernel(self, setting: str, value: str) -> None:
        """Write below /proc/sys/net, e.g. `ipv4/ip_forward`."""
        self.call(lambda: (Path("/proc/sys/net") / setting).write_text(value))

    def ip(self, *lines: str) -> None:
        """Run lines of the `ip` command inside, in one process."""
        run_tool("ip", "-netns", self.name, "-batch", "-", stdin="\n".join(lines))

    def make(self) -> None:
        """Make it. Raises OSError when the name is taken, or without the right to."""
        run_tool("ip", "netns", "add", self.name)

    def remove(self) -> None:
        """Remove it, if it is there; what is inside lives on while a process or a socket does."""
        with suppress(OSError):
            run_tool("ip", "netns", "del", self.name)


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod's namespace, addresses, and the node's end of its veth pair; `address_v6` is "" without IPv6."""

    inside: Namespace
    address: str
    address_v6: str
    link: str


class Fabric:
    """The VPC; a context manager that removes everything it made.

    Needs root, or CAP_SYS_ADMIN and CAP_NET_ADMIN; without them it raises OSError when it is entered.
    `has_ipv6` tells whether the kernel has IPv6.
    """

    def __init__(self) -> None:
        self._prefix = f"addons-{os.getpid()}-{next(_numbers)}"
        self.node = Namespace(f"{self._prefix}-node")
        self.ec2 = Namespace(f"{self._prefix}-ec2")
        self.has_ipv6 = Path("/proc/sys/net/ipv6").exists()
        self._stack = ExitStack()
        self._pods: dict[str, Pod] = {}
        self._pod_numbers = itertools.count(1)

    def __enter__(self) -> Self:
        try:
            self._make()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add_pod(self, name: str, *, address: str = "") -> Pod:
        """Wire a pod, named as `namespace/name`; without `address` it gets the next one."""
        number = next(self._pod_numbers)
        octet = int(address.rpartition(".")[2]) if address else number
        link = "eni" + hashlib.sha1(name.replace("/", ".").encode(), usedforsecurity=False).hexdigest()[:11]
        pod = Pod(
            inside=Namespace(f"{self._prefix}-pod{number}"),
            address=address or f"10.77.1.{octet}",
            address_v6=f"fd77:77:1::{octet:x}" if self.has_ipv6 else "",
            link=link,
        )
        self._add_namespace(pod.inside)
        self._wire(pod)
        self._pods[name] = pod
        return pod

    def remove_pod(self, name: str) -> None:
        """Remove a pod's namespace and with it the link; its processes must have ended."""
        pod = self._pods.pop(name)
        self.node.ip(f"link del {pod.link}")
        pod.inside.remove()

    def _make(self) -> None:
        for namespace in (self.node, self.ec2):
            self._add_namespace(namespace)
        self.ec2.ip("link set lo up", f"link add eth0 type veth peer name eth0 netns {self.node.name}")
        self._address_ec2()
        self._address_node()

    def _address_ec2(self) -> None:
        lines = [
            f"addr add {EC2}/24 dev eth0",
            f"addr add {METADATA}/32 dev lo",
            "link set eth0 up",
            f"route add {POD_NETWORK} via {NODE}",
        ]
        if self.has_ipv6:
            lines += [
                f"addr add {EC2_V6}/64 dev eth0 nodad",
                f"addr add {METADATA_V6}/128 dev lo nodad",
                f"route add {POD_NETWORK_V6} via {NODE_V6}",
            ]
        self.ec2.ip(*lines)

    def _address_node(self) -> None:
        lines = ["link set lo up", f"addr add {NODE}/24 dev eth0", "link set eth0 up"]
        lines += [f"route add default via {EC2}"]
        if self.has_ipv6:
            lines += [f"addr add {NODE_V6}/64 dev eth0 nodad", f"route add default via {EC2_V6}"]
        self.node.ip(*lines)
        self.node.set_kernel("ipv4/ip_forward", "1")
        if self.has_ipv6:
            self.node.set_kernel("ipv6/conf/all/forwarding", "1")

    def _wire(self, pod: Pod) -> None:
        pair = f"link add {pod.link} type veth peer name eth0 netns {pod.inside.name}"
        here = [pair, f"link set {pod.link} up", f"route add {pod.address}/32 dev {pod.link}"]
        if self.has_ipv6:
            here += [
                f"addr add {_GATEWAY_V6}/64 dev {pod.link} nodad",
                f"route add {pod.address_v6}/128 dev {pod.link}",
            ]
        self.node.ip(*here)
        pod.inside.ip(*self._pod_lines(pod, self._hardware_address(pod.link)))

    def _hardware_address(self, link: str) -> str:
        shown = run_tool("ip", "-netns", self.node.name, "-brief", "link", "show", "dev", link)
        return shown.split()[2]

    def _pod_lines(self, pod: Pod, gateway: str) -> list[str]:
        lines = [
            "link set lo up",
            f"addr add {pod.address}/32 dev eth0",
            "link set eth0 up",
            f"route add {_GATEWAY} dev eth0 scope link",
            f"route add default via {_GATEWAY}",
            f"neigh replace {_GATEWAY} lladdr {gateway} dev eth0 nud permanent",
        ]
        if self.has_ipv6:
            lines += [
                f"addr add {pod.address_v6}/128 dev eth0 nodad",
                f"route add default via {_GATEWAY_V6} dev eth0",
                f"neigh replace {_GATEWAY_V6} lladdr {gateway} dev eth0 nud permanent",
            ]
        return lines

    def _add_namespace(self, namespace: Namespace) -> None:
        namespace.make()
        self._stack.callback(namespace.remove)
        if self.has_ipv6:
            for interfaces in ("all", "default"):
                namespace.set_kernel(f"ipv6/conf/{interfaces}/accept_dad", "0")  # addresses are good at once


def run_tool(*command: str, stdin: str = "") -> str:
    """Run a tool such as `ip`, and give what it prints; raises OSError with its words when it fails.

    It does not hear a Ctrl-C, which is for us, from its first moment on: it would end halfway.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if done.returncode:
        raise OSError(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout


def enter(path: Path) -> None:
    """Move this thread into a network namespace, by its file. Python has `os.setns` from 3.12 on."""
    with path.open() as opened:
        if ctypes.CDLL(None, use_errno=True).setns(opened.fileno(), _CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))

"""The socket of cni with a network of its own making, and its plugin: C with sanitizers, and Python."""

import asyncio
import atexit
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from msgspec import Struct

from addons.cni.controller.addresses import AddressPool
from addons.cni.controller.pods import KnownPod, PodCheck
from addons.cni.controller.sandboxes import Sandboxes
from addons.cni.model.assignments import Assignment, PodId, SandboxKey
from addons.cni.model.enis import Eni
from addons.cni.model.requests import CniRequest
from addons.cni.plugin.install import TWIN
from addons.cni.server.socket import SocketServer
from addons.cni.server.views import AssignmentsView
from addons.cni.store.journal import Journal, Writing
from addons.runtime.clock import utc_now
from addons.runtime.errors import OutsideError

SOURCE = TWIN.with_name("cni_plugin.c")
WARNINGS = ("-Wall", "-Wextra", "-Werror")


@cache
def compiled(*flags: str, compiler: str = "cc") -> Path:
    """Compile the client, once for each set of flags."""
    folder = mkdtemp(prefix="cni-plugin-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    target = Path(folder) / "aws-addons-cni"
    subprocess.run((compiler, *WARNINGS, *flags, "-o", target, SOURCE), check=True, timeout=120)
    return target


def released(*flags: str) -> Path:
    """The C client as the image has it: musl starts in 0.02 ms, glibc asks the processor for 0.3 ms first."""
    musl = shutil.which("musl-gcc")
    return compiled("-O2", "-static", "-s", *flags, compiler=musl or "cc")


def sanitized(*flags: str) -> tuple[str, ...]:
    """The C client, which ends with an error at the first access or operation that is not defined."""
    return (str(compiled("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", *flags)),)


def twin() -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", str(TWIN))


IMPATIENT = "-DAWAY_MS=500"
"""Has the C client wait half a second for a daemon that is away."""
_IMPATIENT_TWIN = f"""
import importlib.util as util
spec = util.spec_from_file_location("client", {str(TWIN)!r})
client = util.module_from_spec(spec)
spec.loader.exec_module(client)
client.AWAY_SECONDS = 0.5
client.main()
"""


def impatient_twin() -> tuple[str, ...]:
    """The client in Python, which waits half a second for a daemon that is away."""
    return (sys.executable, "-I", "-S", "-c", _IMPATIENT_TWIN)


NOBODY = PodId()


class MacPair(Struct, frozen=True):
    """The ends of a pair of links."""

    host_mac: str = "ce:00:0a:00:00:01"
    pod_mac: str = "ca:00:0a:00:00:01"


class Kernel:
    """The links of a node, as far as sandboxes know them: host's end -> whose it is."""

    def __init__(self) -> None:
        self.links: dict[str, SandboxKey] = {}
        self.failures: list[Exception] = []
        """What the next calls fail with."""
        self.held: asyncio.Event | None = None
        """While it is there and not set, wiring does not end."""
        self.differences: tuple[str, ...] = ()

    async def connect(self, assignment: Assignment, writing: Writing | None = None) -> MacPair:
        if self.held:
            await self.held.wait()
        self._fail()
        if writing:
            await writing.counted()
        owner = self.links.setdefault(assignment.host_if, assignment.key)
        assert owner == assignment.key, f"{assignment.host_if} belongs to {owner}"
        return MacPair()

    async def disconnect(self, assignment: Assignment) -> None:
        await asyncio.sleep(0)
        self._fail()
        if self.links.get(assignment.host_if) == assignment.key:
            del self.links[assignment.host_if]

    async def check(self, assignment: Assignment) -> tuple[str, ...]:
        self._fail()
        return self.differences

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)


class ApiPods:
    """The pods that Kubernetes has, what a watch has seen of them, and whether the API server answers."""

    def __init__(self) -> None:
        self.now: dict[tuple[str, str], KnownPod] = {}
        self.seen: dict[tuple[str, str], KnownPod] = {}
        self.error: OutsideError | None = None

    def known(self, namespace: str, name: str) -> KnownPod | None:
        return self.seen.get((namespace, name))

    async def fresh(self, namespace: str, name: str) -> KnownPod | None:
        if self.error:
            raise self.error
        return self.now.get((namespace, name))


def eni(*last: int, eni_id: str = "eni-1") -> Eni:
    return Eni(
        eni_id=eni_id,
        mac="0a:00:00:00:00:01",
        device_index=1,
        subnet_id="subnet-1",
        subnet_cidr=IPv4Network("10.0.0.0/24"),
        primary_ip=IPv4Address("10.0.0.254"),
        addresses=frozenset(map(ip, last)),
    )


def ip(last: int) -> IPv4Address:
    return IPv4Address(f"10.0.0.{last}")


def name_of(pod: PodId, if_name: str) -> str:
    return f"{pod.namespace}.{pod.name}.{if_name}"


class Node:
    """Sandboxes with their journal, addresses and a kernel."""

    def __init__(
        self,
        folder: Path,
        *last: int,
        now: Any = utc_now,
        add_timeout: float = 30.0,
        cooldown: float = 30.0,
        minimum_cooldown: timedelta | None = None,
        limit: int = 1000,
        kernel: Kernel | None = None,
    ) -> None:
        self.kernel, self.api = kernel or Kernel(), ApiPods()
        self.journal = Journal(folder, now=now, limit=limit)
        self.addresses = AddressPool(
            self.journal.allocations,
            cooldown=timedelta(seconds=cooldown),
            minimum_cooldown=minimum_cooldown,
            now=now,
        )
        self.addresses.enis_changed([eni(*last)])
        self.not_ready = ""
        self.sandboxes = Sandboxes(
            journal=self.journal,
            addresses=self.addresses,
            network=self.kernel,
            pods=PodCheck(self.api),
            name_of=name_of,
            not_ready=lambda: self.not_ready,
            add_timeout=timedelta(seconds=add_timeout),
            cooldown=timedelta(seconds=cooldown),
            mtu=9001,
            now=now,
        )

    @property
    def held(self) -> dict[str, str]:
        """Container id -> address."""
        return {key.container_id: str(each.ip) for key, each in self.journal.allocations.by_key.items()}

    async def add(self, container: str, pod: PodId = NOBODY, **more: Any) -> str:
        """Add a sandbox; its address."""
        result = await self.sandboxes.add(request("ADD", container, pod, **more), more_gone())
        return str(result["ips"][-1]["address"])

    async def delete(self, container: str, pod: PodId = NOBODY, **more: Any) -> None:
        await self.sandboxes.delete(request("DEL", container, pod, **more))


def more_gone() -> "asyncio.Future[None]":
    return asyncio.get_running_loop().create_future()


def request(command: Any, container: str = "", pod: PodId = NOBODY, **more: Any) -> CniRequest:
    given = {
        "cni_version": "1.0.0",
        "netns": f"/run/netns/{container}",
        "config": {"name": "aws-cni"},
        **more,
    }
    key = SandboxKey("aws-cni", container, given.pop("if_name", "eth0")) if container else None
    return CniRequest(command=command, key=key, pod=pod, **given)


@asynccontextmanager
async def served(node: Node, path: Path) -> AsyncIterator[SocketServer]:
    """Serve a node's sandboxes on a socket."""
    stopping = asyncio.Event()
    views = {"/v1/assignments": AssignmentsView(node.journal.allocations)}
    server = SocketServer(path, operations=node.sandboxes, views=views)
    serving = asyncio.create_task(server.serve(stopping))
    listening = asyncio.create_task(server.is_listening.wait())
    await asyncio.wait([serving, listening], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield server
    finally:
        listening.cancel()
        stopping.set()
        await serving

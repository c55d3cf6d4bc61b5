"""The socket of cni as a process of its own in a node's network, without EC2 and Kubernetes.

`python -m tests.support.cni_server KIND FOLDER NAMESPACE` serves at FOLDER/cni.sock. It recovers from its
journal and the spool as the daemon does. Kinds: `cni` wires pods, `socket` wires nothing, `aiohttp` neither,
and has the server of aiohttp.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from aiohttp import web

from addons.cni.controller.addresses import AddressPool
from addons.cni.controller.links import Network
from addons.cni.controller.pods import PodCheck
from addons.cni.controller.replay import replay
from addons.cni.controller.sandboxes import Sandboxes
from addons.cni.model.assignments import Assignment
from addons.cni.model.enis import Eni
from addons.cni.net.pods import Pods
from addons.cni.net.wiring import Wired, Wiring, veth_name
from addons.cni.server.calls import Calls
from addons.cni.server.socket import SocketServer
from addons.cni.server.views import AssignmentsView
from addons.cni.store.journal import Journal, Writing
from addons.cni.store.spool import Spool
from addons.sim.net import Namespace, enter
from tests.support.cni_socket import ApiPods

_ADDRESSES = 250


class NoNetwork:
    """Wires nothing."""

    async def connect(self, assignment: Assignment, writing: Writing | None) -> Wired:
        return Wired("ce:00:0a:00:00:01", "ca:00:0a:00:00:01")

    async def disconnect(self, assignment: Assignment) -> None:
        pass

    async def check(self, assignment: Assignment) -> tuple[str, ...]:
        return ()


class KernelNetwork:
    """Wires as the daemon does."""

    def __init__(self, pods: Pods) -> None:
        self._pods = pods

    async def connect(self, assignment: Assignment, writing: Writing | None) -> Wired:
        return await self._pods.connect(_wiring(assignment), writing.wait if writing else lambda: None)

    async def disconnect(self, assignment: Assignment) -> None:
        await self._pods.disconnect(_wiring(assignment))

    async def check(self, assignment: Assignment) -> tuple[str, ...]:
        return await self._pods.check(_wiring(assignment))


def _wiring(held: Assignment) -> Wiring:
    return Wiring(key=held.key, netns=held.netns, host_if=held.host_if, ip=held.ip)


def sandboxes_of(journal: Journal, network: Network) -> Sandboxes:
    """A node with one large interface whose addresses need no rest."""
    subnet = IPv4Network("10.98.0.0/24")
    eni = Eni(
        eni_id="eni-1",
        mac="0a:00:00:00:00:01",
        device_index=1,
        subnet_id="subnet-1",
        subnet_cidr=subnet,
        primary_ip=subnet[1],
        addresses=frozenset(IPv4Address(int(subnet[2]) + n) for n in range(_ADDRESSES)),
    )
    addresses = AddressPool(journal.allocations)
    addresses.enis_changed([eni])
    return Sandboxes(
        journal=journal,
        addresses=addresses,
        network=network,
        pods=PodCheck(ApiPods()),
        name_of=lambda pod, if_name: veth_name("eni", pod, if_name),
        not_ready=lambda: "",
        add_timeout=timedelta(seconds=30),
        cooldown=timedelta(),
        mtu=9001,
    )


async def _serve(folder: Path, network: Network) -> None:
    journal = Journal(folder / "state")
    sandboxes = sandboxes_of(journal, network)
    await replay(Spool(folder / "spool"), sandboxes)
    views = {"/v1/assignments": AssignmentsView(journal.allocations)}
    await SocketServer(folder / "cni.sock", operations=sandboxes, views=views).serve(asyncio.Event())


async def serve_socket(folder: Path) -> None:
    await _serve(folder, NoNetwork())


async def serve_cni(folder: Path) -> None:
    async with Pods() as pods:
        await _serve(folder, KernelNetwork(pods))


async def serve_aiohttp(folder: Path) -> None:
    calls = Calls(sandboxes_of(Journal(folder / "state"), NoNetwork()))

    async def call(request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        status, body = await calls.answer(headers, await request.read(), gone)
        return web.Response(status=status, body=body, content_type="application/json")

    application = web.Application()
    application.add_routes([web.post("/v1/cni", call)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.UnixSite(runner, str(folder / "cni.sock")).start()
    await asyncio.Event().wait()


SERVERS = {"socket": serve_socket, "cni": serve_cni, "aiohttp": serve_aiohttp}


def command(kind: str, folder: Path, inside: Namespace) -> tuple[str, ...]:
    return (sys.executable, "-m", "tests.support.cni_server", kind, str(folder), str(inside.path))


class CniServer:
    """The process, which is killed and started again under its clients."""

    def __init__(self, kind: str, folder: Path, inside: Namespace) -> None:
        self._command = command(kind, folder, inside)
        self.socket = folder / "cni.sock"
        self._process = subprocess.Popen(self._command)

    @property
    def cpu_seconds(self) -> float:
        """What it has used so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command)


@contextmanager
def cni_server(kind: str, folder: Path, inside: Namespace) -> Iterator[CniServer]:
    server = CniServer(kind, folder, inside)
    try:
        yield server
    finally:
        server.kill()


if __name__ == "__main__":
    enter(Path(sys.argv[3]))
    asyncio.run(SERVERS[sys.argv[1]](Path(sys.argv[2])))

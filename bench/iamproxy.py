"""How fast iamproxy is, beside its targets: the server alone and against aiohttp, then the whole daemon.

Run `python bench/iamproxy.py`. Each server is a process of its own; wrk makes the load where it is installed,
else a client of ours does, which needs more CPU than what it measures and so shows less than there is.
As root also from a pod, a network namespace, through the redirect to the metadata address.
"""

import asyncio
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from msgspec import Struct

from addons.iamproxy.cache.addresses import Addresses
from addons.iamproxy.cache.credentials import CredentialCache
from addons.iamproxy.config import Config
from addons.iamproxy.controller.build import build_metadata
from addons.iamproxy.model.credentials import CredentialKey, Credentials, credentials_of
from addons.iamproxy.model.verdicts import Grant, PodIdentity
from addons.iamproxy.net.listeners import LISTENERS
from addons.iamproxy.net.redirect import Redirect
from addons.iamproxy.net.table import RedirectSettings
from addons.iamproxy.server.audit import writing_to
from addons.iamproxy.server.limits import ServerLimits
from addons.iamproxy.server.listener import MetadataServer, Place
from addons.iamproxy.server.node_keys import NodeKeys
from addons.runtime.clock import utc_now
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from addons.sim.net import METADATA, Fabric, Namespace
from addons.sim.ports import free_port

SECONDS = 4
CONNECTIONS = 100
POD = "10.77.1.1"
LISTENER = (str(LISTENERS[0][0]), 8181)
PROCESSES = 96
PODS = 110
ROLE_ARN = "arn:aws:iam::123456789012:role/web"
ROLES = "/latest/meta-data/iam/security-credentials/"
CREDENTIALS = f"{ROLES}web"
TICKS = os.sysconf("SC_CLK_TCK")
GET = "GET {} HTTP/1.1\r\nHost: {}\r\n\r\n"
PUT = (
    "PUT /latest/api/token HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n"
    "X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n"
)


class Load(Struct, frozen=True):
    """What a load came to: requests per second, milliseconds, and CPU of the server per request."""

    rate: float
    p50: float
    p99: float
    cpu_us: float


def show(what: str, value: float, unit: str, limit: float, *, least: bool = False) -> None:
    """Print one line of the table."""
    verdict = "ok" if (value >= limit if least else value <= limit) else "MISSED"
    sign = ">=" if least else "<="
    print(f"{what:58} {value:10.2f} {unit:5} target {sign} {limit:g} {unit}: {verdict}")


def compare(what: str, value: float, baseline: float) -> None:
    """Print how a figure compares with that of aiohttp, which writes no audit and checks nothing."""
    print(f"{what + ', against aiohttp':58} {value / baseline:10.2f} x")


def held_credentials() -> Credentials:
    now = utc_now()
    return credentials_of(
        access_key_id="ASIA0123456789ABCDEF",
        secret_access_key="s" * 40,
        token="t" * 350,
        expiration=now + timedelta(hours=1),
        account_id="123456789012",
        now=now,
    )


async def fetch(key: CredentialKey) -> Credentials:
    return held_credentials()


async def fetch_nothing(key: str) -> str | None:
    return None


async def serve_ours(
    limits: ServerLimits, place: Place = ("127.0.0.1", 0), *, pod: str = "127.0.0.1"
) -> None:
    """The server as the daemon has it, with every audit line written (to nowhere)."""
    addresses = Addresses(is_trusted=lambda: True)
    grant = Grant(PodIdentity("default", "web", "uid", "web", "node"), CredentialKey(ROLE_ARN), "web")
    addresses.replace({pod: grant})
    metadata = build_metadata(
        Config(metadata_allow=()),
        addresses=addresses,
        credentials=CredentialCache(fetch),
        node_keys=NodeKeys(fetch_nothing),
        write_audit=writing_to(sys.stderr.fileno()),
        limits=limits,
    )
    server = MetadataServer(metadata, [place], only_redirected=pod != "127.0.0.1")
    serving = asyncio.create_task(server.serve(asyncio.Event()))
    while not server.addresses:
        await asyncio.sleep(0)
    print(server.addresses[0][1], flush=True)
    await serving


async def serve_aiohttp() -> None:
    """The baseline: an aiohttp application that answers the same bytes and knows nothing."""
    body = held_credentials().body

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Server": "EC2ws", "Content-Type": "text/plain"})

    application = web.Application()
    application.add_routes([web.get("/latest/meta-data/iam/security-credentials/{role}", answer)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


UNLIMITED = ServerLimits(requests_per_second=1e9, burst=1_000_000_000)
SERVERS = {
    "ours": lambda: serve_ours(UNLIMITED),
    "redirected": lambda: serve_ours(UNLIMITED, LISTENER, pod=POD),
    "limited": lambda: serve_ours(ServerLimits()),
    "aiohttp": serve_aiohttp,
}


class Process:
    """A server that runs, and where it is dialled; from `inside` a network namespace, if it is given."""

    def __init__(
        self, pid: int, port: int, *, host: str = "127.0.0.1", inside: Namespace | None = None
    ) -> None:
        self.pid = pid
        self.port = port
        self.host = host
        self.inside = inside

    def wrap(self, *command: str) -> list[str]:
        """Give the command line that runs where it is dialled."""
        return self.inside.command(*command) if self.inside else [*command]

    @property
    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def rss_mib(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


@contextmanager
def serving(name: str, *, node: Namespace | None = None) -> Iterator[Process]:
    command = [sys.executable, __file__, "serve", name]
    if node:
        command = node.command(*command)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        try:
            yield Process(process.pid, int(process.stdout.readline()))
        finally:
            process.kill()


def load(server: Process, connections: int) -> Load:
    """Ask for credentials over so many connections, for some seconds."""
    put = wrk if shutil.which("wrk") else our_client
    put(server, connections, 0.5)
    used = server.cpu_seconds
    count, seconds, p50, p99 = put(server, connections, SECONDS)
    return Load(count / seconds, p50, p99, (server.cpu_seconds - used) / count * 1e6)


def wrk(server: Process, connections: int, seconds: float) -> tuple[int, float, float, float]:
    """Requests answered, in how many seconds; median and 99th percentile in milliseconds."""
    span = f"-d{max(1, round(seconds))}s"
    url = f"http://{server.host}:{server.port}{CREDENTIALS}"
    command = server.wrap("wrk", "-t1", f"-c{connections}", span, "--latency", url)
    text = subprocess.check_output(command, text=True)
    assert "Non-2xx" not in text, text
    found = re.search(r"(\d+) requests in ([\d.]+)s", text)
    assert found
    percentiles = dict(re.findall(r"(50|99)%\s+([\d.]+(?:us|ms|s))", text))
    return int(found[1]), float(found[2]), _milliseconds(percentiles["50"]), _milliseconds(percentiles["99"])


def _milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def our_client(server: Process, connections: int, seconds: float) -> tuple[int, float, float, float]:
    """The same without wrk."""
    where = (server.host, str(server.port), str(connections), str(seconds))
    command = server.wrap(sys.executable, __file__, "ask", *where)
    times = sorted(map(float, subprocess.check_output(command, text=True).split()))
    cuts = statistics.quantiles(times, n=100)
    return len(times), seconds, cuts[49], cuts[98]


async def ask_for(host: str, port: int, connections: int, seconds: float) -> list[float]:
    """Ask over so many connections, and give the milliseconds that each answer took."""
    times: list[float] = []
    deadline = time.perf_counter() + seconds

    async def ask_on() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        while time.perf_counter() < deadline:
            began = time.perf_counter()
            await exchange(reader, writer, GET.format(CREDENTIALS, f"{host}:{port}"))
            times.append((time.perf_counter() - began) * 1000)
        writer.close()

    await asyncio.gather(*(ask_on() for _ in range(connections)))
    return times


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: str) -> None:
    """Send a request and read its answer, which must be 200."""
    writer.write(request.encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    await reader.readexactly(int(re.findall(rb"(?i)content-length: (\d+)", head)[0]))


async def burst(port: int) -> float:
    """Milliseconds until 96 processes that start at once have their credentials: three requests each."""

    async def start() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        host = f"127.0.0.1:{port}"
        for request in (PUT.format(host), GET.format(ROLES, host), GET.format(CREDENTIALS, host)):
            await exchange(reader, writer, request)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(start() for _ in range(PROCESSES)))
    return (time.perf_counter() - began) * 1000


def measure_server() -> None:
    """The server alone, and the same load on aiohttp."""
    with serving("ours") as server:
        alone, crowd = load(server, 1), load(server, CONNECTIONS)
    with serving("aiohttp") as server:
        baseline_alone, baseline_crowd = load(server, 1), load(server, CONNECTIONS)
    show("cached request, 1 connection, median", alone.p50, "ms", 0.15)
    show(f"{CONNECTIONS} connections, rate on one core", crowd.rate, "/s", 20_000, least=True)
    show(f"{CONNECTIONS} connections, 99th percentile", crowd.p99, "ms", 10)
    show("CPU per request", crowd.cpu_us, "us", 45)
    compare("median, 1 connection", alone.p50, baseline_alone.p50)
    compare(f"rate, {CONNECTIONS} connections", crowd.rate, baseline_crowd.rate)
    compare("CPU per request", crowd.cpu_us, baseline_crowd.cpu_us)
    with serving("limited") as server:
        took = asyncio.run(burst(server.port))
        show(f"burst of {3 * PROCESSES} requests of one pod, answered in", took, "ms", 200)


async def measure_redirect() -> None:
    """The server on a node, dialled by a pod at the metadata address: all the way that its request goes."""
    with Fabric() as fabric, ExitStack() as stack:
        inside = fabric.add_pod("default/web", address=POD).inside
        redirect = fabric.node.call(lambda: Redirect(RedirectSettings()))
        stack.callback(redirect.close)
        await redirect.ensure()
        server = stack.enter_context(serving("redirected", node=fabric.node))
        dialled = Process(server.pid, 80, host=METADATA, inside=inside)
        alone, crowd = load(dialled, 1), load(dialled, CONNECTIONS)
    show("from a pod: 1 connection, median", alone.p50, "ms", 0.15)
    show(f"from a pod: {CONNECTIONS} connections, rate", crowd.rate, "/s", 20_000, least=True)
    show(f"from a pod: {CONNECTIONS} connections, 99th percentile", crowd.p99, "ms", 10)


def pod(number: int) -> dict[str, Any]:
    ip = "127.0.0.1" if number == 0 else f"10.0.{number // 250}.{number % 250 + 1}"
    annotations = {"iam.amazonaws.com/role": "web"}
    return {
        "metadata": {"name": f"web-{number}", "namespace": "default", "annotations": annotations},
        "spec": {"nodeName": "node-1", "containers": [{"name": "web", "image": "web"}]},
        "status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}]},
    }


@asynccontextmanager
async def daemon(api: KubeApi, aws: AwsEndpoint, folder: Path) -> AsyncIterator[Process]:
    (folder / "kubeconfig").write_text(api.kubeconfig())
    port, admin = free_port(), free_port()
    command = [
        *(sys.executable, "-m", "addons.iamproxy", "--node=node-1", "--interceptor=none"),
        *("--base-role-arn=arn:aws:iam::123456789012:role/", "--no-namespace-restrictions"),
        *(f"--kubeconfig={folder}/kubeconfig", f"--aws-endpoint-url={aws.url}", f"--app-port={port}"),
        *(f"--listen=127.0.0.1:{admin}", f"--cni-socket={folder}/cni.sock", "--log-level=warning"),
    ]
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-central-1"}
    process = await asyncio.create_subprocess_exec(
        *command, env=os.environ | keys, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield Process(process.pid, port)
    finally:
        process.terminate()
        await process.wait()


async def first_answer(port: int) -> None:
    """Ask for credentials until they are given."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            await exchange(reader, writer, GET.format(CREDENTIALS, f"127.0.0.1:{port}"))
        except (OSError, AssertionError):
            await asyncio.sleep(0.005)
        else:
            writer.close()
            return


async def measure_daemon() -> None:
    """The daemon between an API server and an STS in this process: how soon it answers, its weight."""
    with tempfile.TemporaryDirectory() as name:
        async with KubeApi() as api, AwsEndpoint() as aws:
            aws.sts.create_role("web")
            for number in range(PODS):
                api.store.create("v1", "pods", pod(number))
            began = time.perf_counter()
            async with daemon(api, aws, Path(name)) as running:
                await first_answer(running.port)
                show("start to the first credentials", time.perf_counter() - began, "s", 1.5)
                await asyncio.sleep(3)
                show(f"memory with {PODS} pods", running.rss_mib, "MiB", 85)
                show("STS calls for all of them", len(aws.calls), "calls", 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(SERVERS[sys.argv[2]]())
    elif sys.argv[1:2] == ["ask"]:
        host, port, connections, seconds = sys.argv[2:]
        print(*asyncio.run(ask_for(host, int(port), int(connections), float(seconds))))
    else:
        measure_server()
        if os.geteuid() == 0:
            asyncio.run(measure_redirect())
        asyncio.run(measure_daemon())

"""The metadata server of iamproxy on loopback, between tables that a test fills and pods that it plays."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from addons.iamproxy.cache.addresses import Addresses
from addons.iamproxy.cache.credentials import CredentialCache
from addons.iamproxy.config import Config, MetadataKey
from addons.iamproxy.controller.build import build_metadata
from addons.iamproxy.model.credentials import CredentialKey, Credentials, credentials_of
from addons.iamproxy.model.verdicts import Grant, PodIdentity, Refusal, Verdict
from addons.iamproxy.server.limits import ServerLimits
from addons.iamproxy.server.listener import MetadataServer
from addons.iamproxy.server.node_keys import NodeKeys
from addons.runtime.clock import utc_now
from addons.sim.net import Namespace

ACCOUNT = "123456789012"
POD_IP = "127.0.0.1"
ROLES = "/latest/meta-data/iam/security-credentials/"
EXTENDED_ROLES = "/latest/meta-data/iam/security-credentials-extended/"
TOKEN = "X-aws-ec2-metadata-token"
TTL = "X-aws-ec2-metadata-token-ttl-seconds"
CANARY = "CANARY"
"""Is in every value of the node's metadata that no pod may see."""

NODE_METADATA = {
    "instance-id": "i-0123456789abcdef0",
    "instance-type": "m5.large",
    "local-ipv4": "10.77.0.10",
    "placement/availability-zone": "eu-central-1a",
    "placement/region": "eu-central-1",
    "iam/info": f"{CANARY} info",
    "iam/security-credentials/node-role": f"{CANARY} credentials",
    "identity-credentials/ec2/security-credentials/ec2-instance": f"{CANARY} identity",
    "../user-data": f"{CANARY} user data",
}


def pod(name: str = "web", uid: str = "uid-1") -> PodIdentity:
    return PodIdentity("default", name, uid, "runner", "node-1")


def grant(role: str = "reader", who: PodIdentity | None = None, **key: Any) -> Grant:
    """A grant of a role by its short name, or by its ARN in another account."""
    arn = role if role.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:role/{role}"
    return Grant(who or pod(), CredentialKey(arn, session_name="default.runner", **key), role)


def credentials_for(key: CredentialKey, now: datetime, number: int = 1) -> Credentials:
    return credentials_of(
        access_key_id=f"ASIA{number:016d}",
        secret_access_key=f"secret of {key.role_arn}",
        token=f"token of {key.role_arn}",
        expiration=now + timedelta(seconds=key.duration_seconds),
        account_id=ACCOUNT,
        now=now,
    )


class Reply(Struct, frozen=True):
    """What a pod got; the names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class World:
    """The server with what it reads from. STS and the node answer at once, unless a test replaces them."""

    def __init__(
        self,
        *,
        imdsv2: Any = "optional",
        limits: ServerLimits | None = None,
        now: Callable[[], datetime] = utc_now,
        node_keys: tuple[MetadataKey, ...] = ("placement/availability-zone", "placement/region"),
        identity: Any = "made",
        port: int = 0,
        only_redirected: bool = False,
        token_key_file: str = "",
    ) -> None:
        self.now = now
        self.is_trusted = True
        self.table: dict[str, Verdict] = {}
        self.fetched: list[CredentialKey] = []
        self.node_asked: list[str] = []
        self.audit: list[bytes] = []
        self.network: Callable[[], object] = _nothing
        """Has the network asked whose addresses are whose."""
        self.addresses = Addresses(is_trusted=lambda: self.is_trusted, on_wait=self._ask_network)
        self.credentials = CredentialCache(self._fetch, now=now)
        self.sts: Callable[[CredentialKey], Awaitable[None]] = _at_once
        self.node: Callable[[str], Awaitable[None]] = _at_once
        self.metadata = build_metadata(
            Config(
                imdsv2=imdsv2,
                metadata_allow=node_keys,
                instance_identity=identity,
                token_key_file=token_key_file,
            ),
            addresses=self.addresses,
            credentials=self.credentials,
            node_keys=NodeKeys(self._fetch_node_key),
            write_audit=self.audit.append,
            limits=limits,
            now=now,
        )
        self.server = MetadataServer(self.metadata, [(POD_IP, port)], only_redirected=only_redirected)
        self._stopping = asyncio.Event()

    @property
    def port(self) -> int:
        return self.server.addresses[0][1]

    def give(self, verdict: Verdict, ip: str = POD_IP) -> None:
        """Let an address be a pod's from now on."""
        self.table[ip] = verdict
        self.addresses.replace(dict(self.table))

    def stop(self) -> None:
        """Tell the server to stop."""
        self._stopping.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["World"]:
        serving = asyncio.create_task(self.server.serve(self._stopping))
        try:
            while not self.server.addresses and not serving.done():
                await asyncio.sleep(0)
            yield self
        finally:
            self.stop()
            await serving
            await self.credentials.close()

    def _ask_network(self, ip: str) -> None:
        self.network()

    async def _fetch(self, key: CredentialKey) -> Credentials:
        self.fetched.append(key)
        await self.sts(key)
        return credentials_for(key, self.now(), len(self.fetched))

    async def _fetch_node_key(self, key: str) -> str | None:
        self.node_asked.append(key)
        await self.node(key)
        return NODE_METADATA.get(key)


def _nothing() -> None:
    return None


async def _at_once(_: object) -> None:
    return None


class Client:
    """One connection of a pod, which says exactly what a test lets it say.

    It dials `address`, from `source` if that is given, and out of the network namespace `inside`.
    """

    def __init__(
        self, port: int, *, address: str = POD_IP, source: str = "", inside: Namespace | None = None
    ) -> None:
        self._there = (address, port)
        self._host = f"{address}:{port}"
        self._source = source
        self._inside = inside

    async def __aenter__(self) -> "Client":
        dialling = self._inside.open_socket() if self._inside else socket.socket()
        try:
            dialling.setblocking(False)
            if self._source:
                dialling.bind((self._source, 0))
            await asyncio.get_running_loop().sock_connect(dialling, self._there)
            self.reader, self.writer = await asyncio.open_connection(sock=dialling)
        except BaseException:
            dialling.close()
            raise
        return self

    async def __aexit__(self, *error: object) -> None:
        self.writer.transport.abort()

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    def request(self, method: str, target: str, headers: dict[str, str]) -> bytes:
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in ({"Host": self._host} | headers).items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    async def ask(self, method: str, target: str, headers: dict[str, str] | None = None) -> Reply:
        self.write(self.request(method, target, headers or {}))
        return await self.reply(has_body=method != "HEAD")

    async def get(self, target: str, token: str = "") -> Reply:
        return await self.ask("GET", target, {TOKEN: token} if token else {})

    async def token(self, ttl: str = "21600") -> str:
        return (await self.ask("PUT", "/latest/api/token", {TTL: ttl})).text

    async def reply(self, *, has_body: bool = True) -> Reply:
        """Read one answer, as long as its head says."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.split(": ", 1) for line in head[1:-2])
        headers = {name.lower(): value for name, value in pairs}
        length = int(headers["content-length"]) if has_body else 0
        return Reply(int(head[0].split()[1]), headers, await self.reader.readexactly(length))

    async def closes(self) -> bool:
        """Whether the other end closes the connection, having said no more."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionError:
            return True


@asynccontextmanager
async def client(world: World) -> AsyncIterator[Client]:
    """A pod connects."""
    async with Client(world.port) as connected:
        yield connected


NO_ROLE = Refusal(pod(), "NoRole", "the pod asks for no role", 404)
NOT_ALLOWED = Refusal(pod(), "RoleNotAllowed", "its namespace does not allow the role", 403)
AMBIGUOUS = Refusal(None, "AmbiguousAddress", "two pods have the address", 503)

"""The metadata service of a node, as EC2 has it, with canaries: what no pod may ever see.

It is strict about tokens, and on purpose lenient about paths: it decodes, folds slashes and resolves dots, so
that whatever a proxy lets through by a trick gets an answer, and shows in a test.
"""

import asyncio
import json
import posixpath
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

from aiohttp import web

VERSIONS = ("1.0", "2007-12-15", "2009-04-04", "2016-09-02", "2021-07-15", "2024-04-11", "latest")
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"
_TOKEN_HEADER = "X-aws-ec2-metadata-token"
_LONGEST_TTL_SECONDS = 21600
_REASONS = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Not Allowed"}


def utc_now() -> datetime:
    """Give the present time, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class NodeCredentials:
    """Credentials of the node's own role; the default ones are canaries that no STS knows."""

    access_key_id: str = "ASIACANARYNODE000001"
    secret_access_key: str = "canary-secret-of-the-node"
    token: str = "canary-token-of-the-node"


@dataclass(frozen=True)
class Instance:
    """What is told about one instance."""

    role: str = "canary-node-role"
    credentials: NodeCredentials = field(default_factory=NodeCredentials)
    identity_credentials: NodeCredentials = field(
        default_factory=lambda: NodeCredentials(
            "ASIACANARYIDENTITY01", "canary-secret-of-the-identity", "canary-token-of-the-identity"
        )
    )
    user_data: str = "#!/bin/sh\n# canary-user-data\nexport BOOTSTRAP_TOKEN=canary-bootstrap-token\n"
    instance_id: str = "i-0123456789abcdef0"
    instance_type: str = "m5.large"
    account: str = "123456789012"
    zone: str = "eu-central-1a"
    address: str = "10.77.0.10"
    mac: str = "02:29:96:8f:6a:2d"
    tags: Mapping[str, str] = field(default_factory=lambda: {"Name": "node-1"})

    @property
    def canaries(self) -> frozenset[str]:
        """Every text that would betray the node: its credentials, its user data, its identity."""
        both = (self.credentials, self.identity_credentials)
        secret = {part for keys in both for part in (keys.access_key_id, keys.secret_access_key, keys.token)}
        others = {"canary-user-data", "canary-bootstrap-token", "canary-signature"}
        return frozenset(secret | others | {self.role, self.instance_id})


@dataclass(frozen=True, slots=True)
class Request:
    """One request that was answered; `peer` is the address it came from."""

    method: str
    target: str
    peer: str
    status: int


class Imds:
    """The service. `requests` records all; `http_tokens` is the instance's option, and may be changed.

    `network` gives the leaves below meta-data that tell of the network, at each request; without it there is
    one interface that never changes.
    """

    def __init__(
        self,
        instance: Instance | None = None,
        *,
        http_tokens: Literal["optional", "required"] = "optional",
        network: Callable[[], Mapping[str, str]] | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.instance = instance or Instance()
        self.http_tokens = http_tokens
        self.requests: list[Request] = []
        self.url = ""
        self._network = network or (lambda: _about_network(self.instance))
        self._now = now
        self._tokens: dict[str, datetime] = {}
        self._runner: web.ServerRunner | None = None
        self._listeners: tuple[socket.socket, ...] = ()

    async def start(self, *listeners: socket.socket) -> None:
        """Listen on these sockets, e.g. of another namespace; without any on a free port of loopback."""
        self._runner = web.ServerRunner(web.Server(self._serve), shutdown_timeout=1.0)
        await self._runner.setup()
        self._listeners = listeners or (socket.create_server(("127.0.0.1", 0)),)
        for listener in self._listeners:
            await web.SockSite(self._runner, listener).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        """Close every connection and give back the ports."""
        if self._runner is not None:
            # Whoever was let in at the last moment is known to the server, and can be closed, a moment later:
            # asyncio gives up a connection whose server is closed before, and leaves its socket open.
            for listener in self._listeners:
                asyncio.get_running_loop().remove_reader(listener)
            await asyncio.sleep(0.01)
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _serve(self, request: web.BaseRequest) -> web.Response:
        response = self._answer(request)
        response.headers["Server"] = "EC2ws"
        self.requests.append(Request(request.method, request.raw_path, request.remote or "", response.status))
        return response

    def _answer(self, request: web.BaseRequest) -> web.Response:
        path = _normalise(request.raw_path)
        version, _, rest = path.partition("/")
        if rest == "api/token" and version in VERSIONS:
            return self._give_token(request)
        if request.method not in ("GET", "HEAD"):
            return _error(405)
        if refusal := self._check_token(request):
            return _error(refusal)
        if not path:
            return _text("\n".join(VERSIONS))
        if version not in VERSIONS:
            return _error(404)
        return _look_up(_tree(self.instance, self._network(), self._now()), rest)

    def _give_token(self, request: web.BaseRequest) -> web.Response:
        if request.method != "PUT":
            return _error(405)
        if "X-Forwarded-For" in request.headers:
            return _error(403)
        ttl = request.headers.get(_TTL_HEADER, "")
        if not (ttl.isascii() and ttl.isdigit() and 1 <= int(ttl) <= _LONGEST_TTL_SECONDS):
            return _error(400)
        token = secrets.token_urlsafe(42)
        self._tokens[token] = self._now() + timedelta(seconds=int(ttl))
        response = _text(token)
        response.headers[_TTL_HEADER] = ttl
        return response

    def _check_token(self, request: web.BaseRequest) -> int:
        """Give the status of a refusal, 0 for none. A token that is sent must be good, needed or not."""
        token = request.headers.get(_TOKEN_HEADER)
        if token is None:
            return 401 if self.http_tokens == "required" else 0
        expires = self._tokens.get(token)
        return 0 if expires is not None and self._now() < expires else 401


def _normalise(target: str) -> str:
    """Give the path of a target, without slashes at its ends, however it is written."""
    path = urlsplit(target).path if "://" in target else target.partition("?")[0]
    path = posixpath.normpath("/" + unquote(path).replace("\\", "/"))
    return path.strip("/")


def _look_up(tree: Mapping[str, str], path: str) -> web.Response:
    if path in tree:
        kind = "application/octet-stream" if path == "user-data" else "text/plain"
        return _text(tree[path], content_type=kind)
    prefix = f"{path}/" if path else ""
    below = [name.removeprefix(prefix) for name in tree if name.startswith(prefix)]
    if not below:
        return _error(404)
    leaves = {name for name in below if "/" not in name}
    folders = {f"{name.partition('/')[0]}/" for name in below if "/" in name}
    return _text("\n".join(sorted(leaves | folders)))


def _text(text: str, *, content_type: str = "text/plain") -> web.Response:
    return web.Response(body=text.encode(), content_type=content_type)


def _error(status: int) -> web.Response:
    title = f"{status} - {_REASONS[status]}"
    page = (
        '<?xml version="1.0" encoding="iso-8859-1"?>\n<html xmlns="http://www.w3.org/1999/xhtml" lang="en">\n'
        f" <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n </body>\n</html>\n"
    )
    return web.Response(text=page, status=status, content_type="text/html")


def _tree(instance: Instance, network: Mapping[str, str], now: datetime) -> dict[str, str]:
    """Give every leaf by its path below the version."""
    data = _about_instance(instance) | dict(network) | _about_roles(instance, now)
    tree = {f"meta-data/{path}": text for path, text in data.items()}
    tree |= {f"dynamic/{path}": text for path, text in _about_identity(instance, now).items()}
    return tree | {"user-data": instance.user_data}


def _about_instance(instance: Instance) -> dict[str, str]:
    region = instance.zone[:-1]
    name = f"ip-{instance.address.replace('.', '-')}.{region}.compute.internal"
    return {
        "ami-id": "ami-0abcdef1234567890",
        "ami-launch-index": "0",
        "ami-manifest-path": "(unknown)",
        "autoscaling/target-lifecycle-state": "InService",
        "block-device-mapping/ami": "/dev/xvda",
        "block-device-mapping/root": "/dev/xvda",
        "events/maintenance/history": "[]",
        "events/maintenance/scheduled": "[]",
        "hostname": name,
        "instance-action": "none",
        "instance-id": instance.instance_id,
        "instance-life-cycle": "on-demand",
        "instance-type": instance.instance_type,
        "local-hostname": name,
        "placement/availability-zone": instance.zone,
        "placement/availability-zone-id": "euc1-az2",
        "placement/region": region,
        "profile": "default-hvm",
        "public-keys/0/openssh-key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample operator",
        "reservation-id": "r-0123456789abcdef0",
        "security-groups": "nodes",
        "services/domain": "amazonaws.com",
        "services/partition": "aws",
        "system": "nitro",
        **{f"tags/instance/{key}": value for key, value in instance.tags.items()},
    }


def _about_network(instance: Instance) -> dict[str, str]:
    interface = {
        "device-number": "0",
        "interface-id": "eni-0123456789abcdef0",
        "local-ipv4s": instance.address,
        "mac": instance.mac,
        "owner-id": instance.account,
        "security-group-ids": "sg-0123456789abcdef0",
        "security-groups": "nodes",
        "subnet-id": "subnet-0123456789abcdef0",
        "subnet-ipv4-cidr-block": "10.77.0.0/24",
        "vpc-id": "vpc-0123456789abcdef0",
        "vpc-ipv4-cidr-block": "10.77.0.0/16",
        "vpc-ipv4-cidr-blocks": "10.77.0.0/16",
    }
    folder = f"network/interfaces/macs/{instance.mac}"
    return {
        "local-ipv4": instance.address,
        "mac": instance.mac,
        "public-hostname": "ec2-203-0-113-10.eu-central-1.compute.amazonaws.com",
        "public-ipv4": "203.0.113.10",
        **{f"{folder}/{key}": text for key, text in interface.items()},
    }


def _about_roles(instance: Instance, now: datetime) -> dict[str, str]:
    profile = {
        "Code": "Success",
        "LastUpdated": now.strftime(_MOMENT),
        "InstanceProfileArn": f"arn:aws:iam::{instance.account}:instance-profile/{instance.role}",
        "InstanceProfileId": "AIPA0123456789ABCDEFG",
    }
    account = {"AccountId": instance.account}
    own = _credentials(instance.credentials, now)
    identity = {"Code": "Success", "LastUpdated": now.strftime(_MOMENT)} | account
    return {
        "iam/info": json.dumps(profile, indent=2),
        f"iam/security-credentials/{instance.role}": json.dumps(own, indent=2),
        f"iam/security-credentials-extended/{instance.role}": json.dumps(own | account, indent=2),
        "identity-credentials/ec2/info": json.dumps(identity, indent=2),
        "identity-credentials/ec2/security-credentials/ec2-instance": json.dumps(
            _credentials(instance.identity_credentials, now), indent=2
        ),
    }


def _credentials(keys: NodeCredentials, now: datetime) -> dict[str, str]:
    return {
        "Code": "Success",
        "LastUpdated": now.strftime(_MOMENT),
        "Type": "AWS-HMAC",
        "AccessKeyId": keys.access_key_id,
        "SecretAccessKey": keys.secret_access_key,
        "Token": keys.token,
        "Expiration": (now + timedelta(hours=6)).strftime(_MOMENT),
    }


def _about_identity(instance: Instance, now: datetime) -> dict[str, str]:
    document = {
        "accountId": instance.account,
        "architecture": "x86_64",
        "availabilityZone": instance.zone,
        "billingProducts": None,
        "devpayProductCodes": None,
        "marketplaceProductCodes": None,
        "imageId": "ami-0abcdef1234567890",
        "instanceId": instance.instance_id,
        "instanceType": instance.instance_type,
        "kernelId": None,
        "pendingTime": (now - timedelta(days=1)).strftime(_MOMENT),
        "privateIp": instance.address,
        "ramdiskId": None,
        "region": instance.zone[:-1],
        "version": "2017-09-30",
    }
    signatures = ("pkcs7", "rsa2048", "signature")
    return {
        "fws/instance-monitoring": "disabled",
        "instance-identity/document": json.dumps(document, indent=2),
        **{f"instance-identity/{name}": f"canary-signature-{name}" for name in signatures},
    }

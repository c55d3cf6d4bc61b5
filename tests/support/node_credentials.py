"""Credentials of a node's role, which its metadata service has once it is there, and nobody else."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from addons.sim.aws.server import AwsEndpoint
from addons.sim.imds import Imds, Instance, NodeCredentials
from addons.sim.ports import free_port

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


def credentials_of_the_node_alone(monkeypatch: pytest.MonkeyPatch) -> int:
    """Leave nothing in the environment but where the metadata service of the node will be; its port."""
    port = free_port()
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{port}")
    return port


def node_metadata(aws: AwsEndpoint) -> Imds:
    """The metadata service of a node that has a role which STS knows."""
    session = aws.sts.open_session(aws.sts.create_role("node"), "i-1")
    keys = NodeCredentials(session.access_key_id, session.secret_access_key, session.token)
    return Imds(Instance(role="node", credentials=keys))


@asynccontextmanager
async def metadata_at(port: int, imds: Imds) -> AsyncIterator[None]:
    """Have it answer."""
    await imds.start(listener(port))
    try:
        yield
    finally:
        await imds.stop()


def listener(port: int) -> socket.socket:
    """A socket that listens on loopback."""
    made = socket.create_server(("127.0.0.1", port))
    made.setblocking(False)
    return made

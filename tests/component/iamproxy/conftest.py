"""The world that the tests of the iamproxy controller share."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from addons.sim.kubeapi.server import KubeApi
from tests.support.aws_thread import simulated_aws
from tests.support.iamproxy_world import World


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """An API server and an STS; the folder has a short path, as unix sockets need it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with tempfile.TemporaryDirectory(prefix="iam") as folder:
        async with KubeApi() as api, simulated_aws() as aws:
            yield World(api, aws, Path(folder))

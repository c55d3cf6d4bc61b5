"""The world that the tests of the dns controller share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from tests.support.dns_world import World


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """An API server and a Route 53 with the zone example.com."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    async with KubeApi() as api, AwsEndpoint() as aws:
        yield World(api, aws, tmp_path / "kubeconfig")

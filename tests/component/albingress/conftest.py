"""Credentials that the simulated AWS takes, and the world that the tests of the controller share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from addons.sim.kubeapi.server import KubeApi
from tests.support.alb_world import World
from tests.support.aws_thread import simulated_aws


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """An API server and an AWS with a VPC of two zones, without a daemon."""
    async with KubeApi() as api, simulated_aws() as aws:
        yield World(api, aws, tmp_path)

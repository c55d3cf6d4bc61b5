"""The world that the tests of the dns controller share."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from addons.sim.kubeapi.server import KubeApi
from tests.support.aws_thread import aws_in_thread, simulated_aws
from tests.support.dns_cluster import FLAGS, Cluster, Story
from tests.support.dns_world import World
from tests.support.virtual import run_virtual


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """An API server and a Route 53 with the zone example.com."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    async with KubeApi() as api, simulated_aws() as aws:
        yield World(api, aws, tmp_path / "kubeconfig")


@pytest.fixture
def play_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Story], None]:
    """Play a story in a cluster without a daemon."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    def run(story: Story) -> None:
        async def main() -> None:
            with aws_in_thread() as aws:
                async with KubeApi() as api:
                    api.enable(endpoint_slices=True)
                    await story(Cluster(api, aws, tmp_path / "kubeconfig"))

        run_virtual(main())

    return run


@pytest.fixture
def play(play_alone: Callable[[Story], None]) -> Callable[..., None]:
    """Play a story in a cluster whose daemon is at work."""

    def run(story: Story, *flags: str) -> None:
        async def with_daemon(world: Cluster) -> None:
            async with world.running(*FLAGS, *flags):
                await story(world)

        play_alone(with_daemon)

    return run

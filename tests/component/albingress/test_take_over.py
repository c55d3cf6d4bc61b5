"""What the original made is taken over as it is: nothing is changed until somebody wants something else."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from addons.sim.kubeapi.server import KubeApi
from tests.support.alb_lives import Life
from tests.support.alb_recorded import RecordedWorld
from tests.support.aws_thread import simulated_aws
from tests.support.original import NAMES, original
from tests.support.until import until

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def recorded(tmp_path: Path, situation: str) -> AsyncIterator[RecordedWorld]:
    async with KubeApi() as api, simulated_aws() as aws:
        yield RecordedWorld(api, aws, tmp_path, original(situation))


@pytest.mark.parametrize("situation", NAMES)
class TestTakingOver:
    """The first life of ours after the last one of the original."""

    async def test_nothing_is_changed_in_aws_or_kubernetes(self, recorded: RecordedWorld) -> None:
        life = Life()
        async with recorded.running(life=life) as controller:
            await until(lambda: controller.last_pass() or not recorded.original.of_kind("Ingress"))
            await recorded.settles(60)
            assert life.changes == []
            assert controller.failures == {}
        assert recorded.account() == recorded.recorded_account()

    async def test_nobody_is_warned(self, recorded: RecordedWorld) -> None:
        async with recorded.running():
            await recorded.settles(60)
            names = [each["metadata"]["name"] for each in recorded.original.objects]
            assert {name: notes for name in names if (notes := recorded.notes(name))} == {}

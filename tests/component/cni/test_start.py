"""What a daemon says that cannot begin: the reason that stops it, not the next best one."""

import asyncio
from pathlib import Path

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support.started import daemon


async def test_a_single_pass_names_the_metadata_that_it_cannot_reach(tmp_path: Path) -> None:
    flags = (
        "--node=node-1",
        "--cluster-name=demo",
        "--once",
        f"--state-dir={tmp_path}",
        f"--socket={tmp_path}/s",
    )
    nowhere = f"--imds-endpoint=http://127.0.0.1:{free_port()}"
    async with (
        KubeApi() as api,
        AwsEndpoint() as aws,
        daemon("cni", api, aws, tmp_path, *flags, nowhere) as started,
    ):
        assert started.process.stderr
        async with asyncio.timeout(30):
            said = ""
            while "not started yet: metadata of the node" not in said:
                said = (await started.process.stderr.readline()).decode()
                assert said, "it ended"

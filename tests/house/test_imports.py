"""What a daemon has loaded when it has done its work: nothing that it does not use there."""

import os
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from tests.support.alb_world import World as LoadBalancers
from tests.support.alb_world import ingress
from tests.support.iamproxy_world import BASE, NODE, World, pod
from tests.support.processes import output_of, running
from tests.support.service_account import IN_A_POD, variables, write_files
from tests.support.until import SECONDS, until

REPORT_AT_EXIT = f"""
import atexit, faulthandler, pathlib, sys

faulthandler.dump_traceback_later({SECONDS - 5})
report = pathlib.Path(sys.argv.pop(1))
atexit.register(lambda: report.write_text(" ".join(sys.modules)))
"""

NEVER = (
    *("kubernetes.client.api.", "kubernetes.client.models."),
    *("kubernetes.aio.client.api.", "kubernetes.aio.client.models."),
    *("boto3", "moto", "addons.sim", "addons.demo", "tests", "pytest", "tenacity", "pyroute2"),
)
ONLY_FOR_A_KUBECONFIG = ("kubernetes", "aiohttp_retry", "requests", "oauthlib", "websocket", "google")


class Place:
    """A cluster and AWS; the daemon in it is told where they are in one of two ways."""

    def __init__(self, api: KubeApi, aws: AwsEndpoint, folder: Path) -> None:
        self.api = api
        self.aws = aws
        self.folder = folder

    async def loaded(self, module: str, *flags: str, done: Callable[[], bool], in_a_pod: bool) -> list[str]:
        """Run a daemon until it ends or is `done`; gives the modules that it had loaded."""
        report = self.folder / "modules"
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-central-1"}
        environment = dict(os.environ) | keys | (dict(variables(self.api)) if in_a_pod else {})
        if in_a_pod:
            write_files(self.folder, self.api)
        else:
            (self.folder / "kubeconfig").write_text(self.api.kubeconfig())
            flags = (*flags, f"--kubeconfig={self.folder}/kubeconfig")
        command = (
            *(sys.executable, "-c", REPORT_AT_EXIT + IN_A_POD, str(report), str(self.folder), module),
            *(f"--aws-endpoint-url={self.aws.url}", "--listen=127.0.0.1:0", *flags),
        )
        async with running(*command, env=environment, stdout=DEVNULL) as process:
            await until(lambda: process.returncode is not None or done())
            if process.returncode is None and "--once" not in flags:
                process.terminate()
            assert await process.wait() == 0
        return report.read_text().split()


async def dns(folder: Path, *, in_a_pod: bool) -> list[str]:
    async with KubeApi(tls=True) as api, AwsEndpoint() as aws:
        aws.route53.create_zone("example.com")
        place = Place(api, aws, folder)
        flags = ("--once", "--txt-owner-id=test")
        return await place.loaded("addons.dns", *flags, done=lambda: False, in_a_pod=in_a_pod)


async def iamproxy(folder: Path, *, in_a_pod: bool) -> list[str]:
    async with KubeApi(tls=True) as api, AwsEndpoint() as aws:
        aws.sts.create_role("web")
        World(api, aws, folder).create(pod("a", "10.0.0.1", role="web"))
        flags = (f"--node={NODE}", f"--base-role-arn={BASE}", "--interceptor=none", "--app-port=0")
        place = Place(api, aws, folder)
        return await place.loaded("addons.iamproxy", *flags, done=lambda: bool(aws.calls), in_a_pod=in_a_pod)


async def albingress(folder: Path, *, in_a_pod: bool) -> list[str]:
    """Its patience with AWS is that of tenacity."""
    async with KubeApi(tls=True) as api, AwsEndpoint() as aws:
        site = LoadBalancers(api, aws, folder)
        site.serve("web")
        site.ingresses(ingress("web"))
        flags = ("--once", "--cluster-name=test", f"--aws-vpc-id={site.vpc_id}")
        place = Place(api, aws, folder)
        loaded = await place.loaded("addons.albingress", *flags, done=lambda: False, in_a_pod=in_a_pod)
        return [name for name in loaded if not name.startswith("tenacity")]


async def autoscaler(folder: Path, *, in_a_pod: bool) -> list[str]:
    async with KubeApi(tls=True) as api, AwsEndpoint() as aws:
        flags = ("--dry-run", "--node-group-auto-discovery=asg:tag=mine")
        place = Place(api, aws, folder)

        def has_read_groups() -> bool:
            return any(call.operation == "DescribeAutoScalingGroups" for call in aws.calls)

        return await place.loaded("addons.autoscaler", *flags, done=has_read_groups, in_a_pod=in_a_pod)


@pytest.mark.parametrize("daemon", [albingress, autoscaler, dns, iamproxy])
class TestLoaded:
    async def test_in_a_pod_nothing_of_the_kubernetes_package(
        self, daemon: Callable[..., Awaitable[list[str]]], tmp_path: Path
    ) -> None:
        loaded = await daemon(tmp_path, in_a_pod=True)
        assert [name for name in loaded if name.startswith((*NEVER, *ONLY_FOR_A_KUBECONFIG))] == []

    async def test_with_a_kubeconfig_what_reads_it_and_no_generated_model(
        self, daemon: Callable[..., Awaitable[list[str]]], tmp_path: Path
    ) -> None:
        loaded = await daemon(tmp_path, in_a_pod=False)
        assert "kubernetes.aio.config.kube_config" in loaded
        assert [name for name in loaded if name.startswith(NEVER)] == []


def test_the_command_line_answers_without_loading_what_it_does_not_need() -> None:
    code = "import sys, addons.runtime.cli; print(*sys.modules)"
    loaded = output_of(sys.executable, "-c", code).split()
    assert not {"boto3", "botocore", "kubernetes", "aiohttp"} & set(loaded)

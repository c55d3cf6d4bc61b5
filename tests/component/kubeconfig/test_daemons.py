"""Every daemon, and `addons explain`, with a kubeconfig whose user has an exec plugin."""

import asyncio
import os
import pty
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from addons.registry import daemons
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support.exec_plugin import STABLE, Plugin, new_token
from tests.support.processes import Ended, ended, run, running

NEEDS: dict[str, tuple[str, ...]] = {
    "albingress": ("--cluster-name=prod", "--aws-vpc-id=vpc-0123456789abcdef0"),
    "autoscaler": ("--cluster-name=prod", "--nodes=1:2:group"),
    "cni": ("--cluster-name=prod", "--node=node-1"),
    "dns": ("--source=service", "--txt-owner-id=prod"),
    "iamproxy": ("--base-role-arn=arn:aws:iam::123456789012:role/", "--node=node-1", "--interceptor=none"),
}
EXPLAIN = ("explain", "service/shop/web")


async def addons(*arguments: str, kubeconfig: Path, **environment: str) -> Ended:
    """Run a command to its end."""
    command = (sys.executable, "-m", "addons", *arguments, f"--kubeconfig={kubeconfig}")
    return await run(*command, env={**os.environ, **environment})


def test_every_daemon_is_looked_at() -> None:
    assert NEEDS.keys() == set(daemons())


@pytest.mark.parametrize("name", NEEDS)
async def test_a_plugin_that_gives_nothing_ends_the_start_with_one_line_that_names_it(
    name: str, tmp_path: Path
) -> None:
    plugin = Plugin(tmp_path)
    plugin.does("echo 'no role is assumed' >&2; exit 1")
    async with KubeApi(tls=True, tokens={}) as api:
        file = plugin.kubeconfig(api, args=["token", "-i", "prod"])
        where = ("--aws-region=eu-central-1", f"--listen=127.0.0.1:{free_port()}")
        done = await addons(name, *NEEDS[name], *where, kubeconfig=file)
    assert done.code == 2, done.err
    *_, line = done.err.strip().splitlines()
    assert f"user 'eks': {plugin.program} token -i prod: ended with 1: no role is assumed" in line
    assert f"--kubeconfig: '{file}' cannot be used" in line
    assert "Traceback" not in done.err


async def test_a_daemon_asks_the_api_server_by_the_token_of_the_plugin(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    async with AwsEndpoint() as aws, KubeApi(tls=True, tokens={}) as api:
        aws.route53.create_zone("example.org")
        plugin.gives(token=new_token(api))
        flags = ("--once", "--dry-run", f"--aws-endpoint-url={aws.url}", "--aws-region=eu-central-1")
        secrets = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        done = await addons("dns", *NEEDS["dns"], *flags, kubeconfig=plugin.kubeconfig(api), **secrets)
    assert done.code == 0, done.err
    assert {request.user for request in api.requests} == {"admin"}
    assert len(plugin.runs) == 1


async def test_explain_asks_by_it_as_well_and_names_one_that_is_not_installed(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path, version=STABLE)
    async with KubeApi(tls=True, tokens={}) as api:
        plugin.gives(token=new_token(api))
        done = await addons(*EXPLAIN, kubeconfig=plugin.kubeconfig(api))
        assert "no pod of the cluster is a daemon of ours" in done.err
        assert {request.user for request in api.requests} == {"admin"}
        file = plugin.kubeconfig(api, command="aws-none", installHint="see the page of AWS")
        done = await addons(*EXPLAIN, kubeconfig=file)
    assert done.code == 2
    wanted = "user 'eks': aws-none: cannot be run: No such file or directory; see the page of AWS"
    assert done.err == f"addons explain: --kubeconfig: '{file}' cannot be used: {wanted}\n"


async def test_at_a_terminal_it_may_ask_the_person_there(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    ours, theirs = pty.openpty()
    async with KubeApi(tls=True, tokens={}) as api:
        plugin.gives(token=new_token(api))
        file = plugin.kubeconfig(api, interactiveMode="IfAvailable")
        command = (sys.executable, "-m", "addons", *EXPLAIN, f"--kubeconfig={file}")
        async with running(*command, stdin=theirs, stdout=PIPE, stderr=PIPE) as process:
            await asyncio.to_thread(os.write, ours, b"123456\n\x04")
            done = await ended(process)
    os.close(ours)
    os.close(theirs)
    assert "no pod of the cluster is a daemon of ours" in done.err
    assert (tmp_path / "stdin").read_text() == "123456\n"
    assert plugin.told["spec"] == {"interactive": True}

"""The daemon as a process: its commands, its exit codes, and pods served over HTTP."""

import asyncio
import json
import os
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
import pytest

from addons.iamproxy import names
from addons.sim.ports import free_port
from tests.support.iamproxy_world import BASE, NODE, World, pod
from tests.support.processes import Ended, ended, running
from tests.support.until import until

HOST = {"Host": "169.254.169.254"}
ROLES = "/latest/meta-data/iam/security-credentials/"


@asynccontextmanager
async def process(
    world: World, *arguments: str, region: str = "eu-central-1"
) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = {
        **os.environ,
        "KUBECONFIG": str(world.kubeconfig),
        "AWS_ENDPOINT_URL": world.aws.url,
        "AWS_REGION": region,
        "ADDONS_IAMPROXY_BASE_ROLE_ARN": BASE,
    }
    command = (sys.executable, "-m", "addons.iamproxy", *arguments)
    async with running(*command, env=environment, stdout=PIPE, stderr=PIPE) as started:
        yield started


async def run(world: World, *arguments: str) -> Ended:
    async with process(world, *arguments) as started:
        return await ended(started)


async def answers(http: aiohttp.ClientSession, port: int) -> bool:
    """Whether somebody answers on a port."""
    try:
        async with http.get(f"http://127.0.0.1:{port}/healthz") as reply:
            return reply.status == 200
    except aiohttp.ClientConnectionError:
        return False


class TestCommands:
    async def test_check_explains_a_grant(self, world: World) -> None:
        world.create(pod("a", role="web"))
        code, out, _ = await run(world, "check", "--offline", "--pod", "prod/a")
        assert code == 0
        assert out.startswith("by the settings of this command; no daemon and no STS was asked\n")
        assert f"granted: {BASE}web" in out

    async def test_check_explains_a_refusal(self, world: World) -> None:
        world.create(pod("a"))
        code, out, _ = await run(world, "check", "--offline", "--pod", "prod/a")
        assert code == 3
        assert f"reason:  {names.NO_ROLE}" in out

    async def test_check_of_a_pod_that_is_not_there_says_so(self, world: World) -> None:
        code, _, err = await run(world, "check", "--offline", "--pod", "prod/b")
        assert code == 3
        assert 'pods "b" not found' in err

    async def test_check_without_a_daemon_says_so(self, world: World) -> None:
        code, _, err = await run(world, "check", "--pod", "prod/a")
        said = "cannot tell: no daemon runs; --offline decides by the settings of this command\n"
        assert (code, err) == (3, said)

    async def test_without_a_node_nothing_starts(self, world: World) -> None:
        code, _, err = await run(world)
        assert code == 2
        assert "--node is required" in err

    async def test_a_flag_of_kube2iam_without_counterpart_is_explained(self, world: World) -> None:
        code, _, err = await run(world, f"--node={NODE}", "--iptables=true")
        assert (code, err) == (
            2,
            "addons iamproxy: --iptables is not needed: --interceptor=nft, the default, makes the redirect\n",
        )

    async def test_a_key_that_cannot_be_kept_is_a_bad_setting(self, world: World) -> None:
        code, _, err = await run(
            world,
            f"--node={NODE}",
            "--interceptor=none",
            "--token-key-file=/proc/none/key",
            "--listen=127.0.0.1:0",
        )
        assert code == 2
        assert "--token-key-file /proc/none/key: No such file or directory" in err

    async def test_a_port_for_pods_that_is_in_use_is_a_bad_setting(self, world: World) -> None:
        with socket.create_server(("", 0)) as taken:
            port = taken.getsockname()[1]
            flags = ("--interceptor=none", f"--app-port={port}", "--listen=127.0.0.1:0")
            code, _, err = await run(world, f"--node={NODE}", *flags)
        assert (code, "Traceback" in err) == (2, False)
        assert f"addons iamproxy: --app-port: cannot listen on :{port}: the port is in use\n" in err

    async def test_two_that_share_ports_during_an_upgrade_never_share_one_for_pods_with_one_for_the_page(
        self, world: World
    ) -> None:
        """The new one has the two numbers the other way round."""
        pods, page = free_port(), free_port()

        def flags(app: int, listen: int) -> tuple[str, ...]:
            return (f"--node={NODE}", "--interceptor=none", f"--app-port={app}", f"--listen=:{listen}")

        async with process(world, *flags(pods, page)), aiohttp.ClientSession() as http:
            for port in (pods, page):
                await until(partial(answers, http, port))
            code, _, err = await run(world, *flags(page, pods))
            assert (code, "the port is in use\n" in err) == (2, True)
            async with process(world, *flags(pods, page)) as younger:
                assert younger.stderr
                seen = ""
                while "listening: iamproxy on" not in seen:
                    seen = (await asyncio.wait_for(younger.stderr.readline(), 30)).decode()

    async def test_help_tells_of_the_commands(self, world: World) -> None:
        code, out, _ = await run(world, "check", "--help")
        assert code == 0
        assert "check --pod NAMESPACE/NAME" in out
        assert "--base-role-arn" in out

    @pytest.mark.parametrize("said", [(), ("--pod=web",), ("--pod=a/b/c",), ("--pod=/web",)])
    async def test_check_needs_to_know_which_pod(self, world: World, said: tuple[str, ...]) -> None:
        code, _, err = await run(world, "check", *said)
        assert (code, "not NAMESPACE/NAME" in err) == (2, True)

    async def test_a_command_that_is_badly_written_is_one_line(self, world: World) -> None:
        code, out, err = await run(world, "ask", "--role=web", "--no-role")
        said = "addons iamproxy: argument --no-role: not allowed with argument --role\n"
        assert (code, out, err) == (2, "", said)

    @pytest.mark.parametrize(
        "said", [("check", "--offline", "--pod=prod/a"), (f"--node={NODE}", "--dry-run")]
    )
    async def test_what_has_to_ask_for_the_base_needs_a_region_and_says_so(
        self, world: World, said: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where neither settings nor the node tell one."""
        world.create(pod("a", "10.0.0.1", role="web"))
        monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
        more = ("--aws-region=", "--base-role-arn=", "--auto-discover-base-arn", "--metadata-addr=127.0.0.1")
        async with process(world, *said, *more, region="") as started:
            code, _, err = await ended(started)
        assert (code, "addons iamproxy: --aws-region is required: " in err) == (2, True)

    async def test_a_dry_run_says_what_would_be_and_asks_sts_for_nothing(self, world: World) -> None:
        world.create(pod("a", "10.0.0.1", role="web"))
        world.create(pod("b", "10.0.0.2"))
        code, out, _ = await run(world, f"--node={NODE}", "--dry-run")
        lines = [json.loads(line) for line in out.splitlines() if '"because"' in line]
        assert code == 0
        assert [f"{line['action']} {line['object']}".strip() for line in lines] == [
            "grant pod/prod/a",
            "refuse pod/prod/b",
            "fetch",
        ]
        assert f"may have {BASE}web: iam.amazonaws.com/allowed-roles" in lines[0]["because"]
        assert world.calls == 0

    async def test_a_single_pass_fails_by_name(self, world: World) -> None:
        world.create(pod("a", "10.0.0.1", role="nobody"))
        code, _, err = await run(world, f"--node={NODE}", "--once")
        assert code == 3
        assert f"failed: {BASE}nobody as prod.runner" in err


class TestServing:
    async def test_a_pod_is_given_its_credentials_and_the_audit_tells_of_it(self, world: World) -> None:
        """The pod of this test has the address of loopback."""
        world.aws.sts.create_role("web")
        world.create(pod("a", "127.0.0.1", role="web"))
        port, admin = free_port(), free_port()
        flags = (f"--node={NODE}", "--interceptor=none", f"--app-port={port}", f"--listen=127.0.0.1:{admin}")
        async with process(world, *flags) as daemon, aiohttp.ClientSession() as http:
            url = f"http://127.0.0.1:{port}{ROLES}"
            await until_ready(http, f"http://127.0.0.1:{admin}/readyz")
            async with http.get(url, headers=HOST) as reply:
                assert (reply.status, await reply.text()) == (200, "web")
            async with http.get(url + "web", headers=HOST) as reply:
                body = json.loads(await reply.text())
            assert body["AccessKeyId"] in world.aws.sts.sessions
            daemon.terminate()
            out, _ = await asyncio.wait_for(daemon.communicate(), 20)
            assert daemon.returncode == 0
            audit = [json.loads(line) for line in out.decode().splitlines() if '"issued"' in line]
            assert [(line["pod"], line["accessKeyId"]) for line in audit] == [("prod/a", body["AccessKeyId"])]
            assert body["SecretAccessKey"] not in out.decode()


async def until_ready(http: aiohttp.ClientSession, url: str) -> None:
    async def is_ready() -> bool:
        try:
            async with http.get(url) as reply:
                return reply.status == 200
        except aiohttp.ClientConnectionError:
            return False

    await until(is_ready)

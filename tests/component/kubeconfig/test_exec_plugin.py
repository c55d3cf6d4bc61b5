"""Exec plugins of a kubeconfig: run as kubectl runs them, again in time, and named when they give nothing."""

import asyncio
import base64
import os
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from addons.kubeconfig import exec_plugin
from addons.kubeconfig.exec_plugin import PluginError, run_plugin
from addons.kubeconfig.reading import KubeconfigError, read_login
from addons.runtime import kube_access
from addons.runtime.clock import rfc3339, utc_now
from addons.runtime.kube import KubeClient
from addons.sim.kubeapi.server import KubeApi
from tests.support.exec_plugin import BETA, STABLE, Plugin, new_token
from tests.support.hostile import write_kubeconfig
from tests.support.objects import NAMESPACES, Namespace
from tests.support.until import until

EKS = {"server": "https://127.0.0.1:6443"}
HINT = "It is part of the AWS CLI,\n  see https://docs.aws.amazon.com/cli"


async def run(plugin: Plugin, cluster: dict[str, Any] | None = None, **more: Any) -> Any:
    """What the plugin gives for a cluster."""
    return await run_plugin("eks", plugin.user(**more)["exec"], cluster or EKS, plugin.folder)


async def refused(plugin: Plugin, **more: Any) -> str:
    """Why nothing came of it."""
    with pytest.raises(PluginError) as told:
        await run(plugin, **more)
    return str(told.value)


async def list_namespaces(kube: KubeClient) -> int:
    """Ask the API server for something."""
    return len(await kube.list(NAMESPACES, Namespace))


class TestRun:
    @pytest.mark.parametrize(
        ("version", "arguments"),
        [
            (BETA, ["token", "-i", "prod"]),
            (STABLE, ["token", "-i", "prod", "-r", "arn:aws:iam::123456789012:role/admin"]),
            (BETA, ["--region", "eu-central-1", "eks", "get-token", "--cluster-name", "prod"]),
        ],
    )
    async def test_with_its_arguments_and_its_environment_beside_ours(
        self, version: str, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OURS", "ours")
        plugin = Plugin(tmp_path, version=version)
        plugin.gives(token="k8s-aws-v1.abc", expirationTimestamp="2026-11-29T12:00:00Z")
        profile = [{"name": "AWS_PROFILE", "value": "prod"}]
        given = await run(plugin, args=arguments, env=profile)
        assert (given.token, rfc3339(given.expires)) == ("k8s-aws-v1.abc", "2026-11-29T12:00:00Z")
        assert plugin.runs == [" ".join(arguments)]
        assert (plugin.environment["AWS_PROFILE"], plugin.environment["OURS"]) == ("prod", "ours")
        assert plugin.told == {
            "apiVersion": version,
            "kind": "ExecCredential",
            "spec": {"interactive": False},
        }

    async def test_found_on_the_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        plugin = Plugin(tmp_path, "aws")
        plugin.gives(token="t")
        given = await run(plugin, command="aws", args=None, env=None)
        assert (given.token, given.expires) == ("t", None)

    async def test_found_from_the_folder_of_the_kubeconfig(self, tmp_path: Path) -> None:
        plugin = Plugin(tmp_path)
        plugin.gives(token="t")
        file = write_kubeconfig(
            tmp_path / "k", EKS["server"], plugin.user(command=f"./{plugin.program.name}")
        )
        assert (await read_login(file)).authorization == "Bearer t"

    async def test_told_of_the_cluster_where_it_asks_for_that(self, tmp_path: Path) -> None:
        plugin = Plugin(tmp_path)
        plugin.gives(token="t")
        (tmp_path / "ca.crt").write_bytes(b"authority")
        config = {"audience": "aws"}
        more = {
            "certificate-authority": "ca.crt",
            "tls-server-name": "api",
            "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": config}],
        }
        await run(plugin, {**EKS, **more}, provideClusterInfo=True)
        assert plugin.told["spec"]["cluster"] == {
            **EKS,
            "tls-server-name": "api",
            "certificate-authority-data": base64.b64encode(b"authority").decode(),
            "config": config,
        }

    @pytest.mark.parametrize("mode", ["Never", "IfAvailable", None])
    async def test_without_a_terminal_it_reads_nothing_from_us(
        self, mode: str | None, tmp_path: Path
    ) -> None:
        plugin = Plugin(tmp_path)
        plugin.gives(token="t")
        await run(plugin, interactiveMode=mode)
        assert (tmp_path / "stdin").read_bytes() == b""

    async def test_a_certificate_is_shown_in_the_place_of_a_token(self, tmp_path: Path) -> None:
        plugin = Plugin(tmp_path)
        plugin.gives(clientCertificateData="CERTIFICATE", clientKeyData="KEY")
        login = await read_login(write_kubeconfig(tmp_path / "k", EKS["server"], plugin.user()))
        assert login.authorization == ""
        assert (Path(str(login.certificate)).read_text(), Path(str(login.key)).read_text()) == (
            "CERTIFICATE",
            "KEY",
        )


class TestRefusals:
    @pytest.mark.parametrize(
        ("does", "why"),
        [
            (
                "echo 'Unable to locate credentials.' >&2; exit 255",
                "ended with 255: Unable to locate credentials.",
            ),
            ("exit 3", "ended with 3: without a word"),
            ("kill -9 $$", "ended with -9: without a word"),
            ("echo secret-token", "printed 13 bytes that are no JSON"),
            ("echo", "printed 1 bytes that are no JSON"),
            ("echo []", "printed JSON that is no ExecCredential"),
            ('echo \'{"kind": "ExecCredential"}\'', f"printed an ExecCredential of None, not of '{BETA}'"),
        ],
    )
    async def test_name_the_user_the_command_and_what_it_did(
        self, does: str, why: str, tmp_path: Path
    ) -> None:
        plugin = Plugin(tmp_path)
        plugin.does(does)
        told = await refused(plugin, args=["token", "-i", "my cluster"])
        assert told == f"user 'eks': {plugin.program} token -i 'my cluster': {why}"

    @pytest.mark.parametrize(
        ("status", "why"),
        [
            ({}, "printed neither a token nor a certificate with its key"),
            ({"token": ""}, "printed neither a token nor a certificate with its key"),
            ({"clientCertificateData": "c"}, "printed neither a token nor a certificate with its key"),
            ({"token": "t", "expirationTimestamp": "soon"}, "'soon', which is no time"),
            ({"token": "t", "expirationTimestamp": "2026-11-29T12:00:00"}, "without a time zone"),
        ],
    )
    async def test_of_what_is_no_credential(self, status: dict[str, str], why: str, tmp_path: Path) -> None:
        plugin = Plugin(tmp_path)
        plugin.gives(**status)
        assert (await refused(plugin)).endswith(why)

    async def test_of_another_version_than_was_asked_for(self, tmp_path: Path) -> None:
        plugin = Plugin(tmp_path, version=STABLE)
        plugin.gives(token="t")
        told = await refused(plugin, apiVersion=BETA)
        assert told.endswith(f"printed an ExecCredential of '{STABLE}', not of '{BETA}'")

    async def test_a_program_that_is_not_there_says_how_it_is_installed(self, tmp_path: Path) -> None:
        told = await refused(Plugin(tmp_path), command="aws-none", args=["token"], installHint=HINT)
        assert told == (
            "user 'eks': aws-none token: cannot be run: No such file or directory;"
            " It is part of the AWS CLI, see https://docs.aws.amazon.com/cli"
        )

    async def test_a_program_that_may_not_be_run(self, tmp_path: Path) -> None:
        plugin = Plugin(tmp_path)
        plugin.program.write_text("no program")
        assert "cannot be run: Exec format error" in await refused(plugin)

    @pytest.mark.parametrize(
        ("more", "why"),
        [
            (
                {"interactiveMode": "Always"},
                "interactiveMode is Always: it asks a person, and there is no terminal",
            ),
            (
                {"interactiveMode": "Sometimes"},
                "interactiveMode 'Sometimes' is none of Never, IfAvailable and",
            ),
            ({"apiVersion": "v1"}, "apiVersion 'v1' is none of client.authentication.k8s.io/"),
            ({"apiVersion": None}, "apiVersion '' is none of client.authentication.k8s.io/"),
        ],
    )
    async def test_of_what_the_kubeconfig_says(self, more: dict[str, Any], why: str, tmp_path: Path) -> None:
        plugin = Plugin(tmp_path)
        assert why in await refused(plugin, **more)
        assert plugin.runs == []

    async def test_reach_who_reads_the_kubeconfig_with_its_name(self, tmp_path: Path) -> None:
        plugin = Plugin(tmp_path)
        file = write_kubeconfig(tmp_path / "k", EKS["server"], plugin.user(command="aws-none"))
        with pytest.raises(KubeconfigError, match=r"k' cannot be used: user 'u': aws-none: cannot be run:"):
            await read_login(file)


def has_ended(pid: int) -> bool:
    """Whether there is no such process any more, or only its exit code is."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


class TestHanging:
    HANGS = 'sleep 1000 & echo $! >"$folder/child"; wait'

    async def child(self, plugin: Plugin) -> int:
        """The process that the plugin has started, once it has."""
        file = plugin.folder / "child"
        return int(await until(lambda: file.exists() and file.read_text().strip(), "the plugin runs"))

    async def test_one_that_does_not_end_is_ended_with_all_it_started(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plugin = Plugin(tmp_path)
        plugin.does(self.HANGS)
        asked = asyncio.create_task(refused(plugin))
        monkeypatch.setattr(exec_plugin, "SECONDS", 4.0)
        child = await self.child(plugin)
        assert (await asked).endswith("did not end within 4 s")
        await until(lambda: has_ended(child), "its child has ended")

    async def test_one_that_nobody_waits_for_any_more_is_ended_with_all_it_started(
        self, tmp_path: Path
    ) -> None:
        plugin = Plugin(tmp_path)
        plugin.does(self.HANGS)
        asked = asyncio.create_task(run(plugin))
        child = await self.child(plugin)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await until(lambda: has_ended(child), "its child has ended")

    @pytest.mark.parametrize("turns", range(1, 8))
    async def test_one_that_is_being_started_then_is_ended_as_well(self, tmp_path: Path, turns: int) -> None:
        """Whatever the turn of the loop: it stands still while the plugin begins, and nobody waits then."""
        plugin = Plugin(tmp_path)
        plugin.does(self.HANGS)
        asked = asyncio.create_task(run(plugin))
        for _ in range(turns):
            await asyncio.sleep(0)
        time.sleep(0.3)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        file = plugin.folder / "child"
        if file.exists():
            child = int(file.read_text())
            await until(lambda: has_ended(child), "its child has ended")

    async def test_what_a_plugin_leaves_running_when_it_has_answered_is_its_own_business(
        self, tmp_path: Path
    ) -> None:
        plugin = Plugin(tmp_path)
        plugin.gives(token="t")
        answer = (tmp_path / "does").read_text()
        plugin.does(f'sleep 1000 >/dev/null 2>&1 & echo $! >"$folder/child"\n{answer}')
        await run(plugin)
        child = await self.child(plugin)
        assert not has_ended(child)
        os.kill(child, 9)


class TestRenewal:
    async def test_a_token_is_renewed_before_it_expires(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(kube_access, "_RENEW_AHEAD_SECONDS", 0.05)
        plugin = Plugin(tmp_path)
        async with KubeApi(tls=True, tokens={}) as api:
            file = plugin.kubeconfig(api)
            plugin.gives(token=new_token(api), expirationTimestamp=rfc3339(utc_now() + timedelta(seconds=1)))
            async with KubeClient.connect(str(file)) as kube:
                await until(lambda: len(plugin.runs) > 2, "it is run again and again")
                assert await list_namespaces(kube)
            assert [request for request in api.requests if request.status == 401] == []

    async def test_a_token_that_is_refused_is_renewed_at_once(self, tmp_path: Path) -> None:
        plugin = Plugin(tmp_path)
        async with KubeApi(tls=True, tokens={}) as api:
            first = new_token(api)
            plugin.gives(token=first)
            async with KubeClient.connect(str(plugin.kubeconfig(api))) as kube:
                await list_namespaces(kube)
                assert len(plugin.runs) == 1
                plugin.gives(token=new_token(api, instead_of=first))
                assert await list_namespaces(kube)
            assert len(plugin.runs) == 2

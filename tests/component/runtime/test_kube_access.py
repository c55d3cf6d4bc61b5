"""How the API server is found: by the files of a ServiceAccount, or by a kubeconfig."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any

import pytest
import yaml

from addons.runtime import errors
from addons.runtime.clock import rfc3339, utc_now
from addons.runtime.kube import KubeClient
from addons.runtime.kube_access import Kubeconfig, ServiceAccount
from addons.runtime.settings import SettingError
from addons.runtime.transport import Transport
from addons.sim.kubeapi.calls import User
from addons.sim.kubeapi.rbac import MASTERS
from addons.sim.kubeapi.server import KubeApi
from tests.support.hostile import HostileServer, Request, reply, write_kubeconfig
from tests.support.objects import NAMESPACES, Namespace
from tests.support.service_account import service_account, variables, write_files
from tests.support.virtual import run_virtual

UNSENDABLE = [b"\x00\x00\x00\x00", b"abc\x00", b"abc\x01\x7f", b"a\r\nb", b"a\x0bb", b"\xff\xfe"]
"""Tokens that no header can hold: what a disk may show after a crash, or an editor of another system."""

IN_A_POD = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@asynccontextmanager
async def in_a_pod(folder: Path) -> AsyncIterator[tuple[KubeClient, KubeApi]]:
    """A client in a pod, and its API server."""
    async with KubeApi(tls=True, tokens={}) as api:
        write_files(folder, api)
        async with Transport.connect(service_account(folder, api), user_agent="test") as transport:
            yield KubeClient(transport), api


async def names(kube: KubeClient) -> set[str]:
    return {found.metadata.name for found in await kube.list(NAMESPACES, Namespace)}


def rotate(api: KubeApi, folder: Path, token: str) -> None:
    """Accept this token in place of all others, and have the kubelet write it."""
    api.tokens.clear()
    api.tokens[token] = User("pod", (MASTERS,))
    (folder / "token").write_text(f"{token}\n")


def refused(source: ServiceAccount | Kubeconfig) -> str:
    with pytest.raises(SettingError) as caught:
        asyncio.run(source.read())
    return str(caught.value)


class TestServiceAccount:
    """In a pod: the kubelet's files, read again as they change."""

    async def test_the_token_is_sent_over_verified_tls(self, tmp_path: Path) -> None:
        async with in_a_pod(tmp_path) as (kube, api):
            assert "default" in await names(kube)
            assert {request.user for request in api.requests} == {"admin"}

    @pytest.mark.parametrize(
        ("host", "server"),
        [("10.0.0.1", "https://10.0.0.1:6443"), ("fd00::1", "https://[fd00::1]:6443")],
    )
    async def test_the_address_may_be_of_either_family(self, tmp_path: Path, host: str, server: str) -> None:
        async with in_a_pod(tmp_path):
            environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "6443"}
            assert (await ServiceAccount(environ, tmp_path).read()).server == server

    def test_a_rotated_token_is_used_within_a_minute(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with in_a_pod(tmp_path) as (kube, api):
                await names(kube)
                rotate(api, tmp_path, "second")
                await asyncio.sleep(61)
                api.requests.clear()
                await names(kube)
                assert [request.status for request in api.requests] == [200]

        run_virtual(main())

    def test_a_refused_token_is_read_again_at_once(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with in_a_pod(tmp_path) as (kube, api):
                await names(kube)
                rotate(api, tmp_path, "second")
                api.requests.clear()
                await names(kube)
                assert [request.status for request in api.requests] == [401, 200]

        run_virtual(main())

    def test_a_new_authority_is_trusted_within_a_minute(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with in_a_pod(tmp_path) as (kube, api):
                port = int(variables(api)["KUBERNETES_SERVICE_PORT"])
                await api.stop()
                await api.start(port=port)
                with pytest.raises(errors.Unavailable, match="Certificate"):
                    await names(kube)
                write_files(tmp_path, api)
                await asyncio.sleep(61)
                assert "default" in await names(kube)

        run_virtual(main())

    def test_a_token_that_works_is_kept_while_no_other_can_be_read(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def main() -> None:
            async with in_a_pod(tmp_path) as (kube, _):
                (tmp_path / "token").write_text("")
                await asyncio.sleep(61)
                with caplog.at_level(logging.WARNING):
                    assert "default" in await names(kube)
                    assert "default" in await names(kube)

        run_virtual(main())
        assert [record.getMessage() for record in caplog.records] == [
            f"credentials for the API server not renewed: {tmp_path / 'token'} is empty or holds no token"
        ]

    @pytest.mark.parametrize("name", ["token", "ca.crt"])
    def test_a_refused_token_without_a_successor(self, tmp_path: Path, name: str) -> None:
        async def main() -> None:
            async with in_a_pod(tmp_path) as (kube, api):
                api.tokens.clear()
                (tmp_path / name).unlink()
                await names(kube)

        with pytest.raises(errors.Unavailable, match=f"cannot renew the credentials: .*{name} cannot be"):
            run_virtual(main())

    def test_the_token_is_not_shown(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with in_a_pod(tmp_path) as (_, api):
                access = await service_account(tmp_path, api).read()
                assert access.authorization.removeprefix("Bearer ") in api.tokens
                assert access.authorization not in repr(access)

        run_virtual(main())


class TestFaultyFiles:
    """What is missing or half written at the start is told in a sentence that names the file."""

    @pytest.fixture
    def files(self, tmp_path: Path) -> Path:
        async def main() -> None:
            async with in_a_pod(tmp_path):
                pass

        run_virtual(main())
        return tmp_path

    def test_they_are_good_as_they_are(self, files: Path) -> None:
        assert asyncio.run(ServiceAccount(IN_A_POD, files).read()).server == "https://10.0.0.1:443"

    @pytest.mark.parametrize("name", ["token", "ca.crt"])
    def test_a_missing_file(self, files: Path, name: str) -> None:
        (files / name).unlink()
        assert refused(ServiceAccount(IN_A_POD, files)) == (
            f"{files / name} cannot be read: No such file or directory; "
            "does the pod mount the token of its ServiceAccount?"
        )

    @pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"one\ntwo", b"caf\xc3\xa9", *UNSENDABLE])
    def test_a_file_without_a_token(self, files: Path, content: bytes) -> None:
        (files / "token").write_bytes(content)
        assert refused(ServiceAccount(IN_A_POD, files)) == f"{files / 'token'} is empty or holds no token"

    @pytest.mark.parametrize("size", [0, 10, 100])
    def test_half_an_authority(self, files: Path, size: int) -> None:
        content = (files / "ca.crt").read_bytes()
        (files / "ca.crt").write_bytes(content[:size])
        assert refused(ServiceAccount(IN_A_POD, files)).startswith(f"{files / 'ca.crt'} holds no certificate")

    @pytest.mark.parametrize("name", ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"])
    def test_a_process_outside_of_a_cluster(self, files: Path, name: str) -> None:
        environ = {**IN_A_POD, name: ""}
        assert refused(ServiceAccount(environ, files)) == (
            "--kubeconfig is required: this process is not in a cluster"
        )


class TestKubeconfig:
    """What a kubeconfig may say besides a token."""

    async def access(self, folder: Path, user: dict[str, Any], **cluster: Any) -> Any:
        path = write_kubeconfig(folder / "kubeconfig", "https://127.0.0.1:6443/", user)
        config = yaml.safe_load(Path(path).read_text())
        config["clusters"][0]["cluster"].update(cluster)
        Path(path).write_text(yaml.safe_dump(config))
        return await Kubeconfig(path).read()

    async def test_a_token(self, tmp_path: Path) -> None:
        access = await self.access(tmp_path, {"token": "t0ken"})
        assert (access.server, access.authorization) == ("https://127.0.0.1:6443", "Bearer t0ken")
        assert access.tls.check_hostname
        assert (access.proxy, access.tls_server_name) == (None, None)

    async def test_the_token_of_a_file_ends_before_its_newline(self, tmp_path: Path) -> None:
        (tmp_path / "token").write_bytes(b"t0ken\r\n")
        access = await self.access(tmp_path, {"tokenFile": str(tmp_path / "token")})
        assert access.authorization == "Bearer t0ken"

    @pytest.mark.parametrize("content", UNSENDABLE)
    async def test_a_token_that_cannot_be_sent(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "token").write_bytes(content)
        with pytest.raises(SettingError, match=r"--kubeconfig: .*kubeconfig"):
            await self.access(tmp_path, {"tokenFile": str(tmp_path / "token")})

    def plugin(self, folder: Path, **status: str) -> dict[str, Any]:
        """A user whose exec plugin answers with this status, and fails without one."""
        api = "client.authentication.k8s.io/v1"
        (folder / "said").write_text(
            json.dumps({"apiVersion": api, "kind": "ExecCredential", "status": status})
        )
        plugin = folder / "plugin"
        plugin.write_text(f"#!/bin/sh\ncat {folder}/said\n" if status else "#!/bin/sh\nexit 3\n")
        plugin.chmod(0o755)
        return {"exec": {"apiVersion": api, "command": str(plugin), "interactiveMode": "Never"}}

    async def test_the_token_of_a_plugin_is_good_until_a_minute_before_it_expires(
        self, tmp_path: Path
    ) -> None:
        expiry = rfc3339(utc_now() + timedelta(hours=1))
        access = await self.access(tmp_path, self.plugin(tmp_path, token="t", expirationTimestamp=expiry))
        assert access.authorization == "Bearer t"
        assert 50 * 60 < access.good_seconds <= 59 * 60

    async def test_one_that_has_expired_by_our_clock_is_used_for_a_minute(self, tmp_path: Path) -> None:
        expiry = rfc3339(utc_now() - timedelta(hours=1))
        access = await self.access(tmp_path, self.plugin(tmp_path, token="t", expirationTimestamp=expiry))
        assert access.good_seconds == 60

    async def test_one_that_does_not_tell_is_good_until_it_is_refused(self, tmp_path: Path) -> None:
        assert (await self.access(tmp_path, self.plugin(tmp_path, token="t"))).good_seconds == inf

    async def test_a_plugin_that_fails_makes_nobody_anonymous(self, tmp_path: Path) -> None:
        with pytest.raises(SettingError, match=r"user 'u': .*/plugin: ended with 3: without a word"):
            await self.access(tmp_path, self.plugin(tmp_path))

    async def test_a_password(self, tmp_path: Path) -> None:
        access = await self.access(tmp_path, {"username": "a", "password": "b"})
        assert access.authorization == f"Basic {base64.b64encode(b'a:b').decode()}"

    async def test_a_proxy_another_name_and_no_verification(self, tmp_path: Path) -> None:
        more = {
            "proxy-url": "http://10.0.0.9:3128",
            "tls-server-name": "api.example.org",
            "insecure-skip-tls-verify": True,
        }
        access = await self.access(tmp_path, {"token": "t0ken"}, **more)
        assert (access.proxy, access.tls_server_name) == ("http://10.0.0.9:3128", "api.example.org")
        assert not access.tls.check_hostname

    @pytest.mark.parametrize(("name", "is_shown"), [("localhost", True), ("api.example.org", False)])
    async def test_the_other_name_is_what_the_certificate_has_to_show(
        self, tmp_path: Path, name: str, is_shown: bool
    ) -> None:
        async with KubeApi(tls=True) as api:
            config = yaml.safe_load(api.kubeconfig())
            config["clusters"][0]["cluster"]["tls-server-name"] = name
            (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
            async with KubeClient.connect(str(tmp_path / "kubeconfig")) as kube:
                if is_shown:
                    assert "default" in await names(kube)
                    return
                with pytest.raises(errors.Unavailable, match=f"Certificate.*{name}"):
                    await names(kube)

    async def test_a_client_certificate_that_is_not_there(self, tmp_path: Path) -> None:
        user = {"client-certificate": str(tmp_path / "c"), "client-key": str(tmp_path / "k")}
        with pytest.raises(SettingError, match=r"cannot be used: .*File does not exists"):
            await self.access(tmp_path, user)

    def test_a_proxy_is_gone_through(self, tmp_path: Path) -> None:
        """What it is asked for is the whole URL of the API server."""

        def script(request: Request) -> Any:
            return reply(200, {"metadata": {}, "items": []})

        async def main() -> list[Request]:
            async with HostileServer(script).running() as proxy:
                path = write_kubeconfig(tmp_path / "kubeconfig", "http://api.example.org", {"token": "t"})
                config = yaml.safe_load(Path(path).read_text())
                config["clusters"][0]["cluster"]["proxy-url"] = proxy.url
                Path(path).write_text(yaml.safe_dump(config))
                async with KubeClient.connect(path) as kube:
                    await names(kube)
                return proxy.requests

        (request,) = run_virtual(main())
        assert request.headers["host"] == "api.example.org"


class TestSeveralKubeconfigs:
    """$KUBECONFIG may name several files; the expected values are those of kubectl."""

    def file(self, folder: Path, name: str, **content: Any) -> str:
        path = folder / name
        path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **content}))
        return str(path)

    def cluster(self, folder: Path, name: str, *, port: int, **more: Any) -> str:
        """A file with a cluster at a port, and a context to it with the user of the other file."""
        return self.file(
            folder,
            name,
            clusters=[{"name": "c", "cluster": {"server": f"https://127.0.0.1:{port}"}}],
            contexts=[{"name": name, "context": {"cluster": "c", "user": "u"}}],
            **more,
        )

    def users(self, folder: Path, name: str = "users", token: str = "t0ken", **more: Any) -> str:
        return self.file(folder, name, users=[{"name": "u", "user": {"token": token}}], **more)

    async def test_they_are_merged(self, tmp_path: Path) -> None:
        cluster = self.cluster(tmp_path, "a", port=1, **{"current-context": "a"})
        access = await Kubeconfig(f"{cluster}:{self.users(tmp_path)}").read()
        assert (access.server, access.authorization) == ("https://127.0.0.1:1", "Bearer t0ken")

    async def test_of_what_is_in_several_the_first_counts(self, tmp_path: Path) -> None:
        files = [
            self.users(tmp_path, "users-1", "first"),
            self.cluster(tmp_path, "a", port=1, **{"current-context": "a"}),
            self.cluster(tmp_path, "b", port=2, **{"current-context": "b"}),
            self.users(tmp_path, "users-2", "second"),
        ]
        access = await Kubeconfig(":".join(files)).read()
        assert (access.server, access.authorization) == ("https://127.0.0.1:1", "Bearer first")

    async def test_files_that_are_missing_or_empty_are_passed_over(self, tmp_path: Path) -> None:
        (tmp_path / "empty").write_text("")
        cluster = self.cluster(tmp_path, "a", port=1, **{"current-context": "a"})
        users = self.users(tmp_path)
        access = await Kubeconfig(f"{tmp_path}/none:{tmp_path}/empty::{cluster}:{users}").read()
        assert access.server == "https://127.0.0.1:1"

    @pytest.mark.parametrize(
        ("content", "why"), [("", "it is empty"), ("- a", "is no kubeconfig"), ("{", "while parsing")]
    )
    def test_one_that_says_nothing_is_a_bad_setting(self, tmp_path: Path, content: str, why: str) -> None:
        (tmp_path / "k").write_text(content)
        said = refused(Kubeconfig(str(tmp_path / "k")))
        assert said.startswith(f"--kubeconfig: {str(tmp_path / 'k')!r} cannot be used: ")
        assert why in said

    def test_none_that_is_there(self, tmp_path: Path) -> None:
        path = f"{tmp_path}/a:{tmp_path}/b"
        assert refused(Kubeconfig(path)) == f"--kubeconfig: {path!r}: there is no such file"

"""What a KubeClient makes of the answers it gets, good and bad."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from addons.runtime import errors
from addons.runtime.kube import KubeClient
from addons.runtime.objects import PODS, SERVICE_ACCOUNTS
from addons.runtime.settings import SettingError
from addons.runtime.transport import LineTooLong, split_lines
from addons.sim.kubeapi.server import KubeApi
from tests.support.hostile import (
    Answer,
    HostileServer,
    Request,
    cut,
    hang,
    refusal,
    reply,
    stream,
    write_kubeconfig,
)
from tests.support.objects import NAMESPACES, SERVICES, Namespace, Service
from tests.support.virtual import run_virtual

WEB = {"metadata": {"name": "web", "namespace": "default", "resourceVersion": "7"}}
PAGE_OF_HTML = reply(502, b"<html>bad gateway</html>", content_type="text/html")


@asynccontextmanager
async def connected(
    script: Callable[[Request], Answer], directory: Path
) -> AsyncIterator[tuple[KubeClient, HostileServer]]:
    async with (
        HostileServer(script).running() as server,
        KubeClient.connect(server.kubeconfig(directory)) as kube,
    ):
        yield kube, server


def ask(
    directory: Path, answer: Answer, question: Callable[[KubeClient], Awaitable[Any]]
) -> tuple[Any, list[Request]]:
    """Put a question to a server that always gives the same answer; also returns what it was sent."""

    async def main() -> tuple[Any, list[Request]]:
        async with connected(lambda _: answer, directory) as (kube, server):
            return await question(kube), server.requests

    return run_virtual(main())


async def get_web(kube: KubeClient) -> Service:
    return await kube.get(SERVICES, Service, namespace="default", name="web")


class TestErrors:
    """Every failure is one of the typed errors, told by the server's own word where it has one."""

    @pytest.mark.parametrize(
        ("answer", "error", "code"),
        [
            (refusal(404, "NotFound"), errors.NotFound, "NotFound"),
            (refusal(409, "AlreadyExists"), errors.AlreadyExists, "AlreadyExists"),
            (refusal(409, "Conflict"), errors.Conflict, "Conflict"),
            (refusal(410, "Expired"), errors.Expired, "Expired"),
            (refusal(401, "Unauthorized"), errors.Denied, "Unauthorized"),
            (refusal(403, "Forbidden"), errors.Denied, "Forbidden"),
            (refusal(422, "Invalid"), errors.Invalid, "Invalid"),
            (refusal(429, "TooManyRequests"), errors.Throttled, "TooManyRequests"),
            (refusal(500, "InternalError"), errors.Unavailable, "InternalError"),
            (refusal(504, "Timeout"), errors.Unavailable, "Timeout"),
            (PAGE_OF_HTML, errors.Unavailable, ""),
            (reply(404, b"<html/>", content_type="text/html"), errors.Unavailable, ""),
            (reply(404, b"404 page not found", content_type="text/plain"), errors.NotFound, ""),
            (reply(200, b"<html>", content_type="text/html"), errors.Unavailable, ""),
            (reply(200, b""), errors.Unavailable, ""),
            (reply(200, b'{"metadata": 5}'), errors.Unavailable, ""),
            (reply(500, b"{not json"), errors.Unavailable, ""),
            (reply(200, b"[" * 100_000), errors.Unavailable, ""),
            (reply(200, b'{"metadata":' * 100_000), errors.Unavailable, ""),
            (reply(500, b"[" * 100_000), errors.Unavailable, ""),
            (reply(302, headers={"Location": "http://[bad"}), errors.Unavailable, ""),
            (reply(304), errors.Unavailable, ""),
            (cut, errors.Unavailable, ""),
            (hang, errors.Unavailable, ""),
        ],
    )
    def test_by_answer(
        self, tmp_path: Path, answer: Answer, error: type[errors.OutsideError], code: str
    ) -> None:
        with pytest.raises(errors.OutsideError) as caught:
            ask(tmp_path, answer, get_web)
        assert type(caught.value) is error
        assert caught.value.code == code
        assert str(caught.value).startswith("get services default/web: ")

    def test_the_wait_that_the_server_asks_for_is_kept(self, tmp_path: Path) -> None:
        with pytest.raises(errors.Throttled) as caught:
            ask(tmp_path, refusal(429, "TooManyRequests", retry_after=7), get_web)
        assert caught.value.retry_after == 7

    @pytest.mark.parametrize(
        ("asked", "seconds"),
        [
            ("7", 7),
            ("9" * 400, 300),
            ("86400", 300),
            ("Fri, 02 Jan 2026 03:04:15 GMT", 10),
            ("Fri, 02 Jan 2099 03:04:15 GMT", 300),
            ("Fri, 02 Jan 2026 03:04:00 GMT", 0),
            ("Fri, 02 Jan 99999999999999999999 03:04:00 GMT", None),
            ("soon", None),
            ("-5", None),
        ],
    )
    @pytest.mark.parametrize("kind", ["application/json", "text/plain", "text/html"])
    def test_a_wait_may_be_a_number_or_a_date_and_is_five_minutes_at_most(
        self, tmp_path: Path, asked: str, seconds: float | None, kind: str
    ) -> None:
        headers = {"Retry-After": asked, "Date": "Fri, 02 Jan 2026 03:04:05 GMT"}
        with pytest.raises(errors.OutsideError) as caught:
            ask(tmp_path, reply(429, b"{}", content_type=kind, headers=headers), get_web)
        assert caught.value.retry_after == seconds

    def test_nor_is_the_wait_of_a_status_longer(self, tmp_path: Path) -> None:
        details = {"retryAfterSeconds": 86400}
        with pytest.raises(errors.Throttled) as caught:
            ask(tmp_path, reply(429, {"code": 429, "details": details}), get_web)
        assert caught.value.retry_after == 300

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(self, tmp_path: Path, status: int) -> None:
        async def patch(kube: KubeClient) -> None:
            with pytest.raises(errors.Unavailable) as caught:
                await kube.merge_patch(SERVICES, {}, namespace="default", name="web")
            assert str(caught.value) == (
                f"patch services default/web: {status}: "
                "a redirect to '/elsewhere', which is not trusted and not followed"
            )

        _, requests = ask(tmp_path, reply(status, headers={"Location": "/elsewhere"}), patch)
        assert len(requests) == 1

    def test_an_eviction_that_a_budget_forbids_is_told_apart(self, tmp_path: Path) -> None:
        details = {"causes": [{"reason": "DisruptionBudget"}]}
        answer = reply(429, {"reason": "TooManyRequests", "code": 429, "details": details})
        with pytest.raises(errors.Throttled) as caught:
            ask(tmp_path, answer, lambda kube: kube.evict("default", "web"))
        assert caught.value.code == "DisruptionBudget"

    def test_a_version_from_the_future_has_expired(self, tmp_path: Path) -> None:
        details = {"causes": [{"reason": "ResourceVersionTooLarge"}]}
        answer = reply(504, {"reason": "Timeout", "code": 504, "details": details})
        with pytest.raises(errors.Expired):
            ask(tmp_path, answer, get_web)

    def test_no_server_at_all(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with KubeClient.connect(write_kubeconfig(tmp_path / "k", "http://127.0.0.1:1", {})) as kube:
                await get_web(kube)

        with pytest.raises(errors.Unavailable):
            run_virtual(main())

    def test_a_missing_kubeconfig(self, tmp_path: Path) -> None:
        async def main() -> None:
            async with KubeClient.connect(str(tmp_path / "missing")):
                pytest.fail("connected to nothing")

        with pytest.raises(SettingError, match=r"--kubeconfig: .*missing.*no such file"):
            run_virtual(main())

    def test_neither_a_kubeconfig_nor_a_cluster(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

        async def main() -> None:
            async with KubeClient.connect():
                pytest.fail("connected to nothing")

        with pytest.raises(SettingError, match="--kubeconfig is required"):
            run_virtual(main())

    def test_a_refused_token_that_cannot_be_renewed(self, tmp_path: Path) -> None:
        async def break_the_kubeconfig(kube: KubeClient) -> None:
            (tmp_path / "kubeconfig").write_text("{")
            await get_web(kube)

        with pytest.raises(errors.Unavailable, match="cannot renew the credentials"):
            ask(tmp_path, refusal(401, "Unauthorized"), break_the_kubeconfig)

    def test_the_token_is_in_no_message(self, tmp_path: Path) -> None:
        for answer in (refusal(401, "Unauthorized"), refusal(403, "Forbidden"), cut, hang, PAGE_OF_HTML):
            with pytest.raises(errors.OutsideError) as caught:
                ask(tmp_path, answer, get_web)
            assert "t0ken" not in repr(caught.value)


class TestRequests:
    """Each verb sends what the API expects."""

    def test_get_reads_a_partial_object(self, tmp_path: Path) -> None:
        web, (request,) = ask(tmp_path, reply(200, {**WEB, "spec": {"clusterIP": "None"}}), get_web)
        assert (web.metadata.name, web.spec.cluster_ip) == ("web", "None")
        assert request.path == "/api/v1/namespaces/default/services/web"
        assert request.headers["authorization"] == "Bearer t0ken"
        assert request.headers["user-agent"] == "aws-addons"

    def test_create_posts_a_struct_or_a_dict(self, tmp_path: Path) -> None:
        made, (request,) = ask(
            tmp_path,
            reply(201, WEB),
            lambda kube: kube.create(SERVICES, {"spec": {"x": None}}, namespace="n"),
        )
        assert made.metadata.resource_version == "7"
        assert (request.method, request.path) == ("POST", "/api/v1/namespaces/n/services")
        assert request.json() == {"spec": {"x": None}}

    def test_merge_patch_may_address_a_subresource(self, tmp_path: Path) -> None:
        _, (request,) = ask(
            tmp_path,
            reply(200, WEB),
            lambda kube: kube.merge_patch(SERVICES, {"a": 1}, namespace="n", name="w", subresource="status"),
        )
        assert (request.method, request.path) == ("PATCH", "/api/v1/namespaces/n/services/w/status")
        assert request.headers["content-type"] == "application/merge-patch+json"

    def test_apply_names_its_manager(self, tmp_path: Path) -> None:
        _, (request,) = ask(
            tmp_path,
            reply(200, WEB),
            lambda kube: kube.apply(SERVICES, {"a": 1}, namespace="n", name="w", field_manager="dns"),
        )
        assert request.headers["content-type"] == "application/apply-patch+yaml"
        assert request.query == {"fieldManager": "dns", "force": "true"}

    def test_delete_may_insist_on_the_uid(self, tmp_path: Path) -> None:
        _, (request,) = ask(
            tmp_path, reply(200, {}), lambda kube: kube.delete(PODS, namespace="n", name="p", uid="u")
        )
        assert request.json()["preconditions"] == {"uid": "u"}

    def test_evict_posts_an_eviction(self, tmp_path: Path) -> None:
        _, (request,) = ask(tmp_path, reply(201, {}), lambda kube: kube.evict("n", "p"))
        assert request.path == "/api/v1/namespaces/n/pods/p/eviction"
        assert request.json()["kind"] == "Eviction"

    def test_token_asks_for_an_audience_and_never_shows(self, tmp_path: Path) -> None:
        status = {"token": "s3cret", "expirationTimestamp": "2026-01-02T03:04:05Z"}
        token, (request,) = ask(
            tmp_path,
            reply(201, {"status": status}),
            lambda kube: kube.token("n", "sa", audiences=("sts.amazonaws.com",), expiration_seconds=3600),
        )
        assert token.token == "s3cret"
        assert "s3cret" not in repr(token)
        assert request.path == SERVICE_ACCOUNTS.path("n", "sa", "token")
        assert request.json()["spec"] == {"audiences": ["sts.amazonaws.com"], "expirationSeconds": 3600}


class TestList:
    """A list is read in pages, and once as a whole when a page token expires."""

    def listed(self, directory: Path, script: Callable[[Request], Answer]) -> tuple[list[str], list[Request]]:
        async def main() -> tuple[list[str], list[Request]]:
            async with connected(script, directory) as (kube, server):
                found = await kube.list(SERVICES, Service, label_selector="a=b")
                return [service.metadata.name for service in found], server.requests

        return run_virtual(main())

    def test_pages_are_joined(self, tmp_path: Path) -> None:
        def script(request: Request) -> Answer:
            if "continue" in request.query:
                return reply(200, {"metadata": {}, "items": [{"metadata": {"name": "b"}}]})
            return reply(200, {"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "a"}}]})

        names, requests = self.listed(tmp_path, script)
        assert names == ["a", "b"]
        assert [request.query["labelSelector"] for request in requests] == ["a=b", "a=b"]

    def test_an_expired_token_starts_over_without_pages(self, tmp_path: Path) -> None:
        def script(request: Request) -> Answer:
            if "continue" in request.query:
                return refusal(410, "Expired")
            more = {"continue": "more"} if "limit" in request.query else {}
            return reply(200, {"metadata": more, "items": [{"metadata": {"name": "a"}}]})

        names, requests = self.listed(tmp_path, script)
        assert names == ["a"]
        assert [sorted(request.query) for request in requests] == [
            ["labelSelector", "limit"],
            ["continue", "labelSelector", "limit"],
            ["labelSelector"],
        ]


class TestCredentials:
    """A 401 renews the credentials once; a rotated token or an exec plugin gives the next."""

    def connect_with(self, directory: Path, user: dict[str, Any], accepted: str) -> list[str]:
        """Ask twice of a server that accepts one token only; returns the tokens it saw."""

        def script(request: Request) -> Answer:
            good = request.headers.get("authorization") == f"Bearer {accepted}"
            return reply(200, WEB) if good else refusal(401, "Unauthorized")

        async def main() -> list[str]:
            async with HostileServer(script).running() as server:
                path = write_kubeconfig(directory / "kubeconfig", server.url, user)
                async with KubeClient.connect(path) as kube:
                    (directory / "token").write_text("new\n")
                    await get_web(kube)
                    await get_web(kube)
                return [request.headers["authorization"] for request in server.requests]

        return asyncio.run(main())  # a plugin takes its time in earnest

    def test_a_token_file_is_read_again(self, tmp_path: Path) -> None:
        (tmp_path / "token").write_text("old")
        seen = self.connect_with(tmp_path, {"tokenFile": str(tmp_path / "token")}, "new")
        assert seen == ["Bearer old", "Bearer new", "Bearer new"]

    def test_an_exec_plugin_is_run_again(self, tmp_path: Path) -> None:
        plugin = tmp_path / "plugin"
        api = "client.authentication.k8s.io/v1"
        plugin.write_text(
            "#!/bin/sh\n"
            f"read token < {tmp_path}/token\n"
            f'echo \'{{"kind":"ExecCredential","apiVersion":"{api}","status":{{"token":"\'$token\'"}}}}\'\n'
        )
        plugin.chmod(0o755)
        (tmp_path / "token").write_text("old\n")
        user = {"exec": {"apiVersion": api, "command": str(plugin), "interactiveMode": "Never"}}
        seen = self.connect_with(tmp_path, user, "new")
        assert seen == ["Bearer old", "Bearer new", "Bearer new"]

    def test_a_token_that_stays_bad_is_tried_twice_and_then_once(self, tmp_path: Path) -> None:
        async def twice(kube: KubeClient) -> None:
            for _ in range(2):
                with pytest.raises(errors.Denied):
                    await get_web(kube)

        _, requests = ask(tmp_path, refusal(401, "Unauthorized"), twice)
        assert len(requests) == 3


class TestTls:
    """The server's certificate is checked against the cluster's own authority."""

    async def asked(self, directory: Path, kubeconfig: Callable[[KubeApi], str]) -> list[Namespace]:
        async with KubeApi(tls=True) as api:
            (directory / "kubeconfig").write_text(kubeconfig(api))
            async with KubeClient.connect(str(directory / "kubeconfig")) as kube:
                return await kube.list(NAMESPACES, Namespace)

    async def test_a_known_authority(self, tmp_path: Path) -> None:
        found = await self.asked(tmp_path, lambda api: api.kubeconfig())
        assert "default" in {namespace.metadata.name for namespace in found}

    async def test_an_unknown_authority(self, tmp_path: Path) -> None:
        def without_authority(api: KubeApi) -> str:
            lines = api.kubeconfig().splitlines()
            return "\n".join(line for line in lines if "certificate-authority-data" not in line)

        with pytest.raises(errors.Unavailable, match="Certificate"):
            await self.asked(tmp_path, without_authority)


class TestWatch:
    """A watch yields whole lines of JSON and nothing else."""

    def watched(self, directory: Path, answer: Answer, *, silence: float = 120.0) -> list[bytes]:
        lines: list[bytes] = []

        async def read(kube: KubeClient) -> None:
            lines.extend([line async for line in kube.watch(SERVICES, silence_seconds=silence)])

        ask(directory, answer, read)
        return lines

    def test_lines_come_whole_whatever_the_chunks(self, tmp_path: Path) -> None:
        assert self.watched(tmp_path, stream(b'{"a":', b"1}\n{}", b"\n\n{}\n")) == [b'{"a":1}', b"{}", b"{}"]

    def test_a_line_of_5_mb_is_a_line(self, tmp_path: Path) -> None:
        assert [len(line) for line in self.watched(tmp_path, stream(b"x" * 5_000_000 + b"\n"))] == [5_000_000]

    def test_an_unfinished_last_line_is_dropped(self, tmp_path: Path) -> None:
        assert self.watched(tmp_path, stream(b"{}\n", b'{"a"')) == [b"{}"]

    @pytest.mark.parametrize(
        "answer",
        [
            PAGE_OF_HTML,
            stream(b"<html>\n", content_type="text/html"),
            stream(b"{}\n", then="cut"),
            stream(b"{}\n", then="half-close"),
            stream(b"{}\n", then="hang"),
            hang,
            cut,
        ],
    )
    def test_what_is_no_stream_or_breaks_is_unavailable(self, tmp_path: Path, answer: Answer) -> None:
        with pytest.raises(errors.Unavailable):
            self.watched(tmp_path, answer)

    async def test_a_line_over_the_limit_is_never_held(self) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 10

        with pytest.raises(LineTooLong):
            [line async for line in split_lines(chunks(), limit=100)]

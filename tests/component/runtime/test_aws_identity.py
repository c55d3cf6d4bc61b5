"""Credentials that come late are found, and a daemon says as whom it speaks to AWS, or that it cannot."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from addons.runtime.aws import AwsSession
from addons.runtime.aws_identity import AwsIdentity
from addons.runtime.errors import Denied, Invalid, Unavailable
from addons.sim.aws.server import AwsEndpoint
from addons.sim.aws.sts.state import trust_of_service_account
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support.iamproxy_world import BASE, NODE, pod
from tests.support.iamproxy_world import World as Pods
from tests.support.issuer import ISSUER, issue, published
from tests.support.node_credentials import (
    KEYS,
    credentials_of_the_node_alone,
    listener,
    metadata_at,
    node_metadata,
)
from tests.support.started import daemon
from tests.support.until import until

ROLE = "arn:aws:iam::123456789012:role/records"


@pytest.fixture
async def aws() -> AsyncIterator[AwsEndpoint]:
    async with AwsEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
def imds_port(monkeypatch: pytest.MonkeyPatch) -> int:
    return credentials_of_the_node_alone(monkeypatch)


class TestCalls:
    @pytest.mark.parametrize("role", ["", ROLE])
    async def test_credentials_that_come_after_the_first_call_are_used(
        self, aws: AwsEndpoint, imds_port: int, role: str
    ) -> None:
        aws.sts.create_role("records")
        async with AwsSession(region="eu-central-1", endpoint_url=aws.url) as session:
            for _ in range(2):
                with pytest.raises(Denied, match="credentials"):
                    await session.call("route53", "list_hosted_zones", role=role)
            async with metadata_at(imds_port, node_metadata(aws)):
                reply = await session.call("route53", "list_hosted_zones", role=role)
        assert reply["HostedZones"] == []

    async def test_calls_that_wait_share_one_look_for_credentials(
        self, aws: AwsEndpoint, imds_port: int
    ) -> None:
        looks = 0

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal looks
            looks += 1
            await asyncio.sleep(0.05)
            writer.close()

        server = await asyncio.start_server(silent, sock=listener(imds_port))
        async with server, AwsSession(region="eu-central-1", endpoint_url=aws.url, threads=16) as session:
            await asyncio.gather(session.call("sts", "get_caller_identity"), return_exceptions=True)
            alone, looks = looks, 0
            calls = (session.call("sts", "get_caller_identity") for _ in range(16))
            found = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(each) for each in found} == {Denied}
        assert alone <= looks <= 2 * alone


class TestIdentity:
    @pytest.mark.parametrize(
        ("variable", "value", "reason"),
        [("AWS_ENDPOINT_URL", "nowhere", "Invalid endpoint: nowhere"), ("AWS_PROFILE", "none", "(none)")],
    )
    async def test_variables_that_botocore_cannot_use_are_told(
        self, aws: AwsEndpoint, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
    ) -> None:
        for name in KEYS:
            monkeypatch.setenv(name, "key")
        monkeypatch.setenv(variable, value)
        async with AwsSession(region="eu-central-1") as session:
            with pytest.raises(Invalid, match=re.escape(reason)):
                await session.call("route53", "list_hosted_zones")

    async def test_the_answer_of_sts_is_told(self, aws: AwsEndpoint, imds_port: int) -> None:
        async with identity(aws) as asked, metadata_at(imds_port, node_metadata(aws)):
            await until(lambda: not asked.not_ready())
            assert asked.in_words() == "arn:aws:sts::123456789012:assumed-role/node/i-1"
            assert asked.fault() is None

    async def test_without_credentials_it_is_not_ready_and_says_why(
        self, aws: AwsEndpoint, imds_port: int
    ) -> None:
        async with identity(aws) as asked:
            assert asked.not_ready() == "AWS credentials are being looked for"
            await until(lambda: asked.fault() is not None)
            assert asked.not_ready().startswith("no AWS credentials: sts get_caller_identity: Unable to")

    async def test_credentials_that_aws_does_not_take_count_as_none(
        self, aws: AwsEndpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in KEYS:
            monkeypatch.setenv(name, "key")
        aws.faults.add(operation="GetCallerIdentity", code="InvalidClientTokenId", status=403, times=1)
        async with identity(aws) as asked:
            await until(lambda: asked.fault() is not None)
            fault = asked.fault()
            assert fault
            assert fault.reason == "InvalidClientTokenId"
            await until(lambda: not asked.not_ready(), "it asks again")

    @pytest.mark.parametrize("code", ["AccessDenied", "ServiceUnavailable"])
    async def test_a_question_that_is_denied_or_not_answered_leaves_it_ready(
        self, aws: AwsEndpoint, monkeypatch: pytest.MonkeyPatch, code: str
    ) -> None:
        for name in KEYS:
            monkeypatch.setenv(name, "key")
        aws.faults.add(operation="GetCallerIdentity", code=code, message="no", status=403, times=None)
        async with identity(aws) as asked:
            await until(lambda: not asked.not_ready())
            assert asked.in_words() == (
                f"there are credentials; whose is not known: sts GetCallerIdentity: no ({code})"
            )


@asynccontextmanager
async def identity(aws: AwsEndpoint) -> AsyncIterator[AwsIdentity]:
    async with AwsSession(region="eu-central-1", endpoint_url=aws.url) as session:
        asked, stopping = AwsIdentity(session), asyncio.Event()
        task = asyncio.create_task(asked.run(stopping))
        yield asked
        stopping.set()
        await task


class TestWebIdentity:
    """Credentials for a token that the kubelet, or somebody else, writes into a file."""

    @pytest.fixture
    def token(
        self, aws: AwsEndpoint, imds_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Path:
        provider = aws.sts.create_provider(ISSUER, published())
        arn = aws.sts.create_role("records", trust_of_service_account(provider, "prod", "dns")).arn
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        monkeypatch.setenv("AWS_ROLE_ARN", arn)
        monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
        return tmp_path / "token"

    async def test_it_is_not_ready_until_the_token_is_there(self, aws: AwsEndpoint, token: Path) -> None:
        async with identity(aws) as asked:
            await until(lambda: "No such file or directory" in asked.not_ready())
            fault = asked.fault()
            assert fault
            assert (fault.about, fault.reason) == ("AWS credentials", "CredentialRetrievalError")
            token.write_text(await issue("prod", "dns"))
            await until(lambda: not asked.not_ready())
            assert ":assumed-role/records/" in asked.in_words()

    async def test_a_wrong_token_is_no_denial_of_the_call_and_the_right_one_is_taken_after_it(
        self, aws: AwsEndpoint, token: Path
    ) -> None:
        wrong = {
            "": "WebIdentityToken",
            "this is no token": "not a valid JWT",
            await issue("prod", "other"): "Not authorized",
        }
        async with AwsSession(region="eu-central-1", endpoint_url=aws.url) as session:
            for text, reason in wrong.items():
                token.write_text(text)
                with pytest.raises(Unavailable, match=reason) as caught:
                    await session.call("route53", "list_hosted_zones")
                assert caught.value.code == "CredentialRetrievalError"
            token.write_text(await issue("prod", "dns"))
            assert (await session.call("route53", "list_hosted_zones"))["HostedZones"] == []


FLAGS = {
    "dns": ("--txt-owner-id=me", "--no-leader-elect"),
    "iamproxy": (f"--node={NODE}", f"--base-role-arn={BASE}", "--interceptor=none"),
}


@pytest.mark.parametrize("name", FLAGS)
async def test_a_daemon_that_starts_before_the_metadata_of_its_node_is_there_works_once_it_is(
    name: str, aws: AwsEndpoint, imds_port: int, tmp_path: Path
) -> None:
    aws.sts.create_role("web")
    async with KubeApi() as api:
        Pods(api, aws, tmp_path).create(pod("a", "127.0.0.1", role="web"))
        more = (f"--app-port={free_port()}",) if name == "iamproxy" else ()
        async with daemon(name, api, aws, tmp_path, *FLAGS[name], *more) as started:
            await started.reach("/readyz", lambda status, text: (status, "Unable to" in text) == (503, True))
            state = json.loads((await started.get("/api/state"))[1])
            assert state["awsIdentity"].startswith("no AWS credentials: ")
            assert ("AWS credentials", "NoCredentialsError") in [
                (fault["about"], fault["reason"]) for fault in state["degraded"]
            ]
            async with metadata_at(imds_port, node_metadata(aws)):
                await started.reach("/readyz", lambda status, text: status == 200)
                _, text = await started.get("/api/state")
                assert json.loads(text)["awsIdentity"].endswith(":assumed-role/node/i-1")
                _, page = await started.get("/")
                assert "assumed-role" in page
                work = {"dns": "ListHostedZones", "iamproxy": "AssumeRole"}[name]
                await until(lambda: work in {call.operation for call in aws.calls if not call.error})
            started.process.terminate()
            _, log = await asyncio.wait_for(started.process.communicate(), 30)
            assert b"AWS identity: arn:aws:sts::123456789012:assumed-role/node/i-1" in log

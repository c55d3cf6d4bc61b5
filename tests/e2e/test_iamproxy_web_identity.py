"""Tokens of ServiceAccounts, issued by the real API server, speak for pods: no right of the node is used."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta

import boto3
import pytest
import pytest_asyncio
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from addons.sim.aws.sts.state import trust_of_service_account
from tests.support.iamproxy_site import ACCOUNT, REGION, Stage, staged
from tests.support.nodes import Site

pytestmark = [pytest.mark.kube, pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(site: Site) -> AsyncIterator[Stage]:
    """AWS believes this API server by the keys that it publishes; a role is for one ServiceAccount alone."""
    async with staged(site, "reader") as stage:
        published = {
            path: json.loads(await stage.kubectl.ok("get", "--raw", path))
            for path in ("/.well-known/openid-configuration", "/openid/v1/jwks")
        }
        issuer = published["/.well-known/openid-configuration"]["issuer"]
        provider = stage.aws.sts.create_provider(issuer, published["/openid/v1/jwks"])
        stage.aws.sts.create_role("reader", trust_of_service_account(provider, stage.namespace, "reader"))
        for account in ("reader", "stranger"):
            await stage.kubectl.ok("create", "serviceaccount", account)
        yield stage


async def test_a_service_account_speaks_for_its_pods_and_another_one_is_refused_with_the_reason(
    stage: Stage,
) -> None:
    asked = len(stage.imds.requests)
    async with stage.installed(credentialSource="web-identity"):
        for account, node in zip(("reader", "stranger"), stage.site.nodes, strict=True):
            await stage.run(account, node, role="reader", account=account)
        session = f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/{stage.namespace}.reader"
        assert await stage.caller(await stage.credentials("reader")) == session
        refusal = await stage.credentials("stranger")
        assert refusal["Code"] == "AssumeRoleUnauthorizedAccess"
        assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in refusal["Message"]
        assert "role/reader" in await stage.events("stranger", "AssumeRoleWithWebIdentity")
    assert stage.aws.sts.calls["AssumeRole"] == 0
    assert [request for request in stage.imds.requests[asked:] if "credentials" in request.target] == []


async def assume(stage: Stage, token: str) -> str:
    """What STS says to a token: who its bearer is then, or the code of the refusal."""

    def ask() -> str:
        unsigned = Config(signature_version=UNSIGNED, region_name=REGION)
        with closing(boto3.client("sts", endpoint_url=stage.aws.url, config=unsigned)) as sts:
            try:
                given = sts.assume_role_with_web_identity(
                    RoleArn=f"arn:aws:iam::{ACCOUNT}:role/reader",
                    RoleSessionName="test",
                    WebIdentityToken=token,
                )
            except ClientError as error:
                return str(error.response["Error"]["Code"])
            return str(given["SubjectFromWebIdentityToken"])

    return await asyncio.to_thread(ask)


async def test_tokens_of_the_real_api_server_are_believed_for_what_they_say_and_no_longer(
    stage: Stage,
) -> None:
    """The simulated STS is strict, else the test above would show nothing."""
    create, ours = ("create", "token"), "--audience=sts.amazonaws.com"
    token = await stage.kubectl.ok(*create, "reader", ours, "--duration=10m")
    assert await assume(stage, token) == f"system:serviceaccount:{stage.namespace}:reader"
    stranger = await stage.kubectl.ok(*create, "stranger", ours)
    assert await assume(stage, stranger) == "AccessDenied"
    other = await stage.kubectl.ok(*create, "reader", "--audience=elsewhere")
    assert await assume(stage, other) == "InvalidIdentityToken"
    forged = token.rpartition(".")[0] + "." + stranger.rpartition(".")[2]
    assert await assume(stage, forged) == "InvalidIdentityToken"
    now = stage.aws.sts.now
    stage.aws.sts.now = lambda: now() + timedelta(minutes=11)
    assert await assume(stage, token) == "ExpiredTokenException"
    stage.aws.sts.now = now

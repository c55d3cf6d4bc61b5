"""Tokens of ServiceAccounts, issued by the real API server, speak for pods: no right of the node is used."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

import boto3
import pytest
import pytest_asyncio
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from addons.sim.aws.sts.state import trust_of_service_account
from tests.support.iamproxy_site import ACCOUNT, REGION, ROLES, Stage, staged
from tests.support.nodes import Site

pytestmark = pytest.mark.kube


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


@dataclass(frozen=True)
class Story:
    """What was seen: by a pod of each ServiceAccount, each on a node of its own, and around them.

    `networks` are those of the nodes before the chart was installed, while it was, and after its uninstall;
    `later` is what a pod on each node is told then.
    """

    caller: str
    refusal: Mapping[str, str]
    events: str
    asked_by_nodes: list[str]
    networks: tuple[list[str], list[str], list[str]]
    later: list[str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(stage: Stage) -> Story:
    """Install the chart, let both pods ask, and uninstall it."""
    asked, before, accounts = len(stage.imds.requests), stage.networks(), ("reader", "stranger")
    nodes = {node.address for node in stage.site.nodes}
    async with stage.installed(credentialSource="web-identity"):
        for account, node in zip(accounts, stage.site.nodes, strict=True):
            await stage.run(account, node, role="reader", account=account)
        caller = await stage.caller(await stage.credentials("reader"))
        refusal = await stage.credentials("stranger")
        events = await stage.events("stranger", "AssumeRoleWithWebIdentity")
        meanwhile = stage.networks()
    by_nodes = [request.target for request in stage.imds.requests[asked:] if request.peer in nodes]
    networks = (before, meanwhile, stage.networks())
    later = [await stage.ask(account, ROLES) for account in accounts]
    return Story(caller, refusal, events, by_nodes, networks, later)


def test_a_service_account_speaks_for_its_pods(stage: Stage, story: Story) -> None:
    assert story.caller == f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/{stage.namespace}.reader"


def test_another_one_is_refused_and_the_pod_says_why(story: Story) -> None:
    assert story.refusal["Code"] == "AssumeRoleUnauthorizedAccess"
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in story.refusal["Message"]
    assert f"arn:aws:iam::{ACCOUNT}:role/reader" in story.events


def test_the_credentials_of_the_node_are_not_even_looked_for(stage: Stage, story: Story) -> None:
    assert stage.aws.sts.calls["AssumeRole"] == 0
    assert [target for target in story.asked_by_nodes if "credentials" in target] == []


def test_an_uninstall_leaves_nothing_on_any_node_and_pods_see_the_node_again(
    stage: Stage, story: Story
) -> None:
    before, meanwhile, after = story.networks
    assert all("aws-addons-iamproxy" in network for network in meanwhile), "the control"
    assert after == before
    assert story.later == [stage.imds.instance.role] * len(stage.site.nodes)


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


@pytest.mark.asyncio(loop_scope="module")
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

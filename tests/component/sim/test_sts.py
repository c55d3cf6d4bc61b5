"""The strict STS through real boto3: who may assume a role, for how long, and what sessions are good for."""

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from addons.sim.aws.sts.state import ACCOUNT, Asked, Session, trust_of_account, trust_of_service_account
from addons.sim.aws.sts.trust import Question, check_policy, permits
from tests.support.aws import CONFIG, Reply, World, world

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ISSUER = "https://oidc.example.org/id/ABC"


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def aws() -> AsyncIterator[World]:
    async with world() as running:
        running.endpoint.sts.now = Clock()
        yield running


def arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


async def assume(aws: World, name: str, **more: Any) -> Reply:
    arguments = {"RoleArn": arn(name), "RoleSessionName": "tester"} | more
    return await aws.call("sts", "assume_role", **arguments)


async def refused(aws: World, name: str, **more: Any) -> tuple[str, str]:
    arguments = {"RoleArn": arn(name), "RoleSessionName": "tester"} | more
    return await aws.refusal("sts", "assume_role", **arguments)


def as_session(aws: World, keys: Reply | Session) -> World:
    """The same endpoint, called with temporary credentials."""
    if isinstance(keys, Session):
        found = (keys.access_key_id, keys.secret_access_key, keys.token)
    else:
        found = (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    other = World(aws.endpoint)
    session = boto3.Session(*found, region_name="eu-central-1")
    other._clients["sts"] = session.client("sts", endpoint_url=aws.endpoint.url, config=CONFIG)
    return other


class TestSessions:
    async def test_keys_that_were_issued_are_known_for_their_role_and_session(self, aws: World) -> None:
        aws.endpoint.sts.create_role("team/reader")
        reply = await assume(aws, "team/reader", RoleSessionName="ns.app")
        expected = f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/ns.app"
        assert reply["AssumedRoleUser"]["Arn"] == expected
        assert reply["Credentials"]["Expiration"] == NOW + timedelta(hours=1)
        caller = await as_session(aws, reply["Credentials"]).call("sts", "get_caller_identity")
        assert (caller["Arn"], caller["Account"]) == (expected, ACCOUNT)

    async def test_they_expire(self, aws: World) -> None:
        aws.endpoint.sts.create_role("reader")
        keys = (await assume(aws, "reader", DurationSeconds=900))["Credentials"]
        aws.endpoint.sts.now = lambda: NOW + timedelta(seconds=900)
        code, _ = await as_session(aws, keys).refusal("sts", "get_caller_identity")
        assert code == "ExpiredToken"

    async def test_a_key_with_the_token_of_another_is_nobody(self, aws: World) -> None:
        aws.endpoint.sts.create_role("reader")
        one, two = [(await assume(aws, "reader"))["Credentials"] for _ in range(2)]
        mixed = one | {"SessionToken": two["SessionToken"]}
        code, _ = await as_session(aws, mixed).refusal("sts", "get_caller_identity")
        assert code == "InvalidClientTokenId"

    async def test_long_term_keys_can_be_required_to_be_known(self, aws: World) -> None:
        aws.endpoint.sts.knobs.known_keys_only = True
        assert (await aws.refusal("sts", "get_caller_identity"))[0] == "InvalidClientTokenId"
        user = aws.endpoint.sts.create_user("admin", "key")
        assert (await aws.call("sts", "get_caller_identity"))["Arn"] == user

    async def test_what_was_asked_is_counted_by_role_session_and_external_id(self, aws: World) -> None:
        aws.endpoint.sts.create_role("reader")
        for session in ("one", "one", "two"):
            await assume(aws, "reader", RoleSessionName=session)
        await refused(aws, "other", ExternalId="secret")
        assert aws.endpoint.sts.asked == {
            Asked(arn("reader"), "one"): 2,
            Asked(arn("reader"), "two"): 1,
            Asked(arn("other"), "tester", "secret"): 1,
        }


class TestTrust:
    async def test_a_role_that_is_not_there_looks_like_one_that_lets_nobody_in(self, aws: World) -> None:
        aws.endpoint.sts.create_role("closed", trust_of_account("999999999999"))
        missing, closed = await refused(aws, "missing"), await refused(aws, "closed")
        assert missing[0] == closed[0] == "AccessDenied"
        assert missing[1].replace("missing", "closed") == closed[1]

    async def test_an_external_id_must_be_the_one_that_is_wanted(self, aws: World) -> None:
        aws.endpoint.sts.create_role("partner", trust_of_account(ACCOUNT, external_id="x-1"))
        assert (await refused(aws, "partner"))[0] == "AccessDenied"
        assert (await refused(aws, "partner", ExternalId="x-2"))[0] == "AccessDenied"
        await assume(aws, "partner", ExternalId="x-1")

    async def test_tags_need_a_permission_of_their_own(self, aws: World) -> None:
        tags = [{"Key": "kubernetes-namespace", "Value": "prod"}]
        aws.endpoint.sts.create_role("plain")
        aws.endpoint.sts.create_role("tagged", trust_of_account(ACCOUNT, tags=True))
        code, message = await refused(aws, "plain", Tags=tags)
        assert (code, "sts:TagSession" in message) == ("AccessDenied", True)
        await assume(aws, "tagged", Tags=tags)
        (session,) = aws.endpoint.sts.sessions.values()
        assert session.tags == {"kubernetes-namespace": "prod"}

    async def test_a_role_may_be_the_one_that_is_let_in(self, aws: World) -> None:
        sts = aws.endpoint.sts
        node = sts.create_role("node")
        trust = trust_of_account(ACCOUNT)
        trust["Statement"][0]["Principal"]["AWS"] = node.arn
        sts.create_role("app", trust)
        assert (await refused(aws, "app"))[0] == "AccessDenied"
        await assume(as_session(aws, sts.open_session(node, "i-0abc")), "app")

    @pytest.mark.parametrize(
        ("statement", "expected"),
        [
            ({"Effect": "Allow", "Principal": "*", "Action": "sts:*"}, True),
            ({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["sts:AssumeRole"]}, True),
            ({"Effect": "Allow", "Principal": {"Federated": "*"}, "Action": "sts:AssumeRole"}, False),
            ({"Effect": "Allow", "Principal": {"AWS": "me"}, "Action": "sts:TagSession"}, False),
            ({"Effect": "Allow", "Principal": {"AWS": ["you", "me"]}, "Action": "STS:assumerole"}, True),
        ],
    )
    def test_statements_name_principals_and_actions(self, statement: dict[str, Any], expected: bool) -> None:
        question = Question("sts:AssumeRole", frozenset({("AWS", "me")}))
        assert permits({"Statement": statement}, question) is expected

    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            ({"StringEquals": {"STS:externalid": ["a", "b"]}}, True),
            ({"StringEquals": {"sts:ExternalId": "B"}}, False),
            ({"StringLike": {"sts:ExternalId": "?"}}, True),
            ({"StringNotEquals": {"sts:ExternalId": ["b", "c"]}}, False),
            ({"StringNotLike": {"absent": "*"}}, True),
            ({"StringEquals": {"absent": "b"}}, False),
            ({"StringEqualsIfExists": {"absent": "b"}}, True),
            ({"Null": {"sts:ExternalId": "true"}}, False),
            ({"Null": {"sts:ExternalId": "false"}}, True),
            ({"StringEquals": {"sts:ExternalId": "b"}, "StringLike": {"absent": "*"}}, False),
        ],
    )
    def test_every_condition_must_hold(self, condition: dict[str, Any], expected: bool) -> None:
        statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": condition}
        question = Question("sts:AssumeRole", frozenset(), {"sts:ExternalId": "b"})
        assert permits({"Statement": [statement]}, question) is expected

    def test_a_denial_wins(self) -> None:
        allow = {"Effect": "Allow", "Principal": "*", "Action": "*"}
        question = Question("sts:AssumeRole", frozenset())
        assert not permits({"Statement": [allow, allow | {"Effect": "Deny"}]}, question)

    @pytest.mark.parametrize(
        "change",
        [
            {"Effect": "allow"},
            {"NotAction": "x"},
            {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
            {"Principal": {"CanonicalUser": "x"}},
        ],
    )
    def test_a_policy_that_is_not_understood_is_not_taken(self, change: dict[str, Any]) -> None:
        statement = {"Effect": "Allow", "Principal": "*", "Action": "*"} | change
        with pytest.raises(ValueError, match=r".+"):
            check_policy({"Statement": [statement]})


class TestForm:
    @pytest.mark.parametrize("name", ["a b", "a/b", "ä" * 3, "a", "x" * 65])
    async def test_a_session_name_has_few_characters_and_at_most_64(self, aws: World, name: str) -> None:
        aws.endpoint.sts.create_role("reader")
        code, message = await refused(aws, "reader", RoleSessionName=name)
        assert (code, "roleSessionName" in message) == ("ValidationError", True)

    @pytest.mark.parametrize(
        "wrong",
        ["arn:aws:iam::1:role/abcdefgh", "reader-of-everything", f"arn:aws:iam::{ACCOUNT}:user/bob"],
    )
    async def test_a_role_is_named_by_its_arn(self, aws: World, wrong: str) -> None:
        assert (await refused(aws, "", RoleArn=wrong))[0] == "ValidationError"

    @pytest.mark.parametrize(("seconds", "fits"), [(899, False), (900, True), (7200, True), (7201, False)])
    async def test_a_session_lasts_as_long_as_its_role_permits(
        self, aws: World, seconds: int, fits: bool
    ) -> None:
        aws.endpoint.sts.create_role("reader", max_session_seconds=7200)
        if fits:
            await assume(aws, "reader", DurationSeconds=seconds)
        else:
            assert (await refused(aws, "reader", DurationSeconds=seconds))[0] == "ValidationError"

    async def test_a_session_that_comes_from_a_session_lasts_an_hour_at_most(self, aws: World) -> None:
        sts = aws.endpoint.sts
        sts.create_role("app", max_session_seconds=43200)
        node = as_session(aws, sts.open_session(sts.create_role("node"), "i-0abc"))
        await assume(node, "app", DurationSeconds=3600)
        code, message = await refused(node, "app", DurationSeconds=3601)
        assert (code, "role chaining" in message) == ("ValidationError", True)


class TestDisturbances:
    async def test_a_rate_is_kept_to(self, aws: World) -> None:
        aws.endpoint.sts.create_role("reader")
        aws.endpoint.sts.knobs.rate_per_second, aws.endpoint.sts.knobs.burst = 0.001, 1
        await assume(aws, "reader")
        assert await refused(aws, "reader") == ("Throttling", "Rate exceeded")

    async def test_calls_hang_until_told_otherwise(self, aws: World) -> None:
        aws.endpoint.sts.create_role("reader")
        aws.endpoint.sts.hang()
        call = asyncio.create_task(assume(aws, "reader"))
        while not aws.endpoint.sts.calls["AssumeRole"]:
            await asyncio.sleep(0)
        assert not call.done()
        aws.endpoint.sts.resume()
        assert (await call)["Credentials"]

    async def test_calls_take_as_long_as_told(self, aws: World) -> None:
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        aws.endpoint.sts.sleep, aws.endpoint.sts.knobs.latency_seconds = sleep, 0.7
        await aws.call("sts", "get_caller_identity")
        aws.endpoint.sts.create_role("reader")
        aws.endpoint.sts.knobs.latency_by_role["arn:aws:iam::123456789012:role/reader"] = 0.3
        await assume(aws, "reader")
        assert slept == [0.7, 0.3]


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def published(key: rsa.RSAPrivateKey = KEY) -> dict[str, Any]:
    numbers = key.public_key().public_numbers()
    parts = {"n": encode(numbers.n.to_bytes(256)), "e": encode(numbers.e.to_bytes(3))}
    return {"keys": [{"kty": "RSA", "kid": "k1", "alg": "RS256", "use": "sig"} | parts]}


def token(key: rsa.RSAPrivateKey = KEY, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
    claims = {
        "iss": ISSUER,
        "sub": "system:serviceaccount:prod:app",
        "aud": ["sts.amazonaws.com"],
        "exp": NOW.timestamp() + 600,
    } | claims
    head = {"alg": "RS256", "kid": "k1"} | (header or {})
    signed = f"{encode(json.dumps(head).encode())}.{encode(json.dumps(claims).encode())}"
    return f"{signed}.{encode(key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


class TestWebIdentity:
    """A token stands for its subject when the issuer's published keys say so, and the role trusts it."""

    @pytest.fixture(autouse=True)
    def role(self, aws: World) -> None:
        provider = aws.endpoint.sts.create_provider(ISSUER, published())
        aws.endpoint.sts.create_role("app", trust_of_service_account(provider, "prod", "app"))

    def arguments(self, token: str) -> Reply:
        return {"RoleArn": arn("app"), "RoleSessionName": "prod.app", "WebIdentityToken": token}

    async def refused(self, aws: World, token: str) -> tuple[str, str]:
        return await aws.refusal("sts", "assume_role_with_web_identity", **self.arguments(token))

    async def test_a_good_token_gives_a_session(self, aws: World) -> None:
        reply = await aws.call("sts", "assume_role_with_web_identity", **self.arguments(token()))
        assert reply["SubjectFromWebIdentityToken"] == "system:serviceaccount:prod:app"
        caller = await as_session(aws, reply["Credentials"]).call("sts", "get_caller_identity")
        assert caller["Arn"].endswith(":assumed-role/app/prod.app")

    async def test_another_subject_is_not_let_in(self, aws: World) -> None:
        found = await self.refused(aws, token(sub="system:serviceaccount:prod:other"))
        assert found == ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")

    @pytest.mark.parametrize(
        ("wrong", "code"),
        [
            ({"iss": "https://elsewhere.example.org"}, "InvalidIdentityToken"),
            ({"aud": ["https://kubernetes.default.svc"]}, "InvalidIdentityToken"),
            ({"exp": NOW.timestamp()}, "ExpiredTokenException"),
            ({"nbf": NOW.timestamp() + 60}, "InvalidIdentityToken"),
            ({"header": {"alg": "none"}}, "InvalidIdentityToken"),
            ({"header": {"kid": "k2"}}, "InvalidIdentityToken"),
            ({"key": rsa.generate_private_key(public_exponent=65537, key_size=2048)}, "InvalidIdentityToken"),
        ],
    )
    async def test_a_bad_token_is_not_believed(self, aws: World, wrong: dict[str, Any], code: str) -> None:
        assert (await self.refused(aws, token(**wrong)))[0] == code

    @pytest.mark.parametrize("text", ["nonsense", "a.b.c", "e30.e30"])
    async def test_what_is_no_token_is_said_to_be_none(self, aws: World, text: str) -> None:
        assert (await self.refused(aws, text))[0] == "InvalidIdentityToken"

    async def test_keys_are_read_where_they_are_published(self, aws: World) -> None:
        async def jwks(_: web.BaseRequest) -> web.Response:
            return web.json_response(published())

        server = web.ServerRunner(web.Server(jwks))
        await server.setup()
        try:
            await web.TCPSite(server, "127.0.0.1", 0).start()
            host, port = server.addresses[0][:2]
            aws.endpoint.sts.create_provider(ISSUER, f"http://{host}:{port}/openid/v1/jwks")
            await aws.call("sts", "assume_role_with_web_identity", **self.arguments(token()))
        finally:
            await server.cleanup()
        assert (await self.refused(aws, token()))[0] == "IDPCommunicationError"

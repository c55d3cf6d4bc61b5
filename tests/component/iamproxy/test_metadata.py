"""What pods are answered: every route with every status."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY

from addons.iamproxy.config import MetadataKey
from addons.iamproxy.model.credentials import CredentialKey
from addons.iamproxy.model.verdicts import Grant, Refusal
from addons.iamproxy.server.audit import writing_to
from addons.runtime.errors import Denied, Unavailable
from addons.sim.imds import Imds
from tests.support.metadata import (
    AMBIGUOUS,
    EXTENDED_ROLES,
    NO_ROLE,
    NODE_METADATA,
    NOT_ALLOWED,
    ROLES,
    TOKEN,
    TTL,
    Client,
    World,
    client,
    grant,
    pod,
)
from tests.support.virtual import run_virtual, virtual_now

TOKEN_PATH = "/latest/api/token"
REGION = "/latest/meta-data/placement/region"
INFO = "/latest/meta-data/iam/info"
DOCUMENT = "/latest/dynamic/instance-identity/document"
INSTANCE_ID = "/latest/meta-data/instance-id"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World().running() as running:
        running.give(grant())
        yield running


@pytest.fixture
async def web(world: World) -> AsyncIterator[Client]:
    async with client(world) as connected:
        yield connected


class TestCredentials:
    @pytest.mark.parametrize("folder", [ROLES, EXTENDED_ROLES, ROLES[:-1], EXTENDED_ROLES[:-1]])
    async def test_the_list_names_the_role_of_the_pod(self, web: Client, folder: str) -> None:
        reply = await web.get(folder)
        assert (reply.status, reply.body) == (200, b"reader")
        assert reply.headers["content-type"] == "text/plain"
        assert reply.headers["server"] == "EC2ws"

    @pytest.mark.parametrize("path", [f"{ROLES}reader", f"{ROLES}reader/"])
    async def test_the_role_has_credentials(self, web: Client, path: str) -> None:
        reply = await web.get(path)
        found = json.loads(reply.body)
        assert reply.status == 200
        assert reply.headers["content-type"] == "text/plain"
        assert set(found) == {
            "Code",
            "LastUpdated",
            "Type",
            "AccessKeyId",
            "SecretAccessKey",
            "Token",
            "Expiration",
        }
        assert found["SecretAccessKey"] == "secret of arn:aws:iam::123456789012:role/reader"

    async def test_the_newer_path_tells_the_account_as_well(self, web: Client) -> None:
        found = json.loads((await web.get(f"{EXTENDED_ROLES}reader")).body)
        assert found["AccountId"] == "123456789012"

    async def test_a_role_of_another_account_is_named_by_its_arn(self, world: World, web: Client) -> None:
        arn = "arn:aws:iam::999999999999:role/team/reader"
        world.give(grant(arn))
        assert (await web.get(ROLES)).text == arn
        assert (await web.get(ROLES + arn)).status == 200

    async def test_a_head_has_the_headers_and_no_body(self, web: Client) -> None:
        whole = await web.get(ROLES)
        head = await web.ask("HEAD", ROLES)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == whole.headers["content-length"]
        assert (await web.get(ROLES)).status == 200

    async def test_sts_is_asked_once_for_all_answers(self, world: World, web: Client) -> None:
        for path in (f"{ROLES}reader", f"{EXTENDED_ROLES}reader", f"{ROLES}reader"):
            await web.get(path)
        assert len(world.fetched) == 1

    async def test_what_sts_denies_is_told_as_ec2_tells_it(self, world: World, web: Client) -> None:
        async def deny(key: CredentialKey) -> None:
            raise Denied("not authorized to perform: sts:AssumeRole")

        world.sts = deny
        reply = await web.get(f"{ROLES}reader")
        found = json.loads(reply.body)
        assert reply.status == 200
        assert found["Code"] == "AssumeRoleUnauthorizedAccess"
        assert "sts:AssumeRole" in found["Message"]

    @pytest.mark.parametrize("written", ["arn%3Aaws%3Aiam%3A%3A999999999999%3Arole/team/reader", "{}"])
    async def test_a_role_may_be_asked_for_in_percent_encoding(
        self, world: World, web: Client, written: str
    ) -> None:
        arn = "arn:aws:iam::999999999999:role/team/reader"
        world.give(grant(arn))
        reply = await web.get(ROLES + written.format(quote(arn, safe="")))
        assert json.loads(reply.body)["SecretAccessKey"] == f"secret of {arn}"

    @pytest.mark.parametrize("encoded", [False, True])
    async def test_a_role_may_be_asked_for_by_its_whole_arn_whatever_the_list_calls_it(
        self, world: World, web: Client, encoded: bool
    ) -> None:
        arn = "arn:aws:iam::123456789012:role/reader"
        assert (await web.get(ROLES)).text == "reader"
        reply = await web.get(ROLES + (quote(arn, safe="") if encoded else arn))
        assert json.loads(reply.body)["SecretAccessKey"] == f"secret of {arn}"
        assert (await web.get(f"{ROLES}{arn}2")).status == 403

    @pytest.mark.parametrize(
        "written", ["%zz", "reader%2", "%2Freader", "reader%2F..", "r%2565ader", "reader%00"]
    )
    async def test_what_stands_for_no_role_is_not_found(
        self, world: World, web: Client, written: str
    ) -> None:
        assert (await web.get(ROLES + written)).status == 404
        assert world.fetched == []


class TestRefusals:
    async def test_another_role_than_its_own(self, web: Client) -> None:
        reply = await web.get(f"{ROLES}writer")
        assert reply.status == 403
        assert "this pod has the role reader, not writer (RoleMismatch)" in reply.text
        assert (await web.get(f"{ROLES}%77riter")).text == reply.text

    @pytest.mark.parametrize("path", [ROLES, f"{ROLES}reader", f"{EXTENDED_ROLES}reader"])
    @pytest.mark.parametrize(
        ("refusal", "status"),
        [(NO_ROLE, 404), (NOT_ALLOWED, 403), (AMBIGUOUS, 503)],
        ids=str,
    )
    async def test_an_address_without_a_role(
        self, world: World, web: Client, path: str, refusal: Refusal, status: int
    ) -> None:
        world.give(refusal)
        reply = await web.get(path)
        assert reply.status == status
        assert f"{refusal.message} ({refusal.reason})" in reply.text
        assert world.fetched == []

    async def test_a_page_like_that_of_ec2(self, web: Client) -> None:
        reply = await web.get("/latest/user-data")
        assert reply.status == 404
        assert reply.headers["content-type"] == "text/html"
        assert "<title>404 - Not Found</title>" in reply.text

    async def test_words_of_users_are_escaped(self, world: World, web: Client) -> None:
        world.give(Refusal(pod(), "InvalidRole", "<script>ü</script>", 403))
        reply = await web.get(ROLES)
        assert "&lt;script&gt;&#252;&lt;/script&gt;" in reply.text

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("POST", ROLES, "GET, HEAD"),
            ("PUT", f"{ROLES}reader", "GET, HEAD"),
            ("DELETE", "/latest/meta-data/", "GET, HEAD"),
            ("OPTIONS", "/healthz", "GET, HEAD"),
            ("GET", TOKEN_PATH, "PUT"),
            ("HEAD", TOKEN_PATH, "PUT"),
        ],
    )
    async def test_a_wrong_method_on_a_known_path(
        self, web: Client, method: str, path: str, allowed: str
    ) -> None:
        reply = await web.ask(method, path)
        assert (reply.status, reply.headers["allow"]) == (405, allowed)

    @pytest.mark.parametrize(
        "host",
        [
            *("evil.example.com", "169.254.169.254.example.com", "10.0.0.1", "localhost", ""),
            *("instance-data.ec2.internal.example.com", "instance-data.ec2.internal:8181", "instance-data"),
            *("xinstance-data.ec2.internal", "ec2.internal", "instance-data.ec2.internal.."),
        ],
    )
    async def test_a_host_that_is_not_this_service(self, web: Client, host: str) -> None:
        assert (await web.ask("GET", ROLES, {"Host": host})).status == 403

    @pytest.mark.parametrize(
        "host",
        [
            *("169.254.169.254", "169.254.169.254:80", "[fd00:ec2::254]", "[fd00:ec2::254]:80", "127.0.0.1"),
            *("instance-data.ec2.internal", "instance-data.ec2.internal:80", "[FD00:EC2::254]"),
            *("Instance-Data.EC2.Internal", "instance-data.ec2.internal."),
        ],
    )
    async def test_a_host_that_is(self, web: Client, host: str) -> None:
        assert (await web.ask("GET", ROLES, {"Host": host})).status == 200

    @pytest.mark.parametrize("header", ["Host: 169.254.169.254", f"{TOKEN}: x\r\n{TOKEN}: y"])
    async def test_a_header_that_counts_and_came_twice(self, web: Client, header: str) -> None:
        web.write(f"GET {ROLES} HTTP/1.1\r\nHost: 169.254.169.254\r\n{header}\r\n\r\n".encode())
        assert (await web.reply()).status == 400

    async def test_no_host_at_all(self, web: Client) -> None:
        web.write(f"GET {ROLES} HTTP/1.1\r\n\r\n".encode())
        assert (await web.reply()).status == 400

    async def test_old_clients_need_none(self, web: Client) -> None:
        web.write(f"GET {ROLES} HTTP/1.0\r\n\r\n".encode())
        assert (await web.reply()).status == 200
        assert await web.closes()


PLACE = {"availabilityZone": "eu-central-1a", "region": "eu-central-1"}


def told(document: dict[str, Any]) -> dict[str, str]:
    """What an identity document says, beside its version and the instance id."""
    assert document["version"] == "2017-09-30"
    return {
        key: value
        for key, value in document.items()
        if value is not None and key not in ("version", "instanceId")
    }


class TestIdentity:
    """What SDKs of Java and Go look for beside credentials, with the types of EC2."""

    @pytest.mark.parametrize("slash", ["", "/"])
    async def test_the_document_has_the_place_of_the_node_and_the_account_of_the_role(
        self, world: World, web: Client, slash: str
    ) -> None:
        world.give(grant("arn:aws:iam::999999999999:role/reader"))
        reply = await web.get(DOCUMENT + slash)
        assert (reply.status, reply.headers["content-type"]) == (200, "text/plain")
        found = json.loads(reply.body)
        assert told(found) == PLACE | {"accountId": "999999999999"}
        assert found["instanceId"] == (await web.get(INSTANCE_ID)).text

    async def test_the_document_has_all_fields_of_ec2_s(self, web: Client) -> None:
        """Version 1 of Java's SDK reads none that lacks one, and takes null."""
        async with (
            Imds() as imds,
            aiohttp.ClientSession() as session,
            session.get(imds.url + DOCUMENT) as reply,
        ):
            of_ec2 = await reply.json(content_type=None)
        assert json.loads((await web.get(DOCUMENT)).body).keys() == of_ec2.keys()

    async def test_a_pod_without_a_role_has_no_account(self, world: World, web: Client) -> None:
        for refusal in (NO_ROLE, NOT_ALLOWED):
            world.give(refusal)
            assert told(json.loads((await web.get(DOCUMENT)).body)) == PLACE

    async def test_an_address_that_is_nobody_s_for_sure_is_told_nothing(
        self, world: World, web: Client
    ) -> None:
        world.give(AMBIGUOUS)
        for path in (DOCUMENT, INSTANCE_ID):
            assert (await web.get(path)).status == 503

    @pytest.mark.parametrize(
        ("allowed", "place"),
        [
            (("placement/region",), {"region": "eu-central-1"}),
            (("instance-type", "mac"), {"instanceType": "m5.large"}),
            (("ami-id", "local-ipv4"), {"privateIp": "10.77.0.10"}),
            ((), {}),
        ],
    )
    async def test_only_what_pods_may_read_of_the_node_is_in_the_document(
        self, allowed: tuple[MetadataKey, ...], place: dict[str, str]
    ) -> None:
        async with World(node_keys=allowed).running() as world, client(world) as web:
            world.give(grant())
            found = json.loads((await web.get(DOCUMENT)).body)
            assert told(found) == place | {"accountId": "123456789012"}

    async def test_a_node_that_does_not_answer(self, world: World, web: Client) -> None:
        async def fail(key: str) -> None:
            if key == "placement/region":
                raise Unavailable("connection refused")

        world.node = fail
        reply = await web.get(DOCUMENT)
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        assert (await web.get(INSTANCE_ID)).status == 200

    async def test_an_instance_id_is_the_pod_s_own_and_stays(self, world: World, web: Client) -> None:
        ids = []
        for uid in ("uid-1", "uid-2", "uid-1"):
            world.give(grant(who=pod(uid=uid)))
            ids.append((await web.get(INSTANCE_ID)).text)
        assert ids[0] == ids[2] != ids[1]
        assert all(re.fullmatch("i-[0-9a-f]{17}", each) for each in ids)
        assert NODE_METADATA["instance-id"] not in ids
        assert world.node_asked == []

    async def test_an_instance_id_that_pods_may_read_is_the_node_s(self) -> None:
        async with World(node_keys=("instance-id",)).running() as world, client(world) as web:
            world.give(grant())
            assert (await web.get(INSTANCE_ID)).text == NODE_METADATA["instance-id"]
            assert json.loads((await web.get(DOCUMENT)).body)["instanceId"] == NODE_METADATA["instance-id"]

    @pytest.mark.parametrize("slash", ["", "/"])
    async def test_the_instance_profile_is_that_of_the_pods_role(self, web: Client, slash: str) -> None:
        found = json.loads((await web.get(INFO + slash)).body)
        assert found["Code"] == "Success"
        assert found["InstanceProfileArn"] == "arn:aws:iam::123456789012:instance-profile/reader"
        assert re.fullmatch("AIPA[A-Z2-7]{17}", found["InstanceProfileId"])

    async def test_a_pod_without_a_role_has_no_profile(self, world: World, web: Client) -> None:
        world.give(NO_ROLE)
        assert (await web.get(INFO)).status == 404

    async def test_it_can_be_switched_off(self) -> None:
        async with World(identity="none").running() as world, client(world) as web:
            world.give(grant())
            assert [(await web.get(path)).status for path in (DOCUMENT, INSTANCE_ID, "/latest/dynamic/")] == [
                404,
                404,
                404,
            ]
            assert (await web.get(INFO)).status == 200


class TestMetrics:
    async def test_requests_are_counted_by_route_status_and_reason(self, world: World, web: Client) -> None:
        def count(status: str, reason: str) -> float:
            labels = {"route": "roles", "status": status, "reason": reason}
            return REGISTRY.get_sample_value("addons_iamproxy_requests_total", labels) or 0.0

        before = count("200", ""), count("404", "NoRole")
        await web.get(ROLES)
        world.give(NO_ROLE)
        await web.get(ROLES)
        assert (count("200", ""), count("404", "NoRole")) == (before[0] + 1, before[1] + 1)


class TestTokens:
    @pytest.fixture
    async def strict(self) -> AsyncIterator[World]:
        async with World(imdsv2="required").running() as running:
            running.give(grant())
            yield running

    async def test_a_token_is_given_for_a_time(self, web: Client) -> None:
        reply = await web.ask("PUT", TOKEN_PATH, {TTL: "60"})
        assert (reply.status, len(reply.body)) == (200, 56)
        assert reply.headers["x-aws-ec2-metadata-token-ttl-seconds"] == "60"
        assert (await web.get(ROLES, token=reply.text)).status == 200

    @pytest.mark.parametrize("ttl", ["0", "21601", "-1", "ten", ""])
    async def test_a_time_that_ec2_does_not_give(self, web: Client, ttl: str) -> None:
        assert (await web.ask("PUT", TOKEN_PATH, {TTL: ttl})).status == 400

    async def test_no_time(self, web: Client) -> None:
        assert (await web.ask("PUT", TOKEN_PATH)).status == 400

    async def test_no_token_for_what_came_through_a_proxy(self, web: Client) -> None:
        reply = await web.ask("PUT", TOKEN_PATH, {TTL: "60", "X-Forwarded-For": "10.0.0.9"})
        assert reply.status == 403

    @pytest.mark.parametrize(
        "path", [ROLES, f"{ROLES}reader", "/latest/meta-data/", REGION, DOCUMENT, INSTANCE_ID, INFO]
    )
    async def test_where_tokens_are_required_nothing_is_told_without(self, strict: World, path: str) -> None:
        async with client(strict) as web:
            assert (await web.get(path)).status == 401
            assert (await web.get(path, token=await web.token())).status == 200

    @pytest.mark.parametrize("verdict", [grant(), NO_ROLE], ids=["granted", "refused"])
    async def test_a_pod_that_is_to_show_one_is_told_nothing_without(
        self, world: World, web: Client, verdict: Grant | Refusal
    ) -> None:
        world.give(replace(verdict, needs_token=True))
        for path in (ROLES, f"{ROLES}reader", "/latest/meta-data/", REGION, DOCUMENT, INSTANCE_ID, INFO):
            assert (await web.get(path)).status == 401
        token = await web.token()
        assert (await web.get(REGION, token=token)).status == 200
        assert (await web.get(ROLES, token=token)).status == (200 if isinstance(verdict, Grant) else 404)

    async def test_a_bad_token_is_worse_than_none(self, web: Client) -> None:
        assert (await web.get(ROLES, token="A" * 56)).status == 401

    async def test_the_token_of_the_address_before(self, world: World, web: Client) -> None:
        token = await web.token()
        world.give(grant(who=pod("web", uid="uid-2")))
        assert (await web.get(ROLES, token=token)).status == 401

    async def test_a_pod_without_a_role_gets_a_token_and_then_is_told(self, strict: World) -> None:
        strict.give(NO_ROLE)
        async with client(strict) as web:
            assert (await web.get(ROLES, token=await web.token())).status == 404

    def test_an_old_token(self) -> None:
        async def story() -> list[int]:
            world = World(imdsv2="required", now=virtual_now)
            async with world.running(), client(world) as web:
                world.give(grant())
                token = await web.token(ttl="30")
                statuses = [(await web.get(ROLES, token=token)).status]
                await asyncio.sleep(30)
                return [*statuses, (await web.get(ROLES, token=token)).status]

        assert run_virtual(story()) == [200, 401]


class TestNodeKeys:
    async def test_what_is_allowed_is_read_from_the_node_once_in_a_while(
        self, world: World, web: Client
    ) -> None:
        assert [(await web.get(REGION)).text for _ in range(3)] == ["eu-central-1"] * 3
        assert world.node_asked == ["placement/region"]

    async def test_a_pod_without_a_role_may_read_it(self, world: World, web: Client) -> None:
        world.give(NO_ROLE)
        assert (await web.get(REGION)).status == 200

    async def test_what_the_node_does_not_have(self) -> None:
        async with World(node_keys=("public-ipv4",)).running() as world, client(world) as web:
            world.give(grant())
            assert (await web.get("/latest/meta-data/public-ipv4")).status == 404

    async def test_a_node_that_does_not_answer(self, world: World, web: Client) -> None:
        async def fail(key: str) -> None:
            raise Unavailable("connection refused")

        world.node = fail
        reply = await web.get(REGION)
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")

    def test_old_values_do_when_new_ones_cannot_be_had(self) -> None:
        async def fail(key: str) -> None:
            raise Unavailable("connection refused")

        async def story() -> tuple[list[int], int]:
            async with World().running() as world, client(world) as web:
                world.give(grant())
                before = await web.get(REGION)
                world.node = fail
                await asyncio.sleep(50)
                await web.get(REGION)
                await asyncio.sleep(50)
                after = await web.get(REGION)
                return [before.status, after.status], len(world.node_asked)

        assert run_virtual(story()) == ([200, 200], 2)


class TestAudit:
    async def test_issues_and_refusals_are_written_down_without_secrets(
        self, web: Client, world: World
    ) -> None:
        for path in (f"{ROLES}reader", f"{ROLES}writer", "/latest/user-data"):
            await web.get(path)
        issued, mismatch, unlisted = map(json.loads, world.audit)
        assert (issued["event"], issued["pod"], issued["podUid"]) == ("issued", "default/web", "uid-1")
        assert issued["role"] == "arn:aws:iam::123456789012:role/reader"
        assert issued["accessKeyId"].startswith("ASIA")
        assert (mismatch["event"], mismatch["status"], mismatch["reason"]) == ("refused", 403, "RoleMismatch")
        assert mismatch["role"] == "writer"
        assert (unlisted["pod"], unlisted["path"]) == ("default/web", "/latest/user-data")
        assert b"secret of" not in b"".join(world.audit)
        assert b"token of" not in b"".join(world.audit)

    def test_a_line_that_cannot_be_written_is_said_and_harms_nobody(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        writing_to(writer)(b"{}")
        os.close(writer)
        assert "a line of the audit is lost: Broken pipe" in caplog.messages

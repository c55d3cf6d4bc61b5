"""The simulated metadata service of a node: what real clients find there, and its rules about tokens."""

import asyncio
import gc
import json
import os
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from botocore.credentials import InstanceMetadataFetcher, InstanceMetadataProvider
from yarl import URL

from addons.sim.imds import VERSIONS, Imds, Instance

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"


@pytest.fixture
async def imds() -> AsyncIterator[Imds]:
    async with Imds(now=lambda: NOW) as running:
        yield running


async def ask(imds: Imds, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    url = URL(imds.url + path, encoded=True)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers) as reply:
        assert reply.headers["Server"] == "EC2ws"
        return reply.status, await reply.text()


async def token(imds: Imds, seconds: int = 60) -> str:
    status, found = await ask(imds, "/latest/api/token", "PUT", **{TTL: str(seconds)})
    assert status == 200
    return found


class TestClients:
    @pytest.mark.parametrize("http_tokens", ["optional", "required"])
    async def test_botocore_finds_the_credentials_of_the_node(self, http_tokens: str) -> None:
        async with Imds(http_tokens="required" if http_tokens == "required" else "optional") as imds:
            fetcher = InstanceMetadataFetcher(
                timeout=5,
                base_url=imds.url + "/",
                env=os.environ | {"AWS_EC2_METADATA_DISABLED": "false"},
                config={"ec2_metadata_service_endpoint": imds.url},
            )
            found = await asyncio.to_thread(InstanceMetadataProvider(iam_role_fetcher=fetcher).load)
        assert found.method == "iam-role"
        assert found.access_key == imds.instance.credentials.access_key_id
        assert [request.method for request in imds.requests] == ["PUT", "GET", "GET"]


class TestTokens:
    @pytest.mark.parametrize("ttl", ["0", "21601", "-1", "abc", "", "1.5"])
    async def test_a_life_outside_of_six_hours_is_a_bad_request(self, imds: Imds, ttl: str) -> None:
        assert (await ask(imds, "/latest/api/token", "PUT", **{TTL: ttl}))[0] == 400

    async def test_a_life_is_required(self, imds: Imds) -> None:
        assert (await ask(imds, "/latest/api/token", "PUT"))[0] == 400

    async def test_a_request_that_was_forwarded_gets_none(self, imds: Imds) -> None:
        headers = {TTL: "60", "X-Forwarded-For": "10.0.0.1"}
        assert (await ask(imds, "/latest/api/token", "PUT", **headers))[0] == 403

    async def test_a_token_is_only_put(self, imds: Imds) -> None:
        assert (await ask(imds, "/latest/api/token"))[0] == 405
        assert (await ask(imds, "/latest/meta-data/", "POST"))[0] == 405

    async def test_where_they_are_required_nothing_is_told_without(self, imds: Imds) -> None:
        imds.http_tokens = "required"
        assert (await ask(imds, "/latest/meta-data/"))[0] == 401
        assert (await ask(imds, "/latest/meta-data/", **{TOKEN: "made-up"}))[0] == 401
        assert (await ask(imds, "/latest/meta-data/", **{TOKEN: await token(imds)}))[0] == 200

    async def test_they_expire(self, imds: Imds) -> None:
        good = await token(imds, 60)
        imds._now = lambda: NOW + timedelta(seconds=60)
        assert (await ask(imds, "/latest/meta-data/", **{TOKEN: good}))[0] == 401


class TestTree:
    async def test_listings_name_what_is_below(self, imds: Imds) -> None:
        assert await ask(imds, "/") == (200, "\n".join(VERSIONS))
        assert await ask(imds, "/latest") == (200, "dynamic/\nmeta-data/\nuser-data")
        listing = (await ask(imds, "/latest/meta-data/"))[1].split("\n")
        assert {"iam/", "instance-id", "placement/", "identity-credentials/", "network/"} <= set(listing)

    async def test_every_name_in_a_listing_leads_somewhere(self, imds: Imds) -> None:
        leaves, folders = 0, ["/latest/"]
        while folders:
            folder = folders.pop()
            for name in (await ask(imds, folder))[1].split("\n"):
                status, text = await ask(imds, folder + name)
                assert (status, bool(text)) == (200, True), folder + name
                if name.endswith("/"):
                    folders.append(folder + name)
                else:
                    leaves += 1
        assert leaves > 50

    async def test_the_node_s_secrets_are_canaries(self, imds: Imds) -> None:
        paths = [
            "meta-data/iam/security-credentials/canary-node-role",
            "meta-data/iam/security-credentials-extended/canary-node-role",
            "meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
            "meta-data/iam/info",
            "meta-data/iam/security-credentials/",
            "dynamic/instance-identity/document",
            "dynamic/instance-identity/signature",
            "user-data",
        ]
        for path in paths:
            _, text = await ask(imds, f"/latest/{path}")
            assert any(canary in text for canary in imds.instance.canaries), path

    async def test_extended_credentials_name_the_account(self, imds: Imds) -> None:
        folder = "/latest/meta-data/iam/security-credentials-extended/"
        role = (await ask(imds, folder))[1]
        assert json.loads((await ask(imds, folder + role))[1])["AccountId"] == Instance().account

    @pytest.mark.parametrize(
        "path",
        [
            "//latest/user-data",
            "/latest/x/../user-data",
            "/latest%2Fuser-data",
            "/2009-04-04/user-data",
            "/latest/user-data/",
            "/latest/./user-data?x",
        ],
    )
    async def test_every_way_to_write_a_path_leads_there(self, imds: Imds, path: str) -> None:
        assert await ask(imds, path) == (200, imds.instance.user_data)

    @pytest.mark.parametrize("path", ["/latest/nothing", "/1999-01-01/meta-data/", "/Latest/meta-data/"])
    async def test_what_is_not_there_is_said_in_a_page(self, imds: Imds, path: str) -> None:
        status, text = await ask(imds, path)
        assert (status, "<title>404 - Not Found</title>" in text) == (404, True)


@pytest.mark.parametrize("turns", range(4))
async def test_a_stop_leaves_no_connection_open_that_was_just_let_in(turns: int) -> None:
    imds = Imds()
    await imds.start()
    host, port = imds.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))):
        for _ in range(turns):
            await asyncio.sleep(0)
        await imds.stop()
    gc.collect()  # what was left open is told now, and the test fails

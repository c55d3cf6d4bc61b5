"""The real client: botocore with its default settings gets its pod's credentials from our server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest
from botocore.credentials import InstanceMetadataProvider
from botocore.utils import InstanceMetadataFetcher, InstanceMetadataRegionFetcher

from addons.iamproxy.model.credentials import CredentialKey
from addons.iamproxy.model.verdicts import PodIdentity
from addons.runtime.errors import Denied
from tests.support.metadata import NO_ROLE, NOT_ALLOWED, World, grant, pod

Found = Any


@pytest.fixture(params=["optional", "required"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with World(imdsv2=request.param).running() as running:
        yield running


async def in_a_thread(work: Callable[[], Found]) -> Found:
    return await asyncio.get_running_loop().run_in_executor(None, work)


def settings(world: World) -> dict[str, str]:
    """What AWS_EC2_METADATA_SERVICE_ENDPOINT comes to: another address, all else as it is by default."""
    return {"ec2_metadata_service_endpoint": f"http://127.0.0.1:{world.port}/"}


async def credentials(world: World) -> Found:
    """What a program gets that knows nothing but the endpoint."""
    fetcher = InstanceMetadataFetcher(base_url=settings(world)["ec2_metadata_service_endpoint"])
    return await in_a_thread(InstanceMetadataProvider(iam_role_fetcher=fetcher).load)


class TestCredentials:
    async def test_a_pod_gets_its_role(self, world: World) -> None:
        world.give(grant())
        found = await credentials(world)
        assert found.method == "iam-role"
        assert found.secret_key == "secret of arn:aws:iam::123456789012:role/reader"
        assert found.token == "token of arn:aws:iam::123456789012:role/reader"

    @pytest.mark.parametrize("role", ["arn:aws:iam::999999999999:role/team/reader", "team/reader"])
    async def test_roles_with_paths_and_of_other_accounts(self, world: World, role: str) -> None:
        world.give(grant(role))
        assert (await credentials(world)).secret_key.endswith("reader")

    @pytest.mark.parametrize("refusal", [NO_ROLE, NOT_ALLOWED], ids=str)
    async def test_a_pod_without_a_role_gets_none(self, world: World, refusal: Any) -> None:
        world.give(refusal)
        assert await credentials(world) is None

    async def test_a_role_that_sts_denies_is_none(self, world: World) -> None:
        async def deny(key: CredentialKey) -> None:
            raise Denied("not authorized")

        world.give(grant())
        world.sts = deny
        assert await credentials(world) is None

    async def test_the_region_of_the_node_may_be_asked(self, world: World) -> None:
        world.give(grant())
        endpoint = settings(world)["ec2_metadata_service_endpoint"]
        fetcher = InstanceMetadataRegionFetcher(base_url=endpoint)
        assert await in_a_thread(fetcher.retrieve_region) == "eu-central-1"


class TestHaste:
    """Pods ask before the API server has told us of them; nobody is to notice."""

    @pytest.mark.parametrize("delay", [0.0, 0.2, 0.5, 0.8])
    async def test_a_pod_that_is_seen_late(self, world: World, delay: float) -> None:
        asyncio.get_running_loop().call_later(delay, partial(world.give, grant()))
        assert (await credentials(world)).method == "iam-role"

    async def test_sts_that_takes_its_time(self, world: World) -> None:
        async def slow(key: CredentialKey) -> None:
            await asyncio.sleep(0.6)

        world.give(grant())
        world.sts = slow
        assert (await credentials(world)).method == "iam-role"

    async def test_many_processes_of_a_pod_at_once_cost_one_call(self, world: World) -> None:
        world.give(grant())
        found = await asyncio.gather(*(credentials(world) for _ in range(40)))
        assert {each.method for each in found} == {"iam-role"}
        assert len(world.fetched) == 1

    async def test_an_address_that_was_another_pods_a_moment_ago(self, world: World) -> None:
        owners: list[PodIdentity] = [pod(uid=f"uid-{number}") for number in range(20)]
        for number, who in enumerate(owners):
            world.give(grant(f"role-{number}", who))
            assert (await credentials(world)).secret_key.endswith(f"/role-{number}")

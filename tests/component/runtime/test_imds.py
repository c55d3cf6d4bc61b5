"""The metadata of the node, and the region: of the settings, else the AWS configuration, else the node."""

import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from addons.runtime.errors import Unavailable
from addons.runtime.imds import InstanceMetadata, endpoint_at, find_region
from addons.runtime.settings import SettingError
from addons.sim.imds import Imds, Instance
from addons.sim.ports import free_port
from tests.support.processes import output_of


@pytest.fixture
async def imds() -> AsyncIterator[Imds]:
    async with Imds(http_tokens="required") as running:
        yield running


@pytest.fixture(autouse=True)
def unconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")


class TestMetadata:
    async def test_one_token_serves_for_many_keys(self, imds: Imds) -> None:
        async with InstanceMetadata.connect(imds.url) as metadata:
            assert await metadata.read("placement/region") == "eu-central-1"
            assert await metadata.read("instance-id") == imds.instance.instance_id
        assert [request.method for request in imds.requests] == ["PUT", "GET", "GET"]

    async def test_a_key_that_does_not_exist_is_nothing(self, imds: Imds) -> None:
        async with InstanceMetadata.connect(imds.url) as metadata:
            assert await metadata.read("placement/group-name") is None

    async def test_a_token_that_is_refused_is_replaced(self) -> None:
        moment = [datetime(2026, 11, 1, tzinfo=UTC)]
        async with Imds(now=lambda: moment[0]) as imds, InstanceMetadata.connect(imds.url) as metadata:
            await metadata.read("instance-id")
            moment[0] += timedelta(hours=6)
            with pytest.raises(Unavailable, match="answered 401"):
                await metadata.read("instance-id")
            assert await metadata.read("instance-id") == imds.instance.instance_id

    async def test_a_service_that_is_away_is_unavailable(self) -> None:
        async with InstanceMetadata.connect(f"http://127.0.0.1:{free_port()}") as metadata:
            with pytest.raises(Unavailable, match="metadata of the node"):
                await metadata.read("instance-id")

    @pytest.mark.parametrize(
        ("address", "endpoint"),
        [("169.254.169.254", "http://169.254.169.254"), ("fd00:ec2::254", "http://[fd00:ec2::254]")],
    )
    def test_its_address_may_be_of_either_family(self, address: str, endpoint: str) -> None:
        assert endpoint_at(address) == endpoint


class TestRegion:
    async def test_the_settings_come_first(self, imds: Imds) -> None:
        assert await find_region("us-east-1", endpoint=imds.url) == "us-east-1"
        assert imds.requests == []

    async def test_then_the_aws_configuration(self, imds: Imds, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        assert await find_region("", endpoint=imds.url) == "eu-west-1"
        assert imds.requests == []

    async def test_then_the_node(self, imds: Imds) -> None:
        assert await find_region("", endpoint=imds.url) == "eu-central-1"
        assert [request.target for request in imds.requests][1:] == ["/latest/meta-data/placement/region"]

    async def test_a_region_that_cannot_be_found_is_asked_of_the_user(self) -> None:
        async with Imds() as emptied:
            emptied.instance = Instance(zone="x")
            with pytest.raises(SettingError, match="the node's metadata does not have it"):
                await find_region("", endpoint=emptied.url)
        with pytest.raises(SettingError, match=r"--aws-region is required: .* metadata of the node"):
            await find_region("", endpoint=f"http://127.0.0.1:{free_port()}")

    def test_no_sdk_is_loaded_for_a_region_that_is_set(self) -> None:
        code = (
            "import asyncio, sys; from addons.runtime.imds import find_region\n"
            "assert asyncio.run(find_region('us-east-1')) == 'us-east-1'\n"
            "assert 'botocore' not in sys.modules"
        )
        output_of(sys.executable, "-c", code)

"""A session whose services differ: one is elsewhere, one can do few things alone."""

from collections.abc import AsyncIterator

import pytest

from addons.runtime.aws import AwsSession
from addons.runtime.errors import OutsideError
from addons.sim.aws.server import AwsEndpoint


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
async def everywhere() -> AsyncIterator[AwsEndpoint]:
    async with AwsEndpoint() as running:
        yield running


@pytest.fixture
async def elsewhere() -> AsyncIterator[AwsEndpoint]:
    async with AwsEndpoint() as running:
        running.ec2.network.create_vpc("10.0.0.0/16")
        yield running


async def test_a_service_with_an_endpoint_of_its_own_is_called_there(
    everywhere: AwsEndpoint, elsewhere: AwsEndpoint
) -> None:
    endpoints = {"ec2": elsewhere.url}
    async with AwsSession(region="eu-central-1", endpoint_url=everywhere.url, endpoints=endpoints) as aws:
        vpcs = (await aws.call("ec2", "describe_vpcs"))["Vpcs"]
        await aws.call("sts", "get_caller_identity")
    assert [vpc["CidrBlock"] for vpc in vpcs] == ["10.0.0.0/16"]
    assert [call.operation for call in everywhere.calls] == ["GetCallerIdentity"]
    assert [call.operation for call in elsewhere.calls] == ["DescribeVpcs"]


async def test_an_empty_endpoint_of_its_own_is_none(everywhere: AwsEndpoint) -> None:
    async with AwsSession(region="eu-central-1", endpoint_url=everywhere.url, endpoints={"sts": ""}) as aws:
        await aws.call("sts", "get_caller_identity")
    assert [call.operation for call in everywhere.calls] == ["GetCallerIdentity"]


async def test_the_operations_that_are_kept_are_called_listed_and_refused_as_ever(
    elsewhere: AwsEndpoint,
) -> None:
    operations = {"ec2": ["DescribeVpcs", "CreateTags"]}
    async with AwsSession(region="eu-central-1", endpoint_url=elsewhere.url, operations=operations) as aws:
        pages = [page async for page in aws.pages("ec2", "describe_vpcs")]
        with pytest.raises(OutsideError, match="ec2 CreateTags: "):
            await aws.call("ec2", "create_tags", Resources=["vpc-1"], Tags=[{"Key": "a", "Value": "b"}])
    assert [len(page["Vpcs"]) for page in pages] == [1]


async def test_what_is_not_kept_cannot_be_called(elsewhere: AwsEndpoint) -> None:
    operations = {"ec2": ["DescribeVpcs"]}
    async with AwsSession(region="eu-central-1", endpoint_url=elsewhere.url, operations=operations) as aws:
        with pytest.raises(AttributeError, match="describe_subnets"):
            await aws.call("ec2", "describe_subnets")
    assert elsewhere.calls == []

"""What was recorded of the original, as it lies in the simulated AWS again."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from addons.sim.aws.recording import record
from tests.support.aws import World, world
from tests.support.original import NAMES, original

OWN = "elbv2.k8s.aws/cluster"


@pytest.fixture
async def aws() -> AsyncIterator[World]:
    async with world() as running:
        yield running


def test_the_situations_are_there() -> None:
    assert NAMES == ("binding", "group", "internal", "one", "wide")


@pytest.mark.parametrize("name", NAMES)
async def test_an_account_is_put_back_whole(aws: World, name: str) -> None:
    found = original(name)
    found.put_into(aws.endpoint)
    assert record(aws.endpoint) == found.account
    told = (await aws.call("elbv2", "describe_load_balancers"))["LoadBalancers"]
    names = {each["DNSName"] for each in told}
    published: set[Any] = {
        item["status"]["loadBalancer"]["ingress"][0]["hostname"] for item in found.of_kind("Ingress")
    }
    assert published <= names
    assert all(each["State"]["Code"] == "active" for each in told)


@pytest.mark.parametrize("name", NAMES)
async def test_every_target_is_healthy_and_every_binding_has_its_group(aws: World, name: str) -> None:
    found = original(name)
    found.put_into(aws.endpoint)
    bound = {each["spec"]["targetGroupARN"] for each in found.of_kind("TargetGroupBinding")}
    groups = aws.endpoint.elbv2.account.target_groups.values()
    assert bound == {group.arn for group in groups}
    for arn in bound:
        told = await aws.call("elbv2", "describe_target_health", TargetGroupArn=arn)
        states = [each["TargetHealth"]["State"] for each in told["TargetHealthDescriptions"]]
        assert states == ["healthy", "healthy"]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "binding"])
async def test_what_the_original_made_is_found_by_its_tags(aws: World, name: str) -> None:
    found = original(name)
    found.put_into(aws.endpoint)
    wanted = [{"Key": OWN, "Values": [found.cluster]}]
    reply = await aws.call(
        "resourcegroupstaggingapi", "get_resources", TagFilters=wanted, ResourcesPerPage=100
    )
    arns = [each["ResourceARN"] for each in reply["ResourceTagMappingList"]]
    elb = aws.endpoint.elbv2.account
    made = [
        *(each.arn for each in elb.load_balancers.values()),
        *(each.arn for each in elb.listeners.values()),
        *(each.arn for each in elb.target_groups.values()),
        *(each.arn for each in elb.rules.values() if not each.is_default),
    ]
    assert set(made) <= set(arns)


@pytest.mark.parametrize(
    ("name", "changes"), [("one", []), ("internal", []), ("wide", []), ("group", ["ModifyRule"])]
)
def test_a_second_look_of_the_original_changed_only_what_it_always_does(
    name: str, changes: list[str]
) -> None:
    """It writes OIDC rules anew each time, since AWS never tells their secret; nothing else differed."""
    assert list(original(name).second_look["changes"]) == changes

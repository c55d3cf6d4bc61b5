"""The simulated Resource Groups Tagging API: everything that has tags, in pages."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from addons.sim.aws.errors import Refusal
from addons.sim.aws.tagging.api import USUAL_RATE_LIMITS, TaggingApi
from tests.support.elbv2 import ElbWorld, Item, elb_world

CLUSTER = [{"Key": "cluster", "Value": "one"}]


@pytest.fixture
async def world() -> AsyncIterator[ElbWorld]:
    async with elb_world() as running:
        yield running


async def found(world: ElbWorld, **arguments: Any) -> list[str]:
    """Give the ARNs that a call shows, from `arn:aws:elasticloadbalancing:…:` on."""
    reply = await world.world.aws.call("resourcegroupstaggingapi", "get_resources", **arguments)
    return [each["ResourceARN"].split(":", 5)[5] for each in reply["ResourceTagMappingList"]]


async def refusal(world: ElbWorld, **arguments: Any) -> str:
    aws = world.world.aws
    return (await aws.refusal("resourcegroupstaggingapi", "get_resources", **arguments))[0]


async def everything(world: ElbWorld, tags: list[Item]) -> None:
    """Make one of each kind of resource."""
    listener = await world.listener(await world.balancer(Tags=tags), Tags=tags)
    rule = await world.rule(listener, 1)
    await world.call("add_tags", ResourceArns=[rule], Tags=tags)
    await world.group(Tags=tags)
    specified = [{"ResourceType": "security-group", "Tags": tags}]
    about = {"GroupName": "alb", "Description": "x", "VpcId": world.vpc_id, "TagSpecifications": specified}
    await world.world.call("create_security_group", **about)


class TestTypes:
    """A type is how the ARN goes on after the service."""

    @pytest.mark.parametrize(
        ("types", "kinds"),
        [
            (["elasticloadbalancing:loadbalancer"], ["loadbalancer"]),
            (["elasticloadbalancing:loadbalancer/app"], ["loadbalancer"]),
            (["elasticloadbalancing:loadbalancer/net"], []),
            (["elasticloadbalancing:listener"], ["listener"]),
            (["elasticloadbalancing:listener-rule/app"], ["listener-rule"]),
            (["elasticloadbalancing:targetgroup", "ec2:security-group"], ["security-group", "targetgroup"]),
            (["elasticloadbalancing"], ["listener", "listener-rule", "loadbalancer", "targetgroup"]),
            ([], ["listener", "listener-rule", "loadbalancer", "security-group", "targetgroup"]),
        ],
    )
    async def test_types_narrow_what_is_shown(
        self, world: ElbWorld, types: list[str], kinds: list[str]
    ) -> None:
        await everything(world, CLUSTER)
        shown = await found(world, ResourceTypeFilters=types, TagFilters=[{"Key": "cluster"}])
        assert sorted(arn.partition("/")[0] for arn in shown) == kinds


class TestTags:
    """All filters must be met, each by one of its values."""

    async def test_filters_narrow_what_is_shown(self, world: ElbWorld) -> None:
        for name, values in (("a", "12"), ("b", "13"), ("c", "22")):
            tags = [{"Key": key, "Value": value} for key, value in zip("xy", values, strict=True)]
            await world.group(name, Tags=tags)
        await world.group("d")

        async def names(*filters: Item) -> list[str]:
            return [arn.split("/")[1] for arn in await found(world, TagFilters=list(filters))]

        assert await names() == ["a", "b", "c"]
        assert await names({"Key": "x", "Values": ["1"]}) == ["a", "b"]
        assert await names({"Key": "x", "Values": ["1", "2"]}, {"Key": "y", "Values": ["2"]}) == ["a", "c"]
        assert await names({"Key": "z"}) == []

    async def test_certain_resources_are_asked_for_alone(self, world: ElbWorld) -> None:
        tagged, bare = await world.group("a", Tags=CLUSTER), await world.group("b")
        assert len(await found(world, ResourceARNList=[tagged, bare])) == 1
        wrong = {"ResourceARNList": [tagged], "TagFilters": [{"Key": "x"}]}
        assert await refusal(world, **wrong) == "InvalidParameterException"

    async def test_what_is_gone_is_shown_for_a_while(self, world: ElbWorld) -> None:
        world.world.aws.endpoint.tagging.knobs.lag_seconds = 5
        arn = await world.group(Tags=CLUSTER)
        assert await found(world) == []
        world.clock.pass_by(5)
        assert len(await found(world)) == 1
        await world.call("delete_target_group", TargetGroupArn=arn)
        assert len(await found(world)) == 1
        world.clock.pass_by(5)
        assert await found(world) == []


class TestPages:
    """A page has 50 resources, or up to 100 on request."""

    async def test_pages_hold_all_resources(self, world: ElbWorld) -> None:
        for number in range(7):
            await world.group(f"g{number}", Tags=CLUSTER)
        shown, token = [], ""
        for _ in range(3):
            reply = await world.world.aws.call(
                "resourcegroupstaggingapi", "get_resources", ResourcesPerPage=3, PaginationToken=token
            )
            token = reply["PaginationToken"]
            shown += [each["ResourceARN"] for each in reply["ResourceTagMappingList"]]
        assert (len(set(shown)), token) == (7, "")

    @pytest.mark.parametrize("size", [0, 101])
    async def test_pages_have_bounds(self, world: ElbWorld, size: int) -> None:
        assert await refusal(world, ResourcesPerPage=size) == "InvalidParameterException"

    async def test_a_token_of_somebody_else_is_none(self, world: ElbWorld) -> None:
        assert await refusal(world, PaginationToken="?") == "PaginationTokenExpiredException"

    async def test_many_calls_at_once_are_too_many(self, world: ElbWorld) -> None:
        tagging = world.world.aws.endpoint.tagging
        tagging.knobs.rate_limits = dict(USUAL_RATE_LIMITS)
        api = TaggingApi(tagging, monotonic=lambda: 0.0)
        for _ in range(15):
            await api.answer("GetResources", b"{}")
        with pytest.raises(Refusal, match="ThrottledException"):
            await api.answer("GetResources", b"{}")

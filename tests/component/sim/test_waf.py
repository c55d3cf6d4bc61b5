"""Web ACLs of the simulated WAFv2 before load balancers."""

from collections.abc import AsyncIterator

import pytest

from tests.support.elbv2 import ElbWorld, elb_world


@pytest.fixture
async def world() -> AsyncIterator[ElbWorld]:
    async with elb_world() as running:
        yield running


async def test_a_web_acl_comes_changes_and_goes(world: ElbWorld) -> None:
    aws, arn = world.world.aws, await world.balancer()
    first, second = (aws.endpoint.waf.create(name) for name in "ab")

    async def protector() -> str | None:
        reply = await aws.call("wafv2", "get_web_acl_for_resource", ResourceArn=arn)
        return str(reply["WebACL"]["Name"]) if "WebACL" in reply else None

    assert await protector() is None
    for acl in (first, second):
        await aws.call("wafv2", "associate_web_acl", ResourceArn=arn, WebACLArn=acl.arn)
        assert await protector() == acl.name
    await aws.call("wafv2", "disassociate_web_acl", ResourceArn=arn)
    assert await protector() is None


async def test_what_does_not_exist_is_refused(world: ElbWorld) -> None:
    aws, arn = world.world.aws, await world.balancer()
    acl = aws.endpoint.waf.create("a").arn
    for resource, which in ((arn, f"{acl}x"), (f"{arn}x", acl)):
        refusal = await aws.refusal("wafv2", "associate_web_acl", ResourceArn=resource, WebACLArn=which)
        assert refusal[0] == "WAFNonexistentItemException"


async def test_a_load_balancer_that_is_gone_is_protected_no_more(world: ElbWorld) -> None:
    aws, arn = world.world.aws, await world.balancer()
    acl = aws.endpoint.waf.create("a").arn
    await aws.call("wafv2", "associate_web_acl", ResourceArn=arn, WebACLArn=acl)
    await world.call("delete_load_balancer", LoadBalancerArn=arn)
    refusal = await aws.refusal("wafv2", "get_web_acl_for_resource", ResourceArn=arn)
    assert refusal[0] == "WAFNonexistentItemException"
    listed = await aws.call("wafv2", "list_web_acls", Scope="REGIONAL")
    assert [each["Name"] for each in listed["WebACLs"]] == ["a"]

"""Security groups of the simulated EC2: rules, limits, and what holds a group."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.elbv2 import ElbWorld, Item, elb_world


def web(*cidrs: str, port: int = 80, description: str = "d") -> Item:
    """Give a permission for a port."""
    ranges = [{"CidrIp": cidr, "Description": description} for cidr in cidrs if "." in cidr]
    ranges6 = [{"CidrIpv6": cidr, "Description": description} for cidr in cidrs if ":" in cidr]
    return {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "IpRanges": ranges,
        "Ipv6Ranges": ranges6,
    }


class Groups:
    """A VPC, and a security group in it."""

    def __init__(self, world: ElbWorld) -> None:
        self.world = world
        self.network = world.world.ec2.network
        self.group = self.create("g")

    def create(self, name: str) -> str:
        return self.network.create_security_group(self.world.vpc_id, name).id

    async def call(self, operation: str, *permissions: Item, group: str = "") -> None:
        about = {"GroupId": group or self.group, "IpPermissions": list(permissions)}
        await self.world.world.call(operation, **about)

    async def authorize(self, *permissions: Item, group: str = "") -> None:
        await self.call("authorize_security_group_ingress", *permissions, group=group)

    async def refused(self, operation: str, *permissions: Item) -> str:
        about: dict[str, Any] = {"GroupId": self.group}
        if permissions:
            about["IpPermissions"] = list(permissions)
        return (await self.world.world.refusal(operation, **about))[0]

    async def told(self, **filters: str) -> list[Item]:
        named = [
            {"Name": name.replace("__", ".").replace("_", "-"), "Values": [value]}
            for name, value in filters.items()
        ]
        chosen: dict[str, Any] = {"Filters": named} if named else {"GroupIds": [self.group]}
        reply = await self.world.world.call("describe_security_groups", **chosen)
        return list(reply["SecurityGroups"])

    async def permissions(self) -> list[Item]:
        (group,) = await self.told()
        return list(group["IpPermissions"])


@pytest.fixture
async def groups() -> AsyncIterator[Groups]:
    async with elb_world() as running:
        yield Groups(running)


class TestRules:
    """Rules are added all or none, told, and revoked by what they permit."""

    async def test_rules_come_and_go(self, groups: Groups) -> None:
        await groups.authorize(web("10.0.0.0/8"))
        both = web("10.1.0.0/16", "10.0.0.0/8")
        assert await groups.refused("authorize_security_group_ingress", both) == "InvalidPermission.Duplicate"
        (told,) = await groups.permissions()
        assert told["IpRanges"] == [{"CidrIp": "10.0.0.0/8", "Description": "d"}]
        await groups.call("revoke_security_group_ingress", web("10.0.0.0/8"))
        assert await groups.permissions() == []
        refusal = await groups.refused("revoke_security_group_ingress", web("10.0.0.0/8"))
        assert refusal == "InvalidPermission.NotFound"

    async def test_a_rule_with_another_description_is_the_same_rule(self, groups: Groups) -> None:
        await groups.authorize(web("10.0.0.0/8", description="mine"))
        again = web("10.0.0.0/8", description="yours")
        assert (
            await groups.refused("authorize_security_group_ingress", again) == "InvalidPermission.Duplicate"
        )
        await groups.call("update_security_group_rule_descriptions_ingress", again)
        (told,) = await groups.permissions()
        assert told["IpRanges"] == [{"CidrIp": "10.0.0.0/8", "Description": "yours"}]

    async def test_a_rule_is_given_once_in_a_call(self, groups: Groups) -> None:
        twice = web("10.0.0.0/8", "10.0.0.0/8")
        assert await groups.refused("authorize_security_group_ingress", twice) == "InvalidParameterValue"

    async def test_prefix_lists_and_groups_are_sources_too(self, groups: Groups) -> None:
        list_id, other = groups.network.create_prefix_list(), groups.create("other")
        sources = {
            "PrefixListIds": [{"PrefixListId": list_id, "Description": "l"}],
            "UserIdGroupPairs": [{"GroupId": other, "Description": "o"}],
        }
        await groups.authorize({"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, **sources})
        (told,) = await groups.permissions()
        assert told["PrefixListIds"] == sources["PrefixListIds"]
        assert [each["GroupId"] for each in told["UserIdGroupPairs"]] == [other]
        absent = {**web(), "PrefixListIds": [{"PrefixListId": "pl-0"}]}
        refusal = await groups.refused("authorize_security_group_ingress", absent)
        assert refusal == "InvalidPrefixListID.NotFound"


class TestLimits:
    """60 rules for each family of addresses; a prefix list counts for as many as it may have."""

    async def test_sixty_rules_are_the_most(self, groups: Groups) -> None:
        await groups.authorize(*(web("10.0.0.0/8", port=port) for port in range(1, 61)))
        await groups.authorize(*(web("fd00::/8", port=port) for port in range(1, 61)))
        for one_more in (web("10.1.0.0/16"), web("fd01::/16")):
            refusal = await groups.refused("authorize_security_group_ingress", one_more)
            assert refusal == "RulesPerSecurityGroupLimitExceeded"

    async def test_a_prefix_list_counts_for_all_that_it_may_have(self, groups: Groups) -> None:
        await groups.authorize(*(web("10.0.0.0/8", port=port) for port in range(1, 52)))
        lists = [{"PrefixListId": groups.network.create_prefix_list(size)} for size in (10, 9)]
        wanted = [{**web(), "PrefixListIds": [each]} for each in lists]
        refusal = await groups.refused("authorize_security_group_ingress", wanted[0])
        assert refusal == "RulesPerSecurityGroupLimitExceeded"
        await groups.authorize(wanted[1])


class TestUse:
    """A group that something names stays."""

    async def test_a_group_that_another_one_names_stays(self, groups: Groups) -> None:
        other = groups.create("other")
        pair = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": groups.group}]}
        await groups.authorize(pair, group=other)
        assert await groups.refused("delete_security_group") == "DependencyViolation"
        await groups.call("revoke_security_group_ingress", pair, group=other)
        await groups.world.world.call("delete_security_group", GroupId=groups.group)

    async def test_a_group_that_names_itself_may_go(self, groups: Groups) -> None:
        await groups.authorize({"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": groups.group}]})
        await groups.world.world.call("delete_security_group", GroupId=groups.group)

    async def test_a_group_of_a_load_balancer_stays_until_its_interfaces_are_gone(
        self, groups: Groups
    ) -> None:
        world = groups.world
        world.elb.knobs.release_seconds = 30
        arn = await world.balancer(SecurityGroups=[groups.group])
        assert await groups.refused("delete_security_group") == "DependencyViolation"
        await world.call("delete_load_balancer", LoadBalancerArn=arn)
        assert len(await world.world.found(group_id=groups.group)) == 2
        assert await groups.refused("delete_security_group") == "DependencyViolation"
        world.clock.pass_by(30)
        assert await world.world.found(group_id=groups.group) == []
        await world.world.call("delete_security_group", GroupId=groups.group)


class TestFilters:
    """Groups are found by name, tag and what they permit."""

    async def test_groups_are_found_by_what_they_have(self, groups: Groups) -> None:
        await groups.authorize(web("10.0.0.0/8", port=8080))
        tags = [{"Key": "elbv2.k8s.aws/cluster", "Value": "one"}]
        await groups.world.world.call("create_tags", Resources=[groups.group], Tags=tags)
        for filters in (
            {"group_name": "g"},
            {"ip_permission__cidr": "10.0.0.0/8"},
            {"ip_permission__from_port": "8080"},
            {"tag:elbv2.k8s.aws/cluster": "one"},
        ):
            assert [each["GroupId"] for each in await groups.told(**filters)] == [groups.group]
        assert await groups.told(group_name="h") == []

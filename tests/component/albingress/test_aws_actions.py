"""Every action of a plan: what AWS has afterwards, what is remembered, and what is refused at the door."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from addons.albingress.model.actions import (
    AssociateWebAcl,
    AuthorizeIngress,
    AwsAction,
    CreateLoadBalancer,
    CreateRule,
    CreateSecurityGroup,
    CreateTargetGroup,
    DeleteListener,
    DeleteLoadBalancer,
    DeleteRule,
    DeleteSecurityGroup,
    DeleteTargetGroup,
    ModifyLoadBalancerAttributes,
    ModifyTargetGroup,
    ModifyTargetGroupAttributes,
    RemoveTags,
    RevokeIngress,
    SetIpAddressType,
    SetRulePriorities,
    SetSecurityGroups,
    SetSubnets,
    SetTags,
)
from addons.albingress.model.groups import GroupId
from addons.albingress.model.stack import HealthCheck, Permission
from addons.albingress.names import SHARED_RULE_DESCRIPTION, TAG_CLUSTER, WAITING
from addons.runtime.outcomes import Outcome, Skip
from addons.sim.aws.ec2.operations.groups import authorize_ingress
from tests.support.alb_aws import OWNER, SHOP, AlbDaemon, AlbSite, Wish, alb_site, pairs
from tests.support.alb_seen import COMMON, balancer, group, rules, seen

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def site() -> AsyncIterator[AlbSite]:
    async with alb_site() as running:
        yield running


@pytest.fixture
async def daemon(site: AlbSite) -> AsyncIterator[AlbDaemon]:
    """A daemon with a group that is there."""
    async with site.daemon() as running:
        await running.settle(site.wish())
        yield running


class TestLoadBalancers:
    async def test_attributes(self, daemon: AlbDaemon) -> None:
        wanted = pairs(idle_timeout__timeout_seconds="30")
        await daemon.do(ModifyLoadBalancerAttributes(load_balancer="k8s-shop", attributes=wanted, **COMMON))
        assert dict(wanted).items() <= dict((await balancer(daemon)).attributes or ()).items()

    async def test_subnets_and_address_families(self, site: AlbSite, daemon: AlbDaemon) -> None:
        third = site.endpoint.ec2.network.create_subnet(site.vpc_id, "10.0.9.0/24", zone="eu-central-1c").id
        subnets = tuple(sorted((*site.subnets, third)))
        await daemon.do(SetSubnets(load_balancer="k8s-shop", subnets=subnets, **COMMON))
        assert (await balancer(daemon)).subnets == subnets
        (refused,) = await daemon.apply(
            [SetIpAddressType(load_balancer="k8s-shop", ip_address_type="no", **COMMON)]
        )
        assert isinstance(refused, Outcome)
        assert (await balancer(daemon)).ip_address_type == "ipv4"

    async def test_security_groups_by_name_and_id(self, site: AlbSite, daemon: AlbDaemon) -> None:
        other = site.endpoint.ec2.network.create_security_group(site.vpc_id, "other").id
        await daemon.do(
            SetSecurityGroups(load_balancer="k8s-shop", security_groups=("k8s-shop", other), **COMMON)
        )
        (own,) = (await seen(daemon)).security_groups
        assert (await balancer(daemon)).security_groups == (own.id, other)

    async def test_a_web_acl_before_it_and_none(self, site: AlbSite, daemon: AlbDaemon) -> None:
        acl = site.endpoint.waf.create("wall").arn
        assert (await daemon.balancers.read_more(SHOP, web_acl=True)).load_balancers[0].web_acl == ""
        await daemon.do(AssociateWebAcl(load_balancer="k8s-shop", acl=acl, **COMMON))
        assert (await balancer(daemon)).web_acl == acl
        await daemon.do(AssociateWebAcl(load_balancer="k8s-shop", acl="", **COMMON))
        assert (await balancer(daemon)).web_acl == ""

    async def test_one_that_is_protected_stays(self, site: AlbSite, daemon: AlbDaemon) -> None:
        protect = pairs(deletion_protection__enabled="true")
        there = await balancer(daemon)
        await daemon.do(ModifyLoadBalancerAttributes(load_balancer="k8s-shop", attributes=protect, **COMMON))
        delete = DeleteLoadBalancer(arn=there.arn, name=there.name, **COMMON)
        assert await daemon.error(delete) == ("Denied", "OperationNotPermitted")
        assert "load balancer k8s-shop" in site.things()


class TestTargetGroups:
    async def test_health_checks(self, site: AlbSite, daemon: AlbDaemon) -> None:
        health = HealthCheck(protocol="HTTP", path="/ready", matcher="200-299", interval=30, timeout=6)
        wanted = replace(site.wish().target_group("web"), health=health)
        await daemon.do(ModifyTargetGroup(target_group=wanted, **COMMON))
        assert (await group(daemon)).health == health

    async def test_attributes(self, daemon: AlbDaemon) -> None:
        wanted = pairs(stickiness__enabled="true")
        name = (await group(daemon)).name
        await daemon.do(ModifyTargetGroupAttributes(target_group=name, attributes=wanted, **COMMON))
        assert dict(wanted).items() <= dict((await group(daemon)).attributes or ()).items()

    async def test_one_in_use_stays_and_is_told(self, daemon: AlbDaemon) -> None:
        delete = DeleteTargetGroup(arn=(await group(daemon)).arn, **COMMON)
        assert await daemon.error(delete) == ("Conflict", "ResourceInUse")
        assert len((await seen(daemon)).target_groups) == 2

    async def test_those_that_nothing_uses_are_asked_about_together(
        self, site: AlbSite, daemon: AlbDaemon
    ) -> None:
        more = site.wish("n1", "n2", "n3", "n4")
        for name in more.services:
            await daemon.do(CreateTargetGroup(target_group=more.target_group(name), **COMMON))
        site.calls()
        arns = [each.arn for each in (await seen(daemon)).target_groups if each.name[-2] == "n"]
        site.calls()
        await daemon.do(*(DeleteTargetGroup(arn=arn, **{**COMMON, "key": arn}) for arn in arns))
        assert site.calls() == ["DescribeTags", *["DeleteTargetGroup"] * 4]


class TestSecurityGroups:
    async def test_sources_come_and_go(self, daemon: AlbDaemon) -> None:
        new = Permission(443, 443, cidr="10.0.0.0/8", description="office")
        old = Permission(80, 80, cidr="0.0.0.0/0")
        await daemon.do(AuthorizeIngress(group="k8s-shop", permissions=(new, old), **COMMON))
        assert (await seen(daemon)).security_groups[0].permissions == (old, new)
        absent = Permission(81, 81, cidr="0.0.0.0/0")
        await daemon.do(RevokeIngress(group="k8s-shop", permissions=(old, absent), **COMMON))
        assert (await seen(daemon)).security_groups[0].permissions == (new,)

    async def test_one_in_use_stays_and_is_told(self, daemon: AlbDaemon) -> None:
        (there,) = (await seen(daemon)).security_groups
        (found,) = await daemon.apply([DeleteSecurityGroup(id=there.id, **COMMON)])
        assert isinstance(found, Skip)
        assert found.reason == WAITING
        assert (await seen(daemon)).security_groups == (there,)

    async def test_one_goes_with_the_rules_of_ours_that_let_it_in(
        self, site: AlbSite, daemon: AlbDaemon
    ) -> None:
        nodes, shared = nodes_of(site)
        await remove_balancer(daemon)
        await daemon.do(DeleteSecurityGroup(id=shared, **COMMON))
        assert rules_in(site, nodes) == [("10.0.0.0/8", "of somebody else")]
        assert shared not in site.endpoint.ec2.account.security_groups

    async def test_one_that_an_interface_still_has_stays_and_is_let_in_as_before(
        self, site: AlbSite, daemon: AlbDaemon
    ) -> None:
        nodes, shared = nodes_of(site)
        site.endpoint.ec2.instances.launch("m5.large", site.subnets[0], groups=(shared,))
        await remove_balancer(daemon)
        (found,) = await daemon.apply([DeleteSecurityGroup(id=shared, **COMMON)])
        assert isinstance(found, Skip)
        assert found.reason == WAITING
        assert (shared, SHARED_RULE_DESCRIPTION) in rules_in(site, nodes)


def nodes_of(site: AlbSite) -> tuple[str, str]:
    """Have a security group of nodes that lets in the shared one, and others; give both ids."""
    ec2 = site.endpoint.ec2
    shared = next(each.id for each in ec2.account.security_groups.values() if "traffic" in each.name)
    nodes = ec2.network.create_security_group(site.vpc_id, "nodes").id
    pair = {"GroupId": shared, "Description": SHARED_RULE_DESCRIPTION}
    network = {"CidrIp": "10.0.0.0/8", "Description": "of somebody else"}
    ports = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080}
    permission = {**ports, "UserIdGroupPairs": [pair], "IpRanges": [network]}
    authorize_ingress(ec2, {"GroupId": nodes, "IpPermissions": [permission]})
    return nodes, shared


def rules_in(site: AlbSite, group: str) -> list[tuple[str, str]]:
    """Source and description of the rules of a security group."""
    rules = site.endpoint.ec2.account.security_groups[group].rules
    return sorted((each.source, each.description) for each in rules)


async def remove_balancer(daemon: AlbDaemon) -> None:
    """Have the load balancer be gone."""
    there = await balancer(daemon)
    await daemon.do(DeleteLoadBalancer(arn=there.arn, name=there.name, **COMMON))


class TestTags:
    async def test_they_come_and_go(self, daemon: AlbDaemon) -> None:
        stack = await seen(daemon)
        arns = [stack.load_balancers[0].arn, (await rules(daemon))[0].arn, stack.security_groups[0].id]
        for arn in arns:
            await daemon.do(SetTags(arn=arn, tags=(("team", "web"),), **COMMON))
        assert ("team", "web") in (await balancer(daemon)).tags
        assert ("team", "web") in (await rules(daemon))[0].tags
        for arn in arns:
            await daemon.do(RemoveTags(arn=arn, keys=("team",), **COMMON))
        assert await seen(daemon) == stack

    async def test_those_by_which_we_know_what_is_ours_stay(self, daemon: AlbDaemon) -> None:
        remove = RemoveTags(arn=(await balancer(daemon)).arn, keys=(TAG_CLUSTER,), **COMMON)
        assert await daemon.error(remove) == ("Invalid", "TagOfOurs")


class TestOwnership:
    """Nothing is changed, adopted or removed that lacks the tags of the cluster and the group."""

    async def test_of_another_group_nothing_is_changed(self, site: AlbSite, daemon: AlbDaemon) -> None:
        stack, before = await seen(daemon), site.things()
        there = stack.load_balancers[0]
        actions: list[AwsAction] = [
            DeleteLoadBalancer(arn=there.arn, name=there.name, **COMMON),
            DeleteTargetGroup(arn=stack.target_groups[0].arn, **COMMON),
            DeleteSecurityGroup(id=stack.security_groups[0].id, **COMMON),
            DeleteListener(arn=there.listeners[0].arn, listener="k8s-shop:80", **COMMON),
            DeleteRule(listener="k8s-shop:80", existing=there.listeners[0].rules[0], **COMMON),
            SetSubnets(load_balancer="k8s-shop", subnets=(), **COMMON),
            RevokeIngress(group="k8s-shop", permissions=(Permission(80, 80, cidr="0.0.0.0/0"),), **COMMON),
            SetTags(arn=there.arn, tags=(("a", "b"),), **COMMON),
            SetRulePriorities(
                listener="k8s-shop:80", priorities={there.listeners[0].rules[0].arn: 5}, **COMMON
            ),
        ]
        site.calls()
        results = await daemon.apply(
            [replace(each, key=str(number)) for number, each in enumerate(actions)], GroupId("other")
        )
        codes = [result.error.code for result in results if isinstance(result, Outcome) and result.error]
        assert codes == ["NotOurs"] * len(actions)
        assert site.changes() == []
        assert site.things() == before

    async def test_what_lost_its_tags_meanwhile_is_not_removed(
        self, site: AlbSite, daemon: AlbDaemon
    ) -> None:
        there = await balancer(daemon)
        await daemon.aws.call(
            "elbv2", "remove_tags", permit=daemon.permit, ResourceArns=[there.arn], TagKeys=[TAG_CLUSTER]
        )
        delete = DeleteLoadBalancer(arn=there.arn, name=there.name, **COMMON)
        assert await daemon.error(delete) == ("Invalid", "NotOurs")
        assert "load balancer k8s-shop" in site.things()

    @pytest.mark.parametrize("kind", ["security group", "target group", "load balancer"])
    async def test_a_name_that_somebody_elses_has_is_taken(self, site: AlbSite, kind: str) -> None:
        wish = site.wish()
        async with site.daemon() as other:
            stranger = Wish(site.subnets, group=GroupId("shop"))
            await other.settle(stranger)
            stack = await other.balancers.observe(SHOP)
            arns = [stack.load_balancers[0].arn, *(each.arn for each in stack.target_groups)]
            await other.aws.call(
                "elbv2", "remove_tags", permit=other.permit, ResourceArns=arns, TagKeys=[TAG_CLUSTER]
            )
            ids = [stack.security_groups[0].id]
            await other.aws.call(
                "ec2", "delete_tags", permit=other.permit, Resources=ids, Tags=[{"Key": TAG_CLUSTER}]
            )
        async with site.daemon() as daemon:
            await daemon.balancers.observe(SHOP)
            create: dict[str, AwsAction] = {
                "security group": CreateSecurityGroup(group=wish.security_group, **COMMON),
                "target group": CreateTargetGroup(target_group=wish.target_group("web"), **COMMON),
                "load balancer": CreateLoadBalancer(
                    load_balancer=wish.load_balancer, security_groups=(ids[0],), **COMMON
                ),
            }
            assert await daemon.error(create[kind]) == ("AlreadyExists", "NameTaken")


class TestRefusals:
    async def test_a_quota_is_told_as_such(self, site: AlbSite, daemon: AlbDaemon) -> None:
        site.account.quotas["rules-per-application-load-balancer"] = 2
        create = CreateRule(listener="k8s-shop:80", priority=30, rule=site.wish().rule("web"), **COMMON)
        assert await daemon.error(create) == ("Exhausted", "TooManyRules")

    async def test_one_that_fails_holds_up_only_those_that_need_it(
        self, site: AlbSite, daemon: AlbDaemon
    ) -> None:
        wish = site.wish("web", "api", "one", "two")
        bad = replace(
            wish.target_group("one"), health=HealthCheck(protocol="HTTP", path="nowhere", matcher="200")
        )

        def rule(name: str, priority: int) -> CreateRule:
            return CreateRule(
                key=f"rule {name}",
                ref=OWNER.ref,
                because="asked for",
                needs=(f"group {name}",),
                listener="k8s-shop:80",
                priority=priority,
                rule=wish.rule(name),
            )

        results = await daemon.apply(
            [
                CreateTargetGroup(target_group=bad, **{**COMMON, "key": "group one"}),
                CreateTargetGroup(target_group=wish.target_group("two"), **{**COMMON, "key": "group two"}),
                rule("one", 30),
                rule("two", 40),
            ]
        )
        failed, made, waits, ruled = results
        assert isinstance(failed, Outcome)
        assert type(failed.error).__name__ == "Invalid"
        assert isinstance(waits, Skip)
        assert waits.message == "waits for group one"
        assert all(isinstance(each, Outcome) and each.ok for each in (made, ruled))
        assert [each.priority for each in await rules(daemon)] == [10, 20, 40]

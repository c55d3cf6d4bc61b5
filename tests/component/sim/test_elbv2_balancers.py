"""Load balancers and listeners of the simulated ELBv2, their interfaces, certificates, tags and names."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from addons.sim.aws.elbv2.account import USUAL_RATE_LIMITS
from addons.sim.aws.elbv2.api import Elbv2Api
from addons.sim.aws.elbv2.errors import ElbError
from tests.support.elbv2 import ElbWorld, elb_world, fixed


@pytest.fixture
async def world() -> AsyncIterator[ElbWorld]:
    async with elb_world() as running:
        yield running


async def secure(world: ElbWorld, *names: str) -> tuple[str, list[dict[str, str]]]:
    """Make an HTTPS listener with the first name's certificate; give its ARN and all certificates."""
    items = [{"CertificateArn": world.acm.issue(name).arn} for name in names]
    balancer = await world.balancer()
    return await world.listener(balancer, Protocol="HTTPS", Certificates=items[:1]), items


class TestLoadBalancers:
    """A load balancer has an interface in each of its zones, and a name."""

    async def test_it_is_active_after_a_while(self, world: ElbWorld) -> None:
        world.elb.knobs.provision_seconds = 60
        await world.balancer()
        states = []
        for _ in range(2):
            (found,) = (await world.call("describe_load_balancers"))["LoadBalancers"]
            states.append(found["State"]["Code"])
            world.clock.pass_by(60)
        assert states == ["provisioning", "active"]

    async def test_its_interfaces_come_and_go_with_it(self, world: ElbWorld) -> None:
        arn = await world.balancer()
        assert len(await world.world.found(requester_id="amazon-elb")) == 2
        (addresses,) = world.elb.addresses().values()
        assert len(addresses) == 2
        await world.call("delete_load_balancer", LoadBalancerArn=arn)
        assert await world.world.found(requester_id="amazon-elb") == []

    async def test_the_same_again_is_the_one_that_is_there(self, world: ElbWorld) -> None:
        assert await world.balancer() == await world.balancer()
        wanted = {"Name": "web", "Subnets": world.subnets, "Scheme": "internal"}
        refusal = await world.refusal("create_load_balancer", **wanted)
        assert refusal[0] == "DuplicateLoadBalancerName"

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"Name": "x" * 33}, "ValidationError"),
            ({"Subnets": ["subnet-1"]}, "SubnetNotFound"),
            ({"SecurityGroups": ["sg-1"]}, "InvalidSecurityGroup"),
            ({"Scheme": "public"}, "ValidationError"),
        ],
    )
    async def test_a_wrong_wish_is_refused(self, world: ElbWorld, change: dict[str, Any], code: str) -> None:
        wanted = {"Name": "web", "Subnets": world.subnets, **change}
        assert (await world.refusal("create_load_balancer", **wanted))[0] == code

    async def test_one_zone_is_not_enough(self, world: ElbWorld) -> None:
        wanted = {"Name": "web", "Subnets": world.subnets[:1]}
        code, message = await world.refusal("create_load_balancer", **wanted)
        assert (code, "two different Availability Zones" in message) == ("ValidationError", True)

    async def test_both_families_need_subnets_with_both(self, world: ElbWorld) -> None:
        arn = await world.balancer()
        wanted = {"Name": "both", "Subnets": world.subnets, "IpAddressType": "dualstack"}
        code, message = await world.refusal("create_load_balancer", **wanted)
        assert (code, "IPv6 CIDR block" in message) == ("ValidationError", True)
        refusal = await world.refusal("set_ip_address_type", LoadBalancerArn=arn, IpAddressType="dualstack")
        assert refusal[0] == "ValidationError"
        network = world.world.ec2.network
        vpc = network.create_vpc("10.9.0.0/16", ipv6_cidr="2001:db8::/56")
        wanted["Subnets"] = [
            network.create_subnet(
                vpc.id,
                f"10.9.{number}.0/24",
                zone=f"eu-central-1{zone}",
                ipv6_cidr=f"2001:db8:0:{number}::/64",
            ).id
            for number, zone in enumerate("ab")
        ]
        (made,) = (await world.call("create_load_balancer", **wanted))["LoadBalancers"]
        assert made["IpAddressType"] == "dualstack"

    async def test_a_protected_one_stays(self, world: ElbWorld) -> None:
        arn = await world.balancer()
        protect = [{"Key": "deletion_protection.enabled", "Value": "true"}]
        await world.call("modify_load_balancer_attributes", LoadBalancerArn=arn, Attributes=protect)
        refusal = await world.refusal("delete_load_balancer", LoadBalancerArn=arn)
        assert refusal[0] == "OperationNotPermitted"

    async def test_a_security_group_in_use_stays(self, world: ElbWorld) -> None:
        made = await world.world.call(
            "create_security_group", GroupName="alb", Description="x", VpcId=world.vpc_id
        )
        group = made["GroupId"]
        arn = await world.balancer(SecurityGroups=[group])
        assert (await world.world.refusal("delete_security_group", GroupId=group))[0] == "DependencyViolation"
        await world.call("delete_load_balancer", LoadBalancerArn=arn)
        await world.world.call("delete_security_group", GroupId=group)

    async def test_what_is_described_lags_behind(self, world: ElbWorld) -> None:
        world.elb.knobs.describe_lag_seconds = 5
        await world.balancer()
        assert (await world.call("describe_load_balancers"))["LoadBalancers"] == []
        world.clock.pass_by(5)
        assert len((await world.call("describe_load_balancers"))["LoadBalancers"]) == 1

    async def test_many_calls_at_once_are_too_many(self, world: ElbWorld) -> None:
        world.elb.knobs.rate_limits = dict(USUAL_RATE_LIMITS)
        api = Elbv2Api(world.elb, monotonic=lambda: 0.0)
        for _ in range(20):
            await api.answer("DescribeLoadBalancers", "", "1")
            await api.answer("DescribeTargetGroups", "", "1")
        with pytest.raises(ElbError, match="Throttling"):
            await api.answer("DescribeAccountLimits", "", "1")
        await api.answer("DeleteTargetGroup", "TargetGroupArn=a", "1")


class TestListeners:
    """A port is opened once, and HTTPS has a certificate."""

    async def test_a_port_is_opened_once(self, world: ElbWorld) -> None:
        balancer = await world.balancer()
        await world.listener(balancer)
        again = {"LoadBalancerArn": balancer, "Port": 80, "Protocol": "HTTP", "DefaultActions": [fixed(500)]}
        assert (await world.refusal("create_listener", **again))[0] == "DuplicateListener"

    async def test_https_needs_a_certificate_that_acm_has(self, world: ElbWorld) -> None:
        usual = {"LoadBalancerArn": await world.balancer(), "Port": 443, "DefaultActions": [fixed(404)]}
        assert (await world.refusal("create_listener", Protocol="HTTPS", **usual))[0] == "ValidationError"
        unknown = [{"CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/x"}]
        refusal = await world.refusal("create_listener", Protocol="HTTPS", Certificates=unknown, **usual)
        assert refusal[0] == "CertificateNotFound"

    async def test_certificates_for_sni_outlive_a_new_default(self, world: ElbWorld) -> None:
        listener, items = await secure(world, "a.example", "b.example", "c.example")
        await world.call("add_listener_certificates", ListenerArn=listener, Certificates=items[1:2])
        await world.call("modify_listener", ListenerArn=listener, Certificates=items[2:])
        told = await world.call("describe_listener_certificates", ListenerArn=listener)
        assert told["Certificates"] == [
            {**items[2], "IsDefault": True},
            {**items[1], "IsDefault": False},
        ]
        refusal = await world.refusal(
            "remove_listener_certificates", ListenerArn=listener, Certificates=items[2:]
        )
        assert refusal[0] == "OperationNotPermitted"

    async def test_certificates_have_a_quota(self, world: ElbWorld) -> None:
        world.elb.account.quotas["certificates-per-application-load-balancer"] = 1
        listener, items = await secure(world, "a.example", "b.example", "c.example")
        refusal = await world.refusal(
            "add_listener_certificates", ListenerArn=listener, Certificates=items[1:]
        )
        assert refusal[0] == "TooManyCertificates"


class TestTags:
    """Everything has tags of its own."""

    async def test_tags_come_and_go(self, world: ElbWorld) -> None:
        arns = [balancer := await world.balancer(), await world.listener(balancer), await world.group()]
        await world.call("add_tags", ResourceArns=arns, Tags=[{"Key": "a", "Value": "1"}])
        told = (await world.call("describe_tags", ResourceArns=arns))["TagDescriptions"]
        assert [each["Tags"] for each in told] == [[{"Key": "a", "Value": "1"}]] * 3
        await world.call("remove_tags", ResourceArns=arns[:1], TagKeys=["a", "b"])
        told = (await world.call("describe_tags", ResourceArns=arns[:1]))["TagDescriptions"]
        assert told[0]["Tags"] == []

    async def test_twenty_resources_are_the_most(self, world: ElbWorld) -> None:
        arns = [await world.balancer()] * 21
        assert (await world.refusal("describe_tags", ResourceArns=arns))[0] == "ValidationError"

    async def test_fifty_tags_are_the_most(self, world: ElbWorld) -> None:
        arns = [await world.balancer()]
        tags = [{"Key": f"key{number}", "Value": ""} for number in range(51)]
        await world.call("add_tags", ResourceArns=arns, Tags=tags[:25])
        await world.call("add_tags", ResourceArns=arns, Tags=tags[25:50])
        assert (await world.refusal("add_tags", ResourceArns=arns, Tags=tags[50:]))[0] == "TooManyTags"

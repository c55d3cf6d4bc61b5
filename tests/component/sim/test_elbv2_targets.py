"""Target groups of the simulated ELBv2, and how their targets come, drain and go."""

from collections.abc import AsyncIterator

import pytest

from tests.support.elbv2 import ElbWorld, elb_world, forward


@pytest.fixture
async def world() -> AsyncIterator[ElbWorld]:
    async with elb_world() as running:
        yield running


@pytest.fixture
async def group(world: ElbWorld) -> str:
    """A target group that a load balancer uses."""
    arn = await world.group()
    await world.listener(await world.balancer(), forward(arn))
    return arn


class TestTargets:
    """A target is an address with a port; it takes time to come and to go."""

    async def test_a_target_is_healthy_after_a_while(self, world: ElbWorld, group: str) -> None:
        world.elb.knobs.register_seconds = 6
        await world.register(group, "10.0.1.9")
        assert await world.health(group) == {("10.0.1.9", 8080): "initial Elb.RegistrationInProgress"}
        world.clock.pass_by(6)
        assert await world.health(group) == {("10.0.1.9", 8080): "healthy"}

    async def test_a_group_that_nobody_uses_says_so(self, world: ElbWorld) -> None:
        group = await world.group()
        await world.register(group, "10.0.1.9")
        assert await world.health(group) == {("10.0.1.9", 8080): "unused Target.NotInUse"}

    async def test_two_ports_of_an_address_are_two_targets(self, world: ElbWorld, group: str) -> None:
        await world.register(group, "10.0.1.9", port=80)
        await world.register(group, "10.0.1.9", port=81)
        world.elb.knobs.draining_seconds = 0
        await world.deregister(group, "10.0.1.9", port=80)
        assert await world.health(group) == {("10.0.1.9", 81): "healthy"}

    async def test_a_deregistered_target_drains_first(self, world: ElbWorld, group: str) -> None:
        await world.register(group, "10.0.1.9")
        await world.deregister(group, "10.0.1.9")
        assert await world.health(group) == {("10.0.1.9", 8080): "draining Target.DeregistrationInProgress"}
        world.clock.pass_by(300)
        assert await world.health(group) == {}

    async def test_a_draining_target_may_come_back(self, world: ElbWorld, group: str) -> None:
        await world.register(group, "10.0.1.9")
        await world.deregister(group, "10.0.1.9")
        await world.register(group, "10.0.1.9")
        world.clock.pass_by(300)
        assert await world.health(group) == {("10.0.1.9", 8080): "healthy"}

    async def test_an_unknown_target_is_not_registered(self, world: ElbWorld, group: str) -> None:
        await world.deregister(group, "10.0.1.9")
        asked = [{"Id": "10.0.1.9", "Port": 1}]
        assert await world.health(group, Targets=asked) == {("10.0.1.9", 1): "unused Target.NotRegistered"}

    @pytest.mark.parametrize(
        ("target", "code"),
        [
            ({"Id": "no ip"}, "ValidationError"),
            ({"Id": "8.8.8.8", "AvailabilityZone": "all"}, "InvalidTarget"),
            ({"Id": "192.168.1.1"}, "ValidationError"),
            ({"Id": "10.0.1.9", "Port": 0}, "ValidationError"),
        ],
    )
    async def test_a_wrong_target_spoils_the_call(
        self, world: ElbWorld, group: str, target: dict[str, str], code: str
    ) -> None:
        targets = [{"Id": "10.0.1.7"}, target]
        refusal = await world.refusal("register_targets", TargetGroupArn=group, Targets=targets)
        assert (refusal[0], await world.health(group)) == (code, {})

    async def test_an_address_outside_the_vpc_belongs_to_all_zones(self, world: ElbWorld, group: str) -> None:
        outside = {"Id": "192.168.1.1", "AvailabilityZone": "all"}
        await world.call("register_targets", TargetGroupArn=group, Targets=[outside])
        assert await world.health(group) == {("192.168.1.1", 8080): "healthy"}

    async def test_an_instance_must_run(self, world: ElbWorld) -> None:
        group = await world.group(TargetType="instance")
        instance = world.world.launch()
        await world.call("register_targets", TargetGroupArn=group, Targets=[{"Id": instance.id}])
        unknown = [{"Id": "i-0123456789abcdef0"}]
        refusal = await world.refusal("register_targets", TargetGroupArn=group, Targets=unknown)
        assert refusal[0] == "InvalidTarget"

    async def test_targets_have_a_quota(self, world: ElbWorld, group: str) -> None:
        world.elb.account.quotas["targets-per-target-group"] = 2
        await world.register(group, "10.0.1.7", "10.0.1.8")
        targets = [{"Id": "10.0.1.9"}]
        refusal = await world.refusal("register_targets", TargetGroupArn=group, Targets=targets)
        assert (refusal[0], len(await world.health(group))) == ("TooManyTargets", 2)


class TestGroups:
    """What target groups are, and when they go."""

    async def test_the_same_again_is_the_one_that_is_there(self, world: ElbWorld) -> None:
        assert await world.group() == await world.group()
        usual = {"Protocol": "HTTP", "Port": 81, "VpcId": world.vpc_id, "TargetType": "ip"}
        refusal = await world.refusal("create_target_group", Name="pods", **usual)
        assert refusal[0] == "DuplicateTargetGroupName"

    async def test_a_group_in_use_stays(self, world: ElbWorld, group: str) -> None:
        assert (await world.refusal("delete_target_group", TargetGroupArn=group))[0] == "ResourceInUse"
        (found,) = (await world.call("describe_target_groups"))["TargetGroups"]
        await world.call("delete_load_balancer", LoadBalancerArn=found["LoadBalancerArns"][0])
        await world.call("delete_target_group", TargetGroupArn=group)
        refusal = await world.refusal("describe_target_groups", TargetGroupArns=[group])
        assert refusal[0] == "TargetGroupNotFound"

    @pytest.mark.parametrize(
        "change",
        [
            {"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 5},
            {"HealthCheckPath": "healthz"},
            {"HealthCheckPort": "0"},
            {"Matcher": {"HttpCode": "600"}},
            {"Matcher": {"GrpcCode": "0"}},
            {"UnhealthyThresholdCount": 1},
        ],
    )
    async def test_a_wrong_health_check_is_refused(
        self, world: ElbWorld, group: str, change: dict[str, object]
    ) -> None:
        refusal = await world.refusal("modify_target_group", TargetGroupArn=group, **change)
        assert refusal[0] == "ValidationError"

    async def test_attributes_are_known_ones(self, world: ElbWorld, group: str) -> None:
        wrong = [{"Key": "colour", "Value": "red"}]
        refusal = await world.refusal(
            "modify_target_group_attributes", TargetGroupArn=group, Attributes=wrong
        )
        assert refusal == ("ValidationError", "Attribute key 'colour' not recognized")
        right = [{"Key": "deregistration_delay.timeout_seconds", "Value": "5"}]
        await world.call("modify_target_group_attributes", TargetGroupArn=group, Attributes=right)
        told = await world.call("describe_target_group_attributes", TargetGroupArn=group)
        assert right[0] in told["Attributes"]

"""What the simulated ELBv2 refuses and tells as AWS does, beside what the files of each kind hold."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.elbv2 import ElbWorld, Item, elb_world, fixed, forward, path


@pytest.fixture
async def world() -> AsyncIterator[ElbWorld]:
    async with elb_world() as running:
        yield running


@pytest.fixture
async def listener(world: ElbWorld) -> str:
    return await world.listener(await world.balancer())


async def refused(world: ElbWorld, operation: str, **arguments: Any) -> str:
    """Give the code of the error that a call must meet."""
    return (await world.refusal(operation, **arguments))[0]


LOGIN = {
    "Type": "authenticate-cognito",
    "Order": 1,
    "AuthenticateCognitoConfig": {"UserPoolArn": "a", "UserPoolClientId": "b", "UserPoolDomain": "c"},
}


class TestRules:
    """Places, and what a rule tells."""

    async def test_a_place_is_free_when_its_holder_moves_in_the_same_call(
        self, world: ElbWorld, listener: str
    ) -> None:
        first, second = await world.rule(listener, 1), await world.rule(listener, 2)
        wanted = [{"RuleArn": first, "Priority": 2}, {"RuleArn": second, "Priority": 9}]
        await world.call("set_rule_priorities", RulePriorities=wanted)
        assert await world.priorities(listener) == ["2", "9", "default"]

    @pytest.mark.parametrize("priority", [0, 50001])
    async def test_a_new_rule_has_a_place_within_bounds(
        self, world: ElbWorld, listener: str, priority: int
    ) -> None:
        wanted = {"Priority": priority, "Conditions": [path("/")], "Actions": [fixed(200)]}
        assert await refused(world, "create_rule", ListenerArn=listener, **wanted) == "ValidationError"

    async def test_a_single_target_group_is_told_in_both_places(self, world: ElbWorld, listener: str) -> None:
        group, other = await world.group(), await world.group("other")
        await world.rule(listener, 1, do={"Type": "forward", "TargetGroupArn": group})
        await world.rule(listener, 2, do=forward(group, other))
        one, two, _ = (await world.call("describe_rules", ListenerArn=listener))["Rules"]
        (action,) = one["Actions"]
        assert action["TargetGroupArn"] == group
        assert action["ForwardConfig"]["TargetGroups"] == [{"TargetGroupArn": group, "Weight": 1}]
        assert "TargetGroupArn" not in two["Actions"][0]

    async def test_a_default_rule_has_an_arn_like_any_other(self, world: ElbWorld, listener: str) -> None:
        (rule,) = (await world.call("describe_rules", ListenerArn=listener))["Rules"]
        assert (rule["Priority"], rule["IsDefault"]) == ("default", True)
        assert re.search(r":listener-rule/app/web/[0-9a-f]{16}/[0-9a-f]{16}/[0-9a-f]{16}$", rule["RuleArn"])

    @pytest.mark.parametrize(
        "actions",
        [
            [],
            [fixed(200), fixed(201)],
            [LOGIN],
            [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", "Host": "#{host}"}}],
        ],
        ids=["nothing", "two ends", "a login without an end", "a loop"],
    )
    async def test_actions_that_make_no_sense_are_refused(
        self, world: ElbWorld, listener: str, actions: list[Item]
    ) -> None:
        wanted = {"Priority": 1, "Conditions": [path("/")], "Actions": actions}
        code = await refused(world, "create_rule", ListenerArn=listener, **wanted)
        assert code == "InvalidLoadBalancerAction"

    async def test_a_weight_has_bounds(self, world: ElbWorld, listener: str) -> None:
        action = forward(await world.group())
        action["ForwardConfig"]["TargetGroups"][0]["Weight"] = 1000
        wanted = {"Priority": 1, "Conditions": [path("/")], "Actions": [action]}
        assert await refused(world, "create_rule", ListenerArn=listener, **wanted) == "ValidationError"


class TestListeners:
    """HTTPS, and what it takes."""

    async def test_a_wrong_https_listener_is_refused(self, world: ElbWorld) -> None:
        items = [{"CertificateArn": world.acm.issue(name).arn} for name in ("a.example", "b.example")]
        usual = {"LoadBalancerArn": await world.balancer(), "Port": 443, "DefaultActions": [fixed(404)]}
        for change, code in (
            ({"Certificates": items}, "ValidationError"),
            ({"Certificates": items[:1], "SslPolicy": "mine"}, "SSLPolicyNotFound"),
            (
                {
                    "Certificates": items[:1],
                    "MutualAuthentication": {"Mode": "verify", "TrustStoreArn": "arn:none"},
                },
                "TrustStoreNotFound",
            ),
        ):
            assert await refused(world, "create_listener", Protocol="HTTPS", **usual, **change) == code

    async def test_http_has_no_policy_and_https_tells_how_clients_prove_themselves(
        self, world: ElbWorld
    ) -> None:
        balancer = await world.balancer()
        items = [{"CertificateArn": world.acm.issue("a.example").arn}]
        await world.listener(balancer)
        mutual = {"Mode": "passthrough"}
        await world.listener(
            balancer, port=443, Protocol="HTTPS", Certificates=items, MutualAuthentication=mutual
        )
        told = await world.call("describe_listeners", LoadBalancerArn=balancer)
        http, https = told["Listeners"]
        assert "SslPolicy" not in http
        assert (https["SslPolicy"], https["MutualAuthentication"]) == ("ELBSecurityPolicy-2016-08", mutual)

    async def test_an_unknown_certificate_is_not_added(self, world: ElbWorld) -> None:
        items = [{"CertificateArn": world.acm.issue("a.example").arn}]
        listener = await world.listener(await world.balancer(), Protocol="HTTPS", Certificates=items)
        gone = world.acm.issue("b.example").arn
        world.acm.delete(gone)
        for arn in (gone, world.acm.issue("c.example", status="PENDING_VALIDATION").arn):
            wanted = [{"CertificateArn": arn}]
            code = await refused(
                world, "add_listener_certificates", ListenerArn=listener, Certificates=wanted
            )
            assert code == "CertificateNotFound"

    async def test_the_default_certificate_may_be_chosen_by_sni_too(self, world: ElbWorld) -> None:
        items = [{"CertificateArn": world.acm.issue("a.example").arn}]
        arguments = {
            "ListenerArn": await world.listener(await world.balancer(), Protocol="HTTPS", Certificates=items)
        }
        await world.call("add_listener_certificates", Certificates=items, **arguments)
        told = (await world.call("describe_listener_certificates", **arguments))["Certificates"]
        assert [each["IsDefault"] for each in told] == [True, False]
        await world.call("remove_listener_certificates", Certificates=items, **arguments)
        told = (await world.call("describe_listener_certificates", **arguments))["Certificates"]
        assert [each["IsDefault"] for each in told] == [True]

    async def test_a_token_may_be_asked_for(self, world: ElbWorld) -> None:
        items = [{"CertificateArn": world.acm.issue("a.example").arn}]
        listener = await world.listener(await world.balancer(), Protocol="HTTPS", Certificates=items)
        config = {"Issuer": "https://idp.example", "JwksEndpoint": "https://idp.example/keys"}
        actions = [
            {"Type": "jwt-validation", "Order": 1, "JwtValidationConfig": config},
            {**fixed(200), "Order": 2},
        ]
        wanted = {"Priority": 1, "Conditions": [path("/")], "Actions": actions}
        (rule,) = (await world.call("create_rule", ListenerArn=listener, **wanted))["Rules"]
        assert rule["Actions"][0] == actions[0]


class TestLoadBalancers:
    """What is told of them, and how many there may be."""

    async def test_scheme_and_dns_name_are_always_told(self, world: ElbWorld) -> None:
        for name in ("a", "b"):
            await world.balancer(name)
        await world.balancer("c", Scheme="internal")
        told = (await world.call("describe_load_balancers"))["LoadBalancers"]
        assert [each["Scheme"] for each in told] == ["internet-facing", "internet-facing", "internal"]
        assert len({each["DNSName"] for each in told}) == 3
        assert told[2]["DNSName"].startswith("internal-c-")

    async def test_attributes_are_told_before_anybody_sets_them(self, world: ElbWorld) -> None:
        arn = await world.balancer()
        told = await world.call("describe_load_balancer_attributes", LoadBalancerArn=arn)
        found = {each["Key"]: each["Value"] for each in told["Attributes"]}
        assert found["idle_timeout.timeout_seconds"] == "60"
        assert found["access_logs.s3.enabled"] == "false"

    async def test_load_balancers_listeners_and_target_groups_have_quotas(self, world: ElbWorld) -> None:
        quotas = world.elb.account.quotas
        for name in ("application-load-balancers", "listeners-per-application-load-balancer"):
            quotas[name] = 1
        quotas["target-groups"] = 1
        balancer = await world.balancer()
        await world.listener(balancer)
        await world.group()
        wanted: dict[str, Any] = {"Name": "two", "Subnets": world.subnets}
        assert await refused(world, "create_load_balancer", **wanted) == "TooManyLoadBalancers"
        wanted = {"Port": 81, "Protocol": "HTTP", "DefaultActions": [fixed(404)]}
        code = await refused(world, "create_listener", LoadBalancerArn=balancer, **wanted)
        assert code == "TooManyListeners"
        wanted = {"Protocol": "HTTP", "Port": 80, "VpcId": world.vpc_id, "TargetType": "ip"}
        assert await refused(world, "create_target_group", Name="two", **wanted) == "TooManyTargetGroups"

    async def test_capacity_is_reserved_and_given_back(self, world: ElbWorld) -> None:
        arn = await world.balancer()
        wanted = {"MinimumLoadBalancerCapacity": {"CapacityUnits": 100}}
        await world.call("modify_capacity_reservation", LoadBalancerArn=arn, **wanted)
        told = await world.call("describe_capacity_reservation", LoadBalancerArn=arn)
        assert told["MinimumLoadBalancerCapacity"] == {"CapacityUnits": 100}
        await world.call("modify_capacity_reservation", LoadBalancerArn=arn, ResetCapacityReservation=True)
        told = await world.call("describe_capacity_reservation", LoadBalancerArn=arn)
        assert "MinimumLoadBalancerCapacity" not in told

    async def test_trust_stores_are_told(self, world: ElbWorld) -> None:
        assert (await world.call("describe_trust_stores"))["TrustStores"] == []
        assert await refused(world, "describe_trust_stores", Names=["mine"]) == "TrustStoreNotFound"
        arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:truststore/mine/0123456789abcdef"
        world.elb.account.trust_stores.add(arn)
        (told,) = (await world.call("describe_trust_stores", Names=["mine"]))["TrustStores"]
        assert (told["Name"], told["TrustStoreArn"]) == ("mine", arn)


class TestTargets:
    """Target groups, and the zones and numbers of their targets."""

    async def test_a_target_tells_its_zone(self, world: ElbWorld) -> None:
        group = await world.group()
        await world.register(group, "10.0.1.9", "10.0.2.9")
        told = await world.call("describe_target_health", TargetGroupArn=group)
        zones = [each["Target"]["AvailabilityZone"] for each in told["TargetHealthDescriptions"]]
        assert zones == ["eu-central-1a", "eu-central-1b"]

    async def test_a_thousand_targets_are_the_most(self, world: ElbWorld) -> None:
        group = await world.group()
        many = [{"Id": f"10.0.1.{9 + number % 200}", "Port": 1000 + number} for number in range(1001)]
        assert (
            await refused(world, "register_targets", TargetGroupArn=group, Targets=many) == "TooManyTargets"
        )
        assert await world.health(group) == {}
        await world.call("register_targets", TargetGroupArn=group, Targets=many[1:])

    async def test_targets_of_a_load_balancer_have_a_quota(self, world: ElbWorld, listener: str) -> None:
        world.elb.account.quotas["targets-per-application-load-balancer"] = 2
        groups = [await world.group(name) for name in ("a", "b")]
        await world.rule(listener, 1, do=forward(*groups))
        await world.register(groups[0], "10.0.1.7", "10.0.1.8")
        target = [{"Id": "10.0.1.9"}]
        code = await refused(world, "register_targets", TargetGroupArn=groups[1], Targets=target)
        assert code == "TooManyTargets"

    async def test_a_load_balancer_is_told_once(self, world: ElbWorld, listener: str) -> None:
        group = await world.group()
        for priority in (1, 2):
            await world.rule(listener, priority, do=forward(group))
        (told,) = (await world.call("describe_target_groups"))["TargetGroups"]
        assert len(told["LoadBalancerArns"]) == 1

    async def test_a_grpc_code_changes(self, world: ElbWorld) -> None:
        group = await world.group(ProtocolVersion="GRPC")
        matcher = {"GrpcCode": "0-5"}
        reply = await world.call("modify_target_group", TargetGroupArn=group, Matcher=matcher)
        assert reply["TargetGroups"][0]["Matcher"] == matcher

    async def test_pages_of_target_groups_and_listeners_hold_all(self, world: ElbWorld) -> None:
        balancer = await world.balancer()
        for number in range(3):
            await world.group(f"g{number}")
            await world.listener(balancer, port=80 + number)
        about: dict[str, Any] = {"LoadBalancerArn": balancer}
        for operation, more, key in (
            ("describe_target_groups", {}, "TargetGroups"),
            ("describe_listeners", about, "Listeners"),
        ):
            first = await world.call(operation, PageSize=2, **more)
            rest = await world.call(operation, Marker=first["NextMarker"], **more)
            assert (len(first[key]), len(rest[key]), "NextMarker" in rest) == (2, 1, False)

    async def test_pages_are_as_short_as_wanted(self, world: ElbWorld) -> None:
        world.elb.knobs.page_size = 2
        for number in range(3):
            await world.group(f"g{number}")
        assert len((await world.call("describe_target_groups"))["TargetGroups"]) == 2


class TestTags:
    """Tags are of something, and the account's own."""

    async def test_tags_of_nothing_are_refused(self, world: ElbWorld) -> None:
        arn = await world.group()
        await world.call("delete_target_group", TargetGroupArn=arn)
        assert await refused(world, "describe_tags", ResourceArns=[arn]) == "TargetGroupNotFound"

    async def test_tags_are_not_aws_s_own(self, world: ElbWorld) -> None:
        tags = [{"Key": "aws:x", "Value": "1"}]
        arn = await world.group()
        assert await refused(world, "add_tags", ResourceArns=[arn], Tags=tags) == "ValidationError"


class TestRefusalsOnOrder:
    """Certain calls can be made to fail."""

    async def test_one_rule_is_refused_for_what_it_asks(self, world: ElbWorld, listener: str) -> None:
        def is_b(arguments: Any) -> bool:
            return bool(arguments["Conditions"] == [path("/b")])

        faults = world.world.aws.endpoint.faults
        faults.add(operation="CreateRule", code="ValidationError", times=None, when=is_b)
        await world.rule(listener, 1, path("/a"))
        usual = {"ListenerArn": listener, "Priority": 2, "Actions": [fixed(200)]}
        code = await refused(world, "create_rule", Conditions=[path("/b")], **usual)
        assert (code, faults.met) == ("ValidationError", 1)
        await world.rule(listener, 2, path("/c"))

    async def test_the_third_change_is_refused(self, world: ElbWorld) -> None:
        world.world.aws.endpoint.faults.add(operation="changes", code="Throttling", skip=2)
        balancer = await world.balancer()
        await world.call("describe_load_balancers")
        listener = await world.listener(balancer)
        usual = {"Priority": 1, "Conditions": [path("/")], "Actions": [fixed(200)]}
        assert await refused(world, "create_rule", ListenerArn=listener, **usual) == "Throttling"
        await world.call("create_rule", ListenerArn=listener, **usual)

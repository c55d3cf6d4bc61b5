"""Rules of the simulated ELBv2: their order, what they may ask and do, and their quotas."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.elbv2 import ElbWorld, Item, elb_world, fixed, forward, host, path


@pytest.fixture
async def world() -> AsyncIterator[ElbWorld]:
    async with elb_world() as running:
        yield running


@pytest.fixture
async def listener(world: ElbWorld) -> str:
    return await world.listener(await world.balancer())


async def refused(world: ElbWorld, listener: str, *conditions: Item, do: Item | None = None) -> str:
    code, message = await world.refusal(
        "create_rule",
        ListenerArn=listener,
        Priority=9,
        Conditions=list(conditions) if conditions else [path("/x")],
        Actions=[do or fixed(200)],
    )
    return f"{code}: {message}"


class TestPriorities:
    """Each rule has a place of its own, and many may change places at once."""

    async def test_rules_are_told_by_number_and_the_default_one_last(
        self, world: ElbWorld, listener: str
    ) -> None:
        for priority in (7, 3, 50000):
            await world.rule(listener, priority)
        assert await world.priorities(listener) == ["3", "7", "50000", "default"]

    async def test_a_place_is_taken_once(self, world: ElbWorld, listener: str) -> None:
        await world.rule(listener, 9)
        assert await refused(world, listener) == "PriorityInUse: Priority '9' is currently in use"

    async def test_rules_swap_and_shift_in_one_call(self, world: ElbWorld, listener: str) -> None:
        first, second = await world.rule(listener, 1), await world.rule(listener, 2)
        wanted = [{"RuleArn": first, "Priority": 2}, {"RuleArn": second, "Priority": 1}]
        await world.call("set_rule_priorities", RulePriorities=wanted)
        rules = (await world.call("describe_rules", ListenerArn=listener))["Rules"]
        assert [rule["RuleArn"] for rule in rules[:2]] == [second, first]

    async def test_a_refused_move_moves_nothing(self, world: ElbWorld, listener: str) -> None:
        first, _ = await world.rule(listener, 1), await world.rule(listener, 2)
        third = await world.rule(listener, 3)
        wanted = [{"RuleArn": third, "Priority": 9}, {"RuleArn": first, "Priority": 2}]
        assert (await world.refusal("set_rule_priorities", RulePriorities=wanted))[0] == "PriorityInUse"
        assert await world.priorities(listener) == ["1", "2", "3", "default"]

    @pytest.mark.parametrize("priority", [0, 50001])
    async def test_places_have_bounds(self, world: ElbWorld, listener: str, priority: int) -> None:
        arn = await world.rule(listener, 1)
        wanted = [{"RuleArn": arn, "Priority": priority}]
        assert (await world.refusal("set_rule_priorities", RulePriorities=wanted))[0] == "ValidationError"

    async def test_the_default_rule_stays(self, world: ElbWorld, listener: str) -> None:
        default = (await world.call("describe_rules", ListenerArn=listener))["Rules"][0]["RuleArn"]
        assert (await world.refusal("delete_rule", RuleArn=default))[0] == "OperationNotPermitted"
        assert (await world.refusal("modify_rule", RuleArn=default))[0] == "OperationNotPermitted"

    async def test_pages_hold_all_rules(self, world: ElbWorld, listener: str) -> None:
        for priority in range(1, 6):
            await world.rule(listener, priority)
        first = await world.call("describe_rules", ListenerArn=listener, PageSize=4)
        rest = await world.call("describe_rules", ListenerArn=listener, Marker=first["NextMarker"])
        assert (len(first["Rules"]), len(rest["Rules"])) == (4, 2)

    async def test_a_rule_is_gone_once(self, world: ElbWorld, listener: str) -> None:
        arn = await world.rule(listener, 1)
        await world.call("delete_rule", RuleArn=arn)
        assert await world.refusal("delete_rule", RuleArn=arn) == (
            "RuleNotFound",
            "One or more rules not found",
        )


class TestConditions:
    """What AWS refuses to ask."""

    async def test_five_values_are_the_most(self, world: ElbWorld, listener: str) -> None:
        many = path(*(f"/{number}" for number in range(6)))
        message = "ValidationError: A rule can only have '5' condition values"
        assert await refused(world, listener, many) == message
        assert await refused(world, listener, host("a", "b", "c"), path("/1", "/2", "/3")) == message

    async def test_five_wildcards_are_the_most(self, world: ElbWorld, listener: str) -> None:
        assert "wildcards" in await refused(world, listener, host("*.*.*"), path("/*/*/?/*"))

    @pytest.mark.parametrize(
        "condition",
        [
            path(),
            path(""),
            {"Field": "path-pattern", "Values": ["/a", "/b"]},
            path("/" + "x" * 128),
            path("/a b"),
            host("exa mple"),
            {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.1"]}},
            {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.1/8"]}},
            {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["get"]}},
            {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "Host", "Values": ["x"]}},
            {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "a b", "Values": ["x"]}},
            {"Field": "cookie", "Values": ["x"]},
            {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/"], "RegexValues": ["/"]}},
        ],
    )
    async def test_a_value_must_make_sense(self, world: ElbWorld, listener: str, condition: Item) -> None:
        assert (await refused(world, listener, condition)).startswith("ValidationError")

    async def test_one_host_condition_is_enough(self, world: ElbWorld, listener: str) -> None:
        assert "can only have one 'host-header'" in await refused(world, listener, host("a"), host("b"))

    async def test_all_kinds_are_told_as_they_were_given(self, world: ElbWorld, listener: str) -> None:
        conditions = [
            host("*.example.com"),
            {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/v[0-9]+"]}},
            {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-A", "Values": ["1"]}},
            {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "2"}]}},
            {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
        ]
        await world.rule(listener, 1, *conditions)
        told = (await world.call("describe_rules", ListenerArn=listener))["Rules"][0]["Conditions"]
        assert [
            {name: each[name] for name in wanted} for each, wanted in zip(told, conditions, strict=True)
        ] == conditions
        assert told[0]["Values"] == ["*.example.com"]


OIDC = {
    "Issuer": "https://idp.example.com",
    "AuthorizationEndpoint": "https://idp.example.com/login",
    "TokenEndpoint": "https://idp.example.com/token",
    "UserInfoEndpoint": "https://idp.example.com/me",
    "ClientId": "me",
}


class TestActions:
    """What AWS refuses to do."""

    @pytest.mark.parametrize(
        ("action", "code"),
        [
            (fixed(301), "ValidationError"),
            (fixed(200, "x" * 1025), "ValidationError"),
            ({"Type": "forward"}, "InvalidLoadBalancerAction"),
            (forward("arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/a/b"), "TargetGroupNotFound"),
            ({"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}, "InvalidLoadBalancerAction"),
            ({"Type": "redirect", "RedirectConfig": {"StatusCode": "200", "Port": "1"}}, "ValidationError"),
        ],
    )
    async def test_it_must_lead_somewhere(
        self, world: ElbWorld, listener: str, action: Item, code: str
    ) -> None:
        assert (await refused(world, listener, do=action)).partition(":")[0] == code

    async def test_six_target_groups_are_too_many(self, world: ElbWorld, listener: str) -> None:
        groups = [await world.group(f"g{number}") for number in range(6)]
        assert (await refused(world, listener, do=forward(*groups))).startswith("TooManyTargetGroups")

    async def test_a_target_group_serves_one_load_balancer(self, world: ElbWorld, listener: str) -> None:
        group = await world.group()
        await world.rule(listener, 1, do=forward(group))
        other = await world.listener(await world.balancer("other"))
        assert (await refused(world, other, do=forward(group))).startswith("TargetGroupAssociationLimit")

    async def test_a_login_needs_https(self, world: ElbWorld, listener: str) -> None:
        actions = self.login(ClientSecret="s")
        code, _ = await self.create(world, listener, actions)
        assert code == "InvalidLoadBalancerAction"

    async def test_a_secret_is_kept_and_never_told(self, world: ElbWorld) -> None:
        certificate = world.acm.issue("example.com").arn
        listener = await world.listener(
            await world.balancer(), Protocol="HTTPS", Certificates=[{"CertificateArn": certificate}]
        )
        arguments = {"Priority": 1, "Conditions": [path("/")], "Actions": self.login(ClientSecret="s")}
        made = await world.call("create_rule", ListenerArn=listener, **arguments)
        (rule,) = made["Rules"]
        assert "ClientSecret" not in str(made)
        both = self.login(ClientSecret="s", UseExistingClientSecret=True)
        refusal = await world.refusal("modify_rule", RuleArn=rule["RuleArn"], Actions=both)
        assert refusal[0] == "InvalidLoadBalancerAction"
        kept = self.login(UseExistingClientSecret=True)
        await world.call("modify_rule", RuleArn=rule["RuleArn"], Actions=kept)
        held = world.elb.account.rule(rule["RuleArn"])
        assert held.secret == "s"

    @staticmethod
    def login(**more: Any) -> list[Item]:
        config = {"Type": "authenticate-oidc", "Order": 1, "AuthenticateOidcConfig": {**OIDC, **more}}
        return [config, {**fixed(200), "Order": 2}]

    @staticmethod
    async def create(world: ElbWorld, listener: str, actions: list[Item]) -> tuple[str, str]:
        return await world.refusal(
            "create_rule", ListenerArn=listener, Priority=1, Conditions=[path("/")], Actions=actions
        )

    async def test_transforms_come_and_go(self, world: ElbWorld, listener: str) -> None:
        arn = await world.rule(listener, 1)
        rewrite = {"Rewrites": [{"Regex": "^/a", "Replace": "/b"}]}
        transforms = [{"Type": "url-rewrite", "UrlRewriteConfig": rewrite}]
        reply = await world.call("modify_rule", RuleArn=arn, Transforms=transforms)
        assert reply["Rules"][0]["Transforms"] == transforms
        reply = await world.call("modify_rule", RuleArn=arn, ResetTransforms=True)
        assert "Transforms" not in reply["Rules"][0]


class TestQuotas:
    """What is full stays as it is."""

    async def test_a_hundred_rules_are_the_most(self, world: ElbWorld, listener: str) -> None:
        world.elb.account.quotas["rules-per-application-load-balancer"] = 2
        await world.rule(listener, 1)
        arn = await world.rule(listener, 2)
        assert (await refused(world, listener)).startswith("TooManyRules")
        await world.call("delete_rule", RuleArn=arn)
        await world.rule(listener, 9)

    async def test_target_groups_of_a_load_balancer_are_counted_once_each(
        self, world: ElbWorld, listener: str
    ) -> None:
        world.elb.account.quotas["target-groups-per-application-load-balancer"] = 1
        group, other = await world.group(), await world.group("other")
        await world.rule(listener, 1, do=forward(group))
        await world.rule(listener, 2, do=forward(group))
        assert (await refused(world, listener, do=forward(other))).startswith(
            "TooManyUniqueTargetGroupsPerLoadBalancer"
        )

    async def test_the_limits_are_told(self, world: ElbWorld) -> None:
        limits = (await world.call("describe_account_limits"))["Limits"]
        told = {each["Name"]: each["Max"] for each in limits}
        assert told["rules-per-application-load-balancer"] == "100"
        assert told["certificates-per-application-load-balancer"] == "25"

"""What AWS answers, as values that compare, and the way back."""

from typing import Any

import pytest

from addons.albingress.aws.translate.actions import actions_from_api, actions_to_api
from addons.albingress.aws.translate.balancers import target_group_from_api
from addons.albingress.aws.translate.conditions import conditions_from_api, conditions_to_api
from addons.albingress.aws.translate.permissions import permissions_to_api, security_group_from_api
from addons.albingress.aws.translate.rules import content_to_api, listener_from_api, rule_from_api
from addons.albingress.model.rules import (
    Action,
    AuthenticateCognito,
    AuthenticateOidc,
    Condition,
    FixedResponse,
    Forward,
    JwtClaim,
    JwtValidation,
    Redirect,
    RuleContent,
    Transform,
    WeightedTarget,
)
from addons.albingress.model.stack import Permission

WEB = "arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/web/1"
API = "arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/api/2"
NAMES = {WEB: "web", API: "api"}
ARNS = {name: arn for arn, name in NAMES.items()}


def named(arn: str) -> str:
    return NAMES.get(arn, arn)


def resolved(name: str) -> str:
    return ARNS.get(name, name)


def actions(*items: dict[str, Any]) -> tuple[Action, ...]:
    return actions_from_api(items, named)


def forward(*targets: tuple[str, int], **more: Any) -> dict[str, Any]:
    groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in targets]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups, **more}}


def rule(**more: Any) -> dict[str, Any]:
    return {
        "RuleArn": "arn:rule",
        "Priority": "7",
        "IsDefault": False,
        "Actions": [forward((WEB, 1))],
        **more,
    }


class TestConditions:
    """Values are sorted, and said once however often AWS says them."""

    def test_the_values_beside_the_config_are_the_same_ones(self) -> None:
        item = {
            "Field": "path-pattern",
            "Values": ["/b", "/a"],
            "PathPatternConfig": {"Values": ["/b", "/a"]},
        }
        assert conditions_from_api([item]) == (Condition("path-pattern", ("/a", "/b")),)

    def test_values_of_old_stand_alone(self) -> None:
        assert conditions_from_api([{"Field": "host-header", "Values": ["a.example"]}]) == (
            Condition("host-header", ("a.example",)),
        )

    def test_query_strings_are_pairs(self) -> None:
        config = {"Values": [{"Value": "x"}, {"Key": "a", "Value": "y"}]}
        item = {"Field": "query-string", "QueryStringConfig": config}
        assert conditions_from_api([item]) == (Condition("query-string", pairs=(("", "x"), ("a", "y"))),)

    @pytest.mark.parametrize(
        "condition",
        [
            Condition("host-header", ("*.example", "a.example")),
            Condition("path-pattern", regex=("^/a$",)),
            Condition("http-header", ("x",), header="X-Kind"),
            Condition("http-header", regex=("x+",), header="X-Kind"),
            Condition("http-request-method", ("GET", "HEAD")),
            Condition("query-string", pairs=(("", "x"), ("a", "y"))),
            Condition("source-ip", ("10.0.0.0/8",)),
        ],
        ids=lambda condition: condition.field,
    )
    def test_they_come_back_as_they_went(self, condition: Condition) -> None:
        assert conditions_from_api(conditions_to_api([condition])) == (condition,)


class TestActions:
    """Redirects have every part, forwards their targets sorted, and a weight counts beside others only."""

    def test_a_target_group_that_is_alone_is_named_twice_and_weighs_nothing(self) -> None:
        (found,) = actions({**forward((WEB, 5)), "TargetGroupArn": WEB})
        assert found == Forward((WeightedTarget("web"),))

    def test_a_target_group_without_a_config_is_the_same(self) -> None:
        assert actions({"Type": "forward", "TargetGroupArn": WEB}) == actions(forward((WEB, 1)))

    def test_the_order_of_target_groups_does_not_count(self) -> None:
        assert actions(forward((WEB, 1), (API, 0))) == actions(forward((API, 0), (WEB, 1)))

    def test_somebody_elses_target_group_is_named_by_its_arn(self) -> None:
        (found,) = actions(forward(("arn:theirs", 1)))
        assert found == Forward((WeightedTarget("arn:theirs"),))

    def test_stickiness_that_is_off_is_none(self) -> None:
        off = {"TargetGroupStickinessConfig": {"Enabled": False, "DurationSeconds": 60}}
        assert actions(forward((WEB, 1), **off)) == actions(forward((WEB, 1)))

    def test_a_redirect_says_what_it_leaves_alone(self) -> None:
        config = {"StatusCode": "HTTP_301", "Protocol": "HTTPS", "Port": "443", "Host": None}
        (found,) = actions({"Type": "redirect", "RedirectConfig": config})
        assert found == Redirect("HTTP_301", protocol="HTTPS", port="443")

    def test_the_secret_of_a_client_is_sent_when_there_is_one_and_else_kept(self) -> None:
        oidc = AuthenticateOidc("https://i", "https://a", "https://t", "https://u", "me")
        both = (oidc, Forward((WeightedTarget("web"),)))
        sent, kept = actions_to_api(both, resolved, secret="s"), actions_to_api(both, resolved)
        assert sent[0]["AuthenticateOidcConfig"]["ClientSecret"] == "s"
        assert "UseExistingClientSecret" not in sent[0]["AuthenticateOidcConfig"]
        assert kept[0]["AuthenticateOidcConfig"]["UseExistingClientSecret"] is True
        assert [item["Order"] for item in kept] == [1, 2]

    @pytest.mark.parametrize(
        "action",
        [
            Forward((WeightedTarget("api", 0), WeightedTarget("web", 3)), 60),
            Redirect("HTTP_302", query=""),
            FixedResponse("503", "text/plain", "gone"),
            FixedResponse("404"),
            AuthenticateOidc("https://i", "https://a", "https://t", "https://u", "me", extra=(("a", "b"),)),
            AuthenticateCognito("arn:pool", "me", "domain", session_timeout=60),
            JwtValidation("https://k", "https://i", (JwtClaim("scope", "string-array", ("a", "b")),)),
        ],
        ids=lambda action: type(action).__name__,
    )
    def test_they_come_back_as_they_went(self, action: Action) -> None:
        assert actions_from_api(actions_to_api([action], resolved), named) == (action,)


class TestRules:
    """A rule is read whole, or said to be more than can be read."""

    def test_everything_comes_back_as_it_went(self) -> None:
        content = RuleContent(
            (Condition("host-header", ("a.example",)), Condition("path-pattern", ("/a",))),
            (Forward((WeightedTarget("web"),)),),
            (Transform("url-rewrite", "^/a", "/"),),
        )
        found = rule_from_api(rule(**content_to_api(content, resolved)), named)
        assert (found.priority, found.content, found.is_readable) == (7, content, True)

    @pytest.mark.parametrize(
        "more",
        [
            {"Conditions": [{"Field": "moon-phase", "Values": ["full"]}]},
            {"Conditions": [{"Field": "source-ip", "SourceIpConfig": {"IpAddressType": "ipv6"}}]},
            {"Actions": [{"Type": "dance"}, forward((WEB, 1))]},
            {"Transforms": [{"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{}, {}]}}]},
        ],
        ids=["field", "part", "action", "transform"],
    )
    def test_what_the_model_cannot_say_is_told(self, more: dict[str, Any]) -> None:
        found = rule_from_api(rule(**more), named)
        assert not found.is_readable
        assert found.content.actions == (Forward((WeightedTarget("web"),)),)

    def test_a_listener_of_http_has_no_policy(self) -> None:
        item = {"ListenerArn": "arn:listener", "Port": 80, "Protocol": "HTTP", "SslPolicy": "X"}
        assert listener_from_api(item, named).ssl_policy == ""

    def test_mutual_authentication_that_is_off_is_nothing(self) -> None:
        item = {"ListenerArn": "arn:listener", "Port": 443, "Protocol": "HTTPS", "DefaultActions": []}
        off = listener_from_api({**item, "MutualAuthentication": {"Mode": "off"}}, named)
        verify = {"Mode": "verify", "TrustStoreArn": "arn:store", "IgnoreClientCertificateExpiry": False}
        on = listener_from_api({**item, "MutualAuthentication": verify}, named)
        assert off.mutual_authentication == ()
        assert on.mutual_authentication == (("Mode", "verify"), ("TrustStoreArn", "arn:store"))


class TestTargetGroups:
    def test_the_matcher_of_grpc_is_a_matcher(self) -> None:
        item = {"TargetGroupArn": WEB, "TargetGroupName": "web", "Matcher": {"GrpcCode": "12"}}
        assert target_group_from_api(item).health.matcher == "12"


class TestPermissions:
    """Each source of each port is a permission of its own, of whatever kind."""

    PERMISSIONS = (
        Permission(0, 65535, cidr="10.0.0.0/8", protocol="-1"),
        Permission(80, 80, cidr="0.0.0.0/0"),
        Permission(80, 80, cidr="::/0", description="all"),
        Permission(80, 90, prefix_list="pl-1"),
        Permission(443, 443, security_group="sg-1", protocol="udp"),
    )

    def test_they_come_back_as_they_went(self) -> None:
        item = {"GroupId": "sg-9", "GroupName": "x", "IpPermissions": permissions_to_api(self.PERMISSIONS)}
        assert security_group_from_api(item).permissions == tuple(sorted(self.PERMISSIONS))

    def test_sources_of_one_port_go_together(self) -> None:
        found = permissions_to_api([Permission(80, 80, cidr="10.0.0.0/8"), Permission(80, 80, cidr="::/0")])
        assert found == [
            {
                "IpProtocol": "tcp",
                "FromPort": 80,
                "ToPort": 80,
                "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
                "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
            }
        ]

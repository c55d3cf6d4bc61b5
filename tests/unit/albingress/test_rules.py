"""The rules of a listener while nothing is wrong: their order, conditions and actions."""

import pytest

from addons.albingress.model.rules import Condition, Forward, Transform, WeightedTarget
from tests.support.alb_rules import https, in_words, member, path, rule, rules, service

ARN = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/theirs/1"
REGEX = {"use-regex-path-match": "true"}
TO_HTTPS = {
    "type": "redirect",
    "redirectConfig": {"statusCode": "HTTP_301", "protocol": "HTTPS", "port": "443"},
}


class TestOrder:
    """Rules stand as the original has them: by member, by rule, exact paths first, then the longest."""

    def test_members_and_their_rules_stay_in_their_order(self) -> None:
        found = rules(member("b", rule("z.org"), rule("y.org")), member("a"))
        assert found.said == ["z.org/ -> web", "y.org/ -> web", "a.org/ -> web"]

    def test_paths_of_one_host_are_compared_exact_ones_first_then_the_longest(self) -> None:
        written = rule(
            "a.org",
            path("/*", kind="ImplementationSpecific"),
            path("/"),
            path("/long"),
            path("/exact", kind="Exact"),
        )
        assert [each.key.path for each in rules(member("a", written)).rules] == ["/exact", "/long", "/", "/*"]

    def test_the_root_alone_is_compared_before_everything_below_it(self) -> None:
        found = rules(member("a", rule("a.org", path("/"), path("/", kind="Exact"))))
        assert [each.content.conditions[-1].values for each in found.rules if each.content] == [
            ("/",),
            ("/*",),
        ]

    def test_a_wildcard_host_that_is_written_first_stays_first(self) -> None:
        found = rules(member("a", rule("*.org"), rule("www.org")))
        assert [each.key.host for each in found.rules] == ["*.org", "www.org"]

    def test_by_the_specification_the_most_exact_comes_first_over_members_of_equal_order(self) -> None:
        one = member("a", rule("", path("/")), rule("*.org"), rule("www.org", path("/"), path("/long")))
        two = member("b", rule("www.org", path("/x", kind="Exact"), path("/longer")))
        found = rules(one, two, path_order="spec")
        assert [f"{each.key.host}{each.key.path}" for each in found.rules] == [
            "www.org/x",
            "www.org/longer",
            "www.org/long",
            "www.org/",
            "*.org/",
            "/",
        ]

    def test_by_the_specification_a_lower_order_still_comes_first(self) -> None:
        first = member("a", rule("*.org"), order=1)
        found = rules(first, member("b", rule("www.org"), order=2), path_order="spec")
        assert [each.key.host for each in found.rules] == ["*.org", "www.org"]


class TestConditions:
    """Host and path of the Ingress, and what an annotation adds for the backend."""

    def test_a_prefix_matches_itself_and_what_is_below(self) -> None:
        (only,) = rules(member("a", rule("a.org", path("/x")))).rules
        assert only.content is not None
        assert only.content.conditions == (
            Condition("host-header", ("a.org",)),
            Condition("path-pattern", ("/x", "/x/*")),
        )

    def test_without_host_and_path_every_request_matches(self) -> None:
        (only,) = rules(member("a", rule("", path("", kind="ImplementationSpecific")))).rules
        assert only.content is not None
        assert only.content.conditions == (Condition("path-pattern", ("/*",)),)

    def test_the_annotation_of_the_backend_adds_conditions(self) -> None:
        beta = [{"field": "http-header", "httpHeaderConfig": {"httpHeaderName": "X-Beta", "values": ["1"]}}]
        (only,) = rules(member("a", said={"conditions.web": beta})).rules
        assert only.content is not None
        assert Condition("http-header", ("1",), header="X-Beta") in only.content.conditions

    def test_paths_can_be_regular_expressions(self) -> None:
        written = rule("a.org", path("/^/v[12]/.*", kind="ImplementationSpecific"))
        (only,) = rules(member("a", written, said=REGEX)).rules
        assert only.content is not None
        assert Condition("path-pattern", regex=("^/v[12]/.*",)) in only.content.conditions

    def test_more_values_than_aws_takes_make_several_rules_with_keys_of_their_own(self) -> None:
        hosts = [{"field": "host-header", "hostHeaderConfig": {"values": [f"{n}.org" for n in range(5)]}}]
        found = rules(member("a", said={"conditions.web": hosts}))
        assert [each.key.part for each in found.rules] == [0, 1]
        assert len({each.key.digest for each in found.rules}) == 2
        assert found.problems == ()

    def test_equal_paths_have_keys_of_their_own(self) -> None:
        found = rules(member("a", rule("a.org", path("/x"), path("/x")), rule("a.org", path("/x"))))
        assert [each.key.nth for each in found.rules] == [0, 1, 2]


class TestActions:
    """A Service, or what the annotation of an action says."""

    def test_a_service_and_port_is_one_target_group_on_all_rules_of_an_ingress(self) -> None:
        found = rules(member("a", rule("a.org", path("/x"), path("/y"))))
        assert len(found.groups) == 1
        assert {name for each in found.rules for name in targets(each.content)} == set(found.groups)

    def test_two_ingresses_do_not_share_a_target_group(self) -> None:
        assert len(rules(member("a"), member("b")).groups) == 2

    def test_services_share_by_weight_and_stay_with_a_client(self) -> None:
        blue_green = {
            "type": "forward",
            "forwardConfig": {
                "targetGroups": [
                    {"serviceName": "green", "servicePort": "80", "weight": 10},
                    {"serviceName": "blue", "servicePort": "http", "weight": 90},
                ],
                "targetGroupStickinessConfig": {"enabled": True, "durationSeconds": 60},
            },
        }
        found = rules(
            member(
                "a", rule("a.org", path("/", "both", "use-annotation")), said={"actions.both": blue_green}
            ),
            services=[service("blue"), service("green")],
        )
        assert found.said == ["a.org/ -> 90*blue+10*green"]
        (only,) = found.rules
        assert only.content is not None
        (forward,) = only.content.actions
        assert isinstance(forward, Forward)
        assert forward.stickiness_seconds == 60

    def test_the_same_service_twice_gets_both_shares(self) -> None:
        group = {"serviceName": "web", "servicePort": 80, "weight": 1}
        twice = {"type": "forward", "forwardConfig": {"targetGroups": [group, group]}}
        found = rules(member("a", rule("a.org", path("/", "x", "use-annotation")), said={"actions.x": twice}))
        assert found.said == ["a.org/ -> web"]

    @pytest.mark.parametrize(
        "action",
        [{"type": "forward", "targetGroupARN": ARN}, {"type": "forward", "targetGroupName": "theirs"}],
    )
    def test_a_target_group_of_somebody_else_is_forwarded_to_and_not_ours(self, action: object) -> None:
        found = rules(
            member("a", rule("a.org", path("/", "x", "use-annotation")), said={"actions.x": action}),
            target_groups={"theirs": (ARN,)},
        )
        (only,) = found.rules
        assert only.content is not None
        assert only.content.actions == (Forward((WeightedTarget(ARN),)),)
        assert found.groups == {}

    def test_a_fixed_response(self) -> None:
        action = {"type": "fixed-response", "fixedResponseConfig": {"statusCode": "410"}}
        found = rules(
            member("a", rule("a.org", path("/", "x", "use-annotation")), said={"actions.x": action})
        )
        assert found.said == ["a.org/ -> 410"]

    def test_transforms_go_with_the_rules_of_their_backend(self) -> None:
        rewrite = [
            {"type": "url-rewrite", "urlRewriteConfig": {"rewrites": [{"regex": "^/a", "replace": "/"}]}}
        ]
        (only,) = rules(member("a", said={"transforms.web": rewrite})).rules
        assert only.content is not None
        assert only.content.transforms == (Transform("url-rewrite", "^/a", "/"),)


class TestRedirects:
    """A redirect that hides what is behind it, or leads to itself, spares rules; that is said."""

    def redirecting(self, **more: object) -> object:
        everything = rule("", path("/*", "ssl", "use-annotation", kind="ImplementationSpecific"))
        return member("a", everything, rule("a.org"), said={"actions.ssl": TO_HTTPS, **more})

    def test_on_http_all_rules_behind_it_are_left_out_with_their_target_groups(self) -> None:
        found = rules(self.redirecting(), member("b"))  # type: ignore[arg-type]
        assert found.said == ["*/* -> redirect HTTPS 443", "a.org/ absent", "b.org/ absent"]
        assert found.rules[2].because == "*/* of shop/a redirects all that it is for; change the order"
        assert found.groups == {}
        assert found.problems == ()

    def test_on_https_it_would_lead_to_itself_and_the_others_stand(self) -> None:
        found = https(self.redirecting(), member("b"))  # type: ignore[arg-type]
        assert found.said == ["*/* absent", "a.org/ -> web", "b.org/ -> web"]
        assert found.rules[0].because == "on port 443 it would redirect to itself"
        assert found.problems == ()

    def test_a_rule_with_a_redirect_for_other_hosts_stays(self) -> None:
        one = member("a", rule("a.org", path("/", "ssl", "use-annotation")), said={"actions.ssl": TO_HTTPS})
        assert rules(one, member("b")).said == ["a.org/ -> redirect HTTPS 443", "b.org/ -> web"]


def targets(content: object) -> list[str]:
    assert content is not None
    return [target.group for action in content.actions for target in action.targets]  # type: ignore[attr-defined]


def test_a_rule_in_words_names_host_path_and_service() -> None:
    assert in_words(rules(member("a")).rules[0]) == "a.org/ -> web"

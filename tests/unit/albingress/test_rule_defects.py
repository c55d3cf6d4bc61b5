"""What becomes of a rule that cannot be made as asked for, and that nobody else notices.

Each row of the matrix is a test: the state of the rule, and the one problem on the one who can mend it.
"""

from typing import Any

import pytest

from addons.albingress import names
from addons.albingress.desired.inputs import Member, Unresolved
from addons.albingress.model.objects import BackendResource, IngressBackend, IngressPath, ServicePort
from addons.albingress.model.rules import FixedResponse, Forward, WeightedTarget
from tests.support.alb_rules import (
    Found,
    group_of_original,
    https,
    member,
    path,
    rule,
    rules,
    service,
    standing,
    stands,
)

BROKEN_CONDITIONS = {"conditions.web": [{"field": "source-ip", "sourceIPConfig": {"values": ["everybody"]}}]}
FORWARD = Forward((WeightedTarget("k8s-shop-web-1234567890"),))


def forward_to(*groups: tuple[str, int]) -> dict[str, Any]:
    shares = [{"serviceName": name, "servicePort": 80, "weight": weight} for name, weight in groups]
    return {"type": "forward", "forwardConfig": {"targetGroups": shares}}


def with_action(action: Any, **said: Any) -> Member:
    """An Ingress whose only path does what the annotation says; None leaves it out."""
    annotations = said if action is None else {"actions.x": action, **said}
    return member("bad", rule("bad.org", path("/", "x", "use-annotation")), said=annotations)


def body(found: Found) -> str:
    (only,) = found.of("bad")
    assert only.content is not None
    (action,) = only.content.actions
    assert isinstance(action, FixedResponse)
    return action.body


class TestBackendUnusable:
    """Service missing, port missing, ClusterIP with instance, IPv6, bad settings: 503 in the same place."""

    def test_a_missing_service_answers_503_as_with_the_original(self) -> None:
        found = rules(member("bad", rule("bad.org", path("/", "nobody"))), member("good"))
        assert found.said == ["bad.org/ placeholder -> 503", "good.org/ -> web"]
        assert body(found) == "Backend service does not exist"
        assert found.message("bad") == (
            "service shop/nobody does not exist; make it, or name another in the backend;"
            " answers 503: bad.org/"
        )

    def test_the_placeholder_matches_what_the_rule_would_have_matched(self) -> None:
        good = rules(member("bad", rule("bad.org", path("/x")))).rules[0].content
        bad = rules(member("bad", rule("bad.org", path("/x"))), services=()).rules[0].content
        assert good is not None
        assert bad is not None
        assert bad.conditions == good.conditions

    def test_a_missing_port_is_named_with_those_that_are_there(self) -> None:
        found = rules(member("bad", rule("bad.org", path("/", "web", 9999))))
        assert found.said == ["bad.org/ placeholder -> 503"]
        assert body(found) == "backend unavailable: its Service has no such port"
        assert "service shop/web has no port 9999; it has 80 (http)" in found.message("bad")

    def test_a_port_by_a_name_that_is_not_there(self) -> None:
        found = rules(member("bad", rule("bad.org", path("/", "web", "grpc"))))
        assert "service shop/web has no port grpc" in found.message("bad")

    def test_a_cluster_ip_service_with_target_type_instance(self) -> None:
        found = rules(member("bad"), services=[service(kind="ClusterIP")])
        assert found.said == ["bad.org/ placeholder -> 503"]
        assert "has no node port for 80" in found.message("bad")
        assert "set target-type: ip" in found.message("bad")

    def test_a_service_with_ipv6_behind_a_load_balancer_without(self) -> None:
        found = rules(member("bad"), services=[service(families=("IPv4", "IPv6"))])
        assert found.said == ["bad.org/ placeholder -> 503"]
        assert "set ip-address-type: dualstack" in found.message("bad")

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("target-type", "pod"),
            ("backend-protocol", "http"),
            ("backend-protocol-version", "HTTP3"),
            ("target-group-attributes", "stickiness"),
            ("healthcheck-port", "0"),
            ("healthcheck-port", "nobody"),
            ("healthcheck-protocol", "TCP"),
            ("healthcheck-path", "health"),
            ("healthcheck-interval-seconds", "often"),
            ("healthcheck-timeout-seconds", "60"),
            ("healthy-threshold-count", "1"),
            ("unhealthy-threshold-count", "11"),
            ("success-codes", "ok"),
            ("target-node-labels", "pool"),
        ],
    )
    def test_a_setting_of_the_target_group_that_cannot_be_used_is_named(self, key: str, value: str) -> None:
        found = rules(member("bad", said={key: value}), member("good"))
        assert found.said == ["bad.org/ placeholder -> 503", "good.org/ -> web"]
        assert found.message("bad").count(key) or found.message("bad").count("no port nobody")

    def test_a_setting_on_the_service_is_told_there_and_on_the_ingress_that_is_hurt(self) -> None:
        found = rules(member("bad"), services=[service(said={"backend-protocol": "TCP"})])
        told = {(each.ref.kind, each.ref.name, each.reason) for each in found.problems}
        assert told == {
            ("Service", "web", names.INVALID_ANNOTATION),
            ("Ingress", "bad", names.BROKEN_BACKEND),
        }
        assert found.message("bad").startswith(
            "service/shop/web: annotation alb.ingress.kubernetes.io/backend"
        )

    def test_a_setting_of_the_class_is_told_there_and_on_the_ingress_that_is_hurt(self) -> None:
        found = rules(member("bad", params={"targetType": 5}), member("good"))
        assert found.said == ["bad.org/ placeholder -> 503", "good.org/ -> web"]
        assert {each.ref.kind for each in found.problems} == {"IngressClassParams", "Ingress"}

    @pytest.mark.parametrize("version", ["HTTP2", "GRPC"])
    def test_a_version_that_needs_https_answers_503_on_http_alone(self, version: str) -> None:
        bad = member("bad", said={"backend-protocol-version": version})
        assert rules(bad).said == ["bad.org/ placeholder -> 503"]
        assert "needs an HTTPS listener" in rules(bad).message("bad")
        assert https(bad).said == ["bad.org/ -> web"]

    def test_a_backend_that_is_no_service(self) -> None:
        bucket = IngressBackend(resource=BackendResource(kind="Bucket", name="b"))
        found = rules(
            member("bad", rule("bad.org", IngressPath(path="/", path_type="Prefix", backend=bucket)))
        )
        assert found.said == ["bad.org/ placeholder -> 503"]
        assert "a backend leads to Bucket; it needs a service" in found.message("bad")

    def test_a_backend_that_is_nothing_at_all(self) -> None:
        found = rules(member("bad", rule("bad.org", IngressPath(path="/", path_type="Prefix"))))
        assert found.said == ["bad.org/ placeholder -> 503"]

    def test_many_paths_to_one_missing_service_are_one_problem(self) -> None:
        found = rules(member("bad", rule("bad.org", *(path(f"/{n}", "nobody") for n in range(9)))))
        assert found.message("bad").endswith("answers 503: bad.org/0, bad.org/1, bad.org/2 and 6 more")

    def test_target_groups_that_nothing_leads_to_are_not_made(self) -> None:
        assert rules(member("bad", rule("bad.org", path("/", "web", 9999)))).groups == {}


class TestServiceJustGone:
    """A Service that vanished a moment ago: what AWS has stays for the grace."""

    def gone(self, *, tagged: bool = True, **given: Any) -> Found:
        wanted = rules(member("bad")).rules[0]
        aws = standing(stands(wanted, FORWARD, tagged=tagged))
        return rules(member("bad"), services=(), gone=["web"], incumbent=aws, **given)

    def test_the_rule_is_kept_and_that_is_told(self) -> None:
        found = self.gone()
        assert [each.state for each in found.rules] == ["keep"]
        assert "stays as it is in AWS: bad.org/" in found.message("bad")

    def test_where_aws_has_nothing_of_it_503_would_be_made(self) -> None:
        assert self.gone().said == ["bad.org/ keep -> 503"]
        assert rules(member("bad"), services=(), gone=["web"]).said == ["bad.org/ placeholder -> 503"]

    def test_a_rule_of_the_original_is_kept_by_what_it_says(self) -> None:
        (only,) = self.gone(tagged=False).rules
        assert only.state == "keep"
        assert only.content is not None
        assert only.content.actions == (FORWARD,)

    def test_after_the_grace_it_answers_503(self) -> None:
        wanted = rules(member("bad")).rules[0]
        found = rules(member("bad"), services=(), incumbent=standing(stands(wanted, FORWARD)))
        assert found.said == ["bad.org/ placeholder -> 503"]


class TestWeighted:
    """Some targets broken: the rest get the requests, if they have any weight."""

    def test_the_rest_get_all(self) -> None:
        found = rules(with_action(forward_to(("web", 1), ("nobody", 9))), member("good"))
        assert found.said == ["bad.org/ -> web", "good.org/ -> web"]
        assert "the other target groups get its share: bad.org/" in found.message("bad")

    def test_a_rest_of_several_keeps_its_shares(self) -> None:
        action = forward_to(("web", 1), ("other", 2), ("nobody", 9))
        found = rules(with_action(action), services=[service(), service("other")])
        assert found.said == ["bad.org/ -> 2*other+1*web"]

    @pytest.mark.parametrize("groups", [[("web", 0), ("nobody", 9)], [("nobody", 1), ("neither", 1)]])
    def test_a_rest_without_weight_answers_503(self, groups: list[tuple[str, int]]) -> None:
        found = rules(with_action(forward_to(*groups)))
        assert found.said == ["bad.org/ placeholder -> 503"]

    def test_one_that_is_just_gone_keeps_the_rule_with_the_target_groups_of_the_others(self) -> None:
        action = forward_to(("web", 1), ("blue", 9))
        wanted = rules(with_action(action), services=[service(), service("blue")]).rules[0]
        found = rules(with_action(action), gone=["blue"], incumbent=standing(stands(wanted)))
        assert [each.state for each in found.rules] == ["keep"]
        assert [each.backend.service for each in found.groups.values()] == ["web"]


class TestAction:
    """`actions.X` missing or invalid: 503."""

    def test_a_missing_one_answers_as_with_the_original(self) -> None:
        found = rules(with_action(None), member("good"))
        assert found.said == ["bad.org/ placeholder -> 503", "good.org/ -> web"]
        assert body(found) == "Backend action does not exist"
        assert "annotation alb.ingress.kubernetes.io/actions.x does not exist" in found.message("bad")

    @pytest.mark.parametrize("action", ["{", "[]", {"type": "drop"}, {"type": 1}, {"type": "redirect"}, ""])
    def test_an_invalid_one_is_named(self, action: Any) -> None:
        found = rules(with_action(action), member("good"))
        assert found.said == ["bad.org/ placeholder -> 503", "good.org/ -> web"]
        assert "annotation alb.ingress.kubernetes.io/actions.x" in found.message("bad")

    def test_invalid_transforms_answer_503_rather_than_forward_what_is_not_rewritten(self) -> None:
        found = rules(member("bad", said={"transforms.web": "[{}]"}))
        assert found.said == ["bad.org/ placeholder -> 503"]
        assert "transforms.web" in found.message("bad")

    def test_a_target_group_by_a_name_that_is_not_there(self) -> None:
        action = {"type": "forward", "targetGroupName": "theirs"}
        found = rules(with_action(action), target_groups={"theirs": ()})
        assert found.said == ["bad.org/ placeholder -> 503"]
        assert "target group theirs does not exist" in found.message("bad")

    def test_a_target_group_that_could_not_be_looked_up_keeps_what_aws_has(self) -> None:
        bad = with_action({"type": "forward", "targetGroupName": "theirs"})
        wanted = rules(bad, target_groups={"theirs": ("arn:x",)}).rules[0]
        found = rules(
            bad,
            target_groups={"theirs": Unresolved("AWS did not answer")},
            incumbent=standing(stands(wanted)),
        )
        assert [each.state for each in found.rules] == ["keep"]
        assert "AWS did not answer" in found.message("bad")


class TestConditions:
    """`conditions.X` invalid: kept if known, else never a rule that takes requests of anybody else."""

    def test_what_aws_has_is_kept_in_all_its_parts(self) -> None:
        hosts = [{"field": "host-header", "hostHeaderConfig": {"values": [f"{n}.org" for n in range(5)]}}]
        wanted = rules(member("bad", said={"conditions.web": hosts})).rules
        aws = standing(*(stands(each, priority=number) for number, each in enumerate(wanted, 1)))
        found = rules(member("bad", said=BROKEN_CONDITIONS), incumbent=aws)
        assert [(each.key.part, each.state) for each in found.rules] == [(0, "keep"), (1, "keep")]

    def test_what_the_original_made_is_kept_by_the_target_group_of_its_backend(self) -> None:
        wanted = rules(member("bad")).rules[0]
        aws = standing(
            stands(wanted, Forward((WeightedTarget("k8s-theirs"),)), tagged=False),
            groups=[group_of_original("k8s-theirs", "shop/bad-web:80")],
        )
        (only,) = rules(member("bad", said=BROKEN_CONDITIONS), incumbent=aws).rules
        assert only.state == "keep"
        assert only.content is not None
        assert only.content.actions == (Forward((WeightedTarget("k8s-theirs"),)),)

    def test_with_a_host_of_its_own_it_answers_503(self) -> None:
        found = rules(member("bad", said=BROKEN_CONDITIONS), member("good"))
        assert found.said == ["bad.org/ placeholder -> 503", "good.org/ -> web"]
        assert "source-ip: everybody is not a range" in found.message("bad")

    def test_without_a_host_there_is_no_rule(self) -> None:
        found = rules(member("bad", rule("")), member("good"))
        assert found.said[0] == "*/ -> web"
        found = rules(member("bad", rule(""), said=BROKEN_CONDITIONS), member("good"))
        assert found.said == ["*/ absent", "good.org/ -> web"]
        assert "has no rule: */" in found.message("bad")

    @pytest.mark.parametrize("host", ["bad.org", "*.org", "bad.*", ""])
    def test_with_a_host_that_another_ingress_may_have_requests_of_there_is_no_rule(self, host: str) -> None:
        found = rules(member("bad", said=BROKEN_CONDITIONS), member("good", rule(host)))
        assert [each.state for each in found.rules] == ["absent", "ok"]

    def test_with_a_later_path_for_the_same_requests_there_is_no_rule(self) -> None:
        canary = rule("bad.org", path("/", "web"), path("/", "other"))
        found = rules(member("bad", canary, said=BROKEN_CONDITIONS), services=[service(), service("other")])
        assert found.said == ["bad.org/ absent", "bad.org/ -> other"]

    def test_with_other_paths_beside_it_answers_503(self) -> None:
        both = rule("bad.org", path("/a", "web"), path("/b", "other"))
        found = rules(member("bad", both, said=BROKEN_CONDITIONS), services=[service(), service("other")])
        assert found.said == ["bad.org/a placeholder -> 503", "bad.org/b -> other"]

    @pytest.mark.parametrize("kind", ["Exact", "Prefix"])
    def test_a_wildcard_in_a_standard_path_has_no_rule_since_it_would_match_more(self, kind: str) -> None:
        found = rules(member("bad", rule("bad.org", path("/a*", kind=kind))), member("good"))
        assert found.said == ["bad.org/a* absent", "good.org/ -> web"]
        assert "pathType ImplementationSpecific" in found.message("bad")

    def test_an_unknown_path_type_has_no_rule(self) -> None:
        assert rules(member("bad", rule("bad.org", path(kind="Glob")))).said == ["bad.org/ absent"]

    def test_a_bad_switch_for_regular_expressions_has_no_rule(self) -> None:
        found = rules(member("bad", said={"use-regex-path-match": "maybe"}))
        assert found.said == ["bad.org/ absent"]
        assert "use-regex-path-match" in found.message("bad")


class TestLimits:
    """What AWS takes in no rule at all."""

    def test_a_value_that_is_too_long_has_no_rule_and_is_told(self) -> None:
        found = rules(member("bad", rule("bad.org", path("/" + "x" * 200, kind="Exact"))), member("good"))
        assert [each.state for each in found.rules] == ["absent", "ok"]
        assert "201 characters; AWS takes 128" in found.message("bad")

    def test_values_that_fit_are_served_beside_one_that_does_not(self) -> None:
        paths = [{"field": "path-pattern", "pathPatternConfig": {"values": ["/" + "x" * 200]}}]
        found = rules(member("bad", rule("bad.org", path("/ok")), said={"conditions.web": paths}))
        assert found.said == ["bad.org/ok -> web"]
        assert "201 characters" in found.message("bad")


class TestKeepOnBroken:
    """--on-broken-rule=keep: what AWS has stays in place of a 503."""

    def test_a_rule_that_was_good_stays(self) -> None:
        wanted = rules(member("bad")).rules[0]
        aws = standing(stands(wanted, FORWARD))
        found = rules(member("bad"), services=(), incumbent=aws, on_broken_rule="keep")
        assert [each.state for each in found.rules] == ["keep"]
        assert "stays as it is in AWS" in found.message("bad")

    def test_one_that_aws_never_had_answers_503(self) -> None:
        found = rules(member("bad"), services=(), on_broken_rule="keep")
        assert found.said == ["bad.org/ placeholder -> 503"]


class TestInDoubt:
    """A member whose class cannot be read: all that AWS has of it stays, and nothing new is made."""

    def doubted(self, **given: Any) -> Found:
        return rules(member("bad", doubt="its class is gone"), member("good"), **given)

    def test_its_rules_are_kept_and_its_neighbour_goes_on(self) -> None:
        found = self.doubted()
        assert found.said == ["bad.org/ keep", "good.org/ -> web"]
        assert found.rules[0].because == "its class is gone"
        assert found.problems == ()

    def test_a_rule_of_the_original_is_kept_by_what_it_says(self) -> None:
        wanted = rules(member("bad")).rules[0]
        found = self.doubted(incumbent=standing(stands(wanted, FORWARD, tagged=False)))
        assert found.said[0] == "bad.org/ keep -> web"

    def test_its_target_group_stays_where_aws_has_it_and_is_not_made_anew(self) -> None:
        (name,) = rules(member("bad")).groups
        known = standing(groups=[group_of_original(name, "shop/bad-web:80")])
        assert name in self.doubted(incumbent=known).groups
        assert name not in self.doubted().groups

    def test_every_part_that_aws_has_is_kept_though_its_conditions_cannot_be_read(self) -> None:
        hosts = [{"field": "host-header", "hostHeaderConfig": {"values": [f"{n}.org" for n in range(5)]}}]
        wanted = rules(member("bad", said={"conditions.web": hosts})).rules
        aws = standing(*(stands(each, priority=number) for number, each in enumerate(wanted, 1)))
        doubted = member("bad", said={"conditions.web": "{"}, doubt="its class is gone")
        found = rules(doubted, incumbent=aws)
        assert [(each.key.part, each.state) for each in found.rules] == [(0, "keep"), (1, "keep")]


class TestOddObjects:
    """Shapes that nobody expects are problems, never exceptions."""

    @pytest.mark.parametrize("params", ["text", [1], {"targetType": {"a": 1}}, {"targetType": []}])
    def test_settings_of_a_class_of_any_shape(self, params: Any) -> None:
        assert len(rules(member("bad", params=params), member("good")).of("good")) == 1

    def test_a_service_without_ports(self) -> None:
        empty = service("empty", ServicePort())
        found = rules(member("bad", rule("bad.org", path("/", "empty"))), services=[empty])
        assert found.said == ["bad.org/ placeholder -> 503"]

    def test_an_ingress_without_rules_has_none(self) -> None:
        assert rules(member("bad", rule("bad.org", path()))).said == ["bad.org/ -> web"]


def test_one_ingress_has_a_thousand_rules_at_most_and_its_neighbours_have_theirs() -> None:
    greedy = member("bad", rule("bad.org", *(path(f"/{number:04}") for number in range(1002))))
    found = rules(greedy, member("good"))
    assert len([each for each in found.of("bad") if each.content]) == 1000
    assert found.message("bad") == (
        "one Ingress would have more than 1000 rules; give it fewer paths, values or ports;"
        " has no rule: bad.org/1000, bad.org/1001"
    )
    assert found.said[-1] == "good.org/ -> web"

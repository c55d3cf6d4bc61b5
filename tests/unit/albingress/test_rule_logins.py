"""Rules with a login: whatever is wrong, nobody gets past one that is asked for."""

from typing import Any

import pytest

from addons.albingress.model.rules import FixedResponse, Forward, WeightedTarget
from tests.support.alb_rules import (
    LOGIN,
    OIDC,
    Found,
    https,
    in_words,
    member,
    path,
    rule,
    rules,
    secret,
    service,
    stack_of,
    standing,
    stands,
)

FORWARD = Forward((WeightedTarget("k8s-shop-web-1234567890"),))
BROKEN_CONDITIONS = {"conditions.web": [{"field": "source-ip", "sourceIPConfig": {"values": ["everybody"]}}]}


def body(found: Found) -> str:
    (only,) = found.of("bad")
    assert only.content is not None
    (action,) = only.content.actions
    assert isinstance(action, FixedResponse)
    return action.body


class TestLogin:
    """A login that is not usable: never a rule without it."""

    def test_a_login_stands_in_front_of_the_forward(self) -> None:
        found = https(member("bad", said=LOGIN), secrets=[secret()])
        assert found.said == ["bad.org/ -> login then web"]
        assert found.rules[0].secret == "hunter2"
        assert "hunter2" not in f"{found.rules[0].secret_digest} {found.rules!r}"

    @pytest.mark.parametrize(
        "said",
        [
            {"auth-type": "oidc"},
            {"auth-type": "saml"},
            {"auth-type": "cognito"},
            {"auth-type": "oidc", "auth-idp-oidc": "{"},
            {"auth-type": "oidc", "auth-idp-oidc": OIDC | {"issuer": "idp.org"}},
            {"auth-type": "oidc", "auth-idp-oidc": OIDC | {"secretName": ""}},
            {**LOGIN, "auth-session-timeout": "long"},
            {**LOGIN, "auth-on-unauthenticated-request": "let in"},
            {**LOGIN, "jwt-validation": "{}"},
            {"jwt-validation": "{}"},
            {"jwt-validation": ""},
        ],
    )
    @pytest.mark.parametrize("on_broken_rule", ["503", "keep"])
    def test_one_that_cannot_be_read_answers_503_whatever_aws_has(
        self, said: dict[str, Any], on_broken_rule: str
    ) -> None:
        without = https(member("bad")).rules[0]
        found = https(
            member("bad", said=said),
            member("good"),
            secrets=[secret()],
            incumbent=standing(stands(without), port=443),
            on_broken_rule=on_broken_rule,
        )
        assert found.said == ["bad.org/ placeholder -> 503", "good.org/ -> web"]
        assert body(found) == "backend unavailable: its login is not set up"
        assert found.message("bad")

    def test_a_missing_secret_answers_503_where_aws_has_nothing(self) -> None:
        found = https(member("bad", said=LOGIN))
        assert found.said == ["bad.org/ placeholder -> 503"]
        assert "secret shop/login does not exist" in found.message("bad")

    @pytest.mark.parametrize("tagged", [True, False])
    def test_a_missing_secret_keeps_a_rule_that_has_its_login(self, tagged: bool) -> None:
        wanted = https(member("bad", said=LOGIN), secrets=[secret()]).rules[0]
        aws = standing(stands(wanted, tagged=tagged), port=443)
        (only,) = https(member("bad", said=LOGIN), incumbent=aws).rules
        assert only.state == "keep"
        assert only.secret == ""

    @pytest.mark.parametrize("tagged", [True, False])
    def test_a_missing_secret_does_not_keep_a_rule_without_a_login(self, tagged: bool) -> None:
        without = https(member("bad")).rules[0]
        aws = standing(stands(without, FORWARD, tagged=tagged), port=443)
        assert https(member("bad", said=LOGIN), incumbent=aws).said == ["bad.org/ placeholder -> 503"]

    @pytest.mark.parametrize(
        "data",
        [
            {"clientSecret": b"x"},
            {"clientID": b"x"},
            {"clientID": b"", "clientSecret": b"x"},
            {"clientID": b"x", "clientSecret": b"\n"},
            {"clientID": b"x", "clientSecret": b"\xff"},
        ],
    )
    def test_a_secret_without_its_keys_is_named(self, data: dict[str, bytes]) -> None:
        found = https(member("bad", said=LOGIN), secrets=[secret(data=data)])
        assert found.said == ["bad.org/ placeholder -> 503"]
        assert "secret shop/login" in found.message("bad")

    def test_broken_conditions_do_not_keep_a_rule_without_the_login_that_is_asked_for(self) -> None:
        without = https(member("bad")).rules[0]
        found = https(
            member("bad", said={**LOGIN, **BROKEN_CONDITIONS}),
            secrets=[secret()],
            incumbent=standing(stands(without, FORWARD), port=443),
        )
        assert found.said == ["bad.org/ placeholder -> 503"]

    def test_a_service_just_gone_does_not_keep_a_rule_without_the_login_that_is_asked_for(self) -> None:
        without = https(member("bad")).rules[0]
        aws = standing(stands(without, FORWARD), port=443)
        found = https(member("bad", said=LOGIN), secrets=[secret()], services=(), gone=["web"], incumbent=aws)
        assert found.said == ["bad.org/ placeholder -> 503"]

    def test_a_service_wins_over_its_ingress(self) -> None:
        web = service(said={"auth-type": "none"})
        assert https(member("bad", said=LOGIN), services=[web], secrets=[secret()]).said == [
            "bad.org/ -> web"
        ]

    def test_a_service_may_ask_for_a_login_by_itself(self) -> None:
        found = https(member("bad"), services=[service(said=LOGIN)], secrets=[secret()])
        assert found.said == ["bad.org/ -> login then web"]

    def test_a_login_stands_in_front_of_a_fixed_response_too(self) -> None:
        action = {"type": "fixed-response", "fixedResponseConfig": {"statusCode": "200"}}
        bad = member(
            "bad", rule("bad.org", path("/", "x", "use-annotation")), said=LOGIN | {"actions.x": action}
        )
        assert https(bad, secrets=[secret()]).said == ["bad.org/ -> login then 200"]


class TestOverHttp:
    """Nobody can log in over HTTP: the original forwards everybody without a word."""

    def both(self, **more: Any) -> Any:
        return member("bad", said=LOGIN | more)

    def on_http(self, *members: Any, has_https: bool = True, **given: Any) -> Found:
        ports = {"shop/bad": 8443} if has_https else {}
        return rules(*members, https=ports, secrets=[secret()], **given)

    def test_clients_are_sent_to_the_https_listener_of_the_ingress(self) -> None:
        found = self.on_http(self.both(), member("good"))
        assert found.said == ["bad.org/ -> redirect HTTPS 8443", "good.org/ -> web"]
        assert found.problems[0].reason == "AuthenticationOnHttp"
        assert found.message("bad") == (
            "authentication does not work on port 80, which is HTTP; add ssl-redirect;"
            " redirected to HTTPS port 8443: bad.org/"
        )

    def test_without_one_it_answers_503(self) -> None:
        found = self.on_http(self.both(), has_https=False)
        assert found.said == ["bad.org/ placeholder -> 503"]
        assert body(found) == "backend unavailable: login needs HTTPS"
        assert found.problems[0].reason == "AuthenticationOnHttp"

    def test_a_login_that_cannot_be_read_is_still_one(self) -> None:
        found = self.on_http(member("bad", said={"auth-type": "saml"}))
        assert found.said == ["bad.org/ -> redirect HTTPS 8443"]

    def test_tokens_are_protected_alike(self) -> None:
        found = self.on_http(member("bad", said={"jwt-validation": "{}"}))
        assert found.said == ["bad.org/ -> redirect HTTPS 8443"]

    def test_a_redirect_of_the_user_stays_as_it_is(self) -> None:
        config = {"statusCode": "HTTP_301", "protocol": "HTTPS", "port": "443"}
        action = {"type": "redirect", "redirectConfig": config}
        bad = member(
            "bad", rule("bad.org", path("/", "x", "use-annotation")), said=LOGIN | {"actions.x": action}
        )
        found = self.on_http(bad)
        assert found.said == ["bad.org/ -> redirect HTTPS 443"]
        assert found.problems == ()

    def test_our_redirect_hides_no_rule_of_a_neighbour(self) -> None:
        bad = member("bad", rule("", path("/")), said=LOGIN)
        assert self.on_http(bad, member("good")).said == ["*/ -> redirect HTTPS 8443", "good.org/ -> web"]

    def test_even_on_broken_rule_keep_leaves_no_forward_without_a_login(self) -> None:
        aws = standing(stands(rules(member("bad")).rules[0], FORWARD))
        found = self.on_http(self.both(), has_https=False, incumbent=aws, on_broken_rule="keep")
        assert found.said == ["bad.org/ placeholder -> 503"]

    def test_one_setting_forwards_as_the_original_does(self) -> None:
        found = self.on_http(self.both(), auth_on_http="forward")
        assert found.said == ["bad.org/ -> web"]
        assert found.problems == ()


class TestLeft:
    """Rules of an Ingress whose port cannot be served as it asks: they stay, but not past its login."""

    def left(self, said: dict[str, Any], *stand: Any) -> tuple[list[str], list[str]]:
        stack, problems = stack_of(
            member("bad", said=said | {"ssl-redirect": "444"}),
            member("good"),
            secrets=[secret()],
            incumbent=standing(*(stands(each, FORWARD) for each in stand)),
        )
        (http,) = stack.listeners
        return [in_words(each) for each in http.rules], [each.message for each in problems]

    def test_what_aws_has_stays(self) -> None:
        found, _ = self.left({}, rules(member("bad")).rules[0])
        assert found == ["bad.org/ keep -> web", "good.org/ -> web"]

    def test_but_not_without_the_login_that_is_asked_for(self) -> None:
        found, told = self.left(LOGIN, rules(member("bad")).rules[0])
        assert found == ["bad.org/ placeholder -> 503", "good.org/ -> web"]
        assert any(
            "what it asks for on port 80 cannot be used now, and its rule in AWS leads past" in each
            for each in told
        )

    def test_and_where_aws_has_nothing_nothing_is_made(self) -> None:
        assert self.left(LOGIN)[0] == ["bad.org/ keep", "good.org/ -> web"]

    def test_a_fault_in_the_login_of_a_service_is_told_there(self) -> None:
        web = service(said=LOGIN | {"auth-idp-oidc": OIDC | {"issuer": "idp.org"}})
        told = {str(each.ref): each.message for each in https(member("bad"), services=[web]).problems}
        assert told["service/shop/web"].startswith(
            "annotation alb.ingress.kubernetes.io/auth-idp-oidc: issuer 'idp.org' is not a URL with https://"
        )
        assert told["ingress/shop/bad"].startswith("service/shop/web: annotation")

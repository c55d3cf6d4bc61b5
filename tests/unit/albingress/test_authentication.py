"""Logins and tokens: what annotations and Secrets say about them."""

from typing import Any

import pytest

from addons.albingress.desired.authentication import Authentication, desired_authentication
from addons.albingress.desired.not_usable import NotUsable
from addons.albingress.model.rules import AuthenticateCognito, AuthenticateOidc, JwtClaim, JwtValidation
from tests.support.alb_rules import LOGIN, OIDC, inputs, member, secret

POOL = {"userPoolARN": "arn:aws:cognito-idp:1:userpool/p", "userPoolClientID": "us", "userPoolDomain": "d"}
TOKEN = {"jwksEndpoint": "https://idp.org/keys", "issuer": "https://idp.org"}


def read(said: dict[str, Any], **data: bytes) -> Authentication | None:
    one = member("web", said=said)
    given = inputs(one, secrets=[secret(data=data)])
    return desired_authentication(one, None, given)


def action(said: dict[str, Any]) -> Any:
    found = read(said)
    assert found is not None
    return found.action


def refused(said: dict[str, Any]) -> str:
    with pytest.raises(NotUsable) as caught:
        read(said)
    return str(caught.value)


class TestOidc:
    """An OpenID provider, with a client whose secret is in a Secret."""

    def test_usual_settings_of_a_session(self) -> None:
        assert action(LOGIN) == AuthenticateOidc(
            issuer="https://idp.org",
            authorization_endpoint="https://idp.org/a",
            token_endpoint="https://idp.org/t",
            user_info_endpoint="https://idp.org/u",
            client_id="us",
            session_cookie="AWSELBAuthSessionCookie",
            scope="openid",
            session_timeout=604800,
            on_unauthenticated="authenticate",
        )

    def test_a_session_as_it_is_asked_for(self) -> None:
        found = action(
            LOGIN
            | {
                "auth-session-cookie": "c",
                "auth-scope": "openid email",
                "auth-session-timeout": "60",
                "auth-on-unauthenticated-request": "deny",
            }
        )
        assert (found.session_cookie, found.scope, found.session_timeout, found.on_unauthenticated) == (
            "c",
            "openid email",
            60,
            "deny",
        )

    def test_more_parameters_of_the_request_keep_their_names_as_written(self) -> None:
        more = OIDC | {"authenticationRequestExtraParams": {"Prompt": "login", "display": "page"}}
        assert action(LOGIN | {"auth-idp-oidc": more}).extra == (("Prompt", "login"), ("display", "page"))

    def test_the_older_name_of_the_client_id_is_read(self) -> None:
        found = read(LOGIN, clientId=b"them", clientSecret=b"x")
        assert found is not None
        assert isinstance(found.action, AuthenticateOidc)
        assert found.action.client_id == "them"

    def test_what_editors_leave_behind_an_id_or_a_secret_does_not_count(self) -> None:
        found = read(LOGIN, clientID=b"us \n", clientSecret=b"hun ter2 \n\x00")
        assert found is not None
        assert isinstance(found.action, AuthenticateOidc)
        assert (found.action.client_id, found.secret) == ("us", "hun ter2 ")

    def test_the_digest_tells_secrets_apart_and_not_what_they_are(self) -> None:
        one, other = (read(LOGIN, clientID=b"us", clientSecret=text) for text in (b"a", b"b"))
        assert one is not None
        assert other is not None
        assert one.secret_digest != other.secret_digest
        assert len(one.secret_digest) == 64

    def test_the_secret_is_never_shown(self) -> None:
        assert "hunter2" not in repr(read(LOGIN))

    @pytest.mark.parametrize(
        "field", ["issuer", "authorizationEndpoint", "tokenEndpoint", "userInfoEndpoint"]
    )
    def test_every_endpoint_is_needed_with_https(self, field: str) -> None:
        for url in ("", "http://idp.org"):
            assert f"auth-idp-oidc: {field}" in refused(LOGIN | {"auth-idp-oidc": OIDC | {field: url}})

    def test_without_a_provider_it_is_named(self) -> None:
        assert "auth-idp-oidc is missing" in refused({"auth-type": "oidc"})

    def test_eleven_parameters_are_too_many(self) -> None:
        more = OIDC | {"authenticationRequestExtraParams": {str(number): "x" for number in range(11)}}
        assert "11 authenticationRequestExtraParams; AWS takes 10" in refused(LOGIN | {"auth-idp-oidc": more})


class TestCognito:
    """A user pool of Cognito."""

    def test_it_is_read(self) -> None:
        assert action({"auth-type": "cognito", "auth-idp-cognito": POOL}) == AuthenticateCognito(
            POOL["userPoolARN"], "us", "d"
        )

    @pytest.mark.parametrize("field", list(POOL))
    def test_every_field_is_needed(self, field: str) -> None:
        said = {"auth-type": "cognito", "auth-idp-cognito": POOL | {field: ""}}
        assert f"{field} is missing" in refused(said)


class TestTokens:
    """Bearer tokens that the load balancer looks at itself."""

    def test_it_is_read(self) -> None:
        claims = [
            {"name": "ver", "format": "string-array", "values": ["6", "19"]},
            {"name": "admin", "format": "single-string", "values": ["true"]},
        ]
        assert action({"jwt-validation": TOKEN | {"additionalClaims": claims}}) == JwtValidation(
            "https://idp.org/keys",
            "https://idp.org",
            (JwtClaim("admin", "single-string", ("true",)), JwtClaim("ver", "string-array", ("19", "6"))),
        )

    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            ({}, "jwksEndpoint is missing"),
            (TOKEN | {"issuer": ""}, "issuer is missing"),
            (TOKEN | {"additionalClaims": [{"name": "a"}]}, "a claim needs name and values"),
            (
                TOKEN | {"additionalClaims": [{"name": "a", "format": "int", "values": ["1"]}]},
                "a: format 'int' is none of single-string",
            ),
            (TOKEN | {"additionalClaims": "all"}, "additionalClaims: expected a list, got a text"),
        ],
    )
    def test_what_cannot_be_used_is_named(self, said: dict[str, Any], expected: str) -> None:
        assert expected in refused({"jwt-validation": said})

    def test_a_login_and_a_token_exclude_each_other(self) -> None:
        assert "exclude each other; remove one" in refused(LOGIN | {"jwt-validation": TOKEN})


def test_nothing_is_asked_for_without_a_type() -> None:
    assert read({}) is None
    assert read({"auth-type": "none", "auth-idp-oidc": "{"}) is None

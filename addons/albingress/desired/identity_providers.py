"""What annotations say about logins and tokens: the provider, the user pool, the issuer. Pure."""

from collections.abc import Mapping
from typing import Final

from msgspec import field

from addons.albingress.desired.annotation_values import JsonPart, Unreadable, json_of
from addons.albingress.model.rules import JwtClaim, JwtValidation

_MOST_EXTRA: Final = 10
_MOST_CLAIMS: Final = 10
_FORMATS: Final = ("single-string", "string-array", "space-separated-values")


class OidcProvider(JsonPart, frozen=True):
    """An OpenID provider as an annotation names it; the client is in the Secret `secret_name`."""

    issuer: str = ""
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    user_info_endpoint: str = ""
    secret_name: str = ""
    authentication_request_extra_params: Mapping[str, str] = {}


class UserPool(JsonPart, frozen=True):
    """A Cognito user pool as an annotation names it."""

    user_pool_arn: str = field(default="", name="userPoolARN")
    user_pool_client_id: str = field(default="", name="userPoolClientID")
    user_pool_domain: str = ""
    authentication_request_extra_params: Mapping[str, str] = {}


class _Claim(JsonPart, frozen=True):
    name: str = ""
    format: str = ""
    values: tuple[str, ...] = ()


class _Jwt(JsonPart, frozen=True):
    jwks_endpoint: str = ""
    issuer: str = ""
    additional_claims: tuple[_Claim, ...] = ()


def oidc_provider(text: str) -> OidcProvider:
    """The OpenID provider that an annotation says; raises Unreadable."""
    written = json_of(OidcProvider)(text)
    _check_url(written.issuer, "issuer")
    _check_url(written.authorization_endpoint, "authorizationEndpoint")
    _check_url(written.token_endpoint, "tokenEndpoint")
    _check_url(written.user_info_endpoint, "userInfoEndpoint")
    if not written.secret_name:
        raise Unreadable("secretName is missing")
    _check_extra(written.authentication_request_extra_params)
    return written


def user_pool(text: str) -> UserPool:
    """The user pool that an annotation says; raises Unreadable."""
    written = json_of(UserPool)(text)
    parts = {
        "userPoolARN": written.user_pool_arn,
        "userPoolClientID": written.user_pool_client_id,
        "userPoolDomain": written.user_pool_domain,
    }
    if lacking := [name for name, value in parts.items() if not value]:
        raise Unreadable(f"{', '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} missing")
    _check_extra(written.authentication_request_extra_params)
    return written


def token_validation(text: str) -> JwtValidation:
    """Which tokens an annotation lets through; raises Unreadable."""
    written = json_of(_Jwt)(text)
    _check_url(written.jwks_endpoint, "jwksEndpoint")
    if not written.issuer:
        raise Unreadable("issuer is missing")
    if len(written.additional_claims) > _MOST_CLAIMS:
        raise Unreadable(f"{len(written.additional_claims)} additionalClaims; AWS takes {_MOST_CLAIMS}")
    return JwtValidation(
        written.jwks_endpoint, written.issuer, tuple(sorted(map(_claim, written.additional_claims)))
    )


def _claim(claim: _Claim) -> JwtClaim:
    if not claim.name or not claim.values:
        raise Unreadable("additionalClaims: a claim needs name and values")
    if claim.format not in _FORMATS:
        listed = ", ".join(_FORMATS)
        raise Unreadable(f"additionalClaims: {claim.name}: format {claim.format!r} is none of {listed}")
    return JwtClaim(claim.name, claim.format, tuple(sorted(claim.values)))


def _check_url(url: str, where: str) -> None:
    if not url.startswith("https://"):
        raise Unreadable(f"{where} {url!r} is not a URL with https://" if url else f"{where} is missing")


def _check_extra(params: Mapping[str, str]) -> None:
    if len(params) > _MOST_EXTRA:
        raise Unreadable(f"{len(params)} authenticationRequestExtraParams; AWS takes {_MOST_EXTRA}")

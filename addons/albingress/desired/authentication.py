"""Authentication in front of a rule: how people log in, or which tokens are let through. Pure.

Whatever cannot be used here is raised, never left out: a rule with a fault in its authentication is never
one without.
"""

import hmac
from collections.abc import Mapping
from typing import Final, TypedDict, TypeVar
from unicodedata import category

from msgspec import Struct, field

from addons.albingress import names
from addons.albingress.desired import annotations
from addons.albingress.desired.asked import Invalid
from addons.albingress.desired.inputs import GroupInputs, Member
from addons.albingress.desired.json_values import JsonPart, read_json
from addons.albingress.desired.not_usable import NotUsable, usable
from addons.albingress.model.objects import Secret, Service
from addons.albingress.model.rules import (
    AuthenticateCognito,
    AuthenticateOidc,
    JwtClaim,
    JwtValidation,
)
from addons.runtime.objects import KubeObject

T = TypeVar("T")

_MOST_EXTRA: Final = 10
_MOST_CLAIMS: Final = 10
_FORMATS: Final = ("single-string", "string-array", "space-separated-values")
_SHOWN: Final = "its login is not set up"


class Authentication(Struct, frozen=True):
    """The action that comes before the last one. `secret` is never shown; `secret_digest` changes with it."""

    action: AuthenticateOidc | AuthenticateCognito | JwtValidation
    secret: str = ""
    secret_digest: str = ""

    def __repr__(self) -> str:
        return f"Authentication({self.action!r})"


class _Oidc(JsonPart, frozen=True):
    issuer: str = ""
    authorization_endpoint: str = ""
    token_endpoint: str = ""
    user_info_endpoint: str = ""
    secret_name: str = ""
    authentication_request_extra_params: Mapping[str, str] = {}


class _Cognito(JsonPart, frozen=True):
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


class _Session(TypedDict):
    session_cookie: str
    scope: str
    session_timeout: int
    on_unauthenticated: str


def asks_for_authentication(member: Member, service: Service | None) -> bool:
    """Whether requests are to be let through only with a login or a token, well said or not.

    `service` is the one that a rule leads to alone: its settings then win.
    """
    objects = _objects(member, service)
    kind = annotations.AUTH_TYPE.asked_by(*objects)
    return kind not in (None, "none") or annotations.JWT_VALIDATION.asked_by(*objects) is not None


def desired_authentication(
    member: Member, service: Service | None, inputs: GroupInputs
) -> Authentication | None:
    """The authentication that is asked for, None where there is none. Raises NotUsable."""
    objects = _objects(member, service)
    try:
        kind = usable(annotations.AUTH_TYPE.asked_by(*objects), "none")
        token = annotations.JWT_VALIDATION.asked_by(*objects)
        if kind != "none" and token is not None:
            raise NotUsable(f"{names.AUTH_TYPE} and {names.JWT_VALIDATION} exclude each other")
        if isinstance(token, Invalid) or token:
            return Authentication(_jwt(usable(token, "")))
        if kind == "oidc":
            return _oidc(objects, _session(objects), member, inputs)
        return Authentication(_cognito(objects, _session(objects))) if kind == "cognito" else None
    except NotUsable as fault:
        fault.shown = _SHOWN
        raise


def _objects(member: Member, service: Service | None) -> tuple[KubeObject, ...]:
    return (service, member.ingress) if service else (member.ingress,)


def _session(objects: tuple[KubeObject, ...]) -> _Session:
    return _Session(
        session_cookie=usable(annotations.AUTH_SESSION_COOKIE.asked_by(*objects), "AWSELBAuthSessionCookie"),
        scope=usable(annotations.AUTH_SCOPE.asked_by(*objects), "openid"),
        session_timeout=usable(annotations.AUTH_SESSION_TIMEOUT.asked_by(*objects), 604800),
        on_unauthenticated=usable(annotations.AUTH_ON_UNAUTHENTICATED.asked_by(*objects), "authenticate"),
    )


def _oidc(
    objects: tuple[KubeObject, ...], session: _Session, member: Member, inputs: GroupInputs
) -> Authentication:
    text = usable(annotations.AUTH_IDP_OIDC.asked_by(*objects), "")
    written = _given(text, _Oidc, names.AUTH_IDP_OIDC, names.AUTH_TYPE)
    endpoints = {
        "issuer": written.issuer,
        "authorizationEndpoint": written.authorization_endpoint,
        "tokenEndpoint": written.token_endpoint,
        "userInfoEndpoint": written.user_info_endpoint,
    }
    for name, url in endpoints.items():
        _check_url(url, f"{names.AUTH_IDP_OIDC}: {name}")
    if not written.secret_name:
        raise NotUsable(f"{names.AUTH_IDP_OIDC}: secretName is missing")
    client_id, secret = _client(member, written.secret_name, inputs)
    action = AuthenticateOidc(
        issuer=written.issuer,
        authorization_endpoint=written.authorization_endpoint,
        token_endpoint=written.token_endpoint,
        user_info_endpoint=written.user_info_endpoint,
        client_id=client_id,
        extra=_extra(written.authentication_request_extra_params, names.AUTH_IDP_OIDC),
        **session,
    )
    digest = hmac.digest(inputs.config.cluster_name.encode(), secret.encode(), "sha256").hex()
    return Authentication(action, secret, digest)


def _client(member: Member, name: str, inputs: GroupInputs) -> tuple[str, str]:
    """The id and the secret of an OpenID client; the blanks and newlines that editors leave do not count."""
    namespace = member.key[0]
    if why := inputs.unread_secrets.get((namespace, name)):
        what = f"secret {namespace}/{name} cannot be read, which the chart's secrets.names permits"
        raise _no_secret(f"{what}: {why}")
    if not (secret := inputs.secrets.get((namespace, name))):
        raise _no_secret(f"secret {namespace}/{name} does not exist")
    client_id = _text(secret, "clientID", "clientId").rstrip()
    password = _text(secret, "clientSecret")
    while password and category(password[-1]) == "Cc":
        password = password[:-1]
    if not client_id or not password:
        raise _no_secret(f"secret {namespace}/{name}: {'clientSecret' if client_id else 'clientID'} is empty")
    return client_id, password


def _text(secret: Secret, *keys: str) -> str:
    which = f"secret {secret.metadata.namespace}/{secret.metadata.name}"
    for key in keys:
        if (data := secret.data.get(key)) is not None:
            try:
                return data.decode()
            except UnicodeDecodeError:
                raise _no_secret(f"{which}: {key} is not text") from None
    raise _no_secret(f"{which} has no key {keys[0]}")


def _no_secret(message: str) -> NotUsable:
    return NotUsable(message, shown=_SHOWN, is_gone=True)


def _cognito(objects: tuple[KubeObject, ...], session: _Session) -> AuthenticateCognito:
    text = usable(annotations.AUTH_IDP_COGNITO.asked_by(*objects), "")
    written = _given(text, _Cognito, names.AUTH_IDP_COGNITO, names.AUTH_TYPE)
    parts = {
        "userPoolARN": written.user_pool_arn,
        "userPoolClientID": written.user_pool_client_id,
        "userPoolDomain": written.user_pool_domain,
    }
    for name, value in parts.items():
        if not value:
            raise NotUsable(f"{names.AUTH_IDP_COGNITO}: {name} is missing")
    return AuthenticateCognito(
        user_pool_arn=written.user_pool_arn,
        user_pool_client_id=written.user_pool_client_id,
        user_pool_domain=written.user_pool_domain,
        extra=_extra(written.authentication_request_extra_params, names.AUTH_IDP_COGNITO),
        **session,
    )


def _jwt(text: str) -> JwtValidation:
    where = names.JWT_VALIDATION
    written = read_json(text, _Jwt, where)
    _check_url(written.jwks_endpoint, f"{where}: jwksEndpoint")
    if not written.issuer:
        raise NotUsable(f"{where}: issuer is missing")
    if len(written.additional_claims) > _MOST_CLAIMS:
        raise NotUsable(
            f"{where}: {len(written.additional_claims)} additionalClaims; AWS takes {_MOST_CLAIMS}"
        )
    claims = tuple(_claim(claim, f"{where}: additionalClaims") for claim in written.additional_claims)
    return JwtValidation(written.jwks_endpoint, written.issuer, tuple(sorted(claims)))


def _claim(claim: _Claim, where: str) -> JwtClaim:
    if not claim.name or not claim.values:
        raise NotUsable(f"{where}: a claim needs name and values")
    if claim.format not in _FORMATS:
        raise NotUsable(f"{where}: {claim.name}: format {claim.format} is none of {', '.join(_FORMATS)}")
    return JwtClaim(claim.name, claim.format, tuple(sorted(claim.values)))


def _given(text: str, type_: type[T], where: str, needed_by: str) -> T:
    if not text:
        raise NotUsable(f"{where} is missing, which {needed_by} needs")
    return read_json(text, type_, where)


def _check_url(url: str, where: str) -> None:
    if not url.startswith("https://"):
        raise NotUsable(f"{where}: {url or '(none)'} is not a URL with https://")


def _extra(params: Mapping[str, str], where: str) -> tuple[tuple[str, str], ...]:
    if len(params) > _MOST_EXTRA:
        raise NotUsable(f"{where}: {len(params)} authenticationRequestExtraParams; AWS takes {_MOST_EXTRA}")
    return tuple(sorted(params.items()))

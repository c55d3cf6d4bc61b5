"""Authentication in front of a rule: how people log in, or which tokens are let through. Pure.

Whatever cannot be used here is raised, never left out: a rule with a fault in its authentication is never
one without.
"""

import hmac
from collections.abc import Callable, Mapping
from typing import Final, TypedDict, TypeVar
from unicodedata import category

from msgspec import Struct, field

from addons.albingress import names
from addons.albingress.desired import annotations
from addons.albingress.desired.annotation_values import Unreadable, json_of
from addons.albingress.desired.asked import Setting
from addons.albingress.desired.inputs import GroupInputs, Member
from addons.albingress.desired.json_values import JsonPart
from addons.albingress.desired.not_usable import NotUsable, readable, usable
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
        token = annotations.JWT_VALIDATION.parsed_as(_jwt).asked_by(*objects)
        if kind != "none" and token is not None:
            both = f"annotations {annotations.AUTH_TYPE.name()} and {annotations.JWT_VALIDATION.name()}"
            raise NotUsable(f"{both} exclude each other; remove one")
        if token is not None:
            return Authentication(readable(token))
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
    written = _given(annotations.AUTH_IDP_OIDC, _oidc_provider, objects)
    client_id, secret = _client(member, written.secret_name, inputs)
    action = AuthenticateOidc(
        issuer=written.issuer,
        authorization_endpoint=written.authorization_endpoint,
        token_endpoint=written.token_endpoint,
        user_info_endpoint=written.user_info_endpoint,
        client_id=client_id,
        extra=tuple(sorted(written.authentication_request_extra_params.items())),
        **session,
    )
    digest = hmac.digest(inputs.config.cluster_name.encode(), secret.encode(), "sha256").hex()
    return Authentication(action, secret, digest)


def _oidc_provider(text: str) -> _Oidc:
    written = json_of(_Oidc)(text)
    _check_url(written.issuer, "issuer")
    _check_url(written.authorization_endpoint, "authorizationEndpoint")
    _check_url(written.token_endpoint, "tokenEndpoint")
    _check_url(written.user_info_endpoint, "userInfoEndpoint")
    if not written.secret_name:
        raise Unreadable("secretName is missing")
    _check_extra(written.authentication_request_extra_params)
    return written


def _client(member: Member, name: str, inputs: GroupInputs) -> tuple[str, str]:
    """The id and the secret of an OpenID client; the blanks and newlines that editors leave do not count."""
    namespace = member.key[0]
    if not (secret := inputs.secrets.get((namespace, name))):
        fix = f"make it, or name another in {names.AUTH_IDP_OIDC}"
        raise _no_secret(f"secret {namespace}/{name} does not exist; {fix}")
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
    written = _given(annotations.AUTH_IDP_COGNITO, _user_pool, objects)
    return AuthenticateCognito(
        user_pool_arn=written.user_pool_arn,
        user_pool_client_id=written.user_pool_client_id,
        user_pool_domain=written.user_pool_domain,
        extra=tuple(sorted(written.authentication_request_extra_params.items())),
        **session,
    )


def _user_pool(text: str) -> _Cognito:
    written = json_of(_Cognito)(text)
    parts = {
        "userPoolARN": written.user_pool_arn,
        "userPoolClientID": written.user_pool_client_id,
        "userPoolDomain": written.user_pool_domain,
    }
    if lacking := [name for name, value in parts.items() if not value]:
        raise Unreadable(f"{', '.join(lacking)} {'is' if len(lacking) == 1 else 'are'} missing")
    _check_extra(written.authentication_request_extra_params)
    return written


def _jwt(text: str) -> JwtValidation:
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


def _given(setting: Setting[str], parse: Callable[[str], T], objects: tuple[KubeObject, ...]) -> T:
    """What the annotation says that a kind of login needs; raises NotUsable, for the object that says it."""
    asked = setting.parsed_as(parse).asked_by(*objects)
    if asked is None:
        kind = annotations.AUTH_TYPE.asked_by(*objects)
        raise NotUsable(
            f"annotation {setting.name()} is missing, which {names.AUTH_TYPE} {kind} needs; add it"
        )
    return readable(asked)


def _check_url(url: str, where: str) -> None:
    if not url.startswith("https://"):
        raise Unreadable(f"{where} {url!r} is not a URL with https://" if url else f"{where} is missing")


def _check_extra(params: Mapping[str, str]) -> None:
    if len(params) > _MOST_EXTRA:
        raise Unreadable(f"{len(params)} authenticationRequestExtraParams; AWS takes {_MOST_EXTRA}")

"""Authentication in front of a rule: how people log in, or which tokens are let through. Pure.

Whatever cannot be used here is raised, never left out: a rule with a fault in its authentication is never
one without.
"""

import hmac
from typing import Final, TypedDict, TypeVar
from unicodedata import category

from msgspec import Struct

from addons.albingress import names
from addons.albingress.desired import annotations
from addons.albingress.desired.asked import Setting
from addons.albingress.desired.inputs import GroupInputs, Member
from addons.albingress.desired.not_usable import NotUsable, readable, usable
from addons.albingress.model.objects import Secret, Service
from addons.albingress.model.rules import (
    AuthenticateCognito,
    AuthenticateOidc,
    JwtValidation,
)
from addons.runtime.objects import KubeObject

T = TypeVar("T")

_SHOWN: Final = "its login is not set up"


class Authentication(Struct, frozen=True):
    """The action that comes before the last one. `secret` is never shown; `secret_digest` changes with it."""

    action: AuthenticateOidc | AuthenticateCognito | JwtValidation
    secret: str = ""
    secret_digest: str = ""

    def __repr__(self) -> str:
        return f"Authentication({self.action!r})"


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
    written = _needed(annotations.AUTH_IDP_OIDC, objects)
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


def _client(member: Member, name: str, inputs: GroupInputs) -> tuple[str, str]:
    """The id and the secret of an OpenID client; the blanks and newlines that editors leave do not count."""
    namespace = member.key[0]
    if why := inputs.unread_secrets.get((namespace, name)):
        what = f"secret {namespace}/{name} cannot be read, which the chart's secrets.names permits"
        raise _no_secret(f"{what}: {why}")
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
    written = _needed(annotations.AUTH_IDP_COGNITO, objects)
    return AuthenticateCognito(
        user_pool_arn=written.user_pool_arn,
        user_pool_client_id=written.user_pool_client_id,
        user_pool_domain=written.user_pool_domain,
        extra=tuple(sorted(written.authentication_request_extra_params.items())),
        **session,
    )


def _needed(setting: Setting[T], objects: tuple[KubeObject, ...]) -> T:
    """What the annotation says that a kind of login needs; raises NotUsable, for the object that says it."""
    if (asked := setting.asked_by(*objects)) is None:
        kind = annotations.AUTH_TYPE.asked_by(*objects)
        raise NotUsable(
            f"annotation {setting.name()} is missing, which {names.AUTH_TYPE} {kind} needs; add it"
        )
    return readable(asked)

"""What a rule of a listener says: conditions, actions and transforms, as values that compare.

The same types describe what is asked for and what AWS has. Values are normalised where they are made: the
values of a condition sorted and without repeats, conditions sorted by field, redirects with every part. So
two rules are the same exactly if they are equal, up to the secret of an OIDC client, which AWS never shows.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from msgspec import Struct

ConditionField = Literal[
    "host-header", "path-pattern", "http-header", "http-request-method", "query-string", "source-ip"
]

FIRST_PRIORITY: Final = 1
LAST_PRIORITY: Final = 50_000


class Condition(Struct, frozen=True, order=True):
    """One condition: any of `values`, or of the regular expressions `regex`, must fit.

    `header` is the name of the header of http-header. query-string has `pairs` in place of values: (key,
    value), the key empty for any.
    """

    field: ConditionField
    values: tuple[str, ...] = ()
    regex: tuple[str, ...] = ()
    header: str = ""
    pairs: tuple[tuple[str, str], ...] = ()


class WeightedTarget(Struct, frozen=True, order=True):
    """A target group that requests are forwarded to. `group` is the name of one of ours, else an ARN."""

    group: str
    weight: int = 1


class Forward(Struct, frozen=True, tag=True):
    """Hand the request to targets; `stickiness_seconds` keeps a client with one target group."""

    targets: tuple[WeightedTarget, ...]
    stickiness_seconds: int | None = None


class Redirect(Struct, frozen=True, tag=True):
    """Send the client elsewhere; `status` is HTTP_301 or HTTP_302."""

    status: str
    protocol: str = "#{protocol}"
    host: str = "#{host}"
    port: str = "#{port}"
    path: str = "/#{path}"
    query: str = "#{query}"


class FixedResponse(Struct, frozen=True, tag=True):
    """Answer without a target; `status` such as "503"."""

    status: str
    content_type: str = ""
    body: str = ""


class AuthenticateOidc(Struct, frozen=True, tag=True):
    """Have people log in at an OpenID provider first.

    The secret of the client is kept apart (`DesiredRule.secret`): AWS never shows it.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    user_info_endpoint: str
    client_id: str
    session_cookie: str = "AWSELBAuthSessionCookie"
    scope: str = "openid"
    session_timeout: int = 604800
    on_unauthenticated: str = "authenticate"
    extra: tuple[tuple[str, str], ...] = ()


class AuthenticateCognito(Struct, frozen=True, tag=True):
    """Have people log in at a Cognito user pool first."""

    user_pool_arn: str
    user_pool_client_id: str
    user_pool_domain: str
    session_cookie: str = "AWSELBAuthSessionCookie"
    scope: str = "openid"
    session_timeout: int = 604800
    on_unauthenticated: str = "authenticate"
    extra: tuple[tuple[str, str], ...] = ()


class JwtClaim(Struct, frozen=True, order=True):
    """A claim that a token must have beyond issuer, in a format: single-string, string-array, ..."""

    name: str
    format: str
    values: tuple[str, ...]


class JwtValidation(Struct, frozen=True, tag=True):
    """Let requests through only with a valid bearer token."""

    jwks_endpoint: str
    issuer: str
    claims: tuple[JwtClaim, ...] = ()


Action = Forward | Redirect | FixedResponse | AuthenticateOidc | AuthenticateCognito | JwtValidation


class Transform(Struct, frozen=True, order=True):
    """Rewrite the host or the path before the request is handed on; `kind` as AWS writes it."""

    kind: Literal["url-rewrite", "host-header-rewrite"]
    regex: str
    replace: str


class RuleContent(Struct, frozen=True):
    """All that makes a rule, without its priority. The last action is a final one."""

    conditions: tuple[Condition, ...]
    actions: tuple[Action, ...]
    transforms: tuple[Transform, ...] = ()


def has_login(actions: Iterable[Action]) -> bool:
    """Whether a login or a token is asked for, which AWS can over HTTPS only."""
    return any(
        isinstance(action, AuthenticateOidc | AuthenticateCognito | JwtValidation) for action in actions
    )


def target_groups_of(actions: tuple[Action, ...]) -> tuple[str, ...]:
    """The target groups that actions forward to, by name or ARN."""
    return tuple(
        target.group for action in actions if isinstance(action, Forward) for target in action.targets
    )


def lets_nobody_in(actions: Sequence[Action]) -> bool:
    """Whether nothing is handed to targets without a login or a token."""
    for action in actions:
        if isinstance(action, AuthenticateOidc | AuthenticateCognito | JwtValidation):
            return True
        if isinstance(action, Forward):
            return False
    return True

"""Actions of rules and listeners. Target groups of ours have names in the model, and ARNs in AWS."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from addons.albingress.aws.translate.conditions import Item, NotReadable
from addons.albingress.model.rules import (
    Action,
    AuthenticateCognito,
    AuthenticateOidc,
    FixedResponse,
    Forward,
    JwtClaim,
    JwtValidation,
    Redirect,
    WeightedTarget,
)
from addons.albingress.model.stack import Pairs

Naming = Callable[[str], str]
"""The name of the target group with an ARN, where it is ours; else the ARN itself."""

Resolving = Callable[[str], str]
"""The ARN of the target group with a name; ARNs stay as they are."""

_SESSION: Final = {
    "session_cookie": "SessionCookieName",
    "scope": "Scope",
    "session_timeout": "SessionTimeout",
    "on_unauthenticated": "OnUnauthenticatedRequest",
}
_OIDC: Final = {
    "issuer": "Issuer",
    "authorization_endpoint": "AuthorizationEndpoint",
    "token_endpoint": "TokenEndpoint",
    "user_info_endpoint": "UserInfoEndpoint",
    "client_id": "ClientId",
    **_SESSION,
}
_COGNITO: Final = {
    "user_pool_arn": "UserPoolArn",
    "user_pool_client_id": "UserPoolClientId",
    "user_pool_domain": "UserPoolDomain",
    **_SESSION,
}
_EXTRA = "AuthenticationRequestExtraParams"
_REDIRECT: Final = {
    "status": "StatusCode",
    "protocol": "Protocol",
    "host": "Host",
    "port": "Port",
    "path": "Path",
    "query": "Query",
}
_FIXED: Final = {"status": "StatusCode", "content_type": "ContentType", "body": "MessageBody"}


def actions_from_api(items: Iterable[Item], name_of: Naming) -> tuple[Action, ...]:
    """Read actions, in the order in which they are done. Raises NotReadable.

    AWS names a target group that is alone twice, here and in the config, and no weight then counts.
    """
    in_order = sorted(items, key=lambda item: item.get("Order") or 0)
    return tuple(_action_from_api(item, name_of) for item in in_order)


def _action_from_api(item: Item, name_of: Naming) -> Action:
    match item.get("Type"):
        case "forward":
            return _forward(item, name_of)
        case "redirect":
            return Redirect(**_fields(item.get("RedirectConfig"), _REDIRECT))
        case "fixed-response":
            return FixedResponse(**_fields(item.get("FixedResponseConfig"), _FIXED))
        case "authenticate-oidc":
            config = item.get("AuthenticateOidcConfig") or {}
            return AuthenticateOidc(**_fields(config, _OIDC), extra=_extra(config))
        case "authenticate-cognito":
            config = item.get("AuthenticateCognitoConfig") or {}
            return AuthenticateCognito(**_fields(config, _COGNITO), extra=_extra(config))
        case "jwt-validation":
            return _jwt(item.get("JwtValidationConfig") or {})
        case unknown:
            raise NotReadable(f"action {unknown}")


def _fields(config: Item | None, names: Mapping[str, str]) -> dict[str, Any]:
    """What a config says, by the names of the model; what is not said has its default there."""
    config = config or {}
    return {ours: config[theirs] for ours, theirs in names.items() if config.get(theirs) is not None}


def _extra(config: Item) -> Pairs:
    return tuple(sorted((config.get(_EXTRA) or {}).items()))


def _forward(item: Item, name_of: Naming) -> Forward:
    config = item.get("ForwardConfig") or {}
    groups = config.get("TargetGroups") or [{"TargetGroupArn": item["TargetGroupArn"]}]
    sticky = config.get("TargetGroupStickinessConfig") or {}
    return forward(
        [WeightedTarget(name_of(each["TargetGroupArn"]), _weight(each)) for each in groups],
        sticky.get("DurationSeconds") if sticky.get("Enabled") else None,
    )


def _weight(group: Item) -> int:
    weight: int | None = group.get("Weight")
    return 1 if weight is None else weight


def forward(targets: Sequence[WeightedTarget], stickiness_seconds: int | None) -> Forward:
    """A forward in the one form: sorted, and of weight 1 where there is one target group only."""
    if len(targets) == 1:
        targets = [WeightedTarget(targets[0].group)]
    return Forward(tuple(sorted(targets)), stickiness_seconds)


def _jwt(config: Item) -> JwtValidation:
    claims = [
        JwtClaim(each["Name"], each["Format"], tuple(sorted(each["Values"])))
        for each in config.get("AdditionalClaims") or ()
    ]
    return JwtValidation(config.get("JwksEndpoint", ""), config.get("Issuer", ""), tuple(sorted(claims)))


def actions_to_api(actions: Sequence[Action], arn_of: Resolving, *, secret: str = "") -> list[dict[str, Any]]:
    """Give actions as a call takes them; without a `secret` an OIDC client keeps the one that it has."""
    items = (_action_to_api(action, arn_of, secret) for action in actions)
    return [item | {"Order": number} for number, item in enumerate(items, 1)]


def _action_to_api(action: Action, arn_of: Resolving, secret: str) -> dict[str, Any]:
    match action:
        case Forward():
            return {"Type": "forward", "ForwardConfig": _forward_config(action, arn_of)}
        case Redirect():
            return {"Type": "redirect", "RedirectConfig": _config(action, _REDIRECT)}
        case FixedResponse():
            said = {name: value for name, value in _config(action, _FIXED).items() if value}
            return {"Type": "fixed-response", "FixedResponseConfig": said}
        case AuthenticateOidc():
            proof = {"ClientSecret": secret} if secret else {"UseExistingClientSecret": True}
            config = _config(action, _OIDC) | _extra_params(action.extra) | proof
            return {"Type": "authenticate-oidc", "AuthenticateOidcConfig": config}
        case AuthenticateCognito():
            config = _config(action, _COGNITO) | _extra_params(action.extra)
            return {"Type": "authenticate-cognito", "AuthenticateCognitoConfig": config}
        case JwtValidation():
            return {"Type": "jwt-validation", "JwtValidationConfig": _jwt_config(action)}


def _config(action: Action, names: Mapping[str, str]) -> dict[str, Any]:
    return {theirs: getattr(action, ours) for ours, theirs in names.items()}


def _extra_params(extra: Pairs) -> dict[str, Any]:
    return {_EXTRA: dict(extra)} if extra else {}


def _forward_config(action: Forward, arn_of: Resolving) -> dict[str, Any]:
    groups = [{"TargetGroupArn": arn_of(target.group), "Weight": target.weight} for target in action.targets]
    if action.stickiness_seconds is None:
        return {"TargetGroups": groups}
    sticky = {"Enabled": True, "DurationSeconds": action.stickiness_seconds}
    return {"TargetGroups": groups, "TargetGroupStickinessConfig": sticky}


def _jwt_config(action: JwtValidation) -> dict[str, Any]:
    claims = [
        {"Name": claim.name, "Format": claim.format, "Values": list(claim.values)} for claim in action.claims
    ]
    more = {"AdditionalClaims": claims} if claims else {}
    return {"JwksEndpoint": action.jwks_endpoint, "Issuer": action.issuer, **more}

"""What a listener or a rule may do with a request."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from addons.sim.aws.elbv2.account import Account
from addons.sim.aws.elbv2.errors import ElbError, bad_action, invalid
from addons.sim.aws.elbv2.model import Listener, target_groups_of

Item = dict[str, Any]

_FINAL = ("forward", "redirect", "fixed-response")
_FIRST = {
    "authenticate-oidc": "AuthenticateOidcConfig",
    "authenticate-cognito": "AuthenticateCognitoConfig",
    "jwt-validation": "JwtValidationConfig",
}
_NOTHING_CHANGED = {
    "Protocol": "#{protocol}",
    "Port": "#{port}",
    "Host": "#{host}",
    "Path": "/#{path}",
    "Query": "#{query}",
}
_CONTENT = ("text/plain", "text/css", "text/html", "application/javascript", "application/json")
_SESSION = {
    "SessionCookieName": "AWSELBAuthSessionCookie",
    "Scope": "openid",
    "SessionTimeout": 604800,
    "OnUnauthenticatedRequest": "authenticate",
}


def read_actions(
    account: Account, listener: Listener, items: Iterable[Mapping[str, Any]], *, secret: str = ""
) -> tuple[tuple[Item, ...], str]:
    """Give actions in one form, in order, and the secret of an OIDC client: it is kept, and never shown.

    `secret` is the one that the rule had, which `UseExistingClientSecret` keeps.
    """
    given = sorted(items, key=lambda item: int(item.get("Order", 0)))
    _check_types(given, listener)
    found = []
    for item in given:
        kind = item["Type"]
        if kind == "forward":
            found.append(_forward(account, item))
        elif kind == "redirect":
            found.append(_redirect(item))
        elif kind == "fixed-response":
            found.append(_fixed(item))
        else:
            action, secret = _first(item, secret)
            found.append(action)
    numbered = [{**item, "Order": number} for number, item in enumerate(found, 1)]
    if len(numbered) == 1 and "Order" not in given[0]:
        del numbered[0]["Order"]
    actions = tuple(numbered)
    _check_groups(account, listener, actions)
    return actions, secret


def _check_types(items: list[Mapping[str, Any]], listener: Listener) -> None:
    kinds = [item.get("Type", "") for item in items]
    for kind in kinds:
        if kind not in _FINAL and kind not in _FIRST:
            known = ", ".join((*_FINAL, *_FIRST))
            raise invalid(f"Action type '{kind}' must be one of '[{known}]'")
    if len(kinds) > 1 and len({item.get("Order") for item in items}) < len(kinds):
        raise bad_action("Each action must have an order of its own")
    if not kinds or kinds[-1] not in _FINAL:
        raise bad_action("The last action must be 'forward', 'redirect' or 'fixed-response'")
    if any(kind in _FINAL for kind in kinds[:-1]):
        raise bad_action("Exactly one of 'forward', 'redirect' and 'fixed-response' must be specified")
    if len(kinds) > 2:
        raise bad_action("A rule can have one authentication action")
    if len(kinds) > 1 and listener.protocol != "HTTPS":
        raise bad_action(f"Actions of type '{kinds[0]}' can only be used with an HTTPS listener")


def _forward(account: Account, item: Mapping[str, Any]) -> Item:
    config = item.get("ForwardConfig") or {}
    groups = config.get("TargetGroups") or []
    if arn := item.get("TargetGroupArn"):
        if groups and [each["TargetGroupArn"] for each in groups] != [arn]:
            raise bad_action("'TargetGroupArn' and 'ForwardConfig' must name the same target group")
        groups = groups or [{"TargetGroupArn": arn}]
    if not groups:
        raise bad_action("A target group ARN must be specified for an action of type 'forward'")
    most = account.quotas["target-groups-per-action-on-application-load-balancer"]
    if len(groups) > most:
        raise ElbError("TooManyTargetGroups", f"An action can forward to '{most}' target groups at most")
    for each in groups:
        if not 0 <= each.get("Weight", 1) <= 999:
            raise invalid(f"Target group weight '{each['Weight']}' must be between 0 and 999")
    sticky = config.get("TargetGroupStickinessConfig") or {"Enabled": False}
    if sticky.get("Enabled") and not 1 <= sticky.get("DurationSeconds", 0) <= 604800:
        raise invalid("The duration of target group stickiness must be between 1 and 604800 seconds")
    weighted = [
        {"TargetGroupArn": each["TargetGroupArn"], "Weight": each.get("Weight", 1)} for each in groups
    ]
    return {
        "Type": "forward",
        "ForwardConfig": {"TargetGroups": weighted, "TargetGroupStickinessConfig": sticky},
    }


def _redirect(item: Mapping[str, Any]) -> Item:
    given = item.get("RedirectConfig") or {}
    config = {**_NOTHING_CHANGED, **{key: value for key, value in given.items() if value is not None}}
    if config.get("StatusCode") not in ("HTTP_301", "HTTP_302"):
        raise invalid("A redirect must have the status code HTTP_301 or HTTP_302")
    if all(config[key] == value for key, value in _NOTHING_CHANGED.items() if key != "Query"):
        raise bad_action("The redirect configuration is not valid because it creates a loop")
    if config["Protocol"] not in ("HTTP", "HTTPS", "#{protocol}"):
        raise invalid(f"Redirect protocol '{config['Protocol']}' must be HTTP, HTTPS or #{{protocol}}")
    port = config["Port"]
    if port != "#{port}" and not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise invalid(f"Redirect port '{port}' must be between 1 and 65535 or #{{port}}")
    if not config["Path"].startswith("/"):
        raise invalid(f"Redirect path '{config['Path']}' must start with '/'")
    return {"Type": "redirect", "RedirectConfig": config}


def _fixed(item: Mapping[str, Any]) -> Item:
    config = item.get("FixedResponseConfig") or {}
    if not re.fullmatch(r"[245]\d\d", config.get("StatusCode", ""), re.ASCII):
        raise invalid(f"Status code '{config.get('StatusCode', '')}' must match the pattern '(2|4|5)XX'")
    if len(config.get("MessageBody", "")) > 1024:
        raise invalid("The message body must not exceed 1024 characters")
    if config.get("ContentType", "text/plain") not in _CONTENT:
        raise invalid(f"Content type '{config['ContentType']}' must be one of '[{', '.join(_CONTENT)}]'")
    return {"Type": "fixed-response", "FixedResponseConfig": dict(config)}


def _first(item: Mapping[str, Any], secret: str) -> tuple[Item, str]:
    name = _FIRST[item["Type"]]
    if not (config := dict(item.get(name) or {})):
        raise bad_action(f"'{name}' must be specified for an action of type '{item['Type']}'")
    if name == "JwtValidationConfig":
        return {"Type": item["Type"], name: config}, secret
    keeps = config.pop("UseExistingClientSecret", False)
    if name == "AuthenticateOidcConfig":
        new = config.pop("ClientSecret", "")
        if bool(new) == keeps or (keeps and not secret):
            raise bad_action("Exactly one of 'ClientSecret' and 'UseExistingClientSecret' must be specified")
        secret = new or secret
        for field in ("AuthorizationEndpoint", "TokenEndpoint", "UserInfoEndpoint"):
            if not config[field].startswith("https://"):
                raise bad_action(f"'{field}' must be a URL with HTTPS")
    return {"Type": item["Type"], name: {**_SESSION, **config}}, secret


def _check_groups(account: Account, listener: Listener, actions: tuple[Item, ...]) -> None:
    mine, uses = listener.load_balancer_arn, account.uses()
    balancer = account.load_balancer(mine)
    new = [account.target_group(arn) for arn, _ in target_groups_of(actions)]
    for group in new:
        if group.settings["VpcId"] != balancer.vpc_id:
            raise bad_action(f"Target group '{group.arn}' is in another VPC than the load balancer")
        if group.settings["IpAddressType"] == "ipv6" and balancer.ip_address_type == "ipv4":
            raise bad_action(f"Target group '{group.arn}' has addresses that the load balancer has not: ipv6")
        if others := set(uses.get(group.arn, ())) - {mine}:
            raise ElbError(
                "TargetGroupAssociationLimit",
                "The following target groups cannot be associated with more than one load balancer: "
                f"{group.arn} (used by {min(others)})",
            )
    used = {arn for arn, users in uses.items() if mine in users} | {group.arn for group in new}
    quota = "target-groups-per-application-load-balancer"
    account.check_quota(
        quota, len(used), "TooManyUniqueTargetGroupsPerLoadBalancer", f"target groups on '{mine}'"
    )


def shape(item: Mapping[str, Any]) -> Item:
    """Give an action as answers have it: with the target group in the old place too, if it is one."""
    groups = item.get("ForwardConfig", {}).get("TargetGroups", ())
    return {**item, **({"TargetGroupArn": groups[0]["TargetGroupArn"]} if len(groups) == 1 else {})}

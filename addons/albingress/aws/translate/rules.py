"""Rules and listeners."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from addons.albingress.aws.translate.actions import Naming, Resolving, actions_from_api, actions_to_api
from addons.albingress.aws.translate.conditions import (
    Item,
    NotReadable,
    conditions_from_api,
    conditions_to_api,
    transforms_from_api,
    transforms_to_api,
)
from addons.albingress.model.elb import Listener, Rule
from addons.albingress.model.rules import Action, RuleContent
from addons.albingress.model.stack import DesiredListener, Pairs

T = TypeVar("T")


def rule_from_api(item: Item, name_of: Naming, tags: Pairs = ()) -> Rule:
    """Read a rule; one that says more than the model can is not readable, and has what could be read."""
    conditions, conditions_read = _each(item.get("Conditions"), conditions_from_api)
    transforms, transforms_read = _each(item.get("Transforms"), transforms_from_api)
    actions, actions_read = default_actions_from_api(item.get("Actions"), name_of)
    return Rule(
        arn=item["RuleArn"],
        priority=int(item["Priority"]),
        content=RuleContent(conditions, actions, transforms),
        tags=tags,
        is_readable=conditions_read and transforms_read and actions_read,
    )


def default_actions_from_api(
    items: Iterable[Item] | None, name_of: Naming
) -> tuple[tuple[Action, ...], bool]:
    """Read actions; False when some say more than the model can, which are left out."""
    return _each(items, lambda each: actions_from_api(each, name_of))


def _each(
    items: Iterable[Item] | None, read: Callable[[Iterable[Item]], tuple[T, ...]]
) -> tuple[tuple[T, ...], bool]:
    """Read all at once, or, where some cannot be read, those that can."""
    given = list(items or ())
    try:
        return read(given), True
    except NotReadable:
        found: list[T] = []
        for item in given:
            with suppress(NotReadable):
                found += read([item])
        return tuple(found), False


def content_to_api(content: RuleContent, arn_of: Resolving, *, secret: str = "") -> dict[str, Any]:
    """Give what a rule says as CreateRule and ModifyRule take it."""
    said = {
        "Conditions": conditions_to_api(content.conditions),
        "Actions": actions_to_api(content.actions, arn_of, secret=secret),
    }
    return said | ({"Transforms": transforms_to_api(content.transforms)} if content.transforms else {})


_MUTUAL = ("Mode", "TrustStoreArn", "IgnoreClientCertificateExpiry", "AdvertiseTrustStoreCaNames")


def listener_from_api(item: Item, name_of: Naming, tags: Pairs = ()) -> Listener:
    """Read a listener, without its rules; of its certificates the description has the default one only."""
    actions, _ = default_actions_from_api(item.get("DefaultActions"), name_of)
    return Listener(
        arn=item["ListenerArn"],
        port=item["Port"],
        protocol=item["Protocol"],
        default_actions=actions,
        certificates=tuple(each["CertificateArn"] for each in item.get("Certificates") or ()),
        ssl_policy=item.get("SslPolicy") or "" if item["Protocol"] == "HTTPS" else "",
        mutual_authentication=_mutual(item.get("MutualAuthentication") or {}),
        tags=tags,
    )


def _mutual(config: Item) -> Pairs:
    """Read what is asked of clients; nothing where it is off, and without what is off unless asked for."""
    if config.get("Mode", "off") == "off":
        return ()
    said = {name: _text(config[name]) for name in _MUTUAL if config.get(name) is not None}
    usual = {"IgnoreClientCertificateExpiry": "false", "AdvertiseTrustStoreCaNames": "off"}
    return tuple(sorted((name, value) for name, value in said.items() if usual.get(name) != value))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def default_actions_to_api(
    listener: DesiredListener, arn_of: Resolving, *, secret: str = ""
) -> dict[str, Any]:
    """Give the default actions of a listener as CreateListener and ModifyListener take them."""
    return {"DefaultActions": actions_to_api(listener.default_actions, arn_of, secret=secret)}


def listener_to_api(listener: DesiredListener, present: Pairs = ()) -> dict[str, Any]:
    """Give the rest of a listener as they take it, of its certificates the default one.

    `present` is what it asks of clients now.
    """
    said: dict[str, Any] = {"Port": listener.port, "Protocol": listener.protocol}
    if listener.protocol == "HTTPS":
        if listener.mutual_authentication or present:
            said["MutualAuthentication"] = _mutual_to_api(dict(listener.mutual_authentication))
        if listener.ssl_policy:
            said["SslPolicy"] = listener.ssl_policy
        if listener.certificates:
            said["Certificates"] = [{"CertificateArn": listener.certificates[0]}]
    return said


def _mutual_to_api(pairs: Mapping[str, str]) -> dict[str, Any]:
    if not pairs:
        return {"Mode": "off"}
    flag = "IgnoreClientCertificateExpiry"
    return {name: value == "true" if name == flag else value for name, value in pairs.items()}

"""What a listener is like beside its rules and default actions: protocol, TLS, attributes, tags."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.actions import (
    AwsAction,
    DeleteRule,
    ModifyListener,
    ModifyListenerAttributes,
    ModifyRule,
)
from addons.albingress.model.elb import Listener
from addons.albingress.model.rules import has_login
from addons.albingress.model.stack import DesiredListener
from addons.albingress.plan.attributes import kept_attributes, kept_tags, stale_attributes
from addons.albingress.plan.certificates import plan_certificates
from addons.albingress.plan.ground import Ground
from addons.albingress.plan.tags import Tagged, plan_tags
from addons.runtime.outcomes import Skip


class SettingsPlan(Struct, frozen=True):
    """What comes before the rules change, and after. `opener` is the action that turns the port to HTTPS."""

    first: tuple[AwsAction, ...] = ()
    last: tuple[AwsAction, ...] = ()
    opener: str = ""


_LISTENER = "listener/"


def key_of(listener: str) -> str:
    """Names a listener in decisions."""
    return f"{_LISTENER}{listener}"


def port_of(key: str) -> int:
    """The port of the listener that a key of `key_of` names; 0 for other keys."""
    port = key.rpartition(":")[2]
    return int(port) if key.startswith(_LISTENER) and port.isdecimal() else 0


def plan_settings(wish: DesiredListener, there: Listener, ground: Ground) -> SettingsPlan:
    """Change protocol, policy, certificates and what is asked of clients; nothing of a port that is kept.

    A port speaks HTTPS before it has rules with a login, and HTTP after.
    """
    if wish.state == "keep":
        return SettingsPlan()
    name, differing = ground.listener(wish.port), _differing(wish, there)
    key = key_of(name) if differing else ""
    found = plan_certificates(name, wish, there, key, ground.view)
    if not differing:
        return SettingsPlan(found.before, found.after)
    change = ModifyListener(
        key=key,
        ref=wish.owner.ref,
        because=f"{', '.join(differing)} of port {wish.port} are to be others",
        needs=tuple(each.key for each in found.before),
        load_balancer=ground.load_balancer,
        listener=wish,
        parts=("tls",),
    )
    if wish.protocol == "HTTP":
        return SettingsPlan(last=(change,))
    opener = key if there.protocol != "HTTPS" else ""
    return SettingsPlan((*found.before, change), found.after, opener)


def after_logins(
    settings: SettingsPlan, wish: DesiredListener, there: Listener, actions: Iterable[AwsAction]
) -> tuple[tuple[AwsAction, ...], tuple[Skip, ...]]:
    """What comes last: a port cannot turn to HTTP before `actions` have taken the last login from it."""
    if wish.protocol != "HTTP" or there.protocol != "HTTPS" or not settings.last:
        return settings.last, ()
    enders = _enders_of_logins(there, actions)
    if enders is None:
        message = f"port {wish.port} goes on with HTTPS: a rule that stays asks for a login"
        return (), (Skip(settings.last[0].key, wish.owner.ref, names.WAITING, message),)
    return tuple(replace(each, needs=(*each.needs, *enders)) for each in settings.last), ()


def _enders_of_logins(there: Listener, actions: Iterable[AwsAction]) -> tuple[str, ...] | None:
    """The actions after which nothing on a listener asks for a login; None where something goes on to."""
    enders: dict[str, str] = {}
    for action in actions:
        if isinstance(action, DeleteRule) or (
            isinstance(action, ModifyRule) and not has_login(action.content.actions)
        ):
            enders[action.existing.arn] = action.key
        elif isinstance(action, ModifyListener) and not has_login(action.listener.default_actions):
            enders[there.arn] = action.key
    asking = [rule.arn for rule in there.rules if has_login(rule.content.actions)]
    if has_login(there.default_actions):
        asking.append(there.arn)
    return tuple(enders[arn] for arn in asking) if enders.keys() >= set(asking) else None


def _differing(wish: DesiredListener, there: Listener) -> list[str]:
    if wish.protocol == "HTTPS" and not (wish.certificates or there.certificates):
        return []
    found = ["protocol"] if wish.protocol != there.protocol else []
    if wish.protocol == "HTTPS":
        if wish.certificates and wish.certificates[:1] != there.certificates[:1]:
            found.append("default certificate")
        if wish.ssl_policy and wish.ssl_policy != there.ssl_policy:
            found.append("policy")
        if wish.mutual_authentication != there.mutual_authentication:
            found.append("verification of clients")
    return found


def plan_attributes(
    wish: DesiredListener, there: Listener, ground: Ground, needs: tuple[str, ...]
) -> tuple[list[AwsAction], tuple[Skip, ...]]:
    """Set attributes and tags. The tag that vouches for a secret `needs` the action that gives it to AWS."""
    if wish.state == "keep":
        return [], ()
    name, ref, actions = ground.listener(wish.port), wish.owner.ref, list[AwsAction]()
    if stale := stale_attributes(there.attributes, there.tags, wish.attributes):
        key = f"attributes/{key_of(name)}"
        because = f"attributes {', '.join(each for each, _ in stale)} are to be others"
        actions.append(
            ModifyListenerAttributes(key=key, ref=ref, because=because, listener=name, attributes=stale)
        )
        needs = (*needs, key)
    thing = Tagged(key_of(name), there.arn, f"listener {name}", ref)
    tags = kept_tags(wish.tags, there.tags, wish.attributes, wish.default_secret_digest)
    external = ground.view.policy.external_tags
    actions += plan_tags(thing, there.tags, tags, external=external, needs=needs)
    return actions, kept_attributes(thing.key, thing.what, ref, there.tags, wish.attributes)

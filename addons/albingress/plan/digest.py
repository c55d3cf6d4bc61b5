"""Digests: of a whole desired stack, of what one rule says, of attributes that a listing does not show."""

from hashlib import sha256

from msgspec import msgpack
from msgspec.structs import replace

from addons.albingress.model.actions import AwsAction, CreateRule, ModifyRule
from addons.albingress.model.rules import RuleContent
from addons.albingress.model.stack import DesiredListener, DesiredRule, Pairs, Stack


def stack_digest(stack: Stack) -> str:
    """Names what a group asks for: two stacks with equal digests need the same of AWS.

    Secrets count by their own digests only.
    """
    listeners = tuple(_without_secrets(listener) for listener in stack.listeners)
    return _digest(replace(stack, listeners=listeners))


def _without_secrets(listener: DesiredListener) -> DesiredListener:
    rules = tuple(_without_secret(rule) for rule in listener.rules)
    return replace(listener, rules=rules, default_secret="")


def _without_secret(rule: DesiredRule) -> DesiredRule:
    return replace(rule, secret="") if rule.secret else rule


def content_digest(content: RuleContent, secret_digest: str = "") -> str:
    """Names what a rule says, its secret included."""
    return _digest((content, secret_digest))


def spec_of(action: AwsAction) -> str:
    """Names what an action would have said, for the memory of what AWS refused; empty where none is kept."""
    if isinstance(action, CreateRule) and action.rule.content:
        return content_digest(action.rule.content, action.rule.secret_digest)
    if isinstance(action, ModifyRule):
        return content_digest(action.content, action.rule.secret_digest)
    return ""


def said_by(action: AwsAction) -> str:
    """Names all that an action asks AWS for: not why, for whom and after what it is asked."""
    return _digest(replace(action, because="", ref=None, needs=()))


def attributes_digest(attributes: Pairs) -> str:
    """What TAG_SPEC has of attributes; empty where none are asked for."""
    return _digest(attributes)[:32] if attributes else ""


def _digest(value: object) -> str:
    return sha256(msgpack.encode(value)).hexdigest()

"""Actions that annotations give in place of a Service: forward, redirect or fixed response. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct, field

from addons.albingress.desired.annotation_values import JsonPart, Unreadable, json_of
from addons.albingress.model.objects import NumberOrName
from addons.albingress.model.rules import FixedResponse, Redirect

MOST_TARGET_GROUPS: Final = 5
HEAVIEST: Final = 999
LONGEST_STICKINESS: Final = 604_800
"""Seven days, in seconds."""

_STATUS: Final = re.compile(r"[245]\d\d", re.ASCII)
_CONTENT_TYPES: Final = ("text/plain", "text/css", "text/html", "application/javascript", "application/json")
_LONGEST_BODY: Final = 1024
_LONGEST_PART: Final = 128


class Target(Struct, frozen=True, kw_only=True):
    """What a share of the requests is forwarded to: a Service, or a target group by its ARN or name."""

    service: str = ""
    port: NumberOrName = 0
    arn: str = ""
    group_name: str = ""
    weight: int = 1

    def __str__(self) -> str:
        return f"{self.service}:{self.port}" if self.service else self.arn or self.group_name


class ForwardTo(Struct, frozen=True, kw_only=True):
    """The wish to forward; which target groups it comes to is not decided yet."""

    targets: tuple[Target, ...]
    stickiness_seconds: int | None = None

    @property
    def only_service(self) -> str:
        """The Service where it is the single target, whose own settings then count; else empty."""
        return self.targets[0].service if len(self.targets) == 1 else ""


Wish = ForwardTo | Redirect | FixedResponse


class _Tuple(JsonPart, frozen=True):
    target_group_arn: str | None = field(default=None, name="targetGroupARN")
    target_group_name: str | None = None
    service_name: str | None = None
    service_port: int | str | None = None
    weight: int | None = None


class _Stickiness(JsonPart, frozen=True):
    enabled: bool = False
    duration_seconds: int | None = None


class _Forward(JsonPart, frozen=True):
    target_groups: tuple[_Tuple, ...] = ()
    target_group_stickiness_config: _Stickiness = _Stickiness()


class _Redirect(JsonPart, frozen=True):
    status_code: str = ""
    host: str = "#{host}"
    path: str = "/#{path}"
    port: str = "#{port}"
    protocol: str = "#{protocol}"
    query: str = "#{query}"


class _FixedResponse(JsonPart, frozen=True):
    status_code: str = ""
    content_type: str = ""
    message_body: str = ""


class _Action(JsonPart, frozen=True):
    type: str = ""
    target_group_arn: str | None = field(default=None, name="targetGroupARN")
    target_group_name: str | None = None
    forward_config: _Forward | None = None
    redirect_config: _Redirect | None = None
    fixed_response_config: _FixedResponse | None = None


def action(text: str) -> Wish:
    """The action that an annotation says; raises Unreadable."""
    written = json_of(_Action)(text)
    if written.type not in _READERS:
        raise Unreadable(f"type {written.type!r} is none of {', '.join(_READERS)}")
    return _READERS[written.type](written)


def _forward(written: _Action) -> ForwardTo:
    short = [_Tuple(target_group_arn=written.target_group_arn, target_group_name=written.target_group_name)]
    is_short = bool(written.target_group_arn or written.target_group_name)
    if is_short == (written.forward_config is not None):
        raise Unreadable("needs one of targetGroupARN, targetGroupName and forwardConfig")
    groups = short if written.forward_config is None else written.forward_config.target_groups
    if not 0 < len(groups) <= MOST_TARGET_GROUPS:
        raise Unreadable(f"{len(groups)} target groups; AWS takes 1 to {MOST_TARGET_GROUPS}")
    if len(groups) > 1 and any(group.weight is None for group in groups):
        raise Unreadable("each of several target groups needs a weight")
    config = written.forward_config or _Forward()
    return ForwardTo(
        targets=tuple(_target(group, f"targetGroups[{at}]") for at, group in enumerate(groups)),
        stickiness_seconds=_stickiness(config.target_group_stickiness_config),
    )


def _target(group: _Tuple, where: str) -> Target:
    named = [group.target_group_arn, group.target_group_name, group.service_name]
    if sum(bool(name) for name in named) != 1:
        raise Unreadable(f"{where}: needs one of targetGroupARN, targetGroupName and serviceName")
    if group.service_name and not group.service_port:
        raise Unreadable(f"{where}: servicePort is missing")
    if group.target_group_arn and ":targetgroup/" not in group.target_group_arn:
        raise Unreadable(f"{where}: {group.target_group_arn} is not the ARN of a target group")
    weight = 1 if group.weight is None else group.weight
    if not 0 <= weight <= HEAVIEST:
        raise Unreadable(f"{where}: weight {weight} is not from 0 to {HEAVIEST}")
    return Target(
        service=group.service_name or "",
        port=as_port(group.service_port or 0),
        arn=group.target_group_arn or "",
        group_name=group.target_group_name or "",
        weight=weight,
    )


def as_port(written: NumberOrName) -> NumberOrName:
    """A port by number where what is written is one: old annotations have numbers as texts."""
    text = str(written)
    return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else text


def _stickiness(config: _Stickiness) -> int | None:
    if not config.enabled:
        return None
    if not 1 <= (seconds := config.duration_seconds or 0) <= LONGEST_STICKINESS:
        raise Unreadable(f"stickiness needs durationSeconds from 1 to {LONGEST_STICKINESS}")
    return seconds


def _redirect(written: _Action) -> Redirect:
    if not (config := written.redirect_config):
        raise Unreadable("redirectConfig is missing")
    if config.status_code not in ("HTTP_301", "HTTP_302"):
        raise Unreadable(f"statusCode {config.status_code or '(none)'} is not HTTP_301 or HTTP_302")
    if config.protocol not in ("HTTP", "HTTPS", "#{protocol}"):
        raise Unreadable(f"protocol {config.protocol} is not HTTP, HTTPS or #{{protocol}}")
    if config.port != "#{port}" and not _is_port(config.port):
        raise Unreadable(f"port {config.port} is not from 1 to 65535, nor #{{port}}")
    if not config.path.startswith("/"):
        raise Unreadable(f"path {config.path} does not start with /")
    for name, text in (("host", config.host), ("path", config.path), ("query", config.query)):
        if len(text) > _LONGEST_PART:
            raise Unreadable(f"{name} has {len(text)} characters; AWS takes {_LONGEST_PART}")
    if not config.host:
        raise Unreadable("host is empty")
    return Redirect(config.status_code, config.protocol, config.host, config.port, config.path, config.query)


def _is_port(text: str) -> bool:
    return bool(re.fullmatch(r"\d{1,5}", text, re.ASCII)) and 1 <= int(text) <= 65535


def _fixed_response(written: _Action) -> FixedResponse:
    if not (config := written.fixed_response_config):
        raise Unreadable("fixedResponseConfig is missing")
    if not _STATUS.fullmatch(config.status_code):
        raise Unreadable(f"statusCode {config.status_code or '(none)'} is not 2XX, 4XX or 5XX")
    if config.content_type and config.content_type not in _CONTENT_TYPES:
        raise Unreadable(f"contentType {config.content_type} is none of {', '.join(_CONTENT_TYPES)}")
    if len(config.message_body) > _LONGEST_BODY:
        raise Unreadable(f"messageBody has {len(config.message_body)} characters; AWS takes {_LONGEST_BODY}")
    return FixedResponse(config.status_code, config.content_type, config.message_body)


_READERS: Final[Mapping[str, Callable[[_Action], Wish]]] = {
    "forward": _forward,
    "redirect": _redirect,
    "fixed-response": _fixed_response,
}

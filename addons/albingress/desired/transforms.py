"""Transforms of a rule: how host and path are rewritten before a request is handed on. Pure."""

from typing import Final, Literal, cast

from addons.albingress.desired.annotation_values import JsonPart, Unreadable, json_of
from addons.albingress.model.rules import Transform

_LONGEST: Final = 1024
_CONFIGS: Final = {"url-rewrite": "urlRewriteConfig", "host-header-rewrite": "hostHeaderRewriteConfig"}


class _Rewrite(JsonPart, frozen=True):
    regex: str = ""
    replace: str = ""


class _Rewrites(JsonPart, frozen=True):
    rewrites: tuple[_Rewrite, ...] = ()


class _Transform(JsonPart, frozen=True):
    type: str = ""
    url_rewrite_config: _Rewrites | None = None
    host_header_rewrite_config: _Rewrites | None = None


def transforms(text: str) -> tuple[Transform, ...]:
    """The transforms that an annotation says, sorted: at most one of each kind (an AWS limit).

    Raises Unreadable.
    """
    found = tuple(map(_read, json_of(tuple[_Transform, ...])(text)))
    if len({each.kind for each in found}) < len(found):
        raise Unreadable("AWS takes one transform of each type")
    return tuple(sorted(found))


def _read(written: _Transform) -> Transform:
    if written.type not in _CONFIGS:
        raise Unreadable(f"type {written.type!r} is none of {', '.join(_CONFIGS)}")
    is_url = written.type == "url-rewrite"
    config = written.url_rewrite_config if is_url else written.host_header_rewrite_config
    if config is None or len(config.rewrites) != 1:
        raise Unreadable(f"{_CONFIGS[written.type]} needs exactly one of rewrites")
    rewrite = config.rewrites[0]
    if not rewrite.regex or max(len(rewrite.regex), len(rewrite.replace)) > _LONGEST:
        raise Unreadable(f"regex and replace have 1 to {_LONGEST} characters")
    kind = cast(Literal["url-rewrite", "host-header-rewrite"], written.type)
    return Transform(kind, rewrite.regex, rewrite.replace)

"""Transforms of a rule: how host and path are rewritten before a request is handed on. Pure."""

from typing import Final, Literal, cast

from addons.albingress.desired.json_values import JsonPart, read_json
from addons.albingress.desired.not_usable import NotUsable
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


def read_transforms(text: str, where: str) -> tuple[Transform, ...]:
    """The transforms of an annotation, sorted: at most one of each kind (an AWS limit). Raises NotUsable."""
    found = tuple(_read(each, where) for each in read_json(text, tuple[_Transform, ...], where))
    if len({each.kind for each in found}) < len(found):
        raise NotUsable(f"{where}: AWS takes one transform of each type")
    return tuple(sorted(found))


def _read(written: _Transform, where: str) -> Transform:
    if written.type not in _CONFIGS:
        raise NotUsable(f"{where}: type {written.type!r} is none of {', '.join(_CONFIGS)}")
    is_url = written.type == "url-rewrite"
    config = written.url_rewrite_config if is_url else written.host_header_rewrite_config
    if config is None or len(config.rewrites) != 1:
        raise NotUsable(f"{where}: {_CONFIGS[written.type]} needs exactly one of rewrites")
    rewrite = config.rewrites[0]
    if not rewrite.regex or max(len(rewrite.regex), len(rewrite.replace)) > _LONGEST:
        raise NotUsable(f"{where}: regex and replace have 1 to {_LONGEST} characters")
    kind = cast(Literal["url-rewrite", "host-header-rewrite"], written.type)
    return Transform(kind, rewrite.regex, rewrite.replace)

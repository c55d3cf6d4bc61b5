"""Conditions and transforms of rules."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from addons.albingress.model.rules import Condition, ConditionField, Transform

Item = Mapping[str, Any]

_CONFIGS: Final[Mapping[ConditionField, str]] = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}
_READ = frozenset({"Values", "RegexValues", "HttpHeaderName"})

_REWRITES: Final = {"url-rewrite": "UrlRewriteConfig", "host-header-rewrite": "HostHeaderRewriteConfig"}


class NotReadable(ValueError):
    """Raised for what says more than the model can."""


def conditions_from_api(items: Iterable[Item]) -> tuple[Condition, ...]:
    """Read conditions, sorted. Raises NotReadable.

    AWS tells the values of host-header and path-pattern twice: in a config, and beside it as it once did.
    """
    return tuple(sorted(map(_condition_from_api, items)))


def _condition_from_api(item: Item) -> Condition:
    field: Any = item.get("Field")
    if field not in get_args(ConditionField):
        raise NotReadable(f"condition {field}")
    config = _said(item.get(_CONFIGS[field]) or {"Values": item.get("Values"), **_regex_beside(item)})
    if more := config.keys() - _READ:
        raise NotReadable(f"condition {field} with {min(more)}")
    values, regex = config.get("Values", ()), _sorted(config.get("RegexValues", ()))
    if field == "query-string":
        pairs = {(each.get("Key") or "", each.get("Value") or "") for each in values}
        return Condition(field, pairs=tuple(sorted(pairs)))
    return Condition(field, _sorted(values), regex, header=config.get("HttpHeaderName", ""))


def _regex_beside(item: Item) -> Item:
    return {"RegexValues": item.get("RegexValues")}


def _said(config: Item) -> Item:
    return {name: value for name, value in config.items() if value not in (None, [], "")}


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


def conditions_to_api(conditions: Iterable[Condition]) -> list[dict[str, Any]]:
    """Give conditions as a call takes them."""
    return [{"Field": each.field, _CONFIGS[each.field]: _config(each)} for each in conditions]


def _config(condition: Condition) -> dict[str, Any]:
    if condition.field == "query-string":
        return {"Values": [_pair(*pair) for pair in condition.pairs]}
    named = {"HttpHeaderName": condition.header} if condition.header else {}
    if condition.regex:
        return named | {"RegexValues": list(condition.regex)}
    return named | {"Values": list(condition.values)}


def _pair(key: str, value: str) -> dict[str, str]:
    return {"Key": key, "Value": value} if key else {"Value": value}


def transforms_from_api(items: Iterable[Item]) -> tuple[Transform, ...]:
    """Read transforms, sorted. Raises NotReadable."""
    return tuple(sorted(map(_transform_from_api, items)))


def _transform_from_api(item: Item) -> Transform:
    kind = item.get("Type")
    if kind not in _REWRITES:
        raise NotReadable(f"transform {kind}")
    rewrites = (item.get(_REWRITES[kind]) or {}).get("Rewrites", ())
    if len(rewrites) != 1:
        raise NotReadable(f"transform {kind} with {len(rewrites)} rewrites")
    return Transform(kind, rewrites[0].get("Regex", ""), rewrites[0].get("Replace", ""))


def transforms_to_api(transforms: Iterable[Transform]) -> list[dict[str, Any]]:
    """Give transforms as a call takes them."""
    return [
        {
            "Type": each.kind,
            _REWRITES[each.kind]: {"Rewrites": [{"Regex": each.regex, "Replace": each.replace}]},
        }
        for each in transforms
    ]

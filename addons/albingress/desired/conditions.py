"""Conditions of a rule: those of an annotation, and the host and path that an Ingress gives. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_network
from typing import Final

import msgspec
from msgspec.structs import replace

from addons.albingress.desired.annotation_values import JsonPart, Unreadable, json_of
from addons.albingress.desired.not_usable import NotUsable
from addons.albingress.desired.paths import PathPatterns
from addons.albingress.model.rules import Condition, ConditionField

LONGEST_VALUE: Final = 128
"""Characters in one value of a condition (AWS API reference, RuleCondition)."""
LONGEST_HEADER: Final = 40

_MOST_VALUES: Final = 500
"""In one annotation: as many as fit the rules of a whole load balancer."""

_METHOD: Final = re.compile(r"[A-Z_-]{1,40}")
_ANY_PATH: Final = Condition("path-pattern", ("/*",))
_ONCE: Final = frozenset({"http-request-method", "source-ip"})


class _Pair(JsonPart, frozen=True):
    key: str = ""
    value: str = ""


class _Pairs(JsonPart, frozen=True):
    values: tuple[_Pair, ...] = ()


class _Values(JsonPart, frozen=True):
    values: tuple[str, ...] = ()
    regex_values: tuple[str, ...] = ()
    http_header_name: str = ""


class _Condition(JsonPart, frozen=True):
    field: str = ""
    host_header_config: _Values | None = None
    path_pattern_config: _Values | None = None
    http_header_config: _Values | None = None
    http_request_method_config: _Values | None = None
    query_string_config: _Pairs | None = None
    source_ip_config: _Values | None = msgspec.field(default=None, name="sourceIPConfig")


def own_conditions(text: str) -> tuple[Condition, ...]:
    """The conditions that an annotation says, as written. Raises Unreadable, also for one that is not known.

    The original ignores such a field: the rule would then match more than was asked for.
    """
    written = json_of(tuple[_Condition, ...])(text)
    found = tuple(_read(each, each.field) for each in written)
    for name in _ONCE:
        if sum(each.field == name for each in found) > 1:
            raise Unreadable(f"a rule has at most one condition {name}; put all values into one")
    values = sum(len(each.values) + len(each.regex) + len(each.pairs) for each in found)
    if values > _MOST_VALUES:
        raise Unreadable(f"{values} values, more than {_MOST_VALUES}; give the rule fewer")
    return found


def _read(written: _Condition, where: str) -> Condition:
    if written.field not in _READERS:
        raise Unreadable(f"field {written.field!r} is none of {', '.join(_READERS)}")
    name, config = _config(written)
    if config is None:
        raise Unreadable(f"{where}: {name} is missing")
    if not (config.values or (isinstance(config, _Values) and config.regex_values)):
        raise Unreadable(f"{where}: {name} has no values")
    return _READERS[written.field](config, where)


def _config(written: _Condition) -> tuple[str, _Values | _Pairs | None]:
    configs = {
        "host-header": ("hostHeaderConfig", written.host_header_config),
        "path-pattern": ("pathPatternConfig", written.path_pattern_config),
        "http-header": ("httpHeaderConfig", written.http_header_config),
        "http-request-method": ("httpRequestMethodConfig", written.http_request_method_config),
        "query-string": ("queryStringConfig", written.query_string_config),
        "source-ip": ("sourceIPConfig", written.source_ip_config),
    }
    return configs[written.field]


def _values(name: ConditionField, config: _Values | _Pairs, where: str) -> Condition:
    assert isinstance(config, _Values)
    if config.values and config.regex_values:
        raise Unreadable(f"{where}: has values and regexValues; only one of them can be used")
    if not all((*config.values, *config.regex_values)):
        raise Unreadable(f"{where}: an empty value")
    return Condition(name, config.values, config.regex_values)


def _plain(name: ConditionField, config: _Values | _Pairs, where: str) -> Condition:
    if isinstance(config, _Values) and config.regex_values:
        raise Unreadable(f"{where}: takes values only, no regexValues")
    return _values(name, config, where)


def _host(config: _Values | _Pairs, where: str) -> Condition:
    return _values("host-header", config, where)


def _path(config: _Values | _Pairs, where: str) -> Condition:
    return _values("path-pattern", config, where)


def _header(config: _Values | _Pairs, where: str) -> Condition:
    assert isinstance(config, _Values)
    if not 0 < len(config.http_header_name) <= LONGEST_HEADER:
        raise Unreadable(f"{where}: httpHeaderName has to be a name of at most {LONGEST_HEADER} characters")
    return replace(_values("http-header", config, where), header=config.http_header_name)


def _method(config: _Values | _Pairs, where: str) -> Condition:
    condition = _plain("http-request-method", config, where)
    for value in condition.values:
        if not _METHOD.fullmatch(value):
            raise Unreadable(f"{where}: {value} is not a method in capital letters")
    return condition


def _query(config: _Values | _Pairs, where: str) -> Condition:
    assert isinstance(config, _Pairs)
    if not all(pair.value for pair in config.values):
        raise Unreadable(f"{where}: an empty value")
    return Condition("query-string", pairs=tuple((pair.key, pair.value) for pair in config.values))


def _source(config: _Values | _Pairs, where: str) -> Condition:
    condition = _plain("source-ip", config, where)
    for value in condition.values:
        if "/" not in value or not _is_network(value):
            raise Unreadable(f"{where}: {value} is not a range of addresses such as 10.0.0.0/8")
    return condition


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


_READERS: Final[dict[str, Callable[[_Values | _Pairs, str], Condition]]] = {
    "host-header": _host,
    "path-pattern": _path,
    "http-header": _header,
    "http-request-method": _method,
    "query-string": _query,
    "source-ip": _source,
}


def rule_conditions(host: str, patterns: PathPatterns, own: Sequence[Condition]) -> tuple[Condition, ...]:
    """All conditions of a rule as written; every path where there would be none. Raises NotUsable.

    Hosts and paths of the annotation join those of the Ingress: one of each condition must fit.
    """
    first = {
        "host-header": Condition("host-header", (host,) if host else ()),
        "path-pattern": Condition("path-pattern", patterns.values, patterns.regex),
    }
    others = [each for each in own if each.field not in first]
    for field_, condition in first.items():
        joined = _joined([condition, *(each for each in own if each.field == field_)])
        if joined.values or joined.regex:
            others.append(joined)
    return tuple(others) or (_ANY_PATH,)


def _joined(conditions: Iterable[Condition]) -> Condition:
    all_of = list(conditions)
    values = tuple(value for each in all_of for value in each.values)
    regex = tuple(value for each in all_of for value in each.regex)
    if values and regex:
        name = "hosts" if all_of[0].field == "host-header" else "paths"
        raise NotUsable(
            f"{name}: {', '.join(regex)} is a regular expression and {', '.join(values)} is none;"
            " a rule takes only one kind"
        )
    return Condition(all_of[0].field, values, regex)


def in_one_form(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """The conditions as they compare: sorted, without repeats."""
    return tuple(
        sorted(
            replace(
                each,
                values=tuple(sorted(set(each.values))),
                regex=tuple(sorted(set(each.regex))),
                pairs=tuple(sorted(set(each.pairs))),
            )
            for each in conditions
        )
    )

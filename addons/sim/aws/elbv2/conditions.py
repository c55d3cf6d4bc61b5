"""What a rule may ask of a request: the fields, their values, and how many of them."""

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_network
from typing import Any

from addons.sim.aws.elbv2.account import Account
from addons.sim.aws.elbv2.errors import invalid

Item = dict[str, Any]

CONFIGS = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}
_ONCE = ("host-header", "path-pattern", "http-request-method", "source-ip")
_WITH_WILDCARDS = ("host-header", "path-pattern", "http-header", "query-string")
_LONGEST = {"http-request-method": 40}
_HOST = re.compile(r"[A-Za-z0-9.*?_-]+")
_PATH = re.compile(r"[\x21-\x7e]+")
_METHOD = re.compile(r"[A-Z_-]+")


def read_conditions(account: Account, items: Iterable[Mapping[str, Any]]) -> tuple[Item, ...]:
    """Give conditions in one form: field and config. Raises ValidationError."""
    found = [_read(item) for item in items]
    if not found:
        raise invalid("A rule must have at least one condition")
    fields = [item["Field"] for item in found]
    for field in _ONCE:
        if fields.count(field) > 1:
            raise invalid(f"A rule can only have one '{field}' condition")
    texts = [text for item in found for text in texts_of(item)]
    most = account.quotas["condition-values-per-alb-rule"]
    if len(texts) > most:
        raise invalid(f"A rule can only have '{most}' condition values")
    counted = [text for item in found if item["Field"] in _WITH_WILDCARDS for text in texts_of(item)]
    most = account.quotas["condition-wildcards-per-alb-rule"]
    if sum(text.count("*") + text.count("?") for text in counted) > most and not _has_regex(found):
        raise invalid(f"A rule can only have '{most}' condition wildcards")
    return tuple(found)


def _has_regex(items: list[Item]) -> bool:
    return any("RegexValues" in item[CONFIGS[item["Field"]]] for item in items)


def texts_of(item: Mapping[str, Any]) -> list[str]:
    """Give the values of a condition; of a query string, `key=value`."""
    config = item[CONFIGS[item["Field"]]]
    values = config.get("RegexValues") or config.get("Values", ())
    if item["Field"] == "query-string":
        return [f"{each['Key']}={each['Value']}" if each.get("Key") else each["Value"] for each in values]
    return list(values)


def _read(item: Mapping[str, Any]) -> Item:
    field = item.get("Field", "")
    if field not in CONFIGS:
        raise invalid(f"Condition field '{field}' must be one of '[{', '.join(CONFIGS)}]'")
    name = CONFIGS[field]
    if wrong := set(item) - {"Field", "Values", "RegexValues", name}:
        raise invalid(f"'{min(wrong)}' cannot be specified with the condition field '{field}'")
    config = dict(item.get(name, {}))
    legacy = {key: item[key] for key in ("Values", "RegexValues") if item.get(key)}
    if legacy and config:
        raise invalid(f"Condition '{field}' cannot have values beside '{name}'")
    if any(len(values) > 1 for values in legacy.values()):
        raise invalid(f"The '{field}' field contains too many values; the limit is '1'")
    config = config or legacy
    if config.get("Values") and config.get("RegexValues"):
        raise invalid("'Values' and 'RegexValues' cannot be specified together")
    if not config.get("Values") and not config.get("RegexValues"):
        raise invalid("Condition values cannot be empty")
    found = {"Field": field, name: {key: value for key, value in config.items() if value}}
    if field == "http-header":
        _check_header(config.get("HttpHeaderName", ""))
    for text in texts_of(found):
        _check(field, text, is_regex=bool(config.get("RegexValues")))
    return found


def _check_header(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,40}", name):
        raise invalid(f"The HTTP header name '{name}' is not valid")
    if name.lower() == "host":
        raise invalid("The HTTP header name 'Host' is not valid: use the condition 'host-header'")


def _check(field: str, text: str, *, is_regex: bool) -> None:
    longest = _LONGEST.get(field, 128)
    if not text:
        raise invalid("Condition value cannot be empty")
    if len(text) > longest:
        raise invalid(f"Condition value '{text}' must not exceed {longest} characters")
    if is_regex:
        return
    if field == "source-ip":
        _check_source(text)
    pattern = {"host-header": _HOST, "path-pattern": _PATH, "http-request-method": _METHOD}.get(field)
    if pattern and not pattern.fullmatch(text):
        raise invalid(f"Condition value '{text}' contains a character that is not valid")
    if field == "host-header" and not re.search(r"[A-Za-z0-9*?]", text):
        raise invalid(f"Condition value '{text}' must contain a letter, a digit or a wildcard")


def _check_source(text: str) -> None:
    try:
        ip_network(text)
    except ValueError:
        raise invalid(f"The IP range '{text}' is not a valid CIDR") from None
    if "/" not in text:
        raise invalid(f"The IP range '{text}' is not a valid CIDR")


def shape(item: Mapping[str, Any]) -> Item:
    """Give a condition as answers have it: with the values in the old place too, where there is one."""
    values = {}
    if item["Field"] in ("host-header", "path-pattern"):
        values = {"Values": item[CONFIGS[item["Field"]]].get("Values", [])}
    return {**item, **values}

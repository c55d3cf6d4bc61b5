"""A request as the rules of a listener see it, and whether it meets a condition."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import parse_qsl

from addons.sim.aws.elbv2.conditions import CONFIGS

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Incoming:
    """What came in. `host` is without port, `path` as it was sent, `query` without the question mark.

    `headers` are pairs in order; `port` and `protocol` (HTTP or HTTPS) are the listener's.
    """

    method: str = "GET"
    host: str = ""
    path: str = "/"
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    source: str = "192.0.2.1"
    protocol: str = "HTTP"
    port: int = 80

    def header(self, name: str) -> list[str]:
        """Give the values of a header, whose name has no case."""
        return [value for its_name, value in self.headers if its_name.lower() == name.lower()]


def meets_all(conditions: Iterable[Item], request: Incoming) -> bool:
    """Say whether a request meets every condition; each is met by any one of its values.

    Conditions are as boto3 shows or takes them, with the values in the field's config or beside `Field`.
    """
    return all(_meets(condition, request) for condition in conditions)


def _meets(condition: Item, request: Incoming) -> bool:
    field = condition["Field"]
    config = condition.get(CONFIGS[field]) or condition
    if regexes := config.get("RegexValues"):
        flags = re.NOFLAG if field == "path-pattern" else re.IGNORECASE
        texts = _texts(field, config, request)
        return any(re.search(each, text, flags) for each in regexes for text in texts)
    values = config["Values"]
    if field == "query-string":
        return any(_meets_query(value, request) for value in values)
    if field == "source-ip":
        return any(ip_address(request.source) in ip_network(value) for value in values)
    if field == "http-request-method":
        return request.method in values
    has_case = field == "path-pattern"
    texts = _texts(field, config, request)
    return any(_pattern(value, has_case=has_case).fullmatch(text) for value in values for text in texts)


def _texts(field: str, config: Item, request: Incoming) -> list[str]:
    if field == "http-header":
        return request.header(config["HttpHeaderName"])
    return [request.host if field == "host-header" else request.path]


def _meets_query(value: Item, request: Incoming) -> bool:
    wanted = _pattern(value["Value"], has_case=False)
    key = _pattern(value["Key"], has_case=False) if value.get("Key") else None
    pairs = parse_qsl(request.query, keep_blank_values=True)
    return any(
        (key is None or key.fullmatch(its_key)) and wanted.fullmatch(its_value)
        for its_key, its_value in pairs
    )


@lru_cache(maxsize=10_000)
def _pattern(text: str, *, has_case: bool) -> re.Pattern[str]:
    r"""Translate * (any number of characters) and ? (exactly one); a backslash takes their meaning away."""
    parts = re.findall(r"\\[*?\\]|.", text, re.DOTALL)
    regex = "".join({"*": ".*", "?": "."}.get(part) or re.escape(part[-1]) for part in parts)
    return re.compile(regex, re.DOTALL if has_case else re.DOTALL | re.IGNORECASE)


def redirect_url(config: Mapping[str, str], request: Incoming) -> str:
    """Give where a redirect leads; the port always stands in it, as AWS writes it."""

    def fill(text: str) -> str:
        for name, value in (
            ("protocol", request.protocol.lower()),
            ("host", request.host),
            ("port", str(request.port)),
            ("path", request.path.removeprefix("/")),
            ("query", request.query),
        ):
            text = text.replace(f"#{{{name}}}", value)
        return text

    query = fill(config["Query"])
    base = f"{fill(config['Protocol']).lower()}://{fill(config['Host'])}:{fill(config['Port'])}"
    return f"{base}{fill(config['Path'])}{'?' + query if query else ''}"


def transformed(transforms: Iterable[Item], request: Incoming) -> Incoming:
    """Give a request with host and URL rewritten, as it goes to a target."""
    for transform in transforms:
        if transform["Type"] == "host-header-rewrite":
            host = _rewritten(transform["HostHeaderRewriteConfig"], request.host)
            request = replace(request, host=host)
        else:
            whole = request.path + (f"?{request.query}" if request.query else "")
            path, _, query = _rewritten(transform["UrlRewriteConfig"], whole).partition("?")
            request = replace(request, path=path, query=query)
    return request


def _rewritten(config: Item, text: str) -> str:
    for rewrite in config["Rewrites"]:
        text = re.sub(rewrite["Regex"], re.sub(r"\$(\d)", r"\\g<\1>", rewrite["Replace"]), text, count=1)
    return text

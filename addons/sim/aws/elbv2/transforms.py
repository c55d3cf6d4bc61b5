"""What a rule may change in a request before it is forwarded."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from addons.sim.aws.elbv2.errors import invalid

Item = dict[str, Any]
CONFIGS = {"host-header-rewrite": "HostHeaderRewriteConfig", "url-rewrite": "UrlRewriteConfig"}


def read_transforms(items: Iterable[Mapping[str, Any]]) -> tuple[Item, ...]:
    """Give transforms in one form. Raises ValidationError."""
    found = [_read(item) for item in items]
    kinds = [item["Type"] for item in found]
    if len(set(kinds)) < len(kinds):
        raise invalid("A rule can have one transform of each type")
    return tuple(found)


def _read(item: Mapping[str, Any]) -> Item:
    kind = item.get("Type", "")
    if kind not in CONFIGS:
        raise invalid(f"Transform type '{kind}' must be one of '[{', '.join(CONFIGS)}]'")
    rewrites = (item.get(CONFIGS[kind]) or {}).get("Rewrites", [])
    if len(rewrites) != 1:
        raise invalid(f"A transform of type '{kind}' must have exactly one rewrite")
    for rewrite in rewrites:
        try:
            re.compile(rewrite.get("Regex", ""))
        except re.error:
            raise invalid(f"The regular expression '{rewrite['Regex']}' is not valid") from None
    return {"Type": kind, CONFIGS[kind]: {"Rewrites": [dict(rewrite) for rewrite in rewrites]}}

"""Tags of load balancers, listeners, rules and target groups."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from addons.sim.aws.elbv2.account import Account
from addons.sim.aws.elbv2.errors import ElbError, invalid, not_found
from addons.sim.aws.elbv2.model import Tags

_MOST, _LONGEST_KEY, _LONGEST_VALUE = 50, 128, 256


def read_tags(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Give tags. Raises DuplicateTagKeys, TooManyTags and ValidationError."""
    given = [(str(item["Key"]), str(item.get("Value", ""))) for item in items]
    tags = dict(given)
    if len(tags) < len(given):
        raise ElbError("DuplicateTagKeys", "Tag keys must be unique")
    for key, value in given:
        if key.startswith("aws:"):
            raise invalid(f"Tag key '{key}' cannot begin with 'aws:'")
        if not 1 <= len(key) <= _LONGEST_KEY or len(value) > _LONGEST_VALUE:
            raise invalid(
                f"Tag '{key}' must have a key of 1 to {_LONGEST_KEY} characters and a value of "
                f"{_LONGEST_VALUE} at most"
            )
    return check_number(tags)


def check_number(tags: dict[str, str]) -> dict[str, str]:
    """Refuse more tags than a resource can have."""
    if len(tags) > _MOST:
        raise ElbError("TooManyTags", f"A resource cannot have more than {_MOST} tags")
    return tags


def _timeline(account: Account, arn: str) -> tuple[str, Any]:
    for part, kind, timeline in (
        (":loadbalancer/", "LoadBalancer", account.load_balancers),
        (":listener/", "Listener", account.listeners),
        (":listener-rule/", "Rule", account.rules),
        (":targetgroup/", "TargetGroup", account.target_groups),
    ):
        if part in arn:
            return kind, timeline
    raise invalid(f"'{arn}' is not a valid ARN")


def tags_of(account: Account, arn: str, *, lag_seconds: float = 0.0) -> Tags:
    """Give the tags of a resource. Raises its NotFound."""
    kind, timeline = _timeline(account, arn)
    if (thing := timeline.before(lag_seconds).get(arn)) is None:
        raise not_found(kind)
    tags: Tags = thing.tags
    return tags


def set_tags(account: Account, arn: str, tags: Tags) -> None:
    """Let a resource have these tags."""
    _, timeline = _timeline(account, arn)
    timeline.put(arn, replace(timeline[arn], tags=tags))

"""Choosing groups and tags by filters: AND between filters, OR within the values of one."""

from collections.abc import Iterable, Mapping
from typing import Any

from addons.sim.aws.autoscaling.errors import invalid
from addons.sim.aws.autoscaling.model import Group, Tag


def narrow(groups: list[Group], filters: Iterable[Mapping[str, Any]]) -> list[Group]:
    """The groups that pass every filter: tag-key, tag-value or tag:KEY."""
    for each in filters:
        name, values = each.get("Name", ""), set(each.get("Values", ()))
        if name == "tag-key":
            groups = [group for group in groups if values & group.tags.keys()]
        elif name == "tag-value":
            groups = [group for group in groups if values & {tag.value for tag in group.tags.values()}]
        elif name.startswith("tag:"):
            key = name.removeprefix("tag:")
            groups = [group for group in groups if key in group.tags and group.tags[key].value in values]
        else:
            raise _unknown(name)
    return groups


def passes(group: Group, key: str, tag: Tag, filters: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a tag passes every filter of DescribeTags."""
    has = {
        "auto-scaling-group": group.name,
        "key": key,
        "value": tag.value,
        "propagate-at-launch": str(tag.is_propagated).lower(),
    }
    for each in filters:
        name = each.get("Name", "")
        if name not in has:
            raise _unknown(name)
        if has[name] not in each.get("Values", ()):
            return False
    return True


def _unknown(name: str) -> Exception:
    return invalid(f"Filter type {name} is not correct. Please specify a valid filter type.")

"""What a stack is while its group is emptied: nothing grows there, and nothing has to stay."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from addons.autoscaler import names
from addons.autoscaler.matrix.template import GROUP

LEAVING: Final = "leaving"
"""In place of the digest, so that a cell that comes back is an update."""


def leaving_template(template: Mapping[str, Any], cluster: str) -> dict[str, Any]:
    """The template with a minimum of 0, and without the tags by which the autoscaler of the cluster finds it.

    Raises ValueError where it has no group.
    """
    found = deepcopy(dict(template))
    try:
        properties = found["Resources"][GROUP]["Properties"]
        tags = properties["Tags"]
    except (KeyError, TypeError):
        raise ValueError(f"its template has no resource {GROUP} with tags") from None
    found_by = {names.TAG_PREFIX + "enabled", names.TAG_PREFIX + cluster}
    properties["MinSize"] = "0"
    properties["Tags"] = [each for each in tags if each.get("Key") not in found_by]
    return found


def leaving_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags of the stack meanwhile: whose it is stays known."""
    return {key: value for key, value in tags.items() if not key.startswith("aws:")} | {
        names.SPEC_TAG: LEAVING
    }

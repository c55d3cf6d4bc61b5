"""CreateTags, DeleteTags and DescribeTags."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from addons.sim.aws.ec2.filters import Values, narrow, page
from addons.sim.aws.ec2.model import Tags
from addons.sim.aws.ec2.state import Ec2
from addons.sim.aws.ec2.tagging import KINDS, all_tags, put_tags, remove_tags

Call = dict[str, Any]


class _Tag(NamedTuple):
    id: str
    key: str
    value: str

    @property
    def kind(self) -> str:
        return KINDS[self.id.rpartition("-")[0]]

    @property
    def tags(self) -> Tags:
        return {self.key: self.value}


def create_tags(ec2: Ec2, call: Call) -> Call:
    """Add tags."""
    put_tags(ec2.account, call["Resources"], {tag["Key"]: tag.get("Value", "") for tag in call["Tags"]})
    return {}


def delete_tags(ec2: Ec2, call: Call) -> Call:
    """Remove tags."""
    tags = {tag["Key"]: tag.get("Value") for tag in call.get("Tags", ())}
    remove_tags(ec2.account, call["Resources"], tags)
    return {}


_TAG: Mapping[str, Values[_Tag]] = {
    "key": lambda tag: [tag.key],
    "resource-id": lambda tag: [tag.id],
    "resource-type": lambda tag: [tag.kind],
    "value": lambda tag: [tag.value],
}


def describe_tags(ec2: Ec2, call: Call) -> Call:
    """Show tags, one by one."""
    there = all_tags(ec2.account, lag_seconds=ec2.knobs.describe_lag_seconds)
    tags = [_Tag(id_, key, value) for id_, its_tags in there for key, value in its_tags.items()]
    found = narrow(tags, call.get("Filters", ()), _TAG)
    shown, following = page(found, call, lambda tag: f"{tag.id} {tag.key}")
    items = [
        {"Key": tag.key, "ResourceId": tag.id, "ResourceType": tag.kind, "Value": tag.value} for tag in shown
    ]
    return {"Tags": items, "NextToken": following}

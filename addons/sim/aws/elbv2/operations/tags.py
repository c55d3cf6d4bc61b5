"""AddTags, RemoveTags and DescribeTags."""

from typing import Any

from addons.sim.aws.elbv2.errors import invalid
from addons.sim.aws.elbv2.state import Elbv2
from addons.sim.aws.elbv2.tagging import check_number, read_tags, set_tags, tags_of

Call = dict[str, Any]
_MOST_ARNS = 20


def add_tags(elb: Elbv2, call: Call) -> Call:
    """Add tags to all of some resources, or to none of them."""
    new = read_tags(call["Tags"])
    account = elb.account
    after = {arn: check_number({**tags_of(account, arn), **new}) for arn in call["ResourceArns"]}
    for arn, tags in after.items():
        set_tags(account, arn, tags)
    return {}


def remove_tags(elb: Elbv2, call: Call) -> Call:
    """Remove tags by key; those that are not there are none the less."""
    account, gone = elb.account, set(call["TagKeys"])
    before = {arn: tags_of(account, arn) for arn in call["ResourceArns"]}
    for arn, tags in before.items():
        set_tags(account, arn, {key: value for key, value in tags.items() if key not in gone})
    return {}


def describe_tags(elb: Elbv2, call: Call) -> Call:
    """Show the tags of 20 resources at most."""
    arns = call["ResourceArns"]
    if len(arns) > _MOST_ARNS:
        raise invalid(f"Cannot describe tags of more than {_MOST_ARNS} resources in one call")
    lag = elb.knobs.describe_lag_seconds
    items = [
        {
            "ResourceArn": arn,
            "Tags": [
                {"Key": key, "Value": value}
                for key, value in tags_of(elb.account, arn, lag_seconds=lag).items()
            ],
        }
        for arn in arns
    ]
    return {"TagDescriptions": items}

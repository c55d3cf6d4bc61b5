"""Tags of what is ours."""

from typing import Final

from msgspec.structs import replace

from addons.albingress.aws.applying.work import Work
from addons.albingress.aws.translate.balancers import changed, pairs_to_api
from addons.albingress.model.actions import RemoveTags, SetTags
from addons.albingress.model.elb import Listener, LoadBalancer, Rule, SecurityGroup, TargetGroup
from addons.albingress.names import TAG_CLUSTER, TAG_STACK
from addons.runtime.errors import Invalid

_ANY = (LoadBalancer, Listener, Rule, TargetGroup, SecurityGroup)
_NEVER_REMOVED: Final = frozenset({TAG_CLUSTER, TAG_STACK})


async def put(work: Work, action: SetTags) -> None:
    """Add or change tags."""
    thing = work.own_any(action.arn)
    tags = pairs_to_api(action.tags)
    if isinstance(thing, SecurityGroup):
        await work.ec2("create_tags", Resources=[action.arn], Tags=tags)
    else:
        await work.elb("add_tags", ResourceArns=[action.arn], Tags=tags)
    work.changed(replace(thing, tags=changed(thing.tags, dict(action.tags))))


async def remove(work: Work, action: RemoveTags) -> None:
    """Take tags away, but those by which we know what is ours."""
    thing = work.own_any(action.arn)
    if kept := _NEVER_REMOVED & set(action.keys):
        raise Invalid(f"{action.arn}: the tag {min(kept)} is never removed", code="TagOfOurs")
    if isinstance(thing, SecurityGroup):
        keys = [{"Key": key} for key in action.keys]
        await work.ec2("delete_tags", Resources=[action.arn], Tags=keys)
    else:
        await work.elb("remove_tags", ResourceArns=[action.arn], TagKeys=list(action.keys))
    work.changed(replace(thing, tags=tuple(pair for pair in thing.tags if pair[0] not in action.keys)))

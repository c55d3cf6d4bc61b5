"""Target groups."""

from collections.abc import Sequence

from msgspec.structs import replace

from addons.albingress.aws.applying.singly import all_or_each
from addons.albingress.aws.applying.work import Item, Work, spec_of, without_spec
from addons.albingress.aws.ownership import is_the_same, name_taken
from addons.albingress.aws.translate.balancers import (
    changed,
    health_check_to_api,
    pairs_from_api,
    pairs_to_api,
    tags_to_api,
    target_group_from_api,
    target_group_to_api,
)
from addons.albingress.model.actions import (
    CreateTargetGroup,
    DeleteTargetGroup,
    ModifyTargetGroup,
    ModifyTargetGroupAttributes,
)
from addons.albingress.model.elb import TargetGroup
from addons.albingress.model.stack import DesiredTargetGroup, Pairs
from addons.runtime.errors import AlreadyExists


async def create(work: Work, action: CreateTargetGroup) -> None:
    """Have the target group with its attributes: a new one, or the one of that name if it is ours."""
    wanted = action.target_group
    tags = without_spec(wanted.tags) if wanted.attributes else wanted.tags
    vpc_id = await work.door.network.vpc_id()
    said = {**target_group_to_api(wanted, vpc_id), **tags_to_api(tags)}
    try:
        item = (await work.elb("create_target_group", **said))["TargetGroups"][0]
        if item.get("LoadBalancerArns"):  # the same settings were there already
            group = await _adopt(work, wanted, vpc_id)
        else:
            group = target_group_from_api(item, tags)
    except AlreadyExists:
        group = await _adopt(work, wanted, vpc_id)
    work.made(group)
    if wanted.attributes:
        await _set_attributes(work, group, wanted.attributes)
        await _vouch(work, group.arn, spec_of(wanted.tags))


async def _adopt(work: Work, wanted: DesiredTargetGroup, vpc_id: str) -> TargetGroup:
    item = await work.door.reading.target_group_named(wanted.name)
    tags: Pairs = ()
    if item:
        arn = item["TargetGroupArn"]
        tags = (await work.door.reading.tags_of([arn])).get(arn, ())
    if item is None or item.get("VpcId") != vpc_id or not is_the_same(tags, wanted.tags):
        raise name_taken("target group", wanted.name)
    return target_group_from_api(item, tags)


async def _vouch(work: Work, arn: str, spec: Pairs) -> None:
    """Set the digest of what was just done, which a restart then believes."""
    if spec:
        await work.elb("add_tags", ResourceArns=[arn], Tags=pairs_to_api(spec))
        group = work.own(TargetGroup, arn)
        work.changed(replace(group, tags=changed(group.tags, dict(spec))))


async def modify(work: Work, action: ModifyTargetGroup) -> None:
    """Change how health is asked for."""
    wanted = action.target_group
    group = work.target_group(wanted.name)
    reply = await work.elb("modify_target_group", TargetGroupArn=group.arn, **health_check_to_api(wanted))
    item: Item = reply["TargetGroups"][0]
    work.changed(replace(target_group_from_api(item, group.tags), attributes=group.attributes))


async def modify_attributes(work: Work, action: ModifyTargetGroupAttributes) -> None:
    """Set attributes."""
    await _set_attributes(work, work.target_group(action.target_group), action.attributes)


async def _set_attributes(work: Work, group: TargetGroup, attributes: Pairs) -> None:
    async def some(pairs: Sequence[tuple[str, str]]) -> None:
        async def once() -> Item:
            return await work.elb(
                "modify_target_group_attributes",
                TargetGroupArn=group.arn,
                Attributes=pairs_to_api(tuple(pairs)),
            )

        reply = await work.seen(once, group.arn)
        work.changed(replace(group, attributes=pairs_from_api(reply.get("Attributes"))))

    await all_or_each(some, attributes)


async def delete(work: Work, action: DeleteTargetGroup) -> None:
    """Have the target group not be there."""
    if await work.is_there(action.arn):
        await work.delete("delete_target_group", TargetGroupArn=action.arn)
    work.gone(action.arn)

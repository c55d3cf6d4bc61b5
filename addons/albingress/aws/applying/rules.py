"""Rules of listeners."""

from msgspec.structs import replace

from addons.albingress.aws.applying.work import Item, Work
from addons.albingress.aws.snapshot import listener_of, load_balancer_of
from addons.albingress.aws.translate.balancers import tags_to_api
from addons.albingress.aws.translate.rules import content_to_api, rule_from_api
from addons.albingress.model.actions import CreateRule, DeleteRule, ModifyRule, SetRulePriorities
from addons.albingress.model.elb import Listener, Rule
from addons.albingress.model.rules import RuleContent
from addons.albingress.model.stack import DesiredRule
from addons.albingress.names import TAG_RULE, TAG_SPEC
from addons.runtime.errors import Conflict, Invalid


async def create(work: Work, action: CreateRule) -> None:
    """Put a rule at a free priority; one that is there already, and the same, is the one that was asked for.

    That is so where the answer to an earlier call was lost: CreateRule itself does not compare.
    """
    content = _content(action.rule)
    listener = work.listener(action.listener)
    said = content_to_api(content, work.target_group_arn, secret=action.rule.secret)

    async def once() -> Item:
        return await work.elb(
            "create_rule",
            ListenerArn=listener.arn,
            Priority=action.priority,
            **tags_to_api(action.tags),
            **said,
        )

    try:
        reply = await work.seen(once, listener.arn, *work.target_group_arns(content.actions))
        rule = rule_from_api(reply["Rules"][0], work.door.snapshot.name_of, action.tags)
    except Conflict as error:
        if error.code != "PriorityInUse":
            raise
        rule = await _adopt(work, listener, action, error)
    work.made(rule)


def _content(rule: DesiredRule) -> RuleContent:
    if rule.content is None:
        raise Invalid(f"{rule.key.ingress}: a rule without content cannot be made", code="NoContent")
    return rule.content


async def _adopt(work: Work, listener: Listener, action: CreateRule, error: Conflict) -> Rule:
    """Give the rule that has the priority, if it is the one that was to be made."""
    items = await work.door.reading.rules(listener.arn)
    item = next((each for each in items if int(each["Priority"]) == action.priority), None)
    if item is None:
        raise error
    arn = item["RuleArn"]
    tags = (await work.door.reading.tags_of([arn])).get(arn, ())
    rule = rule_from_api(item, work.door.snapshot.name_of, tags)
    is_same = dict(tags).get(TAG_RULE) == dict(action.tags).get(TAG_RULE)
    if not is_same or rule.content != action.rule.content:
        raise error
    return rule


async def modify(work: Work, action: ModifyRule) -> None:
    """Change what a rule says, in place; the secret of an OIDC client only where it is not the one there."""
    rule = work.own(Rule, action.existing.arn)
    said = content_to_api(action.content, work.target_group_arn, secret=_new_secret(rule, action.rule))
    if rule.content.transforms and not action.content.transforms:
        said["ResetTransforms"] = True

    async def once() -> Item:
        return await work.elb("modify_rule", RuleArn=rule.arn, **said)

    reply = await work.seen(once, rule.arn, *work.target_group_arns(action.content.actions))
    item = {"Priority": str(rule.priority), **reply["Rules"][0]}
    work.changed(rule_from_api(item, work.door.snapshot.name_of, rule.tags))


def _new_secret(existing: Rule, wanted: DesiredRule) -> str:
    """The secret, unless the tag of the rule proves that it has it."""
    is_known = wanted.secret_digest and wanted.secret_digest in dict(existing.tags).get(TAG_SPEC, "")
    return "" if is_known else wanted.secret


async def set_priorities(work: Work, action: SetRulePriorities) -> None:
    """Move rules, all at one moment: those that are known by ARN, and those that the plan has just made."""
    wanted = dict(action.priorities)
    for rule in work.door.snapshot.children(Rule, work.listener(action.listener).arn):
        if rule.arn not in wanted and rule.priority in action.created:
            wanted[rule.arn] = action.created[rule.priority]
    if not wanted:
        return
    rules = [work.own(Rule, arn) for arn in wanted]
    items = [{"RuleArn": rule.arn, "Priority": wanted[rule.arn]} for rule in rules]

    async def once() -> Item:
        return await work.elb("set_rule_priorities", RulePriorities=items)

    await work.seen(once, *wanted)
    for rule in rules:
        work.changed(replace(rule, priority=wanted[rule.arn]))


async def delete(work: Work, action: DeleteRule) -> None:
    """Take a rule away. AWS itself is asked first whose its load balancer is."""
    arn = action.existing.arn
    if await work.is_there(load_balancer_of(listener_of(arn))):
        await work.delete("delete_rule", RuleArn=arn)
    work.gone(arn)

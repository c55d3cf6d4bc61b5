"""The ledger of orders: what was ordered, how far it has come, and what it ended in."""

from collections import Counter
from collections.abc import Mapping

from msgspec.structs import replace

from addons.autoscaler import names
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.intents import GroupRecord, Intent, Memory
from addons.autoscaler.model.nodes import Template
from addons.autoscaler.model.plans import GroupState, News, Order
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.groups import sent_target
from addons.autoscaler.plan.intent_steps import Steps
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.proof import template_key
from addons.autoscaler.plan.resting import count_failures, with_failure
from addons.autoscaler.plan.sight import Sight

_MOST_PODS = 50


def ordered(memory: Memory, order: Order, *, group: Group, template: Template | None, now: float) -> Memory:
    """Write down an order, before it is sent: its capacity is upcoming from now on.

    What AWS still owes of an older order that failed is taken first; it is expected again.
    """
    record = memory.groups.get(group.name) or GroupRecord()
    raised = max(0, order.target - sent_target(group, record, now))
    intent = Intent(
        id=f"{group.name}/{now:.3f}/{order.target}",
        group=group.name,
        count=order.count,
        at=now,
        template=template_key(group, template) if template else "",
        target=order.target,
        since=now,
        classes=dict(Counter(pod.cls.digest for pod in order.pods)),
        pods=tuple(pod.uid for pod in order.pods[:_MOST_PODS]),
        why=order.why,
        is_probe=order.is_probe,
    )
    record = replace(
        record,
        intents=(*record.intents, intent),
        undelivered=max(0, min(record.undelivered, group.missing) - max(0, order.count - raised)),
        owed_since=record.owed_since or now,
        grown_at=now,
    )
    return _with_group(memory, group.name, record)


def refused(
    memory: Memory, group: str, *, code: str, why: str, now: float, options: GrowOptions
) -> tuple[Memory, tuple[News, ...]]:
    """Take back what was on its way to AWS, as the call failed: the group rests, others go on."""
    record = memory.groups.get(group) or GroupRecord()
    kept = tuple(intent for intent in record.intents if intent.state != "requested")
    failed = [group] * (len(record.intents) - len(kept))
    record = with_failure(replace(record, intents=kept), now, code, why, options)
    news = News(group, "launch-failed", why, names.FAILED_TO_SCALE_UP_GROUP, code)
    return count_failures(_with_group(memory, group, record), failed, now), (news,)


def advance(
    memory: Memory, snapshot: Snapshot, states: Mapping[str, GroupState], options: GrowOptions
) -> tuple[Memory, tuple[News, ...]]:
    """Bring the ledger up to what can be seen now, and say what became of orders.

    `states` are by `memory`. What follows is to be planned with the memory that this gives.
    """
    sight = Sight(snapshot, options)
    news: list[News] = []
    for name in sorted(states):
        steps = Steps(
            memory.groups.get(name) or GroupRecord(), states[name], snapshot.templates.get(name), sight
        )
        steps.take_all()
        memory = _with_group(memory, name, steps.record)
        if steps.has_succeeded and memory.failed_intents:
            memory = replace(memory, failed_intents=())
        if steps.failed:
            memory = count_failures(memory, [name] * steps.failed, snapshot.now)
        news += steps.news
    return memory, tuple(news)


def _with_group(memory: Memory, name: str, record: GroupRecord) -> Memory:
    """Keep what is known of a group; one of which nothing is worth remembering is left out."""
    if memory.groups.get(name, GroupRecord()) == record:
        return memory
    groups = {**memory.groups, name: record}
    if record == GroupRecord():
        del groups[name]
    return replace(memory, groups=groups)

"""Carries out what a pass decided: orders first, then removals; and what comes of it goes into the memory."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec.structs import replace

from addons.autoscaler import names
from addons.autoscaler.controller.decide import with_orders
from addons.autoscaler.controller.executors import Done, Executors, is_withheld
from addons.autoscaler.controller.metrics import Metrics
from addons.autoscaler.controller.passes import Pass
from addons.autoscaler.controller.remembering import Remembering
from addons.autoscaler.controller.telling import Telling
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.intents import GroupRecord, Memory, NodeRecord
from addons.autoscaler.model.plans import News, Order
from addons.autoscaler.plan.intents import refused
from addons.autoscaler.plan.options import GrowOptions
from addons.runtime.permit import Permit

_FORGET_SECONDS = 10800.0
"""A removal that failed so long ago is no matter any more."""


class Acting:
    """Sends orders and learns from the answers. `groups` is the view of AWS; `knows_all` says whether it has
    all groups there are, so that others are gone. `ended` is told of each group whose order has ended.
    """

    def __init__(
        self,
        *,
        executors: Executors,
        remembering: Remembering,
        telling: Telling,
        metrics: Metrics,
        options: GrowOptions,
        groups: Callable[[], Mapping[str, Group]],
        knows_all: Callable[[], bool],
        ended: Callable[[str], None],
        now: Callable[[], datetime],
    ) -> None:
        self._executors = executors
        self._remembering = remembering
        self._telling = telling
        self._metrics = metrics
        self._options = options
        self._groups = groups
        self._knows_all = knows_all
        self._ended = ended
        self._now = now
        self.failures: dict[str, str] = {}
        """Group -> why its last order failed; none once one has succeeded."""

    async def order(self, done: Pass, permit: Permit) -> None:
        """Send the orders of a pass, written down before; one that is written down is never sent twice."""
        orders = done.grow.orders
        memory = with_orders(done.memory, done.snapshot, orders)
        if self._knows_all():
            known = done.snapshot.groups
            groups = {name: record for name, record in memory.groups.items() if name in known}
            memory = replace(memory, groups=groups)
        self._remembering.put(replace(memory, nodes=nodes_remembered(done)))
        if orders:
            await self._remembering.save()
        else:
            self._remembering.save_soon()
        for order in orders:
            self._executors.order(order, permit)

    def done(self, done: Done) -> None:
        """An order has been taken by AWS, or refused."""
        if done.order is None:
            return
        if is_withheld(done.error):
            self._remembering.amend(lambda memory: _withdrawn(memory, done.group))
        elif done.error:
            self._refused(done, done.order)
        else:
            self._taken(done.order)
        self._ended(done.group)

    def _taken(self, order: Order) -> None:
        self.failures.pop(order.group, None)
        self._metrics.ordered(order.count)
        since = [pod.unschedulable_since for pod in order.pods if pod.unschedulable_since is not None]
        if since:
            self._metrics.reacted(self._now().timestamp() - max(since))
        if group := self._groups().get(order.group):
            self._telling.ordered(order, group, None)

    def _refused(self, done: Done, order: Order) -> None:
        error = done.error
        if error is None:
            return
        self.failures[done.group] = error.message
        self._metrics.not_ordered(error)
        if group := self._groups().get(done.group):
            self._telling.ordered(order, group, error)
        now = self._now().timestamp()

        def amend(memory: Memory) -> Memory:
            memory, _ = refused(
                memory, done.group, code=error.reason, why=error.message, now=now, options=self._options
            )
            return memory

        self._remembering.amend(amend)

    def news(self, news: News) -> None:
        """Something became of an earlier order."""
        self._metrics.intent_ended(news.group, news.outcome)
        if news.reason:
            self._telling.news(
                news.group, news.reason, news.message, is_bad=news.outcome not in ("ready", "absorbed")
            )
        for pod in news.pods:
            message = f"group {news.group}: {news.message}"
            self._telling.pod(pod, news.reason or names.NOT_TRIGGER_SCALE_UP, message)

    async def settled(self) -> None:
        """Return when no order is under way any more."""
        await self._executors.settled()
        await asyncio.sleep(0)


def nodes_remembered(done: Pass) -> dict[str, NodeRecord]:
    """What is worth remembering of the nodes that are there: since when they are not needed, and failures."""
    found: dict[str, NodeRecord] = {}
    now = done.snapshot.now
    for name in done.memory.nodes.keys() | done.shrink.unneeded.keys():
        record = done.memory.nodes.get(name, NodeRecord())
        if now - record.last_failure > _FORGET_SECONDS:
            record = NodeRecord()
        record = replace(record, unneeded_since=done.shrink.unneeded.get(name, 0.0))
        if name in done.snapshot.nodes and record != NodeRecord():
            found[name] = record
    return found


def _withdrawn(memory: Memory, group: str) -> Memory:
    """Take back what was written down and never sent."""
    record = memory.groups.get(group, GroupRecord())
    kept = tuple(each for each in record.intents if each.state != "requested")
    return replace(memory, groups={**memory.groups, group: replace(record, intents=kept)})

"""How the orders of one group go on, from one look to the next."""

from msgspec.structs import replace

from addons.autoscaler import names
from addons.autoscaler.model.intents import GroupRecord, Intent, State
from addons.autoscaler.model.nodes import Template
from addons.autoscaler.model.plans import GroupState, News
from addons.autoscaler.plan.absorption import (
    SETTLE_SECONDS,
    absorbed_classes,
    open_classes,
    refutations,
    still_refuted,
    with_proofs,
)
from addons.autoscaler.plan.groups import SENDING_SECONDS, is_being_sent
from addons.autoscaler.plan.launching import given_up, launch_failure, with_owed, with_seen
from addons.autoscaler.plan.proof import launch_of
from addons.autoscaler.plan.resting import forget_old, with_failure, without_failures
from addons.autoscaler.plan.sight import Sight

_CLOCK_SLACK = 5.0


class Steps:
    """Brings the record of one group up to what is seen of it.

    `news` tells what became of orders, `failed` counts orders that failed, and `has_succeeded` says that
    nodes of one took pods that it was for.
    """

    def __init__(
        self, record: GroupRecord, state: GroupState, template: Template | None, sight: Sight
    ) -> None:
        self.record = record
        self.news: list[News] = []
        self.failed = 0
        self.has_succeeded = False
        self._state = state
        self._group = state.group
        self._template = template
        self._sight = sight

    def take_all(self) -> None:
        """Take every step that can be taken now. While the view of the cluster is stale, nothing is concluded
        from what it does not show.
        """
        joined = frozenset(self._sight.by_instance)
        record = forget_old(self.record, self._sight.now, self._sight.options)
        record = with_seen(record, self._group, joined, self._sight.now)
        self.record = with_owed(record, self._group, self._sight.now)
        self._progress()
        self._give_up_owed()
        if not self._sight.snapshot.is_stale:
            self._give_up_lost()
            self._give_up_unready()
            self._absorb()
            self._recover()
        refuted = still_refuted(self.record, self._group, self._template, self._sight)
        if refuted != self.record.refuted:
            self.record = replace(self.record, refuted=refuted)

    def _progress(self) -> None:
        claimed = {each for intent in self.record.intents for each in intent.instances}
        kept, withdrawn = [], 0
        for intent in self.record.intents:
            if (seen := self._seen(intent, claimed)) is not None:
                claimed |= set(seen.instances)
                kept.append(seen)
            elif intent.state in ("launching", "registered"):
                withdrawn += 1
        self._keep(kept)
        if withdrawn:
            told = f"its capacity was lowered to {self._group.desired} before new nodes were ready"
            self._fail("launch-failed", "Withdrawn", told, names.FAILED_TO_SCALE_UP_GROUP, withdrawn)

    def _seen(self, intent: Intent, claimed: set[str]) -> Intent | None:
        """Bring one order up to what is seen of it; None: nothing more is to come of it."""
        now = self._sight.now
        if intent.state == "requested":
            if self._group.desired < intent.target:
                return intent if now - intent.at <= SENDING_SECONDS else None
            intent = replace(intent, state="launching", since=now)
        present = [each.id for each in self._group.instances if not each.is_leaving]
        here = [each for each in intent.instances if each in present]
        new = [each for each in sorted(present) if each not in claimed and self._came_for(intent, each)]
        here += new[: max(0, intent.count - len(here))]
        if not here and self._group.desired < intent.target and is_being_sent(intent, now):
            return intent
        count = intent.count if self._group.missing else min(intent.count, len(here))
        return self._at_stage(replace(intent, instances=tuple(here), count=count)) if count else None

    def _came_for(self, intent: Intent, instance: str) -> bool:
        if (node := self._sight.by_instance.get(instance)) is not None:
            return node.created >= intent.at - _CLOCK_SLACK
        return self.record.seen.get(instance, 0.0) >= intent.at

    def _at_stage(self, intent: Intent) -> Intent:
        joined = len(self._sight.nodes(intent.instances))
        ready = len(self._sight.nodes(intent.instances, only_ready=True))
        state: State = (
            "ready" if ready >= intent.count else "registered" if joined >= intent.count else "launching"
        )
        now = self._sight.now
        if ready and not intent.first_ready:
            intent = replace(intent, first_ready=now)
        return intent if state == intent.state else replace(intent, state=state, since=now)

    def _give_up_lost(self) -> None:
        """Instances that never joined: a failure once, though they may be there for a while yet."""
        if not self._state.lost:
            return
        seconds = self._group.options.provision_seconds
        newest = max(self.record.seen.get(each, 0.0) for each in self._state.lost)
        affected = self._without_instances(set(self._state.lost))
        if self.record.last_failure >= newest + seconds:
            return
        named = ", ".join(self._state.lost[:3]) + (", ..." if len(self._state.lost) > 3 else "")
        told = f"{len(self._state.lost)} instances did not become nodes within {seconds:.0f} s: {named}"
        self._fail("never-joined", "NeverJoined", told, names.SCALE_UP_TIMED_OUT, affected)

    def _give_up_unready(self) -> None:
        new = [each for intent in self.record.intents if intent.state != "ready" for each in intent.instances]
        unready = [node for node in self._sight.nodes(new) if self._sight.is_unready(node)]
        if not unready:
            return
        affected = self._without_instances({node.instance for node in unready})
        why = unready[0].not_ready_why or unready[0].starting_why
        told = f"{len(unready)} new nodes joined and did not become ready: {unready[0].name}: {why}"
        self._fail("never-joined", "NeverReady", told, names.SCALE_UP_TIMED_OUT, affected)

    def _give_up_owed(self) -> None:
        failure = launch_failure(self.record, self._group, self._sight.now)
        if failure is None:
            return
        count = self._group.missing - self.record.undelivered
        self.record = given_up(self.record, self._group, failure)
        launching = [each for each in self.record.intents if each.state == "launching"]
        self._keep(
            [
                self._at_stage(replace(each, count=len(each.instances))) if each in launching else each
                for each in self.record.intents
                if each not in launching or each.instances
            ]
        )
        told = f"{count} instances were not launched: {failure.code}: {failure.message}"
        self._fail("launch-failed", failure.code, told, names.FAILED_TO_SCALE_UP_GROUP, len(launching))

    def _without_instances(self, gone: set[str]) -> int:
        """Expect these instances no longer; gives the number of orders that had some of them."""
        kept, affected = [], 0
        for intent in self.record.intents:
            left = tuple(each for each in intent.instances if each not in gone)
            lost = len(intent.instances) - len(left)
            affected += bool(lost)
            if intent.count > lost:
                kept.append(replace(intent, instances=left, count=intent.count - lost) if lost else intent)
        self._keep(kept)
        return affected

    def _fail(self, outcome: State, code: str, told: str, reason: str, intents: int) -> None:
        self.record = with_failure(self.record, self._sight.now, code, told, self._sight.options)
        self.failed += intents
        self.news.append(News(self._group.name, outcome, told, reason, code))

    def _absorb(self) -> None:
        kept = []
        for intent in self.record.intents:
            after = self._with_absorbed(intent) if intent.first_ready else intent
            if not after.first_ready or not self._is_over(after):
                kept.append(after)
        self._keep(kept)

    def _recover(self) -> None:
        """Forget failures once a node that has joined since has pods, whoever ordered it: what AWS still owed
        of a failed order may come after all.
        """
        if not self.record.failures:
            return
        nodes = self._sight.nodes((each.id for each in self._group.instances), only_ready=True)
        since = self.record.last_failure
        if any(node.created > since and self._sight.scheduled(node) for node in nodes):
            self.record = without_failures(self.record)
            self.has_succeeded = True

    def _with_absorbed(self, intent: Intent) -> Intent:
        if new := absorbed_classes(intent, self._sight) - set(intent.absorbed):
            intent = replace(intent, absorbed=tuple(sorted({*intent.absorbed, *new})))
            took = with_proofs(self.record, intent, new, self._template, self._sight)
            is_later = intent.at >= self.record.last_failure
            record = without_failures(self.record) if is_later else self.record
            self.record = replace(record, proven=launch_of(self._group), took=took, step=self._next_step())
            self.has_succeeded = True
        if self._sight.now - intent.first_ready >= SETTLE_SECONDS:
            self._refute(intent)
        return intent

    def _refute(self, intent: Intent) -> None:
        digests = open_classes(intent, self.record)
        for each in refutations(intent, digests, self._template, self._sight):
            others = tuple(known for known in self.record.refuted if known.cls != each.refuted.cls)
            self.record = replace(self.record, refuted=(*others, each.refuted))
            told = f"its new nodes do not take {len(each.pods)} pods like {each.pods[0]}: {each.refuted.why}"
            self.news.append(
                News(self._group.name, "refuted", told, names.SCALE_UP_REFUTED, "Refuted", each.pods)
            )

    def _is_over(self, intent: Intent) -> bool:
        """Whether all is known of an order. One whose pods are gone was no failure, and proves little."""
        if intent.state != "ready":
            return False
        left = open_classes(intent, self.record)
        if left and self._sight.now - intent.since < SETTLE_SECONDS:
            return False
        refuted = {each.cls for each in self.record.refuted if not each.is_released}
        if intent.absorbed or not refuted & set(intent.classes):
            if not intent.absorbed and not any(each in self._sight.waiting for each in left):
                self.record = replace(self.record, step=self._next_step())
            told = f"{len(intent.instances)} nodes have come, and their pods have found places"
            self.news.append(News(self._group.name, "absorbed", told))
        return True

    def _next_step(self) -> int:
        return min(self.record.step * 2, max(1, self._group.options.max_step))

    def _keep(self, intents: list[Intent]) -> None:
        if tuple(intents) != self.record.intents:
            self.record = replace(self.record, intents=tuple(intents))

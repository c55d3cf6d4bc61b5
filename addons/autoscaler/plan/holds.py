"""What holds pods of some classes from a group, while others may have it."""

from collections.abc import Iterable, Mapping

from addons.autoscaler import names
from addons.autoscaler.model.intents import GroupRecord, Intent
from addons.autoscaler.model.nodes import Template
from addons.autoscaler.model.plans import GroupState, WhyNot
from addons.autoscaler.model.pods import PodClass
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.absorption import SETTLE_SECONDS, is_doubted, is_refuted
from addons.autoscaler.plan.proof import is_foretold, proof_of


class Holds:
    """Sorts classes by what is known of a group's nodes: they take such pods, may take them, or do not."""

    def __init__(self, snapshot: Snapshot, states: Mapping[str, GroupState]) -> None:
        self._now = snapshot.now
        self._templates = snapshot.templates
        self._records = {name: snapshot.memory.groups.get(name) or GroupRecord() for name in states}
        self._proofs: dict[tuple[str, PodClass], str] = {}

    def why_held(self, cls: PodClass, state: GroupState) -> WhyNot | None:
        """Say what is known against the class in this group."""
        record, template = self._records[state.group.name], self._templates[state.group.name]
        if (refuted := is_refuted(cls, state.group, template, record)) is not None:
            return WhyNot(names.REFUTED, f"its new nodes did not take such pods: {refuted.why}")
        if any(self._is_settling(intent, cls) for intent in record.intents):
            return WhyNot(names.PROBING, "its new nodes are ready, and have not taken such a pod yet")
        return None

    def sorted_classes(
        self, classes: Iterable[PodClass], state: GroupState
    ) -> tuple[list[PodClass], list[PodClass]]:
        """Give the classes that the group's nodes are known to take, and those of which that has to show."""
        record, template = self._records[state.group.name], self._templates[state.group.name]
        free = classes
        if record.refuted or record.intents:
            free = [cls for cls in classes if self.why_held(cls, state) is None]
        if not state.is_proven:
            return [], list(free)
        if template.source == "node" and not record.refuted:
            return list(free), []
        sure: list[PodClass] = []
        trial: list[PodClass] = []
        for cls in free:
            is_sure = is_foretold(template, self._proof(template, cls), record)
            (sure if is_sure and not is_doubted(cls, record) else trial).append(cls)
        return sure, trial

    def _is_settling(self, intent: Intent, cls: PodClass) -> bool:
        """Whether nodes of an order have just become usable, and may still take such pods."""
        if not intent.first_ready or cls.digest not in intent.classes or cls.digest in intent.absorbed:
            return False
        since = intent.since if intent.state == "ready" else intent.first_ready
        return self._now - since < SETTLE_SECONDS

    def _proof(self, template: Template, cls: PodClass) -> str:
        key = (template.group, cls)
        if key not in self._proofs:
            self._proofs[key] = proof_of(template, cls)
        return self._proofs[key]

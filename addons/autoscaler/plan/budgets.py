"""Disruption budgets, simulated: how many pods of each may still go, over all removals together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from addons.autoscaler import names
from addons.autoscaler.model.matching import selector_matches
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import Budget, Labels, Pod, PodClass


def is_charged(pod: Pod) -> bool:
    """Whether an eviction of the pod asks its budget at all: one that has not begun to run, has ended or is
    ending already may go always (as the API server's eviction does).
    """
    return pod.phase not in ("Pending", "Succeeded", "Failed") and pod.delete_at is None


@dataclass(slots=True)
class Budgets:
    """What is left of each budget. `charge` takes from it, for the whole of a pass."""

    budgets: Sequence[Budget]
    _left: list[int] = field(init=False)
    _by_namespace: dict[str, list[int]] = field(init=False)
    _asked: frozenset[str] = field(init=False)
    _by_class: dict[PodClass, tuple[int, ...]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Index the budgets by namespace; those that are not current allow nothing."""
        self._left = [each.allowed if each.is_current else 0 for each in self.budgets]
        self._by_namespace = {}
        self._asked = frozenset(term.key for each in self.budgets for term in each.selector or ())
        for number, budget in enumerate(self.budgets):
            self._by_namespace.setdefault(budget.namespace, []).append(number)

    def of(self, pod: Pod) -> tuple[int, ...]:
        """The numbers of the budgets that cover a pod."""
        if pod.own_labels and not self._asked.isdisjoint(pod.own_labels):
            return self._covering(pod.namespace, pod.labels)
        found = self._by_class.get(pod.cls)
        if found is None:
            found = self._by_class[pod.cls] = self._covering(pod.namespace, pod.cls.labels)
        return found

    def _covering(self, namespace: str, labels: Labels) -> tuple[int, ...]:
        here = self._by_namespace.get(namespace, ())
        return tuple(each for each in here if selector_matches(self.budgets[each].selector, labels))

    def left(self, number: int) -> int:
        """How many more pods of a budget may go."""
        return self._left[number]

    def several(self, pod: Pod) -> WhyNot | None:
        """Two budgets on one pod: the API server refuses to evict it, whatever they allow."""
        if not self._by_namespace:
            return None
        covering = self.of(pod)
        if len(covering) < 2 or not is_charged(pod):
            return None
        called = " and ".join(self.budgets[each].name for each in covering)
        message = (
            f"pod {pod} is covered by {len(covering)} disruption budgets ({called}): it cannot be evicted"
        )
        return WhyNot(names.BLOCKED_SEVERAL_BUDGETS, message, str(pod))

    def why_not(self, pods: Iterable[Pod]) -> WhyNot | None:
        """Why these pods cannot be evicted now, not even one after the other: a budget allows none to go."""
        if not self._by_namespace:
            return None
        blocked = [(pod, number) for pod in pods for number in self._charged(pod) if self._left[number] < 1]
        if not blocked:
            return None
        pod, number = min(blocked, key=lambda each: each[0].key)
        budget = self.budgets[number]
        message = f"pod {pod} is held by the disruption budget {budget.name}: {self._why_none(budget)}"
        return WhyNot(names.BLOCKED_BUDGET, message, str(pod))

    def _why_none(self, budget: Budget) -> str:
        if not budget.is_current:
            return "its newest form was not looked at yet by the disruption controller"
        if budget.allowed < 1:
            return "it allows 0 disruptions now"
        return f"removals under way use up all {budget.allowed} that it allows"

    def charge(self, pods: Iterable[Pod]) -> None:
        """Take from the budgets for pods of one node that go. Those of one budget go one after the other as
        it allows: no more of them are away at once than what is left of it.
        """
        if not self._by_namespace:
            return
        for number, count in self.counts(pods).items():
            self._left[number] -= min(count, max(0, self._left[number]))

    def counts(self, pods: Iterable[Pod]) -> Mapping[int, int]:
        """How many of these pods each budget is asked for."""
        counts: dict[int, int] = {}
        for pod in pods:
            for number in self._charged(pod):
                counts[number] = counts.get(number, 0) + 1
        return counts

    def _charged(self, pod: Pod) -> tuple[int, ...]:
        if not is_charged(pod):
            return ()
        covering = self.of(pod)
        if covering and not pod.is_ready:
            return tuple(each for each in covering if not self.budgets[each].evicts_unhealthy)
        return covering

"""The rules between pods, for nodes that do not exist yet, over the tallies of those that do.

All new nodes of a group have the labels of its template, but each its own host name. So a rule by host name
is about one new node, and a rule by any other key is about all of them together.
"""

from collections.abc import Mapping, Sequence

from addons.autoscaler import names
from addons.autoscaler.model.nodes import Template
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import PodClass
from addons.autoscaler.plan.cluster import Form
from addons.autoscaler.plan.fit import UNLIMITED
from addons.autoscaler.plan.tallies import Tally
from addons.autoscaler.plan.topology import Refusal, SpreadRule, spread_refusal

Held = Mapping[PodClass, int]
Permit = tuple[int, WhyNot | None]
"""How many more pods, and what keeps off the others, once there are some."""
_NEW = "a new node"


class NewNodeRules:
    """What other pods make of new nodes of a template. `placed` counts the pods on all of them, by class."""

    def __init__(self, template: Template, spread_elsewhere: frozenset[PodClass]) -> None:
        self.placed: dict[PodClass, int] = {}
        self._labels = template.labels
        self._daemons: dict[PodClass, int] = {}
        for cls in template.daemons:
            self._daemons[cls] = self._daemons.get(cls, 0) + 1
        self._spread_elsewhere = spread_elsewhere

    def count(self, nodes: int, cls: PodClass, pods: int) -> None:
        """Count new nodes with their DaemonSet pods, and pods of a class on new nodes."""
        for daemon, some in self._daemons.items() if nodes else ():
            self.placed[daemon] = self.placed.get(daemon, 0) + some * nodes
        self.placed[cls] = self.placed.get(cls, 0) + pods

    def is_steady(self, form: Form) -> bool:
        """Whether a pod of the class on one new node changes nothing on the others but their share in what
        `permitted` says.
        """
        ties = form.ties
        if any(each.key == names.HOSTNAME for each in ties.affinity):
            return False
        for rule in ties.spread:
            tally = rule.tally
            is_zero = bool(tally.counts) and tally.least == 0 and len(tally.counts) >= rule.spread.min_domains
            if tally.key == names.HOSTNAME and not is_zero:
                return False
        shared = (each for each in form.ties.tallies if each.key != names.HOSTNAME)
        return not any(tally.takes(daemon) for tally in shared for daemon in self._daemons)

    def permitted(self, form: Form, *, is_more: bool) -> Permit:
        """Return how many more pods of the class the rules by keys beyond the host permit on all new nodes;
        with `is_more` there is one more new node.
        """
        most = UNLIMITED
        for rule in form.ties.spread:
            if rule.tally.key != names.HOSTNAME and form.cls not in self._spread_elsewhere:
                some, why = self._permitted_by_spread(rule, is_more=is_more)
                if why is not None:
                    return 0, why
                most = min(most, some)
        for tally in (*form.ties.feared, *form.ties.apart):
            value = self._labels.get(tally.key)
            if tally.key == names.HOSTNAME or value is None:
                continue
            if self._there(tally, value, is_more=is_more) > 0:
                return 0, form.ties.words(Refusal(names.POD_ANTI_AFFINITY, tally, value))
            if tally.takes(form.cls):
                most = 1
        lonely = self._lonely(form, is_more=is_more)
        return (0, lonely) if lonely else (most, None)

    def room(
        self, form: Form, held: Held, all_held: Sequence[Held], nodes: int
    ) -> tuple[int, Refusal | None]:
        """Return how many more pods of the class the rules by host name permit on a new node that holds such
        pods, and which rule keeps off the others. There are so many new `nodes`, and all that any of them
        holds is in `all_held`.
        """
        most, most_why = UNLIMITED, None
        for tally in (*form.ties.feared, *form.ties.apart):
            if tally.key == names.HOSTNAME:
                refusal = Refusal(names.POD_ANTI_AFFINITY, tally, _NEW)
                if _held(tally, held) > 0:
                    return 0, refusal
                if tally.takes(form.cls):
                    most, most_why = 1, refusal
        for rule in form.ties.spread:
            if rule.tally.key == names.HOSTNAME:
                spare = rule.spread.max_skew + self._floor(rule, all_held, nodes) - _held(rule.tally, held)
                if spare < rule.own:
                    return 0, Refusal(names.TOPOLOGY_SPREAD, rule.tally, _NEW)
                if rule.own and spare < most:
                    most, most_why = spare, Refusal(names.TOPOLOGY_SPREAD, rule.tally, _NEW)
        for tally in form.ties.affinity:
            if tally.key == names.HOSTNAME and _held(tally, held) <= 0 and not self._is_first(form):
                return 0, Refusal(names.POD_AFFINITY, tally, _NEW)
        return most, most_why

    def _permitted_by_spread(self, rule: SpreadRule, *, is_more: bool) -> Permit:
        tally, spread = rule.tally, rule.spread
        value = self._labels.get(tally.key)
        if value is None:
            return 0, spread_refusal(rule, None, 0, 0)
        here, others = self._there(tally, value, is_more=is_more), tally.least_but(value)
        domains = len(tally.counts) + (value not in tally.counts)
        if domains < spread.min_domains:
            others = 0
            least = 0
        else:
            least = here if others is None else min(here, others)
        if here + rule.own - least > spread.max_skew:
            return 0, spread_refusal(rule, value, here, least)
        if not rule.own or others is None:
            return UNLIMITED, None
        return others + spread.max_skew - here, None

    def _lonely(self, form: Form, *, is_more: bool) -> WhyNot | None:
        lacking: Refusal | None = None
        for tally in form.ties.affinity:
            if tally.key != names.HOSTNAME:
                value = self._labels.get(tally.key)
                if value is None:
                    return form.ties.words(Refusal(names.POD_AFFINITY, tally, None))
                if self._there(tally, value, is_more=is_more) <= 0:
                    lacking = lacking or Refusal(names.POD_AFFINITY, tally, value)
        return form.ties.words(lacking) if lacking and not self._is_first(form) else None

    def _is_first(self, form: Form) -> bool:
        """Whether no pod is there yet that the class wants to be near, and its own would do."""
        return form.ties.begins and not any(
            tally.total or _held(tally, self.placed) for tally in form.ties.affinity
        )

    def _there(self, tally: Tally, value: str, *, is_more: bool) -> int:
        here = tally.at(value) + _held(tally, self.placed)
        return here + _held(tally, self._daemons) if is_more else here

    def _floor(self, rule: SpreadRule, all_held: Sequence[Held], nodes: int) -> int:
        """Return the least count of all nodes that are domains, new ones included."""
        tally = rule.tally
        if len(tally.counts) + nodes < rule.spread.min_domains:
            return 0
        counts = [_held(tally, each) for each in all_held]
        return min((*counts, tally.least) if tally.counts else counts)


def _held(tally: Tally, held: Held) -> int:
    return sum(count for cls, count in held.items() if tally.takes(cls))

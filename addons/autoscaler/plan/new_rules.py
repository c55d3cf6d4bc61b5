"""The rules between pods, for nodes that do not exist yet, over the tallies of those that do.

All new nodes of a group have the labels of its template, but each its own host name. So a rule by host name
is about one new node, and a rule by any other key is about all of them together.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from addons.autoscaler import names
from addons.autoscaler.model.nodes import Template
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import PodClass
from addons.autoscaler.plan.cluster import Form
from addons.autoscaler.plan.fit import UNLIMITED
from addons.autoscaler.plan.runs import Run
from addons.autoscaler.plan.tallies import Tally
from addons.autoscaler.plan.topology import Refusal, SpreadRule, spread_refusal

Held = Mapping[PodClass, int]
Permit = tuple[int, WhyNot | None]
"""How many more pods, and what keeps off the others, once there are some."""
Floors = Mapping[SpreadRule, int]
Pace = Literal["at once", "by levels", "one by one"]
_NEW = "a new node"


class Levels(NamedTuple):
    """How many pods of a spread by host name each run of new nodes has, and the least of all nodes, `floor`.

    `low` new nodes are at the floor: once all of them have one more, it rises. UNLIMITED: not by their pods.
    `others` is the least of the nodes that exist.
    """

    rule: SpreadRule
    counts: Sequence[int]
    floor: int
    low: int
    others: int
    nodes: int

    @property
    def stays_zero(self) -> bool:
        """Whether nodes without such pods, that take none, keep the floor at 0 while nodes are added."""
        domains = len(self.rule.tally.counts) + self.nodes
        return self.floor == 0 and 0 < domains >= self.rule.spread.min_domains

    def most_alone(self, number: int) -> int:
        """Return how many more pods may go to a run of one node while no other node takes any."""
        least = min((count for other, count in enumerate(self.counts) if other != number), default=UNLIMITED)
        return min(least, self.others) + self.rule.spread.max_skew - self.counts[number]


class NewNodeRules:
    """What other pods make of new nodes of a template. `placed` counts the pods on all of them, by class."""

    def __init__(self, template: Template, spread_elsewhere: frozenset[PodClass]) -> None:
        self.placed: dict[PodClass, int] = {}
        self._labels = template.labels
        self._daemons: dict[PodClass, int] = {}
        for cls in template.daemons:
            self._daemons[cls] = self._daemons.get(cls, 0) + 1
        self._spread_elsewhere = spread_elsewhere
        self.placed.update(dict.fromkeys(self._daemons, 0))
        self._taken: dict[Tally, tuple[int, list[PodClass]]] = {}

    def count(self, nodes: int, cls: PodClass, pods: int) -> None:
        """Count new nodes with their DaemonSet pods, and pods of a class on new nodes."""
        for daemon, some in self._daemons.items() if nodes else ():
            self.placed[daemon] = self.placed.get(daemon, 0) + some * nodes
        self.placed[cls] = self.placed.get(cls, 0) + pods

    def pace(self, form: Form) -> Pace:
        """Return how pods of the class can be taken with the same answer as one by one.

        `at once`: a pod on one new node changes nothing on others but their share in what `permitted` says.
        `by levels`: nor does it, until the last of the nodes with the fewest pods gets one.
        """
        ties = form.ties
        if any(each.key == names.HOSTNAME for each in ties.affinity):
            return "one by one"
        if any(tally.takes(daemon) for tally in ties.tallies for daemon in self._daemons):
            return "one by one"
        rising = [each for each in ties.spread if _can_rise(each)]
        if not rising:
            return "at once"
        is_one = len(rising) == 1 and rising[0].tally.takes(form.cls)
        return "by levels" if is_one else "one by one"

    def levels(self, form: Form, runs: Sequence[Run]) -> Levels:
        """Return where the new nodes stand in the one spread by host name whose floor can rise."""
        rule = next(each for each in form.ties.spread if _can_rise(each))
        counts = [self._on(rule.tally, run.held) for run in runs]
        nodes = sum(run.count for run in runs)
        others = rule.tally.least if rule.tally.counts else UNLIMITED
        if len(rule.tally.counts) + nodes < rule.spread.min_domains:
            return Levels(rule, counts, 0, UNLIMITED, others, nodes)
        floor = min((*counts, others))
        at_floor = sum(run.count for run, count in zip(runs, counts, strict=True) if count == floor)
        return Levels(rule, counts, floor, UNLIMITED if others == floor else at_floor, others, nodes)

    def permitted(self, form: Form, *, is_more: bool) -> Permit:
        """Return how many more pods of the class the rules by keys beyond the host permit on all new nodes;
        with `is_more` there is one more new node.
        """
        most = UNLIMITED
        for rule in form.ties.spread:
            if rule.tally.key != names.HOSTNAME and form.cls not in self._spread_elsewhere:
                some, why = self._permitted_by_spread(form, rule, is_more=is_more)
                if why is not None:
                    return 0, why
                most = min(most, some)
        for tally in (*form.ties.apart, *form.ties.feared):
            value = self._labels.get(tally.key)
            if tally.key == names.HOSTNAME or value is None:
                continue
            if self._there(tally, value, is_more=is_more) > 0:
                return 0, form.ties.words(Refusal(names.POD_ANTI_AFFINITY, tally, value))
            if tally.takes(form.cls):
                most = 1
        lonely = self._lonely(form, is_more=is_more)
        return (0, lonely) if lonely else (most, None)

    def floors(self, form: Form, all_held: Sequence[Held], nodes: int) -> Floors:
        """Return, for each spread of the class by host name, the least count of all nodes. There are so many
        new `nodes`, and all that any of them holds is in `all_held`.
        """
        floors = {}
        for rule in form.ties.spread:
            tally = rule.tally
            if tally.key == names.HOSTNAME:
                counts = [self._on(tally, each) for each in all_held]
                is_few = len(tally.counts) + nodes < rule.spread.min_domains
                there = (tally.least,) if tally.counts else ()
                floors[rule] = 0 if is_few else min((*counts, *there), default=0)
        return floors

    def room(self, form: Form, held: Held, floors: Floors) -> tuple[int, Refusal | None]:
        """Return how many more pods of the class the rules by host name permit on a new node that holds such
        pods, and which rule keeps off the others.
        """
        most, most_why = UNLIMITED, None
        for tally in (*form.ties.apart, *form.ties.feared):
            if tally.key == names.HOSTNAME:
                refusal = Refusal(names.POD_ANTI_AFFINITY, tally, _NEW)
                if self._on(tally, held) > 0:
                    return 0, refusal
                if tally.takes(form.cls):
                    most, most_why = 1, refusal
        for rule, floor in floors.items():
            spare = rule.spread.max_skew + floor - self._on(rule.tally, held)
            if spare < rule.own:
                return 0, Refusal(names.TOPOLOGY_SPREAD, rule.tally, _NEW)
            if rule.tally.takes(form.cls) and spare < most:
                most, most_why = spare, Refusal(names.TOPOLOGY_SPREAD, rule.tally, _NEW)
        for tally in form.ties.affinity:
            if tally.key == names.HOSTNAME and self._on(tally, held) <= 0 and not self._is_first(form):
                return 0, Refusal(names.POD_AFFINITY, tally, _NEW)
        return most, most_why

    def _permitted_by_spread(self, form: Form, rule: SpreadRule, *, is_more: bool) -> Permit:
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
        if others is None or not tally.takes(form.cls):
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
            tally.total or self._on(tally, self.placed) for tally in form.ties.affinity
        )

    def _there(self, tally: Tally, value: str, *, is_more: bool) -> int:
        here = tally.at(value) + self._on(tally, self.placed)
        return here + self._on(tally, self._daemons) if is_more else here

    def _on(self, tally: Tally, held: Held) -> int:
        """Return how many of the pods count."""
        known = self._taken.get(tally)
        if known is None or known[0] != len(self.placed):
            taken = [cls for cls in self.placed if tally.takes(cls)]
            known = self._taken[tally] = len(self.placed), taken
        return sum([held.get(cls, 0) for cls in known[1]])


def _can_rise(rule: SpreadRule) -> bool:
    """Whether the floor of a spread by host name depends on the pods of new nodes: it does not while a node
    that exists has none.
    """
    tally = rule.tally
    is_zero = bool(tally.counts) and tally.least == 0 and len(tally.counts) >= rule.spread.min_domains
    return tally.key == names.HOSTNAME and not is_zero

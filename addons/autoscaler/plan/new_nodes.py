"""Nodes that a group would add, as runs of equal nodes, and how many pods of a class they take."""

from collections import Counter
from collections.abc import Iterable, Mapping

from addons.autoscaler import names
from addons.autoscaler.model.nodes import Template
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import HostPort, PodClass
from addons.autoscaler.plan.cluster import Cluster, Form
from addons.autoscaler.plan.fit import (
    new_site,
    offer_of,
    port_clash,
    port_words,
    short_of,
    why_not_site,
)
from addons.autoscaler.plan.new_rules import NewNodeRules


class Run:
    """`count` new nodes one after the other, each with the same free amounts, pods and ports taken."""

    __slots__ = ("count", "free", "held", "ports")

    def __init__(
        self, count: int, free: list[int], held: dict[PodClass, int], ports: tuple[HostPort, ...]
    ) -> None:
        self.count = count
        self.free = free
        self.held = held
        self.ports = ports

    def fits(self, form: Form) -> int:
        """Return how many pods of the class one of its nodes has room for, other pods aside."""
        free, fits = self.free, 1 << 62
        for column, amount in form.needs:
            some = free[column] // amount
            if some < fits:
                fits = some
        return max(0, fits)

    def with_pods(self, nodes: int, form: Form, pods: int) -> "Run":
        """Return so many nodes like its own, each with so many more pods."""
        free = list(self.free)
        for column, amount in form.needs:
            free[column] -= amount * pods
        held = {**self.held, form.cls: self.held.get(form.cls, 0) + pods}
        return Run(nodes, free, held, self.ports + form.cls.ports)

    def is_like(self, other: "Run") -> bool:
        """Whether its nodes are equal to the other's."""
        return self.free == other.free and self.held == other.held


class NewNodes:
    """New nodes of a template, none at first and `most` at most, beside the nodes of a cluster.

    The cluster stays as it is. `spread_elsewhere` are classes whose spread over domains beyond the host is
    not asked about.
    """

    def __init__(
        self,
        template: Template,
        cluster: Cluster,
        *,
        most: int,
        spread_elsewhere: frozenset[PodClass] = frozenset(),
    ) -> None:
        self.count = 0
        self._most = most
        self._template = template
        self._cluster = cluster
        self._site = new_site(template)
        self._rules = NewNodeRules(template, spread_elsewhere)
        self._runs: list[Run] = []
        self._empty = self._empty_node()

    @property
    def filled(self) -> tuple[tuple[int, Mapping[PodClass, int]], ...]:
        """What is on the nodes, in their order: so many equal nodes, each with so many pods of these classes,
        besides DaemonSet pods.
        """
        own = Counter(self._template.daemons)
        return tuple(
            (run.count, {cls: count - own[cls] for cls, count in run.held.items() if count > own[cls]})
            for run in self._runs
        )

    def fill(self, cls: PodClass, count: int) -> tuple[int, WhyNot | None]:
        """Put up to `count` pods of the class on the new nodes, one after the other at the first that takes
        it, else on one more. Return how many found a place, and why the rest did not.
        """
        form = self._cluster.form(cls)
        self._widen()
        if count <= 0:
            return 0, None
        if why := why_not_site(cls, self._site):
            return 0, why
        if form.meets:
            return self._fill_tied(form, count)
        done = self._fill_open(form, count)
        if done == count:
            return done, None
        opened, why = self._open(form, count - done)
        return done + opened, why

    def _fill_tied(self, form: Form, count: int) -> tuple[int, WhyNot | None]:
        """Do the same for pods to which other pods matter: at once where no pod changes what the next one
        may do, else one by one.
        """
        left = count
        while left:
            is_steady = self._rules.is_steady(form)
            permitted, why = self._rules.permitted(form, is_more=False)
            wanted = min(left, permitted, left if is_steady else 1)
            done = self._fill_open(form, wanted) if wanted else 0
            left -= done
            if done and done == wanted:
                continue
            permitted, why = self._rules.permitted(form, is_more=True)
            if not permitted:
                return count - left, why
            opened, why = self._open(form, min(left, permitted, left if is_steady else 1))
            left -= opened
            if why is not None:
                return count - left, why
        return count, None

    def _fill_open(self, form: Form, wanted: int) -> int:
        """Put up to so many pods on new nodes that are there, and return how many."""
        before, self._runs, left = self._runs, [], wanted
        nodes = [run.held for run in before]
        for number, run in enumerate(before):
            if not left:
                self._append(before[number:])
                break
            room = self._room(form, run, nodes, self.count)
            if room <= 0:
                self._append((run,))
                continue
            full, rest = divmod(min(left, run.count * room), room)
            left -= full * room + rest
            self._append(_split(run, form, room, full, rest))
        self._rules.count(0, form.cls, wanted - left)
        return wanted - left

    def _open(self, form: Form, wanted: int) -> tuple[int, WhyNot | None]:
        """Put up to so many pods on more nodes; return how many, and why not all."""
        nodes = [*(run.held for run in self._runs), self._empty.held]
        room = self._room(form, self._empty, nodes, self.count + 1)
        if room <= 0:
            return 0, self._why_not(form, nodes)
        if (spare := self._most - self.count) <= 0:
            return 0, self._at_most()
        full, rest = divmod(min(wanted, spare * room), room)
        more = full + bool(rest)
        self._append(_split(self._empty, form, room, full, rest, total=more))
        self.count += more
        done = full * room + rest
        self._rules.count(more, form.cls, done)
        return done, None if done == wanted else self._at_most()

    def _room(self, form: Form, run: Run, nodes: list[dict[PodClass, int]], count: int) -> int:
        fits = run.fits(form)
        if fits <= 0 or not form.meets:
            return fits
        if form.cls.ports:
            if port_clash(form.cls.ports, run.ports):
                return 0
            fits = 1
        return min(fits, self._rules.room(form, run.held, nodes, count)[0])

    def _why_not(self, form: Form, nodes: list[dict[PodClass, int]]) -> WhyNot:
        """Return why an empty new node takes no pod of the class."""
        for column, amount in form.needs:
            if (free := self._empty.free[column]) < amount:
                return short_of(self._cluster.room.names[column], amount, free)
        if clash := port_clash(form.cls.ports, self._empty.ports):
            return port_words(clash)
        _, refusal = self._rules.room(form, self._empty.held, nodes, self.count + 1)
        assert refusal is not None
        return form.ties.words(refusal)

    def _at_most(self) -> WhyNot:
        return WhyNot(names.AT_MAX, f"more than {self._most} new nodes would be needed")

    def _append(self, runs: Iterable[Run]) -> None:
        """Add runs at the end; one that is like the last one becomes part of it."""
        for run in runs:
            if self._runs and self._runs[-1].is_like(run):
                last = self._runs[-1]
                self._runs[-1] = Run(last.count + run.count, last.free, last.held, last.ports)
            elif run.count:
                self._runs.append(run)

    def _empty_node(self) -> Run:
        forms = [self._cluster.form(each) for each in self._template.daemons]
        free = [offer_of(name, self._template) for name in self._cluster.room.names]
        node = Run(1, free, {}, ())
        for form in forms:
            node = node.with_pods(1, form, 1)
        return node

    def _widen(self) -> None:
        """Give all nodes the columns of resources that have come up since."""
        for name in self._cluster.room.names[len(self._empty.free) :]:
            amount = offer_of(name, self._template)
            for free in {id(run.free): run.free for run in (self._empty, *self._runs)}.values():
                free.append(amount)


def _split(run: Run, form: Form, room: int, full: int, rest: int, total: int | None = None) -> list[Run]:
    """Return the run with `room` pods more on the first `full` nodes and `rest` more on the next."""
    untouched = (run.count if total is None else total) - full - bool(rest)
    parts = [run.with_pods(full, form, room)] if full else []
    if rest:
        parts.append(run.with_pods(1, form, rest))
    if untouched:
        parts.append(Run(untouched, run.free, run.held, run.ports))
    return parts

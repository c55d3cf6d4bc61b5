"""Nodes that a group would add, as runs of equal nodes, and how many pods of a class they take."""

from collections import Counter
from collections.abc import Iterable, Mapping

from addons.autoscaler import names
from addons.autoscaler.model.nodes import Template
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import PodClass
from addons.autoscaler.plan.cluster import Cluster, Form
from addons.autoscaler.plan.fit import (
    new_site,
    offer_of,
    port_clash,
    port_words,
    short_of,
    why_not_site,
)
from addons.autoscaler.plan.new_rules import Floors, Levels, NewNodeRules
from addons.autoscaler.plan.runs import Run, split


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
        """Do the same for pods to which other pods matter: as many at once as change nothing for the next."""
        left = count
        while left:
            pace = self._rules.pace(form)
            permitted, why = self._rules.permitted(form, is_more=False)
            wanted = min(left, permitted, 1 if pace == "one by one" else left)
            levels = self._rules.levels(form, self._runs) if pace == "by levels" else None
            if done := self._fill_open(form, wanted, levels) if wanted else 0:
                left -= done
                continue
            permitted, why = self._rules.permitted(form, is_more=True)
            if not permitted:
                return count - left, why
            is_alike = pace == "at once" or (levels is not None and levels.stays_zero)
            done, why = self._open(form, min(left, permitted, left if is_alike else 1))
            left -= done
            if why is not None:
                return count - left, why
        return count, None

    def _fill_open(self, form: Form, wanted: int, levels: Levels | None = None) -> int:
        """Put up to so many pods on new nodes that are there, and return how many: with `levels` those at
        least that do not raise the floor, and one more.
        """
        left = wanted
        floors = self._floors(form)
        changes: list[tuple[int, list[Run]]] = []
        low = levels.low if levels else 0
        for number, run in enumerate(self._runs):
            room = self._room(form, run, floors)
            if room <= 0:
                continue
            most, is_last = run.count * room, False
            if levels and levels.counts[number] == levels.floor:
                low -= run.count
                if is_last := low <= 0:
                    most, room = self._before_floor_rises(form, number, room, levels)
            full, rest = divmod(min(left, most), room)
            changes.append((number, split(run, form, room, full, rest)))
            left -= full * room + rest
            if is_last or not left:
                break
        self._replace(dict(changes))
        self._rules.count(0, form.cls, wanted - left)
        return wanted - left

    def _before_floor_rises(self, form: Form, number: int, room: int, levels: Levels) -> tuple[int, int]:
        """Return how many pods the last nodes at the floor take, and how many each, until the floor rises and
        nodes before them may take pods again; where no other node has room for any, it may rise.
        """
        run, ties = self._runs[number], form.ties
        is_alone = run.count == 1 and not any(
            other.fits(form) for place, other in enumerate(self._runs) if place != number
        )
        if is_alone and not (form.cls.ports or ties.apart or ties.feared) and len(ties.spread) == 1:
            room = min(run.fits(form), levels.most_alone(number))
            return room, room
        return (run.count - 1) * room + 1, room

    def _open(self, form: Form, wanted: int) -> tuple[int, WhyNot | None]:
        """Put up to so many pods on more nodes; return how many, and why not all."""
        floors = self._floors(form, self._empty)
        room = self._room(form, self._empty, floors)
        if room <= 0:
            return 0, self._why_not(form, floors)
        if (spare := self._most - self.count) <= 0:
            return 0, self._at_most()
        full, rest = divmod(min(wanted, spare * room), room)
        more = full + bool(rest)
        self._append(split(self._empty, form, room, full, rest, total=more))
        self.count += more
        done = full * room + rest
        self._rules.count(more, form.cls, done)
        return done, None if done == wanted else self._at_most()

    def _floors(self, form: Form, *more: Run) -> Floors:
        held = [run.held for run in (*self._runs, *more)] if form.ties.spread else []
        return self._rules.floors(form, held, self.count + len(more))

    def _room(self, form: Form, run: Run, floors: Floors) -> int:
        fits = run.fits(form)
        if fits <= 0 or not form.meets:
            return fits
        if form.cls.ports:
            if port_clash(form.cls.ports, run.ports):
                return 0
            fits = 1
        return min(fits, self._rules.room(form, run.held, floors)[0])

    def _why_not(self, form: Form, floors: Floors) -> WhyNot:
        """Return why an empty new node takes no pod of the class."""
        for column, amount in form.needs:
            if (free := self._empty.free[column]) < amount:
                why = short_of(self._cluster.room.names[column], amount, free)
                smallest = self._template.smallest_type
                told = f" on {smallest}, the smallest of its types" if smallest else ""
                return WhyNot(why.code, why.message + told)
        if clash := port_clash(form.cls.ports, self._empty.ports):
            return port_words(clash)
        _, refusal = self._rules.room(form, self._empty.held, floors)
        assert refusal is not None
        return form.ties.words(refusal)

    def _at_most(self) -> WhyNot:
        return WhyNot(names.AT_MAX, f"more than {self._most} new nodes would be needed")

    def _replace(self, parts: Mapping[int, list[Run]]) -> None:
        """Put parts in the place of the runs of these numbers."""
        first = min(parts, default=len(self._runs))
        after = self._runs[first:]
        del self._runs[first:]
        for number, run in enumerate(after, first):
            self._append(parts.get(number, (run,)))

    def _append(self, runs: Iterable[Run]) -> None:
        """Add runs at the end; one like the last one becomes part of it."""
        for run in runs:
            if self._runs and self._runs[-1].is_like(run):
                self._runs[-1].count += run.count
            else:
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

"""A cluster to try things on: pods are placed and removed, nodes added and emptied, and all of it undone.

Nodes have a fixed order: the fullest first (by cpu or memory, whichever is fuller, then by name), new ones at
the end. So pods move to where most is used, and little used nodes become empty. A node takes pods when it is
Ready, settled, and not on its way out; the pods of the others still count in the rules between pods.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import Literal

from addons.autoscaler import names
from addons.autoscaler.model.nodes import Node, Template
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import HostPort, Labels, Pod, PodClass
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.fit import (
    Site,
    new_site,
    offer_of,
    port_clash,
    port_words,
    requests_of,
    short_of,
    why_not_site,
)
from addons.autoscaler.plan.loads import Load, Loads
from addons.autoscaler.plan.room import Needs, Offer, Room
from addons.autoscaler.plan.seats import Seats
from addons.autoscaler.plan.sites import Placing
from addons.autoscaler.plan.topology import Ties, Topology

Among = frozenset[str] | None
Cursors = dict[tuple[PodClass, Among], int]
_NO_PORTS: Mapping[HostPort, int] = {}


class Trial:
    """Changes since its begin are undone at its end, unless `keep` was called."""

    def __init__(self) -> None:
        self.is_kept = False

    def keep(self) -> None:
        """Let the changes stay."""
        self.is_kept = True


class Form:
    """A class as the simulation uses it: what it takes by columns, where it may go, and its ties.

    `meets` says whether ports or ties make pods of the class look at other pods.
    """

    __slots__ = ("cls", "needs", "placing", "ties")

    def __init__(self, cls: PodClass, needs: Needs, placing: Placing, ties: Ties) -> None:
        self.cls = cls
        self.needs = needs
        self.placing = placing
        self.ties = ties

    @property
    def meets(self) -> bool:
        """Whether other pods matter beside what they take."""
        ties = self.ties
        return bool(self.cls.ports or ties.feared or ties.spread or ties.apart or ties.affinity)


class Cluster:
    """Nodes and their pods. Equal input and equal calls give equal answers.

    Pods of a class that found no place on a node find none there later, until pods leave it: so each class
    goes through the nodes once (a cursor), however many of its pods are placed.
    """

    def __init__(self, namespaces: Mapping[str, Labels], columns: Collection[str] = ()) -> None:
        self._seats = Seats()
        self.sites = self._seats.sites
        self.room = Room(columns)
        self._topology = Topology(namespaces, self._seats)
        self._forms: dict[PodClass, Form] = {}
        self._ports: dict[int, dict[HostPort, int]] = {}
        self._closed: dict[int, str] = {}
        self._cursors: Cursors = {}
        self._undo: list[partial[None]] | None = None
        self._touched = 0

    @classmethod
    def of(cls, snapshot: Snapshot, loads: Loads | None = None) -> "Cluster":
        """Return the cluster of a snapshot. With `loads` of an earlier pass, nodes that are the same objects
        with the same pods are not counted anew.
        """
        known = Loads() if loads is None else loads
        found = known.of(snapshot)
        columns = tuple(dict.fromkeys(chain.from_iterable(load.used for load in found)))
        cluster = cls(snapshot.namespaces, columns)
        for load in found:
            why = _why_closed(load.node, is_removing=load.node.name in snapshot.removing)
            cluster._add_loaded(load, columns, why)
        for pod_class in dict.fromkeys(chain.from_iterable(load.held for load in found)):
            cluster._counted(pod_class)
        return cluster

    @property
    def order(self) -> tuple[str, ...]:
        """The names of all nodes, in the order in which they are tried."""
        return tuple(site.name for site in self.sites.all)

    def pods_on(self, node: str) -> Mapping[PodClass, int]:
        """Return how many pods of each class are on a node now."""
        return self._seats.held[self.sites.index[node]]

    def free(self, node: str) -> dict[str, int]:
        """Return what is free on a node."""
        return dict(zip(self.room.names, self.room.rows[self.sites.index[node]], strict=True))

    def form(self, cls: PodClass) -> Form:
        """Return a class as the simulation uses it, with its rules about other pods."""
        form = self._counted(cls)
        if not form.ties.has_rules:
            self._topology.rules(cls)
        return form

    def why_not(self, cls: PodClass, node: str) -> WhyNot | None:
        """Return why a pod of the class cannot go to the node now, or None."""
        index, form = self.sites.index[node], self.form(cls)
        if index in self._closed:
            return WhyNot(names.UNSCHEDULABLE, self._closed[index])
        if why := why_not_site(cls, self.sites.all[index]):
            return why
        if short := self.room.lacks(index, form.needs):
            column, amount = short
            return short_of(self.room.names[column], amount, self.room.rows[index][column])
        if clash := port_clash(cls.ports, self._ports.get(index, _NO_PORTS)):
            return port_words(clash)
        refusal = form.ties.refusal(self.sites.all[index].labels)
        return form.ties.words(refusal) if refusal else None

    def first_fit(self, cls: PodClass, *, among: Among = None) -> str | None:
        """Return the first node that takes a pod of the class now, or None.

        `among` restricts it to some nodes: a frozenset, the same object again and again, is the fastest.
        """
        form, key = self.form(cls), (cls, among)
        allowed, size = self.sites.allowed(form.placing), len(self.sites.all)
        node = self._cursors.get(key, 0)
        cursor = None
        while (node := self.room.first(form.needs, allowed, node)) < size:
            if among is None or self.sites.all[node].name in among:
                obstacle = self._obstacle(form, node) if form.meets else ""
                if not obstacle:
                    break
                if cursor is None and obstacle == "may pass":
                    cursor = node
            node += 1
        self._cursors[key] = node if cursor is None else cursor
        return self.sites.all[node].name if node < size else None

    def fill(self, cls: PodClass, count: int, *, among: Among = None) -> dict[str, int]:
        """Place up to `count` pods of the class, one after the other at the first node that takes it; return
        how many went where.
        """
        placed: dict[str, int] = {}
        form = self.form(cls)
        while count > 0 and (node := self.first_fit(cls, among=among)) is not None:
            fits = 1 if form.meets else self.room.fits(self.sites.index[node], form.needs)
            some = min(count, max(1, fits))
            self.place(cls, node, some)
            placed[node] = placed.get(node, 0) + some
            count -= some
        return placed

    def place(self, cls: PodClass, node: str, count: int = 1) -> None:
        """Put pods of the class on a node, whether they fit or not."""
        self._change(self.sites.index[node], cls, count)

    def remove(self, pod: Pod, node: str) -> None:
        """Take a pod off a node. Of a node that is to go, `ghost` takes all at once, and cheaper."""
        self._change(self.sites.index[node], pod.cls, -1, is_leaving=pod.delete_at is not None)

    def add_node(self, name: str, template: Template) -> None:
        """Add a node as a group would, with its DaemonSet pods, behind all others."""
        for each in template.daemons:
            self.form(each)
        row = [offer_of(each, template) for each in self.room.names]
        node = self._add(new_site(template, name), partial(offer_of, place=template), row, None)
        for each in template.daemons:
            self._change(node, each, 1)

    def ghost(self, node: str, why: str = "node is to be removed") -> None:
        """Empty a node and let it take no pods any more; it still is a domain of its topology keys, as a node
        that is being drained is for the scheduler.
        """
        index = self.sites.index[node]
        self._set_closed(index, why)
        gone = self._seats.leaving.get(index, {})
        for cls, count in tuple(self._seats.held[index].items()):
            leaving = gone.get(cls, 0)
            if leaving:
                self._change(index, cls, -leaving, is_leaving=True)
            if count > leaving:
                self._change(index, cls, leaving - count)

    @contextmanager
    def trial(self) -> Iterator[Trial]:
        """Undo at the end what is changed in between, unless `keep()` is called; trials can be nested."""
        outer, outer_touched, cursors = self._undo, self._touched, dict(self._cursors)
        trial, self._undo, self._touched = Trial(), [], len(self.sites.all)
        try:
            yield trial
        finally:
            undo, touched = self._undo, self._touched
            self._undo, self._touched = outer, outer_touched
            if not trial.is_kept:
                self._roll_back(undo, touched, cursors)
            elif outer is not None:
                outer.extend(undo)
                self._touched = min(touched, outer_touched)

    def _counted(self, cls: PodClass) -> Form:
        form = self._forms.get(cls)
        if form is None:
            needs, placing = self.room.needs(requests_of(cls)), self.sites.placing(cls)
            form = self._forms[cls] = Form(cls, needs, placing, self._topology.count(cls))
        return form

    def _roll_back(self, undo: list[partial[None]], touched: int, cursors: Cursors) -> None:
        now = self._cursors
        outer, self._undo, self._cursors = self._undo, None, {}
        for each in reversed(undo):
            each()
        # What no pod came to or left is as full as it was: cursors up to the first such node stay.
        for key, cursor in now.items():
            now[key] = max(cursors.get(key, 0), min(cursor, touched))
        self._undo, self._cursors = outer, now

    def _change(self, node: int, cls: PodClass, count: int, *, is_leaving: bool = False) -> None:
        form, site = self._counted(cls), self.sites.all[node]
        self._seats.change(node, cls, count, is_leaving=is_leaving)
        self.room.change(node, form.needs, count)
        if count < 0 and node not in self._closed:
            self._draw_back(node)
        if cls.ports:
            self._take_ports(node, cls, count)
        for tally in form.ties.fed:
            if tally.counts_leaving or not is_leaving:
                tally.add(site, count)
        if self._undo is not None:
            self._undo.append(partial(self._change, node, cls, -count, is_leaving=is_leaving))
            self._touched = min(self._touched, node)

    def _obstacle(self, form: Form, node: int) -> Literal["", "lasts", "may pass"]:
        """Return whether other pods keep one of the class off a node: until pods leave the node, or may be
        for a shorter time.
        """
        if form.cls.ports and port_clash(form.cls.ports, self._ports.get(node, _NO_PORTS)):
            return "lasts"
        refusal = form.ties.refusal(self.sites.all[node].labels)
        if refusal is None:
            return ""
        return "lasts" if refusal.lasts else "may pass"

    def _take_ports(self, node: int, cls: PodClass, count: int) -> None:
        taken = self._ports.setdefault(node, {})
        for port in cls.ports:
            taken[port] = taken.get(port, 0) + count
            if not taken[port]:
                del taken[port]

    def _draw_back(self, node: int) -> None:
        for key, cursor in self._cursors.items():
            if cursor > node:
                self._cursors[key] = node

    def _set_closed(self, node: int, why: str | None) -> None:
        before = self._closed.pop(node, None)
        self.room.open[node] = why is None
        if why is not None:
            self._closed[node] = why
        else:
            self._draw_back(node)
        if self._undo is not None:
            self._undo.append(partial(self._set_closed, node, before))
            self._touched = min(self._touched, node)

    def _add_loaded(self, load: Load, columns: tuple[str, ...], why: str | None) -> None:
        node = self._add(load.site, partial(offer_of, place=load.node), load.row(columns), why)
        self._seats.held[node] = dict(load.held)
        if load.leaving:
            self._seats.leaving[node] = dict(load.leaving)
        for cls in load.port_takers:
            self._take_ports(node, cls, load.held[cls])

    def _add(self, site: Site, offer: Offer, row: list[int], why: str | None) -> int:
        node = self.sites.add(site)
        self.room.add(offer, row, is_open=why is None)
        self._seats.held.append({})
        if why is not None:
            self._closed[node] = why
        for domains in self._topology.domains.values():
            domains.add_node(site)
        if self._undo is not None:
            self._undo.append(partial(self._drop_last))
            self._touched = min(self._touched, node)
        return node

    def _drop_last(self) -> None:
        site = self.sites.all[-1]
        for domains in self._topology.domains.values():
            domains.drop_node(site)
        self._closed.pop(len(self.sites.all) - 1, None)
        self._seats.held.pop()
        self.room.drop_last()
        self.sites.drop_last()


def _why_closed(node: Node, *, is_removing: bool) -> str | None:
    """Return why a node takes no pods now, beside what the scheduler looks at; None: it takes some."""
    if is_removing or node.drain or node.to_be_deleted_since is not None:
        return "node is being removed"
    if node.not_ready_why:
        return f"node is not ready: {node.not_ready_why}"
    return f"node is starting: {node.starting_why}" if node.starting_why else None

"""Counts of pods by domain, kept as pods come and go, and which pods count."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

from addons.autoscaler.model.matching import selector_matches
from addons.autoscaler.model.pods import Labels, PodClass, PodTerm, Requirement, Spread
from addons.autoscaler.plan.fit import Site

Selector = tuple[Requirement, ...] | None
Matches = Callable[[PodClass], bool]
Item = TypeVar("Item")


class Tally:
    """Pods of the classes that `matches` accepts, by the value of a label of their nodes, the topology key.

    `selector` is what the rule behind it selects by, for its words.
    """

    __slots__ = ("_known", "_matches", "counts", "key", "selector", "total")
    counts_leaving = True

    def __init__(self, key: str, selector: Selector, matches: Matches) -> None:
        self.key = key
        self.selector = selector
        self.counts: dict[str, int] = {}
        self.total = 0
        self._matches = matches
        self._known: dict[PodClass, bool] = {}

    def takes(self, cls: PodClass) -> bool:
        """Whether pods of the class count."""
        found = self._known.get(cls)
        if found is None:
            found = self._known[cls] = self._matches(cls)
        return found

    def add(self, site: Site, count: int) -> None:
        """Count pods that come to a node, or (less than 0) leave it."""
        value = site.labels.get(self.key)
        if value is not None:
            self.counts[value] = self.counts.get(value, 0) + count
            self.total += count

    def at(self, value: str | None) -> int:
        """Return how many pods are where the key has this value; None: where it is missing."""
        return 0 if value is None else self.counts.get(value, 0)


class Domains:
    """The values of a topology key over nodes that `is_eligible` accepts: shared by all spread constraints
    that ask for the same of nodes.
    """

    def __init__(self, key: str, is_eligible: Callable[[Site], bool]) -> None:
        self.key = key
        self.nodes: dict[str, int] = {}
        self.eligible: dict[str, bool] = {}
        self.tallies: list[SpreadTally] = []
        self._is_eligible = is_eligible

    def add_node(self, site: Site) -> None:
        """Make the value of a node a domain, if the node is eligible."""
        self.eligible[site.name] = is_eligible = self._is_eligible(site)
        if is_eligible:
            value = site.labels[self.key]
            self.nodes[value] = self.nodes.get(value, 0) + 1
            if self.nodes[value] == 1:
                for tally in self.tallies:
                    tally.open(value)

    def drop_node(self, site: Site) -> None:
        """Undo `add_node`; the pods of the node have left before."""
        if self.eligible.pop(site.name):
            value = site.labels[self.key]
            self.nodes[value] -= 1
            if not self.nodes[value]:
                del self.nodes[value]
                for tally in self.tallies:
                    tally.close(value)


class SpreadTally(Tally):
    """The same for a spread constraint: only pods on eligible nodes count, and none that is being deleted.

    Each domain has a count, 0 too; `least` is the least of all.
    """

    __slots__ = ("_eligible", "_levels", "least")
    counts_leaving = False

    def __init__(self, domains: Domains, selector: Selector, matches: Matches) -> None:
        super().__init__(domains.key, selector, matches)
        self.counts = dict.fromkeys(domains.nodes, 0)
        self.least = 0
        self._levels: dict[int, int] = {0: len(self.counts)} if self.counts else {}
        self._eligible = domains.eligible
        domains.tallies.append(self)

    def add(self, site: Site, count: int) -> None:
        """Count pods that come to an eligible node, or leave it."""
        if self._eligible[site.name]:
            value = site.labels[self.key]
            before = self.counts[value]
            self.counts[value] = before + count
            self.total += count
            self._enter(before + count)
            self._leave(before)

    def open(self, value: str) -> None:
        """Let there be a domain, without pods."""
        self.counts[value] = 0
        self._enter(0)

    def close(self, value: str) -> None:
        """Let a domain be no more."""
        self._leave(self.counts.pop(value))

    def least_but(self, value: str) -> int | None:
        """Return the least count of the other domains; None: there are none."""
        return min((count for domain, count in self.counts.items() if domain != value), default=None)

    def _enter(self, level: int) -> None:
        self.least = min(level, self.least) if self._levels else level
        self._levels[level] = self._levels.get(level, 0) + 1

    def _leave(self, level: int) -> None:
        self._levels[level] -= 1
        if not self._levels[level]:
            del self._levels[level]
            if level == self.least:
                self.least = min(self._levels, default=0)


def term_matches(term: PodTerm, namespace: str, cls: PodClass, namespaces: Mapping[str, Labels]) -> bool:
    """Whether a term of a pod in `namespace` is about pods of the class."""
    is_own = not term.namespaces and term.namespace_selector is None and cls.namespace == namespace
    is_there = is_own or cls.namespace in term.namespaces
    if not is_there and not selector_matches(term.namespace_selector, namespaces.get(cls.namespace, {})):
        return False
    return selector_matches(term.selector, cls.labels)


def spread_counts(spread: Spread, namespace: str, cls: PodClass) -> bool:
    """Whether pods of the class that are on nodes count for a constraint of a pod in `namespace`.

    An empty selector counts none of them: so the scheduler has it.
    """
    if not spread.selector or cls.namespace != namespace:
        return False
    return selector_matches(spread.selector, cls.labels)


class ByLabel(Generic[Item]):
    """Items with a selector, found by the labels of a pod without trying all of them."""

    def __init__(self) -> None:
        self._by_pair: dict[tuple[str, str], list[Item]] = {}
        self._others: list[Item] = []

    def add(self, selector: Selector, item: Item) -> None:
        """File an item under the first label of which its selector names the values."""
        pairs = pairs_of(selector)
        for pair in pairs or ():
            self._by_pair.setdefault(pair, []).append(item)
        if pairs is None:
            self._others.append(item)

    def candidates(self, labels: Labels) -> Iterator[Item]:
        """Return each item that may match the labels; the others do not."""
        for pair in labels.items():
            yield from self._by_pair.get(pair, ())
        yield from self._others


def pairs_of(selector: Selector) -> Iterable[tuple[str, str]] | None:
    """Return labels of which whatever the selector matches has one; None: any pod may match."""
    if selector is None:
        return ()
    first = next((each for each in selector if each.operator == "In"), None)
    return None if first is None else [(first.key, value) for value in dict.fromkeys(first.values)]

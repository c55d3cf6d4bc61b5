"""Rules between pods: affinity, anti-affinity (of pods that are there too), and topology spread.

They are checked on counts that are kept as pods come and go. A class that has no such rule, and that no rule
of others is about, costs nothing here.
"""

from collections.abc import Hashable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

from addons.autoscaler import names
from addons.autoscaler.model.matching import repels, selector_matches
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import Labels, PodClass, PodTerm, Requirement, Spread
from addons.autoscaler.plan.fit import Site, mismatch
from addons.autoscaler.plan.seats import Seats
from addons.autoscaler.plan.tallies import (
    ByLabel,
    Domains,
    Selector,
    SpreadTally,
    Tally,
    pairs_of,
    spread_counts,
    term_matches,
)


class SpreadRule(NamedTuple):
    """A spread constraint of a class: `own` is 1 where a pod of the class counts itself, else 0."""

    spread: Spread
    tally: SpreadTally
    own: int

    @property
    def least(self) -> int:
        """The least count of all domains; 0 while there are fewer than are asked for."""
        return 0 if len(self.tally.counts) < self.spread.min_domains else self.tally.least

    def skew(self, value: str) -> int:
        """Return by how much a domain would exceed the least one with one more pod."""
        return self.tally.counts.get(value, 0) + self.own - self.least


class Refusal(NamedTuple):
    """A rule that does not hold, before it is put in words."""

    code: str
    tally: Tally
    value: str | None

    @property
    def lasts(self) -> bool:
        """Whether it lasts until pods leave that very node."""
        return self.code == names.POD_ANTI_AFFINITY and self.tally.key == names.HOSTNAME


class Ties:
    """What a class has to do with other pods.

    `fed` are the tallies that its pods count in. `feared` has one for each anti-affinity term of other pods
    that its pods match: of the pods that have the term.

    Once it `has_rules` of its own: `affinity` has a tally for each required term, of pods that match all
    terms; `begins` says whether a pod of the class matches its own terms, so that it may be the first;
    `apart` has a tally for each anti-affinity term.
    """

    __slots__ = ("affinity", "apart", "begins", "feared", "fed", "has_rules", "spread")

    def __init__(self) -> None:
        self.fed: list[Tally] = []
        self.feared: list[Tally] = []
        self.affinity: tuple[Tally, ...] = ()
        self.apart: tuple[Tally, ...] = ()
        self.spread: tuple[SpreadRule, ...] = ()
        self.begins = False
        self.has_rules = False

    @property
    def tallies(self) -> tuple[Tally, ...]:
        """All tallies that can keep a pod of the class off a node."""
        return (*(rule.tally for rule in self.spread), *self.feared, *self.apart, *self.affinity)

    def refusal(self, labels: Labels) -> Refusal | None:
        """Return the first rule that a node with such labels breaks, or None."""
        for rule in self.spread:
            value = labels.get(rule.tally.key)
            if value is None or rule.skew(value) > rule.spread.max_skew:
                return Refusal(names.TOPOLOGY_SPREAD, rule.tally, value)
        for tallies in (self.apart, self.feared):
            for tally in tallies:
                if tally.at(value := labels.get(tally.key)) > 0:
                    return Refusal(names.POD_ANTI_AFFINITY, tally, value)
        return self._lonely(labels) if self.affinity else None

    def _lonely(self, labels: Labels) -> Refusal | None:
        lacking = None
        for tally in self.affinity:
            value = labels.get(tally.key)
            if value is None:
                return Refusal(names.POD_AFFINITY, tally, None)
            if tally.at(value) <= 0 and lacking is None:
                lacking = Refusal(names.POD_AFFINITY, tally, value)
        if lacking is None or (self.begins and not any(each.total for each in self.affinity)):
            return None
        return lacking

    def words(self, refusal: Refusal) -> WhyNot:
        """Return a refusal in words."""
        if refusal.code == names.TOPOLOGY_SPREAD:
            rule = next(each for each in self.spread if each.tally is refusal.tally)
            return spread_refusal(rule, refusal.value, rule.tally.at(refusal.value), rule.least)
        return WhyNot(refusal.code, _pod_words(refusal, is_feared=refusal.tally in self.feared))


class Topology:
    """The tallies of a cluster, and the ties of each class.

    A new tally counts the pods that are on the nodes then. Nothing here refers to what holds it, so that a
    cluster that is done with leaves no rubbish.
    """

    def __init__(self, namespaces: Mapping[str, Labels], seats: Seats) -> None:
        self._namespaces = namespaces
        self._seats = seats
        self._ties: dict[PodClass, Ties] = {}
        self._tallies: dict[Hashable, Tally] = {}
        self._selecting: ByLabel[Tally] = ByLabel()
        self._keeping_off: ByLabel[tuple[Tally, PodTerm, str]] = ByLabel()
        self._classes: dict[tuple[str, str], list[PodClass]] = {}
        self.domains: dict[Hashable, Domains] = {}

    def count(self, cls: PodClass) -> Ties:
        """Count the pods of a class from now on, and return its ties: yet without its own rules."""
        if (found := self._ties.get(cls)) is not None:
            return found
        ties = self._ties[cls] = Ties()
        for pair in cls.labels.items():
            self._classes.setdefault(pair, []).append(cls)
        for tally in self._selecting.candidates(cls.labels):
            if tally.takes(cls):
                self._feed(cls, tally)
        for tally, term, namespace in self._keeping_off.candidates(cls.labels):
            if term_matches(term, namespace, cls, self._namespaces):
                ties.feared.append(tally)
        for term in cls.anti_affinity:
            self._keep_off(cls, term)
        return ties

    def rules(self, cls: PodClass) -> Ties:
        """Return the ties of a class with its own rules, the tallies for which are made when they are first
        asked for.
        """
        ties = self.count(cls)
        if not ties.has_rules:
            ties.has_rules = True
            ties.spread = tuple(self._spread_rule(cls, each) for each in cls.spread)
            ties.affinity = tuple(self._affinity_tally(cls, each) for each in cls.affinity)
            ties.begins = bool(cls.affinity) and _matches_all(cls, cls, self._namespaces)
            ties.apart = tuple(self._apart_tally(cls, each) for each in cls.anti_affinity)
        return ties

    def _feed(self, cls: PodClass, tally: Tally) -> None:
        self._ties[cls].fed.append(tally)
        sites = self._seats.sites.all
        for node, count in self._seats.of(cls, with_leaving=tally.counts_leaving):
            tally.add(sites[node], count)

    def _kept(self, key: Hashable, tally: Tally) -> Tally:
        """Keep a new tally: the pods of all classes that it takes count in it."""
        self._tallies[key] = tally
        self._selecting.add(tally.selector, tally)
        for cls in self._candidates(tally.selector):
            if tally.takes(cls):
                self._feed(cls, tally)
        return tally

    def _candidates(self, selector: Selector) -> Iterable[PodClass]:
        if (pairs := pairs_of(selector)) is None:
            return tuple(self._ties)
        return tuple(dict.fromkeys(cls for pair in pairs for cls in self._classes.get(pair, ())))

    def _spread_rule(self, cls: PodClass, spread: Spread) -> SpreadRule:
        keys = tuple(each.topology_key for each in cls.spread)
        asked = (
            (tuple(sorted(cls.node_selector.items())), cls.node_affinity) if spread.honors_affinity else None
        )
        tolerated = cls.tolerations if spread.honors_taints else None
        key = ("spread", cls.namespace, spread, keys, asked, tolerated)
        tally = self._tallies.get(key)
        if tally is None:
            domains = self._domains(cls, spread, (keys, asked, tolerated))
            made = SpreadTally(
                domains, spread.selector, lambda other: spread_counts(spread, cls.namespace, other)
            )
            tally = self._kept(key, made)
        assert isinstance(tally, SpreadTally)
        return SpreadRule(spread, tally, int(selector_matches(spread.selector, cls.labels)))

    def _domains(self, cls: PodClass, spread: Spread, asked: tuple[object, ...]) -> Domains:
        key = (spread.topology_key, *asked)
        domains = self.domains.get(key)
        if domains is None:
            keys = tuple(each.topology_key for each in cls.spread)
            domains = Domains(spread.topology_key, lambda site: _is_eligible(cls, spread, keys, site))
            self.domains[key] = domains
            for site in self._seats.sites.all:
                domains.add_node(site)
        return domains

    def _affinity_tally(self, cls: PodClass, term: PodTerm) -> Tally:
        key = ("affinity", _namespace(cls, *cls.affinity), cls.affinity, term)
        if (tally := self._tallies.get(key)) is not None:
            return tally
        matches = partial(_matches_all, cls, namespaces=self._namespaces)
        made = Tally(term.topology_key, term.selector, matches)
        return self._kept(key, made)

    def _apart_tally(self, cls: PodClass, term: PodTerm) -> Tally:
        key = ("apart", _namespace(cls, term), term)
        if (tally := self._tallies.get(key)) is not None:
            return tally
        matches = partial(term_matches, term, cls.namespace, namespaces=self._namespaces)
        return self._kept(key, Tally(term.topology_key, term.selector, matches))

    def _keep_off(self, cls: PodClass, term: PodTerm) -> None:
        """Count the pods of the class among those that keep off what the term matches."""
        namespace = _namespace(cls, term)
        key = ("keeps off", namespace, term)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally(
                term.topology_key,
                term.selector,
                lambda other: term in other.anti_affinity and _namespace(other, term) == namespace,
            )
            self._keeping_off.add(term.selector, (tally, term, cls.namespace))
            for other in self._candidates(term.selector):
                if term_matches(term, cls.namespace, other, self._namespaces):
                    self._ties[other].feared.append(tally)
        if tally not in self._ties[cls].fed:
            self._feed(cls, tally)


def _matches_all(cls: PodClass, other: PodClass, namespaces: Mapping[str, Labels]) -> bool:
    return all(term_matches(each, cls.namespace, other, namespaces) for each in cls.affinity)


def _namespace(cls: PodClass, *terms: PodTerm) -> str:
    """Return the namespace that terms mean as their own, "" where each says which it means."""
    is_own = any(not each.namespaces and each.namespace_selector is None for each in terms)
    return cls.namespace if is_own else ""


def _is_eligible(cls: PodClass, spread: Spread, keys: Iterable[str], site: Site) -> bool:
    if any(key not in site.labels for key in keys):
        return False
    if spread.honors_affinity and mismatch(cls, site):
        return False
    return not (spread.honors_taints and any(repels(each, cls.tolerations) for each in site.taints))


def spread_refusal(rule: SpreadRule, value: str | None, here: int, least: int) -> WhyNot:
    """Return the words for a spread constraint: a domain has `here` of its pods, the least has `least`."""
    key, spread = rule.spread.topology_key, rule.spread
    if value is None:
        return WhyNot(names.TOPOLOGY_SPREAD, f"node has no label {key}, by which its pods are spread")
    few = f" ({spread.min_domains} domains are asked for)" if spread.min_domains > 1 else ""
    skew = f"the least has {least}{few}, max skew is {spread.max_skew}"
    return WhyNot(names.TOPOLOGY_SPREAD, f"{key}={value} has {here} of its pods, {skew}")


def _pod_words(refusal: Refusal, *, is_feared: bool) -> str:
    key, wanted = refusal.tally.key, selector_words(refusal.tally.selector)
    if refusal.value is None:
        return f"node has no label {key}, by which pods with {wanted} are to be near"
    where = f"{key}={refusal.value}"
    if refusal.code == names.POD_AFFINITY:
        return f"no pod with {wanted} is in {where}"
    return (
        f"a pod in {where} keeps off pods with {wanted}"
        if is_feared
        else f"a pod with {wanted} is in {where}"
    )


def selector_words(selector: Selector) -> str:
    """Return a label selector in words."""
    if not selector:
        return "no labels at all" if selector is None else "any labels"
    return " and ".join(_requirement_words(each) for each in selector)


def _requirement_words(each: Requirement) -> str:
    if each.operator == "In" and len(each.values) == 1:
        return f"{each.key}={each.values[0]}"
    return f"{each.key} {each.operator} {', '.join(each.values)}".rstrip()

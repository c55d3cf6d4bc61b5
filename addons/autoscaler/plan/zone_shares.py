"""How many pods with a spread over zones each zone is to get, before groups of one zone each bid for them."""

from collections.abc import Iterator, Mapping

from addons.autoscaler import names
from addons.autoscaler.model.plans import GroupState
from addons.autoscaler.model.pods import Pod, PodClass, Spread
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.cluster import Cluster
from addons.autoscaler.plan.fit import new_site, offer_of, requests_of, why_not_site
from addons.autoscaler.plan.holds import Holds
from addons.autoscaler.plan.limits import Limits
from addons.autoscaler.plan.topology import SpreadRule
from addons.autoscaler.plan.zones import zone_counts

Shares = Mapping[PodClass, Mapping[str, int]]


class ZoneShares:
    """Shares pods out over zones, as the cluster and the limits are at each time."""

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        states: Mapping[str, GroupState],
        cluster: Cluster,
        limits: Limits,
        holds: Holds,
    ) -> None:
        self._templates = snapshot.templates
        self._states = states
        self._cluster = cluster
        self._limits = limits
        self._holds = holds
        self._each: dict[tuple[PodClass, str], int] = {}

    def of(self, demand: Mapping[PodClass, list[Pod]]) -> Shares:
        """Say how many pods of each class with such a spread go to each zone; other classes are left out.

        Classes that count in each other's spread are shared out one after the other.
        """
        shares: dict[PodClass, Mapping[str, int]] = {}
        planned: dict[int, dict[str, int]] = {}
        left: dict[str, int] | None = None
        for cls, pods in demand.items():
            if (rule := self._rule(cls)) is None:
                continue
            if left is None:
                left = dict(self._left())
            before = planned.setdefault(id(rule.tally), {})
            there = {
                zone: rule.tally.counts.get(zone, 0) + before.get(zone, 0)
                for zone in {*rule.tally.counts, *before}
            }
            given = zone_counts(
                len(pods),
                there,
                self._room(cls, left),
                max_skew=rule.spread.max_skew,
                min_domains=rule.spread.min_domains,
            )
            shares[cls] = given
            for zone, count in given.items():
                before[zone] = before.get(zone, 0) + count
        return shares

    def _rule(self, cls: PodClass) -> SpreadRule | None:
        """Find the rule by which a class is to be shared out: its only one beyond the node, over zones."""
        wide: list[Spread] = [each for each in cls.spread if each.topology_key != names.HOSTNAME]
        if len(wide) != 1 or wide[0].topology_key != names.ZONE:
            return None
        rules = self._cluster.form(cls).ties.spread
        rule = next((each for each in rules if each.tally.key == names.ZONE), None)
        return rule if rule is not None and rule.own else None

    def _left(self) -> Iterator[tuple[str, int]]:
        """Say how many nodes each group of one zone may still add."""
        for name, state in self._states.items():
            if state.why_not is None and is_of_one_zone(state) and name in self._templates:
                count, _ = self._limits.left(state, probes=not state.is_proven)
                if count > 0:
                    yield name, count

    def _room(self, cls: PodClass, left: Mapping[str, int]) -> dict[str, int]:
        room: dict[str, int] = {}
        for name, nodes in left.items():
            if count := nodes * self._on_one_node(cls, name):
                zone = self._templates[name].labels.get(names.ZONE, "")
                room[zone] = room.get(zone, 0) + count
        return room

    def _on_one_node(self, cls: PodClass, group: str) -> int:
        """Say how many pods of the class an empty node of a group holds, rules between pods aside."""
        key = (cls, group)
        if key not in self._each:
            self._each[key] = self._count(cls, group)
        return self._each[key]

    def _count(self, cls: PodClass, group: str) -> int:
        template = self._templates[group]
        is_held = self._holds.why_held(cls, self._states[group]) is not None
        if is_held or why_not_site(cls, new_site(template)) is not None:
            return 0
        return min(
            (offer_of(resource, template) - self._daemons(group, resource)) // amount
            for resource, amount in requests_of(cls).items()
        )

    def _daemons(self, group: str, resource: str) -> int:
        return sum(each.requests.get(resource, 0) for each in self._templates[group].daemons)


def is_of_one_zone(state: GroupState) -> bool:
    """Whether all new nodes of a group come up in one zone, which is known."""
    return len(state.group.zones) == 1

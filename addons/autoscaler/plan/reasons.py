"""Why pods that are left wait, group by group, and why groups do not grow as these would want them to."""

from collections.abc import Hashable, Iterator, Mapping

from addons.autoscaler import names
from addons.autoscaler.model.nodes import Template
from addons.autoscaler.model.plans import GroupState, WhyNot
from addons.autoscaler.model.pods import PodClass
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.cluster import Cluster
from addons.autoscaler.plan.estimate import why_not_template
from addons.autoscaler.plan.fit import label_keys
from addons.autoscaler.plan.growth import Growth


class Reasons:
    """Says why no group grows for the pods that are left, once for each class."""

    def __init__(
        self,
        snapshot: Snapshot,
        states: Mapping[str, GroupState],
        cluster: Cluster,
        growth: Growth,
        closed: WhyNot | None,
    ) -> None:
        self._templates = snapshot.templates
        self._states = states
        self._cluster = cluster
        self._growth = growth
        self._closed = closed
        self._mismatches: dict[tuple[PodClass, int], WhyNot | None] = {}
        self._keys = sorted({key for cls in growth.demand for key in _keys_of(cls, cluster)})
        self._alike: dict[str, int] = {}
        self._numbers: dict[Hashable, int] = {}
        self._limits: dict[tuple[str, bool], WhyNot] = {}

    def of(self, cls: PodClass) -> Mapping[str, WhyNot]:
        """Say it of each group."""
        return {name: self._why(cls, state) for name, state in self._states.items()}

    def held(self) -> dict[str, WhyNot]:
        """Say of groups why they do not grow as pods that are left would want them to."""
        return dict(sorted(self._held())) if self._growth.demand or self._growth.held else {}

    def _held(self) -> Iterator[tuple[str, WhyNot]]:
        for name, state in self._states.items():
            why = state.why_not or self._growth.held.get(name)
            if why is not None and (self._growth.demand or name in self._growth.held):
                yield name, why

    def _why(self, cls: PodClass, state: GroupState) -> WhyNot:
        name = state.group.name
        if self._closed is not None:
            return self._closed
        if (template := self._templates.get(name)) is None:
            return state.why_not or WhyNot(names.NO_TEMPLATE, "it has no template")
        if (why := self._mismatch(cls, template)) is not None:
            return why
        if (why := self._growth.holds.why_held(cls, state)) is not None:
            return why
        if state.why_not is not None:
            return state.why_not
        sure, _ = self._growth.holds.sorted_classes([cls], state)
        return self._limit(state, probes=not sure)

    def _limit(self, state: GroupState, *, probes: bool) -> WhyNot:
        key = (state.group.name, probes)
        if key not in self._limits:
            left, why = self._growth.limits.left(state, probes=probes)
            told = self._growth.against.get(state.group.name, "it was not chosen")
            self._limits[key] = why if left <= 0 else WhyNot(names.NOT_CHOSEN, told)
        return self._limits[key]

    def _mismatch(self, cls: PodClass, template: Template) -> WhyNot | None:
        key = (cls, self._likeness(template))
        if key not in self._mismatches:
            self._mismatches[key] = why_not_template(cls, template, self._cluster)
        return self._mismatches[key]

    def _likeness(self, template: Template) -> int:
        """Number templates: those in which no pod that is left can see a difference have the same number."""
        if template.group not in self._alike:
            seen = (
                tuple((key, template.labels.get(key)) for key in self._keys),
                template.taints,
                template.daemons,
                tuple(sorted(template.allocatable.items())),
                tuple(sorted(template.volume_limits.items())),
            )
            self._alike[template.group] = self._numbers.setdefault(seen, len(self._numbers))
        return self._alike[template.group]


def _keys_of(cls: PodClass, cluster: Cluster) -> frozenset[str]:
    """List the labels of nodes that matter to pods of a class, for themselves or for where others are."""
    return label_keys(cls).union(each.key for each in cluster.form(cls).ties.tallies)

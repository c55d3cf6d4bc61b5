"""What the scheduler would say, worked out pod by pod from nothing: the oracle of the simulation.

It keeps no counts and no order of its own: every question looks at every node and pod again. It is written
from the filters of kube-scheduler 1.37, and shares no line with `addons/autoscaler/plan`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from addons.autoscaler.model.nodes import Node, Template
from addons.autoscaler.model.pods import NodeTerm, PodClass, PodTerm, Requirement, Spread, Taint, Toleration

HOST = "kubernetes.io/hostname"


@dataclass
class Sitter:
    """A pod on a node."""

    cls: PodClass
    leaves: bool = False


@dataclass
class Host:
    """A node with its pods."""

    name: str
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    allocatable: Mapping[str, int]
    volume_limits: Mapping[str, int] = field(default_factory=dict)
    cordoned: bool = False
    closed: bool = False
    pods: list[Sitter] = field(default_factory=list)


@dataclass
class World:
    """All nodes in the order in which they are tried, and the labels of namespaces."""

    hosts: list[Host] = field(default_factory=list)
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def host(self, name: str) -> Host:
        return next(each for each in self.hosts if each.name == name)

    def copy(self) -> "World":
        return World([replace(each, pods=list(each.pods)) for each in self.hosts], self.namespaces)


def host_of(node: Node, *, closed: bool = False) -> Host:
    """The host that a node is."""
    return Host(
        node.name,
        node.labels,
        node.taints,
        node.allocatable,
        node.volume_limits,
        cordoned=node.is_unschedulable,
        closed=closed,
    )


def new_host(name: str, template: Template) -> Host:
    """The host that a group would add."""
    labels = dict(template.labels)
    labels[HOST] = name
    pods = [Sitter(each) for each in template.daemons]
    return Host(name, labels, template.taints, template.allocatable, template.volume_limits, pods=pods)


def is_number(text: str) -> bool:
    return text.lstrip("+-").isdigit() and len(text) - len(text.lstrip("+-")) <= 1


def meets(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    key, operator, values = requirement.key, requirement.operator, requirement.values
    present = key in labels
    if operator == "Exists":
        return present
    if operator == "DoesNotExist":
        return not present
    if operator == "In":
        return present and labels[key] in values
    if operator == "NotIn":
        return not present or labels[key] not in values
    if not present or len(values) != 1 or not is_number(labels[key]) or not is_number(values[0]):
        return False
    difference = int(labels[key]) - int(values[0])
    return difference > 0 if operator == "Gt" else difference < 0


def selects(selector: Sequence[Requirement] | None, labels: Mapping[str, str]) -> bool:
    if selector is None:
        return False
    for requirement in selector:  # noqa: SIM110
        if not meets(requirement, labels):
            return False
    return True


def term_holds(term: NodeTerm, host: Host) -> bool:
    if len(term.labels) + len(term.fields) == 0:
        return False
    fields = {"metadata.name": host.name}
    return selects(term.labels, host.labels) and selects(term.fields, fields)


def wants_host(cls: PodClass, host: Host) -> bool:
    """Node selector and required node affinity."""
    for key in cls.node_selector:
        if key not in host.labels or host.labels[key] != cls.node_selector[key]:
            return False
    return cls.node_affinity is None or any(term_holds(term, host) for term in cls.node_affinity)


def tolerated(taint: Taint, tolerations: Sequence[Toleration]) -> bool:
    for each in tolerations:
        if each.effect and each.effect != taint.effect:
            continue
        if each.key and each.key != taint.key:
            continue
        if each.operator == "Exists" or (each.operator in ("", "Equal") and each.value == taint.value):
            return True
    return False


def bears_taints(cls: PodClass, host: Host) -> bool:
    hard = [taint for taint in host.taints if taint.effect != "PreferNoSchedule"]
    return all(tolerated(taint, cls.tolerations) for taint in hard)


def is_about(term: PodTerm, owner: PodClass, other: PodClass, world: World) -> bool:
    """Whether a term of a pod of class `owner` selects a pod of class `other`."""
    spaces = set(term.namespaces)
    if not term.namespaces and term.namespace_selector is None:
        spaces.add(owner.namespace)
    if other.namespace not in spaces:
        if term.namespace_selector is None:
            return False
        if not selects(term.namespace_selector, world.namespaces.get(other.namespace, {})):
            return False
    return selects(term.selector, other.labels)


def same_domain(one: Host, other: Host, key: str) -> bool:
    return key in one.labels and key in other.labels and one.labels[key] == other.labels[key]


def spread_allows(cls: PodClass, host: Host, world: World) -> bool:
    return all(constraint_allows(cls, each, host, world) for each in cls.spread)


def constraint_allows(cls: PodClass, constraint: Spread, host: Host, world: World) -> bool:
    if constraint.topology_key not in host.labels:
        return False
    matching: dict[str, int] = {}
    for other in world.hosts:
        if not all(each.topology_key in other.labels for each in cls.spread):
            continue
        if constraint.honors_affinity and not wants_host(cls, other):
            continue
        if constraint.honors_taints and not bears_taints(cls, other):
            continue
        domain = other.labels[constraint.topology_key]
        matching.setdefault(domain, 0)
        for pod in other.pods:
            if pod.leaves or pod.cls.namespace != cls.namespace or not constraint.selector:
                continue
            matching[domain] += selects(constraint.selector, pod.cls.labels)
    least = min(matching.values()) if matching else 0
    if len(matching) < constraint.min_domains:
        least = 0
    here = matching.get(host.labels[constraint.topology_key], 0)
    itself = selects(constraint.selector, cls.labels)
    return here + itself - least <= constraint.max_skew


def neighbours_allow(cls: PodClass, host: Host, world: World) -> bool:
    """Anti-affinity of either side, then affinity."""
    for other in world.hosts:
        for pod in other.pods:
            for term in pod.cls.anti_affinity:
                if is_about(term, pod.cls, cls, world) and same_domain(host, other, term.topology_key):
                    return False
            for term in cls.anti_affinity:
                if is_about(term, cls, pod.cls, world) and same_domain(host, other, term.topology_key):
                    return False
    return affinity_allows(cls, host, world)


def affinity_allows(cls: PodClass, host: Host, world: World) -> bool:
    if not cls.affinity:
        return True
    if any(term.topology_key not in host.labels for term in cls.affinity):
        return False
    friends = [
        other
        for other in world.hosts
        for pod in other.pods
        if all(is_about(term, cls, pod.cls, world) for term in cls.affinity)
    ]
    if all(any(same_domain(host, each, term.topology_key) for each in friends) for term in cls.affinity):
        return True
    counted = any(term.topology_key in each.labels for each in friends for term in cls.affinity)
    return not counted and all(is_about(term, cls, cls, world) for term in cls.affinity)


def has_room(cls: PodClass, host: Host) -> bool:
    for name, amount in cls.requests.items():
        used = sum(pod.cls.requests.get(name, 0) for pod in host.pods)
        if amount > 0 and used + amount > host.allocatable.get(name, 0):
            return False
    for driver, amount in cls.volumes.items():
        used = sum(pod.cls.volumes.get(driver, 0) for pod in host.pods)
        if driver in host.volume_limits and used + amount > host.volume_limits[driver]:
            return False
    return True


def ports_free(cls: PodClass, host: Host) -> bool:
    for wanted in cls.ports:
        for taken in (port for pod in host.pods for port in pod.cls.ports):
            if (wanted.port, wanted.protocol) != (taken.port, taken.protocol):
                continue
            one, other = wanted.address or "0.0.0.0", taken.address or "0.0.0.0"
            if one == other or "0.0.0.0" in (one, other):
                return False
    return True


def fits(cls: PodClass, host: Host, world: World) -> bool:
    """Whether the scheduler's filters let a pod of the class onto the host now."""
    if host.closed or cls.missing_volume:
        return False
    cordon = Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")
    if host.cordoned and not tolerated(cordon, cls.tolerations):
        return False
    if not (bears_taints(cls, host) and wants_host(cls, host)):
        return False
    if not all(any(term_holds(term, host) for term in terms) for terms in cls.volume_terms):
        return False
    if not (has_room(cls, host) and ports_free(cls, host)):
        return False
    return spread_allows(cls, host, world) and neighbours_allow(cls, host, world)


def first_fit(cls: PodClass, hosts: Sequence[Host], world: World) -> Host | None:
    return next((each for each in hosts if fits(cls, each, world)), None)


def estimate(
    wanted: Sequence[tuple[PodClass, int]], template: Template, world: World, most: int
) -> list[dict[PodClass, int]]:
    """What is on each new node, besides DaemonSet pods, when one pod comes after the other."""
    world = world.copy()
    new: list[Host] = []
    places: list[dict[PodClass, int]] = []
    alloc = template.allocatable
    sizes = {
        id(cls): sum(cls.requests.get(name, 0) / alloc[name] for name in ("cpu", "memory") if alloc.get(name))
        for cls, _ in wanted
    }
    for cls, count in sorted(wanted, key=lambda each: sizes[id(each[0])], reverse=True):
        for _ in range(count):
            host = first_fit(cls, new, world)
            if host is None:
                host = new_host(f"new-{len(new)}", template)
                world.hosts.append(host)
                if len(new) == most or not fits(cls, host, world):
                    world.hosts.pop()
                    continue
                new.append(host)
                places.append({})
            host.pods.append(Sitter(cls))
            taken = places[new.index(host)]
            taken[cls] = taken.get(cls, 0) + 1
    return places

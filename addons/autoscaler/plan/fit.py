"""What keeps a pod off a node by looking at these two alone, as the filters of the kube-scheduler (1.37)."""

from collections.abc import Iterable
from typing import NamedTuple

from addons.autoscaler import names
from addons.autoscaler.model.matching import NODE_NAME, holds, node_terms_match, repels, tolerates
from addons.autoscaler.model.nodes import Node, Template
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import HostPort, Labels, NodeTerm, PodClass, Requirement, Taint
from addons.autoscaler.model.resources import CPU

UNSCHEDULABLE_TAINT = Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")
ATTACHMENTS = "volumes of "
"""Before the name of a CSI driver: how many of its volumes can be attached, as a resource."""
UNLIMITED = 1 << 62


class Site(NamedTuple):
    """What the rules about nodes look at; a node that does not exist yet has no name."""

    name: str
    labels: Labels
    taints: tuple[Taint, ...]
    is_unschedulable: bool = False


def site_of(node: Node) -> Site:
    """Return what the rules look at of a node."""
    return Site(node.name, node.labels, node.taints, node.is_unschedulable)


def new_site(template: Template, name: str = "") -> Site:
    """Return the same of the next node of a group: it has a host name of its own."""
    return Site(name, {**template.labels, names.HOSTNAME: name}, template.taints)


def label_keys(cls: PodClass) -> frozenset[str]:
    """Return the labels of nodes that `why_not_site` reads for a class; `metadata.name` stands for the
    name.
    """
    terms = [*(cls.node_affinity or ()), *(each for terms in cls.volume_terms for each in terms)]
    asked = (each.key for term in terms for each in (*term.labels, *term.fields))
    return frozenset((*cls.node_selector, *asked))


def why_not_site(cls: PodClass, site: Site) -> WhyNot | None:
    """Return what keeps a pod of the class off the node whatever else is on it, or None.

    That is: cordon, taints, node selector, required node affinity, volumes that are missing or elsewhere.
    """
    if site.is_unschedulable and not tolerates(cls.tolerations, UNSCHEDULABLE_TAINT):
        return WhyNot(names.UNSCHEDULABLE, "node is cordoned")
    for taint in site.taints:
        if repels(taint, cls.tolerations):
            return WhyNot(names.UNTOLERATED_TAINT, f"taint {taint_words(taint)} is not tolerated")
    if why := mismatch(cls, site):
        return WhyNot(names.SELECTOR_MISMATCH, why)
    if cls.missing_volume:
        return WhyNot(names.VOLUME_MISSING, cls.missing_volume)
    for terms in cls.volume_terms:
        if not node_terms_match(terms, site.labels, site.name):
            return WhyNot(names.VOLUME_ZONE, f"a volume is elsewhere: {_terms_words(terms, site)}")
    return None


def mismatch(cls: PodClass, site: Site) -> str:
    """Return in words which node selector or required node affinity does not hold, or nothing."""
    for key, value in cls.node_selector.items():
        if site.labels.get(key) != value:
            return f"node selector asks for {key}={value}, {_has(key, site)}"
    if cls.node_affinity is None or node_terms_match(cls.node_affinity, site.labels, site.name):
        return ""
    return f"node affinity {_terms_words(cls.node_affinity, site)}"


def requests_of(cls: PodClass) -> dict[str, int]:
    """Return all that a pod of the class takes of a node, attached volumes included; nothing that is 0."""
    volumes = {ATTACHMENTS + driver: count for driver, count in cls.volumes.items()}
    return {name: amount for name, amount in {**cls.requests, **volumes}.items() if amount > 0}


def offer_of(name: str, place: Node | Template) -> int:
    """Return how much of what `requests_of` names an empty node has."""
    if name.startswith(ATTACHMENTS):
        return place.volume_limits.get(name.removeprefix(ATTACHMENTS), UNLIMITED)
    return place.allocatable.get(name, 0)


def short_of(name: str, amount: int, left: int) -> WhyNot:
    """Return the words for a resource of which `amount` is requested and `left` is free."""
    if name.startswith(ATTACHMENTS):
        message = f"no room for {amount} more {name}: {max(0, left)} can be attached"
        return WhyNot(names.VOLUME_LIMIT, message)
    asked, free = amount_words(name, amount), amount_words(name, max(0, left))
    return WhyNot(names.INSUFFICIENT, f"Insufficient {name}: requests {asked}, {free} are free")


def amount_words(name: str, amount: int) -> str:
    """Return an amount as Kubernetes writes it: 500m, 1.5Gi, 3."""
    if name == CPU:
        return str(amount // 1000) if amount % 1000 == 0 else f"{amount}m"
    if name in ("memory", "ephemeral-storage") or name.startswith("hugepages-"):
        for unit, size in (("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)):
            if amount >= size:
                return f"{amount / size:.2f}".rstrip("0").rstrip(".") + unit
    return str(amount)


def port_clash(asked: Iterable[HostPort], taken: Iterable[HostPort]) -> HostPort | None:
    """Return the first port asked for that is taken: the same protocol and port, at one address or where one
    of both wants all addresses.
    """
    held = tuple(taken)
    return next((each for each in asked if any(_clash(each, other) for other in held)), None)


def port_words(port: HostPort) -> WhyNot:
    """Return the words for a port that is taken."""
    at = f" at {port.address}" if port.address else ""
    return WhyNot(names.PORT_TAKEN, f"host port {port.port}/{port.protocol or 'TCP'}{at} is taken")


def taint_words(taint: Taint) -> str:
    """Return a taint as kubectl writes it."""
    return f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"


_ALL = ("", "0.0.0.0")


def _clash(one: HostPort, other: HostPort) -> bool:
    if one.port != other.port or (one.protocol or "TCP") != (other.protocol or "TCP"):
        return False
    return one.address in _ALL or other.address in _ALL or one.address == other.address


def _has(key: str, site: Site) -> str:
    if key == NODE_NAME:
        return f"the node is {site.name}" if site.name else "the node is a new one"
    return f"the node has {site.labels[key]}" if key in site.labels else "the node has none"


def _terms_words(terms: tuple[NodeTerm, ...], site: Site) -> str:
    first = next((each for term in terms for each in _failing(term, site)), None)
    if first is None:
        return "has no term that can match"
    more = f"; none of its {len(terms)} terms holds" if len(terms) > 1 else ""
    wanted = f"{first.key} {first.operator} {', '.join(first.values)}".rstrip()
    return f"asks for {wanted}, {_has(first.key, site)}{more}"


def _failing(term: NodeTerm, site: Site) -> Iterable[Requirement]:
    yield from (each for each in term.labels if not holds(each, site.labels.get(each.key)))
    yield from (each for each in term.fields if not holds(each, site.name))

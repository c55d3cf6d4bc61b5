"""Whether new nodes took the pods that they were ordered for, and if not, why."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from addons.autoscaler import names
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.intents import GroupRecord, Intent, Refuted
from addons.autoscaler.model.nodes import Node, Template
from addons.autoscaler.model.pods import Pod, PodClass
from addons.autoscaler.plan.differences import differences
from addons.autoscaler.plan.proof import demand_of, digest_of_promise, is_same_promise, kept_promise, proof_of
from addons.autoscaler.plan.sight import Sight

SETTLE_SECONDS = 15.0
"""A usable node is given so long to take pods: the scheduler tries a pod again within 10 s, its longest
back-off, and then has to come round to it."""
_FOR_GOOD = frozenset({names.SELECTOR_MISMATCH, names.UNTOLERATED_TAINT, names.VOLUME_ZONE})
"""What keeps a pod off a node whatever else is there."""
_MOST_TOOK = 64
_MOST_REFUTED = 50
_MOST_WORDS = 300
_KEEP_SECONDS = 86400.0


@dataclass(frozen=True, slots=True)
class Refutation:
    """Of an order: a class whose pods its nodes do not take, and these pods."""

    refuted: Refuted
    pods: tuple[Pod, ...]


def absorbed_classes(intent: Intent, sight: Sight) -> set[str]:
    """List the classes of an order of which its nodes have pods."""
    nodes = sight.nodes(intent.instances, only_ready=True)
    return {pod.cls.digest for node in nodes for pod in sight.scheduled(node)} & set(intent.classes)


def open_classes(intent: Intent, record: GroupRecord) -> list[str]:
    """List the classes of an order of which it is not known yet whether its nodes take them."""
    known = {*intent.absorbed, *(each.cls for each in record.refuted if not each.is_released)}
    return [digest for digest in sorted(intent.classes) if digest not in known]


def refutations(
    intent: Intent, digests: Iterable[str], template: Template | None, sight: Sight
) -> list[Refutation]:
    """Find the classes that the nodes of an order will not take, although they had the time and the room."""
    nodes = sight.nodes(intent.instances, only_ready=True)
    found = []
    for digest in digests:
        pods = sight.waiting.get(digest)
        if pods and nodes and (why := _why_refuted(pods[0].cls, nodes, template, sight)) is not None:
            told = why or "no difference between the nodes and what was expected is known"
            message = pods[0].scheduler_message
            refuted = Refuted(
                cls=digest,
                template=intent.template,
                demand=demand_of(pods[0].cls),
                why=(f"{told}; the scheduler says: {message}" if message else told)[:_MOST_WORDS],
                at=sight.now,
            )
            found.append(Refutation(refuted, tuple(pods)))
    return found


def _why_refuted(cls: PodClass, nodes: Sequence[Node], template: Template | None, sight: Sight) -> str | None:
    """Say in what the nodes differ ("": in nothing that can be seen); None: other pods took their room, or
    rules between pods keep them off.
    """
    found = [differences(cls, template, node) if template else [] for node in nodes]
    if all(found):
        return ", ".join(found[0])
    why_not = [sight.cluster.why_not(cls, node.name) for node in nodes]
    if any(each is None for each in why_not):
        return ""
    told = [each.message for each in why_not if each is not None and each.code in _FOR_GOOD]
    return told[0] if len(told) == len(nodes) else None


def is_refuted(cls: PodClass, group: Group, template: Template, record: GroupRecord) -> Refuted | None:
    """Find what holds a class from a group."""
    return next(
        (each for each in _about(cls, record) if _stands(each, group, template)),
        None,
    )


def is_doubted(cls: PodClass, record: GroupRecord) -> bool:
    """Whether nodes of the group once did not take such pods: they are tried again by one node."""
    return any(True for _ in _about(cls, record))


def _about(cls: PodClass, record: GroupRecord) -> Iterator[Refuted]:
    if record.refuted:
        demand = demand_of(cls)
        yield from (each for each in record.refuted if each.cls == cls.digest or each.demand == demand)


def _stands(refuted: Refuted, group: Group, template: Template) -> bool:
    return not refuted.is_released and is_same_promise(refuted.template, group, template)


def still_refuted(
    record: GroupRecord, group: Group, template: Template | None, sight: Sight
) -> tuple[Refuted, ...]:
    """Release what stands no longer, as the template is another. Leave out what nodes of the group take after
    all, and what there has been none of for a day.
    """
    if not record.refuted:
        return record.refuted
    nodes = sight.nodes((each.id for each in group.instances), only_ready=True)
    took = {pod.cls.digest for node in nodes for pod in sight.scheduled(node)}
    return tuple(
        each if template is None or _stands(each, group, template) else replace(each, is_released=True)
        for each in record.refuted[-_MOST_REFUTED:]
        if each.cls not in took and (each.cls in sight.waiting or sight.now - each.at < _KEEP_SECONDS)
    )


def with_proofs(
    record: GroupRecord, intent: Intent, digests: Iterable[str], template: Template | None, sight: Sight
) -> tuple[str, ...]:
    """Remember that what the tags foretold of these classes has come true."""
    digest = digest_of_promise(intent.template)
    if template is None or not digest:
        return record.took
    wanted = set(digests)
    proofs = {
        proof_of(template, pod.cls)
        for node in sight.nodes(intent.instances, only_ready=True)
        for pod in sight.scheduled(node)
        if pod.cls.digest in wanted
    }
    new = sorted({kept_promise(digest, proof) for proof in proofs} - set(record.took))
    return (*record.took, *new)[-_MOST_TOOK:]

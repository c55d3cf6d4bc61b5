"""What there is to say about one pod when somebody asks."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from addons.cni import names
from addons.cni.kube.watches import NodeWatches
from addons.cni.model.assignments import Assignment, PodId
from addons.runtime.clock import rfc3339
from addons.runtime.decisions import Decision
from addons.runtime.outcomes import Skip

if TYPE_CHECKING:
    from addons.cni.controller.node import Node


def decisions_on(about: str, node: "Node", watched: NodeWatches, now: datetime) -> Iterator[Decision]:
    """What holds now of pod/NAMESPACE/NAME: its address, or why it has none."""
    kind, _, rest = about.partition("/")
    namespace, _, name = rest.partition("/")
    if kind != "pod" or not name:
        return
    found = [held for held in node.journal.allocations.by_key.values() if str(held.pod) == rest]
    for held in found:
        yield _decision(now, about, "assign", names.ADDRESS_ASSIGNED, _has(held))
    asking = [attempt for attempt in node.sandboxes.attempts if str(attempt.pod) == rest]
    for attempt in asking:
        waited = (now - attempt.since).total_seconds()
        why = node.addresses.why
        message = f"has waited {waited:.0f} s for an address: {why_in_words(why)}"
        yield _decision(now, about, "wait", why.reason if why else names.GROWING, message, why)
    if not found and not asking:
        yield from _of_unknown(PodId(namespace, name), about, node, watched, now)


def _of_unknown(
    pod: PodId, about: str, node: "Node", watched: NodeWatches, now: datetime
) -> Iterator[Decision]:
    known = watched.pod(pod)
    if known is None:
        message = "no pod of this name is bound to this node"
        yield _decision(now, about, "find", names.POD_UNKNOWN, message)
    elif known.spec.host_network:
        message = "it is in the network of the node, and needs no address"
        yield _decision(now, about, "find", names.HOST_NETWORK, message)
    else:
        why = node.pool.plan.why_waiting
        message = (
            f"it is bound to this node, and its runtime has not asked for an address yet: {why_in_words(why)}"
        )
        yield _decision(now, about, "wait", names.NOT_ASKED, message, why)


def _has(held: Assignment) -> str:
    return f"has {held.ip} of {held.eni_id} since {rfc3339(held.since)}, by link {held.host_if}"


def why_in_words(why: Skip | None) -> str:
    """Why there is no address for the next pod."""
    return why.message if why else "there are free addresses"


def _decision(
    now: datetime, about: str, action: str, reason: str, message: str, why: Skip | None = None
) -> Decision:
    return Decision(now, "pool", about, action, reason, message, why.retry_at if why else None)

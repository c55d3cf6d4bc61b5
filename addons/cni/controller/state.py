"""The page for people: each interface with its addresses, each pod, and what is left."""

from datetime import datetime
from typing import TYPE_CHECKING

from addons.cni import names
from addons.cni.config import Config
from addons.cni.controller.explanation import why_in_words
from addons.cni.kube.watches import NodeWatches
from addons.cni.model.enis import Eni
from addons.cni.model.objects import Pod
from addons.cni.plan.view import View
from addons.runtime.clock import rfc3339

if TYPE_CHECKING:
    from addons.cni.controller.node import Node

MOST_ROWS = 200
"""Of the pods that wait, there are no more on the page."""

_BAR = 32
"""Characters of a bar at most; a full interface of the largest types has 49 addresses."""


def node_state(config: Config, node: "Node", watched: NodeWatches, now: datetime) -> dict[str, object]:
    """What the node holds, and who has it."""
    view = node.pool.view()
    stock, told, rules = view.stock, node.capacity.capacity, node.translating.rules
    waiting = waiting_rows(node, watched)
    return {
        "node": config.node,
        "instance": f"{node.identity.instance_id}, {node.identity.instance_type}",
        "policy": "by demand" if view.policy.is_demand_driven else "by the original's targets",
        "waiting": _waiting(node, len(waiting)),
        "waitingPods": waiting[:MOST_ROWS],
        "addresses": f"{stock.assigned} assigned, {stock.free} free, {stock.cooling} cooling",
        "toldToTheScheduler": _told(told.value, told.because) if told else "nothing yet",
        "sourceTranslation": rules.because if rules else "not worked out yet",
        "interfaces": eni_rows(view),
        "subnets": [
            {"subnet": each.subnet_id, "network": str(each.cidr), "free": each.free}
            for each in sorted(view.subnets.values(), key=lambda subnet: subnet.subnet_id)
        ],
        "resting": [
            {"what": key, "reason": rest.reason, "message": rest.message, "until": rfc3339(rest.until)}
            for key, rest in sorted(view.rests.items())
            if rest.until > now
        ],
        "pods": pod_rows(node),
    }


def eni_rows(view: View) -> list[dict[str, object]]:
    """One row for each interface, with a bar: # assigned, + free, ~ cooling, . not taken of its limit."""
    return [_eni_row(eni, view) for eni in view.enis]


def waiting_rows(node: "Node", watched: NodeWatches) -> list[dict[str, object]]:
    """One row for each pod that has no address: first those that asked for one, in the order of asking."""
    why, planned = node.addresses.why, node.pool.plan.why_waiting
    asked = {str(attempt.pod): attempt.since for attempt in node.sandboxes.attempts}
    rows: list[dict[str, object]] = [
        {
            "reason": why.reason if why else names.GROWING,
            "pod": pod,
            "waits": f"asked for an address: {why_in_words(why)}",
            "since": rfc3339(since),
        }
        for pod, since in asked.items()
    ]
    known = asked.keys() | {str(held.pod) for held in node.journal.allocations.by_key.values()}
    unasked = sorted(
        f"{pod.metadata.namespace}/{pod.metadata.name}" for pod in watched.pods() if _is_without(pod)
    )
    told = f"its runtime has not asked for an address yet: {why_in_words(planned)}"
    rows += ({"reason": names.NOT_ASKED, "pod": pod, "waits": told} for pod in unasked if pod not in known)
    return rows


def pod_rows(node: "Node") -> list[dict[str, object]]:
    """One row for each sandbox, in the order of its pods' names."""
    rows: list[dict[str, object]] = [
        {
            "pod": str(held.pod),
            "address": str(held.ip),
            "interface": held.eni_id,
            "link": held.host_if,
            "container": held.key.container_id[:12],
            "since": rfc3339(held.since),
        }
        for held in node.journal.allocations.by_key.values()
    ]
    return sorted(rows, key=lambda row: (str(row["pod"]), str(row["address"])))


def _is_without(pod: Pod) -> bool:
    """Whether it needs an address, and does not say that it has one."""
    needs = not pod.spec.host_network and pod.status.phase == "Pending"
    return needs and not pod.status.pod_ip and not pod.metadata.deletion_timestamp


def _eni_row(eni: Eni, view: View) -> dict[str, object]:
    held = eni.all_addresses()
    assigned = len(held & view.addresses.assigned)
    cooling = len((held & view.addresses.resting(view.now)) - view.addresses.assigned)
    free = len(held - view.addresses.unavailable(view.now)) if eni in view.pod_enis else 0
    places = view.limits.slots_per_eni * view.unit
    return {
        "interface": eni.eni_id,
        "use": _bar(assigned, free, cooling, places) if eni.is_managed else "not managed",
        "assigned": assigned,
        "free": free,
        "cooling": cooling,
        "of": places,
        "device": eni.device_index,
        "primary": str(eni.primary_ip),
        "subnet": eni.subnet_id,
    }


def _bar(assigned: int, free: int, cooling: int, places: int) -> str:
    """Draw shares of `places`: what is there at all has at least one character."""
    scale = min(1.0, _BAR / places) if places else 0.0
    parts = [
        (mark, max(1, round(count * scale)) if count else 0)
        for mark, count in (("#", assigned), ("+", free), ("~", cooling))
    ]
    drawn = "".join(mark * count for mark, count in parts)
    return drawn.ljust(round(places * scale), ".")


def _told(value: int, because: str) -> str:
    return f"{value} addresses for pods: {because}"


def _waiting(node: "Node", listed: int) -> str:
    count = node.addresses.waiting
    if not count and listed:
        return f"{listed} pods have no address, and their runtime asks for none at the moment"
    if not count:
        return "no pod waits for an address"
    why = node.addresses.why
    return f"{count} pods wait for an address: {why.message if why else 'it is being asked for'}"

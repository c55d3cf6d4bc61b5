"""A scheduler: it binds a pod to the node that has most left of those that can take it, or says why none can.

It decides as kube-scheduler does with its default filters, in the order of priority; of its scores it has
two: what is left (LeastAllocated), after taints that only ask pods to stay away (PreferNoSchedule). It
preempts nobody.
"""

import asyncio
from collections import Counter
from typing import Any

from addons.sim.cluster.board import Board, NodeView, PodView
from addons.sim.cluster.filters import is_hopeless, obstacles
from addons.sim.cluster.matching import tolerates
from addons.sim.cluster.volumes import claim_trouble, provision
from addons.sim.kubeapi.clock import rfc3339
from addons.sim.kubeapi.store import Store

Object = dict[str, Any]
NAME = "default-scheduler"


class Scheduler:
    """Schedules the pods of one namespace, or of all."""

    def __init__(self, store: Store, namespace: str = "") -> None:
        self._store, self._namespace = store, namespace

    async def run(self) -> None:
        """Look at all pods that wait whenever something has changed, until cancelled."""
        seen = -1
        while True:
            if seen != self._store.rv:
                seen = self._store.rv
                self.look()
            await asyncio.sleep(0.1)

    def look(self) -> None:
        """Bind every pod that can be bound now, by priority and age; the others are told why not."""
        board = Board(self._store)
        waiting = [pod for pod in board.pods if self._is_mine(pod)]
        refused: dict[str, str] = {}
        for pod in sorted(waiting, key=_turn):
            if gates := pod.spec.get("schedulingGates"):
                names = ", ".join(str(gate["name"]) for gate in gates)
                text = f"Scheduling is blocked due to non-empty scheduling gates: {names}"
                self._refuse(pod, text, "SchedulingGated")
                continue
            self._schedule(pod, board, refused)

    def _is_mine(self, pod: PodView) -> bool:
        is_here = self._namespace in ("", pod.namespace)
        is_asked = pod.spec.get("schedulerName") in (None, "", NAME)
        return is_here and is_asked and not pod.node and not pod.is_leaving

    def _schedule(self, pod: PodView, board: Board, refused: dict[str, str]) -> None:
        if trouble := claim_trouble(pod, board):
            self._refuse(pod, _hopeless(trouble, len(board.nodes)))
            return
        kind = _kind(pod)
        if kind in refused:
            self._refuse(pod, refused[kind])
            return
        reasons = {name: obstacles(pod, node, board) for name, node in board.nodes.items()}
        fitting = [board.nodes[name] for name, found in reasons.items() if not found]
        if not fitting:
            hopeless = sum(is_hopeless(pod, board.nodes[name], found) for name, found in reasons.items())
            refused[kind] = explain(reasons, hopeless)
            self._refuse(pod, refused[kind])
            return
        chosen = min(fitting, key=lambda node: (_disliked(pod, node), -_left(pod, node), node.name))
        self._bind(pod, chosen, board)
        refused.clear()

    def _bind(self, pod: PodView, node: NodeView, board: Board) -> None:
        provision(pod, node, board)
        obj = pod.obj
        obj["spec"]["nodeName"] = node.name
        self._set_condition(obj, {"type": "PodScheduled", "status": "True"})
        obj["metadata"].pop("resourceVersion")
        self._store.update("v1", "pods", obj)
        node.add(pod)

    def _refuse(self, pod: PodView, message: str, reason: str = "Unschedulable") -> None:
        condition = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
        before = pod.obj.get("status", {}).get("conditions", ())
        old: Object = next((each for each in before if each["type"] == "PodScheduled"), {})
        if any(old.get(key) != value for key, value in condition.items()):
            self._set_condition(pod.obj, condition)
            pod.obj["status"]["phase"] = "Pending"
            pod.obj["metadata"].pop("resourceVersion")
            self._store.update("v1", "pods", pod.obj)

    def _set_condition(self, obj: Object, condition: Object) -> None:
        status = obj.setdefault("status", {})
        old = [each for each in status.get("conditions", ()) if each["type"] == condition["type"]]
        others = [each for each in status.get("conditions", ()) if each["type"] != condition["type"]]
        since = rfc3339(self._store.now())
        if old and old[0]["status"] == condition["status"]:
            since = old[0].get("lastTransitionTime", since)
        status["conditions"] = [*others, condition | {"lastTransitionTime": since}]


def explain(reasons: dict[str, list[str]], hopeless: int) -> str:
    """The scheduler's message about a pod that fits no node; on `hopeless` ones also without other pods."""
    if not reasons:
        return "no nodes available to schedule pods"
    counted = Counter(reason for found in reasons.values() for reason in found)
    texts = sorted(f"{count} {reason}" for reason, count in counted.items())
    helps = {"Preemption is not helpful for scheduling": hopeless}
    helps["No preemption victims found for incoming pod"] = len(reasons) - hopeless
    tried = ", ".join(f"{count} {text}" for text, count in sorted(helps.items()) if count)
    none = f"0/{len(reasons)} nodes are available: "
    return f"{none}{', '.join(texts)}. preemption: {none}{tried}."


def _hopeless(trouble: str, count: int) -> str:
    """The message about a pod that can be on no node whatever."""
    return f"0/{count} nodes are available: {trouble}. not found"


def _turn(pod: PodView) -> tuple[int, str, int]:
    metadata = pod.obj["metadata"]
    return (
        -int(pod.spec.get("priority") or 0),
        metadata["creationTimestamp"],
        int(metadata["resourceVersion"]),
    )


def _kind(pod: PodView) -> str:
    """What makes one pod as good as another: the same spec and labels."""
    return (
        f"{pod.namespace} {sorted(pod.labels.items())} {sorted(pod.spec.items(), key=lambda each: each[0])}"
    )


def _disliked(pod: PodView, node: NodeView) -> int:
    return sum(taint["effect"] == "PreferNoSchedule" and not tolerates(pod, taint) for taint in node.taints)


def _left(pod: PodView, node: NodeView) -> float:
    """The share of processors and memory that would be left, on average."""
    shares = []
    for name in ("cpu", "memory"):
        total = node.allocatable.get(name, 0)
        used = node.used[name] + pod.requests.get(name, 0)
        shares.append((total - used) / total if total else 0.0)
    if not any(node.allocatable.get(name) for name in ("cpu", "memory")):
        return float(sum(node.allocatable.values()) - sum(node.used.values()))
    return sum(shares) / len(shares)

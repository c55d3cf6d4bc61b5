"""Whether the pods of a node can be moved: small rules in a fixed order, of which the first that speaks
counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from addons.autoscaler import names
from addons.autoscaler.model.plans import WhyNot
from addons.autoscaler.model.pods import Pod
from addons.autoscaler.plan.budgets import Budgets
from addons.autoscaler.plan.shrink_options import ShrinkOptions
from addons.autoscaler.plan.utilization import is_hanging

Verdict = Literal["leave", "move", "end"] | WhyNot
"""`leave`: the pod goes with its node, nobody waits for it. `move`: it is evicted and needs another place.
`end`: it is evicted and needs none. A WhyNot: its node stays."""

LEAVE: Final = "leave"
MOVE: Final = "move"
END: Final = "end"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the rules go by."""

    options: ShrinkOptions
    budgets: Budgets
    now: float


Rule = Callable[[Pod, Rules], Verdict | None]


def mirror(pod: Pod, rules: Rules) -> Verdict | None:
    """A static pod belongs to its node."""
    return LEAVE if pod.is_mirror else None


def hanging(pod: Pod, rules: Rules) -> Verdict | None:
    """A pod that should have ended long ago is not waited for."""
    return LEAVE if pod.delete_at is not None and is_hanging(pod, rules.now) else None


def expendable(pod: Pod, rules: Rules) -> Verdict | None:
    """A pod of a priority below the cutoff keeps no node, and nobody makes room for it."""
    return END if pod.priority < rules.options.priority_cutoff else None


def controller_missing(pod: Pod, rules: Rules) -> Verdict | None:
    """A controller that does not exist would not replace the pod."""
    owner = pod.owner
    if owner is None or pod.is_daemon or not owner.is_native or owner.is_known:
        return None
    message = (
        f"the controller of pod {pod}, {owner.kind} {owner.name}, does not exist: nobody would replace it"
    )
    return _blocked(names.BLOCKED_CONTROLLER_MISSING, pod, message)


def min_replicas(pod: Pod, rules: Rules) -> Verdict | None:
    """Controllers of few pods are not disturbed, where the settings say so."""
    owner, least = pod.owner, rules.options.min_replicas
    if owner is None or owner.replicas is None or owner.replicas >= least or pod.is_daemon:
        return None
    if owner.kind == "Job":
        return None
    message = (
        f"the controller of pod {pod}, {owner.kind} {owner.name}, wants {owner.replicas} pods,"
        f" and --min-replica-count is {least}"
    )
    return _blocked(names.BLOCKED_MIN_REPLICAS, pod, message)


def daemon(pod: Pod, rules: Rules) -> Verdict | None:
    """A DaemonSet pod belongs to its node."""
    return LEAVE if pod.is_daemon else None


def safe(pod: Pod, rules: Rules) -> Verdict | None:
    """Its owner says that it may be evicted."""
    return MOVE if pod.safe_to_evict == "true" else None


def ended(pod: Pod, rules: Rules) -> Verdict | None:
    """A pod that has ended needs no place."""
    return END if pod.phase in ("Succeeded", "Failed") else None


def until_completion(pod: Pod, rules: Rules) -> Verdict | None:
    """Its owner says that it may go when it has ended."""
    if pod.safe_to_evict != "on-completion":
        return None
    message = f"pod {pod} is to run to its end first, as its annotation {names.SAFE_TO_EVICT} says"
    return _blocked(names.BLOCKED_NOT_SAFE, pod, message)


def not_replicated(pod: Pod, rules: Rules) -> Verdict | None:
    """A pod that nobody would replace keeps its node."""
    owner = pod.owner
    if owner is None:
        return _blocked(
            names.BLOCKED_NOT_REPLICATED, pod, f"pod {pod} has no controller that would replace it"
        )
    if owner.is_native or not rules.options.keeps_custom_controllers:
        return None
    message = (
        f"the controller of pod {pod}, {owner.kind} {owner.name}, is none of Kubernetes' own"
        " (--no-skip-nodes-with-custom-controller-pods trusts it)"
    )
    return _blocked(names.BLOCKED_NOT_REPLICATED, pod, message)


def system(pod: Pod, rules: Rules) -> Verdict | None:
    """A young pod of kube-system that no budget covers keeps its node."""
    if pod.namespace != "kube-system" or not rules.options.keeps_system_pods:
        return None
    left = pod.created + rules.options.system_pod_seconds - rules.now
    if left <= 0 or rules.budgets.of(pod):
        return None
    message = f"pod {pod} is of kube-system and no disruption budget covers it: for {left:.0f} s more"
    return _blocked(names.BLOCKED_KUBE_SYSTEM, pod, message)


def not_safe(pod: Pod, rules: Rules) -> Verdict | None:
    """Its owner says that it may not be evicted."""
    if pod.safe_to_evict != "false":
        return None
    return _blocked(names.BLOCKED_NOT_SAFE, pod, f"pod {pod} has the annotation {names.SAFE_TO_EVICT}: false")


def local_storage(pod: Pod, rules: Rules) -> Verdict | None:
    """Data on the node would be lost."""
    if not pod.local_volumes or not rules.options.keeps_local_storage:
        return None
    volumes = ", ".join(pod.local_volumes)
    message = (
        f"pod {pod} has data on the node: {volumes} (the annotation {names.SAFE_TO_EVICT_VOLUMES} can say"
        " that it may be lost)"
    )
    return _blocked(names.BLOCKED_LOCAL_STORAGE, pod, message)


RULES: Final[tuple[Rule, ...]] = (
    mirror,
    hanging,
    expendable,
    controller_missing,
    min_replicas,
    daemon,
    safe,
    ended,
    until_completion,
    not_replicated,
    system,
    not_safe,
    local_storage,
)
"""In the order of the original; what none of them speaks of moves. What budgets say comes after these, of all
that move."""


def verdict(pod: Pod, rules: Rules) -> Verdict:
    """What becomes of a pod when its node goes."""
    for rule in RULES:
        if (found := rule(pod, rules)) is not None:
            return found
    return MOVE


@dataclass(frozen=True, slots=True)
class Evictions:
    """The pods of a node that are evicted: `moving` need another place, `ending` do not."""

    moving: tuple[Pod, ...] = ()
    ending: tuple[Pod, ...] = ()

    @property
    def all(self) -> tuple[Pod, ...]:
        """All of them."""
        return self.moving + self.ending


def evictions(pods: Sequence[Pod], rules: Rules) -> Evictions | WhyNot:
    """What has to be evicted from a node, or why it stays: of several pods that keep it, the first by name.

    Budgets are looked at only as far as no waiting would help: two on one pod.
    """
    moving: list[Pod] = []
    ending: list[Pod] = []
    blocked: list[tuple[tuple[str, str], WhyNot]] = []
    for pod in pods:
        found = verdict(pod, rules)
        if found == LEAVE:
            continue
        if isinstance(found, WhyNot):
            blocked.append((pod.key, found))
        elif several := rules.budgets.several(pod):
            blocked.append((pod.key, several))
        else:
            (moving if found == MOVE else ending).append(pod)
    if blocked:
        return min(blocked, key=lambda each: each[0])[1]
    return Evictions(tuple(moving), tuple(ending))


def _blocked(code: str, pod: Pod, message: str) -> WhyNot:
    return WhyNot(code, message, str(pod))

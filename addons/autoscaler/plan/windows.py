"""How long to try to evict each pod of a node: those under one budget go one after the other."""

from collections.abc import Mapping, Sequence

from addons.autoscaler.model.pods import Pod
from addons.autoscaler.plan.budgets import Budgets


def eviction_windows(
    pods: Sequence[Pod], budgets: Budgets, *, least: float, longest_grace: float
) -> Mapping[str, float]:
    """By uid, the seconds after which a pod's budget is taken for one that lets none go: `least`, and the
    graces of the other pods of the node that may have to end before it.
    """
    graces = {pod.uid: min(float(pod.grace_seconds), longest_grace) for pod in pods}
    under: dict[int, list[str]] = {}
    for pod in pods:
        for number in budgets.of(pod):
            under.setdefault(number, []).append(pod.uid)
    windows = dict.fromkeys(graces, least)
    for uids in under.values():
        total = sum(graces[uid] for uid in uids)
        for uid in uids:
            windows[uid] = max(windows[uid], least + total - graces[uid])
    return windows

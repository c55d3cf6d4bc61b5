"""Which pods count: those that wait for room that only a new node could give them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from addons.autoscaler import names
from addons.autoscaler.model.plans import Waits, WhyNot
from addons.autoscaler.model.pods import Pod
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.options import GrowOptions


@dataclass(frozen=True, slots=True)
class Pending:
    """Pods by what they want. `counted` wait for a place; `moving` are on nodes that are being drained, and
    will be made anew elsewhere; `nominated` wait for pods that make way for them on the node they name.
    `waits` has every other waiting pod with the reason why it does not count.

    All are in the order in which they are served: higher priority first, oldest first.
    """

    counted: tuple[Pod, ...] = ()
    moving: tuple[Pod, ...] = ()
    nominated: tuple[Pod, ...] = ()
    waits: tuple[Waits, ...] = ()


def pending_pods(snapshot: Snapshot, options: GrowOptions) -> Pending:
    """Sort the pods of the cluster by whether room has to be found for them."""
    counted, nominated, waits = [], [], []
    for pod in in_serving_order(each for each in snapshot.waiting if each.delete_at is None):
        if pod.nominated_node in snapshot.nodes and _may_grow(pod, options):
            nominated.append(pod)
        elif why := why_not_counted(pod, snapshot.now, options):
            waits.append(Waits(pod, why))
        else:
            counted.append(pod)
    moving = in_serving_order(
        pod for pod in _on_drained_nodes(snapshot) if _comes_again(pod) and _may_grow(pod, options)
    )
    return Pending(tuple(counted), tuple(moving), tuple(nominated), tuple(waits))


def in_serving_order(pods: Iterable[Pod]) -> list[Pod]:
    """Higher priority first, then the oldest; names settle the rest, whatever order the pods came in."""
    return sorted(pods, key=lambda pod: (-pod.priority, pod.created, pod.namespace, pod.name))


def why_not_counted(pod: Pod, now: float, options: GrowOptions) -> WhyNot | None:
    """Say why no group is to grow for a waiting pod; None: it counts."""
    return (
        _why_not_ours(pod, options)
        or _why_no_node_helps(pod, options)
        or _why_not_tried(pod, options)
        or _why_too_young(pod, now, options)
    )


def _may_grow(pod: Pod, options: GrowOptions) -> bool:
    return not (_why_not_ours(pod, options) or _why_no_node_helps(pod, options))


def _why_not_ours(pod: Pod, options: GrowOptions) -> WhyNot | None:
    if options.namespaces and pod.namespace not in options.namespaces:
        return WhyNot(names.NOT_SELECTED, f"namespace {pod.namespace} is none of --pod-namespaces")
    if not options.selector.matches(pod.labels):
        return WhyNot(names.NOT_SELECTED, "its labels do not match --pod-selector")
    scheduler = pod.cls.scheduler
    if scheduler not in options.schedulers and scheduler not in options.bypassed_schedulers:
        return WhyNot(names.OTHER_SCHEDULER, f"scheduler {scheduler} is not one of --allowed-scheduler-names")
    return None


def _why_no_node_helps(pod: Pod, options: GrowOptions) -> WhyNot | None:
    if pod.is_daemon:
        return WhyNot(names.OF_DAEMONSET, "a pod of a DaemonSet is for one node that is there already")
    if pod.is_gated:
        return WhyNot(names.GATED, "its scheduling gates are closed")
    if pod.priority < options.priority_cutoff:
        return WhyNot(
            names.EXPENDABLE,
            f"its priority {pod.priority} is below --expendable-pods-priority-cutoff"
            f" {options.priority_cutoff}",
        )
    return None


def _why_not_tried(pod: Pod, options: GrowOptions) -> WhyNot | None:
    if pod.unschedulable_since is not None or pod.cls.scheduler in options.bypassed_schedulers:
        return None
    return WhyNot(names.NOT_TRIED, "the scheduler has not found it unschedulable")


def _why_too_young(pod: Pod, now: float, options: GrowOptions) -> WhyNot | None:
    delay = max(options.pod_delay, pod.scale_up_delay)
    if now - pod.created >= delay:
        return None
    return WhyNot(names.TOO_YOUNG, f"it counts when it is {delay:.0f} s old")


def _on_drained_nodes(snapshot: Snapshot) -> Iterator[Pod]:
    for name, pods in snapshot.pods_of.items():
        node = snapshot.nodes.get(name)
        if node is not None and (node.to_be_deleted_since is not None or name in snapshot.removing):
            yield from pods


def _comes_again(pod: Pod) -> bool:
    """Whether a controller makes the pod anew when it is evicted, and has not done so yet."""
    return pod.owner is not None and not pod.is_mirror and pod.delete_at is None

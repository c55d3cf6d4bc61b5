"""What there is to say of a pod or a node when somebody asks: made from the last pass, not from the past."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from difflib import get_close_matches

from addons.autoscaler import names
from addons.autoscaler.controller.passes import Pass
from addons.autoscaler.model.plans import Order, Waits
from addons.autoscaler.model.pods import Pod
from addons.runtime.decisions import Decision


class Explanation:
    """Answers for pods and nodes. `last` gives the last pass, `drains` what is being done with nodes."""

    def __init__(
        self,
        *,
        last: Callable[[], Pass | None],
        drains: Callable[[], Mapping[str, str]],
        now: Callable[[], datetime],
    ) -> None:
        self._last = last
        self._drains = drains
        self._now = now

    def of(self, about: str) -> Iterator[Decision]:
        """What holds now of pod/NAMESPACE/NAME or node/NAME; nothing for other kinds."""
        kind, _, rest = about.partition("/")
        if kind not in ("pod", "node") or not rest:
            return
        done = self._last()
        if done is None:
            yield self._decision(
                about, about, "wait", names.NOT_TRIED, "no pass was made yet by this replica"
            )
        elif kind == "pod":
            namespace, _, name = rest.partition("/")
            yield from self._of_pod(done, about, namespace, name)
        else:
            yield from self._of_node(done, about, rest)

    def _of_pod(self, done: Pass, about: str, namespace: str, name: str) -> Iterator[Decision]:
        for order in done.grow.orders:
            if any(pod.key == (namespace, name) for pod in order.pods):
                yield self._ordered(about, order)
                return
        for waits in done.grow.waits:
            if waits.pod.key == (namespace, name):
                yield from self._waits(done, about, waits)
                return
        for pod in done.snapshot.waiting:
            if pod.key == (namespace, name):
                message = "it waits, and nothing was decided about it in the last pass"
                yield self._decision(about, about, "wait", names.NOT_TRIED, message)
                return
        yield from self._on_node(done, about, namespace, name)

    def _ordered(self, about: str, order: Order) -> Decision:
        message = f"group {order.group} is raised by {order.count} to {order.target} for it: {order.why}"
        return self._decision(order.group, about, "grow", names.TRIGGERED_SCALE_UP, message)

    def _waits(self, done: Pass, about: str, waits: Waits) -> Iterator[Decision]:
        if waits.why:
            yield self._decision(about, about, "wait", waits.why.code, waits.why.message)
        for group, why in sorted(waits.groups.items()):
            yield self._decision(f"group {group}", about, "wait", why.code, why.message)
        if not waits.why and not waits.groups:
            yield self._decision(about, about, "wait", names.NOT_TRIGGER_SCALE_UP, "no group is known")
        if waits.pod.scheduler_message:
            message = f"the scheduler says: {waits.pod.scheduler_message}"
            yield self._decision("scheduler", about, "wait", names.NOT_TRIGGER_SCALE_UP, message)
        yield from self._earlier(done, about, waits.pod)

    def _earlier(self, done: Pass, about: str, pod: Pod) -> Iterator[Decision]:
        """Orders under way that were made for it."""
        for group, record in sorted(done.memory.groups.items()):
            for intent in record.intents:
                if pod.uid in intent.pods:
                    message = f"{intent.count} ordered in group {group} for it, {intent.state}: {intent.why}"
                    yield self._decision(
                        f"order {intent.id}", about, "grow", names.TRIGGERED_SCALE_UP, message
                    )

    def _on_node(self, done: Pass, about: str, namespace: str, name: str) -> Iterator[Decision]:
        for node, pods in done.snapshot.pods_of.items():
            for pod in pods:
                if pod.key == (namespace, name):
                    message = f"it is on the node {node}"
                    yield self._decision(about, about, "keep", names.ON_NODE, message)
                    if (why := done.shrink.stays.get(node)) and why.about == str(pod):
                        message = f"it keeps the node {node}: {why.message}"
                        yield self._decision(node, about, "keep", why.code, message)
                    return
        known = sorted({pod.name for pod in done.snapshot.waiting if pod.namespace == namespace})
        yield self._unknown(about, f"no pod {namespace}/{name} is known", name, known)

    def _of_node(self, done: Pass, about: str, name: str) -> Iterator[Decision]:
        if stage := self._drains().get(name):
            yield self._decision(name, about, "shrink", names.BEING_REMOVED, stage)
        node = done.snapshot.nodes.get(name)
        if node is None:
            yield self._unknown(about, f"no node {name} is known", name, sorted(done.snapshot.nodes))
            return
        group = done.groups_of_nodes().get(name)
        words = f"it is of the group {group}" if group else "it is of no group of ours"
        yield self._decision("group", about, "keep", names.IN_GROUP if group else names.NO_GROUP, words)
        if not node.is_ready:
            yield self._decision(
                "ready", about, "keep", names.NODE_NOT_READY, f"it is not ready: {node.not_ready_why}"
            )
        if why := done.shrink.stays.get(name):
            about_pod = f"; it hangs on {why.about}" if why.about and why.about not in why.message else ""
            yield self._decision(name, about, "keep", why.code, f"it stays: {why.message}{about_pod}")
        for removal in done.shrink.removals:
            if removal.node == name:
                yield self._decision(name, about, "shrink", names.SCALE_DOWN, removal.why)
        if since := done.shrink.unneeded.get(name):
            seconds = done.snapshot.now - since
            message = f"it has not been needed for {seconds:.0f} s"
            yield self._decision("unneeded", about, "shrink", names.NOT_UNNEEDED_LONG, message)

    def _unknown(self, about: str, message: str, name: str, known: list[str]) -> Decision:
        near = get_close_matches(name, known, n=1)
        hint = f"; there is {near[0]}" if near else ""
        return self._decision(about, about, "find", names.UNKNOWN_OBJECT, message + hint)

    def _decision(self, key: str, about: str, action: str, reason: str, message: str) -> Decision:
        return Decision(self._now(), key, about, action, reason, message)

"""What is told of pods, nodes and groups: with the reasons of the original and ours, once each, bounded."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from addons.autoscaler import names
from addons.autoscaler.controller.passes import Pass
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.plans import Order, Waits, WhyNot
from addons.autoscaler.model.pods import Pod
from addons.runtime.errors import OutsideError
from addons.runtime.outcomes import ObjectRef, Problem
from addons.runtime.reporter import Report, Reporter

_T = TypeVar("_T")

WAITING = "waiting pods"
GROUPS = "groups"
PROBLEMS = "problems"

NEW_EVENTS = 100
"""So many pods, and as many nodes, are told something new in one pass; the others follow in later ones."""

PATIENCE_SECONDS = 20.0
"""What cannot be read of a group for a shorter time, as when it is read first, is told to nobody."""

TRIAL_SECONDS = 120.0
"""A pod that waits for the first nodes of a group to show what they are is told nothing before."""

_PODS_OF_ORDER = 500
_NAMES = 5

_NO_NEWS = frozenset(
    {
        names.NOT_UNDERUTILIZED,
        names.NOT_UNNEEDED_LONG,
        names.NO_GROUP,
        names.STILL_STARTING,
        names.BEING_REMOVED,
        names.BEING_ROLLED,
        names.PARALLELISM,
        names.COOLDOWN,
        names.SCALE_DOWN_OFF,
        names.RECEIVES_PODS,
    }
)
"""Why nodes stay of which nobody need be told: they are in use, or it is a matter of time."""


class Telling:
    """Tells what passes decide, and what came of it. `status` is the ConfigMap that stands for groups."""

    def __init__(self, reporter: Reporter, status: ObjectRef) -> None:
        self._reporter = reporter
        self._status = status
        self._pods: dict[str, str] = {}
        self._nodes: dict[str, str] = {}
        self._ill_since: dict[tuple[str, str], float] = {}

    def passed(self, done: Pass, unread: Container[str] = ()) -> None:
        """What a pass has found out, as far as it is news.

        `unread` are groups of which it is not known yet what they launch: that is no news, and a pod that may
        suit one of them is told nothing until it is.
        """
        stuck = [each for each in done.grow.waits if _is_stuck(each, unread, done.snapshot.now)]
        self._reporter.tell_current(WAITING, _by_class(stuck))
        for waits in _news(self._pods, {each.pod.uid: (_codes(each.groups), each) for each in stuck}):
            self._reporter.tell(_not_triggered(waits))
        stays = {
            name: (why.code, (name, why))
            for name, why in sorted(done.shrink.stays.items())
            if why.code not in _NO_NEWS
        }
        for name, reason in _news(self._nodes, stays):
            self._reporter.tell(self._no_scale_down(done, name, reason))
        self._reporter.tell_current(GROUPS, self._of_groups(done, unread))

    def problems(
        self, problems: Iterable[Problem], priorities: Iterable[str], rolls: Mapping[str, str] = {}
    ) -> None:
        """What is wrong with groups that are named or found, with the priorities of groups, and with the
        notes on `rolls` of groups."""
        found = [self._problem(each.ref.name, each.reason, each.message) for each in problems]
        found += [self._problem(name, names.ROLL_ABANDONED, why) for name, why in rolls.items()]
        found += [self._problem("", names.BAD_SETTING, each) for each in priorities]
        self._reporter.tell_current(PROBLEMS, found)

    def _problem(self, group: str, reason: str, message: str) -> Report:
        return Report(
            key=group,
            ref=self._status,
            action="group",
            reason=reason,
            message=message,
            log="warning",
            event="Warning",
        )

    def _no_scale_down(self, done: Pass, name: str, why: WhyNot) -> Report:
        about = f"; it hangs on {why.about}" if why.about and why.about not in why.message else ""
        return Report(
            key=name,
            ref=node_ref(done, name),
            action="keep",
            reason=names.NO_SCALE_DOWN,
            message=f"node stays: {why.message}{about} ({why.code})",
            log="",
            event="Normal",
        )

    def _of_groups(self, done: Pass, unread: Container[str]) -> Iterator[Report]:
        """What holds of groups now: what of them cannot be read, which tags are wrong, why they rest."""
        ill = _ills(done)
        self._ill_since = {key: self._ill_since.get(key, done.snapshot.now) for key in ill}
        for (name, reason), message in sorted(ill.items()):
            if done.snapshot.now - self._ill_since[name, reason] >= PATIENCE_SECONDS:
                yield self._of_group(name, reason, message, event="Warning")
        for name, group in sorted(done.snapshot.groups.items()):
            for problem in group.problems:
                yield self._of_group(name, names.BAD_SETTING, problem, event="Warning")
        for name, why in sorted(done.grow.held.items()):
            if name in unread:
                continue
            yield self._of_group(name, why.code, why.message, event="", identity=why.code)

    def _of_group(
        self, group: str, reason: str, message: str, *, event: str, identity: str | None = None
    ) -> Report:
        return Report(
            key=group,
            ref=self._status,
            action="group",
            reason=reason,
            message=f"group {group}: {message}",
            log="warning" if event == "Warning" else "info",
            event="Warning" if event == "Warning" else "Normal" if event else "",
            identity=f"{reason} {identity or message}",
        )

    def news(self, group: str, reason: str, message: str, *, is_bad: bool) -> None:
        """Something that happened to a group."""
        self._reporter.tell(self._of_group(group, reason, message, event="Warning" if is_bad else "Normal"))

    def ordered(self, order: Order, group: Group, error: OutsideError | None) -> None:
        """AWS has taken an order, or refused it."""
        before, most = order.target - order.count, group.max_size
        if error:
            message = f"not raised from {before} to {order.target}: {error.message}"
            self.news(order.group, names.FAILED_TO_SCALE_UP_GROUP, message, is_bad=True)
            return
        sizes = f"{before}->{order.target} (max: {most})"
        self._reporter.tell(
            Report(
                key=order.group,
                ref=self._status,
                action="grow",
                reason=names.SCALED_UP_GROUP,
                message=f"group {order.group}: size {sizes}: {order.why}",
                event="Normal",
                is_change=True,
            )
        )
        for pod in order.pods[:_PODS_OF_ORDER]:
            message = f"pod triggered scale-up: [{{{order.group} {sizes}}}]"
            self._reporter.tell(_of_pod(pod, "grow", names.TRIGGERED_SCALE_UP, message))

    def forgotten(self, what: str) -> None:
        """Something that was remembered is lost."""
        self._reporter.tell(self._problem("memory", names.MEMORY_LOST, what))

    def pod(self, pod: Pod, reason: str, message: str, *, action: str = "wait") -> None:
        """Something became of a pod, or of what was ordered for it."""
        self._reporter.tell(_of_pod(pod, action, reason, message))

    def node(self, ref: ObjectRef, reason: str, message: str, *, is_bad: bool = False) -> None:
        """Something that happened to a node."""
        self._reporter.tell(
            Report(
                key=ref.name,
                ref=ref,
                action="shrink",
                reason=reason,
                message=message,
                log="warning" if is_bad else "info",
                event="Warning" if is_bad else "Normal",
                is_change=not is_bad,
            )
        )

    def forget(self) -> None:
        """Another replica leads: what it finds out is its own."""
        self._pods, self._nodes = {}, {}
        for topic in (WAITING, GROUPS, PROBLEMS):
            self._reporter.tell_current(topic, ())


def _ills(done: Pass) -> dict[tuple[str, str], str]:
    """What of which group cannot be read now, by group and reason."""
    groups = done.snapshot.groups.items()
    found = {(name, names.GROUP_DEGRADED): group.degraded for name, group in groups if group.degraded}
    untemplated = {(name, names.NO_TEMPLATE): why for name, why in done.snapshot.untemplated.items()}
    return found | {key: why for key, why in untemplated.items() if why not in found.values()}


def node_ref(done: Pass, name: str) -> ObjectRef:
    """Names a node for Events."""
    node = done.snapshot.nodes.get(name)
    return ObjectRef("Node", "", name, node.uid if node else "")


def pod_ref(pod: Pod) -> ObjectRef:
    """Names a pod for Events."""
    return ObjectRef("Pod", pod.namespace, pod.name, pod.uid)


def _is_stuck(waits: Waits, unread: Container[str], now: float) -> bool:
    """Whether there is something to tell of why a pod waits."""
    if any(group in unread for group in waits.groups):
        return False
    if any(why.code == names.PROBING for why in waits.groups.values()):
        return now - (waits.pod.unschedulable_since or waits.pod.created) >= TRIAL_SECONDS
    return bool(waits.groups)


def _of_pod(pod: Pod, action: str, reason: str, message: str) -> Report:
    return Report(
        key=str(pod), ref=pod_ref(pod), action=action, reason=reason, message=message, log="", event="Normal"
    )


def _not_triggered(waits: Waits) -> Report:
    message = f"pod didn't trigger scale-up: {groups_in_words(waits.groups)}"
    return _of_pod(waits.pod, "wait", names.NOT_TRIGGER_SCALE_UP, message)


def _by_class(stuck: Sequence[Waits]) -> Iterator[Report]:
    """One line in the log for all pods that are alike and wait for the same."""
    alike: dict[tuple[str, str], list[Waits]] = {}
    for waits in stuck:
        alike.setdefault((waits.pod.cls.digest, _codes(waits.groups)), []).append(waits)
    for (digest, codes), found in alike.items():
        first = found[0]
        count = f"1 pod waits: {first.pod}" if len(found) == 1 else f"{len(found)} pods wait: {first.pod} …"
        yield Report(
            key=first.pod.namespace,
            ref=None,
            action="wait",
            reason=names.NOT_TRIGGER_SCALE_UP,
            message=f"{count}: {groups_in_words(first.groups)}",
            identity=f"{digest} {codes}",
        )


def _codes(groups: Mapping[str, WhyNot]) -> str:
    """What has to differ of the reasons of a pod for it to be told again: figures need not."""
    return " ".join(f"{name}={why.code}" for name, why in sorted(groups.items()))


def _news(told: dict[str, str], now: Mapping[str, tuple[str, _T]]) -> Iterator[_T]:
    """What was not told of yet, a part of it at once; what does not hold any more is forgotten."""
    for key in told.keys() - now.keys():
        del told[key]
    count = 0
    for key, (said, what) in now.items():
        if told.get(key) != said:
            told[key] = said
            yield what
            count += 1
            if count == NEW_EVENTS:
                return


def groups_in_words(groups: Mapping[str, WhyNot]) -> str:
    """What keeps a pod from groups, in one line."""
    return "; ".join(reasons_of_groups(groups))


def reasons_of_groups(groups: Mapping[str, WhyNot]) -> tuple[str, ...]:
    """What keeps a pod from groups: equal sentences once, with the names of some of the groups."""
    alike: dict[str, list[str]] = {}
    for name, why in sorted(groups.items()):
        alike.setdefault(why.message, []).append(name)
    by_size = sorted(alike.items(), key=lambda item: (-len(item[1]), item[1]))
    return tuple(f"{some_of(found)}: {message}" for message, found in by_size)


def some_of(found: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    more = len(found) - _NAMES
    return ", ".join(found[:_NAMES]) + (f" and {more} more" if more > 0 else "")

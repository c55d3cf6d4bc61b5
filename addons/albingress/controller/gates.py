"""Readiness gates: a pod becomes ready within two seconds of when its load balancer finds it healthy."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from addons.albingress import names
from addons.albingress.aws.targets import Targets
from addons.albingress.config import Config
from addons.albingress.desired.gates import GateView, desired_conditions, waiting_for
from addons.albingress.kube.endpoints import Endpoints, Touched
from addons.albingress.kube.pods import tell_gates
from addons.albingress.model.objects import Pod, PodCondition
from addons.albingress.model.targets import Binding, Target
from addons.runtime.clock import utc_now
from addons.runtime.kube import KubeClient
from addons.runtime.ledger import Ledger
from addons.runtime.loop import ReconcileLoop, Result
from addons.runtime.objects import PODS, Key, key, ref
from addons.runtime.permit import Permit
from addons.runtime.reporter import Report, Reporter

POLL_SECONDS: Final = 2.0
"""So often AWS is asked for the health of targets that a pod waits for."""

_POLLS_PER_SECOND: Final = 4.0
"""For all groups together: AWS takes 10 descriptions a second, and others describe too."""

_WORKERS: Final = 16
_LONGEST_REST: Final = 10.0


class GatedGroup(Struct, frozen=True, kw_only=True):
    """The registered targets of a binding, with the pods behind them."""

    binding: Binding
    pods: Mapping[Target, Key]


class Gates:
    """Tells pods of the health of their targets, as long as their readiness waits for it.

    Nobody waits for a binding that is gone. One that was never heard of may be on its way: it is waited for
    as long as `backend_grace`, counted from when all sources of bindings have told of theirs (`complete`).
    """

    def __init__(
        self,
        config: Config,
        *,
        kube: KubeClient,
        endpoints: Endpoints,
        targets: Targets,
        reporter: Reporter,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._grace = config.backend_grace.total_seconds()
        self._kube = kube
        self._endpoints = endpoints
        self._targets = targets
        self._reporter = reporter
        self._now = now
        self._bindings: dict[str, dict[Key, Binding]] = {}
        self._groups: dict[Key, GatedGroup] = {}
        self._polled: set[Key] = set()
        self._gone: set[Key] = set()
        self._alone_since: dict[Key, float] = {}
        self._is_complete = False
        self._polls: ReconcileLoop[Key] = ReconcileLoop(
            "gates", self._poll, workers=_WORKERS, ledger=Ledger(first=1.0, longest=_LONGEST_REST)
        )
        self._lone: ReconcileLoop[Key] = ReconcileLoop(
            "gates without binding", self._release, ledger=Ledger(first=1.0, longest=_LONGEST_REST)
        )

    def set_bindings(self, source: str, bindings: Iterable[Binding]) -> None:
        """From now on a source has these bindings and no others; nobody waits for those that are gone."""
        before, now = self._bindings.get(source, {}), {each.key: each for each in bindings}
        self._bindings[source] = now
        self._gone.difference_update(now)
        gone = before.keys() - now.keys()
        self._gone |= gone
        for each in gone:
            self._groups.pop(each, None)
        if gone:
            self._wake_lone()

    def complete(self) -> None:
        """All sources have told of their bindings: what is not among them now is not there."""
        if not self._is_complete:
            self._is_complete = True
            self._wake_lone()

    def update(self, group: GatedGroup) -> None:
        """A binding has these targets registered."""
        if self._find(group.binding.key) is None:
            return
        self._groups[group.binding.key] = group
        if any(self._waiting(group)):
            self._polls.wake(group.binding.key, after=0)

    def touched(self, touched: Touched) -> None:
        """An object changed: a pod may wait now for what nobody fills."""
        resource, namespace, name = touched
        if resource != PODS:
            return
        pod = self._endpoints.pod(namespace, name)
        if pod is None:
            self._alone_since.pop((namespace, name), None)
        elif self._is_complete and any(self._unfilled(pod)):
            self._lone.wake((namespace, name))

    async def run(self, permit: Permit) -> None:
        """Tell pods until the permit is stopped."""
        self._wake_lone()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._polls.run(permit))
            group.create_task(self._lone.run(permit))

    @property
    def failures(self) -> dict[str, str]:
        """What failed and has not succeeded since: binding or pod -> why."""
        errors = {**self._polls.errors, **self._lone.errors}
        return {"/".join(each): message for each, message in errors.items()}

    def waiting(self) -> tuple[Key, ...]:
        """The bindings whose health is asked for now, as pods wait for it."""
        return tuple(sorted(self._polled))

    async def _poll(self, which: Key, permit: Permit) -> Result:
        """Ask for the health of the targets that pods wait for, and tell these."""
        group = self._groups.get(which)
        waiting = dict(self._waiting(group)) if group else {}
        if group is None or not waiting:
            self._polled.discard(which)
            return Result()
        self._polled.add(which)
        if refusal := permit.refusal():
            raise refusal
        health = {each.target.key: each for each in await self._targets.health(group.binding.group)}
        name = group.binding.name
        for target, pod in waiting.items():
            if found := health.get(target.key):
                view = GateView(bindings={name: group.binding}, health={name: found})
                await self._tell(pod, desired_conditions(pod, view), permit)
        return Result(again_in=max(POLL_SECONDS, len(self._polled) / _POLLS_PER_SECOND))

    async def _release(self, which: Key, permit: Permit) -> Result:
        """Have a pod wait no more for bindings that are not there."""
        pod = self._endpoints.pod(*which)
        unfilled = set(self._unfilled(pod)) if pod else set()
        if pod is None or not unfilled or not self._is_complete:
            self._alone_since.pop(which, None)
            return Result()
        if refusal := permit.refusal():
            raise refusal
        now = asyncio.get_running_loop().time()
        left = self._alone_since.setdefault(which, now) + self._grace - now
        namespace = pod.metadata.namespace
        gone = {name for name in unfilled if left <= 0 or (namespace, name) in self._gone}
        known = {name: self._find((namespace, name)) for name in waiting_for(pod)}
        bindings = {name: each for name, each in known.items() if each}
        await self._tell(pod, desired_conditions(pod, GateView(bindings=bindings, gone=gone)), permit)
        return Result(again_in=left if left > 0 and unfilled - gone else None)

    async def _tell(self, pod: Pod, conditions: tuple[PodCondition, ...], permit: Permit) -> None:
        if not conditions:
            return
        if refusal := permit.refusal():
            raise refusal
        if await tell_gates(self._kube, pod, conditions, self._now()):
            for condition in conditions:
                self._reporter.tell(_told_report(pod, condition))

    def _waiting(self, group: GatedGroup) -> Iterator[tuple[Target, Pod]]:
        for target, which in group.pods.items():
            pod = self._endpoints.pod(*which)
            if pod and group.binding.name in waiting_for(pod):
                yield target, pod

    def _unfilled(self, pod: Pod) -> Iterator[str]:
        """What a pod waits for that no binding of addresses fills."""
        for name in waiting_for(pod):
            binding = self._find((pod.metadata.namespace, name))
            if binding is None or binding.target_type == "instance":
                yield name

    def _find(self, which: Key) -> Binding | None:
        return next((found[which] for found in self._bindings.values() if which in found), None)

    def _wake_lone(self) -> None:
        if self._is_complete:
            for pod in self._endpoints.pods():
                if any(self._unfilled(pod)):
                    self._lone.wake(key(pod))


def _told_report(pod: Pod, condition: PodCondition) -> Report:
    gate, reason = condition.type.removeprefix(names.READINESS_GATE), condition.reason or condition.message
    return Report(
        key="/".join(key(pod)),
        ref=ref(pod),
        action="tell",
        reason=names.GATE_TOLD,
        message=f"readiness gate {gate} is {condition.status}{reason and f': {reason}'}",
        is_change=True,
    )

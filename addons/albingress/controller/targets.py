"""The targets of every target group, each on its own way: nobody waits for rules, or for another group."""

import asyncio
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from addons.albingress.aws.targets import Targets
from addons.albingress.config import Config
from addons.albingress.controller.bindings import Bindings
from addons.albingress.controller.endpoint_rules import EndpointRules
from addons.albingress.controller.gates import GatedGroup, Gates
from addons.albingress.controller.target_metrics import TargetMetrics
from addons.albingress.controller.target_state import GroupTargets
from addons.albingress.controller.wishes import Wishes, WishReader
from addons.albingress.kube import target_reports as told
from addons.albingress.kube.endpoints import Endpoints, Touched
from addons.albingress.model.network import Vpc
from addons.albingress.model.objects import NODES
from addons.albingress.model.targets import (
    Binding,
    DeregisterTargets,
    RegisterTargets,
    Target,
    TargetPlan,
)
from addons.albingress.plan.targets import TargetView, batches, halves, plan_targets, room
from addons.runtime.bucket import Bucket, Rate
from addons.runtime.errors import Exhausted, Invalid, OutsideError
from addons.runtime.ledger import Ledger
from addons.runtime.loop import ReconcileLoop, Result
from addons.runtime.permit import Permit
from addons.runtime.reporter import Reporter

_COALESCE_SECONDS: Final = 0.05
_WORKERS: Final = 64
"""Groups whose calls may be under way at once; the calls have buckets and threads of their own."""

_READ_RATE: Final = Rate(per_second=4.0, burst=10)
"""Looks at what AWS has that nobody waits for: at the start, and the audit."""

_REFUSED_SECONDS: Final = 60.0
"""After so long a target that AWS refused is tried again: a node may run by then."""

_MOST_REFUSED: Final = 20
"""Where AWS refuses more than that of a group, it is not the targets that are to blame."""

_SHORTLY: Final = 0.2

_LONGEST_REST: Final = 30.0

_STATE, _FAILURES, _REFUSED = "targets", "target failures", "refused targets"
"""Topics of what is told."""


class TargetRegistrar:
    """Keeps registered in each target group what its bindings ask for.

    Whoever makes target groups tells of `bindings` and where the groups are (`located`); whoever watches
    objects tells what was `touched`. A change of endpoints is looked at once in 50 ms. A group is read from
    AWS before it is first changed: at once where its endpoints change, else slowly one after the other, and
    again every `sync_period`, so that what somebody else changed is put right.
    """

    def __init__(
        self,
        config: Config,
        *,
        endpoints: Endpoints,
        targets: Targets,
        vpc: Callable[[], Vpc | None],
        gates: Gates,
        rules: EndpointRules,
        reporter: Reporter,
        ledger: Ledger[str] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._config = config
        self._endpoints = endpoints
        self._targets = targets
        self._wishes = WishReader(config, endpoints=endpoints, vpc=vpc)
        self._gates = gates
        self._rules = rules
        self._reporter = reporter
        self._rng = rng or random.Random()  # noqa: S311
        self._bindings = Bindings()
        self._groups: dict[str, GroupTargets] = {}
        self._unread: dict[str, None] = {}
        self._has_unread = asyncio.Event()
        self._is_running = False
        self._metrics = TargetMetrics()
        self._loop: ReconcileLoop[str] = ReconcileLoop(
            "targets",
            self._reconcile,
            workers=_WORKERS,
            coalesce_seconds=_COALESCE_SECONDS,
            ledger=ledger or Ledger(first=0.5, longest=_LONGEST_REST),
        )

    def bindings(self, source: str, bindings: Iterable[Binding]) -> None:
        """From now on a source, an ingress group for instance, has these bindings and no others.

        A binding that is no more asks for nothing and gives nothing up: its target group goes, or `empty` is
        called.
        """
        for group in self._bindings.replace(source, bindings):
            self._loop.wake(group, after=0)
        self._gates.set_bindings(source, bindings)

    def located(self, group: str, arn: str, *, is_new: bool = False) -> None:
        """A target group has this ARN; one that `is_new` was just made and has no targets."""
        state = self._state(group)
        if state.arn == arn and not is_new:
            return
        state.forget()
        state.arn = arn
        if is_new:
            state.registered = {}
            self._metrics.waits(group)
            self._audit_later(group, state)
        self._loop.wake(group, after=0)

    def gone(self, group: str) -> None:
        """A target group is no more."""
        if state := self._groups.pop(group, None):
            state.forget()
        self._drop(group)

    def touched(self, touched: Touched) -> None:
        """An object changed that targets may depend on."""
        services = list(self._endpoints.services_before(touched))
        self._gates.touched(touched)
        if not (self._is_running and self._endpoints.is_known):
            return
        groups = {group for each in services for group in self._bindings.groups_of_service(each)}
        for group in self._bindings.groups() if touched[0] == NODES else groups:
            self._state(group).is_urgent = True
            self._metrics.waits(group)
            self._loop.wake(group)

    async def run(self, permit: Permit) -> None:
        """Keep targets as they are asked for until the permit is stopped; calls under way end."""
        for state in self._groups.values():
            state.forget()
        for group in self._bindings.groups():
            self._loop.wake(group, after=0)
        self._is_running = True
        try:
            async with asyncio.TaskGroup() as group_of_tasks:
                reading = group_of_tasks.create_task(self._read_slowly())
                await self._loop.run(permit)
                reading.cancel()
        finally:
            self._is_running = False
            self._metrics.forget_all()

    async def run_once(self, permit: Permit) -> dict[str, str]:
        """Read every target group and bring its targets about, once; what failed, by group."""
        groups = self._bindings.groups()
        for group in groups:
            self._state(group).reads = True
        await self._loop.run_once(groups, permit)
        return self.failures

    async def empty(self, binding: Binding, permit: Permit) -> None:
        """Deregister what a binding had registered that is about to go, unless another one fills its group.

        Of a group that is shared with others only what we know to be ours goes. Raises OutsideError.
        """
        state = self._state(binding.group)
        async with state.lock:
            if self._bindings.of_group(binding.group) or not state.arn:
                return
            own = set(state.ours)
            await self._read(binding.group, state)
            over = [
                each for each in (state.registered or {}).values() if not binding.shared or each.key in own
            ]
            for batch in batches(sorted(over)):
                because = f"target group binding {binding.namespace}/{binding.name} is deleted"
                ref = binding.owner.ref
                action = DeregisterTargets(key=binding.group, ref=ref, because=because, targets=batch)
                await self._deregister(state, action, permit)

    @property
    def failures(self) -> dict[str, str]:
        """What failed and has not succeeded since: target group -> why."""
        return self._loop.errors

    @property
    def reasons(self) -> dict[str, str]:
        """The same as the codes of the other side."""
        return self._loop.reasons

    def registered(self, group: str) -> tuple[Target, ...] | None:
        """The targets that a group has, by what we know; None where it was not read yet."""
        state = self._groups.get(group)
        if state is None or state.registered is None:
            return None
        return tuple(sorted(state.registered.values()))

    def is_filled(self, group: str) -> bool:
        """Whether all targets that are asked for are registered, as far as that is known."""
        state = self._groups.get(group)
        if state is None or state.registered is None:
            return False
        wishes = self._wishes.of(self._bindings.of_group(group))
        return {target.key for target in wishes.targets} <= state.registered.keys()

    def of_group(self, group: str) -> tuple[Binding, ...]:
        """The bindings that fill a target group."""
        return self._bindings.of_group(group)

    async def _reconcile(self, group: str, permit: Permit) -> Result:
        state, bindings = self._state(group), self._bindings.of_group(group)
        if not bindings:
            self._drop(group)
            return Result()
        if not state.arn and not group.startswith("arn:"):
            return Result()
        state.arn = state.arn or group
        if not self._endpoints.is_known:
            return Result(again_in=_SHORTLY)
        if refusal := permit.refusal():
            raise refusal
        async with state.lock:
            wishes = self._wishes.of(bindings)
            self._rules.update(group, wishes.openings, wishes.hosts, is_known=not wishes.unknown)
            if state.registered is None and not (state.is_urgent or state.reads):
                self._enqueue(group)
                return Result()
            try:
                acted = await self._bring_about(group, state, wishes, permit)
            except OutsideError as error:
                report = told.failed_report(group, bindings[0].owner, error)
                self._reporter.tell_current(_FAILURES, [report], {group})
                raise
        self._reporter.tell_current(_FAILURES, (), {group})
        return Result(again_in=_REFUSED_SECONDS if state.refused else None, acted=acted)

    async def _bring_about(self, group: str, state: GroupTargets, wishes: Wishes, permit: Permit) -> bool:
        """Have a group's targets be the wanted ones, as far as that is known; True when any was changed."""
        if state.registered is None or state.reads:
            await self._read(group, state)
        plan = plan_targets(self._view(group, state, wishes))
        for action in plan.register:
            try:
                await self._register(state, action, permit)
            except Exhausted:
                await self._make_room(state, plan, permit)
                raise
        self._metrics.followed(group)
        self._tell_gates(group, state, wishes)
        plan = plan_targets(self._view(group, state, wishes)) if state.refused else plan
        for gone in plan.deregister:
            await self._deregister(state, gone, permit)
        assert state.registered is not None
        state.ours |= {target.key for target in wishes.targets} & state.registered.keys()
        self._tell_state(group, state, wishes, plan)
        return bool(plan.actions)

    def _view(self, group: str, state: GroupTargets, wishes: Wishes) -> TargetView:
        assert state.registered is not None
        registered = state.registered
        shared = any(each.shared for each in wishes.bindings)
        return TargetView(
            group=group,
            ref=wishes.bindings[0].owner.ref,
            wanted=wishes.targets,
            registered=tuple(registered.values()),
            why_kept=wishes.why_kept,
            refused=tuple(state.refused_now(asyncio.get_running_loop().time())),
            shared=shared,
            ours=[registered[key] for key in state.ours if key in registered],
            limit=self._config.max_targets_per_target_group,
        )

    async def _read(self, group: str, state: GroupTargets) -> None:
        gone, extra = state.take_in(await self._targets.health(group))
        self._audit_later(group, state)
        if gone or extra:
            self._metrics.drifted(len(gone) + len(extra))
            if not any(each.shared for each in self._bindings.of_group(group)):
                self._reporter.tell(told.drift_report(group, gone, extra))

    async def _register(self, state: GroupTargets, action: RegisterTargets, permit: Permit) -> None:
        """Register targets. AWS takes all or none: those that it refuses are found by halving."""
        error = (await self._targets.apply(action, permit)).error
        if isinstance(error, Invalid) and len(state.refused) < _MOST_REFUSED:
            if len(action.targets) == 1:
                until = asyncio.get_running_loop().time() + _REFUSED_SECONDS
                state.refused[action.targets[0]] = (until, error.message)
                return
            for half in halves(action.targets):
                await self._register(state, _part(action, half), permit)
            return
        if error:
            raise error
        state.added(action.targets)
        self._metrics.changed("register", len(action.targets))
        self._reporter.tell(told.done_report(action))

    async def _deregister(self, state: GroupTargets, action: DeregisterTargets, permit: Permit) -> None:
        if refusal := permit.refusal():
            raise refusal
        if error := (await self._targets.apply(action, permit)).error:
            raise error
        state.removed(action.targets)
        self._metrics.changed("deregister", len(action.targets))
        self._reporter.tell(told.done_report(action))

    async def _make_room(self, state: GroupTargets, plan: TargetPlan, permit: Permit) -> None:
        """Where AWS takes no more targets: give up some of those that are over, never all."""
        for action in plan.deregister[:1]:
            if targets := room(plan, len(state.registered or ())):
                gone = DeregisterTargets(
                    key=action.key, ref=action.ref, because="to make room", targets=targets
                )
                await self._deregister(state, gone, permit)

    def _tell_state(self, group: str, state: GroupTargets, wishes: Wishes, plan: TargetPlan) -> None:
        limit = self._config.max_targets_per_target_group
        reports = told.state_reports(group, plan, wishes.bindings, wishes.unknown, limit)
        self._reporter.tell_current(_STATE, reports, {group})
        refused = {target: why for target, (_, why) in state.refused.items()}
        owner = wishes.bindings[0].owner
        self._reporter.tell_current(_REFUSED, told.refused_reports(group, owner, refused), {group})

    def _tell_gates(self, group: str, state: GroupTargets, wishes: Wishes) -> None:
        registered = state.registered or {}
        for each in wishes.bindings:
            wanted = wishes.known.get(each.key)
            if wanted:
                pods = {target: pod for target, pod in wanted.pods.items() if target.key in registered}
                self._gates.update(GatedGroup(binding=each, pods=pods))

    def _state(self, group: str) -> GroupTargets:
        return self._groups.setdefault(group, GroupTargets())

    def _drop(self, group: str) -> None:
        """Keep nothing of a group that no binding fills any more."""
        self._unread.pop(group, None)
        self._metrics.forget(group)
        self._rules.forget(group)
        for topic in (_STATE, _FAILURES, _REFUSED):
            self._reporter.tell_current(topic, (), {group})

    def _enqueue(self, group: str) -> None:
        self._unread[group] = None
        self._has_unread.set()

    def _audit_later(self, group: str, state: GroupTargets) -> None:
        if state.audit:
            state.audit.cancel()
        seconds = self._config.sync_period.total_seconds() * self._rng.uniform(0.8, 1.0)
        state.audit = asyncio.get_running_loop().call_later(seconds, self._enqueue, group)

    async def _read_slowly(self) -> None:
        """Have groups looked at in AWS, in the order in which they became due, slowly."""
        pace = Bucket(_READ_RATE)
        while True:
            await self._has_unread.wait()
            self._has_unread.clear()
            while self._unread:
                await pace.take()
                with suppress(StopIteration):
                    group = next(iter(self._unread))
                    del self._unread[group]
                    self._state(group).reads = True
                    self._loop.wake(group, after=0)


def _part(action: RegisterTargets, targets: tuple[Target, ...]) -> RegisterTargets:
    return RegisterTargets(key=action.key, ref=action.ref, because=action.because, targets=targets)

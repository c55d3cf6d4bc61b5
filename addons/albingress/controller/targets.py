"""The targets of every target group, each on its own way: nobody waits for rules, or for another group."""

import asyncio
import random
from collections.abc import Iterable
from typing import Final

from addons.albingress.aws.network import Network
from addons.albingress.aws.targets import Targets
from addons.albingress.config import Config
from addons.albingress.controller.bindings import Bindings
from addons.albingress.controller.due_reads import DueReads
from addons.albingress.controller.endpoint_rules import EndpointRules
from addons.albingress.controller.gates import GatedGroup, Gates
from addons.albingress.controller.target_calls import REFUSED_SECONDS, TargetCalls
from addons.albingress.controller.target_metrics import TargetMetrics
from addons.albingress.controller.target_state import GroupTargets
from addons.albingress.controller.wishes import Wishes, WishReader
from addons.albingress.kube import target_reports as told
from addons.albingress.kube.endpoints import Endpoints, Touched
from addons.albingress.model.objects import NODES
from addons.albingress.model.targets import Binding, DeregisterTargets, Target, TargetPlan
from addons.albingress.plan.targets import TargetView, batches, plan_targets
from addons.runtime.errors import OutsideError, Throttled, Unavailable
from addons.runtime.ledger import Ledger
from addons.runtime.loop import ReconcileLoop, Result
from addons.runtime.permit import Permit
from addons.runtime.reporter import Reporter

_COALESCE_SECONDS: Final = 0.05
_WORKERS: Final = 64
"""Groups whose calls may be under way at once; the calls have buckets and threads of their own."""

_SHORTLY: Final = 0.2

_LONGEST_REST: Final = 30.0

_STATE, _REFUSED = "targets", "refused targets"
_FAILURES, _STAYING = "target failures", "targets that stay"
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
        network: Network,
        gates: Gates,
        rules: EndpointRules,
        reporter: Reporter,
        ledger: Ledger[str] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._config = config
        self._endpoints = endpoints
        self._metrics = TargetMetrics()
        self._calls = TargetCalls(targets, reporter, self._metrics)
        self._wishes = WishReader(config, endpoints=endpoints, network=network)
        self._gates = gates
        self._rules = rules
        self._reporter = reporter
        self._bindings = Bindings()
        self._groups: dict[str, GroupTargets] = {}
        self._due = DueReads(config.sync_period.total_seconds(), rng)
        self._is_running = False
        self._loop: ReconcileLoop[str] = ReconcileLoop(
            "targets",
            self._reconcile,
            workers=_WORKERS,
            coalesce_seconds=_COALESCE_SECONDS,
            ledger=ledger or Ledger(first=0.5, longest=_LONGEST_REST),
        )
        self._leaving: ReconcileLoop[str] = ReconcileLoop(
            "targets that leave",
            self._give_up,
            workers=_WORKERS,
            ledger=Ledger(first=0.5, longest=_LONGEST_REST),
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
            self._due.add_later(group)
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
            self._state(group).is_urgent |= touched[0] != NODES or self._has_nodes(group)
            self._metrics.waits(group)
            self._loop.wake(group)

    async def run(self, permit: Permit) -> None:
        """Keep targets as they are asked for until the permit is stopped; calls under way end."""
        for group, state in self._groups.items():
            self._due.forget(group)
            state.forget()
        for group in self._bindings.groups():
            self._loop.wake(group, after=0)
        self._is_running = True
        try:
            async with asyncio.TaskGroup() as group_of_tasks:
                reading = group_of_tasks.create_task(self._read_when_due())
                leaving = group_of_tasks.create_task(self._leaving.run(permit))
                await self._loop.run(permit)
                await leaving
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
        await self._leaving.run_once(groups, permit)
        return self.failures

    async def preview(self) -> list[TargetPlan]:
        """What would be registered and deregistered now, by target group. Raises OutsideError."""
        await self._wishes.learn_network()
        plans: list[TargetPlan] = []
        for group in self._bindings.groups():
            state, wishes = self._state(group), self._wishes.of(self._bindings.of_group(group))
            if state.arn:
                await self._read(group, state, is_shared=True)
            else:
                state.registered = {}
            plans.append(plan_targets(self._view(group, state, wishes)))
        return plans

    async def empty(self, binding: Binding, permit: Permit) -> None:
        """Deregister what a binding had registered that is about to go, unless another one fills its group.

        Of a group that is shared with others only what we know to be ours goes. Raises OutsideError.
        """
        state = self._state(binding.group)
        async with state.lock:
            if self._bindings.of_group(binding.group) or not state.arn:
                return
            own = set(state.ours)
            await self._read(binding.group, state, is_shared=binding.shared)
            over = [
                each for each in (state.registered or {}).values() if not binding.shared or each.key in own
            ]
            for batch in batches(sorted(over)):
                because = f"target group binding {binding.namespace}/{binding.name} is deleted"
                ref = binding.owner.ref
                action = DeregisterTargets(key=binding.group, ref=ref, because=because, targets=batch)
                await self._calls.deregister(state, action, permit)

    @property
    def failures(self) -> dict[str, str]:
        """What failed and has not succeeded since: target group -> why."""
        return self._leaving.errors | self._loop.errors

    @property
    def reasons(self) -> dict[str, str]:
        """The same as the codes of the other side."""
        return self._leaving.reasons | self._loop.reasons

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
                self._due.add(group)
                return Result()
            try:
                acted = await self._bring_about(group, state, wishes, permit)
            except OutsideError as error:
                self._tell_failure(_FAILURES, group, bindings, error)
                raise
        self._reporter.tell_current(_FAILURES, (), {group})
        return Result(again_in=REFUSED_SECONDS if state.refused else None, acted=acted)

    async def _bring_about(self, group: str, state: GroupTargets, wishes: Wishes, permit: Permit) -> bool:
        """Have a group's targets be the wanted ones, as far as that is known; True when any was changed."""
        is_shared = any(each.shared for each in wishes.bindings)
        if state.registered is None:
            await self._read(group, state, is_shared=is_shared)
        elif state.reads:
            await self._read_again(group, state, is_shared=is_shared)
        plan = plan_targets(self._view(group, state, wishes))
        if plan.register and self._wishes.needs_network(plan.new):
            await self._wishes.learn_network()
            wishes = self._wishes.of(wishes.bindings)
            plan = plan_targets(self._view(group, state, wishes))
        await self._calls.register(state, plan, permit)
        self._metrics.followed(group)
        self._tell_gates(group, state, wishes)
        plan = plan_targets(self._view(group, state, wishes)) if state.refused else plan
        if plan.deregister:
            self._leaving.wake(group, after=0)
        assert state.registered is not None
        state.ours |= {target.key for target in wishes.targets} & state.registered.keys()
        self._tell_state(group, state, wishes, plan)
        return bool(plan.register)

    async def _give_up(self, group: str, permit: Permit) -> Result:
        """Deregister what a group has too much, once all that is new is registered; nobody waits for it."""
        state, bindings = self._state(group), self._bindings.of_group(group)
        if refusal := permit.refusal():
            raise refusal
        async with state.lock:
            if not bindings or state.registered is None:
                return Result()
            plan = plan_targets(self._view(group, state, self._wishes.of(bindings)))
            if plan.register:
                self._loop.wake(group, after=0)
                return Result()
            try:
                for gone in plan.deregister:
                    await self._calls.deregister(state, gone, permit)
            except OutsideError as error:
                self._tell_failure(_STAYING, group, bindings, error)
                raise
        self._reporter.tell_current(_STAYING, (), {group})
        return Result()

    async def _read(self, group: str, state: GroupTargets, *, is_shared: bool) -> None:
        await self._calls.read(group, state, is_shared=is_shared)
        self._due.add_later(group)

    async def _read_again(self, group: str, state: GroupTargets, *, is_shared: bool) -> None:
        """Compare with AWS; where it has no answer now, what is known holds, and nobody waits for it."""
        try:
            await self._read(group, state, is_shared=is_shared)
        except (Throttled, Unavailable):
            state.reads = False
            self._due.add(group)

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

    def _tell_state(self, group: str, state: GroupTargets, wishes: Wishes, plan: TargetPlan) -> None:
        limit = self._config.max_targets_per_target_group
        reports = told.state_reports(group, plan, wishes.bindings, wishes.unknown, limit)
        self._reporter.tell_current(_STATE, reports, {group})
        refused = {target: why for target, (_, why) in state.refused.items()}
        owner = wishes.bindings[0].owner
        self._reporter.tell_current(_REFUSED, told.refused_reports(group, owner, refused), {group})

    def _tell_failure(
        self, topic: str, group: str, bindings: tuple[Binding, ...], error: OutsideError
    ) -> None:
        report = told.failed_report(group, bindings[0].owner, error)
        self._reporter.tell_current(topic, [report], {group})

    def _tell_gates(self, group: str, state: GroupTargets, wishes: Wishes) -> None:
        registered = state.registered or {}
        for each in wishes.bindings:
            wanted = wishes.known.get(each.key)
            if wanted:
                pods = {target: pod for target, pod in wanted.pods.items() if target.key in registered}
                self._gates.update(GatedGroup(binding=each, pods=pods))

    def _has_nodes(self, group: str) -> bool:
        return any(each.target_type == "instance" for each in self._bindings.of_group(group))

    def _state(self, group: str) -> GroupTargets:
        return self._groups.setdefault(group, GroupTargets())

    def _drop(self, group: str) -> None:
        """Keep nothing of a group that no binding fills any more."""
        self._due.forget(group)
        self._metrics.forget(group)
        self._rules.forget(group)
        self._leaving.forget(group)
        for topic in (_STATE, _FAILURES, _STAYING, _REFUSED):
            self._reporter.tell_current(topic, (), {group})

    async def _read_when_due(self) -> None:
        async for group in self._due.groups():
            self._state(group).reads = True
            self._loop.wake(group, after=0)

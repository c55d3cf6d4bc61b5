"""Which groups there are, and when each of them is reconciled; beside them, targets go their own way."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime

from addons.albingress.aws.load_balancers import LoadBalancers
from addons.albingress.config import Config
from addons.albingress.controller.explanation import Explanation
from addons.albingress.controller.group_reconciler import GroupReconciler
from addons.albingress.controller.groups import Groups
from addons.albingress.controller.history import History
from addons.albingress.controller.recently_gone import RecentlyGone
from addons.albingress.controller.state import state_of
from addons.albingress.controller.target_groups import TargetGroups
from addons.albingress.controller.target_path import TargetPath
from addons.albingress.controller.telling import PROBLEMS, Telling
from addons.albingress.desired.groups import Unplaced
from addons.albingress.kube.endpoints import Touched
from addons.albingress.kube.watches import AlbWatches
from addons.albingress.model.groups import GroupId
from addons.albingress.model.objects import (
    INGRESS_CLASS_PARAMS,
    INGRESS_CLASSES,
    INGRESSES,
    NAMESPACES,
    SERVICES,
)
from addons.albingress.plan.dry_run import preview_targets
from addons.runtime.app import end_within
from addons.runtime.coexistence import Coexistence
from addons.runtime.decisions import Decision
from addons.runtime.errors import OutsideError, Withheld
from addons.runtime.leader import Leader
from addons.runtime.loop import ReconcileLoop, Result
from addons.runtime.objects import Key
from addons.runtime.outcomes import Fault
from addons.runtime.permit import CACHES_STALE, RETRY_SECONDS, Permit
from addons.runtime.plan_output import PrintPlan

log = logging.getLogger(__name__)

_COALESCE_SECONDS = 0.08
_WORKERS = 32
"""Groups whose calls may be under way at once; the calls have buckets and threads of their own."""

_PLACING = frozenset({INGRESSES, INGRESS_CLASSES, INGRESS_CLASS_PARAMS, NAMESPACES})
"""What decides of which group an Ingress is, or that it is of none."""

_SHORTLY = 0.2
_SYNC_SECONDS = 120.0
_ROUNDS = 3
"""So often a single run waits for deletions to be certain."""


class Controller:
    """Makes load balancers serve what Ingresses ask for.

    In a dry run nothing is changed, so no permission is needed. Without `leader` nobody else is expected to
    act on the same load balancers.
    """

    def __init__(
        self,
        config: Config,
        *,
        watches: AlbWatches,
        groups: Groups,
        gone: RecentlyGone,
        reconciler: GroupReconciler,
        aws: LoadBalancers,
        history: History,
        path: TargetPath,
        target_groups: TargetGroups,
        coexistence: Coexistence,
        explanation: Explanation,
        telling: Telling,
        leader: Leader | None,
        print_plan: PrintPlan | None,
    ) -> None:
        self.watches = watches
        self._config = config
        self._groups = groups
        self._gone = gone
        self._reconciler = reconciler
        self._aws = aws
        self._history = history
        self._path = path
        self._target_groups = target_groups
        self._coexistence = coexistence
        self._explanation = explanation
        self._telling = telling
        self._leader = leader
        self._print_plan = print_plan
        self._is_dry_run = print_plan is not None
        self._places_moved = asyncio.Event()
        self._loop: ReconcileLoop[GroupId] = ReconcileLoop(
            "albingress", self._reconcile, workers=_WORKERS, coalesce_seconds=_COALESCE_SECONDS
        )

    def touched(self, touched: Touched) -> None:
        """An object came, changed or went."""
        if touched[0] == SERVICES:
            which = touched[1:]
            self._gone.note(which, is_there=self.watches.services.get(*which) is not None)
        if touched[0] in _PLACING:
            self._places_moved.set()
        for group in self._groups.update(touched):
            self._reconciler.woken(group)
            self._loop.wake(group)
        self._path.touched(touched)

    def wake(self, group: GroupId) -> None:
        """Have a group reconciled soon."""
        self._loop.wake(group)

    def service_is_gone(self, service: Key) -> None:
        """A Service does not come again: what was kept for it need not be any more."""
        for group in self._groups.groups_of_service(service):
            self._loop.wake(group)

    async def watch(self, stopping: asyncio.Event) -> None:
        """Keep the caches, and who else acts, up to date until `stopping`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._coexistence.run(stopping))
            await self.watches.run(stopping)

    async def run(self, stopping: asyncio.Event) -> None:
        """Reconcile until `stopping`; what others did before is read afresh, and no figure is left behind."""
        self._aws.forget()
        self._history.forget_all()
        self._target_groups.forget_all()
        for group in self._groups.all():
            self._loop.wake(group, after=0)
        permit = self.permit(stopping)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._loop.run(permit))
                tasks.create_task(self._follow_places(stopping))
                if not self._is_dry_run:
                    tasks.create_task(self._path.run(permit))
        finally:
            self._reconciler.forget_figures()

    async def _follow_places(self, stopping: asyncio.Event) -> None:
        """Tell whoever is of no group, as no pass over a group need follow from that."""
        self._places_moved.set()
        while not stopping.is_set():
            await end_within(0.0, self._places_moved.wait(), stopping)
            self._places_moved.clear()
            await end_within(0.0, self.watches.wait_settled(), stopping)
            await asyncio.sleep(_COALESCE_SECONDS)
            if self.watches.is_settled:
                self._tell_unplaced()

    def permit(self, stopping: asyncio.Event) -> Permit:
        """Permission to change AWS until `stopping`, while the lease lasts, the caches are filled and fresh,
        and the original does not lead. An empty cache would make every Service look as if it were gone."""
        held = {} if self._leader is None else {"lease_left": self._leader.remaining}
        return Permit(stopping, stale=self.watches.not_ready, barred=self._coexistence.refusal, **held)

    async def run_once(self, stopping: asyncio.Event, *, shows_targets: bool = True) -> dict[str, str]:
        """Reconcile until nothing is left to do but what waits or is blocked; what failed, by key.

        Deletions are waited for until they are certain. A dry run that `shows_targets` reads those of every
        target group.
        """
        permit = self.permit(stopping)
        if not await self._caches_settle(stopping):
            return self.watches.unread()
        self._tell_unplaced()
        if self._print_plan:
            await self._loop.run_once(self._groups.all(), permit)
            if shows_targets:
                await self._show_targets(self._print_plan)
            return self.failures | self.watches.unread()
        async with self._targets_followed():
            await self._loop.run_once(self._groups.all(), permit)
            for _ in range(_ROUNDS):
                await self._loop.run_once(await self._sure_by_now(stopping), permit)
        return self.failures | await self._path.run_once(permit) | self.watches.unread()

    async def _show_targets(self, print_plan: PrintPlan) -> None:
        try:
            print_plan(preview_targets(await self._path.registrar.preview()))
        except OutsideError as error:
            log.warning("targets cannot be shown: %s", error.message)

    @asynccontextmanager
    async def _targets_followed(self) -> AsyncIterator[None]:
        """Meanwhile new target groups are filled, so that no rule leads to an empty one."""
        over = asyncio.Event()
        following = asyncio.create_task(self._path.run(self.permit(over)))
        try:
            yield
        finally:
            over.set()
            await following

    async def _sure_by_now(self, stopping: asyncio.Event) -> list[GroupId]:
        """The groups that have deletions before them, once these have been wanted for long enough."""
        waits = {group: wait for group in self._groups.all() if (wait := self._reconciler.sure_in(group))}
        if waits:
            await end_within(0.0, asyncio.sleep(max(waits.values())), stopping)
        return [] if stopping.is_set() else list(waits)

    async def _caches_settle(self, stopping: asyncio.Event) -> bool:
        """True when all caches are filled; False when that takes too long, or a stop is asked for."""
        try:
            async with asyncio.timeout(_SYNC_SECONDS):
                await end_within(0.0, self.watches.wait_settled(), stopping)
                await self._coexistence.look()
        except TimeoutError:
            return False
        return not stopping.is_set()

    async def _reconcile(self, group: GroupId, permit: Permit) -> Result:
        if not self.watches.is_settled:
            return Result(again_in=_SHORTLY)
        self._tell_unplaced()
        if refusal := self._refusal(permit):
            self._reconciler.held(group, refusal)
            return Result(again_in=RETRY_SECONDS)
        result = await self._reconciler.reconcile(group, permit)
        self._target_groups.told(self._groups.all())
        return result

    def _refusal(self, permit: Permit) -> Withheld | None:
        """Why nothing can be made of a group now; a dry run only needs to know the objects."""
        if not self._is_dry_run:
            return permit.refusal()
        why = self.watches.not_ready()
        return Withheld(f"not planned on what may be out of date: {why}", code=CACHES_STALE) if why else None

    def _tell_unplaced(self) -> None:
        """Tell the Ingresses of which nothing can be made, as their class or group is unknown."""
        found = (each.membership for each in self._groups.places())
        self._telling.unplaced(each.problem for each in found if isinstance(each, Unplaced))

    @property
    def failures(self) -> dict[str, str]:
        """What failed and has not succeeded since: key -> message."""
        passes = {str(group): message for group, message in self._loop.errors.items()}
        return self._history.failures() | passes | self._path.failures

    def last_pass(self) -> datetime | None:
        """When a pass ended last."""
        return self._loop.last_pass

    def not_ready(self) -> str:
        """Why the daemon does not do its work, in words; empty when it does."""
        return self.watches.not_ready() or ("" if self._is_dry_run else self._coexistence.in_the_way())

    def faults(self) -> Iterator[Fault]:
        """What of AWS or the API server is in the way."""
        yield from self.watches.faults()
        if not self._is_dry_run and (fault := self._coexistence.fault()):
            yield fault
        messages = self._loop.errors
        for group, reason in self._loop.reasons.items():
            yield Fault("aws", f"group {group}", reason, messages[group])
        yield from self._history.faults()
        yield from self._path.faults()

    def state(self) -> dict[str, object]:
        """What the status page shows."""
        return {"notReady": self.not_ready()} | state_of(
            self._reconciler.passes,
            targets=self._target_groups,
            problems=self._telling.current(PROBLEMS),
            failures=self.failures,
        )

    def summary(self) -> str:
        """How many groups and Ingresses there are, in words."""
        members = sum(bool(each.member) for each in self._groups.places())
        return f"{len(set(self._groups.all()))} with {members} Ingresses"

    def decisions_on(self, about: str) -> Iterator[Decision]:
        """What holds now of one object, kind/namespace/name, or why there is nothing to say of it."""
        yield from self._explanation.of(about)

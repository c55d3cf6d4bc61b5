"""Users' TargetGroupBindings: held by a finalizer, filled while they stand, emptied before they go."""

from typing import Final

from addons.albingress.aws.users_groups import UsersGroups
from addons.albingress.config import Config
from addons.albingress.controller.targets import TargetRegistrar
from addons.albingress.desired.bindings import desired_binding, is_users, named_group
from addons.albingress.kube.bindings import hold, release, tell_observed
from addons.albingress.kube.endpoints import Touched
from addons.albingress.kube.target_reports import problem_report
from addons.albingress.model.bindings import TargetGroupBinding
from addons.albingress.model.objects import TARGET_GROUP_BINDINGS
from addons.albingress.model.targets import Binding
from addons.albingress.names import BINDING_FINALIZER
from addons.runtime.errors import NotFound
from addons.runtime.kube import KubeClient
from addons.runtime.ledger import Ledger
from addons.runtime.loop import ReconcileLoop, Result
from addons.runtime.objects import Key, key
from addons.runtime.outcomes import Problem
from addons.runtime.permit import Permit
from addons.runtime.reporter import Reporter
from addons.runtime.watches import Cache

_AGAIN_SECONDS: Final = 60.0
"""A binding that cannot be used is looked at again: its target group may have come."""

_WORKERS: Final = 4
_LONGEST_REST: Final = 60.0
_TOPIC: Final = "target group bindings"


class UserBindings:
    """Has the registrar fill the target groups of users' bindings.

    A binding that cannot be used keeps what it had: its fault is told, and its targets stay.
    """

    def __init__(
        self,
        config: Config,
        *,
        kube: KubeClient,
        bindings: Cache[TargetGroupBinding],
        groups: UsersGroups,
        registrar: TargetRegistrar,
        reporter: Reporter,
    ) -> None:
        self._sync_seconds = config.sync_period.total_seconds()
        self._kube = kube
        self._bindings = bindings
        self._groups = groups
        self._registrar = registrar
        self._reporter = reporter
        self._known: dict[Key, Binding] = {}
        self._looked_at: set[Key] = set()
        self._loop: ReconcileLoop[Key] = ReconcileLoop(
            "target group bindings",
            self._reconcile,
            workers=_WORKERS,
            ledger=Ledger(first=1.0, longest=_LONGEST_REST),
        )

    def touched(self, touched: Touched) -> None:
        """An object changed."""
        resource, namespace, name = touched
        if resource == TARGET_GROUP_BINDINGS:
            self._loop.wake((namespace, name))

    async def run(self, permit: Permit) -> None:
        """Follow the bindings until the permit is stopped."""
        for each in tuple(self._bindings.all()):
            self._loop.wake(key(each))
        await self._loop.run(permit)

    async def run_once(self, permit: Permit) -> dict[str, str]:
        """Look at every binding once; what failed, by binding."""
        await self._loop.run_once([key(each) for each in self._bindings.all()], permit)
        return self.failures

    @property
    def is_complete(self) -> bool:
        """True once every binding that is there was looked at; where there is no such resource, too."""
        return self._bindings.is_answered and all(
            key(each) in self._looked_at for each in self._bindings.all() if is_users(each)
        )

    @property
    def failures(self) -> dict[str, str]:
        """What failed and has not succeeded since: binding -> why."""
        return {f"targetgroupbinding/{'/'.join(each)}": why for each, why in self._loop.errors.items()}

    def known(self) -> tuple[Binding, ...]:
        """The bindings that are filled."""
        return tuple(self._known[each] for each in sorted(self._known))

    async def _reconcile(self, which: Key, permit: Permit) -> Result:
        written = self._bindings.get(*which)
        if written is None or not is_users(written):
            self._drop(which)
            return Result()
        if refusal := permit.refusal():
            raise refusal
        group = await self._groups.find(named_group(written))
        found = desired_binding(written, group)
        if written.metadata.deletion_timestamp:
            await self._delete(which, written, found, permit)
            return Result()
        await hold(self._kube, written)
        self._looked_at.add(which)
        problems = [found] if isinstance(found, Problem) else []
        self._reporter.tell_current(_TOPIC, map(problem_report, problems), {"/".join(which)})
        if isinstance(found, Problem):
            return Result(again_in=_AGAIN_SECONDS)
        before = self._known.get(which)
        if before and before.group != found.group:
            await self._empty(before, which, permit)
        self._known[which] = found
        self._registrar.located(found.group, found.group)
        self._registrar.bindings(_source(which), (found,))
        await tell_observed(self._kube, written)
        return Result(again_in=self._sync_seconds)

    async def _delete(
        self, which: Key, written: TargetGroupBinding, found: Binding | Problem, permit: Permit
    ) -> None:
        """Deregister the targets of a binding that is about to go, then let it go."""
        if BINDING_FINALIZER in written.metadata.finalizers:
            binding = self._known.get(which) or (found if isinstance(found, Binding) else None)
            if binding:
                self._registrar.located(binding.group, binding.group)
                await self._empty(binding, which, permit)
            await release(self._kube, written)
        self._drop(which)

    async def _empty(self, binding: Binding, which: Key, permit: Permit) -> None:
        self._registrar.bindings(_source(which), ())
        try:
            await self._registrar.empty(binding, permit)
        except NotFound:
            return

    def _drop(self, which: Key) -> None:
        self._looked_at.discard(which)
        if self._known.pop(which, None):
            self._registrar.bindings(_source(which), ())
        self._reporter.tell_current(_TOPIC, (), {"/".join(which)})


def _source(which: Key) -> str:
    return f"targetgroupbinding/{'/'.join(which)}"

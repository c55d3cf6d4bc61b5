"""The pool of addresses: what pods need, and what EC2 has, brought together. One plans, many act at once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import suppress
from datetime import datetime
from ipaddress import IPv4Address

from msgspec.structs import replace

from addons.cni.aws.enis import Enis
from addons.cni.config import Config
from addons.cni.controller.addresses import AddressPool
from addons.cni.controller.interfaces import Interfaces
from addons.cni.controller.rests import Rests, is_full
from addons.cni.controller.surroundings import Surroundings
from addons.cni.desired.demand import demand_of
from addons.cni.kube import reports
from addons.cni.kube.watches import NodeWatches
from addons.cni.model.actions import (
    Action,
    CreateEni,
    DeleteEni,
    Plan,
    ReleaseAddresses,
    ReleasePrefixes,
)
from addons.cni.model.enis import PREFIX_SIZE, Eni, InstanceLimits
from addons.cni.model.outcomes import Applied
from addons.cni.model.pool import Arrivals, Policy
from addons.cni.plan.arrivals import arrived
from addons.cni.plan.demand_targets import is_scarce
from addons.cni.plan.pool import plan_pool
from addons.cni.plan.view import UnderWay, View, gain, serving
from addons.cni.store.allocations import Allocations
from addons.runtime.clock import utc_now
from addons.runtime.errors import OutsideError
from addons.runtime.loop import ReconcileLoop, Result
from addons.runtime.outcomes import Fault
from addons.runtime.permit import Permit
from addons.runtime.plan_output import PrintPlan
from addons.runtime.reporter import Reporter

log = logging.getLogger(__name__)

KEY = "pool"
_SHORTEST_LOOK = 0.05
_LINK_SECONDS = 0.5
_CALM_SECONDS = 0.5
_END_SECONDS = 1.0

Prepare = Callable[[Collection[Eni]], Awaitable[frozenset[str]]]
"""Has the kernel as these interfaces need it; gives the ids of those whose addresses may be handed out."""


class Pool:
    """Plans when anything changed, and carries out several actions at once, one for each interface.

    An address is handed out only when EC2 has given it and the kernel is ready for it, and given back only
    after it was withheld from pods.
    """

    def __init__(
        self,
        config: Config,
        *,
        interfaces: Interfaces,
        surroundings: Surroundings,
        addresses: AddressPool,
        allocations: Allocations,
        watched: NodeWatches,
        limits: InstanceLimits,
        door: Enis,
        recover: Callable[[], Awaitable[None]],
        prepare: Prepare,
        reporter: Reporter,
        print_plan: PrintPlan | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._config, self._policy = config, policy_of(config, limits)
        self._interfaces, self._surroundings = interfaces, surroundings
        self._addresses, self._allocations, self._watched = addresses, allocations, watched
        self._limits, self._door, self._recover, self._prepare = limits, door, recover, prepare
        self._reporter, self._print_plan, self._now = reporter, print_plan, now
        if config.enable_prefix_delegation and not limits.can_have_prefixes:
            log.warning("instances of this type take no prefixes: single addresses are taken")
        self._rests = Rests(now=now)
        self._under_way: dict[asyncio.Task[None], UnderWay] = {}
        self._doubtful: frozenset[IPv4Address] = frozenset()  # given up, if EC2 understood
        self._arrivals = Arrivals()
        self._loop: ReconcileLoop[str] = ReconcileLoop("cni-pool", self.reconcile, coalesce_seconds=0.005)
        self.ready: frozenset[str] = frozenset()
        """The interfaces for which the kernel is ready."""
        self.plan = Plan()
        """What was planned last."""
        self._is_planned = False
        self.failures: dict[str, str] = {}
        """What failed and has not succeeded since."""
        self._failed: OutsideError | None = None
        self._is_prepared = False
        self.on_change: Callable[[], None] = lambda: None
        """Called when there may be more or fewer addresses."""
        self.sharers: Callable[[], int] = lambda: 1
        """How many nodes draw on the same subnets, as far as that is known."""

    @property
    def last_pass(self) -> datetime | None:
        """When a pass ended last."""
        return self._loop.last_pass

    def not_ready(self) -> str:
        """Why no pod can be given an address now or soon, in words; exhaustion is none such reason."""
        if not self._interfaces.is_known:
            failed = "".join(self._loop.errors.values())
            return failed or "EC2 was not asked for the node's interfaces yet"
        if not self._is_prepared:
            return "the node's networks are being compared with what pods have"
        stock = self.view().stock
        if stock.free or stock.assigned or self.is_at_rest:
            return ""
        return "the first addresses are being assigned"

    def faults(self) -> Iterator[Fault]:
        """What of EC2 is in the way."""
        if error := self._failed:
            yield Fault("aws", "network interfaces", error.reason, error.message)
        for about, rest in self._rests.current().items():
            yield Fault("aws", about, rest.reason, rest.message)
        for about, error in self._surroundings.errors.items():
            yield Fault("aws", about, error.reason, error.message)

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is being added: for the pods there are, there are addresses, or there cannot be."""
        begun = (*self.plan.actions, *(one.action for one in self._under_way.values()))
        return self._is_planned and not any(map(gain, begun))

    def wake(self) -> None:
        """Have the pool planned anew."""
        self._loop.wake(KEY)

    def pod_came(self) -> None:
        """Count a pod that asks for an address: the next ones are prepared for by how often that happens."""
        self._arrivals = arrived(self._arrivals, self._now())

    async def run(self, permit: Permit) -> None:
        """Keep the pool until the permit ends; what was begun is waited for, but not long.

        What EC2 did with a call whose answer nobody heard is seen by the daemon that comes next.
        """
        self.wake()
        async with asyncio.TaskGroup() as group:
            waking = group.create_task(self._wake_when_asked())
            await self._loop.run(permit)
            waking.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await self.settle()
        for task in self._under_way:
            task.cancel()

    async def settle(self) -> None:
        """Return when nothing is under way any more."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _wake_when_asked(self) -> None:
        """Plan at once for pods that wait; else a moment later, for many that come and go at a time."""
        while True:
            await self._addresses.changed.wait()
            self._addresses.changed.clear()
            self._loop.wake(KEY, after=0.0 if self._addresses.waiting else _CALM_SECONDS)

    async def reconcile(self, key: str, permit: Permit) -> Result:
        """Observe, plan, begin. Raises OutsideError while EC2 does not answer."""
        try:
            if self._interfaces.is_doubtful:
                await self.observe(permit)
            elif self._unready():
                await self.prepare()
        except OutsideError as error:
            self._failed = error
            raise
        self._failed = None
        await self._refresh()
        self.plan, self._is_planned = plan_pool(self.view()), True
        self._tell(self.plan)
        if not self._print_plan:
            for action in self.plan.actions:
                self._begin(action, permit)
        self.on_change()
        seconds = self._seconds_until(self.plan.look_again)
        return Result(again_in=min(seconds, _LINK_SECONDS) if self._unready() else seconds)

    async def observe(self, permit: Permit) -> None:
        """Ask EC2 for the interfaces, and have the kernel follow. Raises OutsideError.

        Before anything is handed out, it is learned what pods have that the journal does not know; and what
        was made half-way, by a process that is no more, is deleted.
        """
        await self._interfaces.observe()
        settled = frozenset[IPv4Address]()
        if not self._interfaces.is_doubtful:
            settled, self._doubtful = self._doubtful, settled
        try:
            await self._recover()
        except OutsideError:
            self._interfaces.is_doubtful, self._doubtful = True, self._doubtful | settled
            raise
        self._addresses.restore(settled)
        await self.prepare()
        if not self._print_plan:
            await self.roll_back(permit)

    async def roll_back(self, permit: Permit) -> None:
        """Delete what was made for this node and is attached to nothing."""
        try:
            for applied in await self._door.roll_back(permit):
                self._reporter.tell(reports.of_applied(applied))
        except OutsideError as error:
            log.warning("interfaces made half-way cannot be looked for: %s", error.message)

    async def prepare(self) -> None:
        """Have the kernel follow, and hand out what it is ready for. Raises OutsideError."""
        self.ready = await self._prepare(self._interfaces.all())
        self._is_prepared = True
        self._offer()

    def _unready(self) -> frozenset[str]:
        """Our interfaces for which the kernel is not ready: their links come a moment after EC2's answer."""
        return frozenset(eni.eni_id for eni in self._interfaces.all() if eni.is_managed) - self.ready

    def view(self) -> View:
        """Everything that a plan is made from, as it is now."""
        now, node = self._now(), self._watched.node()
        assigned = [held.pod for held in self._allocations.by_key.values()]
        pods = demand_of(self._watched.pods(), assigned) if self._watched.knows_pods else None
        placement = self._surroundings.placement(node, self._watched.eni_configs())
        enis = self._interfaces.all()
        return View(
            now=now,
            enis=enis,
            limits=self._limits,
            policy=self._policy,
            placement=placement,
            addresses=self._addresses.addresses,
            subnets=self._surroundings.subnets,
            demand=pods,
            asking=self._addresses.waiting,
            being_assigned=self._addresses.being_assigned,
            arrivals=self._arrivals,
            max_pods=self._config.max_pods or (node.max_pods if node else None),
            is_cordoned=bool(node and node.spec.unschedulable),
            is_leaving=bool(node and node.is_leaving),
            rests=self._rests.known(),
            under_way=tuple(self._under_way.values()),
            unready=self._unready(),
        )

    async def _refresh(self) -> None:
        enis = self._interfaces.all()
        wanted = {eni.subnet_id for eni in enis if eni.is_managed}
        node, configs = self._watched.node(), self._watched.eni_configs()
        wanted.update(self._surroundings.placement(node, configs).subnet_ids)
        await self._surroundings.refresh(wanted, is_scarce=is_scarce(self.view()), sharers=self.sharers())
        self._rests.refilled(self._surroundings.subnets)

    def _offer(self) -> None:
        """Hand out the addresses that pods may have."""
        placement = self._surroundings.placement(self._watched.node(), self._watched.eni_configs())
        enis = serving(self._interfaces.all(), placement)
        self._addresses.enis_changed(eni for eni in enis if eni.eni_id in self.ready)

    def _begin(self, action: Action, permit: Permit) -> None:
        """Carry out an action beside others. What it gives back is withheld from pods first."""
        if begun := self._withheld(action):
            task = asyncio.get_running_loop().create_task(self._do(begun, permit))
            self._under_way[task] = UnderWay(begun, self._now())

    def _withheld(self, action: Action) -> Action | None:
        """The action as far as it takes no pod's address away; None where nothing of it is left."""
        wanted = given_up(action, self._interfaces)
        free = self._addresses.withhold(wanted)
        if free == wanted:
            return action
        if isinstance(action, ReleaseAddresses) and free:
            return replace(action, ips=tuple(sorted(free)))
        self._addresses.restore(free)
        return None

    async def _do(self, action: Action, permit: Permit) -> None:
        withheld = given_up(action, self._interfaces)
        try:
            applied = await self._door.apply(action, permit)
            self._took(applied)
            self._interfaces.applied(applied)
            if is_full(applied.error):
                self._surroundings.expire()
                await self._refresh()
            self._settle(applied)
            if not applied.error:
                await self.prepare()
        except OutsideError as error:
            log.warning("%s: %s", action.key, error.message)
        finally:
            self._under_way.pop(asyncio.current_task(), None)  # type: ignore[arg-type]
            if self._interfaces.is_doubtful:
                self._doubtful |= withheld
            else:
                self._addresses.restore(withheld)
            self.wake()

    def _settle(self, applied: Applied) -> None:
        """Mind what EC2 refused, and tell what became of it."""
        if applied.error:
            self.failures[applied.action.key] = applied.error.message
            self._rests.failed(
                applied.action,
                applied.error,
                subnet_of=self._subnet_of,
                subnets=self._surroundings.subnets,
            )
        else:
            self.failures.pop(applied.action.key, None)
            self._rests.succeeded(applied.action, subnet_of=self._subnet_of)
        self._reporter.tell(reports.of_applied(applied))

    def _took(self, applied: Applied) -> None:
        """Count what a subnet has lost or got back."""
        action = applied.action
        if applied.error:
            return
        count = len(applied.addresses) + PREFIX_SIZE * len(applied.prefixes)
        count -= len(given_up(action, self._interfaces))
        if isinstance(action, CreateEni) and applied.eni:
            self._surroundings.took(applied.eni.subnet_id, count + 1)
        elif not isinstance(action, CreateEni):
            gone = 1 if isinstance(action, DeleteEni) else 0
            self._surroundings.took(self._subnet_of(action.eni_id), count - gone)

    def _subnet_of(self, eni_id: str) -> str:
        eni = self._interfaces.get(eni_id)
        return eni.subnet_id if eni else ""

    def _tell(self, plan: Plan) -> None:
        grows = any(map(gain, (*plan.actions, *(one.action for one in self._under_way.values()))))
        self._addresses.explain(plan.why_waiting, can_grow=grows)
        self._reporter.tell_current("pool", reports.of_plan(plan, is_needed=self._addresses.waiting > 0))
        if self._print_plan:
            self._print_plan(reports.preview(plan))

    def _seconds_until(self, moment: datetime | None) -> float:
        longest = self._config.audit_interval.total_seconds() / 2
        if moment is None:
            return longest
        return min(max((moment - self._now()).total_seconds(), _SHORTEST_LOOK), longest)


def policy_of(config: Config, limits: InstanceLimits) -> Policy:
    """What the settings wish for, as far as the type of instance can have it."""
    return Policy(
        headroom=config.headroom,
        subnet_reserve=config.subnet_reserve,
        idle_release=config.idle_release,
        warm_eni=config.warm_eni_target,
        warm_ip=config.warm_ip_target,
        minimum_ip=config.minimum_ip_target,
        warm_prefix=config.warm_prefix_target,
        has_prefixes=config.enable_prefix_delegation and limits.can_have_prefixes,
        max_eni=config.max_eni or None,
        manages_cordoned=config.manage_enis_non_schedulable,
    )


def given_up(action: Action, interfaces: Interfaces) -> frozenset[IPv4Address]:
    """The addresses that pods could not have any more."""
    match action:
        case ReleaseAddresses(ips=ips):
            return frozenset(ips)
        case ReleasePrefixes(prefixes=prefixes):
            return frozenset(ip for prefix in prefixes for ip in prefix)
        case DeleteEni(eni_id=eni_id):
            eni = interfaces.get(eni_id)
            return eni.all_addresses() if eni else frozenset()
    return frozenset()

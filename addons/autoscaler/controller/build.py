"""The wiring of autoscaler: here alone its parts are put together, for the daemon, tests and benchmarks."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from random import Random

from addons.autoscaler import names
from addons.autoscaler.aws.calls import OPERATIONS, RATES
from addons.autoscaler.aws.groups import Groups
from addons.autoscaler.aws.interruptions import Interruptions
from addons.autoscaler.aws.lifecycle import LifecycleActions
from addons.autoscaler.aws.resize import Resizer
from addons.autoscaler.aws.spot import is_spot_instance
from addons.autoscaler.config import Config
from addons.autoscaler.controller.acting import Acting
from addons.autoscaler.controller.cluster import ClusterView
from addons.autoscaler.controller.controller import Controller
from addons.autoscaler.controller.decide import Planner
from addons.autoscaler.controller.drain_options import DrainOptions
from addons.autoscaler.controller.drain_tools import Tools, View
from addons.autoscaler.controller.drains import Drains
from addons.autoscaler.controller.executors import Done, Executors
from addons.autoscaler.controller.interrupting import Interrupting
from addons.autoscaler.controller.metrics import Metrics
from addons.autoscaler.controller.observing import Observing
from addons.autoscaler.controller.own_node import OwnNode
from addons.autoscaler.controller.plan_thread import PlanThread
from addons.autoscaler.controller.publishing import Publishing
from addons.autoscaler.controller.remembering import Remembering
from addons.autoscaler.controller.removals import Removals
from addons.autoscaler.controller.server_clock import ServerClock
from addons.autoscaler.controller.soft_taints import SoftTaints
from addons.autoscaler.controller.steady_clock import SteadyClock
from addons.autoscaler.controller.telling import Telling
from addons.autoscaler.desired.group_templates import TemplateBook
from addons.autoscaler.desired.options import check_periods, totals_of
from addons.autoscaler.kube.config_maps import KeptConfigMap
from addons.autoscaler.kube.evictions import Evictions
from addons.autoscaler.kube.intents_map import IntentsMap
from addons.autoscaler.kube.status_map import StatusMap
from addons.autoscaler.kube.taints import Taints
from addons.autoscaler.model.drains import Drain, Drained
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.plans import Order, WhyNot
from addons.autoscaler.model.specs import named_groups, tag_specs
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.shrink_options import ShrinkOptions
from addons.runtime.aws_region import AwsRegion
from addons.runtime.clock import utc_now
from addons.runtime.coexistence import Coexistence
from addons.runtime.daemon import Daemon, Parts, connect, lease_of, pod_namespace
from addons.runtime.errors import OutsideError
from addons.runtime.imds import find_region
from addons.runtime.kube_access import own_pod
from addons.runtime.outcomes import ObjectRef
from addons.runtime.permit import Permit
from addons.runtime.settings import SettingError

NAME = "autoscaler"

_THREADS = 32
"""Calls of one kind at once: each may hang for seconds, and none should wait for another."""


log = logging.getLogger(__name__)


@asynccontextmanager
async def connected(config: Config) -> AsyncIterator[Parts]:
    """Open the connections to Kubernetes and AWS. Raises SettingError, of wrong settings first of all."""
    check_settings(config)
    async with connect(
        NAME, config, rates=RATES, awaits_region=True, operations=OPERATIONS, threads=_THREADS
    ) as parts:
        yield parts


def check_settings(config: Config) -> None:
    """Read what the settings say in languages of their own. Raises SettingError."""
    try:
        check_periods(config)
        named_groups(config.nodes)
        tag_specs(config.node_group_auto_discovery)
        totals_of(config)
        TemplateBook(config)
    except ValueError as error:
        raise SettingError(str(error)) from error


def build(config: Config, parts: Parts) -> Daemon:
    """Put the daemon together, by settings that are checked."""
    controller = build_controller(config, parts)
    region = AwsRegion(parts.aws, partial(find_region, config.aws_region))
    return Daemon(
        act=controller.run,
        once=controller.run_once,
        caches=(controller.watch, region.run),
        not_ready=lambda: region.not_ready() or controller.not_ready(),
        state=controller.state,
        decisions_on=controller.decisions_on,
        faults=lambda: (*filter(None, [region.fault()]), *controller.faults()),
        last_pass=controller.last_pass,
        settings=_shown(config),
    )


def _shown(config: Config) -> dict[str, object]:
    """The settings that decide which groups are ours and what may change."""
    shown = {
        "cluster": config.cluster_name,
        "nodes": list(config.nodes),
        "nodeGroupAutoDiscovery": list(config.node_group_auto_discovery),
        "podNamespaces": list(config.pod_namespaces),
        "podSelector": config.pod_selector,
        "expander": list(config.expander),
        "scaleDownEnabled": config.scale_down_enabled,
        "maxNodesTotal": config.max_nodes_total,
        "scanInterval": f"{config.scan_interval.total_seconds():g} s",
    }
    return {key: value for key, value in shown.items() if value or value is False}


def build_controller(config: Config, parts: Parts, *, now: Callable[[], datetime] = utc_now) -> Controller:
    """Put the controller together, by default with the clock of a daemon."""
    clock = SteadyClock(now, asyncio.get_running_loop().time)
    return _Assembly(config, parts, clock.now).controller


def groups_of(config: Config, parts: Parts, now: Callable[[], datetime]) -> Groups:
    """The groups that the settings name."""
    named, specs = named_groups(config.nodes), tag_specs(config.node_group_auto_discovery)
    if not (named or specs):
        log.warning("no groups are named: nothing grows without --nodes or --node-group-auto-discovery")
    return Groups(
        parts.aws,
        named=named,
        specs=specs,
        refresh_seconds=config.refresh_interval.total_seconds(),
        is_static=config.aws_use_static_instance_list,
        now=lambda: now().timestamp(),
    )


class _Assembly:
    """The parts of one controller, in the order in which they need one another."""

    def __init__(self, config: Config, parts: Parts, now: Callable[[], datetime]) -> None:
        self._config, self._parts, self._now = config, parts, now
        self._namespace = config.namespace or pod_namespace()
        self._metrics = Metrics()
        self._grow = GrowOptions.of(config)
        self._planner = Planner(self._grow, ShrinkOptions.of(config))
        self._thread = PlanThread()
        self._groups = groups_of(config, parts, now)
        self._resizer = Resizer(parts.aws, self._groups)
        self._cluster = ClusterView(
            config,
            parts.kube,
            namespace=self._namespace,
            changed=self._woken,
            touched=self._touched,
            rolls=names.ROLLS_CONFIG_MAP,
        )
        self._own_node = OwnNode(
            node_of_pod=partial(self._cluster.node_of_pod, own_pod()),
            node=self._cluster.node,
            groups=self._view,
            is_spot_instance=partial(is_spot_instance, parts.aws),
            allows_spot=config.allow_spot,
        )
        self._server_clock = ServerClock(lambda: parts.kube.clock_difference)
        self._observing = self._make_observing()
        self._telling = Telling(parts.reporter, self._status_ref())
        intents = IntentsMap(self._kept(lease_of(NAME, config)[1] + names.INTENTS_SUFFIX))
        self._remembering = Remembering(intents, tell=self._telling.forgotten)
        self._executors = Executors(raise_to=self._raise_to, terminate=self._terminate, done=self._done)
        self._acting = self._make_acting()
        self._removals = self._make_removals()
        self._interrupting = self._make_interrupting()
        self.controller = self._controller()

    def _woken(self) -> None:
        self.controller.woken()

    def _touched(self, node: str) -> None:
        self._removals.changed(node)

    def _view(self) -> dict[str, Group]:
        return dict(self._groups.view)

    def _done(self, done: Done) -> None:
        self._acting.done(done)

    def _ended(self, group: str) -> None:
        self._groups.hurry(group)
        self.controller.woken()

    async def _raise_to(self, order: Order, permit: Permit) -> OutsideError | None:
        outcome = await self._resizer.raise_to(order.group, order.target, permit, by=order.count)
        return outcome.error

    async def _terminate(self, group: str, instance: str, permit: Permit) -> OutsideError | None:
        return (await self._resizer.terminate(group, instance, permit)).error

    def _kept(self, name: str) -> KeptConfigMap:
        return KeptConfigMap(self._parts.kube, self._namespace, name)

    def _status_ref(self) -> ObjectRef:
        """What stands for groups in Events: the ConfigMap with the status, as in the original."""
        return ObjectRef("ConfigMap", self._namespace, self._config.status_config_map_name)

    def _make_acting(self) -> Acting:
        return Acting(
            executors=self._executors,
            remembering=self._remembering,
            telling=self._telling,
            metrics=self._metrics,
            options=self._grow,
            groups=self._view,
            knows_all=lambda: not self._groups.unread,
            ended=self._ended,
            now=self._now,
        )

    def _make_observing(self) -> Observing:
        return Observing(
            self._config,
            self._cluster,
            self._groups,
            namespace=self._namespace,
            own_node=lambda: self._own_node.name,
            server_clock=self._server_clock,
            now=self._now,
        )

    def _make_removals(self) -> Removals:
        taints = Taints(self._parts.kube)
        tools = Tools(
            taints=taints,
            evictions=Evictions(self._parts.kube, Random()),  # noqa: S311
            options=DrainOptions.of(self._config),
            view=View(node=self._cluster.node, pods=self._cluster.pods_on, budgets=self._cluster.budgets),
            still_removable=self._still_removable,
            terminate=self._end_instance,
            now=self._now,
        )
        return Removals(
            drains=partial(Drains, tools),
            soft_taints=SoftTaints(taints),
            terminate=self._executors.terminate,
            remembering=self._remembering,
            telling=self._telling,
            metrics=self._metrics,
            finished=self._removed,
            now=self._now,
        )

    async def _still_removable(self, drain: Drain) -> WhyNot | None:
        """Look once more at a node that is tainted, with all that has changed since."""
        if why := self._cluster.watches.not_ready():
            return WhyNot(names.STALE_VIEW, why)
        removing = self._removals.nodes() - {drain.node}
        snapshot = self._observing.snapshot(self._remembering.take(), removing)
        return await self._thread.run(partial(self._planner.why_kept, snapshot, drain.node))

    async def _end_instance(self, drain: Drain, permit: Permit) -> OutsideError | None:
        """End the instance of an emptied node; one that AWS ends anyway may stay until it does."""
        if self._interrupting and self._interrupting.ends_by_itself(drain.instance):
            return None
        error = await self._executors.terminate(drain.group, drain.instance, permit)
        is_at_minimum = error is not None and error.code == names.MIN_SIZE
        return None if is_at_minimum and drain.deadline is not None else error

    def _removed(self, drained: Drained) -> None:
        self.controller.removed(drained)

    def _make_interrupting(self) -> Interrupting | None:
        if not self._config.interruption_queue:
            return None
        queue, now = self._config.interruption_queue, self._now
        return Interrupting(
            Interruptions(self._parts.aws, queue, now=lambda: now().timestamp()),
            LifecycleActions(self._parts.aws),
            removals=self._removals,
            telling=self._telling,
            groups=self._view,
            node_of=self._cluster.node_of_instance,
            now=now,
        )

    def _publishing(self) -> Publishing:
        config = self._config
        if not config.write_status_configmap:
            return Publishing(None, now=self._now)
        kept = StatusMap(
            self._kept(config.status_config_map_name),
            idle_seconds=config.scan_interval.total_seconds(),
            clock=lambda: self._now().timestamp(),
        )
        return Publishing(kept, now=self._now)

    def _controller(self) -> Controller:
        return Controller(
            self._config,
            observing=self._observing,
            groups=self._groups,
            planner=self._planner,
            thread=self._thread,
            executors=self._executors,
            acting=self._acting,
            removals=self._removals,
            interrupting=self._interrupting,
            remembering=self._remembering,
            publishing=self._publishing(),
            telling=self._telling,
            metrics=self._metrics,
            coexistence=Coexistence(
                self._parts.kube,
                lease=names.ORIGINAL_LEASE,
                code=names.OTHER_CONTROLLER,
                force=self._config.force_take_over,
                now=self._now,
            ),
            own_node=self._own_node,
            server_clock=self._server_clock,
            leader=self._parts.leader,
            print_plan=self._parts.print_plan,
            now=self._now,
        )

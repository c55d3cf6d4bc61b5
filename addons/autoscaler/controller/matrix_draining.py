"""What draining of a matrix' groups needs of the cluster: caches as the daemon has them, and its tools."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from os import getpid
from random import Random
from socket import gethostname
from typing import Final
from uuid import uuid4

from msgspec.structs import replace

from addons.autoscaler import names
from addons.autoscaler.aws.matrix_groups import end_instance
from addons.autoscaler.config import Config
from addons.autoscaler.controller.cluster import ClusterView
from addons.autoscaler.controller.drain_options import DrainOptions
from addons.autoscaler.controller.drain_run import DrainRun
from addons.autoscaler.controller.drain_tools import Tools, View
from addons.autoscaler.controller.matrix_prune import BY as PRUNE
from addons.autoscaler.controller.matrix_prune import Prune
from addons.autoscaler.controller.matrix_roll import BY as ROLL
from addons.autoscaler.controller.matrix_roll import Roll
from addons.autoscaler.controller.node_drains import NodeDrains
from addons.autoscaler.controller.roll_keeping import RollKeeping
from addons.autoscaler.desired.snapshot import Cluster, settled
from addons.autoscaler.kube.config_maps import KeptConfigMap
from addons.autoscaler.kube.evictions import Evictions
from addons.autoscaler.kube.rolls_map import RollsMap
from addons.autoscaler.kube.taints import Taints
from addons.autoscaler.model.drains import Drain
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import WhyNot
from addons.runtime.aws import AwsSession
from addons.runtime.clock import utc_now
from addons.runtime.daemon import component, pod_namespace
from addons.runtime.errors import OutsideError, Unavailable, Withheld
from addons.runtime.kube import KubeClient
from addons.runtime.permit import Permit

_FILLING_SECONDS: Final = 60.0

Terminate = Callable[[Drain, Permit], Awaitable[OutsideError | None]]
"""Ends the instance of a node that was drained."""


class _Following:
    """Tells the removal under way that something has changed on its node, or that all is to stop."""

    def __init__(self) -> None:
        self._run: DrainRun | None = None

    def follow(self, run: DrainRun | None) -> None:
        """From now on tell this one."""
        self._run = run

    def touched(self, node: str) -> None:
        """Something has changed on a node."""
        if self._run and self._run.drain.node == node:
            self._run.changed()

    async def tell_of(self, stopping: asyncio.Event) -> None:
        """Once all is to stop, tell the removal under way."""
        await stopping.wait()
        if self._run:
            self._run.changed()


@asynccontextmanager
async def pruning(
    config: Config, aws: AwsSession, permit: Permit, *, now: Callable[[], datetime] = utc_now
) -> AsyncIterator[Prune]:
    """What empties groups, with the caches of the cluster filled. Raises SettingError, Unavailable."""
    async with _draining(config, permit, now) as site:
        yield Prune(aws, site.drains(partial(_terminate, aws), by=PRUNE), permit)


@asynccontextmanager
async def rolling(
    config: Config,
    aws: AwsSession,
    permit: Permit,
    *,
    now: Callable[[], datetime] = utc_now,
    host: str = "",
    members: frozenset[str] = frozenset(),
) -> AsyncIterator[Roll]:
    """What rolls groups, with the caches of the cluster filled. Raises SettingError, Unavailable.

    `host` is where that is, for whoever asks who rolls a group; without it this one. `members` are the
    instances of all groups of the matrix.
    """
    async with _draining(config, permit, now) as site:
        namespace = config.namespace or pod_namespace()
        rolls = RollsMap(KeptConfigMap(site.kube, namespace, names.ROLLS_CONFIG_MAP))
        by, holder = f"{ROLL} on {host or gethostname()} (process {getpid()})", uuid4().hex
        yield Roll(
            aws,
            permit,
            drains=partial(site.drains, by=ROLL),
            keeping=lambda group: RollKeeping(rolls, group, by=by, holder=holder, now=now),
            node=site.settled,
            now=now,
            members=members,
        )


@dataclass(frozen=True, slots=True)
class _Site:
    """The cluster with its caches filled."""

    config: Config
    kube: KubeClient
    cluster: ClusterView
    permit: Permit
    following: _Following
    now: Callable[[], datetime]

    def drains(self, terminate: Terminate, *, by: str) -> NodeDrains:
        """What drains nodes, and ends their instances by `terminate`."""
        cluster = self.cluster
        tools = Tools(
            taints=Taints(self.kube),
            evictions=Evictions(self.kube, Random()),  # noqa: S311
            options=DrainOptions.of(self.config),
            view=View(node=cluster.node, pods=cluster.pods_on, budgets=cluster.budgets),
            still_removable=_removable,
            terminate=terminate,
            now=self.now,
            by=by,
        )
        return NodeDrains(
            tools,
            self.permit,
            node_of=cluster.node_of_instance,
            blind=cluster.watches.blind,
            following=self.following.follow,
        )

    def settled(self, instance: str) -> Node | None:
        """The node of an instance, with what it still waits for."""
        node = self.cluster.node_of_instance(instance)
        if node is None:
            return None
        pods = {node.name: tuple(self.cluster.pods_on(node.name))}
        seen = Cluster(nodes={node.name: node}, pods_of=pods, daemons=self.cluster.daemons())
        return settled(seen, self.now().timestamp())[node.name]


@asynccontextmanager
async def _draining(config: Config, permit: Permit, now: Callable[[], datetime]) -> AsyncIterator[_Site]:
    following = _Following()
    async with KubeClient.connect(config.kubeconfig, user_agent=component("autoscaler")) as kube:
        cluster = ClusterView(
            replace(config, expander=()),  # nothing grows by priorities here
            kube,
            namespace=config.namespace,
            changed=_nothing,
            touched=following.touched,
        )
        telling = asyncio.create_task(following.tell_of(permit.stopping))
        try:
            async with _kept_up_to_date(cluster, permit):
                yield _Site(config, kube, cluster, permit, following, now)
        finally:
            telling.cancel()


@asynccontextmanager
async def _kept_up_to_date(cluster: ClusterView, permit: Permit) -> AsyncIterator[None]:
    """Fill the caches, and keep them up to date. Raises Unavailable, Withheld."""
    over = asyncio.Event()
    watching = asyncio.create_task(cluster.watches.run(over))
    try:
        await _filled(cluster, permit)
        yield
    finally:
        over.set()
        await watching


async def _filled(cluster: ClusterView, permit: Permit) -> None:
    """Wait until the caches are filled. Raises Unavailable, Withheld."""
    filling = asyncio.create_task(cluster.watches.wait_settled())
    stopped = asyncio.create_task(permit.stopping.wait())
    try:
        await asyncio.wait({filling, stopped}, timeout=_FILLING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if refusal := permit.refusal():
            raise refusal
        if why := cluster.watches.not_ready():
            raise Unavailable(f"the cluster cannot be read: {why}", code="CachesStale")
    finally:
        filling.cancel()
        stopped.cancel()


async def _removable(_: Drain) -> WhyNot | None:
    """A group that leaves is emptied whatever its nodes carry: budgets alone hold it up."""
    return None


async def _terminate(aws: AwsSession, drain: Drain, permit: Permit) -> OutsideError | None:
    try:
        await end_instance(aws, drain.instance, permit)
    except Withheld:
        raise
    except OutsideError as error:
        return error
    return None


def _nothing() -> None:
    return None

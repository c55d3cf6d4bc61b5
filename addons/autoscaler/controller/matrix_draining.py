"""What draining of a matrix' groups needs of the cluster: caches as the daemon has them, and its tools."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from random import Random
from typing import Final

from addons.autoscaler.aws.matrix_groups import end_instance
from addons.autoscaler.config import Config
from addons.autoscaler.controller.cluster import ClusterView
from addons.autoscaler.controller.drain_options import DrainOptions
from addons.autoscaler.controller.drain_run import DrainRun
from addons.autoscaler.controller.drain_tools import Tools, View
from addons.autoscaler.controller.matrix_prune import BY, Prune
from addons.autoscaler.kube.evictions import Evictions
from addons.autoscaler.kube.taints import Taints
from addons.autoscaler.model.drains import Drain
from addons.autoscaler.model.plans import WhyNot
from addons.runtime.aws import AwsSession
from addons.runtime.clock import utc_now
from addons.runtime.daemon import component
from addons.runtime.errors import OutsideError, Unavailable, Withheld
from addons.runtime.kube import KubeClient
from addons.runtime.permit import Permit

_FILLING_SECONDS: Final = 60.0


class _Following:
    """Tells the removal under way that something has changed on its node."""

    def __init__(self) -> None:
        self._run: DrainRun | None = None

    def follow(self, run: DrainRun | None) -> None:
        """From now on tell this one."""
        self._run = run

    def touched(self, node: str) -> None:
        """Something has changed on a node."""
        if self._run and self._run.drain.node == node:
            self._run.changed()


@asynccontextmanager
async def pruning(
    config: Config, aws: AwsSession, permit: Permit, *, now: Callable[[], datetime] = utc_now
) -> AsyncIterator[Prune]:
    """What empties groups, with the caches of the cluster filled. Raises SettingError, Unavailable."""
    following = _Following()
    async with KubeClient.connect(config.kubeconfig, user_agent=component("autoscaler")) as kube:
        cluster = ClusterView(
            config, kube, namespace=config.namespace, changed=_nothing, touched=following.touched
        )
        tools = Tools(
            taints=Taints(kube),
            evictions=Evictions(kube, Random()),  # noqa: S311
            options=DrainOptions.of(config),
            view=View(node=cluster.node, pods=cluster.pods_on, budgets=cluster.budgets),
            still_removable=_removable,
            terminate=partial(_terminate, aws),
            now=now,
            by=BY,
        )
        async with _kept_up_to_date(cluster, permit):
            yield Prune(
                aws,
                tools,
                permit,
                node_of=cluster.node_of_instance,
                blind=cluster.watches.blind,
                following=following.follow,
            )


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

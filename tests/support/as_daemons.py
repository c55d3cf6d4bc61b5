"""Autoscalers that work in the world of tests/support/as_world.py, in the loop of the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from addons.autoscaler.aws.calls import OPERATIONS, RATES
from addons.autoscaler.config import ENV_PREFIXES, Config
from addons.autoscaler.controller.build import NAME, build_controller
from addons.autoscaler.controller.controller import Controller
from addons.runtime.clock import utc_now
from addons.runtime.daemon import Parts, connect
from addons.runtime.plan_output import PrintPlan
from addons.runtime.settings import load
from tests.support.as_world import CLUSTER, REGION, AutoscalerWorld
from tests.support.virtual import VirtualLoop, virtual_now

DISCOVERY = f"--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/{CLUSTER}"
QUICK = (
    "--scan-interval=1s",
    "--scale-down-unneeded-time=3s",
    "--scale-down-delay-after-add=0s",
    "--node-delete-delay-after-taint=1s",
)
"""Short timers, as somebody would have them who wants to see nodes go."""


def config_of(world: AutoscalerWorld, *flags: str) -> Config:
    """Settings for this world, besides these flags; groups are found by their tags where none is named."""
    argv = [f"--cluster-name={CLUSTER}", f"--aws-region={REGION}", "--namespace=kube-system"]
    argv += [f"--kubeconfig={world.kubeconfig}", f"--aws-endpoint-url={world.aws.url}"]
    if not any(flag.startswith(("--nodes=", "--node-group-auto-discovery=")) for flag in flags):
        argv.append(DISCOVERY)
    if "--leader-elect" not in flags:
        argv.append("--no-leader-elect")
    return load(Config, [*argv, *flags], {}, env_prefixes=ENV_PREFIXES)


@asynccontextmanager
async def connected(
    world: AutoscalerWorld, *flags: str, replica: str = "test", print_plan: PrintPlan | None = None
) -> AsyncIterator[tuple[Config, Parts, Controller]]:
    """A controller with its caches running, which makes no pass by itself yet."""
    config = config_of(world, *flags)
    connecting: Any = connect(NAME, config, rates=RATES, instance=replica, operations=OPERATIONS, threads=32)
    now = virtual_now if isinstance(asyncio.get_running_loop(), VirtualLoop) else utc_now
    async with connecting as real:
        parts: Parts = replace(real, print_plan=print_plan) if print_plan else real
        made = build_controller(config, parts, now=now)
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(made.watch(stopping))
            group.create_task(parts.events.run(stopping))
            try:
                yield config, parts, made
            finally:
                stopping.set()


@asynccontextmanager
async def autoscaler(world: AutoscalerWorld, *flags: str, **more: Any) -> AsyncIterator[Controller]:
    """An autoscaler at work until the block ends, as if by SIGTERM."""
    async with connected(world, *flags, **more) as (_, parts, made):
        stopping = asyncio.Event()
        act = parts.leader.lead(made.run) if parts.leader else made.run
        task = asyncio.ensure_future(act(stopping))
        try:
            yield made
        finally:
            stopping.set()
            await task


async def once(world: AutoscalerWorld, *flags: str, print_plan: PrintPlan | None = None) -> dict[str, str]:
    """A single pass; what failed."""
    async with connected(world, "--once", *flags, print_plan=print_plan) as (_, _, made):
        return dict(await made.run_once(asyncio.Event()))

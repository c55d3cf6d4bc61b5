"""What albingress asks of AWS, in calls, seconds and memory: each figure beside its target and the original.

Run `python -m bench.albingress`. API server and AWS live in this process, the daemon in one of its own, as in
a pod. The original's figures are those of aws-load-balancer-controller 3.5.0 on such a machine. Targets are
read at every start, one DescribeTargetHealth for each target group, slowly: the original never does that, so
these calls are shown by themselves.
"""

import asyncio
import os
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from addons.albingress.plan.stack import plan_stack
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from bench.memory import World as Pod
from bench.memory import daemon, settled
from tests.support import alb_stacks
from tests.support.alb_crowd import noted, populate, registered, ruled, serve, tally
from tests.support.alb_world import World, ingress
from tests.support.past import ROOT
from tests.support.service_account import write_files

PORTS = {1: '[{"HTTP": 80}]', 2: '[{"HTTP": 80}, {"HTTP": 8080}]'}
QUIET_SECONDS = 4.0
"""After so long without a call nothing more is expected."""

STEADY = {(1, 1): (11, 16), (10, 1): (20, 25), (30, 1): (40, 47), (30, 2): (43, 52)}
"""Ingresses and listeners -> the original's calls of a pass without change, and after a restart."""

REST_SECONDS = 40.0
"""After so long malloc has given back what only the creation needed."""

LATENCY = 0.05
CROWD, COLD_GROUPS, COLD_SERVICES = 50, 100, 30
PLANS = 50


def show(what: str, value: float, target: float | None, unit: str, original: str = "") -> None:
    """Print one line of the table."""
    verdict = "" if target is None else f"<= {target:g}: {'ok' if value <= target else 'MISSED'}"
    theirs = f"(original: {original})" if original else ""
    print(f"{what:66} {value:9.1f} {unit:5} {verdict:16} {theirs}", flush=True)


@asynccontextmanager
async def site() -> AsyncIterator[World]:
    """A cluster and an account with nothing in them but a VPC."""
    with tempfile.TemporaryDirectory() as name:
        async with KubeApi(tls=True) as api, AwsEndpoint() as aws:
            write_files(Path(name), api)
            yield World(api, aws, Path(name))


def running(world: World, *flags: str) -> AbstractAsyncContextManager[int]:
    """The daemon as a process in a pod, ready; gives its process id."""
    here = Pod(world.api, world.aws, world.folder, "")
    known = ("--cluster-name=prod", f"--aws-vpc-id={world.vpc_id}", "--no-leader-elect")
    return daemon(here, ROOT, "addons.albingress", *known, *flags)


async def until(condition: Callable[[], bool]) -> None:
    """Look until it holds."""
    while not condition():
        await asyncio.sleep(0.02)


async def quiet(world: World) -> None:
    """Return when nothing was called for a while."""
    count = -1
    while count != len(world.aws.calls):
        count = len(world.aws.calls)
        await asyncio.sleep(QUIET_SECONDS)


def told(world: World, names: Iterable[str]) -> bool:
    """Whether the status of all of these has a host name."""
    hosts = {
        each["metadata"]["name"]: each.get("status", {}).get("loadBalancer", {}).get("ingress")
        for each in world.api.store.list("networking.k8s.io/v1", "ingresses")
    }
    return all(hosts.get(name) for name in names)


async def measure_steady(count: int, listeners: int) -> None:
    """A pass that has nothing to change, then a restart."""
    theirs = STEADY[count, listeners]
    what = f"{count} Ingresses, {listeners} listeners"
    async with site() as world:
        populate(world, 1, count, listen_ports=PORTS[listeners])
        async with running(world):
            await until(lambda: registered(world) == count and ruled(world) == count * listeners)
            await quiet(world)
            world.aws.calls.clear()
            world.ingresses(noted(ingress("s0", group="g0", listen_ports=PORTS[listeners])))
            await quiet(world)
            show(f"{what}: calls of a pass without change", len(world.calls()), 0, "", str(theirs[0]))
        world.aws.calls.clear()
        async with running(world):
            await quiet(world)
        reads, health, changes = tally(world)
        show(f"{what}: reads after a restart", reads, 6 + listeners, "", str(theirs[1]))
        print(f"  {dict(Counter(world.calls()))}")
        show("  reads of targets beside them", health, count, "", "0")
        show("  writes", changes, 0, "", "0")


async def measure_crowd() -> None:
    """Fifty Ingresses in one group from nothing, at an AWS that takes its time; then one more, in front."""
    names = [f"s{number}" for number in range(CROWD)]
    async with site() as world:
        for knobs in (world.aws.elbv2.knobs, world.aws.ec2.knobs, world.aws.tagging.knobs):
            knobs.latency_seconds = LATENCY
        async with running(world):
            await quiet(world)
            world.aws.calls.clear()
            populate(world, 1, CROWD)
            began = time.perf_counter()
            await until(lambda: ruled(world) == CROWD and told(world, names))
            rules = time.perf_counter() - began
            await until(lambda: registered(world) == CROWD)
            targets = time.perf_counter() - began
            await quiet(world)
            show(f"{CROWD} Ingresses in one group: calls", len(world.calls()), 200, "", "340")
            print(f"  {dict(Counter(world.calls()))}")
            show("  rules and status", rules, 6, "s", "12.5")
            show("  targets", targets, 6, "s", "19.7")
            await measure_insertion(world)


async def measure_insertion(world: World) -> None:
    """An Ingress that goes in front of all others."""
    world.aws.calls.clear()
    serve(world, "front", world.api.store.list("v1", "pods")[-1]["metadata"]["name"])
    world.ingresses(ingress("front", group="g0", group__order="-1"))
    await until(lambda: ruled(world) == CROWD + 1 and registered(world) == CROWD + 1)
    await quiet(world)
    reads, health, changes = tally(world)
    show(f"a rule in front of {CROWD}: calls that change", changes, 3, "", "1 + 50 + 1, and 2 for targets")
    show("  reads", reads + health, None, "", "72")


async def measure_cold_start() -> None:
    """The start in an account where all is there already: made by a daemon here that has no buckets."""
    async with site() as world:
        world.elb.quotas["application-load-balancers"] = 2 * COLD_GROUPS
        wanted = COLD_GROUPS * COLD_SERVICES
        populate(world, COLD_GROUPS, COLD_SERVICES)
        async with world.running():
            await until(lambda: registered(world) == wanted and ruled(world) == wanted)
            await quiet(world)
        world.aws.calls.clear()
        began = time.perf_counter()
        async with running(world, "--sync-period=2h") as process:
            await until(lambda: world.calls().count("DescribeRules") >= COLD_GROUPS)
            took = time.perf_counter() - began
            await asyncio.sleep(QUIET_SECONDS)
            reads, _, changes = tally(world)
            show(f"cold start of {COLD_GROUPS} groups x {COLD_SERVICES} services: reads", reads, 600, "")
            print(f"  {dict(Counter(world.calls()))}")
            show("  writes", changes, 0, "")
            show("  until all rules are read", took, None, "s")
            show("  memory with it", await settled(process), None, "MiB")


async def measure_memory() -> None:
    """A hundred Ingresses in ten groups, from nothing."""
    async with site() as world, running(world) as process:
        show("memory with nothing", await settled(process), None, "MiB", "56")
        populate(world, 10, 10)
        began = time.perf_counter()
        await until(lambda: registered(world) == 100 and ruled(world) == 100)
        show("100 Ingresses in 10 groups: all there", time.perf_counter() - began, None, "s", "21.1")
        await quiet(world)
        show("  calls", len(world.calls()), None, "", "827")
        show("  memory", await settled(process), 100, "MiB", "77")
        await asyncio.sleep(REST_SECONDS)
        show("  memory after a rest", await settled(process), 100, "MiB", "77")


def measure_plan() -> None:
    """Plan a listener of a hundred rules: one has come in front, the last is to go."""
    wishes = [alb_stacks.wish(f"h{number}.org", "/x", by=f"i{number}") for number in range(100)]
    rules = [alb_stacks.there(rule, 10 * number) for number, rule in enumerate(wishes[1:], 1)]
    there = alb_stacks.observed(alb_stacks.listener(*rules))
    stack = alb_stacks.stack(alb_stacks.wished_listener(*wishes[:-1]))
    took = []
    for _ in range(PLANS):
        began = time.process_time()
        plan = plan_stack(stack, there, alb_stacks.view())
        took.append(time.process_time() - began)
        assert [type(each).__name__ for each in plan.actions] == ["CreateRule", "DeleteRule"], plan.actions
    show("plan of a listener of 100 rules, CPU", 1000 * sorted(took)[PLANS // 2], 20, "ms")


async def main() -> None:
    """Measure it all."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.setdefault(name, "bench")
    measure_plan()
    for count, listeners in STEADY:
        await measure_steady(count, listeners)
    await measure_crowd()
    await measure_memory()
    await measure_cold_start()


if __name__ == "__main__":
    asyncio.run(main())

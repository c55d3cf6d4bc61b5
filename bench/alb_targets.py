"""How fast endpoints become targets: each figure beside its target, and beside bare calls of the same run.

Run `python -m bench.alb_targets`. API server and AWS live in a process of their own; the target path of
albingress and who changes the slices live in this one. A time runs from before the slice is written until AWS
has answered RegisterTargets, so it holds the write, the watch, 50 ms of waiting for more, and the call.
"""

import asyncio
import logging
import multiprocessing
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from addons.albingress.aws.calls import OPERATIONS, RATES
from addons.albingress.controller.target_path import TargetPath
from addons.albingress.model.objects import ENDPOINT_SLICES
from addons.runtime.bucket import Rate
from addons.runtime.errors import OutsideError
from addons.runtime.kube import KubeClient
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from tests.support.alb_targets import FAST, Site, binding, service, slice_of

GROUPS = 50
SINGLES = 200
REST_SECONDS = 0.06
SWARMS = 5
FULL_SECONDS = 6.0
"""After so long the daemon's bucket of registrations is full again, whatever was taken from it."""

HANGING = 24
"""Calls about rules that do not come back while a slice changes: more than one pool of threads."""

NAMES = [f"g{number}" for number in range(GROUPS)]


def show(what: str, value: float, target: float | None, unit: str = "ms") -> None:
    """Print one line of the table."""
    verdict = (
        "" if target is None else f"target <= {target:g} {unit}: {'ok' if value <= target else 'MISSED'}"
    )
    print(f"{what:64} {value:9.1f} {unit:3} {verdict}")


def percentile(seconds: Iterable[float], share: float) -> float:
    """Milliseconds that so large a share of times stays below."""
    ordered = sorted(seconds)
    return 1000 * ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def world(pipe: Connection, folder: str) -> None:
    """The process of the API server and AWS: tell where they are, serve until told to end."""

    async def serve() -> None:
        async with KubeApi() as api, AwsEndpoint() as aws:
            vpc = aws.ec2.network.create_vpc("10.0.0.0/16").id
            aws.ec2.network.create_subnet(vpc, "10.0.1.0/24", zone="eu-central-1a")
            aws.faults.slow("DescribeRules", 8.0)
            Path(folder, "kubeconfig").write_text(api.kubeconfig())
            for name in NAMES:
                api.store.create("v1", "services", service(name))
                api.store.create("discovery.k8s.io/v1", "endpointslices", slice_of("10.0.1.1", of=name))
            pipe.send((aws.url, vpc))
            await asyncio.get_running_loop().run_in_executor(None, pipe.recv)

    asyncio.run(serve())


@asynccontextmanager
async def site(rates: dict[str, Rate]) -> AsyncIterator[tuple[Site, TargetPath]]:
    """The target path with a target group for each Service, all filled."""
    here, there = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        process = multiprocessing.get_context("spawn").Process(target=world, args=(there, folder))
        process.start()
        try:
            url, vpc = await asyncio.get_running_loop().run_in_executor(None, here.recv)
            made = Site(url, vpc, Path(folder))
            async with made.path(rates=rates, operations={**OPERATIONS}) as path:
                for name in NAMES:
                    path.located(name, await made.group(name), is_new=True)
                path.bindings("shop", [binding(name) for name in NAMES])
                while not all(map(path.registrar.is_filled, NAMES)):
                    await asyncio.sleep(0.05)
                yield made, path
        finally:
            here.send("end")
            process.join()


class Stopwatch:
    """Changes slices and waits until their new address is registered."""

    def __init__(self, kube: KubeClient, path: TargetPath) -> None:
        self._kube = kube
        self._path = path
        self._number = 1

    async def register(self, names: Iterable[str]) -> list[float]:
        """Give every slice a new address at once; seconds until each is registered."""
        self._number += 1
        address = f"10.0.{self._number // 250}.{self._number % 250 + 2}"
        left, took = dict[str, float](), list[float]()
        writing = [asyncio.ensure_future(self._write(name, address, left)) for name in names]
        while left or not all(task.done() for task in writing):
            await asyncio.sleep(0.002)
            for name in [each for each in left if self._has(each, address)]:
                took.append(time.perf_counter() - left.pop(name))
        return took

    async def _write(self, name: str, address: str, started: dict[str, float]) -> None:
        started[name] = time.perf_counter()
        body = {"endpoints": slice_of("10.0.1.1", address, of=name)["endpoints"]}
        await self._kube.merge_patch(ENDPOINT_SLICES, body, namespace="default", name=f"{name}-a")

    def _has(self, name: str, address: str) -> bool:
        return any(target.id == address for target in self._path.registrar.registered(name) or ())


async def bare(made: Site, names: list[str]) -> list[float]:
    """Register a target in each group by nothing but the call, all at once; seconds that each took."""

    async def one(name: str) -> float:
        started = time.perf_counter()
        targets = [{"Id": "10.0.1.200", "Port": 8080}]
        await made.call("register_targets", TargetGroupArn=made.arns[name], Targets=targets)
        return time.perf_counter() - started

    return list(await asyncio.gather(*map(one, names)))


async def measure_bare(made: Site) -> tuple[list[float], list[float]]:
    """Nothing but calls, without buckets: one after the other, and as many at once as there are groups."""
    single = [seconds for _ in range(SINGLES) for seconds in await bare(made, NAMES[:1])]
    swarm = [seconds for _ in range(SWARMS) for seconds in await bare(made, NAMES)]
    show("bare RegisterTargets p50", percentile(single, 0.5), None)
    show("bare RegisterTargets p99", percentile(single, 0.99), None)
    show(f"{GROUPS} bare RegisterTargets at once p99", percentile(swarm, 0.99), None)
    return single, swarm


async def one_by_one(watch: Stopwatch) -> list[float]:
    """Change one slice after the other, more slowly than the buckets would."""
    found = list[float]()
    for number in range(SINGLES):
        found += await watch.register([NAMES[number % GROUPS]])
        await asyncio.sleep(REST_SECONDS)
    return found


async def measure_single(watch: Stopwatch, alone: list[float]) -> None:
    """One slice after the other."""
    found = await one_by_one(watch)
    show("slice to RegisterTargets p50 (original: 23)", percentile(found, 0.5), None)
    show("slice to RegisterTargets p99 (original: 64-105)", percentile(found, 0.99), 150)
    show("  ratio of p50, less the 50 ms of waiting, to a bare call", _ratio(found, alone), None, "x")


async def measure_swarm(watch: Stopwatch, alone: list[float]) -> None:
    """All slices at once, each time when all buckets are full again."""
    found = list[float]()
    for _ in range(SWARMS):
        await asyncio.sleep(FULL_SECONDS)
        found += await watch.register(NAMES)
    show(f"{GROUPS} slices at once p50 (original: 1200)", percentile(found, 0.5), None)
    show(f"{GROUPS} slices at once p99 (original: 7200)", percentile(found, 0.99), 600)
    show("  ratio of p99, less the 50 ms of waiting, to bare calls", _ratio(found, alone, 0.99), None, "x")


async def measure_stuck(watch: Stopwatch, made: Site) -> None:
    """One slice after the other, while calls about the rules of other groups hang."""
    arn = made.arns[NAMES[0]].replace("targetgroup", "listener/app")
    hanging = [asyncio.ensure_future(_hang(made, arn)) for _ in range(HANGING)]
    await asyncio.sleep(0.5)
    found = await one_by_one(watch)
    is_hanging = not all(each.done() for each in hanging)
    for each in hanging:
        each.cancel()
    show(f"slice to RegisterTargets p50, {HANGING} calls hang", percentile(found, 0.5), None)
    show(f"slice to RegisterTargets p99, {HANGING} calls hang", percentile(found, 0.99), 150)
    print(f"{'  the calls hung to the end':64} {is_hanging}")


async def _hang(made: Site, arn: str) -> None:
    while True:
        with suppress(OutsideError):
            await made.parts.aws.call("elbv2", "describe_rules", ListenerArn=arn)


def _ratio(found: list[float], alone: list[float], share: float = 0.5) -> float:
    return (percentile(found, share) - 50) / max(0.001, percentile(alone, share))


async def main() -> None:
    """Measure without buckets, then with those of the daemon."""
    logging.disable(logging.WARNING)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.setdefault(name, "bench")
    print("with unlimited buckets")
    async with site(dict.fromkeys(RATES, FAST["elbv2"])) as (made, path):
        watch = Stopwatch(made.parts.kube, path)
        single, swarm = await measure_bare(made)
        await measure_single(watch, single)
        await measure_swarm(watch, swarm)
        await measure_stuck(watch, made)
    print("with the buckets of the daemon")
    async with site(dict(RATES)) as (made, path):
        watch = Stopwatch(made.parts.kube, path)
        await asyncio.sleep(FULL_SECONDS)
        await measure_single(watch, single)
        await measure_swarm(watch, swarm)
        await asyncio.sleep(FULL_SECONDS)
        await measure_stuck(watch, made)


if __name__ == "__main__":
    asyncio.run(main())

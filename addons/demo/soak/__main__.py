"""`make soak`: random faults over the whole demo world for minutes, and then what must hold."""

import argparse
import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp

from addons.demo import privilege
from addons.demo.__main__ import cancel_on_signals
from addons.demo.cluster import Cluster
from addons.demo.script import LeftOut
from addons.demo.soak.faults import Faults
from addons.demo.soak.foreign import Foreign
from addons.demo.soak.invariants import Invariants
from addons.demo.soak.usage import Usage, growth, measure
from addons.demo.soak.wishes import Wishes
from addons.demo.suite import charts
from addons.demo.suite.logs import Logs
from addons.demo.suite.people import Owners, Users
from addons.demo.suite.scene import Scene
from addons.demo.suite.site import Site, site
from addons.demo.world import simulated_world
from addons.runtime.kube import KubeClient

SUBNET = "10.0.1.0/24"
USERS_SECONDS, FAULTS_SECONDS = (0.5, 3.0), (2.0, 6.0)
"""Pauses between two changes, and between two faults: shortest and longest."""
_TELL_SECONDS = 15.0
_QUICK: Mapping[str, Mapping[str, object]] = {
    "cni": {"idleRelease": "15s"},
    "autoscaler": {"maxNodeGroupBackoffDuration": "10s", "scaleDownDelayAfterFailure": "5s"},
}
"""What makes the calm after the storm shorter than a day."""


@dataclass
class Soak:
    """One run: what users and faults do, and what is seen."""

    place: Site
    users: Users
    seed: int
    complaints: dict[str, list[str]] = field(default_factory=dict)
    usage: list[Mapping[str, Usage]] = field(default_factory=list)

    def __post_init__(self) -> None:
        details = random.Random(self.seed)
        self.wishes = Wishes(self.place, Owners(self.place), random.Random(f"{self.seed} users"), details)
        self.faults = Faults(self.place, random.Random(f"{self.seed} faults"), details)
        self.foreign = Foreign(self.place)
        self.invariants = Invariants(self.place, self.wishes, self.foreign, self.users)

    async def storm(self, seconds: float) -> None:
        """Let users change things and faults strike for so long; what must always hold is looked at."""
        async with asyncio.TaskGroup() as strikes:
            tasks = [
                asyncio.create_task(self._change()),
                asyncio.create_task(self._strike(strikes)),
                asyncio.create_task(self._watch(seconds)),
            ]
            try:
                done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        self.faults.clear()

    async def calm(self, seconds: float) -> float:
        """Wait until all that must hold does, for so long at most; how long it took."""
        clock = asyncio.get_running_loop().time
        start = clock()
        while True:
            always = {name: found for name, found in self.complaints.items() if name.startswith("always")}
            self.complaints = {**await self._look(), **always}
            left = {name: found for name, found in self.complaints.items() if found}
            if not left.keys() - always.keys() or clock() > start + seconds:
                return clock() - start
            _tell(f"calm for {clock() - start:.0f} s: {'; '.join(each[0] for each in left.values())}")
            await asyncio.sleep(3)

    async def _look(self) -> dict[str, list[str]]:
        """Look at everything; what goes away while it is looked at is a complaint, and is looked at again."""
        try:
            return await self.invariants.complaints()
        except (OSError, aiohttp.ClientError) as error:
            return {"all that there is can be looked at": [repr(error)]}

    async def _change(self) -> None:
        while True:
            self.wishes.change()
            await asyncio.sleep(self.wishes.rng.uniform(*USERS_SECONDS))

    async def _strike(self, strikes: asyncio.TaskGroup) -> None:
        while True:
            await asyncio.sleep(self.faults.rng.uniform(*FAULTS_SECONDS))
            strikes.create_task(self.faults.strike())

    async def _watch(self, seconds: float) -> None:
        clock = asyncio.get_running_loop().time
        start = told = clock()
        while True:
            await asyncio.sleep(1)
            for name, found in (
                ("always: addresses are one pod's", self.invariants.unique_addresses()),
                ("always: groups are within their limits", self.invariants.within_limits()),
                ("always: nothing foreign is changed", self.foreign.changed()),
            ):
                self.complaints.setdefault(name, []).extend(found)
            if clock() > told + _TELL_SECONDS:
                told = clock()
                _tell(f"{clock() - start:.0f} of {seconds:.0f} s: {self._counts()}")

    def _counts(self) -> str:
        kubelets = self.place.machines.kubelets.values()
        changes, faults = sum(self.wishes.changes.values()), self.faults.struck.total()
        pods = sum(len(each.runs) for each in kubelets)
        return f"{changes} changes, {faults} faults; {len(kubelets)} nodes, {pods} pods"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0 when all held, 1 when not, 2 when it cannot be run, 130 when interrupted."""
    arguments = sys.argv[1:] if argv is None else argv
    options = _parser().parse_args(arguments)
    command = (sys.executable, "-m", "addons.demo.soak", *arguments)
    charts.keep_no_cache(command)
    privilege.enter_user_namespace(command)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    _tell(f"soak of {options.minutes:g} minutes; the same again: --seed={seed}")
    try:
        return asyncio.run(_run(options, seed))
    except LeftOut as reason:
        print(f"this cannot be run here: {reason}")
        return 2
    except asyncio.CancelledError:
        print("\ninterrupted; everything is ended")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15.0, help="how long faults strike (15)")
    parser.add_argument(
        "--calm", type=float, default=90.0, help="seconds until all must hold after that (90)"
    )
    parser.add_argument("--seed", type=int, help="draw the same changes and faults again; else a new one")
    return parser


async def _run(options: argparse.Namespace, seed: int) -> int:
    cancel_on_signals()
    async with _opened(seed) as soak:
        await soak.storm(options.minutes * 60)
        took = await soak.calm(options.calm)
        soak.usage.append(measure(soak.place))
        soak.complaints["daemons do not grow"] = growth(soak.usage[0], soak.usage[1])
        _print_summary(soak, options.minutes, took)
        is_well = not any(soak.complaints.values())
        if not is_well:
            for name in ("cni", "iamproxy", "dns", "albingress", "autoscaler"):
                print(f"\nthe end of {name}'s logs:\n{Logs(soak.place.world.folder / 'nodes', name).tail()}")
    return 0 if is_well else 1


@asynccontextmanager
async def _opened(seed: int) -> AsyncIterator[Soak]:
    """Install everything, let users ask for the first things, and wait until all of that is there."""
    charts.helm()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(simulated_world(None, has_rights=True))
        kube = await stack.enter_async_context(KubeClient.connect(str(world.kubeconfig)))
        await Cluster(kube).create_namespace()
        place = await stack.enter_async_context(site(world, small=SUBNET))
        users = Users(place)
        stack.push_async_callback(users.close)
        soak = Soak(place, users, seed)
        await soak.foreign.seed()
        _tell(await Scene(place, soak.wishes.owners, users).install(_QUICK))
        soak.wishes.begin()
        _tell(f"at first all is calm, after {await soak.calm(90):.0f} s")
        soak.usage.append(measure(place))
        yield soak


def _print_summary(soak: Soak, minutes: float, took: float) -> None:
    wishes, faults = soak.wishes, soak.faults
    print(
        f"\nseed {soak.seed}, {minutes:g} minutes; all that must hold held {took:.0f} s after the last fault"
    )
    print(f"\n{sum(wishes.changes.values())} changes by users:")
    for kind, count in sorted(wishes.changes.items()):
        print(f"  {count:5} {kind}")
    print(f"\n{faults.struck.total()} faults:")
    for kind, count in sorted(faults.struck.items()):
        print(f"  {count:5} {kind}")
    print(f"  {_met(soak.place)}")
    print(f"  daemons ended: {', '.join(f'{name} {count}' for name, count in sorted(faults.killed.items()))}")
    print("\ndaemons, before and after:")
    for name in sorted(soak.usage[0]):
        print(f"  {name:<11} {soak.usage[0][name]}; {soak.usage[1].get(name, 'does not run')}")
    print("\nwhat must hold:")
    for name, found in soak.complaints.items():
        print(f"  {'FAIL' if found else 'holds':<6} {name}")
        for line in dict.fromkeys(found):
            print(f"           {line}")
    sys.stdout.flush()


def _met(place: Site) -> str:
    """Say how often daemons were refused: by AWS on order, and by the API server."""
    refused = Counter(each.status for each in place.api.requests if each.status in (410, 429, 503))
    by_status = ", ".join(f"{count} with {status}" for status, count in sorted(refused.items()))
    return f"{place.aws.faults.met} calls to AWS failed; of requests to the API server, {by_status or 'none'}"


def _tell(text: str) -> None:
    with suppress(BrokenPipeError):
        print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())

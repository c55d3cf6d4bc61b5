"""How fast CNI plugins give pods a network: Debian's Go `ptp` with `host-local`, the measure of others.

Run `python -m bench.plugins` as root. Each call is a process of its own inside a node's network namespace, as
a container runtime makes it; pods' namespaces are there before. `true` is what starting any process costs.
"""

import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from addons.sim.net import Namespace
from tests.support.cni_exec import PluginExecutor
from tests.support.cni_sandbox import Sandbox, pod_network
from tests.support.namespaces import privileged

PLUGINS = Path("/usr/lib/cni")
TRUE = Path("/bin/true")
PODS = 100
ROUNDS = 3


@dataclass(frozen=True)
class Rate:
    """How long calls took (seconds each), and how many were done in a second."""

    seconds: Sequence[float]
    per_second: float

    @property
    def p50(self) -> float:
        return statistics.median(self.seconds)

    @property
    def p95(self) -> float:
        return sorted(self.seconds)[len(self.seconds) * 95 // 100]

    def __str__(self) -> str:
        return f"p50 {self.p50 * 1e3:5.1f}  p95 {self.p95 * 1e3:5.1f} ms  {self.per_second:5.0f}/s"


@dataclass(frozen=True)
class Subject:
    """A plugin with the configuration it is called with, and folders where it finds other plugins."""

    name: str
    plugin: Path
    config: Mapping[str, Any]
    folders: Sequence[Path] = (PLUGINS,)


def measure(
    inside: Namespace, subject: Subject, pods: Sequence[Sandbox], *, parallel: int
) -> dict[str, Rate]:
    """Call a plugin for all pods, so many at a time: ADD, then DEL. Raises RuntimeError when a call fails.

    `inside` is the node's network; the pods have no network afterwards.
    """
    with PluginExecutor(inside, parallel=parallel) as executor:
        return {verb: _rate(executor, subject, pods, verb) for verb in ("ADD", "DEL")}


def _rate(executor: PluginExecutor, subject: Subject, pods: Sequence[Sandbox], verb: str) -> Rate:
    began = time.perf_counter()
    calls: list[Future[float]] = [executor.pool.submit(_call, executor, subject, pod, verb) for pod in pods]
    seconds = [call.result() for call in calls]
    return Rate(seconds, len(pods) / (time.perf_counter() - began))


def _call(executor: PluginExecutor, subject: Subject, pod: Sandbox, verb: str) -> float:
    environment = {
        "CNI_COMMAND": verb,
        "CNI_CONTAINERID": pod.container,
        "CNI_NETNS": pod.netns,
        "CNI_IFNAME": pod.ifname,
        "CNI_ARGS": pod.arguments,
        "CNI_PATH": os.pathsep.join(map(str, subject.folders)),
    }
    config = json.dumps(subject.config).encode()
    began = time.perf_counter()
    ended = executor.run(subject.plugin, environment, config)
    took = time.perf_counter() - began
    if ended.code:
        raise RuntimeError(f"{subject.name} {verb} ended with {ended.code}: {ended.out}{ended.err}")
    return took


@contextmanager
def sandboxes(count: int) -> Iterator[list[Sandbox]]:
    """Make network namespaces of pods."""
    with ExitStack() as stack:
        yield [stack.enter_context(pod_network(f"web-{number}")) for number in range(count)]


def debian_ptp(folder: Path) -> Subject:
    """Give Debian's `ptp`, whose addresses come from `host-local`, with its files in a folder."""
    addresses = {"type": "host-local", "dataDir": str(folder), "ranges": [[{"subnet": "10.99.0.0/16"}]]}
    config = {"cniVersion": "1.0.0", "name": "debian", "type": "ptp", "ipam": addresses}
    return Subject("ptp", PLUGINS / "ptp", config)


def compare(inside: Namespace, subjects: Sequence[Subject]) -> dict[tuple[str, str, int], Rate]:
    """Print the rates of all of them, taken in turns, so that a busy moment of the machine is everybody's.

    Gives them by subject, verb, and how many calls there were at a time.
    """
    found: dict[tuple[str, str, int], Rate] = {}
    with sandboxes(PODS) as pods:
        for parallel in (1, 10):
            taken: dict[tuple[str, str], list[Rate]] = {}
            for _, subject in itertools.product(range(ROUNDS), subjects):
                for verb, rate in measure(inside, subject, pods, parallel=parallel).items():
                    taken.setdefault((subject.name, verb), []).append(rate)
            for (name, verb), rates in taken.items():
                found[name, verb, parallel] = _together(rates)
                print(f"{name:>12} {verb} {parallel:2} at a time: {found[name, verb, parallel]}", flush=True)
    return found


def _together(rates: Sequence[Rate]) -> Rate:
    seconds = [each for rate in rates for each in rate.seconds]
    return Rate(seconds, statistics.harmonic_mean([rate.per_second for rate in rates]))


def main() -> None:
    if not privileged() or not (PLUGINS / "ptp").exists():
        print("CNI plugins are not measured: that needs root and Debian's containernetworking-plugins")
        return
    with tempfile.TemporaryDirectory() as folder, pod_network("node") as node:
        assert node.inside
        node.inside.set_kernel("ipv4/ip_forward", "1")
        compare(node.inside, [debian_ptp(Path(folder)), Subject("true", TRUE, {})])


if __name__ == "__main__":
    main()

"""What the pods of a large cluster cost autoscaler: memory to keep them, CPU to read them, and an idle pass.

    python -m bench.autoscaler_records [pods]

Each way of reading runs in a process of its own, so that none inherits the memory of another. The baseline
keeps such pods as `json.loads` gives them. An idle pass puts a snapshot together when nothing has changed;
its baseline is to go once over all pods.
"""

import gc
import json
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from addons.autoscaler.config import Config
from addons.autoscaler.controller.records import PodRecords
from addons.autoscaler.desired.classes import Classes
from addons.autoscaler.desired.daemons import daemon_of
from addons.autoscaler.desired.group_templates import TemplateBook
from addons.autoscaler.desired.nodes import node_of
from addons.autoscaler.desired.pods import kept
from addons.autoscaler.desired.snapshot import Cluster, Situation, snapshot_of
from addons.autoscaler.desired.taints import TaintRules
from addons.autoscaler.model import objects
from addons.autoscaler.model.groups import Group, Instance, InstanceType
from addons.runtime.decoding import decode
from addons.runtime.objects import Key, KubeObject, key
from addons.runtime.store import Store

PODS = 150_000
PODS_OF_NODE = 30
KINDS = 200
"""Deployments: pods of one are alike."""
MOST_MIB = 400.0
"""For all of the process, what it imports included."""
MOST_TIMES = 3.0
"""Reading a pod takes no longer than so many times `json.loads` of it."""
NODES, GROUPS, DAEMONS = 1000, 50, 10
MOST_SNAPSHOT_SECONDS = 0.01
NOW = 1_800_000_000.0
WHEN = "2026-11-01T12:00:00Z"


def pod(number: int) -> bytes:
    """A pod as a busy cluster has it, 4 KB of JSON."""
    kind = number % KINDS
    app = f"app-{kind}"
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": f"{app}-7d9f8",
        "uid": f"owner-{kind:030}",
    }
    container = {
        "name": "app",
        "image": f"registry.example.org/team/{app}:1",
        "env": [{"name": f"VARIABLE_{index}", "value": "x" * 40} for index in range(20)],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
    }
    fields: dict[str, Any] = {f"f:field-{index}": {"f:name": {}, ".": {}} for index in range(30)}
    running = {"name": "app", "allocatedResources": {"cpu": "100m", "memory": "128Mi"}, "ready": True}
    made: dict[str, Any] = {
        "metadata": {
            "name": f"{app}-7d9f8-{number:06x}",
            "namespace": f"team-{kind % 50}",
            "uid": f"00000000-0000-0000-0000-{number:012}",
            "resourceVersion": str(10_000_000 + number),
            "creationTimestamp": WHEN,
            "labels": {"app": app, "pod-template-hash": "7d9f8"},
            "annotations": {"example.org/checksum": f"{number:064x}"},
            "ownerReferences": [{**owner, "controller": True}],
            "managedFields": [{"manager": "kubelet", "operation": "Update", "fieldsV1": fields}],
        },
        "spec": {
            "nodeName": f"node-{number // PODS_OF_NODE}",
            "containers": [container, {**container, "name": "side"}],
            "tolerations": [
                {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}
            ],
            "volumes": [
                {"name": f"kube-api-access-{number:06x}", "projected": {}},
                {"name": "tmp", "emptyDir": {}},
            ],
        },
        "status": {
            "phase": "Running",
            "conditions": [
                {"type": type_, "status": "True", "lastTransitionTime": WHEN}
                for type_ in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
            ],
            "containerStatuses": [running, {**running, "name": "side"}],
        },
    }
    return json.dumps(made).encode()


class NoStorage:
    """A cluster without volumes."""

    def claim(self, namespace: str, name: str) -> None: ...
    def volume(self, name: str) -> None: ...
    def storage_class(self, name: str) -> None: ...
    def unclaimed(self, storage_class: str) -> Iterator[objects.PersistentVolume]:
        return iter(())


Kept = tuple[Store[KubeObject], PodRecords, Classes]


def read_records(count: int) -> tuple[Kept, float]:
    """Keep pods as autoscaler does; returns what is kept, and the CPU that it took."""
    classes, store = Classes(), Store[KubeObject]()
    records = PodRecords(classes, NoStorage(), lambda kind, namespace, name: None)
    found: dict[Key, KubeObject] = {}
    taken = 0.0
    for number in range(count):
        text = pod(number)
        start = time.process_time()
        if (each := kept(decode(text, objects.Pod), classes)) is not None:
            found[key(each)] = each
        taken += time.process_time() - start
    start = time.process_time()
    for change in store.replace(found):
        records.changed(change)
    records.by_node()
    return (store, records, classes), taken + time.process_time() - start


def read_dicts(count: int) -> tuple[object, float]:
    """The baseline: keep them as they come."""
    found, taken = [], 0.0
    for number in range(count):
        text = pod(number)
        start = time.process_time()
        found.append(json.loads(text))
        taken += time.process_time() - start
    return found, taken


def measured(read: Callable[[int], tuple[object, float]], count: int, pipe: Any) -> None:
    """Tell the memory of this process, in MiB before and after, and the CPU seconds."""
    before = _resident()
    what, taken = read(count)
    gc.collect()
    pipe.send((before, _resident(), taken))
    del what


def alone(read: Callable[[int], tuple[object, float]], count: int) -> tuple[float, float, float]:
    """The same, of a process of its own."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=measured, args=(read, count, there))
    process.start()
    told: tuple[float, float, float] = here.recv()
    process.join()
    return told


def _resident() -> float:
    with open("/proc/self/statm", encoding="ascii") as told:  # noqa: PTH123
        return int(told.read().split()[1]) * resource.getpagesize() / (1 << 20)


def cluster_of(nodes: int) -> Cluster:
    """A cluster with so many nodes of 30 pods, and some DaemonSets."""
    (_, records, classes), _ = read_records(nodes * PODS_OF_NODE)
    daemons = [daemon_of(_daemon_set(number), classes) for number in range(DAEMONS)]
    return Cluster(
        nodes={f"node-{number}": node_of(_node(number), None, TaintRules()) for number in range(nodes)},
        pods_of=records.by_node(),
        daemons=tuple(each for each in daemons if each is not None),
    )


def _node(number: int) -> objects.Node:
    made = {
        "metadata": {
            "name": f"node-{number}",
            "creationTimestamp": WHEN,
            "labels": {"topology.kubernetes.io/zone": "eu-central-1a"},
        },
        "spec": {"providerID": f"aws:///eu-central-1a/i-{number}"},
        "status": {
            "allocatable": {"cpu": "3920m", "memory": "15Gi", "pods": "58"},
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": WHEN}],
        },
    }
    return decode(json.dumps(made).encode(), objects.Node)


def _daemon_set(number: int) -> objects.DaemonSet:
    made = {"metadata": {"name": f"agent-{number}", "uid": f"agent-{number}"}}
    return decode(json.dumps(made).encode(), objects.DaemonSet)


def _groups() -> dict[str, Group]:
    each = NODES // GROUPS
    return {
        f"group-{number}": Group(
            name=f"group-{number}",
            min_size=0,
            max_size=100,
            desired=each,
            zones=("eu-central-1a",),
            types=("m5.xlarge",),
            instances=tuple(Instance(f"i-{number * each + index}", "eu-central-1a") for index in range(each)),
        )
        for number in range(GROUPS)
    }


def median_cpu(do: Callable[[], object]) -> float:
    """The CPU seconds of a call, as the median of 30 after a first one."""
    do()
    times = []
    for _ in range(30):
        start = time.process_time()
        do()
        times.append(time.process_time() - start)
    return statistics.median(times)


def _verdict(good: bool) -> str:
    return "ok" if good else "MISSED"


def show_reading(count: int) -> None:
    """Print what it costs to read and to keep pods."""
    _, base, base_taken = alone(read_dicts, count // 10)
    before, after, taken = alone(read_records, count)
    each, base_each = taken / count * 1e6, base_taken / (count // 10) * 1e6
    print(
        f"baseline: json.loads of {count // 10} pods: {base:.0f} MiB resident, {base_each:.1f} us of CPU each"
    )
    print(
        f"{count} pods: {after:.0f} MiB resident, {after - before:.0f} of them for the pods "
        f"({(after - before) * (1 << 20) / count:.0f} bytes each)   target < {MOST_MIB:g} MiB: "
        f"{_verdict(after < MOST_MIB)}"
    )
    print(
        f"{'':12}{each:.1f} us of CPU each, {each / base_each:.1f} times the baseline   "
        f"target < {MOST_TIMES:g} times: {_verdict(each < MOST_TIMES * base_each)}"
    )


def show_snapshot() -> None:
    """Print what a snapshot costs when nothing has changed since the one before."""
    cluster, groups = cluster_of(NODES), _groups()
    types = {"m5.xlarge": InstanceType("m5.xlarge", {"cpu": 4000, "memory": 16 << 30}, pod_limit=58)}
    book, situation = TemplateBook(Config()), Situation(now=NOW)
    taken = median_cpu(lambda: snapshot_of(cluster, groups, types, book, situation))
    first = median_cpu(lambda: snapshot_of(cluster, groups, types, TemplateBook(Config()), situation))
    base = median_cpu(lambda: [None for pods in cluster.pods_of.values() for _ in pods])
    print(f"baseline: to go over {NODES * PODS_OF_NODE} pods of {NODES} nodes: {1000 * base:.2f} ms of CPU")
    print(
        f"snapshot of {NODES} nodes in {GROUPS} groups, nothing changed: {1000 * taken:.2f} ms, "
        f"{taken / base:.1f} times the baseline   target < {1000 * MOST_SNAPSHOT_SECONDS:g} ms: "
        f"{_verdict(taken < MOST_SNAPSHOT_SECONDS)}"
    )
    print(f"the first one, with all templates to make: {1000 * first:.2f} ms, {first / base:.1f} times")


if __name__ == "__main__":
    show_reading(int(sys.argv[1]) if len(sys.argv) > 1 else PODS)
    show_snapshot()

"""What autoscaler reads of pods and nodes is what the real scheduler acts on.

For each pod there is a node of its own that has just what the pod was read to request, and one that has one
unit less of a resource; or a node with labels and taints, of which we say that it matches or does not.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from addons.autoscaler.desired.classes import Classes
from addons.autoscaler.desired.daemons import daemon_of, runs_on
from addons.autoscaler.desired.nodes import node_of
from addons.autoscaler.desired.pods import pod_of
from addons.autoscaler.desired.taints import TaintRules
from addons.autoscaler.model import objects
from tests.support.api import Api, Object, connect
from tests.support.as_manifests import read
from tests.support.cluster import Cluster
from tests.support.until import until

pytestmark = pytest.mark.kube

NEW = {"key": "node.kubernetes.io/not-ready", "operator": "Exists"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
ALWAYS = {"restartPolicy": "Always"}
CPU, MEMORY = "cpu", "memory"
DEVICE = "example.org/device"


def container(name: str = "main", *, limits: Any = None, **requests: str) -> Object:
    resources = {"requests": requests, **({"limits": limits} if limits else {})}
    return {"name": name, "image": "local/busybox:1", "resources": resources}


def init(name: str, *, beside: bool = False, **requests: str) -> Object:
    return container(name, **requests) | (ALWAYS if beside else {})


def spec(*containers: Object, starting: tuple[Object, ...] = (), **more: Any) -> Object:
    return {"containers": list(containers), "initContainers": list(starting), **more}


ASKING: dict[str, tuple[Object, str]] = {
    "two-containers": (spec(container(cpu="100m"), container("b", cpu="0.25", memory="64Mi")), CPU),
    "memory-in-part": (spec(container(memory="1500m"), container("b", memory="1500m")), MEMORY),
    "limits-only": (spec(container(limits={"cpu": "300m", "memory": "8Mi"})), MEMORY),
    "large-init": (spec(container(cpu="100m"), starting=(init("i", cpu="700m"),)), CPU),
    "beside": (spec(container(cpu="100m"), starting=(init("i", beside=True, cpu="200m"),)), CPU),
    "beside-then-init": (
        spec(container(cpu="100m"), starting=(init("i", beside=True, cpu="200m"), init("j", cpu="500m"))),
        CPU,
    ),
    "init-then-beside": (
        spec(container(cpu="100m"), starting=(init("i", cpu="500m"), init("j", beside=True, cpu="200m"))),
        CPU,
    ),
    "whole-pod": (
        spec(container(cpu="100m", memory="8Mi"), resources={"requests": {"cpu": "600m"}}),
        CPU,
    ),
    "whole-pod-limits": (spec(container(), resources={"limits": {"cpu": "400m", "memory": "9Mi"}}), MEMORY),
    "device": (spec(container(cpu="1m", limits={DEVICE: "2"})), DEVICE),
}


def terms(*each: Object) -> Object:
    return {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": list(each)}}}}


def labels(key: str, operator: str, *values: str) -> Object:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def tolerates(**toleration: str) -> Object:
    return {"tolerations": [toleration]}


LABELS = {"cores": "8", "zone": "a", "empty": "", "version": "v2"}
MATCHING: dict[str, Object] = {
    "selector": {"nodeSelector": {"zone": "a"}},
    "selector-of-none": {"nodeSelector": {"none": ""}},
    "in": terms(labels("zone", "In", "a", "b")),
    "in-empty": terms(labels("empty", "In", "")),
    "not-in": terms(labels("none", "NotIn", "a")),
    "not-in-this": terms(labels("zone", "NotIn", "a")),
    "exists": terms(labels("empty", "Exists")),
    "does-not-exist": terms(labels("empty", "DoesNotExist")),
    "greater": terms(labels("cores", "Gt", "7")),
    "not-greater": terms(labels("cores", "Gt", "8")),
    "less": terms(labels("cores", "Lt", "9")),
    "no-number": terms(labels("version", "Gt", "1")),
    "nothing": terms({}),
    "one-of": terms({}, labels("zone", "In", "b"), labels("zone", "In", "a")),
    "other-name": terms({"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["x"]}]}),
    "tainted": {"taint": {"key": "t", "value": "v", "effect": "NoSchedule"}},
    "tainted-softly": {"taint": {"key": "t", "value": "v", "effect": "PreferNoSchedule"}},
    "tolerates": {
        "taint": {"key": "t", "value": "v", "effect": "NoSchedule"},
        **tolerates(key="t", value="v"),
    },
    "tolerates-other": {
        "taint": {"key": "t", "value": "v", "effect": "NoSchedule"},
        **tolerates(key="t", value="w"),
    },
    "tolerates-effect": {
        "taint": {"key": "t", "effect": "NoExecute"},
        **tolerates(key="t", operator="Exists", effect="NoSchedule"),
    },
    "tolerates-all": {"taint": {"key": "t", "effect": "NoExecute"}, **tolerates(operator="Exists")},
}


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[Api]:
    """The real API server, and a namespace; the nodes of the test are gone afterwards."""
    async with connect(cluster.kubeconfig, cluster.tokens, f"t{uuid4().hex[:8]}", cluster.etcd) as client:
        ready = client.path("serviceaccounts", "default")
        await client.until(lambda: client.get(ready), lambda reply: reply.status == 200)
        yield client
        await client.delete("/api/v1/nodes", labelSelector=f"test={client.namespace}")


async def make_node(api: Api, name: str, allocatable: Object, **more: Any) -> Object:
    """A node that only pods of this test want."""
    known = {"test": api.namespace, "case": name}
    meta = {"name": f"{api.namespace}-{name}", "labels": known | more.pop("labels", {})}
    condition = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "as a test says"}
    offers = {"pods": "1", **allocatable}
    body = {
        "metadata": meta,
        "spec": more,
        "status": {"capacity": offers, "allocatable": offers, "conditions": [condition]},
    }
    reply = await api.call("POST", "/api/v1/nodes", body)
    assert reply.status == 201, reply.body
    return reply.body


async def make_pod(api: Api, name: str, node: str, wanted: Object) -> Object:
    """A pod for one node, which tolerates that this is new."""
    wanted = {
        **wanted,
        "nodeSelector": {"test": api.namespace, "case": node, **wanted.get("nodeSelector", {})},
        "tolerations": [NEW, *wanted.get("tolerations", ())],
    }
    return await api.made("pods", {"metadata": {"name": name}, "spec": wanted})


async def fates(api: Api, bound: set[str]) -> dict[str, str]:
    """What became of each pod, once all that are to be bound are: its node, or why it waits."""
    found: dict[str, str] = {}

    async def all_decided() -> bool:
        for item in (await api.get(api.path("pods"))).body["items"]:
            read_ = pod_of(read(objects.Pod, item), Classes())
            found[read_.name] = read_.node or (
                read_.scheduler_message and f"waits: {read_.scheduler_message}"
            )
        return all(found.values()) and not any(found[name].startswith("waits") for name in bound)

    await until(all_decided, "the scheduler has decided on all pods", pause=0.2)
    return found


def _one_less(requests: dict[str, int], resource: str) -> Object:
    return _written({**requests, resource: requests[resource] - 1})


def _written(requests: dict[str, int]) -> Object:
    return {name: f"{number}m" if name == CPU else str(number) for name, number in requests.items()}


async def test_requests_are_what_the_scheduler_counts(api: Api) -> None:
    classes = Classes()
    for name, (wanted, short) in ASKING.items():
        for case in (name, f"{name}-short"):
            made = await make_pod(api, case, case, wanted)
            requests = dict(pod_of(read(objects.Pod, made), classes).cls.requests)
            await make_node(api, case, _written(requests) if case == name else _one_less(requests, short))
    found = await fates(api, set(ASKING))
    assert {name: found[name] for name in ASKING} == {name: f"{api.namespace}-{name}" for name in ASKING}
    for name, (_, short) in ASKING.items():
        assert f"Insufficient {short}" in found[f"{name}-short"]


async def test_labels_terms_and_taints_match_as_for_the_scheduler(api: Api) -> None:
    expected: dict[str, bool] = {}
    for name, wanted in MATCHING.items():
        more = {"taints": [wanted["taint"]]} if "taint" in wanted else {}
        node = await make_node(api, name, {}, labels=LABELS, **more)
        asked = {key: value for key, value in wanted.items() if key != "taint"}
        pod = await make_pod(api, name, name, spec(container(), **asked))
        seen = node_of(read(objects.Node, node), None, TaintRules())
        cls = pod_of(read(objects.Pod, pod), Classes()).cls
        expected[name] = runs_on(cls, seen.labels, seen.taints, seen.name)
    found = await fates(api, {name for name, matches in expected.items() if matches})
    assert {name: not fate.startswith("waits") for name, fate in found.items()} == expected
    assert len(set(expected.values())) == 2


async def make_daemon_set(api: Api, name: str, wanted: Object) -> objects.DaemonSet:
    """A DaemonSet for one node."""
    chosen = {"test": api.namespace, "case": name, **wanted.get("nodeSelector", {})}
    template = {"metadata": {"labels": {"of": name}}, "spec": {**wanted, "nodeSelector": chosen}}
    body = {
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": {"of": name}}, "template": template},
    }
    return read(objects.DaemonSet, await api.made("apps/v1/daemonsets", body))


async def test_daemonsets_run_where_they_are_expected_to(api: Api) -> None:
    expected: dict[str, int] = {}
    for name, wanted in MATCHING.items():
        more = {"taints": [wanted["taint"]]} if "taint" in wanted else {}
        node = await make_node(api, name, {}, labels=LABELS, **more)
        asked = {key: value for key, value in wanted.items() if key != "taint"}
        alone = [container(limits={"cpu": "1m"})]
        daemon = daemon_of(await make_daemon_set(api, name, {"containers": alone, **asked}), Classes())
        assert daemon is not None
        assert daemon.cls.requests == {"cpu": 1, "pods": 1}
        seen = node_of(read(objects.Node, node), None, TaintRules())
        lasting = TaintRules().lasting(seen.taints)
        expected[name] = int(runs_on(daemon.cls, seen.labels, lasting, seen.name))

    async def counted() -> dict[str, int] | None:
        items = (await api.get(api.path("apps/v1/daemonsets"))).body["items"]
        found = {each["metadata"]["name"]: each["status"] for each in items}
        seen = all(each.get("observedGeneration") for each in found.values())
        counts = {name: each["desiredNumberScheduled"] for name, each in found.items()}
        return counts if seen and counts == expected else None

    await until(counted, f"DaemonSets want {expected} pods", pause=0.2)
    pods = [read(objects.Pod, each) for each in (await api.get(api.path("pods"))).body["items"]]
    made = [pod_of(each, Classes()) for each in pods]
    assert made
    assert {(each.is_daemon, tuple(sorted(each.cls.requests.items()))) for each in made} == {
        (True, (("cpu", 1), ("pods", 1)))
    }

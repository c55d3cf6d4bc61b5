"""Nodes, pods and groups for tests of shrinking: the vocabulary, with defaults that let everything go."""

from collections.abc import Iterable, Mapping
from typing import Any

from addons.autoscaler.model.groups import Group, GroupOptions, Instance
from addons.autoscaler.model.intents import GroupRecord, Memory, NodeRecord
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.plans import GrowPlan, ShrinkPlan
from addons.autoscaler.model.pods import Budget, Pod, PodClass, PodOwner, Requirement
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.down import plan_down
from addons.autoscaler.plan.shrink_options import ShrinkOptions

NOW = 1_800_000_000.0
LONG_AGO = NOW - 86_400
GIB = 1 << 30
HOST = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"

_classes: dict[str, PodClass] = {}


def pod_class(
    cpu: int = 100, memory: int = GIB // 10, *, namespace: str = "shop", app: str = "web", **more: Any
) -> PodClass:
    """Pods that are alike share one class, as `desired` makes them."""
    key = repr((cpu, memory, namespace, app, sorted(more.items())))
    requests = {"cpu": cpu, "memory": memory, "pods": 1}
    if key not in _classes:
        _classes[key] = PodClass(
            digest=key, namespace=namespace, labels={"app": app}, requests=requests, **more
        )
    return _classes[key]


def owner(kind: str = "ReplicaSet", replicas: int | None = 3, **more: Any) -> PodOwner:
    return PodOwner(kind, "web", "uid-of-web", replicas, **more)


def pod(
    name: str, node: str = "n1", *, cpu: int = 100, app: str = "web", cls: PodClass | None = None, **more: Any
) -> Pod:
    """A pod that runs, is ready, old, and belongs to a ReplicaSet."""
    made = cls or pod_class(cpu, namespace=more.pop("namespace", "shop"), app=app)
    standard = {"created": LONG_AGO, "phase": "Running", "is_ready": True, "owner": owner()}
    return Pod(
        namespace=made.namespace, name=name, uid=f"uid-{name}", cls=made, node=node, **{**standard, **more}
    )


def daemon(name: str, node: str = "n1", **more: Any) -> Pod:
    return pod(name, node, is_daemon=True, owner=owner("DaemonSet", None), **more)


def node(name: str, *, cpu: int = 2000, memory: int = 8 * GIB, zone: str = "a", **more: Any) -> Node:
    """A node that is ready and old, on the instance `i-<name>`."""
    offered = more.pop("allocatable", {"cpu": cpu, "memory": memory, "pods": 29})
    labels = {HOST: name, ZONE: zone, **more.pop("labels", {})}
    standard = {"taints": (), "created": LONG_AGO, "ready_changed": LONG_AGO, "instance": f"i-{name}"}
    return Node(
        name=name,
        uid=f"uid-{name}",
        zone=zone,
        labels=labels,
        allocatable=offered,
        capacity=offered,
        **{**standard, **more},
    )


def group(name: str, members: Iterable[str], *, least: int = 0, most: int = 100, **more: Any) -> Group:
    """A group that AWS has just told of, with the nodes of these names."""
    instances = more.pop("instances", tuple(Instance(f"i-{each}") for each in members))
    options = more.pop("options", GroupOptions())
    standard = {"desired": len(instances), "observed": NOW}
    return Group(
        name=name,
        min_size=least,
        max_size=most,
        instances=instances,
        options=options,
        **{**standard, **more},
    )


def budget(allowed: int, name: str = "budget", *, app: str = "web", **more: Any) -> Budget:
    selector = more.pop("selector", (Requirement("app", "In", (app,)),))
    return Budget("shop", name, selector, allowed, **more)


def remembered(
    since: Mapping[str, float] | None = None, groups: Mapping[str, GroupRecord] | None = None
) -> Memory:
    """Since when nodes were not needed, and what is known of groups."""
    nodes = {name: NodeRecord(unneeded_since=at) for name, at in (since or {}).items()}
    return Memory(groups=dict(groups or {}), nodes=nodes)


def snapshot(
    nodes: Iterable[Node],
    pods: Iterable[Pod] = (),
    *,
    groups: Iterable[Group] | None = None,
    waiting: Iterable[Pod] = (),
    **more: Any,
) -> Snapshot:
    """A cluster: all nodes in one group, and not needed for a day, unless said otherwise."""
    by_name = {each.name: each for each in nodes}
    here = tuple(pods)
    pods_of = {name: tuple(each for each in here if each.node == name) for name in by_name}
    told = tuple(groups) if groups is not None else (group("g", by_name),)
    standard = {"memory": remembered(dict.fromkeys(by_name, LONG_AGO)), "now": NOW, "templates": {}}
    return Snapshot(
        nodes=by_name,
        pods_of=pods_of,
        waiting=tuple(waiting),
        groups={each.name: each for each in told},
        **{**standard, **more},
    )


def shrink(cluster: Snapshot, *, grow: GrowPlan | None = None, **options: Any) -> ShrinkPlan:
    return plan_down(cluster, ShrinkOptions(**options), grow or GrowPlan())


def gone(plan: ShrinkPlan) -> list[str]:
    """The nodes that go, in the order of the plan."""
    return [each.node for each in plan.removals]


def codes(plan: ShrinkPlan) -> dict[str, str]:
    """Why each other node stays."""
    return {name: why.code for name, why in plan.stays.items()}

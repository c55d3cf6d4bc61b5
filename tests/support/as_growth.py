"""Snapshots of a cluster for tests of what grows: each builder has the defaults of a quiet day."""

from collections.abc import Iterable, Mapping
from typing import Any

from addons.autoscaler.model.groups import Group, GroupOptions, Instance
from addons.autoscaler.model.intents import GroupRecord, Memory
from addons.autoscaler.model.nodes import Node, Template
from addons.autoscaler.model.pods import Pod, PodClass, PodOwner
from addons.autoscaler.model.snapshot import Snapshot

NOW = 1_800_000_000.0
GIB = 1 << 30
LAUNCH = "lt-1:1"
OWNER = PodOwner("ReplicaSet", "web", "rs-1", replicas=3)


def pod_class(
    digest: str = "web", *, cpu: int = 500, memory: int = 1 << 28, namespace: str = "default", **fields: Any
) -> PodClass:
    """A class of pods of half a core and 256 MiB."""
    requests = {"cpu": cpu, "memory": memory, "pods": 1, **fields.pop("more", {})}
    labels = fields.pop("labels", {"app": digest})
    return PodClass(digest=digest, namespace=namespace, labels=labels, requests=requests, **fields)


WEB = pod_class()


def pod(name: str = "web-0", cls: PodClass = WEB, **fields: Any) -> Pod:
    """A pod that the scheduler could not place for a minute; with `node`, one that runs there."""
    waits = {} if fields.get("node") else {"unschedulable_since": NOW - 60.0}
    return Pod(
        **{
            "namespace": cls.namespace,
            "name": name,
            "uid": f"uid-{cls.namespace}-{name}",
            "cls": cls,
            "created": NOW - 60.0,
            "owner": OWNER,
            **waits,
            **fields,
        }
    )


def pods(count: int, cls: PodClass = WEB, prefix: str = "", **fields: Any) -> list[Pod]:
    """So many pods of a class."""
    return [pod(f"{prefix or cls.digest}-{number}", cls, **fields) for number in range(count)]


def template(group: str = "a", **fields: Any) -> Template:
    """A node of 2 cores and 8 GiB, of which a little is kept for the system, as a real one shows it."""
    zone = fields.get("zone", "eu-1a")
    labels = {
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "m5.large",
        "topology.kubernetes.io/zone": zone,
        **fields.pop("labels", {}),
    }
    return Template(
        **{
            "group": group,
            "zone": zone,
            "labels": labels,
            "taints": (),
            "allocatable": {"cpu": 1930, "memory": 7 * GIB, "pods": 29},
            "digest": f"digest-{group}",
            "source": "node",
            **fields,
        }
    )


def group(name: str = "a", **fields: Any) -> Group:
    """A group of up to ten nodes in one zone, with nothing in it."""
    instances = fields.get("instances", ())
    return Group(
        **{
            "name": name,
            "min_size": 0,
            "max_size": 10,
            "desired": len(instances),
            "zones": ("eu-1a",),
            "subnets": (f"subnet-{name}",),
            "launch_template": LAUNCH,
            "observed": NOW,
            "options": GroupOptions(),
            **fields,
        }
    )


def instance(id_: str = "i-1", **fields: Any) -> Instance:
    """A running instance of the launch template that its group has."""
    return Instance(id_, **{"zone": "eu-1a", "type": "m5.large", "launch_template": LAUNCH, **fields})


def node(instance_id: str = "i-1", of: Template | None = None, **fields: Any) -> Node:
    """A node as its group's template has it, which has been ready for an hour."""
    like = of or template()
    name = fields.pop("name", f"node-{instance_id}")
    return Node(
        **{
            "name": name,
            "uid": f"uid-{name}",
            "instance": instance_id,
            "zone": like.zone,
            "labels": {**like.labels, "kubernetes.io/hostname": name},
            "taints": like.taints,
            "allocatable": like.allocatable,
            "capacity": like.allocatable,
            "created": NOW - 3600.0,
            "ready_changed": NOW - 3590.0,
            **fields,
        }
    )


def snapshot(
    groups: Iterable[Group] = (),
    *,
    waiting: Iterable[Pod] = (),
    nodes: Iterable[Node] = (),
    running: Iterable[Pod] = (),
    templates: Iterable[Template] | None = None,
    records: Mapping[str, GroupRecord] | None = None,
    **fields: Any,
) -> Snapshot:
    """What one pass sees; groups without a template get one, and all have proven themselves."""
    groups = tuple(groups)
    made = [template(each.name) for each in groups] if templates is None else templates
    known = {each.name: proven() for each in groups} if records is None else records
    running = tuple(running)
    found = tuple(nodes)
    return Snapshot(
        **{
            "now": NOW,
            "nodes": {each.name: each for each in found},
            "pods_of": {each.name: tuple(p for p in running if p.node == each.name) for each in found},
            "waiting": tuple(waiting),
            "groups": {each.name: each for each in groups},
            "templates": {each.group: each for each in made},
            "memory": Memory(groups=dict(known)),
            **fields,
        }
    )


def proven(**fields: Any) -> GroupRecord:
    """The record of a group whose nodes have joined and taken pods."""
    return GroupRecord(**{"proven": LAUNCH, **fields})

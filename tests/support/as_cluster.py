"""The same nodes and pods twice: in the simulation of the autoscaler, and in the oracle."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.pods import Pod, PodClass, Requirement
from addons.autoscaler.model.snapshot import Snapshot
from addons.autoscaler.plan.cluster import Cluster
from tests.support import as_oracle
from tests.support.as_drawn import HOST, NAMESPACES, ZONE

GIB = 1 << 30
WEB = PodClass("d", "x", {"app": "web"}, {"pods": 1, "cpu": 500, "memory": GIB})
TO_WEB = (Requirement("app", "In", ("web",)),)


def node(name: str, zone: str = "a", **changes: object) -> Node:
    """A node of 2 cores and 8 GiB."""
    made = Node(
        name=name,
        uid=name,
        instance=f"i-{name}",
        zone=zone,
        labels={HOST: name, ZONE: zone},
        taints=(),
        allocatable={"pods": 10, "cpu": 2000, "memory": 8 * GIB},
        capacity={},
        created=0.0,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def pod(name: str, cls: PodClass, node: str = "", *, leaves: bool = False) -> Pod:
    """A pod of a class."""
    delete_at = 1.0 if leaves else None
    return Pod(
        namespace=cls.namespace, name=name, uid=name, cls=cls, created=0.0, node=node, delete_at=delete_at
    )


def snapshot(
    nodes: Sequence[Node],
    pods: Sequence[Pod] = (),
    *,
    removing: frozenset[str] = frozenset(),
    namespaces: Mapping[str, dict[str, str]] = NAMESPACES,
) -> Snapshot:
    """A snapshot of nodes and their pods, and of nothing else."""
    return Snapshot(
        now=0.0,
        nodes={each.name: each for each in nodes},
        pods_of={node.name: tuple(each for each in pods if each.node == node.name) for node in nodes},
        waiting=(),
        groups={},
        templates={},
        namespaces=namespaces,
        removing=removing,
    )


def cluster_and_world(
    nodes: Sequence[Node], seated: Sequence[tuple[int, PodClass, bool]]
) -> tuple[Cluster, as_oracle.World]:
    """Both views of nodes where pods of a class sit (on the node of that number), some of which leave."""
    pods = [
        pod(f"p{number}", cls, nodes[node].name, leaves=leaves)
        for number, (node, cls, leaves) in enumerate(seated)
    ]
    cluster = Cluster.of(snapshot(nodes, pods))
    by_name = {each.name: as_oracle.host_of(each, closed=bool(each.not_ready_why)) for each in nodes}
    for each in pods:
        by_name[each.node].pods.append(as_oracle.Sitter(each.cls, each.delete_at is not None))
    return cluster, as_oracle.World([by_name[name] for name in cluster.order], NAMESPACES)

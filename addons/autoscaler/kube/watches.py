"""What is watched of the API server: pods, nodes, and all that says where pods may be and what they cost."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from addons.autoscaler.model.objects import (
    BUDGETS,
    CLAIMS,
    CONFIG_MAPS,
    CSI_NODES,
    DAEMON_SETS,
    JOBS,
    NAMESPACES,
    NODES,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
    STORAGE_CLASSES,
    VOLUMES,
    ConfigMap,
    CSINode,
    DaemonSet,
    Job,
    Namespace,
    Node,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    PodDisruptionBudget,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
    StorageClass,
)
from addons.runtime.kube import KubeClient
from addons.runtime.objects import PODS, KubeObject, Resource
from addons.runtime.outcomes import Fault
from addons.runtime.store import Change
from addons.runtime.unread_objects import stand_in
from addons.runtime.watches import Cache, Watches

O = TypeVar("O", bound=KubeObject)  # noqa: E741

OnChange = Callable[[Resource, Change[Any]], None]

_WRITTEN_BY_PEOPLE = frozenset({BUDGETS, DAEMON_SETS, STORAGE_CLASSES, CLAIMS})
"""What may be written so that it cannot be read: it is there all the same."""


class ClusterWatches:
    """The caches. `on_change` is told of each change after it is in its cache.

    `keep_pod` may shrink a pod, or leave it out, before it is kept. Where `priorities` and `rolls` name
    ConfigMaps of `namespace`, these are watched too; who may not read the rolls goes on without them.
    """

    def __init__(
        self,
        kube: KubeClient,
        *,
        on_change: OnChange,
        keep_pod: Callable[[Pod], Pod | None] | None = None,
        namespace: str = "",
        priorities: str = "",
        rolls: str = "",
    ) -> None:
        self._watches = Watches(kube)
        self._of_rolls = Watches(kube)
        self._on_change = on_change
        self.namespaces = self._add(NAMESPACES, Namespace)
        self.nodes = self._add(NODES, Node)
        self.csi_nodes = self._add(CSI_NODES, CSINode)
        self.storage_classes = self._add(STORAGE_CLASSES, StorageClass)
        self.volumes = self._watches.add(
            VOLUMES,
            PersistentVolume,
            indexers={"unclaimed": _unclaimed},
            on_change=partial(on_change, VOLUMES),
            stand_in=partial(stand_in, PersistentVolume),
        )
        self.claims = self._add(CLAIMS, PersistentVolumeClaim)
        self.replica_sets = self._add(REPLICA_SETS, ReplicaSet)
        self.stateful_sets = self._add(STATEFUL_SETS, StatefulSet)
        self.replication_controllers = self._add(REPLICATION_CONTROLLERS, ReplicationController)
        self.jobs = self._add(JOBS, Job)
        self.daemon_sets = self._add(DAEMON_SETS, DaemonSet)
        self.budgets = self._add(BUDGETS, PodDisruptionBudget)
        self.pods = self._add(PODS, Pod, keep_pod)
        self.priorities = self._add_map(self._watches, namespace, priorities)
        self.rolls = self._add_map(self._of_rolls, namespace, rolls)

    def _add_map(self, watches: Watches, namespace: str, name: str) -> Cache[ConfigMap]:
        """Watch one ConfigMap; none without a name."""
        if not name:
            return Cache()
        return watches.add(
            CONFIG_MAPS,
            ConfigMap,
            namespace=namespace,
            field_selector=f"metadata.name={name}",
            on_change=partial(self._on_change, CONFIG_MAPS),
        )

    def _add(
        self, resource: Resource, type_: type[O], transform: Callable[[O], O | None] | None = None
    ) -> Cache[O]:
        return self._watches.add(
            resource,
            type_,
            on_change=partial(self._on_change, resource),
            transform=transform,
            stand_in=partial(stand_in, type_) if resource in _WRITTEN_BY_PEOPLE else None,
        )

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep all caches up to date until `stopping`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._of_rolls.run(stopping))
            await self._watches.run(stopping)

    async def wait_settled(self) -> None:
        """Return once every cache has been filled, or refused by the server."""
        await self._watches.wait_settled()
        await self._of_rolls.wait_settled()

    @property
    def is_settled(self) -> bool:
        """True when every cache has been filled, or refused."""
        return self._watches.is_settled and self._of_rolls.is_settled

    def not_ready(self) -> str:
        """Which caches are empty or out of date, in words; empty when all are good."""
        return self._watches.not_ready() or ("" if self._of_rolls.is_settled else "rolls not read yet")

    def unread(self) -> dict[str, str]:
        """What is wrong with the caches that are empty or out of date, by resource."""
        return self._watches.faults()

    def faults(self) -> Iterator[Fault]:
        """What the API server refuses, or has told nothing of for too long."""
        yield from self._watches.unreadable()
        yield from self._of_rolls.unreadable()

    def blind(self) -> str:
        """Why pods or nodes are not known, or not as they are now, in words; empty when they are."""
        unread = self.unread()
        return ", ".join(f"{each} {unread[each]}" for each in ("pods", "nodes") if each in unread)


def _unclaimed(volume: PersistentVolume) -> list[str]:
    """The class of a volume that nobody has."""
    return [volume.spec.storage_class_name] if volume.spec.claim_ref is None else []

"""What is watched: the pods of this node, and namespaces."""

import asyncio
from collections.abc import Callable
from typing import Any

from addons.iamproxy.model.objects import NAMESPACES, Namespace, Pod
from addons.runtime.kube import KubeClient
from addons.runtime.objects import PODS
from addons.runtime.reflector import Reflector


class Watches:
    """The pods of one node and all namespaces, kept up to date; `on_change` hears that something changed."""

    def __init__(self, kube: KubeClient, *, node: str, on_change: Callable[[], None]) -> None:
        self._kube = kube
        self.pods: Reflector[Pod] = Reflector(
            kube, PODS, Pod, field_selector=f"spec.nodeName={node}", on_change=lambda change: on_change()
        )
        self.namespaces: Reflector[Namespace] = Reflector(
            kube, NAMESPACES, Namespace, on_change=lambda change: on_change()
        )

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep both up to date until `stopping`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.pods.run(stopping))
            group.create_task(self.namespaces.run(stopping))

    async def wait_synced(self) -> None:
        """Return when both have been read."""
        await self.pods.wait_synced()
        await self.namespaces.wait_synced()

    def not_ready(self) -> str:
        """What is empty or out of date, in words; empty when all is good."""
        reflectors: tuple[tuple[str, Reflector[Any]], ...] = (
            ("pods", self.pods),
            ("namespaces", self.namespaces),
        )
        faults = []
        for what, reflector in reflectors:
            if not reflector.synced:
                faults.append(f"{what} cannot be read: {reflector.last_error}".removesuffix(": "))
            elif not reflector.is_fresh():
                faults.append(f"{what} not heard of for {reflector.staleness():.0f} s")
        return ", ".join(faults)

    def by_name(self) -> dict[str, Namespace]:
        """All namespaces."""
        return {namespace.metadata.name: namespace for namespace in self.namespaces.store.all()}

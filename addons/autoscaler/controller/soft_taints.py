"""Marks nodes that are not needed with a soft taint, beside the loop and a few at a time."""

import asyncio
import logging
from collections.abc import Container
from typing import Final

from addons.autoscaler.controller.passes import Pass
from addons.autoscaler.kube.taints import Taints
from addons.autoscaler.model.nodes import Node
from addons.runtime.errors import NotFound, OutsideError, Withheld
from addons.runtime.permit import Permit

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 10
"""Nodes that are written after one pass, as in the original; the others follow after later ones."""


class SoftTaints:
    """Has nodes carry the taint while they are not needed, with the time since when."""

    def __init__(self, taints: Taints) -> None:
        self._taints = taints
        self._writing: asyncio.Task[None] | None = None

    def follow(self, done: Pass, permit: Permit, *, leave: Container[str]) -> None:
        """Bring taints nearer to what a pass has found; nodes to `leave` are another's."""
        if self._writing and not self._writing.done():
            return
        nodes, unneeded = done.snapshot.nodes, done.shrink.unneeded
        marked = {name for name, node in nodes.items() if node.candidate_since is not None}
        changed = sorted(marked ^ (unneeded.keys() & nodes.keys()))
        found = [nodes[name] for name in changed if name not in leave and not _goes(nodes[name])]
        if found and not done.snapshot.is_stale:
            self._writing = asyncio.create_task(self._write(found[:MOST_AT_ONCE], dict(unneeded), permit))

    async def _write(self, nodes: list[Node], unneeded: dict[str, float], permit: Permit) -> None:
        for node in nodes:
            try:
                if (since := unneeded.get(node.name)) is not None:
                    await self._taints.mark_unneeded(node.name, node.uid, since, permit)
                else:
                    await self._taints.mark_needed(node.name, node.uid, permit)
            except (NotFound, Withheld):
                continue
            except OutsideError as error:
                log.warning("soft taint of node %s not written: %s", node.name, error.message)
                return

    async def settled(self) -> None:
        """Return when nothing is being written."""
        if self._writing:
            await asyncio.wait([self._writing])


def _goes(node: Node) -> bool:
    return node.to_be_deleted_since is not None

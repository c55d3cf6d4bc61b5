"""What an uninstall would leave on nodes and keeps pods away: our taint, which nobody takes away any more."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

from addons.cni.kube.node_status import is_tainted, set_taint
from addons.cni.model.objects import NODES, Node
from addons.runtime.errors import NotFound, OutsideError
from addons.runtime.kube import KubeClient

log = logging.getLogger(__name__)

_LOOK_SECONDS = 2.0
_HAD_IT = "a node had the taint a moment ago"


class Untainting:
    """Takes the taint away from all nodes: `freed` names those that had it, `trouble` says what is amiss."""

    def __init__(self, kube: KubeClient) -> None:
        self._kube = kube
        self.freed: set[str] = set()
        self.trouble = "the API server did not answer in time"

    async def run(self, *, patience: timedelta) -> None:
        """Look again and again, until no node has it, but no longer than `patience`; `trouble` is empty then.

        What fails is tried again: a right that was just given may not be known everywhere yet, and what a
        daemon sent that is ending may still be on its way.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(patience.total_seconds()):
                while self.trouble:
                    self.trouble = await self._look()
                    await asyncio.sleep(_LOOK_SECONDS if self.trouble else 0)

    async def _look(self) -> str:
        """Take it away where it is now; why another look is needed, if it is."""
        try:
            tainted = [node for node in await self._kube.list(NODES, Node) if is_tainted(node)]
        except OutsideError as error:
            log.warning("failed: %s", error.message)
            return error.message
        failures = [failure for node in tainted if (failure := await self._untaint(node))]
        return next(iter(failures), _HAD_IT if tainted else "")

    async def _untaint(self, node: Node) -> str:
        """Take it away from a node; why that failed, if it did."""
        try:
            with suppress(NotFound):
                await set_taint(self._kube, node, wanted=False)
        except OutsideError as error:
            log.warning("failed: %s", error.message)
            return error.message
        self.freed.add(node.metadata.name)
        return ""

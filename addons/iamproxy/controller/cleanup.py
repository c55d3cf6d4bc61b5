"""Clean up: take the redirect away from this node, or have the pods of a DaemonSet do so on every node."""

import asyncio
import logging
from datetime import timedelta

from msgspec import Struct

from addons.iamproxy.kube.daemonset import DaemonSet, DaemonSets
from addons.iamproxy.net.redirect import Redirect
from addons.runtime.app import run_until_stopped
from addons.runtime.decisions import Decisions
from addons.runtime.errors import Invalid, NotFound, OutsideError
from addons.runtime.web import StatusServer

log = logging.getLogger(__name__)

_LOOK_SECONDS = 2.0


class CleanUp(Struct, frozen=True):
    """How a clean-up of all nodes ended: `left` of `nodes` are not done, and what was amiss at last."""

    nodes: int
    left: int | None
    trouble: str = ""

    @property
    def is_done(self) -> bool:
        """Whether every node is clean."""
        return self.left == 0


async def clean_up_nodes(daemon_sets: DaemonSets, *, timeout: timedelta) -> CleanUp:
    """Have every node cleaned up, and wait for the last one, or until `timeout`.

    The DaemonSet is read again and again, and changed again where somebody has changed it back. What fails is
    tried again until then (a right that was just given may not be known everywhere yet), unless it cannot
    succeed: there is no such DaemonSet, or it is not ours.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + timeout.total_seconds()
    progress = CleanUp(0, None, "nothing was heard of it")
    while not progress.is_done:
        try:
            progress = await _advance(daemon_sets)
        except (NotFound, Invalid) as error:
            return CleanUp(progress.nodes, progress.left, error.message)
        except OutsideError as error:
            if error.message != progress.trouble:
                log.warning("trying again: %s", error.message)
            progress = CleanUp(progress.nodes, progress.left, error.message)
        if loop.time() >= until:
            break
        if not progress.is_done:
            await asyncio.sleep(_LOOK_SECONDS)
    return progress


async def _advance(daemon_sets: DaemonSets) -> CleanUp:
    found = await daemon_sets.get()
    if not found.cleans_up:
        await daemon_sets.have_cleaned(found)
        log.info("asked: the pods of %s clean up", found.metadata.name)
        return CleanUp(found.status.desired_number_scheduled, None, "its pods were not replaced yet")
    return _progress(found)


def _progress(found: DaemonSet) -> CleanUp:
    nodes, left = found.status.desired_number_scheduled, found.nodes_left
    if left is None:
        return CleanUp(nodes, None, "its pods were not replaced yet")
    return CleanUp(nodes, left, "a pod there does not run, or is not ready" if left else "")


async def hold(redirect: Redirect, listen: str) -> None:
    """Take the redirect away from this node, then say so at `listen`, /readyz, until SIGTERM."""
    await redirect.remove()
    log.info("cleaned up: pods of this node see its metadata")
    status = StatusServer(
        listen,
        name="iamproxy",
        ready=lambda: "the redirect is back: a daemon runs on this node" if redirect.is_there else "",
        state=lambda: {"cleaned_up": not redirect.is_there},
        decisions=Decisions(),
        reuse_port=True,
    )
    await run_until_stopped(status.serve)

"""Clean up: take the redirect away from this node, or have the pods of a DaemonSet do so on every node."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from addons.iamproxy.kube.daemonset import DaemonSets
from addons.iamproxy.net.redirect import Redirect
from addons.runtime.app import run_until_stopped
from addons.runtime.decisions import Decisions
from addons.runtime.errors import Invalid, NotFound, OutsideError
from addons.runtime.web import StatusServer

log = logging.getLogger(__name__)

_LOOK_SECONDS = 2.0
_NOT_YET = "their pods were not replaced yet"


class Progress(Struct, frozen=True):
    """How far a clean-up is: `left` of `nodes` are not done (None: not known), and what is amiss."""

    nodes: int = 0
    left: int | None = None
    trouble: str = "the API server did not answer in time"

    @property
    def is_done(self) -> bool:
        """Whether every node is clean."""
        return self.left == 0


async def clean_up_nodes(daemon_sets: DaemonSets, *, patience: timedelta) -> Progress:
    """Have every node cleaned up, and wait for the last one, but no longer than `patience`.

    The DaemonSet is read again and again, and changed again where somebody has changed it back. What fails is
    tried again (a right that was just given may not be known everywhere yet), unless it cannot succeed: there
    is no such DaemonSet, or it is not ours.
    """
    progress = Progress()
    with suppress(TimeoutError):
        async with asyncio.timeout(patience.total_seconds()):
            while not progress.is_done:
                try:
                    progress = await _advance(daemon_sets)
                except OutsideError as error:
                    log.warning("failed: %s", error.message)
                    progress = replace(progress, trouble=error.message)
                    if isinstance(error, NotFound | Invalid):
                        break
                await asyncio.sleep(0 if progress.is_done else _LOOK_SECONDS)
    return progress


async def _advance(daemon_sets: DaemonSets) -> Progress:
    """Have it changed, where it is not yet, and tell how far it is."""
    found = await daemon_sets.get()
    nodes = found.status.desired_number_scheduled
    if not found.cleans_up:
        await daemon_sets.have_cleaned(found)
        log.info("asked: the pods of %s clean up", found.metadata.name)
        return Progress(nodes, None, _NOT_YET)
    if found.nodes_left is None:
        return Progress(nodes, None, _NOT_YET)
    return Progress(nodes, found.nodes_left, "their pod does not run, or is not ready")


def what_is_left(progress: Progress, namespace: str, name: str) -> str:
    """Say how far it came, and how to finish by hand."""
    which = "" if progress.left is None else f"on {progress.left} of {progress.nodes} nodes: "
    return (
        f"not done: {which}{progress.trouble}\n"
        "Pods of such a node get no credentials, and never the node's. Look at the pods of the DaemonSet\n"
        f"{namespace}/{name}, and try again; or uninstall with --no-hooks and run this on each such node,\n"
        "as root in the network of the host:\n"
        "  addons iamproxy cleanup\n"
    )


async def hold(redirect: Redirect, listen: str) -> None:
    """Take the redirect away from this node, then say so at `listen`, /readyz, until SIGTERM."""
    await redirect.remove()
    log.info("cleaned up: pods of this node see its metadata")
    status = StatusServer(
        listen,
        name="iamproxy",
        ready=lambda: "the redirect is back: a daemon runs on this node" if redirect.is_closed else "",
        state=lambda: {"cleaned_up": not redirect.is_closed},
        decisions=Decisions(),
        reuse_port=True,
    )
    await run_until_stopped(status.serve)

"""How long an installation of all five takes on a real Kubernetes of two nodes: wall, from the image on.

Run `python -m bench.suite` as root. Both nodes are on this machine, which runs the control plane and the
simulated AWS as well, and share its processors.
"""

import asyncio
import time

from tests.support.cluster import find_assets
from tests.support.fabric_nodes import short_folder
from tests.support.oci_image import archive, import_into
from tests.support.priority import ahead_of_others
from tests.support.suite import missing, suite_world
from tests.support.suite_install import Suite

TARGET = 90.0
"""Seconds from the import of the image to all five ready."""

REPLACED_TARGET = 60.0
"""Seconds for an upgrade in which every pod is replaced."""


async def measure() -> None:
    """Install and upgrade once, and print."""
    assets = find_assets()
    if assets is None or missing():
        print(f"bench/suite.py is left out: {missing()}")
        return
    size = archive().stat().st_size / 2**20
    with short_folder() as folder, ahead_of_others():
        async with suite_world(folder, assets, has_image=False) as world:
            began = time.monotonic()
            sockets = [folder / "nodes" / node.name / "containerd.sock" for node in world.site.nodes]
            await asyncio.gather(*(asyncio.to_thread(import_into, socket) for socket in sockets))
            imported = time.monotonic()
            suite = Suite(world)
            await suite.install()
            await suite.ready()
            ready = time.monotonic()
            before = await suite.pods()
            await suite.upgrade(logLevel="debug")
            await suite.ready()
            await suite.gone(before)
            replaced = time.monotonic()
    print(f"image of {size:.0f} MiB imported by both nodes: {imported - began:.1f} s")
    print(f"from its import to all five ready: {ready - began:.1f} s (target {TARGET:.0f} s)")
    print(f"upgrade of all, every pod replaced: {replaced - ready:.1f} s (target {REPLACED_TARGET:.0f} s)")


if __name__ == "__main__":
    asyncio.run(measure())

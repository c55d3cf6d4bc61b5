"""Take the pictures in docs/images anew: the status pages in the middle of the stories of `addons demo`.

usage: PYTHONPATH=. python docs/take_pictures.py [STORY...]   (as root; needs Chromium and pngquant)
"""

import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import aiohttp

from addons.demo.__main__ import STORIES
from addons.demo.cluster import Cluster
from addons.demo.daemon import Daemon
from addons.demo.reach import connector
from addons.demo.script import Story, Unmet
from addons.demo.world import World, simulated_world
from addons.runtime.kube import KubeClient
from tests.support.browser import Page, browser
from tests.support.processes import run

IMAGES = Path(__file__).parent / "images"

AFTER = {
    "albingress": "a fourth joins",
    "autoscaler": "8 pods want",
    "cni": "20 pods in all",
    "dns": "somebody mistypes",
    "iamproxy": "pod greedy asks",
}
"""The step of each story after which there is most to see, by how its title begins."""

WIDE, NARROW = 1200, 360
HIGHEST = {WIDE: 1500, NARROW: 1600}


async def page_of(daemon: Daemon) -> str:
    """The page, from where the daemon lives; it is to stand still."""
    async with (
        aiohttp.ClientSession(connector=connector(daemon.inside)) as http,
        http.get(f"{daemon.url}/?still=1") as reply,
    ):
        return await reply.text()


async def play(story: Story[Any], world: World, cluster: Cluster) -> str:
    """Play a story until there is most to see, and give the page."""
    async with story.open(world, cluster) as scene:
        for step in story.steps:
            with suppress(Unmet):  # a busy machine may be late; what there is then is looked at
                await step.play(scene)
            if step.title.startswith(AFTER[story.name]):
                return await page_of(scene.daemon)
    raise RuntimeError(f"{story.name} has no step {AFTER[story.name]!r}")


async def take(page: Page, name: str, html: str, folder: Path) -> None:
    """Write the pictures of one page: wide and light, narrow and dark."""
    file = folder / f"{name}.html"
    file.write_text(html)
    for width, is_dark in ((WIDE, False), (NARROW, True)):
        await page.look(width=width, dark=is_dark)
        await page.open(file.as_uri())
        raw = folder / "raw.png"
        await page.picture(raw, most=HIGHEST[width])
        picture = IMAGES / f"{name}{'-narrow' * is_dark}.png"
        made = await run("pngquant", "48", "--speed=1", "--strip", "--force", f"--output={picture}", raw)
        assert made.code == 0, made.err
        sys.stdout.write(f"{picture.name}: {picture.stat().st_size / 1000:.0f} kB\n")


async def main(names: list[str]) -> None:
    """Play the stories side by side, then take the pictures."""
    IMAGES.mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(simulated_world(None))
        cluster = Cluster(await stack.enter_async_context(KubeClient.connect(str(world.kubeconfig))))
        await cluster.create_namespace()
        pages = await asyncio.gather(*(play(STORIES[name], world, cluster) for name in names))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with browser(Path(folder) / "browser") as page:
            for name, html in zip(names, pages, strict=True):
                await take(page, name, html, Path(folder))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or sorted(AFTER)))

"""The application of the story: an HTTP server in a pod's network, which says which pod it is."""

from aiohttp import web

from addons.sim.net import Namespace

PORT = 8080
IMAGE = "app"
"""Containers of this image are such servers, in this process; all others are ours, and processes."""


class Application:
    """Serves in a pod from `start` to `stop`."""

    def __init__(self, pod: str) -> None:
        self._pod = pod
        self._runner: web.AppRunner | None = None

    async def start(self, inside: Namespace) -> None:
        """Serve in a network namespace."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.SockSite(self._runner, inside.listener("0.0.0.0", PORT)).start()

    async def stop(self) -> None:
        """Serve no more."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, _: web.Request) -> web.Response:
        return web.Response(text=self._pod)

"""Pages as people see them: headless Chromium, told what to do over its DevTools protocol."""

import base64
import shutil
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.processes import running
from tests.support.until import until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


_GONE = -32000


class Gone(Exception):
    """What was asked has no answer any more: the page has been left."""


@dataclass
class Page:
    """A tab of the browser, as wide as a screen and in one of the two colour schemes."""

    socket: aiohttp.ClientWebSocketResponse
    session: str
    numbers: "count[int]"

    async def look(self, *, width: int, height: int = 800, dark: bool = False) -> None:
        """Have a screen of some CSS pixels, whose user likes it dark or light."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def open(self, url: str) -> None:
        """Go to a page, and wait until all of it is there."""
        await self.call("Page.navigate", url=url)
        await until(self._is_there, f"{url} is loaded")

    async def _is_there(self) -> bool:
        return bool(await self.value("document.readyState === 'complete' && location.href !== 'about:blank'"))

    async def value(self, expression: str) -> Any:
        """What JavaScript gives, run beside the page, which has no script of its own.

        None when the page goes away meanwhile, as it does after a click.
        """
        try:
            found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        except Gone:
            return None
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def picture(self, file: Path, *, most: int = 4000) -> None:
        """Write what is to be seen of the page from its top, to a height of `most` pixels, as PNG."""
        width, height = await self.value("[innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, most), "scale": 1}
        shot = await self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))

    async def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """Call a method of the protocol."""
        number = next(self.numbers)
        request = {"id": number, "method": method, "params": arguments}
        await self.socket.send_json(request | ({"sessionId": self.session} if self.session else {}))
        while True:
            reply = await self.socket.receive_json(timeout=30)
            if reply.get("id") == number:
                if reply.get("error", {}).get("code") == _GONE:
                    raise Gone(reply["error"]["message"])
                assert "error" not in reply, reply
                result: dict[str, Any] = reply["result"]
                return result


@asynccontextmanager
async def browser(folder: Path, *before: str) -> AsyncIterator[Page]:
    """Start a browser that keeps its files in a folder; `before` stands before its command, as `nsenter`."""
    command = (*before, CHROMIUM, *_FLAGS, f"--user-data-dir={folder}", "about:blank")
    async with (
        running(*command, stdout=PIPE, stderr=PIPE) as process,
        aiohttp.ClientSession() as http,
    ):
        assert process.stderr
        url = ""
        async for line in process.stderr:
            if b"listening on " in line:
                url = line.decode().rpartition("listening on ")[2].strip()
                break
        assert url, "Chromium has ended"
        async with http.ws_connect(url, max_msg_size=0) as socket:
            all_of_it = Page(socket, "", count(1))
            target = (await all_of_it.call("Target.createTarget", url="about:blank"))["targetId"]
            attached = await all_of_it.call("Target.attachToTarget", targetId=target, flatten=True)
            yield Page(socket, attached["sessionId"], all_of_it.numbers)

"""kubectl as a test runs it: beside the event loop, which may be serving it at the same time."""

import asyncio
import json
import os
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from shutil import which
from typing import Any

import pytest

from tests.support.cluster import find_assets
from tests.support.processes import Ended, run, running
from tests.support.until import SECONDS


@dataclass(frozen=True)
class Kubectl:
    """kubectl for one server and namespace."""

    command: tuple[str, ...]

    async def run(self, *arguments: str, stdin: object = None) -> Ended:
        """Run kubectl to its end; `stdin` is an object that it reads."""
        given = json.dumps(stdin).encode() if stdin is not None else b""
        return await run(*self.command, *arguments, stdin=given, seconds=180)

    async def ok(self, *arguments: str, stdin: object = None) -> str:
        """Run kubectl, which must succeed; return what it printed."""
        code, out, err = await self.run(*arguments, stdin=stdin)
        assert code == 0, err
        return out.strip()

    async def refused(self, *arguments: str, stdin: object = None) -> str:
        """Run kubectl, which must fail; return its complaint."""
        code, out, err = await self.run(*arguments, stdin=stdin)
        assert code != 0, out
        return err.strip()

    async def json(self, *arguments: str) -> Any:
        """Return an object as kubectl gets it."""
        return json.loads(await self.ok("get", *arguments, "-o", "json"))

    @asynccontextmanager
    async def follow(self, *arguments: str) -> AsyncIterator[Callable[[], Coroutine[Any, Any, str]]]:
        """Run kubectl until the block ends; yield what reads its next line."""
        async with running(*self.command, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:

            async def next_line() -> str:
                assert process.stdout
                return (await asyncio.wait_for(process.stdout.readline(), SECONDS)).decode().strip()

            yield next_line


def require_kubectl() -> str:
    """Return the path of kubectl, ours or the one on the PATH; without any: skip, or fail where CI=true."""
    assets = find_assets()
    found = which("kubectl", path=assets) or which("kubectl")
    if found is None:
        leave_out = pytest.fail if os.environ.get("CI") else pytest.skip
        leave_out("no kubectl; `make kube` builds one")
    return str(found)

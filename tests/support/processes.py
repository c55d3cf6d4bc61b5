"""Programs as processes of their own, which end with the test."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import IO


@asynccontextmanager
async def running(
    *command: str,
    env: Mapping[str, str] | None = None,
    stdin: int | None = None,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
) -> AsyncIterator[Process]:
    """Run a program from its first moment on; it is killed in the end unless it has ended."""
    process = await asyncio.create_subprocess_exec(
        *command, env=env, stdin=stdin, stdout=stdout, stderr=stderr
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()

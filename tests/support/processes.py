"""Programs as processes of their own, which end with the test."""

import asyncio
import signal
import subprocess
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, NamedTuple


class Ended(NamedTuple):
    """How a program ended."""

    code: int
    out: str
    err: str


@asynccontextmanager
async def running(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    stdin: int | None = None,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    end_by: signal.Signals = signal.SIGKILL,
    own_session: bool = False,
) -> AsyncIterator[Process]:
    """Run a program from its first moment on; in the end the signal is sent to it unless it has ended."""
    process = await asyncio.create_subprocess_exec(
        *command, env=env, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=own_session
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(end_by)
            await process.communicate()


async def ended(process: Process, stdin: bytes | None = None, *, seconds: float = 60.0) -> Ended:
    """Wait for the end of a program whose output is piped."""
    out, err = await asyncio.wait_for(process.communicate(stdin), seconds)
    return Ended(process.returncode or 0, (out or b"").decode(), (err or b"").decode())


async def run(
    *command: str | Path, env: Mapping[str, str] | None = None, stdin: bytes = b"", seconds: float = 60.0
) -> Ended:
    """Run a program to its end, beside the event loop; it is killed when that takes longer."""
    async with running(*command, env=env, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        return await ended(process, stdin, seconds=seconds)


def output_of(*command: str | Path, env: Mapping[str, str] | None = None, stdin: str = "") -> str:
    """Run a command that must succeed, while everything else waits, and give what it prints.

    Neither it nor what it leaves running hears a Ctrl-C, which is for us.
    """
    done = subprocess.run(
        command, env=env, input=stdin, capture_output=True, text=True, timeout=120, start_new_session=True
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout

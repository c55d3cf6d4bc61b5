"""Programs with boto3 as it comes, in many pods at once: no setting, an empty environment, one process."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from addons.sim.net import Namespace
from tests.support.processes import running

_NEW_NETWORK = 0x40000000
PROGRAMS = f"""
import ctypes, json, sys, threading, boto3

def start(path, ready, go):
    with open(path) as opened:
        if ctypes.CDLL(None, use_errno=True).setns(opened.fileno(), {_NEW_NETWORK}):
            raise OSError(ctypes.get_errno(), path)
    session = boto3.Session(region_name="eu-central-1")
    session._session.get_component("credential_provider")
    ready.wait()
    go.wait()
    found = session.get_credentials()
    print(json.dumps({{"path": path, "key": found.access_key if found else ""}}), flush=True)

ready, go = threading.Barrier(len(sys.argv)), threading.Event()
for path in sys.argv[1:]:
    threading.Thread(target=start, args=(path, ready, go)).start()
ready.wait()
print("ready", flush=True)
sys.stdin.readline()
go.set()
"""


class Programs:
    """One program in each of some namespaces, about to ask for credentials."""

    def __init__(self, process: asyncio.subprocess.Process, count: int) -> None:
        self._process = process
        self._count = count

    def go(self) -> None:
        """Let all of them ask."""
        assert self._process.stdin
        self._process.stdin.write(b"go\n")

    async def keys(self) -> dict[str, str]:
        """The access key id that each has got, by the name of its namespace; "" where there was none."""
        assert self._process.stdout
        lines = [json.loads(await self._process.stdout.readline()) for _ in range(self._count)]
        return {line["path"].rpartition("/")[2]: line["key"] for line in lines}


@asynccontextmanager
async def programs(namespaces: Sequence[Namespace]) -> AsyncIterator[Programs]:
    """Start the programs, and wait until they are about to ask."""
    paths = [f"/run/netns/{each.name}" for each in namespaces]
    command = ("env", "-i", sys.executable, "-c", PROGRAMS, *paths)
    async with running(*command, stdin=PIPE, stdout=PIPE) as process:
        assert process.stdout
        assert await process.stdout.readline() == b"ready\n"
        yield Programs(process, len(paths))

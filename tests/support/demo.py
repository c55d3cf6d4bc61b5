"""`addons demo` as a process, and what it leaves behind."""

import asyncio
import os
import re
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.processes import output_of, running


class Demo:
    """One run. Its temporary files go to `folder`, by which its processes are known, too."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process = process
        self._folder = folder

    async def read_until(self, pattern: str) -> str:
        """Read its output up to the first line that matches; all of it when none does."""
        assert self.process.stdout is not None
        text = ""
        while line := (await self.process.stdout.readline()).decode():
            text += line
            if re.search(pattern, line):
                break
        return text

    def interrupt(self) -> None:
        """As Ctrl-C on its terminal does it: the signal goes to its children, too."""
        os.killpg(self.process.pid, signal.SIGINT)

    async def end(self) -> str:
        """Wait for its end, and give the rest of its output."""
        output, _ = await self.process.communicate()
        return output.decode()

    def processes(self) -> Mapping[int, str]:
        """The command lines of processes that have to do with the folder, the demo itself left out."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == self.process.pid:
                continue
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                environment = (entry / "environ").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if str(self._folder) in command + environment:
                found[int(entry.name)] = command
        return found

    def namespaces(self) -> list[str]:
        """The network namespaces that it has made."""
        listed = output_of("ip", "netns", "list")
        own = (f"addons-{self.process.pid}-", f"addons-vpc-{self.process.pid}-")
        return [line for line in listed.splitlines() if line.startswith(own)]

    def remains(self) -> list[str]:
        """Whatever is left of it: processes, files, namespaces."""
        return [*self.processes().values(), *map(str, self._folder.iterdir()), *self.namespaces()]


@asynccontextmanager
async def demo(*arguments: str, under: Sequence[str] = ()) -> AsyncIterator[Demo]:
    """Start it, by way of the command `under` when there is one; it is ended with the context at the latest.

    Its folder has a short path: a temporary one of pytest's would be longer than a socket's may be. It is
    the home of who starts it, too.
    """
    with tempfile.TemporaryDirectory(prefix="demo-test-") as folder:
        command = (*under, sys.executable, "-m", "addons.demo", *arguments)
        async with running(
            *command,
            env={**os.environ, "TMPDIR": folder, "HOME": folder},
            stdout=PIPE,
            stderr=STDOUT,
            end_by=signal.SIGTERM,
            own_session=True,
        ) as process:
            yield Demo(process, Path(folder))


def summary(text: str) -> str:
    """The line that counts how the steps went."""
    found = re.search(r"^\d+ passed, .*$", text, re.MULTILINE)
    assert found, text
    return found[0]

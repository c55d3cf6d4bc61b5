"""Network namespaces for tests: made, joined to the test's own network by a veth pair, and removed again."""

import ctypes
import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_numbers = itertools.count(os.getpid() % 200)
_CLONE_NEWNET = 0x40000000


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@dataclass(frozen=True)
class Namespace:
    """A namespace with one link to the outside: `outside` is our end's address, `inside` its own."""

    name: str
    link: str
    outside: str
    inside: str

    def command(self, *command: str) -> list[str]:
        """The command line that runs `command` inside."""
        return ["ip", "netns", "exec", self.name, *command]

    def cut(self) -> None:
        """Unplug the link: packets vanish, nobody is told."""
        ip("link", "set", self.link, "down")

    def mend(self) -> None:
        ip("link", "set", self.link, "up")


def privileged() -> bool:
    """Whether this process may make network namespaces; asked in a child, which ends at once."""
    child = os.fork()
    if child == 0:
        unshare = ctypes.CDLL(None, use_errno=True).unshare
        os._exit(0 if unshare(_CLONE_NEWNET) == 0 else 1)
    return os.waitpid(child, 0)[1] == 0


@contextmanager
def namespace() -> Iterator[Namespace]:
    number = next(_numbers) % 250
    name, link = f"addons-{os.getpid()}-{number}", f"adv{os.getpid() % 100000}x{number}"
    made = Namespace(name, link, f"10.213.{number}.1", f"10.213.{number}.2")
    ip("netns", "add", name)
    try:
        ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("addr", "add", f"{made.outside}/24", "dev", link)
        ip("link", "set", link, "up")
        ip("-n", name, "addr", "add", f"{made.inside}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "link", "set", "lo", "up")
        yield made
    finally:
        ip("netns", "del", name)
        subprocess.run(["ip", "link", "del", link], check=False, capture_output=True)

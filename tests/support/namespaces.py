"""Network namespaces for tests: made, joined to the test's own network by a veth pair, and removed again."""

import ctypes
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.processes import output_of

_CLONE_NEWNET = 0x40000000


def ip(*arguments: str) -> None:
    output_of("ip", *arguments)


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


def claim(name: Callable[[int], str]) -> int:
    """Make the namespace `name(number)`; that it could be made shows that the number was free."""
    for attempt in range(250):
        number = (os.getpid() + attempt) % 250
        try:
            ip("netns", "add", name(number))
        except RuntimeError:
            continue
        return number
    raise RuntimeError(f"no number is free for {name(0)}; `ip netns list` shows who has them")


@contextmanager
def namespace() -> Iterator[Namespace]:
    number = claim("addons-test-{}".format)
    name, link = f"addons-test-{number}", f"adtest{number}"
    made = Namespace(name, link, f"10.213.{number}.1", f"10.213.{number}.2")
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

"""Wire pods: the hot path. Messages are packed by hand and sent as one batch for each namespace.

Everything runs in a few threads of its own, which enter the pods' namespaces; the event loop only waits.
"""

from typing import Self

from addons.cni.net.wiring import Wired, Wiring
from addons.runtime.errors import AlreadyExists


class LinkTaken(AlreadyExists):
    """The host's end of that name belongs to another sandbox; `owner` is (container id, name inside)."""

    def __init__(self, message: str, owner: tuple[str, str]) -> None:
        super().__init__(message)
        self.owner = owner


class Pods:
    """The pods' links of the network namespace in which it is made."""

    def __init__(self, *, threads: int = 2) -> None:
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        """End its threads and give sockets back at the end; links stay."""
        raise NotImplementedError

    async def connect(self, wiring: Wiring) -> Wired:
        """Have the pod reach the node: pair of links, address, routes, neighbour, and the node the pod.

        Wired already, by us and for this sandbox: nothing changes. When it fails, nothing is left. Raises
        `LinkTaken`: another sandbox has the name, and keeps it. `NotFound`: the pod's namespace is gone.
        `AlreadyExists`: the pod has such an interface, not by us. Other `OutsideError`: the kernel refused.
        """
        raise NotImplementedError

    async def disconnect(self, wiring: Wiring) -> None:
        """Take away the pair of links, and its rules; nothing to do when they are gone, or another sandbox's.

        The pod's namespace may be gone: `netns` may be empty.
        """
        raise NotImplementedError

    async def check(self, wiring: Wiring) -> tuple[str, ...]:
        """Say in words what is not as `connect` makes it; empty when nothing. Raises `OutsideError`."""
        raise NotImplementedError

    async def repair(self, wiring: Wiring) -> tuple[str, ...]:
        """Put right what `check` finds, where the pair of links lives; say what was amiss."""
        raise NotImplementedError

    async def adopt(self, wiring: Wiring) -> tuple[str, ...]:
        """Take over a pod that the original wired: it keeps its links, which get our alias and route.

        Traffic goes on meanwhile. Say what was changed. Raises `NotFound`: it has no such link.
        """
        raise NotImplementedError

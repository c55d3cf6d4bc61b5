"""Wire pods: the hot path. Messages are packed by hand and sent as one batch for each namespace.

Everything runs in threads of its own, which enter the pods' namespaces; the event loop only waits. One thread
wires: the kernel makes one link at a time anyway, and two threads of Python hinder each other. Another one
looks and repairs, which takes longer.

The kernel waits some 15 ms when it removes a link, and makes and removes no other one meanwhile. So links
that are to go are put into a group, which is removed at once: thirty take as long as one.
"""

import asyncio
import os
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from addons.cni.net import inspection
from addons.cni.net.namespaces import OWN
from addons.cni.net.pair import LinkTaken, Pairs
from addons.cni.net.sysctls import Sysctls
from addons.cni.net.wiring import Wired, Wiring
from addons.cni.worker import Worker

__all__ = ["LinkTaken", "Pods"]

T = TypeVar("T")


class Pods:
    """The pods' links of the network namespace in which it is made; a context manager that ends its threads.

    Links stay. Callers see to it that of one sandbox one call is under way at a time.
    """

    def __init__(self, *, sysctls: Sysctls | None = None) -> None:
        self._home = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
        used = sysctls or Sysctls()
        self._wirer, self._remover, self._inspector = (_Thread(self._home, used) for _ in range(3))
        self._removing = asyncio.Lock()
        self._next_removal: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Finish what was begun: links that were to go are removed."""
        await self._remover.run(Pairs.remove_doomed)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for thread in (self._wirer, self._remover, self._inspector):
            await thread.end()
        os.close(self._home)

    async def connect(self, wiring: Wiring, await_written: Callable[[], None] = lambda: None) -> Wired:
        """Have the pod reach the node: pair of links, address, routes, neighbour; and the node the pod.

        `await_written` returns, in the thread, when it is on the disk that the pod has the address. Before
        that nothing leads to the pod, and the link does not say whose it is.

        Wired already, by us and for this sandbox: nothing changes. When it fails, nothing is left; whoever
        cancels it disconnects. Raises `LinkTaken`: another sandbox has the name, and keeps it. `NotFound`:
        the pod's namespace is gone. `AlreadyExists`: the pod has such an interface, not by us. Other
        `OutsideError`: the kernel refused.
        """
        return await self._wirer.run(lambda pairs: pairs.connect(wiring, await_written))

    async def disconnect(self, wiring: Wiring) -> None:
        """Take away the pair of links, and its rules; nothing to do when they are gone, or another sandbox's.

        The pod's namespace may be gone: `netns` may be empty.
        """
        if not await self._wirer.run(lambda pairs: pairs.doom(wiring)):
            return
        if self._next_removal is None:
            self._next_removal = asyncio.create_task(self._remove())
        await asyncio.shield(self._next_removal)

    async def check(self, wiring: Wiring) -> tuple[str, ...]:
        """Say in words what is not as `connect` makes it; empty when nothing. Raises `OutsideError`."""
        return await self._inspector.run(lambda pairs: inspection.differences(pairs, wiring))

    async def repair(self, wiring: Wiring) -> tuple[str, ...]:
        """Put right what `check` finds, as long as the pair of links lives; say what was amiss."""
        return await self._inspector.run(lambda pairs: inspection.repair(pairs, wiring))

    async def adopt(self, wiring: Wiring) -> tuple[str, ...]:
        """Take over a pod that another daemon wired: it keeps its links, which get our alias and route.

        Traffic goes on meanwhile. Say what was changed. Raises `NotFound`: there is no such link.
        """
        return await self._wirer.run(lambda pairs: pairs.adopt(wiring))

    async def namespace_of(self, host_if: str) -> str:
        """Find the path of a pod's namespace by its link; "" for none. Raises `NotFound`: no such link."""
        return await self._inspector.run(lambda pairs: pairs.namespace_of(host_if))

    async def _remove(self) -> None:
        async with self._removing:
            self._next_removal = None  # whoever comes from now on needs the next one
            await self._remover.run(Pairs.remove_doomed)


class _Thread:
    """One thread with its own sockets, which it makes when it is used first."""

    def __init__(self, home: int, sysctls: Sysctls) -> None:
        self._worker = Worker("wiring")
        self._home, self._sysctls = home, sysctls
        self._pairs: Pairs | None = None

    def run(self, function: Callable[[Pairs], T]) -> asyncio.Future[T]:
        """Have the thread do something with its sockets."""
        return self._worker.run(lambda: function(self._own()))

    async def end(self) -> None:
        """Do what was asked for, and end."""
        if self._pairs:
            await self.run(Pairs.close)
        await self._worker.end()

    def _own(self) -> Pairs:
        if self._pairs is None:
            self._pairs = Pairs(self._home, self._sysctls)
        return self._pairs

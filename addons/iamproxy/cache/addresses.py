"""The verdict for each address, found without waiting; and a wait for an address that is not known yet."""

import asyncio
from collections.abc import Callable, Collection, Mapping

from addons.iamproxy.model.verdicts import Verdict

CURRENT_SECONDS = 0.01
"""For so long after the network was asked, no address can have gone to another pod whose containers run:
between the release of an address and the first process of its next pod lie a network plugin and a runtime."""

ALWAYS = float("inf")
"""In place of a time: there is no network to ask, what is in the table counts until it changes."""


class Addresses:
    """The verdict for every address of this node's pods.

    `is_trusted` tells whether what the table was made from is complete and fresh; without that nobody is
    found. Nor is an address whose holder is in doubt, or may have changed since the network was asked:
    `on_wait` then has it asked again.
    """

    def __init__(
        self, *, is_trusted: Callable[[], bool], on_wait: Callable[[str], None] = lambda ip: None
    ) -> None:
        self.is_trusted = is_trusted
        self._on_wait = on_wait
        self._table: Mapping[str, Verdict] = {}
        self._doubtful: Collection[str] = frozenset()
        self._read_at = ALWAYS
        self._waiting: dict[str, dict[asyncio.Future[Verdict], float]] = {}

    def __len__(self) -> int:
        return len(self._table)

    def find(self, ip: str) -> Verdict | None:
        """What is to be said to an address; None when that is not known, or not known for sure."""
        if ip in self._doubtful or not self._is_current() or not self.is_trusted():
            return None
        return self._table.get(ip)

    async def wait(self, ip: str, seconds: float) -> Verdict | None:
        """Find an address, and wait for it to be known for so long; None when it is not by then."""
        if (found := self.find(ip)) is not None:
            return found
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Verdict] = loop.create_future()
        self._waiting.setdefault(ip, {})[answer] = loop.time()
        self._on_wait(ip)
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            return None
        finally:
            self._leave(ip, answer)

    def replace(
        self,
        table: Mapping[str, Verdict],
        *,
        doubtful: Collection[str] = frozenset(),
        read_at: float = ALWAYS,
    ) -> None:
        """Hold exactly `table` from now on, and answer those that wait.

        `read_at` is the loop's time at which the assignments of the network were read.
        """
        self._table, self._doubtful = table, doubtful
        self.confirm(read_at)

    def confirm(self, read_at: float) -> None:
        """Answer those that waited when the network was asked, at `read_at`: the table is what it said."""
        self._read_at = read_at
        if not self._waiting or not self.is_trusted():
            return
        for ip in (self._waiting.keys() & self._table.keys()) - set(self._doubtful):
            for answer, asked_at in self._waiting[ip].items():
                if asked_at <= read_at and not answer.done():
                    answer.set_result(self._table[ip])

    def _is_current(self) -> bool:
        if self._read_at == ALWAYS:
            return True
        return asyncio.get_running_loop().time() - self._read_at <= CURRENT_SECONDS

    def _leave(self, ip: str, answer: "asyncio.Future[Verdict]") -> None:
        waiting = self._waiting[ip]
        del waiting[answer]
        if not waiting:
            del self._waiting[ip]

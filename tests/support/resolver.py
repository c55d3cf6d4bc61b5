"""A resolver that asks an authoritative name server all the time, and keeps every answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

PERIOD = 0.05
"""Seconds between two questions for one name."""

PATIENCE = 2.0
"""Seconds after which a question counts as not answered."""


@dataclass(frozen=True)
class Answer:
    """What the server said about the addresses of a name that it was `asked` for, on the loop's clock."""

    asked: float
    name: str
    code: str
    addresses: frozenset[str]
    ttl: int = 0


class Resolver:
    """Asks for every name twenty times a second. `answers` are in the order in which they came."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._host, self._port = server
        self.answers: list[Answer] = []

    def of(self, name: str) -> list[Answer]:
        """What was said about one name."""
        return [answer for answer in self.answers if answer.name == name]

    def now(self, name: str) -> frozenset[str]:
        """The addresses in the last answer about a name."""
        return next((each.addresses for each in reversed(self.answers) if each.name == name), frozenset())

    @asynccontextmanager
    async def asking(self, *names: str) -> AsyncIterator[None]:
        """Ask for these names until the block ends."""
        tasks = [asyncio.create_task(self._ask_always(name)) for name in names]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        faults = [each for each in ended if not isinstance(each, asyncio.CancelledError)]
        assert faults == []

    async def _ask_always(self, name: str) -> None:
        clock = asyncio.get_running_loop().time
        due = clock()
        while True:
            self.answers.append(await self._ask(name, clock()))
            due = max(due + PERIOD, clock())
            await asyncio.sleep(due - clock())

    async def _ask(self, name: str, now: float) -> Answer:
        query = dns.message.make_query(name, dns.rdatatype.A)
        try:
            reply = await dns.asyncquery.udp(query, self._host, timeout=PATIENCE, port=self._port)
        except (dns.exception.Timeout, OSError) as error:
            return Answer(now, name, type(error).__name__, frozenset())
        found = frozenset(data.to_text() for rrset in reply.answer for data in rrset)
        ttl = max((rrset.ttl for rrset in reply.answer), default=0)
        return Answer(now, name, dns.rcode.to_text(reply.rcode()), found, ttl)

"""Answers of AWS that are good for a while, asked for once however many want them."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Answers by what was asked, each for some seconds. A failure is nobody's answer but the asker's."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._answers: dict[K, tuple[float, V]] = {}
        self._one_by_one = asyncio.Lock()

    async def get(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        """The answer to `key`, asked for again when it is too old."""
        async with self._one_by_one:
            known = self.known(key)
            if known is None:
                known = await ask()
                self.put(key, known)
        return known

    def known(self, key: K) -> V | None:
        """The answer that is still good; None when there is none."""
        then, answer = self._answers.get(key, (float("-inf"), None))
        return answer if then > _now() - self._seconds else None

    def latest(self, key: K) -> V | None:
        """The last answer, however old it is."""
        return self._answers.get(key, (0.0, None))[1]

    def age(self, key: K) -> float:
        """Seconds since the last answer; infinity where there is none."""
        return _now() - self._answers[key][0] if key in self._answers else float("inf")

    def put(self, key: K, answer: V) -> None:
        """Remember an answer."""
        self._answers[key] = (_now(), answer)

    def drop(self, key: K) -> None:
        """Have it asked for again."""
        self._answers.pop(key, None)

    def forget(self) -> None:
        """Have everything asked for again."""
        self._answers.clear()


def _now() -> float:
    return asyncio.get_running_loop().time()

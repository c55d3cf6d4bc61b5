"""Answers of AWS that are good for a while: asked for once however many want them, each key for itself."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Answers(Generic[K, V]):
    """Answers by what was asked. A question that hangs holds up nobody who asks another."""

    def __init__(self) -> None:
        self._answers: dict[K, tuple[float, V]] = {}
        self._asking: dict[K, asyncio.Lock] = {}

    async def get(self, key: K, ask: Callable[[], Awaitable[V]], *, seconds: float = float("inf")) -> V:
        """The answer to `key`, asked for again when it is older. Raises what `ask` does."""
        lock = self._asking.setdefault(key, asyncio.Lock())
        async with lock:
            then, answer = self._answers.get(key, (float("-inf"), None))
            if answer is None or then < _now() - seconds:
                answer = await ask()
                self._answers[key] = (_now(), answer)
        return answer


def _now() -> float:
    return asyncio.get_running_loop().time()

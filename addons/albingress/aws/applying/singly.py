"""Several things in one call: where AWS refuses all for the sake of one, each is asked for by itself."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from addons.runtime.errors import Invalid, NotFound, OutsideError

T = TypeVar("T")


async def all_or_each(ask: Callable[[Sequence[T]], Awaitable[None]], things: Sequence[T]) -> None:
    """Ask for all at once; what is refused then, the first of it, is raised once the others are there."""
    try:
        await ask(things)
    except (Invalid, NotFound) as error:
        if len(things) == 1:
            raise
        refused: list[OutsideError] = []
        for each in things:
            try:
                await ask([each])
            except (Invalid, NotFound) as one:
                refused.append(one)
        if refused:
            raise refused[0] from error

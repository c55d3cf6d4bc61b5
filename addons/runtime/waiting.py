"""Patience with AWS: what it just did may not be seen yet, for some seconds, by the next call."""

from collections.abc import Awaitable, Callable, Container
from typing import TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    retry_if_result,
    stop_after_attempt,
    wait_exponential,
)

from addons.runtime.errors import OutsideError

T = TypeVar("T")

_PAUSES = wait_exponential(multiplier=0.2, max=5.0)
"""Seconds: 0.2, 0.4, 0.8 and so on; eight tries take 16 s."""


async def persistently(
    call: Callable[[], Awaitable[T]],
    *kinds: type[OutsideError],
    tries: int = 8,
    final: Container[str] = (),
) -> T:
    """Make a call again while it fails in one of these ways; the last error is raised.

    No patience helps against errors whose code is `final`.
    """

    def may_pass(error: BaseException) -> bool:
        return isinstance(error, kinds) and error.code not in final

    retrying = AsyncRetrying(
        retry=retry_if_exception(may_pass), wait=_PAUSES, stop=stop_after_attempt(tries), reraise=True
    )

    async def once() -> T:  # what is no coroutine function, tenacity would call and not await
        return await call()

    return await retrying(once)


async def until_there(look: Callable[[], Awaitable[T | None]], *, tries: int = 12) -> T | None:
    """Look again until there is something; None when there is nothing at the last look."""
    retrying = AsyncRetrying(
        retry=retry_if_result(_is_nothing),
        wait=_PAUSES,
        stop=stop_after_attempt(tries),
        retry_error_callback=_give_up,
    )
    found: T | None = await retrying(look)
    return found


def _is_nothing(value: object) -> bool:
    return value is None


def _give_up(state: RetryCallState) -> None:
    """No result: an error of the last look goes on its way."""
    if state.outcome:
        state.outcome.result()

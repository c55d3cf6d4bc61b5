"""Services that went a moment ago: they may come again at once, and what they had is kept so long."""

import asyncio
from collections.abc import Callable

from addons.runtime.objects import Key


class RecentlyGone:
    """Remembers since when a Service is gone, for `seconds`. `is_over` is called when its time is up."""

    def __init__(self, seconds: float, is_over: Callable[[Key], None]) -> None:
        self._seconds = seconds
        self._is_over = is_over
        self._gone: dict[Key, asyncio.TimerHandle] = {}

    def note(self, service: Key, *, is_there: bool) -> None:
        """A Service came, changed or went."""
        if is_there:
            if timer := self._gone.pop(service, None):
                timer.cancel()
        elif service not in self._gone:
            self._gone[service] = asyncio.get_running_loop().call_later(self._seconds, self._end, service)

    def _end(self, service: Key) -> None:
        del self._gone[service]
        self._is_over(service)

    def __contains__(self, service: object) -> bool:
        return service in self._gone

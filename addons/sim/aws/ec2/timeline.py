"""Values by id, as they are and as they lately were: what a copy that lags behind would show."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")

_KEPT = timedelta(minutes=10)


class Timeline(Generic[T]):
    """The present values, oldest first, and those of the last ten minutes."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._present: dict[str, T] = {}
        self._past: dict[str, list[tuple[datetime, T | None]]] = {}

    def __getitem__(self, id_: str) -> T:
        return self._present[id_]

    def get(self, id_: str) -> T | None:
        """Give the present value; None when there is none."""
        return self._present.get(id_)

    def values(self) -> list[T]:
        """Give all present values."""
        return list(self._present.values())

    def put(self, id_: str, value: T) -> None:
        """Let the value be this one from now on."""
        self._note(id_, value)
        self._present[id_] = value

    def remove(self, id_: str) -> None:
        """Let there be no value any more. Raises KeyError when there is none."""
        del self._present[id_]
        self._note(id_, None)

    def before(self, seconds: float) -> Mapping[str, T]:
        """Give the values as they were so long ago, ten minutes at most."""
        if seconds <= 0:
            return dict(self._present)
        moment = self._now() - timedelta(seconds=seconds)
        found = {id_: _last(versions, moment) for id_, versions in self._past.items()}
        return {id_: value for id_, value in found.items() if value is not None}

    def _note(self, id_: str, value: T | None) -> None:
        now = self._now()
        versions = self._past.setdefault(id_, [])
        while len(versions) > 1 and versions[1][0] < now - _KEPT:
            del versions[0]
        versions.append((now, value))


def _last(versions: list[tuple[datetime, T | None]], moment: datetime) -> T | None:
    """Give the newest value that is not younger than a moment."""
    return next((value for since, value in reversed(versions) if since <= moment), None)

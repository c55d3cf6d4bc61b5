"""Endpoints that outlive their object for a moment: the successor of a pod may come. Pure."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from addons.dns.model.endpoint import Endpoint


class Holds:
    """The endpoints that are held, by name, each until a time on the caller's clock, in seconds."""

    def __init__(self) -> None:
        self._held: dict[str, dict[Endpoint, float]] = {}

    def update(
        self, name: str, endpoints: Sequence[Endpoint], gone: Iterable[Endpoint], now: float
    ) -> tuple[Endpoint, ...]:
        """The endpoints to a name after `gone` have gone, with what is held; `endpoints` has no held ones.

        An endpoint is held only while nobody asks for the same record set: its successor stands alone.
        """
        asked = {endpoint.set_identifier for endpoint in endpoints}
        held = self._held.pop(name, {})
        for endpoint in gone:
            if endpoint.hold_seconds and not endpoint.is_pending:
                held[replace(endpoint, keeps=True, hold_seconds=0)] = now + endpoint.hold_seconds
        if kept := {
            endpoint: until for endpoint, until in held.items() if endpoint.set_identifier not in asked
        }:
            self._held[name] = kept
        return (*endpoints, *kept)

    def held(self, name: str) -> frozenset[Endpoint]:
        """What is held of a name."""
        return frozenset(self._held.get(name, ()))

    def release(self, now: float) -> dict[str, set[Endpoint]]:
        """End what was to be held until now or earlier; what that was, by name."""
        ended = {name: held for name, held in self._held.items() if min(held.values()) <= now}
        for name, held in ended.items():
            if rest := {endpoint: until for endpoint, until in held.items() if until > now}:
                self._held[name] = rest
            else:
                del self._held[name]
        return {
            name: {endpoint for endpoint, until in held.items() if until <= now}
            for name, held in ended.items()
        }

    @property
    def next_release(self) -> float:
        """The earliest time at which something ends; infinite when nothing is held."""
        return min((until for held in self._held.values() for until in held.values()), default=float("inf"))

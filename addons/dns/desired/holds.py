"""Claims that outlive their object for a moment: a name stays while the successor of a pod may come. Pure."""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from addons.dns.model.claims import Claim


class Holds:
    """The claims that are held, by name, each until a time on the caller's clock, in seconds."""

    def __init__(self) -> None:
        self._held: dict[str, dict[Claim, float]] = {}

    def update(
        self, name: str, claims: Sequence[Claim], gone: Iterable[Claim], now: float
    ) -> tuple[Claim, ...]:
        """The claims to a name after `gone` have gone, with what is held of them; `claims` has no held ones.

        A claim is held only while nobody asks for the same record set: its successor stands alone.
        """
        asked = {claim.set_identifier for claim in claims}
        held = self._held.pop(name, {})
        for claim in gone:
            if claim.hold_seconds and not claim.is_pending:
                held[replace(claim, keeps=True, hold_seconds=0)] = now + claim.hold_seconds
        if kept := {claim: until for claim, until in held.items() if claim.set_identifier not in asked}:
            self._held[name] = kept
        return (*claims, *kept)

    def held(self, name: str) -> frozenset[Claim]:
        """What is held of a name."""
        return frozenset(self._held.get(name, ()))

    def release(self, now: float) -> dict[str, set[Claim]]:
        """End what was to be held until now or earlier; what that was, by name."""
        ended = {name: held for name, held in self._held.items() if min(held.values()) <= now}
        for name, held in ended.items():
            if rest := {claim: until for claim, until in held.items() if until > now}:
                self._held[name] = rest
            else:
                del self._held[name]
        return {
            name: {claim for claim, until in held.items() if until <= now} for name, held in ended.items()
        }

    @property
    def next_release(self) -> float:
        """The earliest time at which something ends; infinite when nothing is held."""
        return min((until for held in self._held.values() for until in held.values()), default=float("inf"))

"""What is raised for a wish that cannot be carried out as it is written, and how it is told. Pure."""

from collections.abc import Iterable
from typing import TypeVar

from addons.albingress import names
from addons.albingress.desired.asked import Asked, Invalid
from addons.runtime.outcomes import ObjectRef, Problem

T = TypeVar("T")

_MOST_PLACES = 3
_LONGEST_SHOWN = 60


class NotUsable(ValueError):
    """Something in an object that cannot be used.

    The message names the thing and the fix, for the owner of the object `ref`; without one it is the Ingress
    that is read. An empty message is told elsewhere. `shown` is what clients may read instead, in the body
    of a placeholder: no names of objects. What `is_gone` was there before and may come again.
    """

    def __init__(
        self,
        message: str,
        *,
        shown: str = "its settings are not valid",
        reason: str = names.BROKEN_RULE,
        ref: ObjectRef | None = None,
        is_gone: bool = False,
    ) -> None:
        super().__init__(message)
        self.shown = shown
        self.reason = reason
        self.ref = ref
        self.is_gone = is_gone


def usable(asked: Asked[T], default: T) -> T:
    """What is asked for, or the default where nothing is; raises NotUsable."""
    return default if asked is None else readable(asked)


def readable(asked: T | Invalid) -> T:
    """What is asked for; raises NotUsable."""
    if isinstance(asked, Invalid):
        message = f"{asked.where}: {asked.fault}" if asked.fault else ""
        raise NotUsable(message, reason=asked.reason, ref=asked.ref)
    return asked


class Faults:
    """The faults of one group while it is read: each is told once, with all the places that it costs."""

    def __init__(self) -> None:
        self._places: dict[tuple[ObjectRef, str, str, str], dict[str, None]] = {}
        self._told: list[Problem] = []

    def tell(self, problems: Iterable[Problem]) -> None:
        """Note problems that are in words already."""
        self._told += problems

    def add(self, ref: ObjectRef, reason: str, message: str, *, effect: str, place: str) -> None:
        """Note that a fault costs a place, such as a path, and what becomes of that place."""
        if message:
            self._places.setdefault((ref, reason, message, effect), {})[place] = None

    def note(self, fault: NotUsable, ref: ObjectRef, *, effect: str, place: str) -> None:
        """Note a fault in what the Ingress `ref` asks for.

        Where the guilty object is another one, the Ingress is told as well: its rules are not as asked for.
        """
        self.add(fault.ref or ref, fault.reason, str(fault), effect=effect, place=place)
        if fault.ref not in (None, ref):
            self.add(ref, names.BROKEN_BACKEND, f"{fault.ref}: {fault}", effect=effect, place=place)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All of them, sorted."""
        found = {
            Problem(ref, reason, f"{message}; {effect}: {_listed(list(places))}")
            for (ref, reason, message, effect), places in self._places.items()
        }
        return tuple(sorted({*found, *self._told}))


def _shortened(text: str) -> str:
    """The text, cut where it is too long for a message."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _listed(places: list[str]) -> str:
    shown = ", ".join(_shortened(place) for place in places[:_MOST_PLACES])
    more = len(places) - _MOST_PLACES
    return f"{shown} and {more} more" if more > 0 else shown

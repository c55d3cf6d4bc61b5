"""The three states of a wish, and the settings that are asked for by annotation. Pure.

A wish is asked for, by a value; it is not asked for, which is None; or it is asked for in a way that cannot
be used now, which is `Invalid`. Only the second one gives anything up.
"""

from collections.abc import Callable
from typing import Generic, Literal, TypeAlias, TypeVar

from msgspec import Struct

from addons.albingress import names
from addons.albingress.desired.annotation_values import Unreadable
from addons.runtime.objects import KubeObject, ref
from addons.runtime.outcomes import ObjectRef, Problem

T = TypeVar("T")
Tco = TypeVar("Tco", covariant=True)


class Invalid(Struct, frozen=True):
    """What is asked for cannot be used now: `where` in the object `ref` has this fault.

    Without a fault it is told elsewhere why nobody can know what is asked for.
    """

    ref: ObjectRef
    where: str
    fault: str
    reason: str = names.INVALID_ANNOTATION

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The fault, for the one who wrote it."""
        return (Problem(self.ref, self.reason, f"{self.where}: {self.fault}"),) if self.fault else ()


Asked: TypeAlias = T | Invalid | None
"""What somebody asks for: a value, nothing, or something that cannot be used now."""


class Setting(Struct, Generic[Tco], frozen=True):
    """An annotation: its name behind our prefix, how its text is read, what it does, and where it may stand.

    On `both` that of the Service wins. With `is_family` the name goes on with a dot and something of the
    user's: a backend, a port. `reason` is that of the problem where it cannot be read.
    """

    key: str
    parse: Callable[[str], Tco]
    about: str
    place: Literal["ingress", "both"] = "ingress"
    is_family: bool = False
    reason: str = names.INVALID_ANNOTATION

    def name(self, suffix: str = "") -> str:
        """The annotation in full; `suffix` is what follows the dot."""
        return f"{names.PREFIX}{self.key}{'.' if suffix else ''}{suffix}"

    def asked_by(self, *objects: KubeObject, suffix: str = "") -> Asked[Tco]:
        """What the first of the objects that has the annotation asks for.

        A list or a map without anything in it asks for nothing.
        """
        for obj in objects:
            written = obj.metadata.annotations.get(self.name(suffix))
            if written is not None:
                return self._read(written, obj, suffix)
        return None

    def _read(self, written: str, obj: KubeObject, suffix: str) -> Asked[Tco]:
        try:
            value = self.parse(written)
        except Unreadable as fault:
            return Invalid(ref(obj), f"annotation {self.name(suffix)}", str(fault), self.reason)
        return None if value == () else value

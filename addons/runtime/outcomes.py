"""The values in which a daemon tells what happened: problem, skip, outcome, and what is blocked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct

from addons.runtime.errors import OutsideError

Action = TypeVar("Action")


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """Names one Kubernetes object, for messages, decisions and Events."""

    kind: str
    namespace: str
    name: str
    uid: str = field(default="", compare=False)
    api_version: str = field(default="v1", compare=False)

    def __str__(self) -> str:
        parts = (self.kind.lower(), self.namespace, self.name)
        return "/".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A fault in somebody's object. It costs that object only, never its neighbours."""

    ref: ObjectRef
    reason: str
    message: str


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Something around a daemon that keeps it from its work.

    `about` names it: a zone, a Lease. `reason` is the code of the other side, AccessDenied for instance.
    """

    side: Literal["aws", "kubernetes"]
    about: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True, order=True)
class Skip:
    """A decision not to act, with the reason in words, and the time of the next try where there is one."""

    key: str
    ref: ObjectRef | None
    reason: str
    message: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Action]):
    """The result of one action."""

    action: Action
    error: OutsideError | None = None

    @property
    def ok(self) -> bool:
        """True when the action was carried out."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why a key is not to be tried again for `seconds` more, and how often it failed in a row."""

    seconds: float
    message: str
    failures: int


class PlanLine(Struct, frozen=True):
    """One decision as `--dry-run` prints it; `details` is data for JSON."""

    key: str
    action: str
    object: str
    because: str
    details: Mapping[str, Any] = {}
